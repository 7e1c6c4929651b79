"""guest_events_info and connections_info by real playbooks: both connections, both ways in, and nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from playbooks import Playbooks, Run, host_vars, task
from simulated_windows.client import Fleet

PRESET = "windows_11_24h2_pro"
OPEN = {"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 0}
HOSTS: dict[str, dict[str, Any]] = {
    "winrm": {},
    "psrp": {"ansible_connection": "psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm"},
    "winrm-refusing": {},
    "psrp-refusing": {"ansible_connection": "psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm"},
    "old": {},
    "user": {},
    "nobody": {"ansible_port": 1},
}
READING = ("winrm", "psrp", "winrm-refusing", "psrp-refusing")
TASKS = [
    task("events", "guest_events_info", list_events=2),
    task("check", "guest_events_info", check=True),
    task("again", "guest_events_info", bookmark="{{ events_result.bookmark | default({}) }}"),
    task("connections", "connections_info"),
    task("bad since", "guest_events_info", since="yesterday"),
    task("bad bookmark", "guest_events_info", bookmark={"System": {"record_id": 1, "time": "2026-01-01T00:00:00Z"}}),
]


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    fleet = start_fleet(
        [
            {
                "name": name,
                "preset": "windows_10_22h2_pro" if name == "old" else PRESET,
                "parameters": OPEN,
                "quirks": {"subscription": "refused"} if "refusing" in name else {"german": True},
            }
            for name in HOSTS
        ]
    )
    for name in HOSTS:
        fleet.control.add_events(name, 31017, 600, UserName="Jürgen", ServerName="\\nas01")
        fleet.control.connect(name, name="nas02", guest=True, user="山田", share="scans")
        fleet.control.connect(name, name="fs01", guest=False, signing=True, user="bob", share="home")
        fleet.control.set_sessions(name, {"SessionId": 7, "ClientComputerName": "pc1", "ClientUserName": "CORP\\eve"})
    return fleet


@pytest.fixture(scope="module")
def run(fleet: Fleet, playbooks: Playbooks) -> Run:
    before = {name: fleet.control.state(name) for name in HOSTS}
    hosts = {
        name: host_vars(fleet, name, user="user" if name == "user" else "Administrator", **variables)
        for name, variables in HOSTS.items()
    }
    tasks = [dict(row) for row in TASKS]
    tasks[0]["register"] = "events_result"
    run = playbooks.run(fleet, tasks, hosts)
    # Reading changes nothing, and leaves no subscription.
    assert {name: fleet.control.state(name) for name in HOSTS} == before
    return run


@pytest.mark.parametrize("name", READING)
def test_events_are_summed_up(run: Run, name: str) -> None:
    record = run.record(name, "events")
    assert record.status == "ok", record
    result = record.result
    assert result["changed"] is False
    assert result["read"]["way"] == ("wevtutil" if "refusing" in name else "subscription")
    assert (result["read"]["events"], result["read"]["capped"]) == (601, [])
    rows = {row["name"]: row for row in result["servers"]}
    assert rows["nas01"]["counts"] == {"guest_refused": 600}
    assert (rows["nas01"]["users"], rows["nas02"]["users"]) == (["Jürgen"], ["山田"])
    assert rows["nas02"]["counts"] == {"guest_allowed": 1}
    assert len(result["events"]) == 2
    assert record.counters["processes"] == (5 if "refusing" in name else 0)


@pytest.mark.parametrize("name", READING)
def test_check_mode_reads_the_same(run: Run, name: str) -> None:
    assert run.record(name, "check").result["servers"] == run.record(name, "events").result["servers"]


@pytest.mark.parametrize("name", READING)
def test_a_bookmark_goes_on(run: Run, name: str) -> None:
    again = run.record(name, "again").result
    assert again["read"]["events"] == 0
    assert again["bookmark"] == run.record(name, "events").result["bookmark"]


@pytest.mark.parametrize("name", READING)
def test_connections(run: Run, name: str) -> None:
    record = run.record(name, "connections")
    assert record.status == "ok", record
    fs01, nas02 = record.result["connections"]
    assert (fs01["server"], fs01["guest"], fs01["unprotected"]) == ("fs01", False, False)
    assert (nas02["server"], nas02["guest"], nas02["unprotected"]) == ("nas02", True, True)
    assert record.result["counts"] == {
        "connections": 2,
        "guest": 1,
        "unprotected": 1,
        "must_reconnect": 0,
        "sessions": 1,
    }


def test_a_subscription_costs_nine_requests_and_its_pages(run: Run) -> None:
    record = run.record("winrm", "events")
    kinds = [row["method"] for row in record.requests]
    assert kinds.count("Subscribe") == kinds.count("Unsubscribe") == 1
    assert len(kinds) == 8 + kinds.count("Pull")
    assert kinds.count("Pull") == record.result["read"]["pages"] + 1


def test_an_older_windows_has_some_of_it(run: Run) -> None:
    result = run.record("old", "events").result
    assert {row["id"] for row in result["ids"] if row["available"]} == {31013, 31014, 31016, 31017, 31018}
    (row,) = [row for row in run.record("old", "connections").result["connections"] if row["server"] == "nas02"]
    assert (row["guest"], row["unprotected"]) == (None, True)


@pytest.mark.parametrize("name", ["events", "connections"])
def test_an_account_without_rights_learns_what_is_missing(run: Run, name: str) -> None:
    record = run.record("user", name)
    assert record.status == "failed", record
    assert "denied access" in record.message
    assert "Administrators" in record.message


@pytest.mark.parametrize("name", ["events", "connections"])
def test_a_host_that_is_not_there_is_unreachable(run: Run, name: str) -> None:
    assert run.record("nobody", name).status == "unreachable"


def test_bad_options_say_what_to_do(run: Run) -> None:
    since, bookmark = (run.record("winrm", f"bad {name}") for name in ("since", "bookmark"))
    assert (since.status, bookmark.status) == ("failed", "failed")
    assert "7d" in since.message
    assert "no SMB event channel" in bookmark.message


def test_hardening_says_what_has_to_reconnect(fleet: Fleet, playbooks: Playbooks) -> None:
    change = task("harden", "client_config", insecure_guest_logons="blocked", client_signing="required")
    run = playbooks.run(fleet, [change, task("connections", "connections_info")], ["winrm"])
    (row,) = [row for row in run.record("winrm", "connections").result["connections"] if row["must_reconnect"]]
    assert (row["server"], row["contradicts"]) == ("nas02", ["insecure_guest_logons", "client_signing"])
