# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB events of a host as sums, small enough to keep for thousands of hosts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..core.gathered_facts import GatheredFacts
from ..tables.events import EVENTS
from ..winrm.session import Session
from .event_records import Way
from .event_summary import utc
from .guest_events import read_guest_events


def gather_events(session: Session, *, since: datetime | timedelta, max_events: int, way: Way | None) -> GatheredFacts:
    """`{servers, clients, events}`: a row for each peer, and how the events were read. Raises HostError.

    Args:
        session: of the host.
        since: a time, or an age by the clock of the host.
        max_events: the most that are read.
        way: None tries both.
    """
    found = read_guest_events(session, sorted(EVENTS), since=since, way=way, max_events=max_events)
    rows = found.as_dict()
    start = since if isinstance(since, datetime) else datetime.now(UTC).replace(microsecond=0) - since
    facts = {
        "servers": rows["servers"],
        "clients": rows["clients"],
        "events": {"since": utc(start), "read": rows["read"], "channels": rows["channels"]},
    }
    return GatheredFacts(facts, tuple(found.warnings()))
