"""verify_facts on the wire: its playbook on one odd host, recorded; refused for two; and both connections."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from checkout import clean_environ

from playbooks import Playbooks, Run, host_vars, task
from simulated_windows.client import Fleet

ODD, PSRP, LYING = "odd", "psrp", "lying"
CONSENT = ["registry", "smb_settings", "policy", "scheduled_tasks", "processes", "stop_server"]
PSRP_VARIABLES = {"ansible_connection": "psrp", "ansible_psrp_auth": "negotiate", "ansible_psrp_protocol": "http"}


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    quirks = {
        ODD: {"registry_absent_codes": [1, 1], "set_needs_prompt_options": True},
        LYING: {"delete_task_lies": True},
    }
    return start_fleet(
        [{"name": name, "preset": "windows_11_24h2_pro", "quirks": quirks.get(name, {})} for name in (ODD, PSRP, LYING)]
    )


def _without_events(fleet: Fleet) -> dict[str, Any]:
    """What happened is not undone: 31016 tells of signing that was not enabled for a moment."""
    return {part: value for part, value in fleet.control.state(ODD).items() if part != "events"}


def _playbook(fleet: Fleet, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inventory = folder / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {name: host_vars(fleet, name) for name in fleet.hosts}}}))
    command = [sys.executable, "-m", "ansible", "playbook", "winops.smb_guest.verify_facts", "-i", str(inventory)]
    environ = clean_environ(Path(sys.executable).parent)
    return subprocess.run([*command, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_the_playbook_tells_what_is_otherwise_and_keeps_the_messages(fleet: Fleet, tmp_path: Path) -> None:
    before = _without_events(fleet)
    consent = json.dumps({"smb_guest_consent": CONSENT})
    done = _playbook(fleet, tmp_path, "--limit", ODD, "-e", consent)
    assert done.returncode == 0, done.stdout
    otherwise = {line.split("OTHERWISE: ")[1].split(":")[0] for line in done.stdout.splitlines() if "OTHERWISE" in line}
    assert otherwise == {"registry_absent_key", "registry_delete_absent", "set_without_options"}
    assert _without_events(fleet) == before
    recording = tmp_path / f"verify_facts-{ODD}"
    text = "".join(path.read_text() for path in recording.iterdir())
    ready = fleet.hosts[ODD]
    # The host's address is one of loopback, its port in no message.
    assert ready["address"] not in text
    assert not re.search(r"\bAdministrator\b", text)
    facts = json.loads((recording / "facts.json").read_text())
    assert facts["consent"] == sorted(CONSENT)
    assert {row["fact"] for row in facts["facts"] if row["as_expected"] is False} == otherwise


def test_the_playbook_asks_one_host_only(fleet: Fleet, tmp_path: Path) -> None:
    fleet.control.reset_counters(ODD)
    done = _playbook(fleet, tmp_path)
    assert done.returncode != 0
    assert "This play has 3 hosts, and max_hosts allows 1" in done.stdout
    assert fleet.control.requests(ODD) == []


@pytest.fixture(scope="module")
def run(playbooks: Playbooks, fleet: Fleet) -> Run:
    hosts = {PSRP: host_vars(fleet, PSRP, **PSRP_VARIABLES), LYING: host_vars(fleet, LYING)}
    with _two_minutes_pass(fleet, PSRP):
        return playbooks.run(fleet, [task("verify", "verify_facts", consent=[*CONSENT, "expiry"])], hosts)


@contextmanager
def _two_minutes_pass(fleet: Fleet, host: str) -> Iterator[None]:
    """On the host's clock, once the task of the expiry is registered: it is the one that writes to Parameters."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            if any("Parameters" in each["xml"] for each in fleet.control.state(host)["tasks"]):
                fleet.control.advance_clock(host, 130)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_by_psrp_with_an_expiry_to_its_end(run: Run) -> None:
    record = run.record(PSRP, "verify")
    assert record.status == "ok", record
    assert record.result["restored"]
    assert record.result["deviations"] == 0, record
    assert not [row for row in record.result["facts"] if row["as_expected"] is None]


def test_what_is_not_restored_fails_the_task(run: Run) -> None:
    record = run.record(LYING, "verify")
    assert (record.status, record.result["restored"], record.result["changed"]) == ("failed", False, True), record
    assert record.message.startswith("Not restored: ")
    assert "\\winops\\smb_guest\\verify_facts" in record.message
