# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that a host runs: its text, and what a second reading of the grammar lets through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_query import Position, query_list, xpath
from simulated_windows.event_filter import compile_filter, read_query_list

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def event(record_id: int, age: timedelta = timedelta(0), number: int = 31017) -> dict[str, Any]:
    return {
        "channel": "c",
        "record_id": record_id,
        "id": number,
        "version": 0,
        "provider": "p",
        "level": 2,
        "task": 0,
        "time": (NOW - age).isoformat(timespec="microseconds"),
        "fields": {},
    }


def lets_through(expression: str, *events: dict[str, Any]) -> list[int]:
    matches = compile_filter(expression)
    return [each["record_id"] for each in events if matches(each, NOW)]


def test_texts() -> None:
    assert xpath([31017]) == "*[System[(EventID=31017)]]"
    assert xpath([1, 2], timedelta(days=7)) == (
        "*[System[(EventID=1 or EventID=2) and TimeCreated[timediff(@SystemTime) <= 604800000]]]"
    )
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    assert xpath([1], berlin, Position(42, berlin)) == (
        "*[System[(EventID=1) and TimeCreated[@SystemTime >= '2026-03-02T12:00:00.000Z'] and "
        "(EventRecordID > 42 or TimeCreated[@SystemTime > '2026-03-02T12:00:00.001Z'])]]"
    )


def test_ids() -> None:
    assert lets_through(xpath([31017, 31022]), event(1), event(2, number=31022), event(3, number=31018)) == [1, 2]


@pytest.mark.parametrize("since", [timedelta(hours=1), NOW - timedelta(hours=1)])
def test_since_by_age_and_by_time(since: timedelta | datetime) -> None:
    hour = timedelta(hours=1)
    found = lets_through(xpath([31017], since), event(1), event(2, hour), event(3, hour + timedelta(milliseconds=1)))
    assert found == [1, 2]


def test_a_position_lets_through_what_is_new_and_nothing_else() -> None:
    last = event(10, timedelta(microseconds=-900))
    position = Position(10, NOW + timedelta(microseconds=900))
    events = [event(9, timedelta(1)), last, event(11), event(12, timedelta(days=1))]
    assert lets_through(xpath([31017], None, position), *events) == [11, 12]


def test_a_log_that_counts_anew_is_read_from_its_start() -> None:
    position = Position(500, NOW - timedelta(minutes=1))
    assert lets_through(xpath([31017], None, position), event(1), event(2)) == [1, 2]


def test_positions_advance() -> None:
    position = Position(5, NOW)
    assert position.after(6, NOW - timedelta(seconds=1)) == Position(6, NOW)
    assert position.after(4, NOW - timedelta(seconds=1)) == position
    assert position.after(1, NOW + timedelta(seconds=1)) == Position(1, NOW + timedelta(seconds=1))


def test_a_position_at_the_end_of_time_can_be_written() -> None:
    assert "9999-12-31" in xpath([1], None, Position(2**64, datetime.max.replace(tzinfo=UTC)))


def test_a_query_list_reads_back() -> None:
    filters = {"A/B": xpath([1], None, Position(1, NOW)), "C & D/E": xpath([2])}
    document = query_list(filters)
    assert [path for path, _matcher in read_query_list(ET.fromstring(document))] == list(filters)
    assert [each.text for each in ET.fromstring(document).iter("Select")] == list(filters.values())
