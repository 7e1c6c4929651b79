# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event XML to records. Pure, and never fails: what is missing or odd in an event is None, "" or left out.

Fields are read by their names, never by position, count or the version of the event; times are UTC, as Windows writes
them whatever its language and time zone. Sources: the event schema (namespace
http://schemas.microsoft.com/win/2004/08/events/event) as in published manifests and recorded events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from ..core.hostile_bytes import HOSTILE_BYTES
from ..core.text import one_line
from ..wsman.errors import RemoteProtocolError
from ..wsman.xml import attribute, child, content, local_name, parse

MAX_FIELDS = 32
MAX_FIELD_LENGTH = 1024
MAX_EVENT_BYTES = 128 * 1024

_UNREADABLE: tuple[type[Exception], ...] = (RemoteProtocolError, *HOSTILE_BYTES)

_START = re.compile(r"<Event[\s>]")
_END = "</Event>"
# Characters that XML 1.0 cannot carry, as they are or as references: Windows renders what a driver logged.
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
    "|&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]|[fF]{3}[eEfF]|[dD][89a-fA-F][0-9a-fA-F]{2}));"
)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)


@dataclass(frozen=True)
class EventRecord:
    """One event. time: UTC. user: the SID that wrote it. fields: EventData by name, as text on one line."""

    id: int
    provider: str = ""
    version: int | None = None
    level: int | None = None
    time: datetime | None = None
    record_id: int | None = None
    channel: str = ""
    computer: str = ""
    user: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


def read_event(event: Element) -> EventRecord | None:
    """The record in an `Event` element; None where it does not even have an id."""
    system = child(event, "System")
    number = _number(content(child(system, "EventID")))
    if number is None:
        return None
    return EventRecord(
        id=number,
        provider=_attribute(child(system, "Provider"), "Name"),
        version=_number(content(child(system, "Version"))),
        level=_number(content(child(system, "Level"))),
        time=_time_of(_attribute(child(system, "TimeCreated"), "SystemTime")),
        record_id=_number(content(child(system, "EventRecordID"))),
        channel=one_line(content(child(system, "Channel")), MAX_FIELD_LENGTH),
        computer=one_line(content(child(system, "Computer")), MAX_FIELD_LENGTH),
        user=_attribute(child(system, "Security"), "UserID") or None,
        fields=_fields(event),
    )


def read_events(rendered: str) -> Iterator[EventRecord | None]:
    """The records in text that holds `Event` elements one after the other, without a root, as wevtutil writes it.

    Each is read by itself: one that is no XML, no event, or truncated is None and hides no other.
    """
    position = 0
    while start := _START.search(rendered, position):
        end = rendered.find(_END, start.end())
        position = len(rendered) if end < 0 else end + len(_END)
        one = _ILLEGAL.sub("\ufffd", rendered[start.start() : position])
        try:
            record = read_event(parse(one.encode(), max_bytes=MAX_EVENT_BYTES))
        except _UNREADABLE:
            record = None
        yield record


def _fields(event: Element) -> dict[str, str]:
    """EventData's `<Data Name="...">`, or the leaves of UserData. Unnamed ones are numbered; a name counts once."""
    fields: dict[str, str] = {}
    data = child(event, "EventData")
    if data is not None:
        named = [(attribute(each, "Name") or f"Data{index}", each) for index, each in enumerate(data, 1)]
    else:
        user = child(event, "UserData")
        named = [(local_name(each), each) for each in user.iter() if not len(each)] if user is not None else []
    for name, each in named[:MAX_FIELDS]:
        # Not `content`: the blanks around a name belong to it until it is shown.
        fields.setdefault(one_line(name, MAX_FIELD_LENGTH), one_line("".join(each.itertext()), MAX_FIELD_LENGTH))
    return fields


def _attribute(found: Element | None, name: str) -> str:
    return "" if found is None else one_line(attribute(found, name) or "", MAX_FIELD_LENGTH)


def _number(written: str) -> int | None:
    return int(written) if _NUMBER.fullmatch(written) else None


def _time_of(written: str) -> datetime | None:
    """A SystemTime: UTC, with up to nine digits of a second. Microseconds are kept, the rest is dropped."""
    found = _TIME.fullmatch(written)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(6, "0")[:6]), tzinfo=UTC)
    except ValueError:
        return None
