"""The language of cmd.exe: one line into a tree. Pure; cmd_shell.py runs it.

Known are commands with redirections, ``&``, ``&&``, ``||``, ``|``, parentheses, carets, ``if`` with ``else``, and
``for`` in its forms plain, /l and /f. From how cmd.exe is documented and known to behave: ``&`` binds least, then
``||``, then ``&&``, then ``|``; the body of ``if`` and ``for`` reaches to the end of the line or of the parentheses
around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

DELIMITERS = " \t,;=\x0b\x0c\xff"
_COMPARISONS = ("equ", "neq", "lss", "leq", "gtr", "geq")
# A character that a caret has made ordinary stands in this private area until the text is used.
_ESCAPED = 0xE000


class CmdSyntaxError(Exception):
    """cmd.exe would say: ... was unexpected at this time. Nothing of the line runs."""


@dataclass
class Redirection:
    """``handle`` 0, 1 or 2; ``target`` a file name or, for ``2>&1``, ``&1``."""

    handle: int
    operator: str
    target: str


@dataclass
class Simple:
    text: str
    redirections: list[Redirection] = field(default_factory=list)


@dataclass
class Block:
    body: Node
    redirections: list[Redirection] = field(default_factory=list)


@dataclass
class Pair:
    operator: str
    left: Node
    right: Node


@dataclass
class If:
    """``kind`` is errorlevel, defined, exist (operand ``left``), == or one of EQU NEQ LSS LEQ GTR GEQ in lower case."""

    negated: bool
    ignore_case: bool
    kind: str
    left: str
    right: str
    body: Node
    otherwise: Node | None


@dataclass
class For:
    """``switch`` is "", /l or /f; ``options`` is the quoted word behind /f; ``items`` what stands in parentheses."""

    switch: str
    options: str
    variable: str
    items: str
    body: Node


Node: TypeAlias = Simple | Block | Pair | If | For


def plain(text: str) -> str:
    """Text with the characters that carets have made ordinary."""
    return "".join(chr(ord(char) - _ESCAPED) if _ESCAPED <= ord(char) < _ESCAPED + 256 else char for char in text)


def walk_quoted(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each character with its position and whether it stands inside double quotes (the quotes themselves do not)."""
    quoted = False
    for position, char in enumerate(text):
        if char == '"':
            quoted = not quoted
            yield position, char, False
        else:
            yield position, char, quoted


class _Parser:
    """Recursive descent over one line; ``_depth`` counts open parentheses."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0
        self._depth = 0

    def parse(self) -> Node | None:
        self._skip(DELIMITERS)
        if self._done():
            return None
        node = self._sequence()
        self._skip(" \t")
        if not self._done():
            raise CmdSyntaxError(f"{self._rest()[0]} was unexpected at this time.")
        return node

    def _done(self) -> bool:
        return self._at >= len(self._line)

    def _rest(self) -> str:
        return self._line[self._at :]

    def _skip(self, characters: str) -> None:
        while not self._done() and self._line[self._at] in characters:
            self._at += 1

    def _sees(self, text: str) -> bool:
        return self._rest()[: len(text)].lower() == text

    def _takes(self, text: str) -> bool:
        if not self._sees(text):
            return False
        self._at += len(text)
        return True

    def _takes_word(self, word: str) -> bool:
        """Take ``word`` if it stands here as a word of its own."""
        following = self._rest()[len(word) : len(word) + 1]
        if not self._sees(word) or (following and following not in DELIMITERS + "()/&|<>"):
            return False
        self._at += len(word)
        return True

    # Operators, the one that binds least first

    def _sequence(self) -> Node:
        node = self._alternative()
        while True:
            self._skip(" \t")
            if self._sees("&&") or not self._takes("&"):
                return node
            self._skip(DELIMITERS)
            if self._done() or (self._depth and self._sees(")")):
                return node  # a command may end in &
            node = Pair("&", node, self._alternative())

    def _alternative(self) -> Node:
        node = self._conjunction()
        while self._operator("||"):
            node = Pair("||", node, self._conjunction())
        return node

    def _conjunction(self) -> Node:
        node = self._pipe()
        while self._operator("&&"):
            node = Pair("&&", node, self._pipe())
        return node

    def _pipe(self) -> Node:
        node = self._command()
        while True:
            self._skip(" \t")
            if self._sees("||") or not self._takes("|"):
                return node
            node = Pair("|", node, self._command())

    def _operator(self, text: str) -> bool:
        self._skip(" \t")
        return self._takes(text)

    # One command

    def _command(self) -> Node:
        self._skip(DELIMITERS)
        while self._takes("@"):
            self._skip(DELIMITERS)
        if self._done() or self._rest()[0] in "&|" or (self._depth and self._sees(")")):
            raise CmdSyntaxError(f"{self._rest()[:2]} was unexpected at this time.")
        if self._takes("("):
            return self._block()
        if self._takes_word("if"):
            return self._if()
        if self._takes_word("for"):
            return self._for()
        return self._simple()

    def _block(self) -> Node:
        self._depth += 1
        self._skip(DELIMITERS)
        body = self._sequence()
        self._skip(DELIMITERS)
        if not self._takes(")"):
            raise CmdSyntaxError("a parenthesis is not closed")
        self._depth -= 1
        block = Block(body)
        self._skip(" \t")
        while (redirection := self._redirection()) is not None:
            block.redirections.append(redirection)
            self._skip(" \t")
        return block

    def _redirection(self) -> Redirection | None:
        """A redirection that starts here, if one does."""
        start, handle = self._at, None
        if self._rest()[:1].isdigit() and self._rest()[1:2] in ("<", ">"):
            handle = int(self._rest()[0])
            self._at += 1
        for operator in (">>", ">", "<"):
            if self._takes(operator):
                break
        else:
            self._at = start
            return None
        if self._takes("&"):
            target = "&" + self._rest()[:1]
            self._at += 1
        else:
            self._skip(DELIMITERS)
            target = self._word(DELIMITERS + "&|<>()")
        if target in ("", "&"):
            raise CmdSyntaxError("a redirection has no target")
        return Redirection(handle if handle is not None else (0 if operator == "<" else 1), operator[0], target)

    def _word(self, ends: str) -> str:
        """Characters up to one of ``ends`` outside quotes; a caret makes the next one ordinary."""
        word, quoted = "", False
        while not self._done():
            char = self._line[self._at]
            if char == "^" and not quoted:
                word += self._escaped()
                continue
            if char == '"':
                quoted = not quoted
            elif not quoted and char in ends:
                break
            word += char
            self._at += 1
        return word

    def _escaped(self) -> str:
        following = self._line[self._at + 1 : self._at + 2]
        self._at += 2
        return chr(ord(following) + _ESCAPED) if following and ord(following) < 256 else following

    def _simple(self) -> Simple:
        command = Simple("")
        quoted = False
        while not self._done():
            char = self._line[self._at]
            if char == '"':
                quoted = not quoted
            elif not quoted:
                if char == "^":
                    command.text += self._escaped()
                    continue
                if char in "&|" or (char == ")" and self._depth):
                    break
                # A digit is a handle only where a word begins.
                begins = not command.text or command.text[-1] in DELIMITERS
                if char in "<>" or (char.isdigit() and begins):
                    redirection = self._redirection()
                    if redirection is not None:
                        command.redirections.append(redirection)
                        continue
            command.text += char
            self._at += 1
        return command

    # if and for

    def _if(self) -> If:
        ignore_case = negated = False
        while True:
            self._skip(DELIMITERS)
            if self._takes_word("/i"):
                ignore_case = True
            elif self._takes_word("not"):
                negated = not negated
            else:
                break
        kind, left, right = self._condition()
        body = self._sequence()
        otherwise = None
        self._skip(" \t")
        if _ends_in_block(body) and self._takes_word("else"):
            otherwise = self._sequence()
        return If(negated, ignore_case, kind, left, right, body, otherwise)

    def _condition(self) -> tuple[str, str, str]:
        for kind in ("errorlevel", "defined", "exist"):
            if self._takes_word(kind):
                self._skip(DELIMITERS)
                operand = self._word(DELIMITERS)
                if kind == "errorlevel" and not re.fullmatch(r"-?\d+", operand):
                    raise CmdSyntaxError(f"{operand} was unexpected at this time.")
                return kind, operand, ""
        left = self._word(DELIMITERS)
        self._skip(" \t")
        kind = "==" if self._takes("==") else next((word for word in _COMPARISONS if self._takes_word(word)), "")
        self._skip(DELIMITERS)
        right = self._word(DELIMITERS + "(") if kind else ""
        if not kind or not left or not right:
            raise CmdSyntaxError(f"{right or left} was unexpected at this time.")
        return kind, left, right

    def _for(self) -> For:
        self._skip(DELIMITERS)
        switch = next((word for word in ("/f", "/l") if self._takes_word(word)), "")
        self._skip(DELIMITERS)
        options = self._word(DELIMITERS).strip('"') if switch == "/f" and self._sees('"') else ""
        self._skip(DELIMITERS)
        variable = self._word(DELIMITERS)
        self._skip(DELIMITERS)
        if len(variable) != 2 or variable[0] != "%" or not self._takes_word("in"):
            raise CmdSyntaxError(f"{variable} was unexpected at this time.")
        self._skip(DELIMITERS)
        if not self._takes("("):
            raise CmdSyntaxError("for needs parentheses")
        items = self._word(")")
        self._takes(")")
        self._skip(DELIMITERS)
        if not self._takes_word("do"):
            raise CmdSyntaxError("for needs do")
        return For(switch, options, variable[1], items, self._sequence())


def _ends_in_block(node: Node) -> bool:
    """``else`` counts only behind a closing parenthesis; elsewhere it is an argument."""
    if isinstance(node, Pair):
        return _ends_in_block(node.right)
    return isinstance(node, Block)


def parse_line(line: str) -> Node | None:
    """The tree of a line whose %variables% are expanded; None if it is empty. CmdSyntaxError where cmd.exe gives up."""
    return _Parser(line).parse()
