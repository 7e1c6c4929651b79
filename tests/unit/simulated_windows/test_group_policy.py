"""GPOs of a host and what Resultant Set of Policy says about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from simulated_windows.host_spec import FleetError
from simulated_windows.in_process import START, InProcessHost
from simulated_windows.peer import Peer, items_of, members
from simulated_windows.smb_properties import CLIENT_PARAMETERS, CLIENT_POLICY

NAMESPACE = "root/rsop/computer"
GUID = "{11111111-2222-3333-4444-555555555555}"
GPOS = [
    {"local": True, "policy": {"AllowInsecureGuestAuth": 1}},
    {
        "name": "SMB & hardening",
        "guid": GUID,
        "policy": {"AllowInsecureGuestAuth": 0, "AuditInsecureGuestLogon": 1},
        "security_options": {"RequireSecuritySignature": 1},
        "account_policies": {"LSAAnonymousNameLookup": False},
    },
    {"name": "Exceptions", "link": "OU=NAS,DC=corp,DC=example", "policy": {"AuditInsecureGuestLogon": 0}},
]
PATH = f"CN={GUID},CN=Policies,CN=System,DC=corp,DC=example"


def host_with(**options: Any) -> InProcessHost:
    return InProcessHost("windows_11_23h2_pro", part_of_domain=True, gpos=GPOS, **options)


def rows(peer: Peer, what: str) -> list[dict[str, Any]]:
    return peer.query(f"SELECT * FROM {what}", NAMESPACE)


def test_the_last_gpo_wins_and_takes_effect() -> None:
    host = host_with()
    assert host.registry.get_dword(CLIENT_POLICY, "AllowInsecureGuestAuth") == 0
    assert host.registry.get_dword(CLIENT_POLICY, "AuditInsecureGuestLogon") == 0
    assert host.registry.get_dword(CLIENT_PARAMETERS, "RequireSecuritySignature") == 1
    assert host.client.running["EnableInsecureGuestLogons"] is False
    assert host.client.running["RequireSecuritySignature"] is True


def test_registry_policies_with_precedence() -> None:
    peer = host_with().peer()
    guest = rows(peer, "RSOP_RegistryPolicySetting WHERE valueName='AllowInsecureGuestAuth'")
    assert [(row["precedence"], row["GPOID"], row["value"]) for row in guest] == [
        ("1", PATH, ["0", "0", "0", "0"]),
        ("2", "LocalGPO", ["1", "0", "0", "0"]),
    ]
    assert {row["registryKey"] for row in guest} == {r"SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"}
    assert {(row["valueType"], row["deleted"]) for row in guest} == {("4", "false")}
    (winner,) = rows(
        peer,
        r"RSOP_RegistryPolicySetting WHERE registryKey='SOFTWARE\\Policies\\Microsoft\\Windows\\LanmanWorkstation' "
        "AND valueName='AuditInsecureGuestLogon' AND precedence=1",
    )
    assert winner["SOMID"] == "OU=NAS,DC=corp,DC=example"
    assert winner["creationTime"].findtext("*") == "2026-03-02T12:00:00.000000Z"


def test_security_options_and_account_policies() -> None:
    peer = host_with().peer()
    (signing,) = rows(peer, "RSOP_RegistryValue")
    path = r"MACHINE\System\CurrentControlSet\Services\LanmanWorkstation\Parameters\RequireSecuritySignature"
    assert (signing["Path"], signing["Type"], signing["Data"]) == (path, "4", "1")
    assert (signing["GPOID"], signing["precedence"]) == (PATH, "1")
    (lookup,) = rows(peer, "RSOP_SecuritySettingBoolean")
    assert (lookup["KeyName"], lookup["Setting"]) == ("LSAAnonymousNameLookup", "false")


def test_names_links_and_the_session() -> None:
    peer = host_with().peer()
    found = {row["id"]: row for row in rows(peer, "RSOP_GPO")}
    assert [row["name"] for row in found.values()] == ["Local Group Policy", "SMB & hardening", "Exceptions"]
    assert found[PATH]["guidName"] == GUID
    assert found["LocalGPO"]["fileSystemPath"] is None
    assert found[PATH]["fileSystemPath"] == rf"\\corp.example\SysVol\corp.example\Policies\{GUID}\Machine"
    reply = peer.enumerate(f"{NAMESPACE}/*", "SELECT * FROM RSOP_GPLink")
    links = [members(item) for item in items_of(reply)]
    assert [(row["somOrder"], row["appliedOrder"]) for row in links] == [("1", "1"), ("2", "2"), ("3", "3")]
    chosen = [element.text for element in links[1]["GPO"].iter() if element.tag.endswith("}Selector")]
    assert chosen == [PATH]
    assert [row["id"] for row in rows(peer, "RSOP_SOM")] == ["Local", "DC=corp,DC=example", GPOS[2]["link"]]
    (session,) = rows(peer, "RSOP_Session")
    assert session["creationTime"].findtext("*") == "2026-03-02T12:00:00.000000Z"


def test_a_refresh_writes_again_and_logs() -> None:
    host = host_with()
    host.edit(CLIENT_POLICY, "AllowInsecureGuestAuth", 1)
    host.advance(60)
    host.refresh_policy()
    assert host.registry.get_dword(CLIENT_POLICY, "AllowInsecureGuestAuth") == 0
    host.refresh_policy(gpos=[{"name": "Only signing", "security_options": {"RequireSecuritySignature": 0}}])
    assert host.registry.values(CLIENT_POLICY) == []
    assert host.registry.get_dword(CLIENT_PARAMETERS, "RequireSecuritySignature") == 0
    host.refresh_policy(gpos=[])
    # A security option stays when its GPO goes.
    assert host.registry.get_dword(CLIENT_PARAMETERS, "RequireSecuritySignature") == 0
    assert rows(host.peer(), "RSOP_GPO") == []
    (session,) = rows(host.peer(), "RSOP_Session")
    assert session["creationTime"].findtext("*") == "2026-03-02T12:01:00.000000Z"


@pytest.mark.parametrize(
    ("quirk", "codes"), [("missing_namespace", [0x8004100E, 0x8004100E]), ("denied", [5]), ("empty", None)]
)
def test_a_host_that_does_not_tell(quirk: str, codes: list[int] | None) -> None:
    peer = host_with(quirks={"rsop": quirk}).peer()
    for name in ("RSOP_GPO", "RSOP_RegistryPolicySetting", "RSOP_RegistryValue", "RSOP_Session"):
        reply = peer.enumerate(f"{NAMESPACE}/*", f"SELECT * FROM {name}")
        assert reply.status == (500 if codes else 200)
        assert (reply.fault_codes if codes else items_of(reply)) == (codes or [])


def test_old_data() -> None:
    host = host_with(quirks={"rsop": "old"})
    host.advance(86400)
    host.refresh_policy(gpos=[{"name": "New", "policy": {"AllowInsecureGuestAuth": 1}}])
    assert host.registry.get_dword(CLIENT_POLICY, "AllowInsecureGuestAuth") == 1
    found = rows(host.peer(), "RSOP_RegistryPolicySetting WHERE valueName='AllowInsecureGuestAuth' AND precedence=1")
    assert [row["GPOID"] for row in found] == [PATH]
    (session,) = rows(host.peer(), "RSOP_Session")
    assert datetime.fromisoformat(session["creationTime"].findtext("*")) < START
    assert START.tzinfo is UTC


def test_an_ordinary_user_is_denied() -> None:
    host = host_with()
    host.user = next(user for user in host.host.spec.users if user.role == "user")
    assert host.peer().enumerate(f"{NAMESPACE}/*", "SELECT * FROM RSOP_GPO").status == 500


def test_bad_gpos_are_refused() -> None:
    for entry in ({"policy": {}}, {"name": "x", "polices": {}}):
        with pytest.raises(FleetError):
            InProcessHost(gpos=[entry])
