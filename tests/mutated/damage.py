"""Damage to an answer: bytes, texts and elements, by a random number generator that a seed repeats."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

CHUNK = 500
"""How many answers one test damages."""

PIECES = (
    *(b"<", b">", b"</", b"/>", b"&", b"&#0;", b"&x;", b"]]>", b"<!--", b"<![CDATA[", b"<!DOCTYPE a>", b"<?x?>"),
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b" ", b'"', b":", b" xsi:nil='true'", b"\xe2\x80\xae", b"\xf4\x8f\xbf\xbf"),
)
TEXTS = (
    *(b"", b" ", b"0", b"-1", b"1", b"true", b"TRUE", b"9" * 30, b"4294967295", b"4294967296", b"-2147483649", b"1e9"),
    *(b"P1D", b"2026-99-99T00:00:00Z", b"2026-01-02T03:04:05.678Z", b"AAEC", b"\xd9\xa3", b"0x80041003", b"x" * 5000),
    *(b"a\x1b[31mb", b"a\xe2\x80\xaeb", b"a\xe2\x80\xa8b", b"a\xc2\x85b", b"a&#13;&#10;b", b"uuid:1", b"{}", b"[[[["),
    *(b"https://host.example/", b"..", b"\\", b"None", b"20260302120000.000000+000", b"NaN", b"5", b"2147942405"),
)
_TEXT = re.compile(rb">([^<]*)<")
_TAG = re.compile(rb"</?[A-Za-z_][^<>]*>")
_ELEMENT = re.compile(rb"<([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?>[^<]*</\1>|<[A-Za-z_][^<>]*/>")


def _bytes(chance: random.Random, data: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((0, 0, 1, 3, 30)))
    return data[:start] + chance.choice(PIECES) + data[end:]


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _flip(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _found(chance: random.Random, pattern: re.Pattern[bytes], data: bytes) -> re.Match[bytes] | None:
    """One of the pattern's places; the search starts anywhere, so that none of them is a favourite."""
    start = chance.randrange(len(data) + 1)
    return pattern.search(data, start) or pattern.search(data)


def _text(chance: random.Random, data: bytes) -> bytes:
    found = _found(chance, _TEXT, data)
    return data if found is None else data[: found.start(1)] + chance.choice(TEXTS) + data[found.end(1) :]


def _drop(chance: random.Random, data: bytes) -> bytes:
    found = _found(chance, _ELEMENT, data)
    return data if found is None else data[: found.start()] + data[found.end() :]


def _double(chance: random.Random, data: bytes) -> bytes:
    found = _found(chance, _ELEMENT, data)
    return (
        data
        if found is None
        else data[: found.end()] + found.group() * chance.choice((1, 1, 200)) + data[found.end() :]
    )


def _nil(chance: random.Random, data: bytes) -> bytes:
    found = _found(chance, _ELEMENT, data)
    if found is None or found.group(1) is None:
        return data
    nil = b'<%s xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>' % found.group(1)
    return data[: found.start()] + nil + data[found.end() :]


def _move(chance: random.Random, data: bytes) -> bytes:
    found = _found(chance, _ELEMENT, data)
    place = _found(chance, _TAG, data)
    return data if found is None or place is None else data[: place.end()] + found.group() + data[place.end() :]


def _rename(chance: random.Random, data: bytes) -> bytes:
    one, other = _found(chance, _TAG, data), _found(chance, _TAG, data)
    if one is None or other is None:
        return data
    names = [re.sub(rb"^</?|[\s/>].*$", b"", each.group(), flags=re.DOTALL) for each in (one, other)]
    return data.replace(names[0], names[1])


def _encoding(chance: random.Random, data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "cp1252")), "replace")


DAMAGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_text, _text, _text, _drop, _double, _nil, _move, _rename, _bytes, _flip, _cut),
)


def damaged(chance: random.Random, data: bytes) -> bytes:
    """The answer with one to three damages; one in fifty in another encoding."""
    for _unused in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(DAMAGES)(chance, data)
    return _encoding(chance, data) if chance.random() < 0.02 else data
