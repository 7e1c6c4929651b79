"""Answers that are small on the wire and large once they are built: what a hostile peer would send.

Each is a function of the size in bytes that it may have, so that a test can send what a client just accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import namespaces as ns

_HEAD = f'<s:Envelope xmlns:s="{ns.SOAP}"{{more}}><s:Header/><s:Body>'
_TAIL = "</s:Body></s:Envelope>"


def _filled(size: int, unit: Callable[[int], str], more: str = "", around: str = "{}") -> bytes:
    """An envelope whose body is as many units as fit; ``around`` stands about all of them."""
    head = _HEAD.format(more=more)
    before, after = around.split("{}")
    room = size - len(head) - len(before) - len(after) - len(_TAIL)
    parts: list[str] = []
    while room > 0:
        part = unit(len(parts))
        room -= len(part)
        if room >= 0:
            parts.append(part)
    return (head + before + "".join(parts) + after + _TAIL).encode()


def _long(size: int) -> str:
    return "urn:" + "x" * (size // 2)


_DECLARED = "".join(f' xmlns:a{number}="urn:x"' for number in range(400))
_DOWN = "".join(f'<a xmlns:b{number}="urn:x">' for number in range(59))

_KINDS: Mapping[str, Callable[[int], bytes]] = {
    "a long namespace for many elements": lambda size: _filled(size, lambda _n: "<l:a/>", f' xmlns:l="{_long(size)}"'),
    "a long namespace for many attributes": lambda size: _filled(
        size, lambda n: f' l:a{n:x}=""', f' xmlns:l="{_long(size)}"', "<a{}/>"
    ),
    "a namespace of some length for many names": lambda size: _filled(
        size, lambda n: f"<l:a{n:x}/>", f' xmlns:l="urn:{"x" * 900}"'
    ),
    "many attributes": lambda size: _filled(size, lambda n: f' a{n:x}=""', "", "<a{}/>"),
    "many elements": lambda size: _filled(size, lambda _n: "<a/>"),
    "many elements with attributes": lambda size: _filled(size, lambda _n: '<a b="" c="" d=""/>'),
    "many namespaces": lambda size: _filled(size, lambda n: f' xmlns:a{n:x}="urn:{n:x}"', "", "<a{}/>"),
    "many namespaces all the way down": lambda size: _filled(
        size, lambda _n: "x", "", f"<a{_DECLARED}>{_DOWN}{{}}{'</a>' * 59}</a>"
    ),
    "elements all the way down": lambda size: _filled(size, lambda _n: "<a>"),
    "wide characters": lambda size: _filled(size - 3, lambda _n: "a", "", "<a>\U0001f600{}</a>"),
}

HOSTILE_XML: Mapping[str, Callable[[int], bytes]] = {
    **_KINDS,
    "wide characters in UTF-16": lambda size: _KINDS["wide characters"](size // 2 - 1).decode().encode("utf-16"),
}
