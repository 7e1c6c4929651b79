# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far back the log of a channel reaches: the time of its oldest record, whatever that record is about.

A log of limited size overwrites its oldest records, and an administrator can clear it. "No event" then means only "none
since the log begins". A host delivers the records of one channel in their order, so the first that it delivers tells.

One subscription asks for every record of all channels. Which of them comes first is the host's choice (MS-EVEN6 says
nothing of it), so the next subscription leaves out those whose first record came: three requests find at least one
channel's beginning, and an empty answer says that all logs that are left hold nothing.

Where the host refuses subscriptions, wevtutil prints the first record in the shell in which it prints the events. So a
host that takes subscriptions starts no process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from ..core.errors import HostError, HostFault, HostUnreachable
from ..winrm.session import Session
from ..wsman.eventing import PullEvents, Subscribe, Unsubscribe
from .event_query import query_list
from .event_xml import EventRecord, read_event, read_events

T = TypeVar("T")
_EVERYTHING = "*"
_EXPIRES = 60.0
# Empty logs deliver nothing until the first heartbeat, so that one is short.
_HEARTBEAT = 1.0
_WAIT = 5.0
# Small logs begin within so many records; of a large one all but the first are carried for nothing.
_RECORDS = 50


@dataclass(frozen=True)
class LogBegin:
    """Where a log begins.

    Args:
        known: Whether the host reported it.
        oldest: Time of the oldest record; None with `known` where the log holds no record.
    """

    known: bool = False
    oldest: datetime | None = None

    @property
    def is_empty(self) -> bool | None:
        """Whether the log holds no record; None where that is not known."""
        return self.oldest is None if self.known else None


def read_log_begins(session: Session, channels: Collection[str]) -> dict[str, LogBegin]:
    """Where the log of each channel begins: three requests where all are empty, at most three for each channel.

    Channels are left out where the host does not answer. Raises HostUnreachable.
    """
    begins: dict[str, LogBegin] = {}
    while waiting := {channel.lower(): channel for channel in channels if channel not in begins}:
        page = _unless_refused(partial(_first_records, session, list(waiting.values())))
        if page is None:
            break
        first = {name: record for record in reversed(page) if (name := waiting.get(record.channel.lower()))}
        if page and not first:
            break
        begins |= {name: _begin([record]) for name, record in first.items()}
        if not page:
            begins |= dict.fromkeys(waiting.values(), LogBegin(known=True))
    return begins


def printed_begin(text: str) -> LogBegin:
    """Where a log begins whose first record wevtutil printed."""
    return _begin(read_events(text))


def _unless_refused(read: Callable[[], T]) -> T | None:
    """None where the host does not answer the question."""
    try:
        return read()
    except HostUnreachable:
        raise
    except HostError:
        return None


def _first_records(session: Session, channels: Sequence[str]) -> list[EventRecord] | None:
    """Some records, each channel's oldest first; none where all logs are empty, None where one is not readable."""
    subscription = session.call(Subscribe(query_list(dict.fromkeys(channels, _EVERYTHING)), _EXPIRES, _HEARTBEAT))
    try:
        if subscription.context is None:
            return None
        page = session.call(PullEvents(subscription.context, _WAIT, at_most=_RECORDS))
        records = [record for each in page.events if (record := read_event(each))]
        return records if len(records) == len(page.events) else None
    except HostFault as error:
        # Some services answer a Pull that waited in vain so.
        if error.kind == "timed_out":
            return []
        raise
    finally:
        # One that stays behind ends by itself.
        _unless_refused(lambda: session.call(Unsubscribe(subscription.identifier)))


def _begin(records: Iterable[EventRecord | None]) -> LogBegin:
    """By the first record; one without a time says nothing."""
    for record in records:
        oldest = record.time if record else None
        return LogBegin(known=oldest is not None, oldest=oldest)
    return LogBegin(known=True)
