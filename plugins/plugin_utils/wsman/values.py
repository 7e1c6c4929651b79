# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elements to CIM values and back, guided by the schema: arrays, NULL, octets, dates, embedded instances.

Reading is wider than writing, because servers differ. Peers wrap the same value differently, so reading goes by local
names (in any letter case, spelt as the schema spells them), never by prefixes, counts or `xsi:type`. A property that
the schema does not know is passed over, as it comes from a newer Windows. Booleans come in any letter case, dates with
0 to 7 and more digits of fraction, with Z, with an offset or without one, or as a DMTF string
(yyyymmddHHMMSS.ffffff+uuu); intervals as ISO durations or DMTF strings (ddddddddHHMMSS.ffffff:000).

Writing follows what Microsoft's MI client sends, for the types that our methods take: no date, no instance.
"""

from __future__ import annotations

import binascii
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ..core.text import quoted
from .cim import INTEGER_RANGES, CimClass, CimInstance, CimType, CimValue, Field
from .errors import LocalProtocolError, RemoteProtocolError
from .xml import Markup, content, element, is_nil, local_name, text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_ISO_DATETIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{0,9}))?(?:(Z)|([+-])([0-9]{2}):([0-9]{2}))?",
    re.IGNORECASE,
)
_DMTF_DATETIME = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})\.([0-9]{6}|\*{6})(?:([+-])([0-9]{3})|[+-]\*{3})"
)
_ISO_INTERVAL = re.compile(
    r"P(?:0+Y)?(?:0+M)?(?:([0-9]{1,8})D)?"
    r"(?:T(?:([0-9]{1,10})H)?(?:([0-9]{1,10})M)?(?:([0-9]{1,12})(?:\.([0-9]{1,9}))?S)?)?",
    re.IGNORECASE,
)
_DMTF_INTERVAL = re.compile(r"([0-9]{8})([0-9]{2})([0-9]{2})([0-9]{2})\.([0-9]{6}|\*{6}):000")


def encode_fields(fields: Mapping[str, Field], values: Mapping[str, CimValue], *, what: str) -> list[Markup]:
    """Write values as elements `p:NAME`, in the order of the schema. Names without a value are left out.

    Args:
        fields: The schema: in-parameters of a method.
        values: Name to value.
        what: Name of the method, for errors.

    Raises:
        LocalProtocolError: A name that `fields` does not have, or a value that does not fit its type.
    """
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise LocalProtocolError(f"{what} has no {', '.join(unknown)}")
    written: list[Markup] = []
    for name, field in fields.items():
        if name in values:
            try:
                written += _encode_field(f"p:{name}", field, values[name])
            except LocalProtocolError as error:
                raise LocalProtocolError(f"{what}: {name}: {error}") from error
    return written


def _encode_field(tag: str, field: Field, value: CimValue) -> list[Markup]:
    nil = element(tag, attributes={"xsi:nil": "true"})
    if value is None:
        return [nil]
    if isinstance(field.type, CimClass):
        raise LocalProtocolError("an embedded instance is never sent")
    if field.type is CimType.OCTETS:
        if not isinstance(value, bytes):
            raise LocalProtocolError(f"a Python {type(value).__name__} is not bytes")
        return [element(tag, text(str(octet))) for octet in value] or [nil]
    if not field.array:
        return [element(tag, text(encode_scalar(field.type, value)))]
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise LocalProtocolError(f"a Python {type(value).__name__} is not a list")
    # An empty array has no element that could carry it; NULL is the nearest that XML can say.
    return [element(tag, text(encode_scalar(field.type, item))) for item in value] or [nil]


def decode_fields(fields: Mapping[str, Field], parent: Element, *, what: str) -> dict[str, CimValue]:
    """Read the children of `parent` that `fields` knows. What the peer did not send is absent, what it nulled is None.

    `what` names the method or class in errors. Raises RemoteProtocolError for a value that does not fit its type.
    """
    # CIM names have no case. The result has the spelling of the schema, whatever the peer wrote.
    spelling = {name.lower(): name for name in fields}
    found: dict[str, list[Element]] = {}
    for each in parent:
        name = spelling.get(local_name(each).lower())
        if name is not None:
            found.setdefault(name, []).append(each)
    values: dict[str, CimValue] = {}
    for name, elements in found.items():
        try:
            values[name] = _decode_field(fields[name], elements)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(error.problem, f"{what}.{name}: {error}") from error
    return values


def _decode_field(field: Field, elements: Sequence[Element]) -> CimValue:
    if len(elements) == 1 and is_nil(elements[0]):
        return None
    if field.type is CimType.OCTETS:
        return _decode_octets(elements)
    if field.array:
        # WS-Man has no element for an array: it repeats the element of the property, once for each item.
        return [None if is_nil(each) else _decode_one(field.type, each) for each in elements]
    if len(elements) > 1:
        raise RemoteProtocolError("unexpected_shape", f"the answer holds {len(elements)} values where one belongs")
    return _decode_one(field.type, elements[0])


def _decode_octets(elements: Sequence[Element]) -> bytes:
    """Octets come as one number per element, or as one base64 element (four characters or more, so never a number)."""
    single = "".join((elements[0].text or "").split())
    if len(elements) == 1 and (len(single) > 3 or not single):
        try:
            return binascii.a2b_base64(single.encode(), strict_mode=True)
        except ValueError as error:
            raise RemoteProtocolError("bad_value", f"the answer holds {quoted(single)} as base64") from error
    numbers = (decode_scalar(CimType.UINT8, _scalar_text(each)) for each in elements)
    return bytes(number for number in numbers if isinstance(number, int))


def _decode_one(kind: CimType | CimClass, found: Element) -> CimValue:
    if isinstance(kind, CimClass):
        return decode_instance(kind, found)
    if kind is CimType.DATETIME and len(found) == 1:
        # cim:Datetime, cim:Interval, or the same in no namespace
        found = found[0]
    return decode_scalar(kind, _scalar_text(found))


def _scalar_text(found: Element) -> str:
    if len(found):
        raise RemoteProtocolError("unexpected_shape", "the answer holds elements where a plain value belongs")
    return found.text or ""


def decode_instance(cls: CimClass, found: Element) -> CimInstance:
    """Read an instance of `cls` out of an element: a parameter or an enumeration item.

    The properties are those of the first element, level by level from `found` down, that has a child named like a
    property of `cls`: some peers put a further element, named after the class, in between.
    """
    if not len(found) and content(found):
        raise RemoteProtocolError("unexpected_shape", f"the answer holds text where an instance of {cls.name} belongs")
    known = {name.lower() for name in cls.properties}
    # Level by level, because a property can hold an instance of the same class further down.
    queue = deque([found])
    holder = found
    while queue:
        candidate = queue.popleft()
        if any(local_name(each).lower() in known for each in candidate):
            holder = candidate
            break
        queue.extend(candidate)
    return CimInstance(decode_fields(cls.properties, holder, what=cls.name))


def encode_scalar(kind: CimType, value: CimValue) -> str:
    """The text of a value. Raises LocalProtocolError where it does not fit, and for types that are never sent."""
    try:
        return _ENCODERS[kind](value)
    except (KeyError, TypeError, ValueError) as error:
        # The value itself may be a secret: name only what kind of thing it is.
        raise LocalProtocolError(f"a Python {type(value).__name__} of this value is not a CIM {kind.value}") from error


def decode_scalar(kind: CimType, written: str) -> bool | int | str | datetime | timedelta:
    """The value of a text. Raises RemoteProtocolError (`bad_value`) where it is none. Not for OCTETS."""
    if kind is CimType.STRING:
        return written
    try:
        return _DECODERS[kind](written.strip())
    except (KeyError, ValueError, OverflowError) as error:
        raise RemoteProtocolError("bad_value", f"the answer holds {quoted(written)} as a CIM {kind.value}") from error


def _encode_boolean(value: CimValue) -> str:
    if not isinstance(value, bool):
        raise TypeError
    return "true" if value else "false"


def _encode_integer(kind: CimType) -> Callable[[CimValue], str]:
    low, high = INTEGER_RANGES[kind]

    def encode_it(value: CimValue) -> str:
        # A bool is an int to Python only.
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError
        if not low <= value <= high:
            raise ValueError
        return str(value)

    return encode_it


def _encode_string(value: CimValue) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _decode_boolean(text: str) -> bool:
    return _BOOLEANS[text.lower()]


def _decode_integer(kind: CimType) -> Callable[[str], int]:
    low, high = INTEGER_RANGES[kind]

    def decode_it(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise ValueError
        number = int(text)
        if not low <= number <= high:
            raise ValueError
        return number

    return decode_it


def _decode_datetime(text: str) -> datetime | timedelta:
    for pattern, build in _DATETIME_FORMS:
        found = pattern.fullmatch(text)
        if found and any(character.isdigit() for character in text):  # a lone "PT" says nothing
            return build(found)
    raise ValueError


def _microseconds(digits: str | None) -> int:
    return int((digits or "").replace("*", "0")[:6].ljust(6, "0"))


def _from_iso(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    zone = None
    if found[8]:
        zone = UTC
    elif found[9]:
        zone = _offset(found[9], int(found[10]) * 60 + int(found[11]))
    return datetime(year, month, day, hour, minute, second, _microseconds(found[7]), zone)


def _from_dmtf(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    zone = _offset(found[8], int(found[9])) if found[8] else None
    return datetime(year, month, day, hour, minute, second, _microseconds(found[7]), zone)


def _offset(sign: str, minutes: int) -> timezone:
    return timezone(timedelta(minutes=-minutes if sign == "-" else minutes))


def _interval(found: re.Match[str]) -> timedelta:
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    return timedelta(days, seconds, _microseconds(found[5]), minutes=minutes, hours=hours)


_DATETIME_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], datetime | timedelta]], ...] = (
    (_ISO_DATETIME, _from_iso),
    (_DMTF_DATETIME, _from_dmtf),
    (_ISO_INTERVAL, _interval),
    (_DMTF_INTERVAL, _interval),
)

_ENCODERS: Mapping[CimType, Callable[[CimValue], str]] = {
    CimType.BOOLEAN: _encode_boolean,
    **{kind: _encode_integer(kind) for kind in INTEGER_RANGES},
    CimType.STRING: _encode_string,
}

_DECODERS: Mapping[CimType, Callable[[str], bool | int | datetime | timedelta]] = {
    CimType.BOOLEAN: _decode_boolean,
    **{kind: _decode_integer(kind) for kind in INTEGER_RANGES},
    CimType.DATETIME: _decode_datetime,
}
