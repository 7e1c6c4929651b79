# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that expires, where the scheduler refuses, keeps, forgets or loses tasks."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.arming import refresh_tasks
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_facts import gather_changes
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.outcomes import Recovery
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import Entry, Stack
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    AccessDenied,
    HostError,
    HostState,
    HostUnreachable,
    worded,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows import scheduled_task
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.computer import RunningClock
from simulated_windows.in_process import InProcessHost

from ..engine import (
    AUDIT,
    CLOSE,
    ENCRYPTION,
    GUEST,
    GUEST_LOCAL,
    OPEN,
    SIGNING,
    change,
    engine,
    entry,
    held,
    meanwhile,
    moved,
    put,
    runs,
    snapshot,
    status,
    tidy,
    undo,
)

AUDIT_LOCAL = Cell.named(AUDIT, "local")


def locked_engine(host: InProcessHost) -> Host:
    """As after taking the lock, which reads the clock."""
    onto = engine(host)
    onto.clock = RunningClock.of(host.clock)
    return onto


def entry_of(stack: Stack, name: str) -> Entry:
    found = stack.get(name)
    assert found is not None
    return found


def test_an_end_that_is_due_is_not_lost_where_its_task_is_registered_anew() -> None:
    """The host has woken up past the end. It starts the task minutes later; a change that lies over it comes first."""
    host = InProcessHost()
    change(host, OPEN, name="nas", hours=1)
    host.advance(2 * 3600)
    change(host, {SIGNING: "required"}, name="over", hours=8)
    (again,) = [task for task in host.host.scheduler.dump() if task["name"] == "nas"]
    assert (again["triggers"], status(host, "nas")) == (["2026-03-02T14:01:00+00:00"], "applied")
    host.advance(10)
    change(host, {ENCRYPTION: "required"}, name="elsewhere", hours=8)  # and it is not put off again
    assert again in host.host.scheduler.dump()
    host.advance(61)
    assert host.run_due_tasks() == ["\\winops\\smb_guest\\nas"]
    assert (held(host, GUEST_LOCAL), runs(host, GUEST_LOCAL)) == (None, False)


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


def test_a_task_that_cannot_be_removed_is_a_warning_and_acts_no_more() -> None:
    host = InProcessHost(quirks={"delete_task_lies": True})
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(HostError) as caught:
        change(host, OPEN, name="x", hours=1)
    assert re.search(r"is still there.*next journaled run tries to remove it again", worded(caught.value))
    assert (caught.value.host_state, status(host, "x")) == (HostState.RESTORED, "rolled_back")
    assert host.tasks == ["\\winops\\smb_guest\\x"]
    outcome = change(host, OPEN, name="y", hours=2)
    assert any("\\x is still there" in warning for warning in outcome.recovery.warnings)
    assert (status(host, "y"), held(host, GUEST_LOCAL)) == ("applied", ("REG_DWORD", 1))
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is True, "the value is that of another change"
    host.set_quirks(delete_task_lies=False)
    assert tidy(host).warnings == ()
    assert (host.tasks, snapshot(host).marks) == (["\\winops\\smb_guest\\y"], ())
    undo(host, "y")
    assert held(host, GUEST_LOCAL) is None


def test_the_task_of_a_reverted_change_that_stays_does_not_end_a_later_change() -> None:
    """It would find the value that its own change had left."""
    for name, rolls_back in (("later", False), (None, False), (None, True)):
        host = InProcessHost()
        change(host, OPEN, name="x", hours=1)
        host.set_quirks(delete_task_lies=True)
        reverted = undo(host, "x")
        assert any("is still there" in warning for warning in reverted.warnings)
        assert status(host, "x") == "reverted"
        put(host, GUEST_LOCAL, 1)  # somebody else's, and what x had left
        if rolls_back:
            host.inject("access_denied", match="SetConfiguration")
            with pytest.raises(AccessDenied):
                change(host, {ENCRYPTION: "required"})
        else:
            change(host, OPEN, name=name, reason="for good" if name else "")
        host.set_quirks(delete_task_lies=False)
        host.advance(3700)
        host.run_due_tasks()
        assert held(host, GUEST_LOCAL) == ("REG_DWORD", 1), (name, rolls_back)
        tidy(host)
        assert (host.tasks, snapshot(host).marks) == ([], ())


def lose_task(host: InProcessHost, name: str) -> None:
    """Somebody deletes a scheduled task by hand."""
    scheduled_task.delete_task(engine(host).session, name)


def test_a_change_past_its_end_whose_task_is_gone_is_reverted_by_the_next_run() -> None:
    host = InProcessHost()
    before = host.snapshot()
    change(host, OPEN, name="x", hours=1)
    lose_task(host, "x")
    host.advance(3500)
    assert (tidy(host).warnings, status(host, "x")) == ((), "applied"), "its end has not come"
    host.advance(200)
    recovery = tidy(host)
    assert recovery.changed is True
    assert re.search(r"The scheduled task of the change x, due at .*, was gone: it was reverted", recovery.warnings[0])
    assert (status(host, "x"), moved(before, host)) == ("reverted", [])
    assert "its scheduled task was gone" in entry(host, "x").note
    assert tidy(host) == Recovery(), "a second run has nothing to do"


def test_facts_mark_what_the_host_should_have_reverted() -> None:
    host = InProcessHost()
    change(host, OPEN, name="x", hours=1)
    change(host, {AUDIT: "enabled"}, name="endless", reason="r")
    for seconds, overdue in ((3600, False), (14 * 60, False), (2 * 60, True)):
        host.advance(seconds)
        changes = gather_changes(engine(host).session).facts["changes"]
        assert {row["change_id"]: row["overdue"] for row in changes} == {"x": overdue, "endless": False}
    host.run_due_tasks()
    host.reset_counters()
    changes = gather_changes(engine(host).session).facts["changes"]
    assert [row["overdue"] for row in changes] == [False, False]
    assert host.requests == 3, "the clock matters to nothing that stands"


def test_a_task_without_effect_finds_a_change_past_its_end_too() -> None:
    host = InProcessHost()
    change(host, OPEN, name="x", hours=1)
    lose_task(host, "x")
    host.advance(3700)
    again = change(host, {AUDIT: "disabled"}, reason="nothing to do")
    assert (again.plan.changes, status(host, "x")) == ((), "reverted")


def test_a_change_past_its_end_whose_task_waits_is_left_to_the_host() -> None:
    host = InProcessHost()
    change(host, OPEN, name="x", hours=1)
    host.advance(3700)
    assert (tidy(host).warnings, status(host, "x")) == ((), "applied")
    host.run_due_tasks()
    tidy(host)
    assert status(host, "x") == "reverted"


def test_a_change_past_its_end_keeps_what_covers_it_and_what_somebody_else_set() -> None:
    host = InProcessHost()
    change(host, OPEN | {AUDIT: "enabled"}, name="x", hours=1)
    change(host, {GUEST: "blocked"}, name="top", reason="r")
    put(host, AUDIT_LOCAL, 0)
    lose_task(host, "x")
    host.advance(3700)
    (warning,) = tidy(host).warnings
    assert f"Kept, because somebody else has set it since: {AUDIT} (local)" in warning
    assert (held(host, GUEST_LOCAL), held(host, AUDIT_LOCAL)) == (("REG_DWORD", 0), ("REG_DWORD", 0))


def test_a_task_that_runs_while_the_next_run_looks_for_it_ends_the_change_once() -> None:
    host = InProcessHost()
    change(host, OPEN, name="x", hours=1)
    host.advance(3700)
    host.reset_counters()
    asked = [message["method"] for message in host.messages]

    def end_then_somebody() -> None:
        host.run_due_tasks()
        put(host, GUEST_LOCAL, 1)

    tidy(host)
    at = [message["method"] for message in host.messages].index("GetInfoByName") + 1
    assert asked == []
    with meanwhile(host, at, end_then_somebody):
        tidy(host)
    assert (status(host, "x"), held(host, GUEST_LOCAL)) == ("reverted", ("REG_DWORD", 1))


def test_a_corrupt_task_cache_hinders_nothing() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    before = host.snapshot()
    change(host, OPEN, name="x", hours=1)
    reverted = undo(host, "x")
    assert any("is gone is not known. Delete it by hand" in told for told in reverted.warnings)
    assert moved(before, host) == []


def test_a_change_that_fails_says_that_its_task_may_be_there_still() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(AccessDenied) as caught:
        change(host, OPEN, name="x", hours=1)
    assert re.search(r"is gone is not known\. Delete it by hand.*restored and verified", worded(caught.value))
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
        stack, told = refresh_tasks(locked_engine(host), out_of_date)
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
    renewed, told = refresh_tasks(locked_engine(host), stack)
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
        refresh_tasks(locked_engine(host), stack.with_(replace(entry_of(stack, "low"), registered_as="")))


def test_a_task_of_another_change_that_cannot_be_renewed_is_a_warning() -> None:
    host = InProcessHost()
    change(host, OPEN, name="low", hours=1)
    host.inject("access_denied", match="RegisterByXml", times=0)
    outcome = change(host, CLOSE, name="high", reason="r")
    assert any("The end of the change low" in told for told in outcome.warnings)
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
    assert change(host, CLOSE, name="high", reason="r").warnings
    host.clear_faults()
    undo(host, "high")
    assert runs(host, GUEST_LOCAL) is True
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is False
