# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB events of a host as sums, small enough to keep for thousands of hosts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ..core.gathered_facts import GatheredFacts
from ..tables.events import EVENTS
from ..winrm.session import Session
from .event_records import Way
from .event_summary import utc
from .guest_events import GuestEvents, read_guest_events
from .log_begin import LogBegin

MAX_ATTEMPTS = 4
"""Readings of one host: each starts later than the one that reached the cap."""

_SHARE = 0.8
# Events come unevenly: the next window is this share of the one that held as many events as the cap allows.


def gather_events(
    session: Session, *, since: datetime | timedelta, max_events: int, way: Way | None, build: int | None = None
) -> GatheredFacts:
    """`{servers, clients, unnamed_server, events}`: a row for each peer, how the events were read, where logs begin.

    A host gives the oldest events first. Where the cap is reached, they are read again from a later time, so that a
    cap costs the oldest events and never the newest. `events.since` is the time from which everything was read.

    Args:
        session: of the host.
        since: a time, or an age by the clock of the host.
        max_events: the most that are read.
        way: None tries both.
        build: of the host's Windows, where it was read already.

    Raises HostError.
    """
    asked = since if isinstance(since, datetime) else datetime.now(UTC).replace(microsecond=0) - since
    start: datetime | timedelta = since
    found = _read(session, start, max_events, way, build, with_log_begins=True)
    begins = found.begins
    for _attempt in range(MAX_ATTEMPTS - 1):
        later = _later_start(found, asked if isinstance(start, timedelta) else start)
        if later is None:
            break
        start = later
        found = _read(session, start, max_events, way, build)
    rows = found.as_dict()
    facts = {
        "servers": rows["servers"],
        "clients": rows["clients"],
        "unnamed_server": found.summary.unnamed_server(),
        "events": {
            "asked_since": utc(asked),
            "since": utc(start if isinstance(start, datetime) else asked),
            "max_events": max_events,
            "read": rows["read"],
            "channels": [{**row, **_begin_as_row(begins.get(row["name"], LogBegin()))} for row in rows["channels"]],
        },
    }
    return GatheredFacts(facts, tuple(found.warnings()))


def _begin_as_row(begin: LogBegin) -> dict[str, Any]:
    return {"log_begins": utc(begin.oldest), "log_is_empty": begin.is_empty}


def _read(
    session: Session,
    since: datetime | timedelta,
    max_events: int,
    way: Way | None,
    build: int | None,
    *,
    with_log_begins: bool = False,
) -> GuestEvents:
    return read_guest_events(
        session,
        sorted(EVENTS),
        since=since,
        way=way,
        max_events=max_events,
        build=build,
        with_log_begins=with_log_begins,
    )


def _later_start(found: GuestEvents, start: datetime) -> datetime | None:
    """From when to read, so that the newest events fit below the cap; None where all were read or nothing shows it."""
    if not found.reader.capped or not found.reader.events:
        return None
    read = found.reader.coverage.values()
    oldest = min((each.oldest for each in read if each.oldest), default=None)
    newest = max((each.newest for each in read if each.newest), default=None)
    if oldest is None or newest is None:
        return None
    now = max(datetime.now(UTC), newest)
    window = min((newest - oldest) * _SHARE, (now - start) / 2)
    return (now - window).replace(microsecond=0)
