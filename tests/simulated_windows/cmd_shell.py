"""cmd.exe: runs what cmd_language.py has read, as ``cmd /c`` does (not as in a batch file).

A line's %variables% are expanded once, before anything runs; an unknown one stays as it is. With delayed expansion
(/v:on) !variables! are expanded as each command runs; an unknown one becomes nothing. The sides of a pipe run in shells
of their own: a block there has no delayed expansion, and what it sets is lost. Output goes to no file but NUL.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .cmd_language import DELIMITERS, Block, CmdSyntaxError, For, If, Node, Pair, Redirection, Simple, parse_line, plain
from .file_commands import FileCommands

MAX_LINE = 8191
NOT_RECOGNIZED = 9009
_FALSE_FILE = 1
# Octal numbers are not known here: 010 is text.
_NUMBER = re.compile(r"-?(0x[0-9a-fA-F]+|0|[1-9]\d*)")


@dataclass
class Result:
    exit_code: int
    stdout: str = ""
    stderr: str = ""


RunProgram = Callable[[str, str, Mapping[str, str]], "Result | None"]
"""Run a program by its command line, standard input and environment; None if there is no such program."""


class _Exit(Exception):
    """The shell ends."""


class CmdShell:
    """One instance of cmd.exe. ``environment`` has lower-case names and is the shell's own from here on."""

    def __init__(
        self,
        run_program: RunProgram,
        environment: Mapping[str, str],
        delayed: bool,
        files: FileCommands | None = None,
    ) -> None:
        """Without ``files`` no file exists but NUL."""
        self._run_program = run_program
        self._files = files
        self._environment = dict(environment)
        self._delayed = delayed
        self._errorlevel = 0
        self._loop: dict[str, str] = {}
        self._out: list[str] = []
        self._err: list[str] = []

    def run(self, line: str) -> Result:
        """Run one line to its end, or to ``exit``."""
        if len(line) > MAX_LINE:
            return Result(1, "", "The command line is too long.\r\n")
        try:
            node = parse_line(self._percent(line))
            if node is not None:
                with contextlib.suppress(_Exit):
                    self._run(node, "")
        except CmdSyntaxError as error:
            return Result(255, "".join(self._out), f"{error}\r\n")
        # A program that is not there sets errorlevel 9009, but the shell itself ends with 1.
        code = 1 if self._errorlevel == NOT_RECOGNIZED else self._errorlevel
        return Result(code, "".join(self._out), "".join(self._err))

    # Variables

    def _value(self, name: str) -> str | None:
        lowered = name.lower()
        if lowered in self._environment:
            return self._environment[lowered]
        if lowered == "errorlevel":
            code = self._errorlevel
            return str(code - 2**32 if code >= 2**31 else code)
        return None

    def _expansion(self, reference: str) -> str | None:
        """``name``, ``name:~start,length`` or ``name:old=new``; None for an unknown name."""
        name, colon, change = reference.partition(":")
        value = self._value(name)
        if value is None or not colon:
            return value
        if match := re.fullmatch(r"~(-?\d+)(?:,(-?\d+))?", change):
            start = int(match[1]) if not match[1].startswith("-") else max(0, len(value) + int(match[1]))
            if match[2] is None:
                return value[start:]
            length = int(match[2])
            return value[start : start + length] if length >= 0 else value[start:length]
        old, equals, new = change.partition("=")
        if not old or not equals:
            return value
        return re.sub(re.escape(old), lambda _match: new, value, flags=re.IGNORECASE)

    def _percent(self, text: str) -> str:
        def expand(match: re.Match[str]) -> str:
            value = self._expansion(match[1])
            return match[0] if value is None else value

        return re.sub(r"%([^%\s][^%]*)%", expand, text)

    def _text(self, text: str, delayed: bool | None = None) -> str:
        """A command's text as it runs: variables of ``for``, then !variables! and what their carets keep."""
        for name, value in self._loop.items():
            text = text.replace(f"%~{name}", value.strip('"')).replace(f"%{name}", value)
        if (self._delayed if delayed is None else delayed) and "!" in text:
            text = re.sub(r"!([^!\s][^!]*)!", lambda match: self._expansion(match[1]) or "", text)
            text = re.sub(r"\^(.)", r"\1", text).replace("!", "")
        return plain(text)

    # Nodes: each returns the code that && and || look at

    def _run(self, node: Node, stdin: str) -> int:
        if isinstance(node, Simple):
            return self._redirected(node.redirections, lambda given: self._simple(node.text, given), stdin)
        if isinstance(node, Block):
            return self._redirected(node.redirections, lambda given: self._run(node.body, given), stdin)
        if isinstance(node, Pair):
            return self._pair(node, stdin)
        if isinstance(node, If):
            if self._holds(node) != node.negated:
                return self._run(node.body, stdin)
            return 0 if node.otherwise is None else self._run(node.otherwise, stdin)
        return self._for(node, stdin)

    def _pair(self, node: Pair, stdin: str) -> int:
        if node.operator == "|":
            left = self._side(node.left, stdin)
            right = self._side(node.right, left.stdout)
            self._err.append(left.stderr)
            self._out.append(right.stdout)
            self._err.append(right.stderr)
            self._errorlevel = right.exit_code
            return right.exit_code
        code = self._run(node.left, stdin)
        if (node.operator == "&&" and code) or (node.operator == "||" and not code):
            return code
        return self._run(node.right, stdin)

    def _side(self, node: Node, stdin: str) -> Result:
        """One side of a pipe in a shell of its own. The text of a single command is expanded by this shell."""
        shell = CmdShell(self._run_program, self._environment, delayed=False, files=self._files)
        shell._errorlevel = self._errorlevel
        shell._loop = dict(self._loop)
        if isinstance(node, Simple):
            node = replace(node, text=self._text(node.text))
        with contextlib.suppress(_Exit):
            shell._errorlevel = shell._run(node, stdin)
        return Result(shell._errorlevel, "".join(shell._out), "".join(shell._err))

    def _redirected(self, redirections: list[Redirection], run: Callable[[str], int], stdin: str) -> int:
        """Run with output thrown away or joined as ``redirections`` say; another file than NUL cannot be opened."""
        targets = {1: "out", 2: "err"}
        for item in redirections:
            name = self._text(item.target).strip('"').lower()
            if name in ("&1", "&2") and item.operator == ">":
                targets[item.handle] = targets.get(int(name[1]), "out")
            elif name == "nul":
                if item.handle == 0:
                    stdin = ""
                else:
                    targets[item.handle] = "nul"
            else:
                self._err.append("The system cannot find the path specified.\r\n")
                self._errorlevel = _FALSE_FILE
                return _FALSE_FILE
        out, err = self._out, self._err
        sinks: dict[str, list[str]] = {"out": out, "err": err, "nul": []}
        self._out, self._err = sinks[targets[1]], sinks[targets[2]]
        try:
            return run(stdin)
        finally:
            self._out, self._err = out, err

    def _holds(self, node: If) -> bool:
        left, right = self._text(node.left), self._text(node.right)
        if node.kind == "errorlevel":
            return self._errorlevel >= int(left)
        if node.kind == "defined":
            return self._value(left) is not None
        if node.kind == "exist":
            path = left.strip('"')
            return path.lower() == "nul" or (self._files is not None and self._files.exists(path))
        if node.ignore_case:
            left, right = left.lower(), right.lower()
        if node.kind == "==":
            return left == right
        numbers = [int(text, 0) for text in (left, right) if _NUMBER.fullmatch(text)]
        pair: tuple[object, object] = (numbers[0], numbers[1]) if len(numbers) == 2 else (left, right)
        less, equal = bool(pair[0] < pair[1]), pair[0] == pair[1]  # type: ignore[operator]
        return {
            "equ": equal,
            "neq": not equal,
            "lss": less,
            "leq": less or equal,
            "gtr": not less and not equal,
            "geq": not less,
        }[node.kind]

    def _for(self, node: For, stdin: str) -> int:
        code = 0
        outer = dict(self._loop)
        for values in self._iterations(node, stdin):
            self._loop = {**outer, **values}
            code = self._run(node.body, stdin)
        self._loop = outer
        return code

    def _iterations(self, node: For, stdin: str) -> list[dict[str, str]]:
        items = self._text(node.items).strip()
        if node.switch == "/l":
            given = [int(part) if _NUMBER.fullmatch(part) else 0 for part in re.split(r"[,\s]+", items)]
            start, step, end = (*given, 0, 0, 0)[:3]
            if not step:
                raise CmdSyntaxError("the simulated for /l does not run for ever")
            return [{node.variable: str(number)} for number in range(start, end + (1 if step > 0 else -1), step)]
        if not node.switch:
            return [{node.variable: item} for item in re.findall(r'"[^"]*"|[^\s,;=]+', items)]
        if not (items.startswith("'") and items.endswith("'")):
            raise CmdSyntaxError("the simulated for /f reads the output of commands only")
        shell = CmdShell(self._run_program, self._environment, delayed=False, files=self._files)
        output = shell.run(items[1:-1])
        self._err.append(output.stderr)
        rows = (_fields(node, line) for line in output.stdout.splitlines()[_skipped(node.options) :])
        return [row for row in rows if row is not None]

    # Commands

    def _simple(self, text: str, stdin: str) -> int:
        line = self._text(text).strip(DELIMITERS.replace("=", ""))
        match = re.match(r"[A-Za-z]+", line)
        word = match[0].lower() if match else ""
        rest = line[len(word) :]
        builtin = getattr(self, f"_do_{word}", None) if not rest or rest[0] in DELIMITERS + "./:[+(" else None
        if builtin is not None:
            code: int = builtin(self._text(text).lstrip(DELIMITERS)[len(word) :])
            return code
        answer = self._files.run(line) if self._files else None
        if answer is not None:
            result: Result | None = Result(answer.exit_code, answer.stdout, answer.stderr)
        else:
            result = self._run_program(line, stdin, self._environment)
        if result is None:
            result = Result(
                NOT_RECOGNIZED,
                "",
                f"'{line.split()[0] if line else ''}' is not recognized as an internal or external command,\r\n"
                "operable program or batch file.\r\n",
            )
        self._out.append(result.stdout)
        self._err.append(result.stderr)
        self._errorlevel = result.exit_code
        return result.exit_code

    def _do_echo(self, rest: str) -> int:
        if rest.strip().lower() not in ("on", "off"):
            self._out.append((rest[1:] or ("" if rest else "ECHO is on.")) + "\r\n")
        return 0

    def _do_rem(self, _rest: str) -> int:
        return 0

    _do_title = _do_color = _do_setlocal = _do_endlocal = _do_rem

    def _do_ver(self, _rest: str) -> int:
        self._out.append("\r\nMicrosoft Windows [Version 10.0]\r\n")
        return 0

    def _do_exit(self, rest: str) -> int:
        digits = re.search(r"-?\d+", rest)
        if digits:
            self._errorlevel = int(digits[0]) % 2**32
        raise _Exit

    def _do_call(self, rest: str) -> int:
        return self._simple(self._percent(rest), "")

    def _do_set(self, rest: str) -> int:
        text = rest.strip(" \t") if rest.lstrip().startswith('"') else rest.lstrip(" \t")
        if text.lower().startswith("/a"):
            return self._arithmetic(text[2:].strip().strip('"'))
        if text.startswith('"'):
            text = text[1 : text.rindex('"')] if text.count('"') > 1 else text[1:]
        name, equals, value = text.partition("=")
        if not equals:
            found = sorted(item for item in self._environment if item.startswith(name.strip().lower()))
            self._out.append("".join(f"{item}={self._environment[item]}\r\n" for item in found))
            self._errorlevel = self._errorlevel if found else 1
            return 0 if found else 1
        if value:
            self._environment[name.lower()] = value
            return 0
        if self._environment.pop(name.lower(), None) is None:
            self._errorlevel = 1
            return 1
        return 0

    def _arithmetic(self, text: str) -> int:
        """``set /a name=number`` with + and - of numbers and variables."""
        name, equals, expression = text.partition("=")
        terms = re.fullmatch(r"\s*([+-]?\s*\w+(?:\s*[+-]\s*\w+)*)\s*", expression if equals else name)
        if terms is None:
            self._err.append("Missing operator.\r\n")
            self._errorlevel = 1073750993
            return 1
        total = 0
        for sign, operand in re.findall(r"([+-]?)\s*(\w+)", terms[1]):
            value = operand if operand[0].isdigit() else self._value(operand) or "0"
            if not _NUMBER.fullmatch(value):
                self._err.append("Invalid number.\r\n")
                self._errorlevel = 1073750992
                return 1
            total += int(value, 0) * (-1 if sign == "-" else 1)
        if equals:
            self._environment[name.strip().lower()] = str(total)
        else:
            self._out.append(str(total))
        return 0


def _skipped(options: str) -> int:
    match = re.search(r"skip=(\d+)", options, re.IGNORECASE)
    return int(match[1]) if match else 0


def _fields(node: For, line: str) -> dict[str, str] | None:
    """The variables that one line gives to ``for /f``; None for a line that it passes over."""
    delimiters = re.search(r"delims=(.*)$", node.options, re.IGNORECASE)
    wanted = re.search(r"tokens=([\d,*-]+)", node.options, re.IGNORECASE)
    if not line.strip() or line.startswith(";"):
        return None
    pattern = re.escape(delimiters[1]) if delimiters else r" \t"
    numbers: list[int] = []
    for part in (wanted[1] if wanted else "1").rstrip("*").rstrip(",").split(","):
        if part:
            first, _dash, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    rest, tokens = line, []
    for _number in range(max(numbers, default=0)):
        rest = re.sub(f"^[{pattern}]+", "", rest) if pattern else rest
        token = re.match(f"[^{pattern}]*", rest) if pattern else re.match(".*", rest)
        tokens.append(token[0] if token else "")
        rest = rest[len(tokens[-1]) :]
    if numbers and not tokens[min(numbers) - 1]:
        return None
    values = [tokens[number - 1] for number in numbers]
    if wanted and wanted[1].endswith("*"):
        values.append(re.sub(f"^[{pattern}]+", "", rest) if pattern else rest)
    return {chr(ord(node.variable) + index): value for index, value in enumerate(values)}
