# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock: under no order of requests are there two writers, and nobody waits for the dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import lock, process
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import (
    LEASE,
    LOCK,
    HostBusy,
    sole_writer,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.process import ControlNode, Process
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState
from simulated_windows.in_process import START as NOW
from simulated_windows.in_process import InProcessHost

from ..engine import engine

SECONDS = 30
OTHER = ControlNode("other.example", "4026531836")
POLLS = 3
"""How often a contender looks at the others in these tests, without a pause."""


class Keys:
    """The keys below LOCK. pause: called before each request, by the contender that sends it."""

    def __init__(self, *names: str, pause: Callable[[], None] = lambda: None) -> None:
        self.names = list(names)
        self._pause = pause

    def create_key(self, key: str) -> None:
        self._pause()
        self.names.append(key.removeprefix(LOCK + "\\"))

    def subkeys(self, key: str) -> tuple[str, ...]:
        assert key == LOCK
        self._pause()
        return tuple(self.names)

    def delete_key(self, key: str) -> None:
        self._pause()
        name = key.removeprefix(LOCK + "\\")
        if name in self.names:
            self.names.remove(name)


def hold(keys: Any, now: Any = NOW) -> bool:
    """Whether the host could be held."""
    try:
        with sole_writer(keys, now):
            return True
    except HostBusy:
        return False


def claim(owner: Process, *, since: timedelta = timedelta(0)) -> str:
    seconds = int((NOW - since).timestamp())
    where = f"{owner.controller.host}~{owner.controller.namespace}"
    return f"~lock~{seconds}~{where}~{owner.pid}~{owner.started}~0123abcd"


# Several contenders: each a thread that stops before each request until the schedule lets it go on.


class Contenders:
    """Runs `sole_writer` in several threads, one request at a time, in the order of a schedule."""

    def __init__(self, count: int) -> None:
        self._turns = [threading.Semaphore(0) for _unused in range(count)]
        self._arrived = threading.Semaphore(0)
        self._who = threading.local()
        self._ended = [False] * count
        self.keys = Keys(pause=self.pause)
        self.inside: set[int] = set()
        self.most_inside = 0
        self.outcomes: dict[int, str] = {}
        self._threads = [threading.Thread(target=self._contend, args=(number,), daemon=True) for number in range(count)]

    def process(self) -> Process:
        return Process(ControlNode("elsewhere", "1"), 100 + self._who.number, 1)

    def pause(self) -> None:
        self._arrived.release()
        assert self._turns[self._who.number].acquire(timeout=SECONDS)

    def _contend(self, number: int) -> None:
        self._who.number = number
        self.pause()
        try:
            with sole_writer(self.keys, NOW):  # type: ignore[arg-type]  # only what the lock uses of a Registry
                self.inside.add(number)
                self.most_inside = max(self.most_inside, len(self.inside))
                self.pause()
                self.inside.remove(number)
            self.outcomes[number] = "held"
        except HostBusy:
            self.outcomes[number] = "busy"
        finally:
            self._ended[number] = True
            self._arrived.release()

    def run(self, schedule: list[int]) -> list[int]:
        """Run all to their ends. schedule: whose turn it is, among those who are not done; then the first's.
        Gives how many could have had each turn."""
        for thread in self._threads:
            thread.start()
        for _unused in self._threads:
            assert self._arrived.acquire(timeout=SECONDS)
        choices = []
        while waiting := [number for number, ended in enumerate(self._ended) if not ended]:
            wanted = schedule[len(choices)] if len(choices) < len(schedule) else 0
            choices.append(len(waiting))
            self._turns[waiting[wanted % len(waiting)]].release()
            assert self._arrived.acquire(timeout=SECONDS)
        for thread in self._threads:
            thread.join(SECONDS)
        return choices


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No pauses, few polls, and everybody alive."""
    monkeypatch.setattr(lock.time, "sleep", lambda _: None)
    monkeypatch.setattr(lock, "_POLLS", POLLS)
    monkeypatch.setattr(Process, "is_dead", lambda _: False)
    return monkeypatch


def contend(monkeypatch: pytest.MonkeyPatch, count: int, schedule: list[int]) -> tuple[Contenders, list[int]]:
    contenders = Contenders(count)
    monkeypatch.setattr(Process, "current", contenders.process)
    choices = contenders.run(schedule)
    assert contenders.most_inside <= 1, f"{contenders.most_inside} writers at once: {schedule}"
    assert contenders.keys.names == [], f"left behind: {contenders.keys.names}"
    assert len(contenders.outcomes) == count, contenders.outcomes
    return contenders, choices


def test_two_contenders_in_every_order(quick: pytest.MonkeyPatch) -> None:
    """Exhaustive: each order in which two contenders' requests can arrive."""
    quick.setattr(lock, "_POLLS", 1)
    schedules: list[list[int]] = [[]]
    seen = 0
    outcomes = set()
    while schedules:
        schedule = schedules.pop()
        contenders, choices = contend(quick, 2, schedule)
        seen += 1
        outcomes.add(tuple(sorted(contenders.outcomes.values())))
        for position in range(len(schedule), len(choices)):
            before = [*schedule, *[0] * (position - len(schedule))]
            schedules += [[*before, other] for other in range(1, choices[position])]
    assert seen > 100
    assert {("busy", "held"), ("held", "held")} <= outcomes


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(schedule=st.lists(st.integers(0, 2), max_size=60))
def test_three_contenders_in_many_orders(quick: pytest.MonkeyPatch, schedule: list[int]) -> None:
    contend(quick, 3, schedule)


def test_of_two_at_once_the_first_by_name_gets_the_host(quick: pytest.MonkeyPatch) -> None:
    """Both claim before either looks: one steps back, and the other waits for that."""
    # In turns, until both have claimed; the first looks and waits, the second looks and leaves.
    contenders, _unused = contend(quick, 2, [0, 1, 0, 1, 0, 1, 1, 1, 1])
    assert contenders.outcomes == {0: "held", 1: "busy"}


# Alone, and beside what others left.


def test_alone(quick: pytest.MonkeyPatch) -> None:
    keys = Keys()
    with sole_writer(keys, NOW):  # type: ignore[arg-type]
        assert len(keys.names) == 1
    assert keys.names == []


def test_an_error_inside_lets_go_and_is_not_hidden() -> None:
    keys = Keys()
    with pytest.raises(ValueError, match="inside"), sole_writer(keys, NOW):  # type: ignore[arg-type]
        raise ValueError("inside")
    assert keys.names == []


def test_through_the_real_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.time, "sleep", lambda _: None)
    host = InProcessHost()
    mine, its = engine(host).registry, engine(host).registry
    with sole_writer(mine, NOW):
        # What another process sees: a claim of one that lives.
        monkeypatch.setattr(process.os, "getpid", os.getppid)
        with pytest.raises(HostBusy), sole_writer(its, NOW):
            raise AssertionError("two writers")
        monkeypatch.undo()
    assert list(host.registry.subkeys(f"HKLM\\{LOCK}")) == []


def test_a_dead_process_of_this_controller_is_nobody() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    keys = Keys(claim(Process(ControlNode.here(), ended.pid, 1)))
    assert hold(keys)
    assert keys.names == []


def test_a_process_number_that_was_given_again_is_nobody() -> None:
    """Another process has the number now: it started at another time."""
    keys = Keys(claim(Process(ControlNode.here(), os.getppid(), 1)))
    assert hold(keys)


def test_a_living_process_of_this_controller_holds_however_long(quick: pytest.MonkeyPatch) -> None:
    quick.undo()
    quick.setattr(lock.time, "sleep", lambda _: None)
    parent = Process(ControlNode.here(), os.getppid(), process._started(os.getppid()) or 0)
    left = claim(parent, since=2 * LEASE)
    keys = Keys(left)
    assert not hold(keys)
    assert keys.names == [left]


@pytest.mark.parametrize(
    ("age", "free"), [(timedelta(0), False), (LEASE, False), (LEASE + timedelta(seconds=1), True), (3 * LEASE, True)]
)
def test_a_claim_of_another_controller_ends_with_its_lease(
    age: timedelta, free: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock.time, "sleep", lambda _: None)
    left = claim(Process(OTHER, 7, 7), since=age)
    keys = Keys(left)
    assert hold(keys) is free
    assert keys.names == ([] if free else [left])


@pytest.mark.parametrize("order", [sorted, lambda names: sorted(names, reverse=True)], ids=["first", "last"])
def test_a_claim_is_seen_wherever_it_is_listed(
    order: Callable[[list[str]], list[str]], quick: pytest.MonkeyPatch
) -> None:
    """Also behind the own one: in which order a host names its keys is not said."""
    keys = Keys(claim(Process(OTHER, 7, 7), since=timedelta(minutes=-1)))
    quick.setattr(keys, "subkeys", lambda _key: tuple(order(keys.names)))
    assert not hold(keys)


def test_whoever_comes_first_by_name_waits_ten_seconds_for_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(lock.time, "sleep", waited.append)
    assert not hold(Keys(claim(Process(OTHER, 7, 7), since=timedelta(minutes=-1))))
    assert sum(waited) == 10


def test_busy_says_who_and_that_nothing_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.time, "sleep", lambda _: None)
    keys = Keys(claim(Process(OTHER, 4711, 7)))
    with pytest.raises(HostBusy, match=r"process 4711 on other\.example.*after 15 minutes") as caught:
        sole_writer(keys, NOW).__enter__()  # type: ignore[arg-type]
    assert caught.value.host_state is HostState.NOTHING_WRITTEN


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "1~2~3",
        "~",
        "a" * 500,
        "~lock~",
        "~lock~1~h~1~1~1~0123ABCD",
        "~lock~\uff11~h~1~1~1~0123abcd",
        "~lock~../..",
        "~lock~1~h~1~1~1~0123abcd\n",
    ],
)
def test_a_name_that_is_no_claim_blocks_nobody(name: str) -> None:
    keys = Keys(name)
    assert hold(keys)
    assert keys.names == ([] if name.startswith("~lock~") else [name])


@pytest.mark.parametrize("mark", ["x~reverted", "lock~ending", "lock~left~client_signing~local"])
def test_the_marks_of_expiries_beside_the_claims_stay_and_are_given(mark: str) -> None:
    keys = Keys(mark)
    with sole_writer(keys, NOW) as names:  # type: ignore[arg-type]
        assert mark in names
    assert keys.names == [mark]


@given(st.text(max_size=120))
def test_no_name_breaks_the_lock(name: str) -> None:
    assert hold(Keys(name)), "a name that is no claim blocks nobody"


@pytest.mark.parametrize("seconds", ["999999999999", "0"])
def test_a_claim_with_an_impossible_time(seconds: str) -> None:
    """The year 33658 is no date, and 1970 is over: neither blocks anybody."""
    assert hold(Keys(f"~lock~{seconds}~other~1~1~1~0123abcd"))


def test_a_claim_with_an_impossible_process_number() -> None:
    assert hold(Keys(claim(Process(ControlNode.here(), 999999999999, 1))))


def test_a_claim_of_the_future_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's clock was set back since: such a claim must not hold for years."""
    monkeypatch.setattr(lock.time, "sleep", lambda _: None)
    assert hold(Keys(claim(Process(OTHER, 7, 7), since=-timedelta(days=400))))


def test_a_process_of_another_namespace_is_not_judged_by_its_number() -> None:
    here = ControlNode.here()
    for elsewhere in (ControlNode(here.host, "1"), ControlNode("other.example", here.namespace)):
        assert Process(elsewhere, 1, 1).is_dead() is None
    assert Process.current().is_dead() is True, "a claim of this very process is one that it left behind"
