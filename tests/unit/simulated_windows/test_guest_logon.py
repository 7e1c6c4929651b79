"""What the client does with a server, and which events it leaves."""

from __future__ import annotations

from typing import Any

import pytest
from winrm.protocol import Protocol

from simulated_windows.peer import SMB_CLIENT, Host, Peer, items_of, members

OPEN = {"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 0}
NAS = {"name": "nas01", "guest": True, "signing": False, "encryption": False}
RECENT, OLD = "windows_11_24h2_pro", "windows_10_22h2_enterprise"


def connect(host: Host, **server: Any) -> dict[str, Any]:
    return host.control.connect(host.name, **{**NAS, **server})


def ids(result: dict[str, Any]) -> list[int]:
    return [event["id"] for event in result["events"]]


# preset, Parameters, connected, status, events
DECISIONS = [
    (RECENT, {}, False, "0xC05D0002", [31017]),
    (RECENT, {"AllowInsecureGuestAuth": 1}, False, "0xC05D0006", []),
    (RECENT, {"RequireSecuritySignature": 0}, False, "0xC05D0002", [31017]),
    (RECENT, OPEN, True, "0x00000000", [31022]),
    (RECENT, {**OPEN, "RequireEncryption": 1}, False, None, []),
    (RECENT, {**OPEN, "AuditInsecureGuestLogon": 1}, True, "0x00000000", [31022, 31997]),
    (RECENT, {"AuditInsecureGuestLogon": 1}, False, "0xC05D0002", [31017]),
    (OLD, {}, False, "0xC05D0002", [31017]),
    (OLD, {"AllowInsecureGuestAuth": 1}, True, "0x00000000", []),
    (OLD, {"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 1}, False, "0xC05D0006", []),
    (OLD, {**OPEN, "AuditInsecureGuestLogon": 1}, True, "0x00000000", []),
    ("windows_10_22h2_home", {}, True, "0x00000000", []),
    ("server_2025", OPEN, True, "0x00000000", [31022]),
]


@pytest.mark.parametrize(("preset", "parameters", "connected", "status", "events"), DECISIONS)
def test_the_guest_decision(
    make_host: Any, preset: str, parameters: dict[str, int], connected: bool, status: str | None, events: list[int]
) -> None:
    host = make_host(preset, parameters=parameters)
    result = connect(host)
    assert (result["connected"], result["status"], ids(result)) == (connected, status, events)
    assert host.state()["events"] == result["events"]
    assert bool(host.state()["smb_connections"]) is connected


def test_policy_counts(make_host: Any) -> None:
    host = make_host(parameters=OPEN, policy={"AllowInsecureGuestAuth": 0})
    assert connect(host)["status"] == "0xC05D0002"


def test_the_fields_of_a_refusal(host: Host) -> None:
    (event,) = connect(host, user="bob")["events"]
    assert event["fields"] == {"UserNameLength": 3, "UserName": "bob", "ServerNameLength": 6, "ServerName": "\\nas01"}
    assert (event["channel"], event["provider"], event["level"], event["task"]) == (
        "Microsoft-Windows-SmbClient/Security",
        "Microsoft-Windows-SMBClient",
        2,
        142,
    )


def test_old_hosts_have_no_task_numbers(make_host: Any) -> None:
    (event,) = connect(make_host(OLD))["events"]
    assert event["task"] == 0


@pytest.mark.parametrize(
    ("setting", "server", "event_id", "field"),
    [
        ("AuditServerDoesNotSupportSigning", {"signing": False, "encryption": True}, 31998, "ClientRequireSigning"),
        (
            "AuditServerDoesNotSupportEncryption",
            {"signing": True, "encryption": False},
            31999,
            "ClientRequireEncryption",
        ),
    ],
)
def test_audits_of_weak_servers(
    make_host: Any, setting: str, server: dict[str, bool], event_id: int, field: str
) -> None:
    host = make_host(parameters={setting: 1, "RequireSecuritySignature": 0})
    result = connect(host, guest=False, **server)
    assert result["connected"] is True
    assert ids(result) == [event_id]
    assert result["events"][0]["fields"][field] is False
    assert result["events"][0]["channel"] == "Microsoft-Windows-SmbClient/Audit"
    assert ids(connect(host, guest=False, signing=True, encryption=True)) == []


def test_a_user_needs_a_server_that_signs(host: Host) -> None:
    assert connect(host, guest=False)["reason"] == "signing_required"
    assert connect(host, guest=False, signing=True)["connected"] is True


def test_a_channel_that_is_off_stays_empty(make_host: Any) -> None:
    host = make_host(OLD)
    client = Protocol(host.url("http"), "plaintext", username="Administrator", password=host.password("Administrator"))
    shell = client.open_shell()
    client.run_command(shell, "wevtutil", ["sl", "Microsoft-Windows-SmbClient/Security", "/e:false"])
    result = connect(host)
    assert (result["status"], result["events"]) == ("0xC05D0002", [])


def test_opening_guest_is_noted_once(host: Host, peer: Peer) -> None:
    for _time in range(2):
        peer.outputs(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True)
    peer.outputs(SMB_CLIENT, "SetConfiguration", EnableSecuritySignature=False)
    events = [(event["id"], event["fields"]) for event in host.state()["events"]]
    assert events == [
        (31018, {"RegName": "AllowInsecureGuestAuth", "RegValue": 1}),
        (31016, {"RegName": "EnableSecuritySignature", "RegValue": 0}),
    ]


def test_connections_are_a_cim_class(make_host: Any) -> None:
    host = make_host(parameters=OPEN)
    peer = host.peer()
    query = "SELECT * FROM MSFT_SmbConnection"
    namespace = "root/Microsoft/Windows/SMB/*"
    assert items_of(peer.enumerate(namespace, query)) == []
    connect(host)
    connect(host)
    (item,) = items_of(peer.enumerate(namespace, query))
    row = members(item)
    assert (row["ServerName"], row["Signed"], row["Encrypted"]) == ("nas01", "false", "false")
