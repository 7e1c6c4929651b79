"""A part of the PowerShell language: text into statements. Pure; powershell.py runs them.

Known are assignments, if/elseif/else, foreach, try/catch/finally, exit, throw, pipelines of commands, and expressions
of strings, numbers, variables, members, arrays, comparisons and -and, -or, -not. Everything else is a ParseError:
nothing of the text runs then, as with PowerShell itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

COMPARISONS = ("-eq", "-ne", "-gt", "-ge", "-lt", "-le", "-match", "-notmatch", "-contains", "-notcontains")
_LOGICAL = ("-and", "-or")
_OPERATORS = frozenset((*COMPARISONS, *_LOGICAL, "-not"))
_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+|`\r?\n)|(?P<end>;|\r?\n)|(?P<comment>\#[^\n]*)|(?P<single>'(?:[^']|'')*')"""
    r"""|(?P<double>"(?:[^"`]|`.|"")*")|(?P<variable>\$(?:[A-Za-z_]\w*|\?))"""
    r"""|(?P<number>0x[0-9a-fA-F]+\b|\d+\b)|(?P<parameter>-[A-Za-z]\w*:?)"""
    r"""|(?P<sign>[{}()|,.=!+@\[\]])|(?P<word>[A-Za-z_*&][^\s;|(){},'"$=]*)"""
)


class ParseError(Exception):
    """The text is not PowerShell, or not the part of it that is known here."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    spaced: bool
    """Whether white space stands in front of it."""


# Expressions


@dataclass
class Literal:
    value: Any


@dataclass
class Expandable:
    """A string in double quotes."""

    text: str


@dataclass
class Variable:
    name: str


@dataclass
class Member:
    """``owner.name``, or a call of it with ``arguments``."""

    owner: Expression
    name: str
    arguments: list[Expression] | None = None


@dataclass
class Array:
    items: list[Expression]


@dataclass
class Operation:
    """``operator`` with one operand (-not) or two."""

    operator: str
    operands: list[Expression]


@dataclass
class Nested:
    """A pipeline in parentheses."""

    statement: Statement


# Statements


@dataclass
class Command:
    """``parameters`` by lower-case name; a switch has None. ``arguments`` are those without a name."""

    name: str
    parameters: dict[str, Expression | None] = field(default_factory=dict)
    arguments: list[Expression] = field(default_factory=list)


@dataclass
class Pipeline:
    parts: list[Command | Expression]


@dataclass
class Assignment:
    name: str
    value: Statement


@dataclass
class If:
    branches: list[tuple[Statement, list[Statement]]]
    otherwise: list[Statement]


@dataclass
class ForEach:
    name: str
    items: Statement
    body: list[Statement]


@dataclass
class Try:
    body: list[Statement]
    catch: list[Statement] | None
    lastly: list[Statement]


@dataclass
class Leave:
    """exit or throw."""

    keyword: str
    value: Statement | None


Expression: TypeAlias = Literal | Expandable | Variable | Member | Array | Operation | Nested
Statement: TypeAlias = Pipeline | Assignment | If | ForEach | Try | Leave


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    position, spaced = 0, True
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or not match[0]:
            raise ParseError(f"unexpected: {text[position : position + 20]}")
        position = match.end()
        kind = str(match.lastgroup)
        if kind in ("blank", "comment"):
            spaced = True
            continue
        found.append(Token(kind, match[0], spaced))
        spaced = kind == "end"
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def _peek(self, offset: int = 0) -> Token:
        at = self._at + offset
        return self._tokens[at] if at < len(self._tokens) else Token("nothing", "", True)

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _takes(self, text: str) -> bool:
        if self._peek().kind in ("single", "double") or self._peek().text.lower() != text:
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise ParseError(f"{text} is missing at {self._peek().text!r}")

    def script(self) -> list[Statement]:
        statements = self._statements()
        if self._peek().kind != "nothing":
            raise ParseError(f"unexpected: {self._peek().text}")
        return statements

    def _skip_ends(self) -> None:
        while self._peek().kind == "end":
            self._at += 1

    def _statements(self) -> list[Statement]:
        statements: list[Statement] = []
        self._skip_ends()
        while self._peek().kind != "nothing" and self._peek().text != "}":
            statement = self._statement()
            statements.append(statement)
            follows = self._peek()
            blocks = isinstance(statement, (If, ForEach, Try))
            if follows.kind not in ("end", "nothing") and follows.text != "}" and not blocks:
                raise ParseError(f"unexpected: {follows.text}")
            self._skip_ends()
        return statements

    def _block(self) -> list[Statement]:
        self._skip_ends()
        self._expect("{")
        statements = self._statements()
        self._expect("}")
        return statements

    def _statement(self) -> Statement:
        word = self._peek().text.lower() if self._peek().kind == "word" else ""
        handlers: dict[str, Callable[[], Statement]] = {"if": self._if, "foreach": self._foreach, "try": self._try}
        handler = handlers.get(word)
        if handler is not None:
            self._at += 1
            return handler()
        if word in ("exit", "throw"):
            self._at += 1
            bare = self._peek().kind in ("end", "nothing") or self._peek().text == "}"
            return Leave(word, None if bare else self._pipeline())
        if self._peek().kind == "variable" and self._peek(1).text == "=":
            name = self._next().text[1:].lower()
            self._at += 1
            return Assignment(name, self._statement())
        return self._pipeline()

    def _if(self) -> If:
        branches = [self._branch()]
        while self._after_ends("elseif"):
            branches.append(self._branch())
        return If(branches, self._block() if self._after_ends("else") else [])

    def _branch(self) -> tuple[Statement, list[Statement]]:
        self._expect("(")
        condition = self._pipeline()
        self._expect(")")
        return condition, self._block()

    def _after_ends(self, word: str) -> bool:
        """Take ``word`` if it comes next, line breaks aside."""
        at = self._at
        while self._peek().kind == "end" and self._peek().text != ";":
            self._at += 1
        if self._takes(word):
            return True
        self._at = at
        return False

    def _foreach(self) -> ForEach:
        self._expect("(")
        variable = self._next()
        if variable.kind != "variable":
            raise ParseError("foreach has no variable")
        self._expect("in")
        items = self._pipeline()
        self._expect(")")
        return ForEach(variable.text[1:].lower(), items, self._block())

    def _try(self) -> Try:
        body = self._block()
        catch = self._block() if self._after_ends("catch") else None
        lastly = self._block() if self._after_ends("finally") else []
        if catch is None and not lastly:
            raise ParseError("try has neither catch nor finally")
        return Try(body, catch, lastly)

    def _pipeline(self) -> Pipeline:
        parts: list[Command | Expression] = [self._part()]
        while self._takes("|"):
            self._skip_ends()
            parts.append(self._part())
        return Pipeline(parts)

    def _part(self) -> Command | Expression:
        return self._command() if self._peek().kind == "word" else self._or()

    # Commands

    def _command(self) -> Command:
        command = Command(self._next().text.lower())
        if command.name == "&":
            raise ParseError("the call operator is not known here")
        while self._peek().kind not in ("end", "nothing") and self._peek().text not in ("|", "}", ")"):
            token = self._peek()
            if token.kind != "parameter":
                command.arguments.append(self._argument())
                continue
            self._at += 1
            name = token.text[1:].rstrip(":").lower()
            follows = self._peek()
            ends = follows.kind in ("end", "nothing", "parameter") or follows.text in ("|", "}", ")")
            command.parameters[name] = None if ends and not token.text.endswith(":") else self._argument()
        return command

    def _argument(self) -> Expression:
        items = [self._value()]
        while self._takes(","):
            items.append(self._value())
        return items[0] if len(items) == 1 else Array(items)

    def _value(self) -> Expression:
        if self._peek().kind == "word":
            return Literal(self._next().text)
        return self._primary()

    # Expressions, the operator that binds least first

    def _or(self) -> Expression:
        left = self._comparison()
        while self._peek().text.lower() in _LOGICAL:
            operator = self._next().text.lower()
            left = Operation(operator, [left, self._comparison()])
        return left

    def _comparison(self) -> Expression:
        left = self._sum()
        while self._peek().text.lower() in COMPARISONS:
            operator = self._next().text.lower()
            left = Operation(operator, [left, self._sum()])
        return left

    def _sum(self) -> Expression:
        left = self._list()
        while self._takes("+"):
            left = Operation("+", [left, self._list()])
        return left

    def _list(self) -> Expression:
        items = [self._unary()]
        while self._takes(","):
            items.append(self._unary())
        return items[0] if len(items) == 1 else Array(items)

    def _unary(self) -> Expression:
        if self._takes("-not") or self._takes("!"):
            return Operation("-not", [self._unary()])
        return self._primary()

    def _primary(self) -> Expression:
        token = self._next()
        expression: Expression
        if token.kind == "single":
            expression = Literal(token.text[1:-1].replace("''", "'"))
        elif token.kind == "double":
            expression = Expandable(token.text[1:-1].replace('""', '"'))
        elif token.kind == "number":
            expression = Literal(int(token.text, 0))
        elif token.kind == "variable":
            expression = Variable(token.text[1:].lower())
        elif token.text == "(":
            expression = Nested(self._statement())
            self._expect(")")
        elif token.text == "@" and self._takes("("):
            expression = Array([])
            while not self._takes(")"):
                self._skip_ends()
                expression.items.append(self._unary())
                self._takes(",")
                self._skip_ends()
        else:
            raise ParseError(f"unexpected: {token.text}")
        return self._members(expression)

    def _members(self, owner: Expression) -> Expression:
        while self._peek().text == "." and not self._peek().spaced:
            self._at += 1
            # A word may hold further members: a.b.c
            for name in self._next().text.split("."):
                owner = Member(owner, name.lower())
            if self._peek().text == "(" and not self._peek().spaced and isinstance(owner, Member):
                self._at += 1
                owner.arguments = []
                while not self._takes(")"):
                    owner.arguments.append(self._unary())
                    self._takes(",")
        return owner


def parse_script(text: str) -> list[Statement]:
    """The statements of a script; ParseError if it is not one."""
    return _Parser(text).script()
