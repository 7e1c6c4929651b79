"""find.exe and findstr.exe on standard input: exit code 0 if a line was found, 1 if none was."""

from __future__ import annotations

import re

from .cmd_shell import Result

_UNDERSTOOD = frozenset("bcegilnrvx")


def find(arguments: list[str], stdin: str) -> Result:
    """``find [/v] [/c] [/i] "text"``."""
    switches = {item.lower() for item in arguments if item.startswith("/")}
    texts = [item for item in arguments if not item.startswith("/")]
    if len(texts) != 1 or not switches <= {"/v", "/c", "/i", "/n"}:
        return Result(2, "", "FIND: Parameter format not correct\r\n")
    return _result(_matching(stdin, re.escape(texts[0]), "/i" in switches, "/v" in switches), "/c" in switches)


def findstr(arguments: list[str], stdin: str) -> Result:
    """``findstr [/b] [/e] [/x] [/i] [/v] [/l | /r] [/c:"text" | words]``: lines that one of the patterns is in."""
    flags: set[str] = set()
    patterns: list[str] = []
    for item in arguments:
        if item.lower().startswith(("/c:", "/g:")):
            patterns.append(item[3:])
        elif item.startswith("/"):
            flags |= set(item[1:].lower())
        elif not patterns:
            patterns += item.split()
        else:
            return Result(1, "", f"FINDSTR: Cannot open {item}\r\n")
    if not patterns or not flags <= _UNDERSTOOD:
        return Result(2, "", "FINDSTR: Bad command line\r\n")
    # Without /l or /r the first pattern decides: a special character makes them regular expressions.
    literal = "l" in flags or ("r" not in flags and not re.search(r"(?<!\\)[.*^$\[]", patterns[0]))
    alternatives = [_literal(text) if literal else _regex(text) for text in patterns]
    if "b" in flags or "x" in flags:
        alternatives = [f"^(?:{text})" for text in alternatives]
    if "e" in flags or "x" in flags:
        alternatives = [f"(?:{text})$" for text in alternatives]
    return _result(_matching(stdin, "|".join(alternatives), "i" in flags, "v" in flags), count=False)


def _matching(stdin: str, pattern: str, ignore_case: bool, inverted: bool) -> list[str]:
    compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    return [line for line in stdin.splitlines() if (compiled.search(line) is not None) != inverted]


def _result(lines: list[str], count: bool) -> Result:
    output = f"{len(lines)}\r\n" if count else "".join(f"{line}\r\n" for line in lines)
    return Result(0 if lines else 1, output)


def _literal(text: str) -> str:
    """Literal text, in which a backslash stands before a backslash or a quote."""
    return re.escape(re.sub(r'\\([\\"])', r"\1", text))


def _regex(text: str) -> str:
    """findstr's expressions (. * ^ $ [class] \\< \\> \\x) as Python's."""
    out, position = "", 0
    while position < len(text):
        char, following = text[position], text[position + 1 : position + 2]
        if char == "\\" and following:
            out += r"\b" if following in "<>" else re.escape(following)
            position += 2
            continue
        if char == "[" and "]" in text[position + 2 :]:
            end = text.index("]", position + 2)
            negated = text[position + 1] == "^"
            inner = text[position + 2 if negated else position + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out += f"[{'^' if negated else ''}{inner}]"
            position = end + 1
            continue
        anchors = (char == "^" and not position) or (char == "$" and position == len(text) - 1)
        out += char if char in ".*" or anchors else re.escape(char)
        position += 1
    return out
