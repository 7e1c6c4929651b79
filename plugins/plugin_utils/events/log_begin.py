# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far back the log of a channel reaches: the time of its oldest record, whatever that record is about.

A log of limited size overwrites its oldest records, and an administrator can clear it. "No event" then means only "none
since the log begins". A host delivers the records of one channel in their order, so the first that it delivers tells.

The first record is read in the way in which the events were read: where wevtutil reads them, in the same shell. So a
host that takes subscriptions starts no process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
# An empty log delivers nothing until the first heartbeat, so that one is short.
_HEARTBEAT = 1.0
_WAIT = 5.0


@dataclass(frozen=True)
class LogBegin:
    """Where a log begins.

    Args:
        known: Whether the host reported it.
        oldest: Time of the oldest record; None with `known` where the log holds no record.
    """

    known: bool = False
    oldest: datetime | None = None


def read_log_begins(session: Session, channels: Sequence[str]) -> dict[str, LogBegin]:
    """Where the log of each channel begins, by three requests for each.

    A channel that cannot be read is not known. Raises HostUnreachable.
    """
    begins = {channel: _unless_refused(partial(_by_subscription, session, channel)) for channel in channels}
    return {channel: begin or LogBegin() for channel, begin in begins.items()}


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


def _by_subscription(session: Session, channel: str) -> LogBegin | None:
    subscription = session.call(Subscribe(query_list({channel: _EVERYTHING}), _EXPIRES, _HEARTBEAT))
    try:
        if subscription.context is None:
            return None
        page = session.call(PullEvents(subscription.context, _WAIT, at_most=1))
        return _begin(read_event(each) for each in page.events)
    except HostFault as error:
        # Some services answer a Pull that waited in vain so.
        return LogBegin(known=error.kind == "timed_out")
    finally:
        # One that stays behind ends by itself.
        _unless_refused(lambda: session.call(Unsubscribe(subscription.identifier)))


def _begin(records: Iterable[EventRecord | None]) -> LogBegin:
    """By the first record; one without a time says nothing."""
    for record in records:
        oldest = record.time if record else None
        return LogBegin(known=oldest is not None, oldest=oldest)
    return LogBegin(known=True)
