# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB events of a host, read and summed up: which of them it can have at all, and what a later run goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from ..core.errors import RequestError
from ..tables.events import CHANNELS, EVENTS, GUEST_USED, channels_of
from ..windows.operating_system import CURRENT_VERSION
from ..windows.registry import Registry
from ..winrm.session import Session
from .channel_presence import Presence, channel_presence
from .connections import GuestLogons
from .event_query import Position
from .event_records import EXPIRES, ChannelCoverage, EventReader, Way
from .event_summary import Summary, utc
from .log_begin import LogBegin, printed_begin, read_log_begins

MAX_LOGONS = 20_000
MOST: Mapping[str, int] = MappingProxyType({"max_events": 1_000_000, "list_events": 10_000})
_CHANNEL_NAMES = {name.lower(): name for name in CHANNELS}


READING_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "max_events": {"type": "int", "default": 20_000},
        "way": {"type": "str", "choices": ["auto", *(way.value for way in Way)], "default": "auto"},
    }
)
"""Options of the modules that read events, as Ansible's argument spec."""


def check_limits(options: Mapping[str, Any]) -> None:
    """Check the options that bound a reading, where they are given. Raises RequestError."""
    for name, most in MOST.items():
        if not 0 <= options.get(name, 0) <= most:
            raise RequestError(f"{name} is {options[name]}: say a number from 0 to {most}.")


def read_way(word: str) -> Way | None:
    """The option `way`; None for `auto`."""
    return None if word == "auto" else Way(word)


def read_bookmark(written: Mapping[str, Any]) -> dict[str, Position]:
    """The option `bookmark`, as an earlier run returned it. Raises RequestError for anything else."""
    positions: dict[str, Position] = {}
    for name, entry in written.items():
        channel = _CHANNEL_NAMES.get(str(name).lower())
        try:
            record_id, time = int(entry["record_id"]), datetime.fromisoformat(str(entry["time"]))
        except (KeyError, TypeError, ValueError) as error:
            raise RequestError(
                f"bookmark: the entry of {name!r} is no position ({{record_id, time}}). Give the bookmark as this "
                "module returned it, or leave it out to read everything."
            ) from error
        if channel is None or record_id < 0:
            raise RequestError(f"bookmark: {name!r} is no SMB event channel, or its record_id is below 0.")
        positions[channel] = Position(record_id, time if time.tzinfo else time.replace(tzinfo=UTC))
    return positions


def as_bookmark(positions: Mapping[str, Position]) -> dict[str, dict[str, Any]]:
    """The positions as `read_bookmark` takes them."""
    return {
        channel: {"record_id": position.record_id, "time": utc(position.time)}
        for channel, position in sorted(positions.items())
    }


@dataclass
class GuestEvents:
    """What a host answered: a summary of the events, how they were read, and which channels have none."""

    summary: Summary
    reader: EventReader
    presence: Mapping[str, Presence]
    wanted: Mapping[str, Sequence[int]]
    build: int | None
    earlier: Mapping[str, Position] = field(default_factory=dict)
    begins: Mapping[str, LogBegin] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        reader = self.reader
        return {
            "events": self.summary.events(),
            "servers": self.summary.servers(),
            "clients": self.summary.clients(),
            "ids": self._ids(),
            "channels": self._channels(),
            "bookmark": as_bookmark({**self.earlier, **reader.positions}),
            "read": {
                "way": reader.way.value if reader.way else None,
                "refused": reader.refused,
                "events": reader.events,
                "pages": reader.pages,
                "unreadable": reader.unreadable,
                "omitted": self.summary.omitted(),
                "undecodable": reader.undecodable,
                "capped": list(reader.capped),
            },
        }

    def _reads(self, channel: str) -> bool:
        return self.presence[channel].available and channel not in self.reader.failed

    def _channels(self) -> list[dict[str, Any]]:
        rows = []
        for channel in self.wanted:
            failed = self.reader.failed.get(channel, "") if self.presence[channel].available else None
            rows.append(
                {
                    "name": channel,
                    "available": failed is not None,
                    "enabled": self.presence[channel].enabled,
                    "reason": "this Windows does not have it" if failed is None else failed,
                    **self._coverage(channel),
                }
            )
        return rows

    def _coverage(self, channel: str) -> dict[str, Any]:
        read = self.reader.coverage.get(channel) or ChannelCoverage()
        return {"events": read.events, "oldest": utc(read.oldest), "newest": utc(read.newest)}

    def _ids(self) -> list[dict[str, Any]]:
        """A row for each id: an event that this host cannot write is not available, which is not the same as none."""
        rows = []
        for number in sorted({number for ids in self.wanted.values() for number in ids}):
            row, count = EVENTS[number], self.summary.ids[number]
            read = any(self._reads(name) for name in row.channels if name in self.wanted)
            available = count > 0 or (read and row.is_known_to(self.build))
            rows.append(
                {"id": number, "name": row.name, "meaning": row.meaning, "available": available, "events": count}
            )
        return rows

    def warnings(self) -> list[str]:
        """What a reader of the result must know."""
        reader, remarks = self.reader, []
        if reader.capped:
            remarks.append(
                f"Only the {reader.events} oldest events were read ({', '.join(reader.capped)}). Give the bookmark of "
                "this result to the next run to go on, or raise max_events."
            )
        if self.summary.omitted():
            remarks.append(f"{self.summary.omitted()} events name more servers or clients than rows are kept for.")
        if reader.unreadable:
            remarks.append(f"{reader.unreadable} events were no XML and were left out.")
        if reader.undecodable:
            remarks.append(
                "Names in these events lost characters on the host (they hold ? or U+FFFD): letters beyond ASCII are "
                "damaged. Where wevtutil was used, way: subscription may read them whole."
            )
        if reader.left_behind:
            remarks.append(
                f"The host did not confirm the end of the subscription. It ends by itself within {EXPIRES:.0f} seconds."
            )
        for channel, reason in reader.failed.items():
            if reason is not None:
                remarks.append(f"{channel} could not be read: {reason}")
        for channel, presence in self.presence.items():
            if presence.enabled is False:
                remarks.append(f"{channel} is disabled on this host: nothing is written to it. See the module audit.")
        return remarks


def read_guest_events(
    session: Session,
    ids: Sequence[int],
    *,
    since: datetime | timedelta | None = None,
    positions: Mapping[str, Position] | None = None,
    way: Way | None = None,
    max_events: int | None = None,
    listed: int = 0,
    with_log_begins: bool = False,
    build: int | None = None,
) -> GuestEvents:
    """Read the events of these ids. Raises HostError.

    One request for the build, unless it is given, and one or two for each channel, then the reading.

    Args:
        listed: How many of the newest events are kept one by one.
        with_log_begins: Whether to find out first where the logs begin. One that holds no record is not read.
        build: Of the host's Windows, where it was read already.
    """
    registry = Registry(session)
    if build is None:
        number = registry.string(CURRENT_VERSION, "CurrentBuildNumber")
        build = int(number) if number and number.isascii() and number.isdigit() else None
    wanted = channels_of(ids)
    presence = {channel: channel_presence(registry, channel) for channel in wanted}
    there = _there(wanted, presence)
    begins = read_log_begins(session, there) if with_log_begins and way is not Way.WEVTUTIL else {}
    empty = [channel for channel, begin in begins.items() if begin.is_empty]
    reader = EventReader(
        session,
        {channel: numbers for channel, numbers in there.items() if channel not in empty},
        since=since,
        positions=positions,
        way=way,
        max_events=max_events,
        with_first_records=with_log_begins,
    )
    if empty:  # these were read, by the subscription
        reader.way = Way.SUBSCRIPTION
    summary = Summary(listed)
    with closing(reader.batches()) as batches:
        for batch in batches:
            summary.add(batch)
    if not empty:
        reader.check()
    begins = {channel: printed_begin(text) for channel, text in reader.first_records.items()} | begins
    return GuestEvents(summary, reader, presence, wanted, build, positions or {}, begins)


def guest_logons(session: Session) -> GuestLogons:
    """The guest logons of this host as a client in its event log. Raises HostError."""
    registry = Registry(session)
    wanted = channels_of(GUEST_USED)
    presence = {channel: channel_presence(registry, channel) for channel in wanted}
    reader = EventReader(session, _there(wanted, presence), max_events=MAX_LOGONS)
    logons = GuestLogons()
    with closing(reader.batches()) as batches:
        for batch in batches:
            logons.add(batch)
    reader.check()
    return logons


def _there(wanted: Mapping[str, Sequence[int]], presence: Mapping[str, Presence]) -> dict[str, Sequence[int]]:
    return {channel: numbers for channel, numbers in wanted.items() if presence[channel].available}
