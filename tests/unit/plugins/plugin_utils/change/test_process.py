# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a run is, in words that a claim can carry, and whether another one of this controller is alive."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import process
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import _Claim
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.process import ControlNode, Process

SLEEP = "/bin/sleep"
HERE = ControlNode.here()


@contextmanager
def running(*command: str) -> Iterator[int]:
    with subprocess.Popen(command) as child:
        try:
            yield child.pid
        finally:
            child.kill()


@pytest.mark.parametrize(
    ("name", "shown"), [("a~b c.d", "a-b-c.d"), ("", "controller"), ("x" * 100, "x" * 60), ("\u00e4", "-")]
)
def test_the_name_of_any_controller_fits_into_a_claim(name: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.socket, "gethostname", lambda: name)
    here = ControlNode.here()
    assert here.host == shown
    found = _Claim.parse(f"~lock~1772452800~{here.host}~{here.namespace}~7~8~0123abcd")
    assert found is not None
    assert found.owner == Process(here, 7, 8)


def test_two_systems_of_one_name_are_two_by_their_boot_ids(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The number of the initial PID namespace is the same on every machine."""
    monkeypatch.setattr(process, "MACHINE_ID", tmp_path / "none")
    seen = set()
    for boot in ("a", "b"):
        (tmp_path / boot).write_text(f"{boot}\n")
        monkeypatch.setattr(process, "BOOT_ID", tmp_path / boot)
        here = ControlNode.here()
        assert (here.host, len(here.namespace)) == (HERE.host, 16)
        assert ControlNode.here() == here
        seen.add(here.namespace)
        assert Process(here, os.getpid(), 1).is_dead() is True
        assert Process(HERE, os.getpid(), 1).is_dead() is None, "of another system of this name"
    monkeypatch.setattr(process, "PID_NAMESPACE", tmp_path / "none")
    seen.add(ControlNode.here().namespace)
    assert len(seen) == 3, "a container on the same machine is another one"


def test_where_there_is_no_boot_id_the_machine_id_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "BOOT_ID", tmp_path / "none")
    (tmp_path / "id").write_text("0123\n")
    monkeypatch.setattr(process, "MACHINE_ID", tmp_path / "id")
    here = ControlNode.here()
    assert (here != HERE, len(here.namespace)) == (True, 16)
    assert Process(here, os.getpid(), 1).is_dead() is True


def test_a_system_that_nothing_tells_from_another_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BOOT_ID", "MACHINE_ID"):
        monkeypatch.setattr(process, name, tmp_path / "none")
    here = ControlNode.here()
    assert here == ControlNode(HERE.host, "")
    assert Process(here, os.getpid(), 1).is_dead() is None
    assert Process(here, 4_000_000, 1).is_dead() is None


def test_when_a_process_started_tells_it_from_another_of_its_number(tmp_path: Path) -> None:
    """Its own name may look like the fields that follow it."""
    tricky = shutil.copy(SLEEP, tmp_path / "a) Z 1")
    before = process._started(os.getpid())
    with running(str(tricky), "60") as pid:
        started = process._started(pid)
        up = float(Path("/proc/uptime").read_text().split()[0]) * os.sysconf("SC_CLK_TCK")
        assert before is not None
        assert started is not None
        assert 0 < before <= started <= up + 1
        assert Process(HERE, pid, started).is_dead() is False
        assert Process(HERE, pid, started - 1).is_dead() is True


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert process._started(child.pid) == -1
        assert Process(HERE, child.pid, 1).is_dead() is True
    finally:
        child.wait()
    assert Process(HERE, child.pid, 1).is_dead() is True


def test_where_the_system_does_not_tell_the_number_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def kill(pid: int, number: int, plain: Callable[[int, int], None] = os.kill) -> None:
        sent.append(number)
        plain(pid, number)

    monkeypatch.setattr(process, "_started", lambda _pid: None)
    assert Process.current().started == 0
    with running(SLEEP, "60") as pid:
        monkeypatch.setattr(process.os, "kill", kill)
        assert Process(HERE, pid, 0).is_dead() is False
        assert sent == [0], "asking does no harm"
    assert Process(HERE, pid, 0).is_dead() is True


def test_a_process_that_may_not_be_asked_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(process, "_started", lambda _pid: None)
    monkeypatch.setattr(process.os, "kill", refuse)
    assert Process(HERE, os.getppid(), 0).is_dead() is False
