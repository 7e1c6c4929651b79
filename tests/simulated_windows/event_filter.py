"""The XPath subset that the event log filters with (MS-EVEN6 2.2.15), and query lists (2.2.16).

A filter works on what an event is rendered from: System and its children, EventData with its Data elements.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

_TOKEN = re.compile(
    r"\s*(?:(?P<literal>'[^']*'|\"[^\"]*\")|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.-]*)"
    r"|(?P<sign><=|>=|!=|[=<>@/*()\[\],]))"
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class FilterError(ValueError):
    """The filter is not in the subset."""


@dataclass(frozen=True)
class Node:
    """An element; attributes are nodes as well, under ``@name``. ``inner`` makes children when they are asked for."""

    text: str = ""
    inner: Mapping[str, Callable[[], list[Node]]] = field(default_factory=dict)

    def children(self, name: str) -> list[Node]:
        """The children of that name; ``*`` are all elements."""
        if name == "*":
            return [node for key, make in self.inner.items() if not key.startswith("@") for node in make()]
        make = self.inner.get(name)
        return make() if make is not None else []


Matcher = Callable[[dict[str, Any], datetime], bool]
_Test = Callable[[Node, datetime], Any]


def _leaf(value: object) -> Callable[[], list[Node]]:
    return lambda: [Node(str(value))]


def _with_attribute(name: str, value: str) -> Callable[[], list[Node]]:
    return lambda: [Node("", {f"@{name}": _leaf(value)})]


def tree(event: dict[str, Any]) -> Node:
    """The virtual document of one event."""

    def system() -> list[Node]:
        parts = {
            "Provider": _with_attribute("Name", event["provider"]),
            "EventID": _leaf(event["id"]),
            "Version": _leaf(event["version"]),
            "Level": _leaf(event["level"]),
            "Task": _leaf(event["task"]),
            "TimeCreated": _with_attribute("SystemTime", event["time"]),
            "EventRecordID": _leaf(event["record_id"]),
            "Channel": _leaf(event["channel"]),
        }
        return [Node("", parts)]

    def data() -> list[Node]:
        return [Node(str(value), {"@Name": _leaf(name)}) for name, value in event["fields"].items()]

    def outer() -> list[Node]:
        return [Node("", {"System": system, "EventData": lambda: [Node("", {"Data": data})]})]

    return Node("", {"Event": outer})


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise FilterError(text[position:])
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent; every method returns a function of a context node and the host's time."""

    def __init__(self, text: str) -> None:
        self._rest = [*_tokens(text), ("end", "")]

    def parse(self) -> _Test:
        path = self._path()
        self._expect("end", "")
        return path

    def _peek(self, *values: str) -> bool:
        return self._rest[0][0] in ("sign", "name") and self._rest[0][1] in values

    def _take(self) -> tuple[str, str]:
        return self._rest.pop(0)

    def _expect(self, kind: str, value: str) -> None:
        if self._take() != (kind, value):
            raise FilterError(f"{value or kind} expected")

    def _or(self) -> _Test:
        parts = [self._and()]
        while self._peek("or"):
            self._take()
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda node, now: any(part(node, now) for part in parts)

    def _and(self) -> _Test:
        parts = [self._comparison()]
        while self._peek("and"):
            self._take()
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else lambda node, now: all(part(node, now) for part in parts)

    def _comparison(self) -> _Test:
        left = self._operand()
        if not self._peek(*_COMPARE):
            return left
        compare = _COMPARE[self._take()[1]]
        kind, written = self._take()
        if kind not in ("literal", "number"):
            raise FilterError("a literal or a number expected")
        wanted = _value(written.strip("'\""), number=kind == "number")
        return lambda node, now: _any_compares(left(node, now), compare, wanted)

    def _operand(self) -> _Test:
        if self._peek("("):
            self._take()
            inner = self._or()
            self._expect("sign", ")")
            return inner
        if self._peek("timediff"):
            self._take()
            self._expect("sign", "(")
            times = self._path()
            self._expect("sign", ")")
            return lambda node, now: [
                (now - _moment(found.text)) / timedelta(milliseconds=1) for found in times(node, now)
            ]
        return self._path()

    def _path(self) -> _Test:
        steps = [self._step()]
        while self._peek("/"):
            self._take()
            steps.append(self._step())

        def walk(node: Node, now: datetime) -> list[Node]:
            found = [node]
            for name, predicates in steps:
                found = [child for each in found for child in each.children(name)]
                for predicate in predicates:
                    found = [each for each in found if predicate(each, now)]
            return found

        return walk

    def _step(self) -> tuple[str, list[_Test]]:
        prefix = ""
        if self._peek("@"):
            self._take()
            prefix = "@"
        kind, name = self._take()
        if kind != "name" and (kind, name) != ("sign", "*"):
            raise FilterError("a name expected")
        predicates: list[_Test] = []
        while self._peek("["):
            self._take()
            predicates.append(self._or())
            self._expect("sign", "]")
        return prefix + name, predicates


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _value(text: str, number: bool) -> float | datetime | str:
    if number:
        return float(text)
    return _moment(text) if _TIME.fullmatch(text) else text


def _any_compares(found: Any, compare: Callable[[Any, Any], bool], wanted: float | datetime | str) -> bool:
    for each in found:
        text = each.text if isinstance(each, Node) else each
        try:
            if isinstance(wanted, float):
                given: Any = float(text)
            else:
                given = _moment(text) if isinstance(wanted, datetime) else text
            if compare(given, wanted):
                return True
        except (TypeError, ValueError):
            continue
    return False


def compile_filter(text: str) -> Matcher:
    """Whether an event matches an XPath, at the host's time; FilterError if it is not in the subset."""
    test = _Parser(text).parse()
    return lambda event, now: bool(test(tree(event), now))


def read_query_list(document: ET.Element) -> Iterator[tuple[str, Matcher]]:
    """(channel, matcher) of every Select of a QueryList element; FilterError for what is none."""
    if document.tag.rpartition("}")[2] != "QueryList" or not len(document):
        raise FilterError("no QueryList")
    for query in document:
        for select in query:
            path = select.get("Path") or query.get("Path") or ""
            if select.tag.rpartition("}")[2] != "Select" or not path:
                raise FilterError("a Select with a Path expected")
            yield path, compile_filter(select.text or "")
