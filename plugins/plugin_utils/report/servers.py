# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB servers that the fleet met or that were probed, one row each: who uses them, since when, day by day. Pure.

One logon writes event 31022 and, with the audit on, 31997 as well: `allowed_logons` counts it once, for each host,
server and day, and every total of the report is a sum of that. Windows before 24H2 writes neither. A host of it shows
only while it is connected, and only as a possible guest: unprotected, on a host that allows insecure guest logons.

Spellings of one server (case, a trailing dot, a share) are one row. Different names are one row only where the probe
of one of them confirmed it; what a server states about itself is not verified, so the row lists its aliases.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .exceptions import Accepted
from .host_posture import GuestState, HostPosture, Row
from .server_names import ServerNames

# Kinds of events, as tables/events.py has them.
REFUSED, ALLOWED, AUDITED = "guest_refused", "guest_allowed", "guest_audited"
KINDS = (ALLOWED, REFUSED, AUDITED, "without_signing", "without_encryption")
MAX_USERS = 20
DAY = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)


UNNAMED = "not named"
"""The name of the row for events that name no server."""


def _logons_counted_once(counts: Mapping[str, int]) -> int:
    return max(counts.get(ALLOWED, 0), counts.get(AUDITED, 0))


def allowed_logons(row: Row) -> tuple[dict[str, int], int]:
    """The insecure guest logons that one host was allowed at one server: by day, and those of no day that is known.

    Args:
        row: of `servers`, with the counts of all events and those of each day.
    """
    days = {its["day"]: _logons_counted_once(its["counts"]) for its in row["days"] if DAY.fullmatch(its["day"] or "")}
    dated = {kind: sum(its["counts"].get(kind, 0) for its in row["days"]) for kind in (ALLOWED, AUDITED)}
    return days, _logons_counted_once({kind: row["counts"].get(kind, 0) - dated[kind] for kind in dated})


def refused_logons(counts: Mapping[str, int]) -> int:
    return counts.get(REFUSED, 0)


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """Every kind of KINDS, and whatever else was counted."""
    return dict.fromkeys(KINDS, 0) | {kind: number for kind, number in counts.items() if number}


@dataclass
class ObservedServer:
    """One SMB server, as all hosts together saw it. The sets are names of hosts."""

    name: str
    named: bool = True
    is_ip_address: bool = False
    aliases: set[str] = field(default_factory=set)
    logons_allowed: int = 0
    probe: Row | None = None
    clients: set[str] = field(default_factory=set)
    allowed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    connected: set[str] = field(default_factory=set)
    guests_now: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    empty_user: bool = False
    seen: list[str] = field(default_factory=list)
    days: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def guest(self) -> bool:
        """Whether anybody was, or tried to be, a guest there."""
        return bool(self.allowed or self.refused or self.guests_now)

    def take(self, host: str, row: Row) -> None:
        """What the events of one host say of it."""
        counts = row["counts"]
        self.is_ip_address |= row["is_ip_address"] is True
        self.empty_user |= row["empty_user"] is True
        self.clients.add(host)
        allowed_by_day, undated = allowed_logons(row)
        logons = sum(allowed_by_day.values()) + undated
        self.logons_allowed += logons
        if logons:
            self.allowed.add(host)
        if refused_logons(counts):
            self.refused.add(host)
        self.counts.update(counts)
        self.users.update(filter(None, row["users"]))
        self.seen += filter(None, (row["first_seen"], row["last_seen"]))
        for its in row["days"]:
            if not DAY.fullmatch(its["day"] or ""):
                continue
            allowed, refused = allowed_by_day[its["day"]], refused_logons(its["counts"])
            counter = self.days.setdefault(its["day"], Counter())
            counter.update(allowed=allowed, refused=refused, clients=int(bool(allowed or refused)))

    def take_connection(self, host: HostPosture, row: Row) -> None:
        """One connection that a host has to it now."""
        self.clients.add(host.name)
        self.connected.add(host.name)
        if row["guest"] is True:
            self.guests_now.add(host.name)
        elif row["guest"] is None and row["unprotected"] and host.guest_state is GuestState.ALLOWED:
            self.possible.add(host.name)

    def as_row(self, accepted: Iterable[Accepted]) -> dict[str, Any]:
        """The shape of the document."""
        names = (self.name, *self.aliases) if self.named else ()
        exception = next((item for item in accepted if any(map(item.covers_server, names))), None)
        return {
            "name": self.name,
            "named": self.named,
            "aliases": sorted(self.aliases - {self.name}),
            "is_ip_address": self.is_ip_address,
            "guest": self.guest,
            "clients": sorted(self.clients),
            "guest_clients": sorted(self.allowed | self.refused | self.guests_now),
            "allowed_clients": sorted(self.allowed | self.guests_now),
            "refused_clients": sorted(self.refused),
            "connected_clients": sorted(self.connected),
            "possible_clients": sorted(self.possible - self.allowed - self.guests_now),
            "logons_allowed": self.logons_allowed,
            "logons_refused": refused_logons(self.counts),
            "counts": counted(self.counts),
            "users": sorted(self.users)[:MAX_USERS],
            "users_left_out": max(0, len(self.users) - MAX_USERS),
            "empty_user": self.empty_user,
            "first_seen": min(self.seen, default=None),
            "last_seen": max(self.seen, default=None),
            "days": [{"day": day, **_day(counter)} for day, counter in sorted(self.days.items())],
            "probe": {"verdict": self.probe["verdict"], "advice": self.probe["advice"]} if self.probe else None,
            "accepted": exception.reason if exception else None,
        }


def _day(counter: Counter[str]) -> dict[str, int]:
    return {key: counter[key] for key in ("clients", "allowed", "refused")}


def server_rows(
    hosts: Sequence[HostPosture], accepted: Sequence[Accepted], probes: Sequence[Row], now: datetime
) -> list[dict[str, Any]]:
    """Every server by number of guest clients, then of clients. probes: rows of server_info."""
    machines = ServerNames(probes)
    servers: dict[str, ObservedServer] = {}

    def of(name: str) -> ObservedServer:
        shown = name.lstrip("\\")
        server = servers.setdefault(machines.key(shown), ObservedServer(shown))
        server.aliases.add(shown)
        return server

    unnamed = ObservedServer(UNNAMED, named=False)
    for host in hosts:
        for row in host.servers:
            of(row["name"] or "").take(host.name, row)
        for row in host.connections:
            if row["server"]:
                of(row["server"]).take_connection(host, row)
        if any(host.unnamed_server["counts"].values()):
            unnamed.take(host.name, host.unnamed_server)
    for probe in probes:
        name = probe["server"] or probe["host"]
        if name:
            server = of(name)
            server.probe = server.probe or probe
    standing = [item for item in accepted if item.valid(now)]
    found = [*servers.values(), *([unnamed] if unnamed.clients else [])]
    rows = [server.as_row(standing) for server in found]
    return sorted(
        rows,
        key=lambda row: (
            -len(row["guest_clients"]),
            -len(row["possible_clients"]),
            -len(row["clients"]),
            str(row["name"]).casefold(),
        ),
    )
