"""What a task costs the host, counted by the host: requests after authentication, shells, processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from playbooks import Playbooks, Record, Run, task
from simulated_windows.client import Fleet
from simulated_windows.presets import PRESETS

UNCHANGED_REQUESTS = 6
BUILD_24H2 = 26100
# What facts cost on any host; StdRegProv reads one value per request, so every configured value adds one. Three of
# them ask RSoP, which knows no GPO here.
FACTS_OVERHEAD = 18

_AUDITS = {
    "client": ("AuditInsecureGuestLogon", "AuditServerDoesNotSupportSigning", "AuditServerDoesNotSupportEncryption"),
    "server": ("AuditInsecureGuestLogon", "AuditClientDoesNotSupportSigning", "AuditClientDoesNotSupportEncryption"),
}


def _hardened(name: str, preset: str, *, policy: bool) -> dict[str, Any]:
    """A host with every setting that it supports at its secure value: the most that there is to read."""
    recent = PRESETS[preset].build >= BUILD_24H2
    client: dict[str, int] = {"AllowInsecureGuestAuth": 0}
    server: dict[str, int] = {}
    if recent:
        client |= {"RequireEncryption": 1} | dict.fromkeys(_AUDITS["client"], 1)
        server |= dict.fromkeys(_AUDITS["server"], 1)
    entry: dict[str, Any] = {
        "name": name,
        "preset": preset,
        "parameters": client | {"RequireSecuritySignature": 1},
        "server_parameters": server | {"RequireSecuritySignature": 1, "EncryptData": 1},
    }
    return entry | {"policy": client, "server_policy": server} if policy else entry


def _configured(name: str, preset: str) -> int:
    """How many values there are to read on a host hardened in both scopes."""
    entry = _hardened(name, preset, policy=True)
    return sum(len(entry[key]) for key in ("parameters", "server_parameters", "policy", "server_policy"))


HARDENED = {f"hardened-{preset}": preset for preset in PRESETS}
_SOME = ("windows_11_24h2_pro", "windows_10_22h2_pro", "server_2019", "server_2025")
LOCAL = {f"local-{preset}": preset for preset in _SOME}
BOTH = {f"both-{preset}": preset for preset in _SOME}
UNCHANGING = LOCAL | BOTH


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    return start_fleet(
        [_hardened(name, preset, policy=True) for name, preset in HARDENED.items()]
        + [_hardened(name, preset, policy=name in BOTH) for name, preset in UNCHANGING.items()]
    )


@pytest.fixture(scope="module")
def facts(fleet: Fleet, playbooks: Playbooks) -> Mapping[str, Record]:
    run = playbooks.run(fleet, [task("facts", "client_facts")], list(HARDENED))
    return {record.host: record for record in run.records}


@pytest.mark.parametrize("host", HARDENED)
def test_facts_of_a_host_hardened_in_both_scopes(facts: Mapping[str, Record], host: str) -> None:
    record = facts[host]
    assert record.status == "ok", record
    settings = record.facts["settings"]
    assert all(state["effective"] is not None for state in settings.values() if state["supported"])
    assert settings["insecure_guest_logons"]["winner"] == "policy"
    limit = FACTS_OVERHEAD + _configured(host, HARDENED[host])
    assert record.counters["requests_after_auth"] <= limit, [row["method"] for row in record.requests]
    assert (record.counters["shells"], record.counters["processes"]) == (0, 0)


GUEST_AND_SIGNING = {"insecure_guest_logons": "blocked", "client_signing": "required"}
UNCHANGED = {
    "guest and signing": GUEST_AND_SIGNING,
    "guest, signing and encryption": GUEST_AND_SIGNING | {"client_encryption": "required"},
}


@pytest.fixture(scope="module")
def unchanged(fleet: Fleet, playbooks: Playbooks) -> Run:
    return playbooks.run(
        fleet, [task(name, "client_config", **options) for name, options in UNCHANGED.items()], list(UNCHANGING)
    )


@pytest.mark.parametrize("asked", UNCHANGED)
@pytest.mark.parametrize("host", UNCHANGING)
def test_nothing_to_change(unchanged: Run, host: str, asked: str) -> None:
    if "encryption" in asked and PRESETS[UNCHANGING[host]].build < BUILD_24H2:
        pytest.skip("this Windows has no client encryption setting")
    record = unchanged.record(host, asked)
    assert (record.status, record.result["changed"]) == ("ok", False), record
    # A policy that governs is read as well: one request for each of its values.
    limit = UNCHANGED_REQUESTS + (len(UNCHANGED[asked]) - 1 if host in BOTH else 0)
    assert record.counters["requests_after_auth"] <= limit, [row["method"] for row in record.requests]
    assert (record.counters["shells"], record.counters["processes"]) == (0, 0)
