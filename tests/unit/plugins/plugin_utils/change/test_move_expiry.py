# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving the end of a change that stands: journal and tasks alike, or nothing, whatever happens in between."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import expiry, summary
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    AccessDenied,
    HostError,
    HostState,
    RequestError,
    SmbGuestError,
    worded,
)
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    CLOSE,
    GUEST_LOCAL,
    OPEN,
    Died,
    change,
    entry,
    held,
    meanwhile,
    moved,
    process_gone,
    put,
    snapshot,
    status,
    tidy,
    undo,
)


def ends_at(host: InProcessHost, name: str) -> datetime | None:
    """When the host's own task runs, whatever the journal says."""
    path = f"\\winops\\smb_guest\\{name}"
    for task in host.host.scheduler.tasks.values():
        if task.full_path == path:
            found = re.search(r"<StartBoundary>([^<]+)Z</StartBoundary>", task.xml)
            assert found is not None
            return datetime.fromisoformat(found[1] + "+00:00")
    return None


def both_ends(host: InProcessHost, name: str) -> tuple[datetime | None, datetime | None]:
    journaled = entry(host, name).expires_at
    return journaled.replace(microsecond=0) if journaled else None, ends_at(host, name)


def prepared() -> InProcessHost:
    """`x` lies over `low`, whose task depends on whether x ends."""
    host = InProcessHost()
    change(host, OPEN, name="low", hours=9)
    change(host, CLOSE, name="x", hours=1)
    return host


def endless() -> InProcessHost:
    host = InProcessHost()
    change(host, OPEN, name="low", hours=9)
    change(host, CLOSE, name="x", reason="for good")
    return host


@pytest.mark.parametrize("prepare", [prepared, endless])
def test_a_fault_at_every_request_moves_all_or_nothing_and_says_which(prepare: Any) -> None:
    host = prepare()
    saved, first = host.save(), both_ends(host, "x")[0]
    tasks = {name: task.xml for name, task in host.host.scheduler.tasks.items()}
    host.reset_counters()
    assert change(host, CLOSE, name="x", hours=5).prolonged
    then, requests = both_ends(host, "x")[0], host.requests
    for at in range(1, requests + 1):
        for kind in ("reset_before", "reset_after", "access_denied", "soap_fault"):
            host.load(saved)
            host.inject(kind, at=[at])
            error: SmbGuestError | None = None
            try:
                change(host, CLOSE, name="x", hours=5)
            except SmbGuestError as raised:
                error = raised
            host.clear_faults()
            end, task = both_ends(host, "x")
            assert end == task, (kind, at, error)
            assert end == (then if error is None or error.changed else first), (kind, at, error)
            assert status(host, "x") == "applied"
            if error is not None:
                left = {name: each.xml for name, each in host.host.scheduler.tasks.items()}
                assert error.changed or left == tasks, (kind, at, error)
            tidy(host)
            assert both_ends(host, "x") == (end, end), (kind, at)


@pytest.mark.parametrize("prepare", [prepared, endless])
def test_a_run_that_dies_at_any_request_leaves_an_end_that_the_next_one_completes(prepare: Any) -> None:
    host = prepare()
    saved = host.save()
    host.reset_counters()
    change(host, CLOSE, name="x", hours=5)
    for at in range(1, host.requests + 1):
        host.load(saved)
        with pytest.raises(Died), process_gone(host, at):
            change(host, CLOSE, name="x", hours=5)
        tidy(host)
        end, task = both_ends(host, "x")
        assert end == task, at
        assert snapshot(host).unregistered == (), at


def test_an_interruption_restores_the_end_and_stays_one() -> None:
    host = prepared()
    saved, first = host.save(), both_ends(host, "x")
    host.reset_counters()
    change(host, CLOSE, name="x", hours=5)
    at = [message["method"] for message in host.messages].index("RegisterByXml") + 1
    for acted in (False, True):
        host.load(saved)
        host.reset_counters()
        host.interrupt(at, KeyboardInterrupt(), acted=acted)
        with pytest.raises(KeyboardInterrupt) as caught:
            change(host, CLOSE, name="x", hours=5)
        assert caught.value.__notes__ == [HostState.RESTORED.value]
        assert both_ends(host, "x") == first


def test_a_scheduler_that_refuses_keeps_the_former_end() -> None:
    host = prepared()
    first, before = both_ends(host, "x"), host.snapshot()
    host.inject("access_denied", match="RegisterByXml", times=0)
    with pytest.raises(AccessDenied) as caught:
        change(host, CLOSE, name="x", hours=5)
    assert (caught.value.changed, both_ends(host, "x")) == (False, first)
    assert differences(before, host.snapshot()) == []


def test_a_task_of_another_change_that_is_refused_restores_all() -> None:
    host = endless()
    tasks = {name: task.xml for name, task in host.host.scheduler.tasks.items()}
    host.reset_counters()
    saved = host.save()
    change(host, CLOSE, name="x", hours=5)
    registered = [at for at, message in enumerate(host.messages, 1) if message["method"] == "RegisterByXml"]
    assert len(registered) == 2, "x gets a task, and low learns that it will be on top again"
    host.load(saved)
    host.reset_counters()
    host.inject("access_denied", at=[registered[1]])
    with pytest.raises(HostError, match="The end of the change low") as caught:
        change(host, CLOSE, name="x", hours=5)
    assert (caught.value.changed, both_ends(host, "x")) == (False, (None, None))
    assert {name: task.xml for name, task in host.host.scheduler.tasks.items()} == tasks


def test_an_end_that_cannot_be_removed_again_is_journaled() -> None:
    host = endless()
    host.set_quirks(delete_task_lies=True)
    host.reset_counters()
    saved = host.save()
    change(host, CLOSE, name="x", hours=5)
    at = [at for at, message in enumerate(host.messages, 1) if message["method"] == "RegisterByXml"][1]
    host.load(saved)
    host.set_quirks(delete_task_lies=True)
    host.reset_counters()
    host.inject("access_denied", at=[at])
    with pytest.raises(HostError) as caught:
        change(host, CLOSE, name="x", hours=5)
    assert caught.value.changed is True
    assert re.search(r"is still there\..* So the change x ends at 2026", worded(caught.value))
    end, task = both_ends(host, "x")
    assert end is not None
    assert end == task


def test_an_end_that_comes_in_the_middle_is_no_success() -> None:
    host = InProcessHost()
    before = host.snapshot()
    change(host, OPEN, name="x", hours=1)
    saved = host.save()
    host.reset_counters()
    change(host, OPEN, name="x", hours=5)
    registers = [message["method"] for message in host.messages].index("RegisterByXml") + 1

    def its_end_comes() -> None:
        host.advance(3601)
        host.run_due_tasks()

    host.load(saved)
    with (
        meanwhile(host, registers, its_end_comes),
        pytest.raises(HostError, match="The change x expired while its end was being moved") as caught,
    ):
        change(host, OPEN, name="x", hours=5)
    assert caught.value.changed is False
    put(host, GUEST_LOCAL, 1)
    host.advance(6 * 3600)
    host.run_due_tasks()
    assert (held(host, GUEST_LOCAL), host.tasks) == (("REG_DWORD", 1), []), "it does not end a second time"
    put(host, GUEST_LOCAL, None)
    tidy(host)
    assert (status(host, "x"), moved(before, host)) == ("reverted", [])


def test_check_mode_shows_the_new_end_and_says_so() -> None:
    host = prepared()
    before = host.snapshot()
    foreseen = change(host, CLOSE, name="x", hours=5, check=True)
    assert differences(before, host.snapshot()) == []
    done = change(host, CLOSE, name="x", hours=5)
    assert foreseen.as_dict()["expires_at"] == done.as_dict()["expires_at"] == "2026-03-02T17:00:00Z"
    told = "The expiry of the change x {} from 2026-03-02T13:00:00Z to 2026-03-02T17:00:00Z."
    assert next(summary.of_changes(foreseen, "host", check_mode=True)) == told.format("would move")
    assert next(summary.of_changes(done, "host", check_mode=False)) == told.format("moved")


def test_check_mode_fails_where_the_run_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    host = endless()
    before = host.snapshot()
    monkeypatch.setattr(expiry, "_LONGEST_COMMAND", 600)
    for check in (True, False):
        with pytest.raises(RequestError, match=r"takes a command of \d+ characters") as caught:
            change(host, CLOSE, name="x", hours=5, check=check)
        assert caught.value.host_state is HostState.NOTHING_WRITTEN
    assert differences(before, host.snapshot()) == []


def test_a_change_that_would_keep_another_from_expiring_is_refused_before_its_first_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = InProcessHost()
    change(host, OPEN, name="low", hours=1)
    script, low = expiry._Script("low"), entry(host, "low")
    steps = script.steps(snapshot(host).stack.ends_of(low), low.made_keys)
    monkeypatch.setattr(expiry, "_LONGEST_COMMAND", max(len(script.line([step])) for step in steps))
    before = host.snapshot()
    for check in (True, False):
        with pytest.raises(RequestError, match=r"The change low could not expire any more: ") as caught:
            change(host, CLOSE, name="x", hours=5, check=check)
        assert (caught.value.host_state, caught.value.subject) == (HostState.NOTHING_WRITTEN, "low")
    assert moved(before, host) == []
    assert change(host, CLOSE, name="x", reason="no end: low is covered for good").plan.changes
    undo(host, "x")
    assert change(host, {AUDIT: "enabled"}, name="y", reason="of another cell").plan.changes
