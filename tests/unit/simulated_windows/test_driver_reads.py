"""When a driver sees what was written to its keys, by every quirk; and a side whose service does not run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulated_windows.in_process import InProcessHost
from simulated_windows.peer import SMB_CLIENT, SMB_SERVER
from simulated_windows.smb_properties import CLIENT_PARAMETERS, CLIENT_POLICY, SERVER_POLICY

GUEST, SIGNING, AUDIT = "EnableInsecureGuestLogons", "RequireSecuritySignature", "AuditInsecureGuestLogon"


def write(host: InProcessHost) -> None:
    host.registry.set(CLIENT_PARAMETERS, "RequireSecuritySignature", "REG_DWORD", 0)
    host.registry.set(CLIENT_POLICY, "AllowInsecureGuestAuth", "REG_DWORD", 1)


def set_audit(host: InProcessHost) -> None:
    assert host.peer().outputs(SMB_CLIENT, "SetConfiguration", AuditInsecureGuestLogon=True)["ReturnValue"] == "0"


def refresh(host: InProcessHost) -> None:
    host.refresh_policy(policy={"AuditServerDoesNotSupportSigning": 1})


def restart(host: InProcessHost) -> None:
    host.set_service("LanmanWorkstation", "stopped")
    host.set_service("LanmanWorkstation", "running")


STEPS: tuple[Callable[[InProcessHost], None], ...] = (write, set_audit, refresh, restart)
NEVER = len(STEPS)

# quirks -> the step after which the driver runs with what was written to (Parameters, the policy key)
SEEN: list[tuple[dict[str, Any], int, int]] = [
    ({}, 0, 0),
    ({"running_follows_registry": False}, 1, 1),
    ({"running_follows_registry": False, "set_rereads_registry": False}, 2, 2),
    ({"running_follows_registry": False, "set_rereads_registry": False, "refresh_rereads_registry": False}, 3, 3),
    ({"policy_read_at_start_only": True}, 0, 3),
    ({"policy_read_at_start_only": True, "running_follows_registry": False}, 1, 3),
]


@pytest.mark.parametrize(("quirks", "parameters", "policy"), SEEN)
def test_when_a_write_is_seen(quirks: dict[str, Any], parameters: int, policy: int) -> None:
    host = InProcessHost("windows_11_24h2_pro", quirks=quirks)
    for number, step in enumerate(STEPS):
        step(host)
        running = host.client.running
        assert (number, running[SIGNING]) == (number, number < parameters)
        assert (number, running[GUEST]) == (number, number >= policy)
        # What a SetConfiguration hands over runs at once, whatever else the driver reads.
        assert running[AUDIT] is (number >= 1)


def test_booting_reads_everything() -> None:
    host = InProcessHost(quirks={"policy_read_at_start_only": True, "running_follows_registry": False})
    write(host)
    host.registry.set(SERVER_POLICY, "AuditInsecureGuestLogon", "REG_DWORD", 1)
    assert (host.client.running[GUEST], host.server.running[AUDIT]) == (False, False)
    host.boot(off=60)
    assert (host.client.running[GUEST], host.server.running[AUDIT]) == (True, True)


def test_a_policy_that_the_driver_has_not_read_does_not_govern_yet() -> None:
    host = InProcessHost(quirks={"policy_read_at_start_only": True})
    host.registry.set(CLIENT_POLICY, "AllowInsecureGuestAuth", "REG_DWORD", 0)
    peer = host.peer()
    peer.outputs(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True)
    assert peer.configuration()[GUEST] == "true"
    host.boot()
    assert peer.configuration()[GUEST] == "false"


@pytest.mark.parametrize(
    ("service", "side", "other", "code"),
    [("LanmanServer", SMB_SERVER, SMB_CLIENT, 2114), ("LanmanWorkstation", SMB_CLIENT, SMB_SERVER, 2138)],
)
@pytest.mark.parametrize("state", ["stopped", "disabled"])
@pytest.mark.parametrize("answer", ["fault", "return_value", "works"])
def test_one_side_down(service: str, side: str, other: str, code: int, state: str, answer: str) -> None:
    host = InProcessHost(services={service: state}, quirks={"stopped_service": answer})
    peer = host.peer()
    for method, arguments in (("GetConfiguration", {}), ("SetConfiguration", {SIGNING: False})):
        before = host.snapshot()
        reply = peer.invoke(side, method, **arguments)
        if answer == "fault":
            assert (reply.status, reply.fault_codes) == (500, [0x800700CE])
        elif answer == "return_value":
            assert reply.outputs()["ReturnValue"] == str(code)
            assert reply.outputs().get("Output") is None
        else:
            assert reply.outputs()["ReturnValue"] == "0"
        if answer != "works":
            assert host.snapshot() == before
    assert peer.invoke(other, "GetConfiguration").status == 200
    (row,) = peer.query(f"SELECT State,StartMode FROM Win32_Service WHERE Name='{service}'")
    assert row == {"State": "Stopped", "StartMode": "Disabled" if state == "disabled" else "Auto"}
    host.set_service(service, "running")
    assert peer.outputs(side, "GetConfiguration")["ReturnValue"] == "0"


def test_unknown_services_and_states_are_refused() -> None:
    for services in ({"NoSuchService": "running"}, {"LanmanServer": "asleep"}):
        with pytest.raises(ValueError, match="service"):
            InProcessHost(services=services)


def test_quirks_can_be_switched_and_come_back_with_a_saved_host() -> None:
    host = InProcessHost()
    saved = host.save()
    host.set_quirks(registry_absent_codes=[2, 1], german=True)
    peer = host.peer()
    arguments = {"sSubKeyName": r"SOFTWARE\none", "sValueName": "x"}
    assert peer.outputs("root/cimv2/StdRegProv", "GetDWORDValue", **arguments)["ReturnValue"] == "1"
    with pytest.raises(ValueError, match="unknown quirks: no_such"):
        host.set_quirks(no_such=True)
    with pytest.raises(ValueError, match="rsop"):
        host.set_quirks(rsop="sometimes")
    host.load(saved)
    assert peer.outputs("root/cimv2/StdRegProv", "GetDWORDValue", **arguments)["ReturnValue"] == "2"
