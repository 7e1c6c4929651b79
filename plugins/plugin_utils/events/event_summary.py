# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMB events summed up: a row for each server and each client that they name, and the newest events themselves.

Pure, and of bounded size however many events there are and whatever is in them.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..tables.events import EVENTS, LEVELS
from .event_xml import EventRecord

MAX_PEERS = 2_000
MAX_USERS = 50
MAX_DAYS = 62

_LITERAL = ".ipv6-literal.net"
_NEVER = datetime.min.replace(tzinfo=UTC)


def utc(time: datetime | None) -> str | None:
    """As results show a time: ISO 8601 in UTC, with a Z."""
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_ip_address(name: str) -> bool:
    """Whether a peer's name is an address, in any of the forms that Windows takes for one."""
    literal = name.lower().removesuffix(_LITERAL)
    if literal != name.lower():
        name = literal.replace("-", ":").replace("s", "%")
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def named(record: EventRecord, field_name: str) -> str | None:
    """The peer that a field names, without the backslashes in front (some events have them); None if there is none."""
    return (record.fields.get(field_name) or "").strip("\\").partition("\\")[0] or None


def as_row(record: EventRecord) -> dict[str, Any]:
    """What `events` lists of one event."""
    return {
        "time": utc(record.time),
        "id": record.id,
        "name": EVENTS[record.id].name,
        "level": LEVELS.get(record.level) if record.level is not None else None,
        "meaning": EVENTS[record.id].meaning,
        "server": named(record, "ServerName"),
        "client": named(record, "ClientName"),
        "user": record.fields.get("UserName"),
        "share": record.fields.get("ShareName"),
        "channel": record.channel,
        "record_id": record.record_id,
        "computer": record.computer,
        "fields": dict(record.fields),
    }


@dataclass
class _Peer:
    """What is known of one server or client."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    users: dict[str, None] = field(default_factory=dict)
    users_omitted: bool = False
    empty_user: bool = False

    def add(self, record: EventRecord) -> None:
        self.counts[EVENTS[record.id].kind] += 1
        if record.time is not None:
            self.first = min(self.first or record.time, record.time)
            self.last = max(self.last or record.time, record.time)
            self._count_day(record.time.astimezone(UTC).date().isoformat(), EVENTS[record.id].kind)
        user = record.fields.get("UserName")
        if user == "":
            self.empty_user = True
        elif user is not None and user not in self.users:
            if len(self.users) < MAX_USERS:
                self.users[user] = None
            else:
                self.users_omitted = True

    def _count_day(self, day: str, kind: str) -> None:
        self.days.setdefault(day, Counter())[kind] += 1
        if len(self.days) > MAX_DAYS:
            del self.days[min(self.days)]

    def as_row(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "is_ip_address": is_ip_address(self.name),
            "events": self.counts.total(),
            "counts": dict(sorted(self.counts.items())),
            "days": [{"day": day, "counts": dict(sorted(its.items()))} for day, its in sorted(self.days.items())],
            "first_seen": utc(self.first),
            "last_seen": utc(self.last),
            "users": sorted(self.users),
            "users_omitted": self.users_omitted,
            "empty_user": self.empty_user,
        }


class _Peers:
    """Rows by name; letter case means nothing in the names of computers.

    Names are chosen by peers, so their number has a bound: past twice MAX_PEERS the lightest rows are dropped. A peer
    with many events is therefore kept, whenever it came.
    """

    def __init__(self, field_name: str) -> None:
        self._field = field_name
        self._rows: dict[str, _Peer] = {}
        self._dropped = 0
        self._unnamed = _Peer("")

    def add(self, record: EventRecord) -> None:
        name = named(record, self._field)
        if name is None:
            if self._field in EVENTS[record.id].fields:
                self._unnamed.add(record)
            return
        row = self._rows.get(name.lower())
        if row is None:
            if len(self._rows) >= 2 * MAX_PEERS:
                self._drop_lightest()
            row = self._rows[name.lower()] = _Peer(name)
        row.add(record)

    def _heaviest_first(self) -> list[_Peer]:
        return sorted(self._rows.values(), key=lambda row: (-row.counts.total(), row.name.lower()))

    def _drop_lightest(self) -> None:
        rows = self._heaviest_first()
        self._dropped += sum(row.counts.total() for row in rows[MAX_PEERS:])
        self._rows = {row.name.lower(): row for row in rows[:MAX_PEERS]}

    @property
    def omitted(self) -> int:
        """Events of peers that have no row."""
        return self._dropped + sum(row.counts.total() for row in self._heaviest_first()[MAX_PEERS:])

    def rows(self) -> list[dict[str, Any]]:
        return [row.as_row() for row in self._heaviest_first()[:MAX_PEERS]]

    def unnamed(self) -> dict[str, Any] | None:
        """The events that should name a peer and do not; None where there is none."""
        return self._unnamed.as_row() if self._unnamed.counts else None


class Summary:
    """Sums up events one by one. listed: how many of the newest are kept as they are."""

    def __init__(self, listed: int) -> None:
        # Channels are read one after the other, so the newest are known at the end only.
        self._newest: dict[str, deque[EventRecord]] = {}
        self._listed = listed
        self._servers = _Peers("ServerName")
        self._clients = _Peers("ClientName")
        self.ids: Counter[int] = Counter()

    def add(self, records: Iterable[EventRecord]) -> None:
        for record in records:
            self.ids[record.id] += 1
            self._servers.add(record)
            self._clients.add(record)
            self._newest.setdefault(EVENTS[record.id].channel, deque(maxlen=self._listed)).append(record)

    def events(self) -> list[dict[str, Any]]:
        """The newest events, oldest first."""
        kept = [record for records in self._newest.values() for record in records]
        kept.sort(key=lambda record: (record.time or _NEVER, record.record_id or 0))
        return [as_row(record) for record in (kept[-self._listed :] if self._listed else ())]

    def servers(self) -> list[dict[str, Any]]:
        """A row for each SMB server, the one with the most events first."""
        return self._servers.rows()

    def clients(self) -> list[dict[str, Any]]:
        """A row for each SMB client that this host saw as a server."""
        return self._clients.rows()

    def unnamed_server(self) -> dict[str, Any] | None:
        """The same for the events that name no server."""
        return self._servers.unnamed()

    def omitted(self) -> int:
        """Events of servers and clients beyond the most that are kept apart."""
        return self._servers.omitted + self._clients.omitted
