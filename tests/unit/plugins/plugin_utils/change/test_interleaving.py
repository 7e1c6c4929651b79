# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tasks on one host, request by request: whatever comes between two requests of a task, it acts on what is there
when it holds the host, and the two together do what one after the other would have done."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from turns import MORE_THAN_ANY, Turns

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import lock
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import HostBusy
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.process import ControlNode, Process
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, HostState
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import RegistryType, RegistryValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.stack import ChangeStatus
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    BOTH,
    ENCRYPTION,
    GUEST,
    GUEST_POLICY,
    OURS,
    POLICY,
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
    undo,
)

OPEN = {GUEST: "allowed", SIGNING: "not_required", ENCRYPTION: "not_required"}


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Turns]:
    def start(host: InProcessHost, *tasks: Callable[[], object]) -> Turns:
        started = Turns(host, *tasks)
        monkeypatch.setattr(lock.time, "sleep", started.sleep)

        # Of a task, as the lock sees it: another for each, and alive.
        def process() -> Process:
            number = 9 if started.number is None else started.number
            return Process(ControlNode("elsewhere", "1"), 100 + number, 1)

        monkeypatch.setattr(Process, "current", process)
        return started

    return start


def opening(host: InProcessHost, name: str) -> Callable[[], Outcome]:
    return lambda: change(host, OPEN, BOTH, name=name, hours=8)


def _requests() -> tuple[int, int]:
    """Of an opening: until it asks for the host, and in all."""
    host = InProcessHost()
    opening(host, "x")()
    return [message["method"] for message in host.messages].index("CreateKey"), len(host.messages)


LOOK, WHOLE = _requests()
PEEK = 2
"""Requests of the first look into the journal."""


def left_after_undoing_all(host: InProcessHost, before: Any) -> list[str]:
    undo(host)
    return differences(before, host.snapshot(), ignoring=[OURS])


def race_for_the_same(turns: Callable[..., Turns], first_does: int, second_does: int) -> None:
    """`first` does some requests, then `second` does some, then each goes on to its end."""
    host = InProcessHost()
    before = host.snapshot()
    race = turns(host, opening(host, "first"), opening(host, "second"))
    race.turn(0, first_does)
    race.turn(1, second_does)
    race.finish()
    case = f"{first_does} and {second_does} requests: {race.results}"
    made = [isinstance(result, Outcome) and bool(result.plan.changes) for result in race.results]
    assert made.count(True) == 1, case
    assert all(isinstance(result, Outcome | HostBusy) for result in race.results), case
    (standing,) = snapshot(host).stack.standing
    assert (standing.change_id, standing.status) == ("first" if made[0] else "second", ChangeStatus.APPLIED), case
    assert {part.found.stored for part in standing.parts} == {None}, case
    assert left_after_undoing_all(host, before) == [], case


def test_one_comes_whole_between_two_requests_of_the_other(turns: Callable[..., Turns]) -> None:
    for first_does in range(WHOLE + 1):
        race_for_the_same(turns, first_does, MORE_THAN_ANY)


def test_two_that_want_the_same_at_once(turns: Callable[..., Turns]) -> None:
    chance = random.Random(6)
    for _unused in range(60):
        race_for_the_same(turns, chance.randrange(WHOLE + 1), chance.randrange(WHOLE + 1))


def half_the_opening(host: InProcessHost) -> None:
    """Less than ours wants, so that ours has something to change whatever it sees of this."""
    change(host, {GUEST: "allowed"}, BOTH, name="other", hours=8)


def change_and_undo(host: InProcessHost) -> None:
    half_the_opening(host)
    undo(host, "other")


def change_that_fails(host: InProcessHost) -> None:
    host.inject("access_denied", match="SetDWORDValue")
    with pytest.raises(HostError) as caught:
        half_the_opening(host)
    assert caught.value.host_state is HostState.RESTORED


def change_that_ends(host: InProcessHost) -> None:
    half_the_opening(host)
    host.advance(9 * 3600)
    host.run_due_tasks()


@pytest.mark.parametrize("other", [change_and_undo, change_that_fails, change_that_ends])
@pytest.mark.parametrize("below", ["", "below"], ids=["on a fresh host", "over a change"])
def test_another_that_came_and_went(turns: Callable[..., Turns], other: Any, below: str) -> None:
    """It begins anywhere in the look of our task, is half-way during the rest of it, and gone before ours goes on."""
    chance = random.Random(7)
    for begins in range(LOOK):
        host = InProcessHost()
        if below:
            change(host, {GUEST: "blocked"}, (POLICY,), name=below)
        before = host.snapshot()
        race = turns(host, lambda host=host: other(host), opening(host, "ours"))
        race.turn(1, begins)
        half_way = chance.randrange(LOOK, WHOLE)
        race.turn(0, half_way)
        race.turn(1, LOOK - begins)
        race.turn(0)
        race.finish()
        case = f"after {begins} requests, half-way at {half_way}: {race.results}"
        assert race.results[0] is None, case
        assert isinstance(race.results[1], Outcome), case
        beneath = {part.cell: part.over for part in entry(host, "ours").parts if part.over}
        assert beneath == ({GUEST_POLICY: below} if below else {}), case
        assert [runs(host, Cell.named(name, "local")) for name in OPEN] == [True, False, False], case
        undo(host, "ours")
        assert moved(before, host) == [], case


def test_what_another_has_not_finished_is_not_taken_for_done(turns: Callable[..., Turns]) -> None:
    """All is as wanted when ours looks, but the other may still restore it."""
    host = InProcessHost()
    race = turns(host, opening(host, "other"), opening(host, "ours"))
    race.turn(1, PEEK)
    while held(host, GUEST_POLICY) is None:  # the last that is written
        race.turn(0, 1)
    race.turn(1)
    assert isinstance(race.results[1], HostBusy)
    race.finish()


def test_a_value_that_another_writes_with_another_type_between_two_requests_of_a_look() -> None:
    """The type is listed first, and then the value is read by it."""
    host = InProcessHost()
    put(host, GUEST_POLICY, "1", "REG_SZ")
    key, name = GUEST_POLICY.key, GUEST_POLICY.name
    with meanwhile(host, 2, lambda: put(host, GUEST_POLICY, 0)):
        assert engine(host).registry.value(key, name) == RegistryValue(RegistryType.REG_DWORD, 0)
    with meanwhile(host, 2, lambda: put(host, GUEST_POLICY, None)):
        assert engine(host).registry.value(key, name) is None
