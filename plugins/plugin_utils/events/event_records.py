# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the records of event channels, page by page, and remembers how far it came in each.

There are two ways in. A pull subscription starts no process on the host; whatever becomes of the reading, it is given
up at the end, and one whose answer was lost ends by itself. Where the host refuses it, `wevtutil qe` is run, one
process for a page of a channel. Both run the same filter on the host, so the second goes on where the first stopped.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..core.errors import AccessDenied, HostError, HostFault, HostUnreachable
from ..core.text import one_line
from ..tables.events import EVENTS
from ..winrm.session import Session
from ..winrm.transports import CommandResult
from ..wsman.eventing import PullEvents, Subscribe, Subscription, Unsubscribe
from .channel_configuration import ERROR_ACCESS_DENIED, ERROR_EVT_CHANNEL_NOT_FOUND, WEVTUTIL
from .event_query import Position, query_list, xpath
from .event_xml import EventRecord, read_event, read_events

MAX_PAGES = 2_000
"""Answers that one reading takes from a host. A subscription's hold some 300 events."""

QUERY_PAGE = 1_000
"""Events that one wevtutil prints at most: about a megabyte."""

EXPIRES = 600.0
"""Seconds after which the host forgets a subscription that nobody gave up."""

_HEARTBEAT = 5.0
_WAIT = 2 * _HEARTBEAT
# What a name that lost characters on its way holds: the codec's mark for what it could not read, and the sign that a
# code page puts in place of what it does not have. No server, client or user may have either in its name.
_LOST = ("\ufffd", "?")


class Way(StrEnum):
    """How records are read."""

    SUBSCRIPTION = "subscription"
    WEVTUTIL = "wevtutil"


@dataclass
class ChannelCoverage:
    """The events of one channel that were read: their number, and the times of the oldest and the newest."""

    events: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def add(self, time: datetime | None) -> None:
        self.events += 1
        if time is not None:
            self.oldest = min(self.oldest or time, time)
            self.newest = max(self.newest or time, time)


class EventReader:
    """One reading of some channels of a host.

    wanted: channel to the ids to look for in it. since: a time, or an age by the clock of the host. positions: where
    an earlier reading came to, by channel; it goes on from there. way: None tries both.

    After (and while) reading: way: the one that was taken, None if nothing had to be read. refused: why the
    subscription was not used. positions: how far it came. pages, events: how many there were. unreadable: events that
    were no XML. capped: the caps that ended it, `max_events` or `max_pages`. failed: channels that could not be read,
    with the reason, None if the host does not have them.
    first_records: what wevtutil printed of the oldest record of each channel, if with_first_records asks for it.
    coverage: what was read of each channel. undecodable: text came in an unknown code page. left_behind:
    the host did not confirm that the subscription is gone; it forgets it after EXPIRES.
    """

    def __init__(
        self,
        session: Session,
        wanted: Mapping[str, Sequence[int]],
        *,
        since: datetime | timedelta | None = None,
        positions: Mapping[str, Position] | None = None,
        way: Way | None = None,
        max_events: int | None = None,
        max_pages: int | None = MAX_PAGES,
        with_first_records: bool = False,
    ) -> None:
        self._session = session
        self._wanted = wanted
        self._since = since
        self._asked = way
        self._max_events = max_events
        self._max_pages = max_pages
        self._channels = {channel.lower(): channel for channel in wanted}
        self.positions = {name: position for name, position in (positions or {}).items() if name in wanted}
        self.way: Way | None = None
        self.refused: str | None = None
        self.pages = 0
        self.events = 0
        self.unreadable = 0
        self.capped: list[str] = []
        self.failed: dict[str, str | None] = {}
        self.undecodable = False
        self.coverage = {channel: ChannelCoverage() for channel in wanted}
        self.left_behind = False
        self._with_first_records = with_first_records
        self.first_records: dict[str, str] = {}

    def batches(self, *, follow: bool = False) -> Generator[list[EventRecord], None, None]:
        """The records, in batches; each channel's oldest first. Close the iterator (`contextlib.closing`) to stop.

        follow: go on for ever; a batch is empty where nothing came for a while. With wevtutil an empty one comes at
        once, and it is for the caller to wait. Raises HostError; what the subscription did is tried by wevtutil first.
        """
        if not self._wanted:
            return
        if self._asked is not Way.WEVTUTIL and self.refused is None:
            try:
                yield from self._subscribed(follow)
            except HostUnreachable:
                raise
            except HostError as error:
                if self._asked is Way.SUBSCRIPTION:
                    raise
                self.refused = one_line(str(error), 500)
            else:
                return
        self.way = Way.WEVTUTIL
        yield from self._queried()
        while follow:
            yield []
            yield from self._queried()

    def check(self) -> None:
        """Raise HostError if the host has channels to read, and not one could be read."""
        reasons = [reason for reason in self.failed.values() if reason is not None]
        if reasons and len(self.failed) == len(self._wanted):
            raise HostError(reasons[0])

    # By subscription

    def _subscribed(self, follow: bool) -> Iterator[list[EventRecord]]:
        while True:
            subscription = self._session.call(Subscribe(query_list(self._filters()), EXPIRES, _HEARTBEAT))
            self.way = Way.SUBSCRIPTION
            try:
                yield from self._pulled(subscription, follow)
            finally:
                self._give_up(subscription)
            if not follow or self.capped:
                return

    def _pulled(self, subscription: Subscription, follow: bool) -> Iterator[list[EventRecord]]:
        """Until there is nothing more (or, with follow, until the host ends it)."""
        context = subscription.context
        if context is None:
            raise HostError("The host took the subscription and gave no context to pull with.")
        pulled = False
        while context is not None and self._may_go_on():
            try:
                page = self._session.call(PullEvents(context, _WAIT))
            except HostFault as error:
                # Some services answer a Pull that waited in vain so. The context stays good.
                if error.kind != "timed_out":
                    if follow and pulled:
                        return
                    raise
                if not follow:
                    return
                yield []
                continue
            pulled = True
            context = page.context
            if page.events:
                self.pages += 1
                yield self._taken(read_event(each) for each in page.events)
            elif not follow:
                return
            else:
                yield []
            if page.end:
                return

    def _give_up(self, subscription: Subscription) -> None:
        """Twice if the first request, or its answer, was lost. Nothing of it hides how the reading went."""
        lost = False
        for _attempt in range(2):
            try:
                self._session.call(Unsubscribe(subscription.identifier))
            except HostFault:
                # After a lost answer: the host has carried it out and does not know the subscription any more.
                if lost:
                    return
            except HostError:
                lost = True
            else:
                return
        self.left_behind = True

    # By wevtutil

    def _queried(self) -> Iterator[list[EventRecord]]:
        """A page of every channel in turn, until all are at their ends."""
        waiting = [channel for channel in self._wanted if channel not in self.failed]
        while waiting and self._may_go_on():
            results = self._run(waiting)
            for channel, result in zip(tuple(waiting), results, strict=True):
                if not self._may_go_on():
                    return
                before = self.positions.get(channel)
                if result.exit_code != 0:
                    self.failed[channel] = _why_not(channel, result)
                    waiting.remove(channel)
                    continue
                page = list(read_events(result.stdout))
                if page:
                    self.pages += 1
                    yield self._taken(page)
                if len(page) < QUERY_PAGE or self.capped:
                    waiting.remove(channel)
                elif self.positions.get(channel) == before:
                    self.failed[channel] = "its events have no record ids or times: only the first page was read"
                    waiting.remove(channel)

    def _run(self, channels: Sequence[str]) -> Sequence[CommandResult]:
        """A page of each channel. The first time in the same shell as the first records, if these are asked for."""
        pages = [self._command(channel) for channel in channels]
        firsts = [(WEVTUTIL, "qe", channel, "/f:xml", "/c:1", "/rd:false") for channel in channels]
        results = self._session.run([*pages, *(firsts if self._with_first_records else ())])
        for channel, result in zip(channels, results[len(pages) :], strict=False):
            if result.exit_code == 0:
                self.first_records[channel] = result.stdout
        self._with_first_records = False
        return results[: len(pages)]

    def _command(self, channel: str) -> tuple[str, ...]:
        """The quotes keep cmd.exe, which the service runs it with, from seeing the signs of comparison."""
        query = self._filters()[channel]
        return (WEVTUTIL, "qe", channel, f'"/q:{query}"', "/f:xml", f"/c:{QUERY_PAGE}", "/rd:false")

    # Both

    def _filters(self) -> dict[str, str]:
        return {channel: xpath(ids, self._since, self.positions.get(channel)) for channel, ids in self._wanted.items()}

    def _may_go_on(self) -> bool:
        if self._max_pages is not None and self.pages >= self._max_pages and "max_pages" not in self.capped:
            self.capped.append("max_pages")
        return not self.capped

    def _taken(self, found: Iterator[EventRecord | None] | Sequence[EventRecord | None]) -> list[EventRecord]:
        """The events that this reading is for, up to the cap."""
        taken: list[EventRecord] = []
        for record in found:
            if self._max_events is not None and self.events >= self._max_events:
                self.capped.append("max_events")
                break
            if record is None:
                self.unreadable += 1
                continue
            channel = self._channels.get(record.channel.lower())
            if channel is not None and record.record_id is not None and record.time is not None:
                known = self.positions.get(channel)
                position = known.after(record.record_id, record.time) if known else None
                self.positions[channel] = position or Position(record.record_id, record.time)
            if _is_ours(record):
                self.undecodable = self.undecodable or _has_lost_characters(record)
                if channel is not None:
                    self.coverage[channel].add(record.time)
                self.events += 1
                taken.append(record)
        return taken


def _is_ours(record: EventRecord) -> bool:
    row = EVENTS.get(record.id)
    return row is not None and record.provider.lower() in ("", row.provider.lower())


def _has_lost_characters(record: EventRecord) -> bool:
    names = (value for field, value in record.fields.items() if field.endswith("Name"))
    return any(sign in name for name in names for sign in _LOST)


def _why_not(channel: str, result: CommandResult) -> str | None:
    if result.exit_code == ERROR_EVT_CHANNEL_NOT_FOUND:
        return None
    if result.exit_code == ERROR_ACCESS_DENIED:
        return str(AccessDenied(f"reading the event channel {channel}"))
    return f"wevtutil ended with {result.exit_code}: {one_line(result.stderr or result.stdout, 200)}"
