"""Every way to a host: the winrm and psrp connections with their transports, and those that cannot work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from windows_settings import held

from playbooks import Playbooks, Run, host_vars, task
from simulated_windows.client import Fleet

PRESET = "windows_11_24h2_pro"
_NO_CHECK = {"ansible_winrm_server_cert_validation": "ignore"}
_CA = "ca_file of the host"

WINRM: dict[str, dict[str, Any]] = {
    "winrm-basic-http": {"ansible_winrm_transport": "basic"},
    "winrm-ntlm-http": {"ansible_winrm_message_encryption": "always"},
    "winrm-basic-https": {"ansible_winrm_transport": "basic", "ansible_winrm_scheme": "https", **_NO_CHECK},
    "winrm-ntlm-https": {"ansible_winrm_scheme": "https", **_NO_CHECK},
    "winrm-basic-https-ca": {
        "ansible_winrm_transport": "basic",
        "ansible_winrm_scheme": "https",
        "ansible_winrm_ca_trust_path": _CA,
    },
    "winrm-ntlm-https-ca": {"ansible_winrm_scheme": "https", "ansible_winrm_ca_trust_path": _CA},
}
_PSRP = {"ansible_connection": "psrp", "ansible_psrp_protocol": "http"}
_PSRP_HTTPS = {"ansible_connection": "psrp", "ansible_psrp_protocol": "https"}
PSRP: dict[str, dict[str, Any]] = {
    "psrp-basic-http": {**_PSRP, "ansible_psrp_auth": "basic", "ansible_psrp_message_encryption": "never"},
    "psrp-ntlm-http": {**_PSRP, "ansible_psrp_auth": "ntlm", "ansible_psrp_message_encryption": "auto"},
    "psrp-negotiate-http": {**_PSRP, "ansible_psrp_auth": "negotiate", "ansible_psrp_message_encryption": "always"},
    "psrp-basic-https": {**_PSRP_HTTPS, "ansible_psrp_auth": "basic", "ansible_psrp_cert_validation": "ignore"},
    "psrp-ntlm-https": {**_PSRP_HTTPS, "ansible_psrp_auth": "ntlm", "ansible_psrp_cert_validation": "ignore"},
    "psrp-ntlm-https-ca": {**_PSRP_HTTPS, "ansible_psrp_auth": "ntlm", "ansible_psrp_ca_cert": _CA},
}
WORKING = WINRM | PSRP
ENCRYPTED = ("winrm-ntlm-http", "psrp-ntlm-http", "psrp-negotiate-http")
REFUSED = {"ssh": "ssh", "local": "local"}


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    return start_fleet([{"name": name, "preset": PRESET} for name in [*WORKING, *REFUSED, "become"]])


@pytest.fixture(scope="module")
def run(fleet: Fleet, playbooks: Playbooks) -> Run:
    hosts = {}
    for name, variables in WORKING.items():
        own = {key: fleet.hosts[name]["ca_file"] if value is _CA else value for key, value in variables.items()}
        hosts[name] = host_vars(fleet, name, **own)
    tasks = [
        task("facts", "client_facts"),
        task("change", "client_config", insecure_guest_logons="allowed", client_signing="not_required"),
        task("channel", "audit", channels=[{"name": "Microsoft-Windows-SmbClient/Audit", "min_size": 16777216}]),
    ]
    return playbooks.run(fleet, tasks, hosts)


@pytest.mark.matrix
@pytest.mark.parametrize("name", WORKING)
def test_facts_and_a_change(run: Run, name: str) -> None:
    facts, change = run.record(name, "facts"), run.record(name, "change")
    assert facts.status == "ok", facts
    assert facts.facts["guest_access"]["blocked_by"] == ["insecure_guest_logons", "client_signing"]
    assert change.status == "ok", change
    assert change.result["changed"] is True
    assert held(change.state, "insecure_guest_logons")["running"] is True
    assert held(change.state, "client_signing")["running"] is False
    for record in (facts, change):
        assert (record.counters["shells"], record.counters["processes"]) == (0, 0)
        assert record.counters["connections"] == 1
        assert {row["encrypted"] for row in record.requests} == {name in ENCRYPTED}


@pytest.mark.matrix
@pytest.mark.parametrize("name", WORKING)
def test_an_event_channel(run: Run, name: str) -> None:
    record = run.record(name, "channel")
    assert (record.status, record.result["changed"]) == ("ok", True), record
    assert record.state["channels"]["Microsoft-Windows-SmbClient/Audit"]["max_size"] == 16777216
    assert record.counters["processes"] > 0


@pytest.mark.matrix
def test_connections_that_are_no_winrm_are_refused(fleet: Fleet, playbooks: Playbooks) -> None:
    hosts = {name: host_vars(fleet, name, ansible_connection=kind) for name, kind in REFUSED.items()}
    run = playbooks.run(fleet, [task("facts", "client_facts")], hosts)
    for name, kind in REFUSED.items():
        record = run.record(name, "facts")
        assert record.status == "failed", record
        assert f"this host uses '{kind}'" in record.message
        assert "Set ansible_connection to winrm or psrp" in record.message
        assert record.counters["requests"] == 0


@pytest.mark.matrix
def test_become_is_a_warning(fleet: Fleet, playbooks: Playbooks) -> None:
    asked = {"_become": True, "_become_method": "runas", "_become_user": "SYSTEM"}
    run = playbooks.run(fleet, [task("facts", "client_facts", **asked)], ["become"])
    record = run.record("become", "facts")
    assert record.status == "ok", record
    assert "become has no effect" in record.warnings
    assert {row["user"] for row in record.requests} == {"Administrator"}
