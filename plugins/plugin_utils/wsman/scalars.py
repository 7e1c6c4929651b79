# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of one scalar CIM value: Python value to text, text to Python value.

Reading is wider than writing, because servers differ: booleans come in any letter case, dates with 0 to 7 and more
digits of fraction, with Z, with an offset or without one, or as a DMTF string (yyyymmddHHMMSS.ffffff+uuu); intervals
as ISO durations or DMTF strings (ddddddddHHMMSS.ffffff:000).
"""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .cim import INTEGER_RANGES, CimType, CimValue
from .errors import LocalProtocolError, RemoteProtocolError, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_REAL = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?")
_REAL_WORDS = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NAN": math.nan}
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


def encode(kind: CimType, value: CimValue) -> str:
    """Write a value as text of type `kind`. Raises LocalProtocolError when it does not fit. Not for OCTETS."""
    try:
        return _ENCODERS[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        # The value itself may be a secret: name only what kind of thing it is.
        raise LocalProtocolError(f"a Python {type(value).__name__} of this value is not a CIM {kind.value}") from error


def decode(kind: CimType, text: str) -> bool | int | float | str | datetime | timedelta:
    """Read text of type `kind`. Raises RemoteProtocolError (`bad_value`) when it is none. Not for OCTETS."""
    if kind is CimType.STRING:
        return text
    try:
        return _DECODERS[kind](text.strip())
    except (KeyError, ValueError, OverflowError) as error:
        raise RemoteProtocolError("bad_value", f"the answer holds {shorten(text)} as a CIM {kind.value}") from error


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


def _encode_real(layout: str) -> Callable[[CimValue], str]:
    def encode_it(value: CimValue) -> str:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError
        (rounded,) = struct.unpack(layout, struct.pack(layout, float(value)))
        if math.isnan(rounded):
            return "NaN"
        if math.isinf(rounded):
            return "INF" if rounded > 0 else "-INF"
        return repr(rounded)

    return encode_it


def _encode_string(value: CimValue) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _encode_datetime(value: CimValue) -> str:
    if isinstance(value, timedelta):
        if value < timedelta(0):
            raise ValueError
        minutes, seconds = divmod(value.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"P{value.days}DT{hours}H{minutes}M{seconds}.{value.microseconds:06}S"
    if not isinstance(value, datetime):
        raise TypeError
    if value.utcoffset() is None:
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


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


def _decode_real(text: str) -> float:
    if _REAL.fullmatch(text):
        return float(text)
    return _REAL_WORDS[text.upper()]


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
    CimType.REAL32: _encode_real("<f"),
    CimType.REAL64: _encode_real("<d"),
    CimType.STRING: _encode_string,
    CimType.DATETIME: _encode_datetime,
}

_DECODERS: Mapping[CimType, Callable[[str], bool | int | float | datetime | timedelta]] = {
    CimType.BOOLEAN: _decode_boolean,
    **{kind: _decode_integer(kind) for kind in INTEGER_RANGES},
    CimType.REAL32: _decode_real,
    CimType.REAL64: _decode_real,
    CimType.DATETIME: _decode_datetime,
}
