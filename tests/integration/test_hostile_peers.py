"""Peers without end, met by real ansible-playbook processes: each task ends with a sentence, in bounded memory.

How many reads a deadline allows is counted in the test of the same name in tests/unit. Here the clock is real and
nothing is timed: a task that does not end fails the run, which has a limit far beyond the deadlines.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import ExitStack
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.winrm.connections import ACCOUNT, BASIC, NTLM
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.winrm.peers import BOMBS, ENDLESS, OK, peer
from playbooks import Playbooks, Run, host_vars, task
from simulated_windows.client import Fleet
from simulated_windows.hostile_xml import HOSTILE_XML

MESSAGE_SECONDS = 3
MAX_MEGABYTES = 150
PEAK = "peak of all processes, KiB: "
# Becomes the parent of ansible-playbook, and says what the largest process below it took.
MEASURED = f"""
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print({PEAK!r} + str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""


def _drip(connection: socket.socket) -> None:
    """A byte a second, each well within the read timeout."""
    connection.sendall(OK + b"Content-Length: 1000\r\n\r\n")
    while True:
        connection.sendall(b"<")
        time.sleep(1)


MODES = {**ENDLESS, **BOMBS, "a byte a second": _drip}


ANSWERED = ("a huge chunk",)
"""An answer that is none, where the others never came to an answer."""


def _name(mode: str, kind: str) -> str:
    return f"{mode}-{kind}".replace(" ", "-")


@pytest.fixture(scope="module")
def run(playbooks: Playbooks) -> Run:
    with ExitStack() as stack, Fleet({"hosts": []}) as fleet:
        hosts: dict[str, dict[str, Any]] = {}
        for mode, habit in MODES.items():
            for kind, variables in BASIC.items():
                hosts[_name(mode, kind)] = {
                    **ACCOUNT,
                    **variables,
                    "ansible_connection": kind,
                    "ansible_host": "127.0.0.1",
                    "ansible_port": stack.enter_context(peer(habit)).port,
                    "winops_smb_guest_message_timeout": MESSAGE_SECONDS,
                }
        tasks = [task("facts", "client_facts", gather_subset=["os"])]
        return playbooks.run(fleet, tasks, hosts, before=[sys.executable, "-c", MEASURED])


@pytest.mark.matrix
@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("mode", MODES)
def test_every_peer_ends(run: Run, mode: str, kind: str) -> None:
    record = run.record(_name(mode, kind), "facts")
    assert record.status == ("failed" if mode in ANSWERED else "unreachable"), record
    assert "127.0.0.1" in record.message
    assert record.message.isprintable()
    assert "Traceback" not in str(record.result)


@pytest.mark.matrix
@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("mode", ["continue for ever", "a byte a second"])
def test_what_came_too_slowly_is_reported_so(run: Run, mode: str, kind: str) -> None:
    record = run.record(_name(mode, kind), "facts")
    assert f"took longer than the {MESSAGE_SECONDS} seconds that one message may take" in record.message, record


LARGEST = 1024 * 1024
"""Bytes of an answer that a client takes."""
WAYS = {"basic": BASIC, "ntlm": NTLM}


READERS = (
    task("config", "client_config", client_signing="required"),
    task("posture", "posture_info"),
    task("events", "guest_events_info"),
    task("connections", "connections_info"),
    task("revert", "revert_change", all=True),
)
"""Other tasks that read from a host, each on some of the hosts."""


@pytest.fixture(scope="module")
def grown(playbooks: Playbooks) -> Run:
    """Hosts whose answers are small and become large when they are built, as large as a client takes them."""
    names = {
        f"{mode}-{way}-{kind}".replace(" ", "-"): (mode, way, kind)
        for mode in HOSTILE_XML
        for way in WAYS
        for kind in BASIC
    }
    hosts = [{"name": name, "preset": "windows_11_24h2_enterprise", "allow_unencrypted": True} for name in names]
    with Fleet({"hosts": hosts}) as fleet:
        inventory = {}
        for name, (mode, way, kind) in names.items():
            fleet.control.add_fault(name, "hostile_xml", text=mode, size=LARGEST, times=0)
            inventory[name] = host_vars(fleet, name, ansible_connection=kind, **WAYS[way][kind])
        plays = {"all": [task("facts", "client_facts", gather_subset=["os"])]}
        for number, each in enumerate(READERS):
            plays[":".join([*names][number :: len(READERS)])] = [each]
        return playbooks.run(fleet, plays, inventory, before=[sys.executable, "-c", MEASURED])


@pytest.mark.matrix
def test_what_grows_when_it_is_built_took_little_memory(grown: Run) -> None:
    (peak,) = [int(line[len(PEAK) :]) for line in grown.output.splitlines() if line.startswith(PEAK)]
    assert peak / 1024 < MAX_MEGABYTES
    assert {record.task for record in grown.records} == {"facts", *(each["name"] for each in READERS)}
    for record in grown.records:
        assert record.status in ("failed", "unreachable"), record
        assert "Traceback" not in str(record.result)


@pytest.mark.matrix
def test_nobody_took_much_memory(run: Run) -> None:
    (peak,) = [int(line[len(PEAK) :]) for line in run.output.splitlines() if line.startswith(PEAK)]
    assert peak / 1024 < MAX_MEGABYTES
