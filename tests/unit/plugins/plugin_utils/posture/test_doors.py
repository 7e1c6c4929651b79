# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other doors of a guest: what each answer of a host means, what it costs, and what is never asked."""

from __future__ import annotations

from typing import Any

import pytest
from in_process import session as session_onto

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.doors import complete_advice, gather_doors
from simulated_windows.fault_injection import InjectedFault
from simulated_windows.host_spec import parse_host
from simulated_windows.in_process import InProcessHost

CLEAN = {"smb1_client": "closed", "smb1_server": "closed", "guest_account": "closed", "force_guest": "closed"}


def _host(preset: str = "windows_11_24h2_pro", **doors: Any) -> InProcessHost:
    return InProcessHost(preset, doors=doors)


def _states(host: InProcessHost, product_type: str = "workstation") -> dict[str, str]:
    host.reset_counters()
    doors = gather_doors(session_onto(host), product_type).facts["doors"]
    assert host.requests <= 5
    return {name: door["state"] for name, door in doors.items()}


def test_a_clean_installation_is_closed() -> None:
    assert _states(_host()) == CLEAN


@pytest.mark.parametrize(
    ("client", "state"),
    [
        ("running", "open"),
        ("disabled_running", "open"),
        ("stopped", "idle"),
        ("disabled", "closed"),
        ("absent", "closed"),
        ("start_only", "closed"),
    ],
)
def test_the_smb1_client(client: str, state: str) -> None:
    assert _states(_host(smb1_client=client)) == CLEAN | {"smb1_client": state}


@pytest.mark.parametrize(("server", "state"), [("running", "open"), ("stopped", "idle"), ("absent", "closed")])
def test_the_smb1_server(server: str, state: str) -> None:
    assert _states(_host(smb1_server=server)) == CLEAN | {"smb1_server": state}


def test_the_guest_account_is_found_by_its_sid() -> None:
    assert _states(_host(guest_enabled=True, guest_name="Gast"))["guest_account"] == "open"


@pytest.mark.parametrize(("value", "state"), [(1, "open"), (0, "closed")])
def test_force_guest(value: int, state: str) -> None:
    assert _states(_host(force_guest=value))["force_guest"] == state


def test_a_domain_controller_is_not_asked_for_accounts() -> None:
    assert _states(_host("server_2022"), "domain_controller")["guest_account"] == "not_asked"


def test_an_open_smb1_client_is_in_the_advice() -> None:
    facts: dict[str, Any] = {"guest_access": {"verdict": "blocked", "advice": "Blocked."}}
    facts |= gather_doors(session_onto(_host(smb1_client="running")), "workstation").facts
    complete_advice(facts)
    assert facts["guest_access"]["advice"].startswith("Blocked. The SMB1 client of this host accepts")
    closed = {"guest_access": {"advice": "Blocked."}} | dict(gather_doors(session_onto(_host()), "workstation").facts)
    complete_advice(closed)
    assert closed["guest_access"]["advice"] == "Blocked."


def test_a_fleet_file_says_which_doors_are_open() -> None:
    (spec,) = parse_host({"name": "ws", "preset": "windows_11_24h2_pro", "doors": {"guest_enabled": True}})
    assert spec.doors == {"guest_enabled": True}


def test_a_host_that_denies_everything_is_an_error_and_not_four_unknown_doors() -> None:
    host = _host()
    host.faults.add(InjectedFault("access_denied", times=0))
    with pytest.raises(HostError):
        gather_doors(session_onto(host), "workstation")


@pytest.mark.parametrize(
    ("doors", "client", "server"),
    [
        ({}, ("fail", False), ("fail", False)),
        ({"smb1_client": "start_only"}, ("pass", False), ("fail", False)),
        ({"smb1_client": "disabled_running", "smb1_server": "running"}, ("pass", True), ("fail", True)),
        ({"smb1_server": "running", "smb1_value": 0}, ("fail", False), ("pass", True)),
        ({"smb1_value": 0}, ("fail", False), ("pass", False)),
    ],
)
def test_a_scanner_reads_the_values_whether_or_not_smb1_is_there(
    doors: dict[str, Any], client: tuple[str, bool], server: tuple[str, bool]
) -> None:
    facts = gather_doors(session_onto(_host(**doors)), "workstation").facts["doors"]
    assert (facts["smb1_client"]["scanner"], facts["smb1_client"]["installed"]) == client
    assert (facts["smb1_server"]["scanner"], facts["smb1_server"]["installed"]) == server


@pytest.mark.parametrize(("client", "state"), [("absent", "closed"), ("start_only", "closed"), ("running", "unknown")])
def test_drivers_that_are_not_listed_are_not_taken_for_absent(client: str, state: str) -> None:
    states = _states(_host(smb1_client=client, smb1_server=client, drivers_hidden=True))
    assert (states["smb1_client"], states["smb1_server"]) == (state, state)


@pytest.mark.parametrize(("account", "scanner"), [({}, "pass"), ({"guest_enabled": True}, "fail")])
def test_a_scanner_reads_the_account_and_force_guest(account: dict[str, Any], scanner: str) -> None:
    facts = gather_doors(session_onto(_host(**account)), "workstation").facts["doors"]
    assert (facts["guest_account"]["scanner"], facts["force_guest"]["scanner"]) == (scanner, "fail")
    assert _scanned(force_guest=0) == "pass"
    assert _scanned(force_guest=1) == "fail"


def _scanned(**doors: Any) -> str:
    return str(gather_doors(session_onto(_host(**doors)), "workstation").facts["doors"]["force_guest"]["scanner"])
