"""Ansible's `timeout`, Ctrl-C and the end of a run in the middle of a change, and a program that hangs on the host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout import clean_environ

from playbooks import Playbooks, Run, host_vars, task
from simulated_windows.client import Fleet

PRESET = "windows_11_24h2_pro"
OPENING = {"insecure_guest_logons": "allowed", "client_signing": "not_required", "scope": ["local", "policy"]}
REASON = {"reason": "{{ why | default(omit) }}"}
CHANNELS = [{"name": "Microsoft-Windows-SmbClient/Audit", "min_size": 67108864}]
PSRP = {"ansible_connection": "psrp", "ansible_psrp_auth": "ntlm", "ansible_psrp_protocol": "http"}
SHORT_TIMEOUT = {"winops_smb_guest_message_timeout": 2}
LONG = 90.0
"""Longer than anybody waits: what ends it is the interruption."""
SECOND_WRITE = "SetDWORDValue"
DEADLINE = 120

HOSTS: dict[str, dict[str, Any]] = {
    "timeout": {},
    "journaled": {"why": "nas"},
    "hangs": SHORT_TIMEOUT,
    "hangs-psrp": {**PSRP, **SHORT_TIMEOUT},
    "hangs-timeout": {},
}
SIGNALS = [signal.SIGINT, signal.SIGTERM]
"""What Ctrl-C, and whoever ends a job, send to all of its processes."""


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    return start_fleet([{"name": name, "preset": PRESET} for name in [*HOSTS, *(each.name for each in SIGNALS)]])


@pytest.fixture(scope="module")
def run(fleet: Fleet, playbooks: Playbooks) -> Run:
    for name in ("timeout", "journaled"):
        fleet.control.add_fault(name, "delay", match=SECOND_WRITE, seconds=LONG, times=1)
    for name in ("hangs", "hangs-psrp", "hangs-timeout"):
        fleet.control.add_fault(name, "delay", match="Receive", seconds=LONG, times=1)
    plays = {
        "timeout:journaled": [
            task("open", "client_config", **OPENING, **REASON, _timeout=3),
            task("again", "client_config", **OPENING, **REASON),
        ],
        "hangs:hangs-psrp": [task("channels", "audit", channels=CHANNELS)],
        "hangs-timeout": [task("channels", "audit", channels=CHANNELS, _timeout=3)],
    }
    return playbooks.run(fleet, plays, {name: host_vars(fleet, name, **more) for name, more in HOSTS.items()})


def values(state: dict[str, Any]) -> dict[str, Any]:
    """The registry without our journal, and what runs."""
    registry = {key: values for key, values in state["registry"].items() if "winops" not in key}
    return {"registry": registry, "client": state["smb_client"], "tasks": state["tasks"]}


@pytest.mark.matrix
@pytest.mark.parametrize("host", ["timeout", "journaled"])
def test_a_task_out_of_time_has_rolled_back_what_it_wrote(run: Run, fleet: Fleet, host: str) -> None:
    cut, again = run.record(host, "open"), run.record(host, "again")
    methods = [row["method"] for row in cut.requests]
    assert cut.status == "failed", cut
    assert methods.index("SetConfiguration") < methods.index(SECOND_WRITE), "it was interrupted between two writes"
    assert values(cut.state) == values(fleet.control.state("hangs"))
    assert "Every value was restored and verified." in run.output
    assert (again.status, again.result["changed"]) == ("ok", True), again
    assert again.result["guest_access"]["verdict"] == "allowed"


@pytest.mark.matrix
@pytest.mark.parametrize("host", ["hangs", "hangs-psrp"])
def test_a_program_that_hangs_is_ended_and_named_as_such(run: Run, host: str) -> None:
    record = run.record(host, "channels")
    assert record.status == "failed", record
    assert "did not end within the 2 seconds" in record.message
    assert [row["action"].rpartition("/")[2] for row in record.requests][-1] == "Delete", "its shell is closed"


@pytest.mark.matrix
def test_a_task_out_of_time_is_no_unreachable_host(run: Run) -> None:
    record = run.record("hangs-timeout", "channels")
    assert record.status == "failed", record
    assert [row["action"].rpartition("/")[2] for row in record.requests][-1] == "Delete"


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


@pytest.mark.matrix
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_to_all_processes_of_a_run(fleet: Fleet, tmp_path: Path, number: signal.Signals) -> None:
    name, control = number.name, fleet.control
    before = values(control.state(name))
    control.add_fault(name, "delay", match=SECOND_WRITE, seconds=LONG, times=1)
    (tmp_path / "inventory.yml").write_text(json.dumps({"all": {"hosts": {name: host_vars(fleet, name)}}}))
    opening = task("open", "client_config", **OPENING)
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [opening]}]))
    process = subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.yml", "play.yml"],
        cwd=tmp_path,
        env=clean_environ(Path(sys.executable).parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        _until(lambda: any(row.get("fault") == "delay" for row in control.requests(name)))
        assert values(control.state(name)) != before, "it was interrupted before its first write"
        os.killpg(process.pid, number)
        output, _unused = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    _until(lambda: values(control.state(name)) == before)  # the worker of a run that is gone comes to its end
    assert process.returncode != 0
    assert "Traceback" not in output
