# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reactions to guest logons: collected, read back, repeated, given up."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.reactions import (
    GUEST_LOGON,
    CloseRequest,
    ReactionLimits,
    Reactions,
)

OPEN = "It still allows insecure guest logons."
REASON = "guest logon to a server that is not approved: old-nas"


def reactions(attempts: int = 3) -> Reactions:
    return Reactions({"nas01"}, ReactionLimits(collect=60, check_after=120, attempts=attempts))


def test_the_first_host_is_asked_for_at_once_and_the_others_of_that_minute_together() -> None:
    these = reactions()
    these.saw("ws1", GUEST_LOGON, "old-nas", 1000)
    assert these.request(1000) == CloseRequest(("ws1",), REASON, 1)
    for number in range(2, 15):
        these.saw(f"ws{number:02}", GUEST_LOGON, "old-nas", 1001 + number)
    assert these.request(1059) is None
    request = these.request(1060)
    assert request is not None
    assert request.hosts == tuple(f"ws{number:02}" for number in range(2, 15))
    assert these.request(2000) is None


@pytest.mark.parametrize(
    ("event_id", "server"), [(GUEST_LOGON, "nas01"), (31017, "old-nas"), (31997, "old-nas"), (3023, None)]
)
def test_what_is_no_reason_to_react(event_id: int, server: str | None) -> None:
    these = reactions()
    these.saw("ws1", event_id, server, 0)
    assert not these.is_under_way("ws1")
    assert these.request(1000) is None


def test_a_server_without_a_name_is_not_approved() -> None:
    these = reactions()
    these.saw("ws1", GUEST_LOGON, None, 0)
    request = these.request(0)
    assert request is not None
    assert "without a name" in request.reason


def test_a_host_that_is_closed_is_done_with_and_may_come_again() -> None:
    these = reactions()
    these.saw("ws1", GUEST_LOGON, "old-nas", 0)
    these.request(0)
    assert these.to_check(119) == ()
    assert these.to_check(120) == ("ws1",)
    these.saw("ws1", GUEST_LOGON, "other", 121)  # what came meanwhile is answered by the same look at the host
    assert these.checked("ws1", None, 122) is None
    assert not these.is_under_way("ws1")
    these.saw("ws1", GUEST_LOGON, "old-nas", 200)
    assert these.request(200) == CloseRequest(("ws1",), REASON, 1)


def test_a_host_that_stays_open_is_asked_for_again_and_then_given_up() -> None:
    these = reactions(attempts=2)
    these.saw("ws1", GUEST_LOGON, "old-nas", 0)
    assert these.request(0) == CloseRequest(("ws1",), REASON, 1)
    assert these.checked("ws1", OPEN, 120) is None
    assert these.request(179) is None
    assert these.request(180) == CloseRequest(("ws1",), REASON, 2)
    assert these.to_check(299) == ()
    assert these.to_check(300) == ("ws1",)
    told = these.checked("ws1", OPEN, 300)
    assert told is not None
    assert OPEN in told
    assert "2 reactions" in told
    assert not these.is_under_way("ws1")
