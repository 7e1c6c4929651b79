"""The rulebook of the collection, run by the real ansible-rulebook against simulated hosts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from checkout import clean_environ
from system_packages import missing

from simulated_windows.client import Fleet

RUNTIME = "default-jre-headless"
OPEN = {"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 0}
SECONDS = 180
"""What takes longer hangs; the test fails with the output."""


@pytest.fixture(scope="session", autouse=True)
def java() -> None:
    """ansible-rulebook reasons in Java."""
    reason = None if shutil.which("java") else missing([RUNTIME])
    if reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    hosts = [
        {"name": "ws1", "preset": "windows_11_24h2_pro", "parameters": OPEN},
        {"name": "ws2", "preset": "windows_11_24h2_pro", "parameters": OPEN},
        {"name": "ws3", "preset": "windows_11_24h2_pro", "parameters": OPEN, "quirks": {"subscription": "refused"}},
    ]
    with Fleet({"hosts": hosts}) as fleet:
        yield fleet


class Rulebook:
    """A running ansible-rulebook. `output` is what it said so far."""

    def __init__(self, folder: Path, fleet: Fleet, *, only_in_configuration: bool = False) -> None:
        self.bookmarks = folder / "bookmarks.json"
        variables = {
            "smb_guest_inventory": [str(fleet.inventory_path)],
            "smb_guest_hosts": "windows",
            "smb_guest_approved_servers": ["nas01"],
            "smb_guest_bookmarks": str(self.bookmarks),
            "smb_guest_interval": 1,
            "smb_guest_collect": 2,
            "smb_guest_check_after": 10 if only_in_configuration else 60,
        }
        (folder / "vars.yml").write_text(json.dumps(variables))
        self._log = (folder / "output").open("w+")
        binaries = Path(sys.executable).parent
        environ = clean_environ(binaries) | {"HOME": str(folder), "ANSIBLE_HOME": str(folder / "ansible")}
        if only_in_configuration:
            paths = environ.pop("ANSIBLE_COLLECTIONS_PATH")
            (folder / "ansible.cfg").write_text(f"[defaults]\ncollections_path = {paths}\n")
        self._process = subprocess.Popen(
            [
                str(binaries / "ansible-rulebook"),
                *("--rulebook", "winops.smb_guest.guest_events"),
                *("--inventory", str(fleet.inventory_path)),
                *("--vars", str(folder / "vars.yml")),
                "--print-events",
            ],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")

    def wait_for(self, what: str, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert self._process.poll() is None, f"ansible-rulebook ended: {self.output[-4000:]}"
            assert time.monotonic() < deadline, f"{what} did not come: {self.output[-4000:]}"
            time.sleep(0.2)

    def follows(self, *hosts: str) -> bool:
        return self.bookmarks.exists() and set(hosts) <= set(json.loads(self.bookmarks.read_text()))

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                raise
        self._log.close()


@contextmanager
def running(folder: Path, fleet: Fleet, **how: bool) -> Iterator[Rulebook]:
    rulebook = Rulebook(folder, fleet, **how)
    try:
        yield rulebook
    finally:
        rulebook.stop()


def allows_guest(fleet: Fleet, host: str) -> bool:
    return bool(fleet.control.state(host)["smb_client"]["EnableInsecureGuestLogons"])


def test_a_guest_logon_to_an_unknown_server_closes_the_host(fleet: Fleet, tmp_path: Path) -> None:
    everywhere = ("ws1", "ws2", "ws3")
    # What was before the first run is not what the rulebook reacts to.
    fleet.control.connect("ws2", name="old-nas", guest=True)
    with running(tmp_path, fleet) as rulebook:
        rulebook.wait_for("the beginning", lambda: rulebook.follows(*everywhere))
        subscribed = ("ws1", "ws2")
        rulebook.wait_for(
            "a subscription", lambda: all(fleet.control.state(each)["event_subscriptions"] for each in subscribed)
        )
        fleet.control.connect("ws1", name="NAS01", guest=True)
        fleet.control.connect("ws1", name="{{ 7 * 7 }}", guest=True)
        rulebook.wait_for("the hardening of ws1", lambda: not allows_guest(fleet, "ws1"))
        fleet.control.connect("ws3", name="192.0.2.9", guest=True)
        rulebook.wait_for("the hardening of ws3", lambda: not allows_guest(fleet, "ws3"))
        assert allows_guest(fleet, "ws2")
        output = rulebook.output
    assert "(( 7 * 7 ))" in output
    # Nothing is left behind on a host.
    assert [fleet.control.state(each)["event_subscriptions"] for each in everywhere] == [0, 0, 0]

    # What happens while nobody follows is found by the next run.
    fleet.control.connect("ws2", name="new-nas", guest=True)
    with running(tmp_path, fleet) as rulebook:
        rulebook.wait_for("the hardening of ws2", lambda: not allows_guest(fleet, "ws2"))
    assert fleet.control.state("ws2")["event_subscriptions"] == 0


def test_a_reaction_that_runs_nothing_is_reported(fleet: Fleet, tmp_path: Path) -> None:
    """ansible-rulebook copies a playbook, and a copy does not find a collection that only ansible.cfg names."""
    with running(tmp_path, fleet, only_in_configuration=True) as rulebook:
        rulebook.wait_for("the beginning", lambda: rulebook.follows("ws1"))
        fleet.control.connect("ws1", name="old-nas", guest=True)
        rulebook.wait_for("a line for people", lambda: "3 reactions did not close this host" in rulebook.output)
        assert allows_guest(fleet, "ws1")
