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
from simulated_windows.in_process import InProcessHost


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
