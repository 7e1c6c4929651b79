"""harden names the other doors of a guest that stand open, and changes none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from playbooks import Playbooks, Run, task
from simulated_windows.client import Fleet

CLEAN, OPEN = "clean", "doors-open"
DOORS = {"smb1_client": "running", "smb1_server": "running", "guest_enabled": True, "force_guest": 1}
TASKS = [
    task("harden", "harden"),
    task("once more", "harden"),
    task("without", "harden", doors=False),
    task("in check mode", "harden", check=True, client_encryption=True),
]


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    host = {"preset": "windows_11_24h2_pro", "parameters": {"AllowInsecureGuestAuth": 1}}
    return start_fleet([{"name": CLEAN, **host}, {"name": OPEN, **host, "doors": DOORS}])


@pytest.fixture(scope="module")
def run(playbooks: Playbooks, fleet: Fleet) -> Run:
    return playbooks.run(fleet, TASKS)


@pytest.mark.parametrize("name", ["harden", "once more", "in check mode"])
def test_open_doors_are_named_in_result_summary_and_advice(run: Run, name: str) -> None:
    record = run.record(OPEN, name)
    assert {door: its["state"] for door, its in record.result["doors"].items()} == dict.fromkeys(
        ("smb1_client", "smb1_server", "guest_account", "force_guest"), "open"
    )
    lines = [line for line in record.result["summary"] if line.startswith("Still open, and not changed: ")]
    assert len(lines) == 4
    assert "The SMB1 client of this host accepts guest logons" in record.result["guest_access"]["advice"]


def test_a_clean_host_has_no_such_line_and_five_requests_are_the_price(run: Run) -> None:
    record, without = run.record(CLEAN, "once more"), run.record(CLEAN, "without")
    assert {its["state"] for its in record.result["doors"].values()} == {"closed"}
    assert not any("Still open" in line for line in record.result["summary"])
    assert "doors" not in without.result
    assert record.counters["requests_after_auth"] - without.counters["requests_after_auth"] <= 5


def test_nothing_of_a_door_is_changed(run: Run, fleet: Fleet) -> None:
    assert run.record(OPEN, "harden").result["changed"] is True
    services = r"HKLM\SYSTEM\CurrentControlSet\Services"
    lsa = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"
    assert fleet.control.registry_value(OPEN, lsa, "ForceGuest") == 1
    assert fleet.control.registry_value(OPEN, rf"{services}\mrxsmb10", "Start") == 2
    assert fleet.control.registry_value(OPEN, rf"{services}\LanmanServer\Parameters", "SMB1") is None
