# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events as sums: a cap costs the oldest events, never the newest, and the facts name the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from in_process import session as session_onto

from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_facts import gather_events
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_records import Way
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_summary import utc
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.log_begin import LogBegin, read_log_begins
from simulated_windows.fault_injection import InjectedFault
from simulated_windows.in_process import InProcessHost

SECURITY = "Microsoft-Windows-SmbClient/Security"
AUDIT = "Microsoft-Windows-SmbClient/Audit"


def _host(hours: int) -> InProcessHost:
    """One guest logon an hour up to now, the newest at `new`."""
    host = InProcessHost()
    now = datetime.now(UTC)
    for back in range(hours, 0, -1):
        host.log.put(31022, {"ServerName": "\\old" if back > 3 else "\\new"}, time=now - timedelta(hours=back))
    return host


def _gather(host: InProcessHost, most: int) -> dict[str, Any]:
    return dict(gather_events(session_onto(host), since=timedelta(days=30), max_events=most, way=None).facts)


@pytest.mark.parametrize("hours", [40, 200])
def test_a_cap_keeps_the_newest_events(hours: int) -> None:
    facts = _gather(_host(hours), 20)
    assert "new" in {row["name"] for row in facts["servers"]}
    events = facts["events"]
    assert events["read"]["capped"] == []
    assert events["since"] > events["asked_since"]
    assert 3 <= events["read"]["events"] <= 20


def test_without_a_cap_everything_is_read_from_the_time_that_was_asked_for() -> None:
    facts = _gather(_host(10), 20)
    assert facts["events"]["since"] == facts["events"]["asked_since"]
    (channel,) = [row for row in facts["events"]["channels"] if row["events"]]
    assert channel["events"] == facts["events"]["read"]["events"] == 10
    assert channel["oldest"] < channel["newest"]


def _logs(host: InProcessHost, way: Way | None = None) -> dict[str, tuple[str | None, bool | None]]:
    facts = dict(gather_events(session_onto(host), since=timedelta(days=30), max_events=1000, way=way).facts)
    return {row["name"]: (row["log_begins"], row["log_is_empty"]) for row in facts["events"]["channels"]}


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("in_vain", ["empty", "timed_out"])
def test_a_log_begins_with_its_oldest_record_whatever_that_is_about(way: Way, in_vain: str) -> None:
    refused = {"subscription": "refused"} if way is Way.WEVTUTIL else {}
    host = InProcessHost(quirks={"pull_in_vain": in_vain, **refused})
    host.log.events.clear()
    oldest = (datetime.now(UTC) - timedelta(days=90)).replace(microsecond=0)
    host.log.put(31022, {"ServerName": "nas"}, time=oldest)
    for day in (40, 20):
        host.log.put(31022, {"ServerName": "nas"}, time=oldest + timedelta(days=90 - day))
    assert _logs(host) == dict.fromkeys(_logs(host), (None, True)) | {SECURITY: (utc(oldest), False)}
    assert len(host.host.subscriptions) == 0


def _messages(host: InProcessHost) -> list[str]:
    """The last words of the actions sent to the host that are about its event log."""
    words = [message["action"].rpartition("/")[2] for message in host.messages]
    return [word for word in words if word in ("Subscribe", "Pull", "Unsubscribe")]


ROUND = ["Subscribe", "Pull", "Unsubscribe"]


def test_empty_logs_are_asked_for_together_and_not_read() -> None:
    host = InProcessHost()
    host.log.events.clear()
    facts = _gather(host, 20)
    assert _messages(host) == ROUND
    assert facts["events"]["read"]["way"] == "subscription"
    assert {row["log_is_empty"] for row in facts["events"]["channels"]} == {True}


@pytest.mark.parametrize("order", ["age", "channel"])
def test_each_log_begins_with_its_own_first_record_in_whatever_order_the_host_delivers(order: str) -> None:
    host = InProcessHost(quirks={"subscription_order": order})
    host.log.events.clear()
    # The second log begins behind more records of the first than one answer holds, whichever of them comes first.
    begin = (datetime.now(UTC) - timedelta(hours=5)).replace(microsecond=0)
    for number, (event, seconds) in enumerate([(31022, range(100)), (31997, range(100, 200))]):
        for second in seconds:
            host.log.put(event, {"ServerName": f"nas{number}"}, time=begin + timedelta(seconds=second))
    host.reset_counters()
    expected = {SECURITY: (utc(begin), False), AUDIT: (utc(begin + timedelta(seconds=100)), False)}
    logs = _logs(host)
    assert logs == dict.fromkeys(logs, (None, True)) | expected
    # Two logs that begin, three that are empty; then the events of these two, in one answer and an empty one.
    assert _messages(host) == [*ROUND * 3, "Subscribe", "Pull", "Pull", "Unsubscribe"]
    assert host._ledger.counters.shells == host._ledger.counters.processes == 0
    assert len(host.host.subscriptions) == 0


@pytest.mark.parametrize("message", ["Subscribe", "Pull"])
def test_where_a_log_begins_is_not_known_if_it_cannot_be_read(message: str) -> None:
    host = _host(10)
    host.faults.add(InjectedFault("access_denied", match=f"/{message}", times=1))
    assert read_log_begins(session_onto(host), [SECURITY, AUDIT]) == {}
    host.faults.add(InjectedFault("access_denied", match=f"/{message}", times=1))
    assert set(_logs(host).values()) == {(None, None)}
    assert len(host.host.subscriptions) == 0


def test_what_was_found_before_a_failure_is_known() -> None:
    host = _host(10)
    host.reset_counters()
    host.faults.add(InjectedFault("access_denied", at=(len(ROUND) + 1,)))
    begins = read_log_begins(session_onto(host), [SECURITY, AUDIT])
    assert begins == {SECURITY: LogBegin(True, datetime.fromisoformat(host.log.events[0]["time"]))}


def test_wevtutil_reads_events_and_begins_in_one_shell() -> None:
    host = InProcessHost(quirks={"subscription": "refused"})
    host.reset_counters()
    facts = _gather(host, 20)
    assert (facts["events"]["read"]["way"], host._ledger.counters.shells) == ("wevtutil", 1)
    assert {row["log_is_empty"] for row in facts["events"]["channels"]} == {True}
