# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB events of a host as they happen, for programs that react to them.

FOR INTERNAL COLLECTION USE ONLY. A position in every channel is there from the start, so that nothing is lost between
two runs, however long the second one is in coming.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any, NamedTuple

from ..core.errors import HostError
from ..tables.events import channels_of
from ..windows.computer import read_clock
from ..windows.registry import Registry
from ..winrm.session import Session
from .channel_presence import channel_presence
from .event_query import Position
from .event_records import EventReader, Way
from .event_summary import as_row
from .event_xml import EventRecord
from .guest_events import as_bookmark

# Above every record id: lets nothing through but what is younger.
_ABOVE_ALL = 2**32 - 1

# A playbook that is handed a text of a host as a variable would run what stands in braces as a template.
_NO_TEMPLATE = str.maketrans({"{": "(", "}": ")"})


class Batch(NamedTuple):
    """events: as `reaction` makes them, maybe none. bookmark: where to go on once they have been handed on. way: how
    they were read; None before anything was."""

    events: list[dict[str, Any]]
    bookmark: dict[str, dict[str, Any]]
    way: Way | None


def feed(
    session: Session,
    ids: Sequence[int],
    *,
    positions: Mapping[str, Position] | None = None,
    since: timedelta = timedelta(0),
    way: Way | None = None,
) -> Generator[Batch, None, None]:
    """Hand out events for ever; close it (`contextlib.closing`) to stop. Raises HostError.

    positions: where an earlier feed came to. since: how far back to begin in a channel without one. The first batch is
    empty and says where the feed begins. Does nothing more where the host has none of the channels.
    """
    registry = Registry(session)
    wanted = {
        channel: numbers
        for channel, numbers in channels_of(ids).items()
        if channel_presence(registry, channel).available
    }
    begin = Position(_ABOVE_ALL, read_clock(session) - since)
    known = {channel: (positions or {}).get(channel, begin) for channel in wanted}
    yield Batch([], as_bookmark(known), None)
    reader = EventReader(session, wanted, positions=known, way=way, max_pages=None)
    with closing(reader.batches(follow=True)) as batches:
        for batch in batches:
            reasons = [reason for reason in reader.failed.values() if reason is not None]
            if reasons:
                raise HostError(reasons[0])
            yield Batch([reaction(record) for record in batch], as_bookmark(reader.positions), reader.way)


def reaction(record: EventRecord) -> dict[str, Any]:
    """An event as a rulebook sees it: the row of `guest_events_info`, server and client in lower case, no braces."""
    row = as_row(record)
    for name in ("server", "client"):
        row[name] = row[name].lower() if row[name] else row[name]
    return {name: harmless(value) for name, value in row.items()}


def harmless(value: Any) -> Any:
    """The same without braces, at every depth."""
    if isinstance(value, dict):
        return {harmless(name): harmless(each) for name, each in value.items()}
    return value.translate(_NO_TEMPLATE) if isinstance(value, str) else value
