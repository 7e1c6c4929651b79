# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other doors of a guest on a simulated host: SMB1 drivers, the Guest account, ForceGuest.

A second reading of the pages on them. ``doors`` of a host in the fleet file is what differs from a clean installation:
``smb1_client`` and ``smb1_server``: ``absent``, ``running``, ``stopped``, ``disabled``, ``disabled_running`` or
``start_only`` (a baseline wrote Start where nothing is installed); ``guest_enabled``, ``guest_name``, ``force_guest``,
``drivers_hidden`` (the service manager lists nothing, as to an account without rights), ``smb1_value`` (the value SMB1
of LanmanServer).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cim import CimClass, Instance, Property
from .win32_classes import NAMESPACE, Listing
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .registry import Registry

SERVICES = r"HKLM\SYSTEM\CurrentControlSet\Services"
LSA = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"
DRIVERS = {"smb1_client": "mrxsmb10", "smb1_server": "srv"}
# SMB1 is part of a clean installation of Windows 10 before 1709 and of Server 2016.
LAST_BUILD_WITH_SMB1 = 15063

SYSTEM_DRIVER = CimClass(
    NAMESPACE,
    "Win32_SystemDriver",
    (
        *(Property(name, "string") for name in ("Caption", "DisplayName")),
        Property("Name", "string", key=True),
        *(Property(name, "string") for name in ("PathName", "ServiceType", "StartMode", "State", "Status")),
        Property("Started", "boolean"),
    ),
)
USER_ACCOUNT = CimClass(
    NAMESPACE,
    "Win32_UserAccount",
    (
        Property("Domain", "string", key=True),
        Property("Name", "string", key=True),
        Property("SID", "string"),
        Property("Disabled", "boolean"),
        Property("LocalAccount", "boolean"),
    ),
)


def _state(doors: Mapping[str, Any], door: str, build: int) -> str:
    installed = build <= LAST_BUILD_WITH_SMB1
    return str(doors.get(door, "running" if installed else "absent"))


def install(registry: Registry, doors: Mapping[str, Any], build: int) -> None:
    """Write the keys that setup, features and baselines leave."""
    for door, driver in DRIVERS.items():
        state, key = _state(doors, door, build), rf"{SERVICES}\{driver}"
        if state != "absent":
            registry.set(key, "Start", "REG_DWORD", 4 if state in ("disabled", "disabled_running", "start_only") else 2)
        if state not in ("absent", "start_only"):
            registry.set(key, "ImagePath", "REG_EXPAND_SZ", rf"system32\drivers\{driver}.sys")
    if "smb1_value" in doors:
        registry.set(rf"{SERVICES}\LanmanServer\Parameters", "SMB1", "REG_DWORD", int(doors["smb1_value"]))
    if "force_guest" in doors:
        registry.set(LSA, "ForceGuest", "REG_DWORD", int(doors["force_guest"]))


def _driver_row(driver: str, *, running: bool, disabled: bool = False) -> dict[str, Any]:
    return {
        "Caption": driver,
        "DisplayName": driver,
        "Name": driver,
        "PathName": rf"C:\Windows\system32\drivers\{driver}.sys",
        "ServiceType": "File System Driver",
        "StartMode": "Disabled" if disabled else "Auto",
        "State": "Running" if running else "Stopped",
        "Status": "OK",
        "Started": running,
    }


def _driver_rows(doors: Mapping[str, Any], build: int) -> list[dict[str, Any]]:
    if doors.get("drivers_hidden"):
        return []
    rows = [_driver_row(driver, running=True) for driver in ("mrxsmb", "mrxsmb20", "srv2")]
    for door, driver in DRIVERS.items():
        state = _state(doors, door, build)
        if state not in ("absent", "start_only"):
            running, disabled = state in ("running", "disabled_running"), state in ("disabled", "disabled_running")
            rows.append(_driver_row(driver, running=running, disabled=disabled))
    return rows


class UserAccounts(Listing):
    """Win32_UserAccount. On a domain controller it walks the domain and does not come back in time."""

    def __init__(self, computer: str, doors: Mapping[str, Any], domain_controller: bool) -> None:
        machine = f"S-1-5-21-{sum(map(ord, computer))}-1-2"
        names = (("Administrator", 500, False), (doors.get("guest_name", "Guest"), 501, not doors.get("guest_enabled")))
        super().__init__(
            USER_ACCOUNT,
            lambda: [
                {
                    "Domain": computer,
                    "Name": name,
                    "SID": f"{machine}-{rid}",
                    "Disabled": disabled,
                    "LocalAccount": True,
                }
                for name, rid, disabled in names
            ],
        )
        self._domain_controller = domain_controller

    def instances(self) -> list[Instance]:
        if self._domain_controller:
            raise WsmanFault("timed_out")
        return super().instances()


def providers(computer: str, doors: Mapping[str, Any], build: int, domain_controller: bool) -> list[Listing]:
    return [
        Listing(SYSTEM_DRIVER, lambda: _driver_rows(doors, build)),
        UserAccounts(computer, doors, domain_controller),
    ]
