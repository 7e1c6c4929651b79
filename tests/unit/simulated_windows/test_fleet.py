"""The process and its control port: starting, stopping, adding hosts, settings from all sides, and size."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from simulated_windows.client import ControlError, Fleet
from simulated_windows.host_spec import FleetError, parse_fleet
from simulated_windows.peer import SMB_CLIENT, WMI, Host, Peer, envelope

PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
MDM = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device\LanmanWorkstation"
GUEST = "EnableInsecureGuestLogons"
PACKAGE_PARENT = Path(sys.modules["simulated_windows"].__path__[0]).parent


# Settings from all sides


def test_state_is_stable_and_complete(host: Host, peer: Peer) -> None:
    before = host.state()
    assert set(before) == {
        "os", "registry", "smb_client", "smb_server", "services", "smb_connections", "event_subscriptions", "channels",
        "events",
        "tasks",
        "files",
    }  # fmt: skip
    peer.configuration()
    peer.query("SELECT * FROM Win32_OperatingSystem")
    assert host.state() == before


def test_regedit_takes_effect_or_leaves_the_client_behind(host: Host) -> None:
    host.control.set_registry(host.name, PARAMETERS, "AllowInsecureGuestAuth", 1)
    assert host.running()[GUEST] is True
    host.control.set_registry(host.name, PARAMETERS, "AllowInsecureGuestAuth", 0, apply=False)
    assert host.running()[GUEST] is True
    assert host.registry(PARAMETERS, "AllowInsecureGuestAuth") == 0
    host.control.delete_registry(host.name, PARAMETERS, "AllowInsecureGuestAuth")
    assert host.running()[GUEST] is False
    host.control.delete_registry(host.name, PARAMETERS)
    assert PARAMETERS not in host.state()["registry"]


def test_a_client_that_does_not_follow_the_registry(make_host: Any) -> None:
    host = make_host(quirks={"running_follows_registry": False})
    host.peer().set_dword(PARAMETERS.removeprefix("HKLM\\"), "AllowInsecureGuestAuth", 1)
    assert host.running()[GUEST] is False
    host.peer().outputs(SMB_CLIENT, "SetConfiguration", RequireEncryption=False)
    assert host.running()[GUEST] is True


def test_policy_comes_back(make_host: Any) -> None:
    host = make_host(policy={"AllowInsecureGuestAuth": 0}, parameters={"AllowInsecureGuestAuth": 1})
    host.control.delete_registry(host.name, POLICY)
    assert host.running()[GUEST] is True
    host.control.policy_refresh(host.name)
    assert host.running()[GUEST] is False
    host.control.policy_refresh(host.name, policy={"AllowInsecureGuestAuth": None})
    assert host.running()[GUEST] is True
    assert host.registry(POLICY, "AllowInsecureGuestAuth") is None


@pytest.mark.parametrize("mdm_only", [False, True])
def test_mdm(make_host: Any, mdm_only: bool) -> None:
    host = make_host(mdm={GUEST: 0}, parameters={"AllowInsecureGuestAuth": 1}, quirks={"mdm_only": mdm_only})
    assert host.state()["registry"][MDM] == {
        GUEST: {"type": "REG_DWORD", "value": 0},
        f"{GUEST}_ProviderSet": {"type": "REG_DWORD", "value": 1},
    }
    assert host.registry(POLICY, "AllowInsecureGuestAuth") == (None if mdm_only else 0)
    assert host.running()[GUEST] is mdm_only


def test_the_server_side_from_the_fleet_file(make_host: Any) -> None:
    host = make_host(
        server_parameters={"EncryptData": 1},
        server_policy={"AuditInsecureGuestLogon": 1},
        server_mdm={"AuthRateLimiterDelayInMs": 5000},
    )
    running = host.running("smb_server")
    assert (running["EncryptData"], running["AuditInsecureGuestLogon"]) == (True, True)
    assert running["InvalidAuthenticationDelayTimeInMs"] == 5000


def test_reset(host: Host, peer: Peer) -> None:
    before = host.state()
    peer.outputs(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True, SessionTimeout=1)
    host.control.advance_clock(host.name, 60)
    host.control.add_fault(host.name, "http_503", times=0)
    assert host.state() != before
    host.control.reset(host.name)
    assert host.state() == before
    assert host.counters()["requests_after_auth"] == 0
    assert peer.configuration()[GUEST] == "false"


def test_the_clock_is_shown_once_it_moved(host: Host) -> None:
    assert "clock" not in host.state()
    clock = host.control.advance_clock(host.name, 3600)
    assert host.state()["clock"][:16] == clock[:16]


def test_counters_count_what_is_on_the_wire(host: Host, peer: Peer) -> None:
    reply = peer.invoke(SMB_CLIENT, "GetConfiguration")
    counters = host.counters()
    assert (counters["requests"], counters["requests_after_auth"], counters["connections"]) == (1, 1, 1)
    assert len(reply.content) < counters["bytes_sent"] < len(reply.content) + 400
    assert 900 < counters["bytes_received"] < 2500
    host.control.reset_counters(host.name)
    assert set(host.counters().values()) == {0}


# The process


def test_a_host_that_does_not_listen(make_host: Any) -> None:
    host = make_host(listening=False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host.ready["address"], host.ready["http_port"]), timeout=5)


def test_addresses_and_counts(fleet: Fleet) -> None:
    added = fleet.control.add_host(name="many", preset="server_2022", count=3, https=False)
    assert list(added) == ["many-001", "many-002", "many-003"]
    assert len({entry["address"] for entry in added.values()}) == 3
    chosen = fleet.control.add_host(name="chosen", preset="server_2022", address="127.200.0.9", https=False)
    assert chosen["chosen"]["address"] == "127.200.0.9"
    assert set(added) | {"chosen"} <= set(fleet.control.hosts())
    with pytest.raises(ControlError, match="exist already: chosen"):
        fleet.control.add_host(name="chosen", preset="server_2022")


def test_unknown_hosts_and_bad_calls(fleet: Fleet, host: Host) -> None:
    with pytest.raises(ControlError, match="404"):
        fleet.control.state("nobody")
    with pytest.raises(ControlError, match="400"):
        fleet.control.set_registry(host.name, r"HKXX\a", "b", 1)
    response = requests.post(f"{fleet.control_url}/hosts/{host.name}/clock", data="[1]", timeout=10)
    assert response.status_code == 400
    assert "not a JSON object" in response.json()["error"]


BAD_FLEETS = [
    ([], "one member hosts"),
    ({"hosts": [{"preset": "server_2022"}]}, "no name"),
    ({"hosts": [{"name": "a", "preset": "windows_95"}]}, "no preset"),
    ({"hosts": [{"name": "a", "preset": "server_2022", "ports": 1}]}, "unknown members: ports"),
    ({"hosts": [{"name": "a", "preset": "server_2022", "quirks": {"odd": 1}}]}, "unknown quirks: odd"),
    ({"hosts": [{"name": "a", "preset": "server_2022", "quirks": {"first_page": "x"}}]}, "first_page"),
    ({"hosts": [{"name": "a", "preset": "server_2022", "quirks": {"access_denied": "x"}}]}, "access_denied"),
    ({"hosts": [{"name": "a", "preset": "server_2022", "certificate": "odd"}]}, "certificate"),
    ({"hosts": [{"name": "a", "preset": "server_2022", "licence_defaults": {"x": True}}]}, "licence"),
    ({"hosts": [{"name": "a", "preset": "server_2022", "count": 2, "address": "127.0.0.2"}]}, "exclude"),
    ({"hosts": [{"name": "a", "preset": "server_2022"}, {"name": "a", "preset": "server_2022"}]}, "twice"),
    ({"hosts": [{"name": "a", "preset": "server_2022",
                 "users": [{"name": "u", "password": "p:q", "role": "user"}]}]}, "colon"),
    ({"hosts": [{"name": "a", "preset": "server_2022",
                 "users": [{"name": "u", "password": "p", "role": "king"}]}]}, "role"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "text"), BAD_FLEETS)
def test_bad_fleet_files(document: Any, text: str) -> None:
    with pytest.raises(FleetError, match=text):
        parse_fleet(document)


def test_a_bad_fleet_file_ends_the_program_with_a_clear_line() -> None:
    with (
        pytest.raises(RuntimeError, match="no preset 'windows_95'"),
        Fleet({"hosts": [{"name": "a", "preset": "windows_95"}]}),
    ):
        pass


@pytest.fixture
def small_fleet(tmp_path: Path) -> dict[str, Any]:
    return {"hosts": [{"name": "one", "preset": "windows_11_24h2_pro"}, {"name": "two", "preset": "server_2019"}]}


def start(tmp_path: Path, document: dict[str, Any], *more: str) -> tuple[subprocess.Popen[bytes], Path]:
    (tmp_path / "fleet.yml").write_text(yaml.safe_dump(document))
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "simulated_windows", "--fleet", str(tmp_path / "fleet.yml")]
    process = subprocess.Popen(
        [*command, "--ready-file", str(ready), *more], env={**os.environ, "PYTHONPATH": str(PACKAGE_PARENT)}
    )
    while not ready.exists():
        assert process.poll() is None
    return process, ready


def test_ready_file_and_inventory(small_fleet: dict[str, Any]) -> None:
    with Fleet(small_fleet) as fleet:
        assert list(fleet.hosts) == ["one", "two"]
        entry = fleet.hosts["one"]
        assert [user["role"] for user in entry["users"]] == ["administrator", "filtered_administrator", "user"]
        assert len({user["password"] for user in entry["users"]}) == 3
        inventory = yaml.safe_load(fleet.inventory_path.read_text())
        group = inventory["all"]["children"]["windows"]
        one = {**group["vars"], **group["hosts"]["one"]}
        assert (one["ansible_host"], one["ansible_port"]) == (entry["address"], entry["http_port"])
        assert (one["ansible_connection"], one["ansible_winrm_transport"]) == ("winrm", "ntlm")
        assert one["ansible_user"] == "Administrator"
        folder = Path(entry["ca_file"]).parent
        pid = fleet.pid
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it(tmp_path: Path, small_fleet: dict[str, Any], number: signal.Signals) -> None:
    process, ready = start(tmp_path, small_fleet)
    process.send_signal(number)
    assert process.wait(15) == 0
    assert not ready.exists()


def test_shutdown_stops_it_even_with_a_hanging_request(tmp_path: Path, small_fleet: dict[str, Any]) -> None:
    process, ready = start(tmp_path, small_fleet)
    document = json.loads(ready.read_text())
    url = document["control_url"]
    requests.post(f"{url}/hosts/one/faults", json={"kind": "hang"}, timeout=10)
    entry = document["hosts"]["one"]
    user = entry["users"][0]
    address = f"http://{entry['address']}:{entry['http_port']}/wsman"
    message = envelope(WMI + SMB_CLIENT, f"{WMI}{SMB_CLIENT}/GetConfiguration")
    with pytest.raises(requests.ReadTimeout):
        requests.post(address, data=message, auth=(user["name"], user["password"]), timeout=0.3)
    requests.post(f"{url}/shutdown", timeout=10)
    assert process.wait(15) == 0


def test_it_ends_with_its_parent(tmp_path: Path, small_fleet: dict[str, Any]) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent:
        process, _ready = start(tmp_path, small_fleet, "--parent-pid", str(parent.pid))
        assert process.poll() is None
    assert process.wait(15) == 0


def test_two_hundred_hosts() -> None:
    presets = ["windows_11_24h2_pro", "windows_10_22h2_enterprise", "server_2019", "server_2025"]
    document = {"hosts": [{"name": f"group{n}", "preset": preset, "count": 50} for n, preset in enumerate(presets)]}
    with Fleet(document) as fleet:
        hosts = [Host(name, ready, fleet.control) for name, ready in fleet.hosts.items()]
        assert len({host.ready["address"] for host in hosts}) == 200

        def open_guest(host: Host) -> str:
            peer = host.peer()
            peer.outputs(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True)
            return str(peer.configuration()[GUEST])

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            assert set(pool.map(open_guest, hosts)) == {"true"}
        assert sum(host.counters()["requests_after_auth"] for host in hosts) == 400
