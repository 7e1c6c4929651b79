# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals that end a task while it changes a host: it rolls back, however many come, and says what the host holds."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from in_process import InProcessWire

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.interruption import Terminated
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import WsmanOperation
from simulated_windows.in_process import InProcessHost

from ..engine import BOTH, GUEST, LOCAL, OPEN, change, moved, status

WRITES = ("SetConfiguration", "SetDWORDValue", "DeleteValue")


class Pressed(Session):
    """A session whose process is sent signals: `number` during the request `at`, and during each that follows."""

    def __init__(self, host: InProcessHost, number: signal.Signals, at: int) -> None:
        super().__init__(InProcessWire(host))
        self._number, self._at, self._count = number, at, 0

    def _exchange(self, operation: WsmanOperation[Any]) -> Any:
        self._count += 1
        result = super()._exchange(operation)
        if self._count >= self._at:
            os.kill(os.getpid(), self._number)
        return result


def opening(host: InProcessHost, via: Session | None = None) -> None:
    change(host, OPEN, BOTH, via=via)


def opening_until(host: InProcessHost, via: Session | None = None) -> None:
    change(host, OPEN, BOTH, name="new", hours=1, via=via)


def undoing(host: InProcessHost, via: Session | None = None) -> None:
    revert(Host(via or Session(InProcessWire(host))), Selection("beneath"), force=False, check_mode=False)


ACTS: dict[str, Callable[..., None]] = {"opening": opening, "opening until": opening_until, "undoing": undoing}


@pytest.fixture(autouse=True)
def deaf() -> Iterator[list[int]]:
    """Handlers that only take note, unlike those of a worker of ansible-playbook: what comes outside of a change."""
    heard: list[int] = []
    former = {
        each: signal.signal(each, lambda number, _frame: heard.append(number))
        for each in (signal.SIGINT, signal.SIGTERM)
    }
    yield heard
    for each, handler in former.items():
        signal.signal(each, handler)


def prepared() -> InProcessHost:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, (LOCAL,), name="beneath", reason="r")
    host.reset_counters()
    return host


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("act", ACTS)
def test_a_signal_at_every_write_leaves_the_old_or_the_new(act: str, number: signal.Signals) -> None:
    host = prepared()
    saved, old = host.save(), host.snapshot()
    ACTS[act](host)
    new, methods = host.snapshot(), [message["method"] for message in host.messages]
    writes = [at for at, method in enumerate(methods, 1) if method in WRITES]
    assert writes
    for at in writes:
        host.load(saved)
        with pytest.raises(Terminated, match=number.name) as raised:
            ACTS[act](host, Pressed(host, number, at))
        # A revert goes to its end; a change is rolled back.
        assert moved(new if act == "undoing" else old, host) == [], at
        assert any("restored" in note for note in raised.value.__notes__), at


@pytest.mark.parametrize("act", ACTS)
def test_what_an_interruption_left_on_the_line_goes_before_anything_is_restored(
    act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = prepared()
    saved = host.save()
    ACTS[act](host)
    at = next(at for at, message in enumerate(host.messages, 1) if message["method"] in WRITES)
    host.load(saved)
    host.reset_counters()
    resets: list[int] = []
    monkeypatch.setattr(Session, "reset", lambda _self: resets.append(host.requests))
    with pytest.raises(Terminated):
        ACTS[act](host, Pressed(host, signal.SIGINT, at))
    assert resets == [at]


class TimeIsUp(BaseException):
    """What Ansible's `timeout` makes of SIGALRM."""


@pytest.fixture
def alarm() -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        raise TimeIsUp

    former = signal.signal(signal.SIGALRM, ring)
    yield
    signal.signal(signal.SIGALRM, former)


@pytest.fixture
def another_thread() -> Iterator[None]:
    """One that would take a signal which the main thread masks."""
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGALRM])
@pytest.mark.parametrize("act", ["opening", "opening until"])
@pytest.mark.usefixtures("alarm", "another_thread")
def test_a_signal_while_a_change_is_restored_waits_for_the_end(act: str, number: signal.Signals) -> None:
    host = prepared()
    saved, old = host.save(), host.snapshot()
    ACTS[act](host)
    at = [message["method"] for message in host.messages].index("SetConfiguration") + 1
    host.load(saved)
    host.inject("access_denied", at=[at])
    with pytest.raises((Terminated, TimeIsUp)):
        ACTS[act](host, Pressed(host, number, at + 1))
    assert moved(old, host) == []
    assert status(host, "new") == ("rolled_back" if act == "opening until" else None)


@pytest.mark.usefixtures("alarm")
def test_time_that_is_up_while_undoing_does_not_keep_it_from_its_end() -> None:
    host = prepared()
    saved = host.save()
    undoing(host)
    new, methods = host.snapshot(), [message["method"] for message in host.messages]
    for at in (at for at, method in enumerate(methods, 1) if method in WRITES):
        host.load(saved)
        with pytest.raises(TimeIsUp):
            undoing(host, Pressed(host, signal.SIGALRM, at))
        assert moved(new, host) == [], at


def test_the_journal_says_how_it_ended() -> None:
    host = prepared()
    opening_until(host)
    at = [message["method"] for message in host.messages].index("SetConfiguration") + 1
    host = prepared()
    with pytest.raises(Terminated):
        opening_until(host, Pressed(host, signal.SIGINT, at))
    assert (status(host, "new"), status(host, "beneath")) == ("rolled_back", "applied")
    opening_until(host)
    assert status(host, "new") == "applied"


def test_outside_of_a_change_signals_are_what_they_were(deaf: list[int]) -> None:
    host = prepared()
    change(host, OPEN, check=True, via=Pressed(host, signal.SIGINT, 1))
    assert set(deaf) == {signal.SIGINT}
    with pytest.raises(Terminated):
        opening_until(host, Pressed(host, signal.SIGTERM, 20))
    deaf.clear()
    for each in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), each)
    assert deaf == [signal.SIGINT, signal.SIGTERM]
