"""The part of WQL that management clients send: SELECT columns FROM class WHERE comparisons joined by AND or OR."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from .cim import Instance

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>-?\d+)|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<operator><=|>=|<>|!=|=|<|>|\*|,|\(|\)))"""
)


@dataclass(frozen=True)
class Comparison:
    column: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Query:
    """``columns`` is empty for ``*``. ``where`` is an OR of ANDs; empty means every instance."""

    class_name: str
    columns: tuple[str, ...]
    where: tuple[tuple[Comparison, ...], ...]

    def matches(self, instance: Instance) -> bool:
        return not self.where or any(all(_compare(item, instance) for item in group) for group in self.where)


def _compare(item: Comparison, instance: Instance) -> bool:
    names = {prop.name.lower(): prop.name for prop in instance.cim_class.properties}
    if item.column.lower() not in names:
        raise WsmanFault("bad_query", detail=item.column)
    actual = instance.values.get(names[item.column.lower()])
    if item.operator == "is":
        return actual is None
    if item.operator == "is not":
        return actual is not None
    if actual is None:
        return False
    if not isinstance(actual, (str, int)):
        raise WsmanFault("bad_query", detail=f"{item.column} cannot be compared")
    wanted = item.value
    if isinstance(actual, str) or isinstance(wanted, str):
        actual, wanted = str(actual).lower(), str(wanted).lower()
    if item.operator == "like":
        pattern = re.escape(str(wanted)).replace("%", ".*").replace("_", ".")
        return re.fullmatch(pattern, str(actual), re.DOTALL) is not None
    results = {
        "=": actual == wanted,
        "<>": actual != wanted,
        "!=": actual != wanted,
        "<": actual < wanted,
        ">": actual > wanted,
        "<=": actual <= wanted,
        ">=": actual >= wanted,
    }
    return bool(results[item.operator])


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip().rstrip(";").rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise WsmanFault("bad_query", detail=text)
            self._tokens.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
            position = match.end()

    def _fail(self) -> WsmanFault:
        return WsmanFault("bad_query", detail=self._text)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[0] if self._tokens else ("end", "")

    def _take(self, kind: str | None = None, text: str | None = None) -> str:
        found_kind, found = self._peek()
        if found_kind == "end" or kind not in (None, found_kind) or text not in (None, found.lower()):
            raise self._fail()
        del self._tokens[0]
        return found

    def _next_is(self, text: str) -> bool:
        if self._peek()[1].lower() != text:
            return False
        del self._tokens[0]
        return True

    def parse(self) -> Query:
        self._take("word", "select")
        columns: list[str] = []
        if not self._next_is("*"):
            columns.append(self._take("word"))
            while self._next_is(","):
                columns.append(self._take("word"))
        self._take("word", "from")
        class_name = self._take("word")
        groups: list[tuple[Comparison, ...]] = []
        if self._next_is("where"):
            groups.append(self._conjunction())
            while self._next_is("or"):
                groups.append(self._conjunction())
        if self._tokens:
            raise self._fail()
        return Query(class_name, tuple(columns), tuple(groups))

    def _conjunction(self) -> tuple[Comparison, ...]:
        items = [self._comparison()]
        while self._next_is("and"):
            items.append(self._comparison())
        return tuple(items)

    def _comparison(self) -> Comparison:
        column = self._take("word")
        operator = self._take().lower()
        if operator == "is":
            if self._next_is("not"):
                operator = "is not"
            self._take("word", "null")
            return Comparison(column, operator, None)
        if operator not in ("=", "<>", "!=", "<", ">", "<=", ">=", "like"):
            raise self._fail()
        return Comparison(column, operator, self._value())

    def _value(self) -> Any:
        kind, text = self._peek()
        self._take()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return int(text)
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise self._fail()


def parse_query(text: str) -> Query:
    """Read one query; WsmanFault if it is not one."""
    return _Parser(text).parse()
