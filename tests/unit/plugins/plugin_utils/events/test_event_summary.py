# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of servers and clients: counted once, named once, bounded whatever comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_summary import (
    MAX_DAYS,
    MAX_PEERS,
    MAX_USERS,
    Summary,
    is_ip_address,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_xml import EventRecord

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def record(number: int = 31022, age: int = 0, record_id: int | None = None, **fields: str) -> EventRecord:
    return EventRecord(number, time=NOW - timedelta(seconds=age), record_id=record_id, fields=fields)


def test_a_row_for_each_server_whatever_its_spelling() -> None:
    summary = Summary(listed=10)
    summary.add(
        [
            record(31022, 30, ServerName="\\nas01", UserName="alice"),
            record(31997, 20, ServerName="NAS01"),
            record(31017, 10, ServerName="\\\\Nas01\\scans", UserName=""),
            record(31022, 0, ServerName="\\192.0.2.7", UserName="bob"),
            record(31018, 0, RegName="AllowInsecureGuestAuth", RegValue="1"),
        ]
    )
    nas, address = summary.servers()
    assert nas == {
        "name": "nas01",
        "is_ip_address": False,
        "events": 3,
        "counts": {"guest_allowed": 1, "guest_audited": 1, "guest_refused": 1},
        "days": [{"day": "2026-03-02", "counts": {"guest_allowed": 1, "guest_audited": 1, "guest_refused": 1}}],
        "first_seen": "2026-03-02T11:59:30Z",
        "last_seen": "2026-03-02T11:59:50Z",
        "users": ["alice"],
        "users_omitted": False,
        "empty_user": True,
    }
    assert (address["name"], address["is_ip_address"], address["empty_user"]) == ("192.0.2.7", True, False)
    assert summary.clients() == []
    assert [row["id"] for row in summary.events()] == [31022, 31997, 31017, 31022, 31018]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("192.0.2.7", True),
        ("fe80::1%4", True),
        ("[2001:db8::1]", True),
        ("2001-db8--1.ipv6-literal.net", True),
        ("fe80--1s4.ipv6-literal.net", True),
        ("nas01", False),
        ("10.0.0", False),
        ("nas-1.ipv6-literal.net", False),
        ("", False),
    ],
)
def test_addresses(name: str, expected: bool) -> None:
    assert is_ip_address(name) is expected


def test_the_newest_events_are_listed_oldest_first() -> None:
    summary = Summary(listed=2)
    summary.add(record(31022, age, ServerName=f"s{age}") for age in (50, 40, 30))
    # Another channel, read after it.
    summary.add([record(31997, 45, ServerName="audit"), record(31997, 10, ServerName="late")])
    assert [row["server"] for row in summary.events()] == ["s30", "late"]
    assert Summary(listed=0).events() == []


def test_rows_and_users_are_bounded() -> None:
    summary = Summary(listed=0)
    summary.add(record(ServerName=f"s{number}") for number in range(MAX_PEERS + 5))
    summary.add(record(ServerName="s0", UserName=f"u{number:04}") for number in range(MAX_USERS + 5))
    rows = summary.servers()
    assert len(rows) == MAX_PEERS
    assert summary.omitted() == 5
    assert (rows[0]["name"], len(rows[0]["users"]), rows[0]["users_omitted"]) == ("s0", MAX_USERS, True)


def test_days_are_the_newest_ones_whatever_the_order() -> None:
    summary = Summary(listed=0)
    ages = [*range(0, MAX_DAYS + 9, 2), *range(1, MAX_DAYS + 9, 2)]
    summary.add(record(age=age * 86400, ServerName="nas") for age in [*ages, 0])
    (row,) = summary.servers()
    days = [its["day"] for its in row["days"]]
    assert days == [(NOW - timedelta(days=age)).date().isoformat() for age in range(MAX_DAYS - 1, -1, -1)]
    assert row["days"][-1]["counts"] == {"guest_allowed": 2}
    assert row["events"] == len(ages) + 1


def test_events_without_times_and_names_are_counted() -> None:
    summary = Summary(listed=5)
    summary.add([EventRecord(31022), EventRecord(31022, fields={"ServerName": "\\"}), EventRecord(3023)])
    assert (summary.servers(), summary.clients(), summary.ids[31022]) == ([], [], 2)
    assert [row["time"] for row in summary.events()] == [None] * 3


def test_the_heaviest_peers_are_kept_whenever_they_came() -> None:
    summary = Summary(listed=0)
    summary.add(record(ServerName=f"light{number}") for number in range(2 * MAX_PEERS))
    summary.add(record(ServerName="heavy") for _number in range(3))
    assert summary.servers()[0]["name"] == "heavy"
    assert len(summary.servers()) == MAX_PEERS
    assert summary.omitted() == MAX_PEERS + 1


def test_events_without_a_server_have_a_row_of_their_own() -> None:
    summary = Summary(listed=0)
    assert summary.unnamed_server() is None
    summary.add([record(ServerName="", UserName="x"), record(ServerName="nas")])
    unnamed = summary.unnamed_server()
    assert unnamed is not None
    assert (unnamed["events"], unnamed["users"]) == (1, ["x"])
    assert [row["name"] for row in summary.servers()] == ["nas"]
