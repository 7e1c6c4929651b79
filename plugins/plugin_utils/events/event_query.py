# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The XPath filter that a host runs over a channel, and the query list of several channels. Pure.

Source: MS-EVEN6 2.2.15 and 2.2.16. A bookmark is a position in a channel, and part of the filter: so it means the same
to a subscription and to wevtutil, and never goes stale. An event is new if its record id is higher, or, as a log that
was made anew may count from 1 again, if it is younger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..wsman.xml import element, text

_MILLISECOND = timedelta(milliseconds=1)
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


@dataclass(frozen=True)
class Position:
    """The last event read of a channel: its EventRecordID and the latest TimeCreated so far (UTC)."""

    record_id: int
    time: datetime

    def after(self, record_id: int, time: datetime) -> Position:
        """The position once this event has been read, too. One of a log that counts anew sets the id back."""
        if record_id > self.record_id:
            return Position(record_id, max(time, self.time))
        return Position(record_id, time) if time > self.time else self


def xpath(ids: Iterable[int], since: datetime | timedelta | None = None, position: Position | None = None) -> str:
    """Selects the events of these ids that are new. since: a time, or an age by the clock of the host."""
    conditions = ["(" + " or ".join(f"EventID={number}" for number in ids) + ")"]
    if isinstance(since, timedelta):
        conditions.append(f"TimeCreated[timediff(@SystemTime) <= {since // _MILLISECOND}]")
    elif since is not None:
        conditions.append(f"TimeCreated[@SystemTime >= '{_system_time(since)}']")
    if position is not None:
        younger = f"TimeCreated[@SystemTime > '{_system_time(min(position.time, _LATEST) + _MILLISECOND)}']"
        conditions.append(f"(EventRecordID > {position.record_id} or {younger})")
    return f"*[System[{' and '.join(conditions)}]]"


def query_list(filters: Mapping[str, str]) -> str:
    """The QueryList of several channels: channel to its XPath."""
    queries = (
        element(
            "Query",
            element("Select", text(expression), attributes={"Path": channel}),
            attributes={"Id": str(number), "Path": channel},
        )
        for number, (channel, expression) in enumerate(filters.items())
    )
    return element("QueryList", *queries)


def _system_time(time: datetime) -> str:
    """With three digits of a second, the most that the grammar of the filter has."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
