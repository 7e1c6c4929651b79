# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bookmarks and `since`, as people and inventories write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.options import read_since
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_query import Position
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.guest_events import as_bookmark, read_bookmark
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import CLIENT_SECURITY

WHEN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
        ("2026-03-02T12:00:00Z", WHEN),
        ("2026-03-02T12:00:00", WHEN),
        ("2026-03-02 13:00+01:00", WHEN),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_since(written: str, meant: datetime | timedelta) -> None:
    assert read_since(written) == meant


@pytest.mark.parametrize("written", ["yesterday", "0m", "-1h", "7", "7 d", "2026-13-01", "1700000000.5"])
def test_since_says_what_it_takes(written: str) -> None:
    with pytest.raises(RequestError, match="neither an age such as 30m"):
        read_since(written)


def test_a_bookmark_reads_back() -> None:
    positions = {CLIENT_SECURITY: Position(42, WHEN + timedelta(microseconds=1))}
    assert read_bookmark(json.loads(json.dumps(as_bookmark(positions)))) == positions


@pytest.mark.parametrize(
    "entry",
    [
        {"record_id": "42", "time": "2026-03-02T12:00:00Z"},
        {"record_id": 42, "time": WHEN},
        {"record_id": 42, "time": WHEN.astimezone(timezone(timedelta(hours=9)))},
        {"record_id": 42, "time": "2026-03-02 12:00:00"},
    ],
)
def test_what_yaml_and_templates_make_of_a_bookmark(entry: Any) -> None:
    assert read_bookmark({CLIENT_SECURITY.upper(): entry}) == {CLIENT_SECURITY: Position(42, WHEN)}


@pytest.mark.parametrize(
    "bookmark",
    [
        {CLIENT_SECURITY: 42},
        {CLIENT_SECURITY: None},
        {CLIENT_SECURITY: {"record_id": 42}},
        {CLIENT_SECURITY: {"record_id": "many", "time": "2026-03-02T12:00:00Z"}},
        {CLIENT_SECURITY: {"record_id": -1, "time": "2026-03-02T12:00:00Z"}},
        {CLIENT_SECURITY: {"record_id": 1, "time": "then"}},
        {"System": {"record_id": 1, "time": "2026-03-02T12:00:00Z"}},
        {5: {"record_id": 1, "time": "2026-03-02T12:00:00Z"}},
    ],
)
def test_anything_else_is_an_error(bookmark: Any) -> None:
    with pytest.raises(RequestError, match="bookmark"):
        read_bookmark(bookmark)
