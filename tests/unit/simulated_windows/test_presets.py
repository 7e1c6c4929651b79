"""The whole matrix of defaults, seen from outside: what a host of each preset does before anybody configures it."""

from __future__ import annotations

from typing import Any

import pytest

from simulated_windows.host import SimulatedHost
from simulated_windows.host_spec import HostSpec
from simulated_windows.presets import PRESETS

CLIENT = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"

# preset: home, pro, pro_ws, enterprise, education. A allowed, D denied by licence, P denied by a Parameters value;
# S after it: client signing required.
CLIENTS = {
    "windows_10_1709": "A A P P P",
    "windows_10_1803": "A A P P P",
    "windows_10_1809": "A A P P P",
    "windows_10_1903": "A A P P P",
    "windows_10_1909": "A A P P P",
    "windows_10_2004": "A A D D D",
    "windows_10_20h2": "A A D D D",
    "windows_10_21h1": "A A D D D",
    "windows_10_21h2": "A A D D D",
    "windows_10_22h2": "A A D D D",
    "windows_11_21h2": "A A D D D",
    "windows_11_22h2": "A A D D D",
    "windows_11_23h2": "A A D D D",
    "windows_11_24h2": "A DS DS DS DS",
    "windows_11_25h2": "A DS DS DS DS",
}
EDITIONS = ("home", "pro", "pro_ws", "enterprise", "education")
OTHERS = {
    **{f"windows_10_{v}_{e}_without_kb5003173": "A" for v in ("2004", "20h2", "21h1") for e in EDITIONS},
    "server_2016": "A",
    "server_2019": "P",
    "server_2022": "D",
    "server_2025": "DS",
    "domain_controller": "DS",
}
MATRIX = {
    **{
        f"{name}_{edition}": cell
        for name, row in CLIENTS.items()
        for edition, cell in zip(EDITIONS, row.split(), strict=True)
    },
    **OTHERS,
}
SERVER_SIGNING = {f"windows_11_{v}_{e}" for v in ("24h2", "25h2") for e in EDITIONS if e != "home"} | {
    "domain_controller"
}


def test_the_matrix_is_complete() -> None:
    assert set(MATRIX) == set(PRESETS)


@pytest.mark.parametrize("preset", sorted(MATRIX))
def test_defaults(preset: str) -> None:
    host = SimulatedHost(HostSpec("h", preset))
    cell = MATRIX[preset]
    running = host.client.running
    assert running["EnableInsecureGuestLogons"] is cell.startswith("A")
    assert running["RequireSecuritySignature"] is cell.endswith("S")
    assert host.server.running["RequireSecuritySignature"] is (preset in SERVER_SIGNING)
    assert host.registry.get_dword(CLIENT, "AllowInsecureGuestAuth") == (0 if cell == "P" else None)


@pytest.mark.parametrize("preset", sorted(name for name, cell in MATRIX.items() if cell == "P"))
def test_on_old_builds_deleting_the_value_opens_guest(preset: str) -> None:
    host = SimulatedHost(HostSpec("h", preset))
    host.registry.delete_value(CLIENT, "AllowInsecureGuestAuth")
    assert host.client.running["EnableInsecureGuestLogons"] is True


@pytest.mark.parametrize("preset", sorted(name for name, cell in MATRIX.items() if cell.startswith("D")))
def test_on_newer_builds_deleting_the_value_restores_the_default(preset: str) -> None:
    host = SimulatedHost(HostSpec("h", preset, parameters={"AllowInsecureGuestAuth": 1}))
    assert host.client.running["EnableInsecureGuestLogons"] is True
    host.registry.delete_value(CLIENT, "AllowInsecureGuestAuth")
    assert host.client.running["EnableInsecureGuestLogons"] is False


# preset, caption, build, SKU, product type, edition, version, domain role
FACTS = [
    ("windows_10_1709_home", "Microsoft Windows 10 Home", "16299", "101", "1", "Core", None, "0"),
    ("windows_10_22h2_education", "Microsoft Windows 10 Education", "19045", "121", "1", "Education", "22H2", "0"),
    (
        "windows_10_1909_pro_ws",
        "Microsoft Windows 10 Pro for Workstations",
        "18363",
        "161",
        "1",
        "ProfessionalWorkstation",
        None,
        "0",
    ),
    ("windows_11_24h2_pro", "Microsoft Windows 11 Pro", "26100", "48", "1", "Professional", "24H2", "0"),
    ("windows_11_23h2_enterprise", "Microsoft Windows 11 Enterprise", "22631", "4", "1", "Enterprise", "23H2", "0"),
    ("server_2019", "Microsoft Windows Server 2019 Standard", "17763", "7", "3", "ServerStandard", None, "2"),
    ("server_2025", "Microsoft Windows Server 2025 Standard", "26100", "7", "3", "ServerStandard", "24H2", "2"),
    ("domain_controller", "Microsoft Windows Server 2025 Standard", "26100", "7", "2", "ServerStandard", "24H2", "5"),
]


@pytest.mark.parametrize(("preset", "caption", "build", "sku", "type_", "edition", "version", "role"), FACTS)
def test_what_a_host_says_about_itself(
    make_host: Any, preset: str, caption: str, build: str, sku: str, type_: str, edition: str, version: str, role: str
) -> None:
    host = make_host(preset)
    peer = host.peer()
    (system,) = peer.query("SELECT * FROM Win32_OperatingSystem")
    assert (system["Caption"], system["BuildNumber"], system["OperatingSystemSKU"]) == (caption, build, sku)
    assert (system["ProductType"], system["Version"]) == (type_, f"10.0.{build}")
    (computer,) = peer.query("SELECT * FROM Win32_ComputerSystem")
    assert computer["DomainRole"] == role
    joined = preset == "domain_controller"
    assert (computer["PartOfDomain"], computer["Domain"]) == (
        ("true", "corp.example") if joined else ("false", "WORKGROUP")
    )
    assert host.registry(VERSION, "EditionID") == edition
    assert host.registry(VERSION, "DisplayVersion") == version
    assert host.registry(VERSION, "CurrentBuildNumber") == build


@pytest.mark.parametrize(
    ("preset", "patched"),
    [("windows_10_2004_enterprise", True), ("windows_10_2004_enterprise_without_kb5003173", False)],
)
def test_kb5003173_shows_in_the_revision_and_the_list_of_updates(make_host: Any, preset: str, patched: bool) -> None:
    host = make_host(preset)
    assert (host.registry(VERSION, "UBR") >= 985) is patched
    updates = host.peer().query("SELECT HotFixID FROM Win32_QuickFixEngineering")
    assert updates == ([{"HotFixID": "KB5003173"}] if patched else [])


def test_a_member_of_a_domain(make_host: Any) -> None:
    peer = make_host("windows_11_24h2_enterprise", part_of_domain=True, domain="ad.example").peer()
    (computer,) = peer.query("SELECT PartOfDomain, Domain, DomainRole FROM Win32_ComputerSystem")
    assert computer == {"Domain": "ad.example", "DomainRole": "1", "PartOfDomain": "true"}
