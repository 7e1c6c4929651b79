"""Editions beside the main matrix: what they say about themselves, and that they behave like their next of kin."""

from __future__ import annotations

import pytest

from simulated_windows.editions import ALL_PRESETS, EDITION_PRESETS, OTHER_CLIENT_RELEASES, OTHER_EDITIONS
from simulated_windows.in_process import InProcessHost
from simulated_windows.presets import PRESETS

VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
SAYS = {
    "windows_11_24h2_home_sl": ("CoreSingleLanguage", 100, "26100", "Client", "64-bit"),
    "windows_10_22h2_enterprise_n": ("EnterpriseN", 27, "19045", "Client", "64-bit"),
    "windows_10_21h2_ltsc": ("EnterpriseS", 125, "19044", "Client", "64-bit"),
    "windows_11_24h2_iot_ltsc": ("IoTEnterpriseS", 191, "26100", "Client", "64-bit"),
    "windows_11_23h2_se": ("CloudEdition", 203, "22631", "Client", "64-bit"),
    "windows_11_24h2_enterprise_eval": ("EnterpriseEval", 72, "26100", "Client", "64-bit"),
    "windows_11_24h2_multi_session": ("ServerRdsh", 175, "26100", "Client", "64-bit"),
    "windows_11_24h2_pro_arm64": ("Professional", 48, "26100", "Client", "ARM 64-bit Processor"),
    "server_2022_20349": ("ServerDatacenter", 8, "20349", "Server", "64-bit"),
    "server_2025_azure": ("ServerTurbine", 407, "26100", "Server", "64-bit"),
    "server_2022_core": ("ServerStandard", 13, "20348", "Server Core", "64-bit"),
    "server_2025_eval": ("ServerStandardEval", 79, "26100", "Server", "64-bit"),
}


def test_names_are_new_and_complete() -> None:
    assert not set(PRESETS) & set(EDITION_PRESETS)
    assert len(ALL_PRESETS) == len(PRESETS) + len(EDITION_PRESETS)
    assert {f"{release}_{name}" for release in OTHER_CLIENT_RELEASES for name in OTHER_EDITIONS} < set(EDITION_PRESETS)


@pytest.mark.parametrize(("preset", "expected"), SAYS.items())
def test_what_an_edition_says(preset: str, expected: tuple[str, int, str, str, str]) -> None:
    host = InProcessHost(preset)
    (row,) = host.peer().query("SELECT OperatingSystemSKU,BuildNumber,OSArchitecture FROM Win32_OperatingSystem")
    edition, installation = (host.registry.get(VERSION, name) for name in ("EditionID", "InstallationType"))
    assert edition is not None
    assert installation is not None
    said = (edition.data, int(row["OperatingSystemSKU"]), row["BuildNumber"], installation.data, row["OSArchitecture"])
    assert said == expected


def test_every_edition_installs_and_behaves_like_its_kin() -> None:
    for name, preset in EDITION_PRESETS.items():
        host = InProcessHost(name)
        assert host.client.running["EnableInsecureGuestLogons"] is (
            preset.insecure_guest_allowed_by_default and not preset.denies_guest_in_parameters
        )
    for release in OTHER_CLIENT_RELEASES:
        for name, edition in OTHER_EDITIONS.items():
            kin = InProcessHost(f"{release}_{edition.like}")
            assert InProcessHost(f"{release}_{name}").client.running == kin.client.running
    other = InProcessHost("windows_11_24h2_ltsc", licence_defaults={"SMBClient-AllowInsecureGuestAuthByDefault": True})
    assert other.client.running["EnableInsecureGuestLogons"] is True
