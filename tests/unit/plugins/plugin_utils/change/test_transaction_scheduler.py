# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that expires, where the scheduler refuses, keeps, forgets or loses tasks."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.arming import refresh_tasks
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import Entry, Stack
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    AccessDenied,
    HostError,
    HostState,
    HostUnreachable,
    SmbGuestError,
    worded,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows import scheduled_task
from simulated_windows.in_process import InProcessHost

from ..engine import (
    AUDIT,
    CLOSE,
    ENCRYPTION,
    GUEST,
    GUEST_LOCAL,
    HOUR,
    OPEN,
    SIGNING,
    change,
    engine,
    entry,
    held,
    moved,
    runs,
    snapshot,
    status,
    tidy,
    undo,
)


def entry_of(stack: Stack, name: str) -> Entry:
    found = stack.get(name)
    assert found is not None
    return found


def test_a_scheduler_that_refuses_leaves_nothing() -> None:
    host = InProcessHost(quirks={"registration_refused": True})
    before = host.snapshot()
    with pytest.raises(AccessDenied, match=r"RegisterByXml") as caught:
        change(host, OPEN, name="x", hours=1)
    assert caught.value.host_state is HostState.RESTORED
    assert (caught.value.changed, moved(before, host), status(host, "x")) == (False, [], "rolled_back")
    change(host, OPEN, name="y", reason="no end: no task, no fault")
    assert status(host, "y") == "applied"


def test_a_task_that_was_taken_and_is_not_there_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    host = InProcessHost()
    before = host.snapshot()
    monkeypatch.setattr(scheduled_task, "task_exists", lambda *_: False)
    with pytest.raises(HostError, match="does not have it"):
        change(host, OPEN, name="x", hours=1)
    monkeypatch.undo()
    assert [line for line in moved(before, host) if not line.startswith("tasks")] == []


def test_a_task_that_stays_though_deleted_is_reported_and_blocks_nobody() -> None:
    host = InProcessHost(quirks={"delete_task_lies": True})
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(HostError) as caught:
        change(host, OPEN, name="x", hours=1)
    assert re.search(r"is still there.*next journaled run tries again", worded(caught.value))
    assert host.tasks == ["\\winops\\smb_guest\\x"]
    assert status(host, "x") == "failed"
    outcome = change(host, OPEN, name="y", hours=2)
    assert any("x" in told for told in outcome.recovery.told)
    assert (status(host, "y"), held(host, GUEST_LOCAL)) == ("applied", ("REG_DWORD", 1))
    host.set_quirks(delete_task_lies=False)
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is True, "the task that stayed has nothing to undo"
    tidy(host)
    undo(host, "y")
    assert held(host, GUEST_LOCAL) is None


def test_a_corrupt_task_cache_hinders_nothing() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    before = host.snapshot()
    change(host, OPEN, name="x", hours=1)
    reverted = undo(host, "x")
    assert any("could not be told: look, and delete it by hand" in told for told in reverted.told)
    assert moved(before, host) == []


def test_a_change_that_fails_says_that_its_task_may_be_there_still() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(AccessDenied) as caught:
        change(host, OPEN, name="x", hours=1)
    assert re.search(r"could not be told: look, and delete it by hand.*restored and verified", worded(caught.value))
    assert status(host, "x") == "rolled_back"


def test_a_change_that_the_host_ended_meanwhile_does_not_end_a_second_time() -> None:
    for lies in (False, True):
        host = InProcessHost()
        change(host, OPEN, name="Low", hours=1)
        change(host, {AUDIT: "enabled"}, name="other", hours=5)
        before = snapshot(host).stack
        host.advance(3601)
        host.run_due_tasks()
        host.set_quirks(delete_task_lies=lies)
        out_of_date = before.with_(replace(entry_of(before, "Low"), registered_as=""))
        stack, told = refresh_tasks(engine(host), out_of_date)
        assert entry_of(stack, "other") == entry_of(before, "other"), "its task is as it should be"
        assert [("Low is still there" in sentence) for sentence in told] == [True] * lies
        assert len(host.tasks) == 1 + lies


def test_every_task_that_is_out_of_date_is_renewed_whatever_lies_beneath_it() -> None:
    """A task that is right, a change without an end and one that the host has not ended are passed by."""
    host = InProcessHost()
    change(host, {AUDIT: "enabled"}, name="right", hours=5)
    change(host, {SIGNING: "not_required"}, name="lasting", reason="r")
    change(host, {GUEST: "allowed"}, name="stale", hours=5)
    change(host, {ENCRYPTION: "required"}, name="ended", hours=1)
    stack = snapshot(host).stack
    host.advance(3601)
    host.run_due_tasks()
    for name in ("stale", "ended"):
        stack = stack.with_(replace(entry_of(stack, name), registered_as=""))
    host.reset_counters()
    renewed, told = refresh_tasks(engine(host), stack)
    assert told == ()
    assert [entry.registered_as != "" for entry in renewed.entries] == [True, False, True, True]
    assert [message["method"] for message in host.messages].count("RegisterByXml") == 2
    assert host.tasks == ["\\winops\\smb_guest\\right", "\\winops\\smb_guest\\stale"], "what has ended has no task"


def test_a_host_that_is_gone_while_tasks_are_renewed_is_no_warning() -> None:
    host = InProcessHost()
    change(host, OPEN, name="low", hours=1)
    stack = snapshot(host).stack
    host.inject("reset_before", match="RegisterByXml")
    with pytest.raises(HostUnreachable):
        refresh_tasks(engine(host), stack.with_(replace(entry_of(stack, "low"), registered_as="")))


def test_a_task_of_another_change_that_cannot_be_renewed_is_a_warning() -> None:
    host = InProcessHost()
    change(host, OPEN, name="low", hours=1)
    host.inject("access_denied", match="RegisterByXml", times=0)
    outcome = change(host, CLOSE, name="high", reason="r")
    assert any("The end of the change low" in told for told in outcome.told)
    host.clear_faults()
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is False, "a task that is out of date opens nothing"
    tidy(host)
    undo(host, "high")
    assert runs(host, GUEST_LOCAL) is False


def test_a_task_of_which_it_is_not_known_whether_it_was_taken_is_registered_again() -> None:
    """Else the one that takes its cell for covered for good would stay: an opening without an end."""
    host = InProcessHost()
    change(host, OPEN, name="low", hours=1)
    host.inject("access_denied", match="GetInfoByName", times=0)
    assert change(host, CLOSE, name="high", reason="r").told
    host.clear_faults()
    undo(host, "high")
    assert runs(host, GUEST_LOCAL) is True
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is False


def test_prolonging_that_fails_or_is_interrupted_leaves_an_end_that_the_journal_knows() -> None:
    host = InProcessHost()
    change(host, OPEN, name="x", hours=1)
    saved, first = host.save(), entry(host, "x").expires_at
    host.reset_counters()
    assert change(host, OPEN, name="x", hours=5).prolonged
    ends: set[timedelta] = set()
    for at in range(1, host.requests + 1):
        for kind in ("reset_before", "reset_after", "access_denied"):
            host.load(saved)
            host.inject(kind, at=[at])
            with suppress(SmbGuestError):
                change(host, OPEN, name="x", hours=5)
            host.clear_faults()
            assert status(host, "x") == "applied"
            said = entry(host, "x").expires_at
            change(host, {AUDIT: "enabled"}, name="y", reason="the next journaled run")
            end = entry(host, "x").expires_at
            assert first is not None
            assert end is not None
            assert end == said, (kind, at)
            ends.add(end - first)
            host.clock = end - timedelta(seconds=1)
            assert host.run_due_tasks() == [], (kind, at)
            host.advance(1)
            assert host.run_due_tasks() == ["\\winops\\smb_guest\\x"], (kind, at)
            assert runs(host, GUEST_LOCAL) is False
    assert ends == {timedelta(0), 4 * HOUR}


def test_an_end_that_could_not_be_moved_stays_where_it_was() -> None:
    host = InProcessHost()
    change(host, OPEN, name="x", hours=1)
    first = entry(host, "x").expires_at
    host.inject("access_denied", match="RegisterByXml", times=0)
    with pytest.raises(HostError, match=r"The end of the change x at .* could not be brought up to date"):
        change(host, OPEN, name="x", hours=5)
    assert entry(host, "x").expires_at == first
    host.advance(3601)
    host.run_due_tasks()
    assert (status(host, "x"), runs(host, GUEST_LOCAL)) == ("reverted", False)
