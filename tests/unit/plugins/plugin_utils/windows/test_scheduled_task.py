# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Task Scheduler that refuses is said to have answered."""

from __future__ import annotations

import pytest
from in_process import session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import AccessDenied
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.scheduled_task import (
    SchedulerFailed,
    register_task,
    task_exists,
)
from simulated_windows.in_process import InProcessHost

NUMBERS = {
    0x80041315: "0x80041315 (SCHED_E_SERVICE_NOT_RUNNING)",
    0x8004131A: "0x8004131A (SCHED_E_MALFORMEDXML)",
    0x800706BA: "0x800706BA (RPC_S_SERVER_UNAVAILABLE)",
    0x12345678: "0x12345678.",
}


@pytest.mark.parametrize("number", NUMBERS, ids=hex)
def test_a_number_is_reported_with_its_name(number: int) -> None:
    host = InProcessHost()
    host.inject("return_value", match="RegisterByXml", value=number)
    with pytest.raises(SchedulerFailed) as caught:
        register_task(session(host), "x", "<Task/>")
    assert NUMBERS[number] in str(caught.value)
    assert r"\winops\smb_guest\x" in str(caught.value)
    assert task_exists(session(host), "x") is False


@pytest.mark.parametrize("number", [5, 0x80070005])
def test_access_denied_is_about_writing(number: int) -> None:
    """The host was read before a task is registered: nobody's rights are taken away over the network."""
    host = InProcessHost()
    host.inject("return_value", match="RegisterByXml", value=number)
    with pytest.raises(AccessDenied) as caught:
        register_task(session(host), "x", "<Task/>")
    assert "UAC is not in the way" in caught.value.advice("Administrator")
