# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading records of a simulated host by either way in: caps, bookmarks, refusals, and nothing left behind."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from in_process import session as session_onto

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import AccessDenied, HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events import event_records
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_records import (
    EXPIRES,
    QUERY_PAGE,
    EventReader,
    Way,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_summary import Summary
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_xml import EventRecord
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.guest_events import GuestEvents, read_guest_events
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import CLIENT_SECURITY, EVENTS, channels_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.eventing import Subscribe
from simulated_windows.in_process import InProcessHost

ALL = sorted(EVENTS)
WAYS = list(Way)
QUIRKS: Mapping[Way, Mapping[str, Any]] = {Way.SUBSCRIPTION: {}, Way.WEVTUTIL: {"subscription": "refused"}}


def host_with(events: int, way: Way = Way.SUBSCRIPTION, **quirks: Any) -> InProcessHost:
    """A host with that many allowed guest logons, one a second, whose way in is `way`."""
    host = InProcessHost(quirks={**QUIRKS[way], **quirks})
    add(host, events)
    return host


def add(host: InProcessHost, events: int) -> None:
    for index in range(events):
        fields = {
            "UserNameLength": 5,
            "UserName": "alice",
            "ServerNameLength": 6,
            "ServerName": f"\\nas{index % 10:02}",
        }
        host.log.put(31022, fields, time=host.clock + timedelta(seconds=index))


def read(host: InProcessHost, **options: Any) -> GuestEvents:
    return read_guest_events(session_onto(host), ALL, **options)


def left(host: InProcessHost) -> int:
    return len(host.host.subscriptions)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("in_vain", ["empty", "timed_out"])
def test_everything_is_read_once(way: Way, in_vain: str) -> None:
    host = host_with(1500, way, pull_in_vain=in_vain)
    host.log.write(3023, ClientName="192.0.2.10")
    found = read(host, listed=3)
    assert (found.reader.way, found.reader.events, found.reader.capped) == (way, 1501, [])
    assert [row["events"] for row in found.summary.servers()] == [150] * 10
    assert [row["name"] for row in found.summary.clients()] == ["192.0.2.10"]
    assert [row["record_id"] for row in found.summary.events()] == [1498, 1499, 1500]
    assert found.warnings() == []
    assert (found.reader.refused is None) == (way is Way.SUBSCRIPTION)
    assert left(host) == 0


def test_a_subscription_starts_no_process() -> None:
    host = host_with(10)
    read(host)
    actions = [message["action"].rpartition("/")[2] for message in host.messages]
    assert actions[-4:] == ["Subscribe", "Pull", "Pull", "Unsubscribe"]
    assert host._ledger.counters.shells == host._ledger.counters.processes == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_later_run_reads_only_what_is_new(way: Way) -> None:
    host = host_with(5, way)
    first = read(host)
    again = read(host, positions=first.reader.positions)
    assert (again.reader.events, again.as_dict()["bookmark"]) == (0, first.as_dict()["bookmark"])
    host.advance(3600)
    add(host, 2)
    assert read(host, positions=first.reader.positions).reader.events == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_cleared_log_is_read_from_its_start(way: Way) -> None:
    host = host_with(5, way)
    positions = read(host).reader.positions
    host.log.clear(CLIENT_SECURITY)
    host.advance(3600)
    add(host, 2)
    assert read(host, positions=positions).reader.events == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_cap_is_reported_and_the_next_run_goes_on(way: Way) -> None:
    host = host_with(25, way)
    positions: Mapping[str, Any] = {}
    counts = []
    for _run in range(4):
        found = read(host, positions=positions, max_events=10)
        positions = found.reader.positions
        counts.append(found.reader.events)
        capped = found.reader.events == 10
        assert (found.reader.capped == ["max_events"]) == capped
        assert any("Only the 10 oldest events" in warning for warning in found.warnings()) == capped
    assert counts == [10, 10, 5, 0]
    assert left(host) == 0


@pytest.mark.parametrize("way", WAYS)
def test_pages_are_capped(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_with(3 * QUERY_PAGE, way)
    reader = EventReader(session_onto(host), channels_of([31022]), way=way, max_pages=1)
    with closing(reader.batches()) as batches:
        assert sum(map(len, batches)) == reader.events < 3 * QUERY_PAGE
    assert (reader.pages, reader.capped) == (1, ["max_pages"])
    assert left(host) == 0


@pytest.mark.parametrize("way", WAYS)
def test_since(way: Way) -> None:
    host = host_with(10, way)
    host.advance(9)
    assert read(host, since=timedelta(seconds=4)).reader.events == 5
    assert read(host, since=host.clock - timedelta(seconds=2)).reader.events == 3


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_channel_is_not_available(way: Way) -> None:
    host = host_with(
        1, way, without_channels=["Microsoft-Windows-SmbClient/Audit", "Microsoft-Windows-SMBServer/Audit"]
    )
    result = read(host).as_dict()
    assert {row["name"] for row in result["channels"] if not row["available"]} == {
        "Microsoft-Windows-SmbClient/Audit",
        "Microsoft-Windows-SMBServer/Audit",
    }
    assert {row["id"] for row in result["ids"] if not row["available"]} == {31997, 31998, 31999, 3021, 3022}


def test_a_channel_that_goes_away_meanwhile_is_not_available_either() -> None:
    host = host_with(1, Way.WEVTUTIL)
    del host.log.channels["microsoft-windows-smbclient/audit"]
    result = read(host).as_dict()
    assert [row["name"] for row in result["channels"] if not row["available"]] == ["Microsoft-Windows-SmbClient/Audit"]


def test_an_older_windows_does_not_have_the_newer_events() -> None:
    host = InProcessHost("windows_11_23h2_pro")
    host.log.write(31017, UserName="alice", ServerName="\\nas01")
    result = read(host).as_dict()
    assert {row["id"] for row in result["ids"] if row["available"]} == {31013, 31014, 31016, 31017, 31018}
    # An update may have brought one: what is there is available.
    add(host, 1)
    assert {row["id"]: row["available"] for row in read(host).as_dict()["ids"]}[31022] is True


def test_a_disabled_channel_is_reported() -> None:
    host = host_with(1)
    host.registry.set(
        rf"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\{CLIENT_SECURITY}", "Enabled", "REG_DWORD", 0
    )
    found = read(host)
    assert [warning for warning in found.warnings() if "disabled" in warning]
    assert found.reader.events == 1


def test_a_host_without_any_channel_is_asked_for_nothing() -> None:
    host = InProcessHost(quirks={"without_channels": list(channels_of(ALL))})
    result = read(host).as_dict()
    assert (result["read"]["way"], result["events"]) == (None, [])
    assert not any(row["available"] for row in result["channels"] + result["ids"])


def test_3023_is_found_wherever_it_is() -> None:
    host = InProcessHost()
    for channel in EVENTS[3023].channels:
        host.log.put(3023, {"ClientNameLength": 2, "ClientName": "pc"}, channel=channel)
    assert [row["counts"] for row in read(host).summary.clients()] == [{"guest_audited": 3}]


@pytest.mark.parametrize("quirk", [{"subscription": "denied"}, {"subscription_filter": "element"}])
def test_what_the_service_refuses_wevtutil_reads(quirk: dict[str, str]) -> None:
    host = host_with(3, **quirk)
    found = read(host)
    assert (found.reader.way, found.reader.events) == (Way.WEVTUTIL, 3)
    assert found.reader.refused is not None
    with pytest.raises(HostError):
        read(host, way=Way.SUBSCRIPTION)
    assert left(host) == 0


@pytest.mark.parametrize("follow", [False, True])
def test_a_subscription_without_a_context_is_given_up(follow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_with(3)
    decode = Subscribe.decode
    monkeypatch.setattr(Subscribe, "decode", lambda *args: replace(decode(*args), context=None))
    reader = EventReader(session_onto(host), channels_of([31022]))
    with closing(reader.batches(follow=follow)) as batches:
        assert len(next(batches)) == 3
    assert (reader.way, left(host)) == (Way.WEVTUTIL, 0)


def test_wevtutil_alone_sends_no_subscription() -> None:
    host = host_with(3)
    assert read(host, way=Way.WEVTUTIL).reader.events == 3
    assert not [message for message in host.messages if "Subscribe" in message["action"]]


def test_an_account_without_rights_reads_nothing() -> None:
    host = host_with(3)
    host.user = next(user for user in host.host.spec.users if user.role == "user")
    with pytest.raises(AccessDenied):
        read(host)


@pytest.mark.parametrize("fault", ["soap_fault", "garbage", "timeout"])
def test_what_a_broken_subscription_left_unread_wevtutil_reads(fault: str) -> None:
    """At the second Pull: nothing is read twice, and nothing is lost."""
    host = host_with(2000)
    pulls = [index for index, message in enumerate(_messages_of(host_with(2000)), 1) if message == "Pull"]
    host.inject(fault, at=[pulls[1]])
    found = read(host)
    if fault == "timeout":
        # Said to mean that nothing more has come; the next run goes on from there.
        assert found.reader.way is Way.SUBSCRIPTION
        host.clear_faults()
        assert found.reader.events + read(host, positions=found.reader.positions).reader.events == 2000
    else:
        assert (found.reader.way, found.reader.events) == (Way.WEVTUTIL, 2000)
        assert sum(row["events"] for row in found.summary.servers()) == 2000
    assert left(host) == 0


def _messages_of(host: InProcessHost) -> list[str]:
    read(host)
    return [message["action"].rpartition("/")[2] for message in host.messages]


FAULTS = ("reset_before", "reset_after", "soap_fault", "access_denied", "timeout", "garbage", "cut", "hang", "http_500")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_fault_at_every_request_leaves_no_subscription(way: Way, fault: str) -> None:
    """One whose making was answered by nothing that could be read is the only one that has to end by itself."""
    messages = _messages_of(host_with(700, way))
    for index, action in enumerate(messages, 1):
        host = host_with(700, way)
        host.inject(fault, at=[index])
        with suppress(HostError):
            found = read(host)
            # What was read is right, whatever went wrong.
            assert sum(row["events"] for row in found.summary.servers()) == found.reader.events
        if left(host):
            assert action == "Subscribe"
            host.advance(EXPIRES)
        assert left(host) == 0, (index, action)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("acted", [False, True])
def test_an_interruption_at_every_request_leaves_no_subscription(way: Way, acted: bool) -> None:
    messages = _messages_of(host_with(700, way))
    for index, action in enumerate(messages, 1):
        host = host_with(700, way)
        host.interrupt(index, KeyboardInterrupt(), acted=acted)
        with suppress(KeyboardInterrupt):
            read(host)
        if left(host):
            # The answer that names it never came, or the interruption came while it was given up.
            assert action in ("Subscribe", "Unsubscribe")
            host.advance(EXPIRES)
        assert left(host) == 0, (index, action)


def test_a_reader_that_is_left_early_gives_its_subscription_up() -> None:
    host = host_with(2000)
    reader = EventReader(session_onto(host), channels_of([31022]))
    with closing(reader.batches()) as batches:
        next(batches)
        assert left(host) == 1
    assert left(host) == 0


def test_a_subscription_that_is_not_confirmed_gone_is_reported() -> None:
    host = host_with(1)
    host.inject("soap_fault", match="Unsubscribe", times=0)
    found = read(host)
    assert [warning for warning in found.warnings() if "did not confirm" in warning]


def _live_records() -> int:
    return sum(isinstance(each, EventRecord) for each in gc.get_objects())


@pytest.mark.parametrize("way", WAYS)
def test_20_000_events_are_summed_up_while_no_more_than_a_page_of_them_exists(way: Way) -> None:
    host = host_with(20_000, way)
    reader = EventReader(session_onto(host), channels_of([31022]), way=way)
    summary = Summary(listed=100)
    gc.collect()
    of_other_tests = _live_records()
    live, sizes = [], []
    with closing(reader.batches()) as batches:
        for batch in batches:
            summary.add(batch)
            sizes.append(len(batch))
            live.append(_live_records() - of_other_tests)
    assert reader.events == sum(row["events"] for row in summary.servers()) == 20_000
    assert len(summary.events()) == 100
    assert reader.pages == len(sizes)
    assert max(sizes) <= QUERY_PAGE
    assert max(live) <= max(sizes) + 100
    # What the host sent is no larger either: its answers are bounded by the envelope, or by the page.
    assert reader.pages >= 20_000 // QUERY_PAGE


def test_undecodable_text_is_reported() -> None:
    host = InProcessHost(quirks={"subscription": "refused", "console_encoding": "cp850"})
    host.log.write(31017, UserName="Jürgen", ServerName="\\nas01")
    assert [warning for warning in read(host).warnings() if "damaged" in warning]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["Jürgen Groß", "山田太郎", "O'Brien & <Söhne>", '"quoted"', "a]]>b"])
def test_names_of_other_languages_are_right(way: Way, name: str) -> None:
    host = InProcessHost(quirks={**QUIRKS[way], "german": True}, timezone=540)
    host.log.write(31017, UserName=name, ServerName="\\倉庫")
    (row,) = read(host, listed=5).summary.events()
    assert (row["user"], row["server"], row["time"]) == (name, "倉庫", "2026-03-02T12:00:00Z")


def test_events_without_numbers_do_not_go_round_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_records, "QUERY_PAGE", 5)
    host = host_with(20, Way.WEVTUTIL)
    for event in host.log.events:
        event["record_id"] = "?"
    found = read(host)
    assert found.reader.events == 5
    assert "record ids" in str(found.reader.failed[CLIENT_SECURITY])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["J?rgen", "J\ufffdrgen"])
@pytest.mark.parametrize("field", ["UserName", "ServerName"])
def test_a_name_that_lost_its_letters_is_reported_in_every_way(way: Way, name: str, field: str) -> None:
    host = InProcessHost(quirks=QUIRKS[way])
    host.log.write(31017, **{"UserName": "scan", "ServerName": "nas01", field: name})
    assert [warning for warning in read(host).warnings() if "damaged" in warning]


@pytest.mark.parametrize("pages", [1, 2])
def test_a_cap_on_the_boundary_of_a_page_is_no_failure(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(event_records, "QUERY_PAGE", 5)
    found = read(host_with(20, Way.WEVTUTIL), max_events=5 * pages)
    assert found.reader.events == 5 * pages
    assert found.reader.capped == ["max_events"]
    assert not [reason for reason in found.reader.failed.values() if reason is not None]


def test_a_cap_of_1000_events_is_no_failure_of_wevtutil() -> None:
    found = read(host_with(QUERY_PAGE + 1, Way.WEVTUTIL), max_events=QUERY_PAGE)
    assert (QUERY_PAGE, found.reader.events, found.reader.capped) == (1000, 1000, ["max_events"])
    assert found.reader.failed.get(CLIENT_SECURITY) is None


def test_follow_hands_out_events_as_they_come() -> None:
    host = host_with(2)
    reader = EventReader(session_onto(host), channels_of([31022]), max_pages=None)
    with closing(reader.batches(follow=True)) as batches:
        assert len(next(batches)) == 2
        assert next(batches) == []
        host.advance(10)
        add(host, 1)
        assert len(next(batches)) == 1
        # The subscription runs out; a new one goes on where it stopped.
        host.advance(EXPIRES)
        add(host, 1)
        assert len(next(batches)) == 1
        assert next(batches) == []
        assert (left(host), reader.way) == (1, Way.SUBSCRIPTION)
    assert left(host) == 0


def test_follow_by_wevtutil() -> None:
    host = host_with(2, Way.WEVTUTIL)
    reader = EventReader(session_onto(host), channels_of([31022]), max_pages=None)
    with closing(reader.batches(follow=True)) as batches:
        assert [len(next(batches)) for _batch in range(2)] == [2, 0]
        host.advance(10)
        add(host, 1)
        assert [len(next(batches)) for _batch in range(2)] == [1, 0]
