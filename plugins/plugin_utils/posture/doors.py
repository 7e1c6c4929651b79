# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other doors of a guest beside AllowInsecureGuestAuth, which is about the SMB2 and SMB3 client alone. Read only.

Outbound: an SMB1 client takes guest logons whatever that setting says (Microsoft's article on the setting). Inbound: an
SMB1 server, the Guest account, and ForceGuest, which turns network logons of local accounts into Guest.

Sources and pitfalls
- Services\\mrxsmb10: without ImagePath the client is not installed. Baselines write `Start` into a key that they make
  themselves, so the key alone proves nothing, and an absent key means "not installed", never "enabled".
- Win32_SystemDriver shows what runs; to an account without rights it is empty. A disabled driver that runs stays open
  until the host restarts.
- Win32_OptionalFeature is never asked: it goes through the servicing stack. Win32_UserAccount is never asked on a
  domain controller, where it walks the domain.
- The Guest account is found by its SID: it can be renamed, and its name depends on the language.

Whatever cannot be read makes its door `unknown`, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import asdict, dataclass
from typing import Any

from ..core.errors import HostError, HostUnreachable
from ..core.gathered_facts import GatheredFacts
from ..core.text import one_line
from ..windows.computer import read_product_type
from ..windows.registry import Registry
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimType, Field
from ..wsman.operations import Enumerate

OPEN, IDLE, CLOSED, UNKNOWN, NOT_ASKED = "open", "idle", "closed", "unknown", "not_asked"
"""States of a door. `idle`: closed now, opens when the driver is started next."""

CONFIRMED, DERIVED, NOTHING = "confirmed", "derived", "none"
"""How sure a state is: by a primary source, by a conclusion from such sources, or not at all."""

_SERVICES = r"SYSTEM\CurrentControlSet\Services"
_CLIENT_KEY = _SERVICES + r"\mrxsmb10"
_SERVER_KEY = _SERVICES + r"\LanmanServer\Parameters"
_LSA_KEY = r"SYSTEM\CurrentControlSet\Control\Lsa"
_CLIENT, _SERVER = "mrxsmb10", "srv"
_DISABLED = 4

_STRING = Field(CimType.STRING)
DRIVER = CimClass("root/cimv2", "Win32_SystemDriver", {"Name": _STRING, "State": _STRING, "StartMode": _STRING})
USER_ACCOUNT = CimClass(
    "root/cimv2", "Win32_UserAccount", {"Name": _STRING, "SID": _STRING, "Disabled": Field(CimType.BOOLEAN)}
)
_DRIVERS = f"SELECT Name,State,StartMode FROM Win32_SystemDriver WHERE Name='{_CLIENT}' OR Name='{_SERVER}'"
_GUEST = "SELECT Name,SID,Disabled FROM Win32_UserAccount WHERE LocalAccount=TRUE AND SID LIKE 'S-1-5-21-%-501'"


@dataclass(frozen=True)
class GuestDoor:
    """One door. state, confidence: of the words above. reason: a sentence."""

    state: str
    confidence: str
    reason: str


@dataclass(frozen=True)
class SmbDriver:
    """A driver as the service manager shows it. disabled: by its start mode."""

    running: bool
    disabled: bool


def gather_doors(session: Session, product_type: str | None = None) -> GatheredFacts:
    """`{doors: {smb1_client, smb1_server, guest_account, force_guest}}` in at most five requests.

    Args:
        session: of the host.
        product_type: as the `os` facts have it; read with one request more where it is None.

    Raises HostError where nothing can be read.
    """
    registry = Registry(session)
    drivers = _attempt(lambda: _read_drivers(session))
    judges: Mapping[str, Callable[[], GuestDoor]] = {
        "smb1_client": lambda: judge_smb1_client(*_smb1_client(registry, drivers)),
        "smb1_server": lambda: _smb1_server(registry, drivers),
        "guest_account": lambda: _guest_account(session, product_type or read_product_type(session)),
        "force_guest": lambda: judge_force_guest(registry.dword(_LSA_KEY, "ForceGuest")),
    }
    errors: list[HostError] = []
    doors = {name: _door(judge, errors) for name, judge in judges.items()}
    # A host that denies everything was not read: that is an error of the part, not four unknown doors.
    if errors and all(door.state in (UNKNOWN, NOT_ASKED) for door in doors.values()):
        raise errors[0]
    return GatheredFacts({"doors": {name: asdict(door) for name, door in doors.items()}})


def complete_advice(facts: MutableMapping[str, Any]) -> None:
    """Name an open SMB1 client in `guest_access.advice`, where both were read: the verdict does not cover it."""
    access, doors = facts.get("guest_access"), facts.get("doors")
    if not access or not doors or doors["smb1_client"]["state"] not in (OPEN, IDLE):
        return
    sentence = (
        "This is about SMB2 and SMB3. The SMB1 client of this host accepts guest logons whatever the setting is: "
        "remove the feature SMB1Protocol-Client."
    )
    facts["guest_access"] = {**access, "advice": f"{access['advice']} {sentence}"}


def judge_smb1_client(has_image: bool, start: int | None, driver: SmbDriver | None) -> GuestDoor:
    """The SMB1 client. has_image: whether its key has ImagePath. start: read where no driver is shown."""
    if not has_image and driver is None:
        return GuestDoor(CLOSED, CONFIRMED, "The SMB1 client (driver mrxsmb10) is not installed.")
    if driver is None:
        if start == _DISABLED:
            return GuestDoor(UNKNOWN, NOTHING, "The SMB1 client is disabled; whether it still runs is not shown.")
        return GuestDoor(UNKNOWN, NOTHING, "The SMB1 client is installed; whether it runs is not shown.")
    if driver.running:
        until = " until the host restarts" if driver.disabled else ""
        return GuestDoor(OPEN, DERIVED, f"The SMB1 client runs: it accepts guest logons{until}.")
    if driver.disabled:
        return GuestDoor(CLOSED, DERIVED, "The SMB1 client is installed and disabled.")
    return GuestDoor(IDLE, DERIVED, "The SMB1 client is installed and stopped: it opens when it is started.")


def judge_smb1_server(driver: SmbDriver | None, enabled: int | None) -> GuestDoor:
    """The SMB1 server. enabled: the value SMB1; absent is as 1."""
    if driver is None:
        return GuestDoor(CLOSED, DERIVED, "The SMB1 server (driver srv) is not installed.")
    if enabled == 0:
        return GuestDoor(CLOSED, CONFIRMED, "The SMB1 server is switched off.")
    if driver.running:
        return GuestDoor(OPEN, DERIVED, "The SMB1 server runs.")
    return GuestDoor(IDLE, DERIVED, "The SMB1 server is installed, switched on and stopped.")


def judge_guest_account(disabled: bool | None, name: str) -> GuestDoor:
    """Inbound access as Guest, which is the account of RID 501. disabled: None where the host shows no such account."""
    if disabled is None:
        return GuestDoor(UNKNOWN, NOTHING, "The host shows no Guest account to this account.")
    if disabled:
        return GuestDoor(CLOSED, CONFIRMED, f"The Guest account ({name}) is disabled.")
    return GuestDoor(OPEN, CONFIRMED, f"The Guest account ({name}) is enabled: inbound guest access is possible.")


def judge_force_guest(value: int | None) -> GuestDoor:
    """Whether network logons of local accounts become Guest. What an absent value does is documented as a default."""
    if value is None:
        return GuestDoor(CLOSED, DERIVED, "ForceGuest is absent; the documented default is classic.")
    if value == 1:
        return GuestDoor(OPEN, CONFIRMED, "ForceGuest is 1: network logons of local accounts become Guest.")
    return GuestDoor(CLOSED, CONFIRMED, f"ForceGuest is {value}: local accounts log on as themselves.")


def _attempt(read: Callable[[], Mapping[str, SmbDriver]]) -> Mapping[str, SmbDriver] | HostError:
    try:
        return read()
    except HostUnreachable:
        raise
    except HostError as error:
        return error


def _door(judge: Callable[[], GuestDoor], errors: list[HostError]) -> GuestDoor:
    """One door; an error makes it unknown and joins `errors`."""
    try:
        return judge()
    except HostUnreachable:
        raise
    except HostError as error:
        errors.append(error)
        return GuestDoor(UNKNOWN, NOTHING, one_line(str(error), 500))


def _read_drivers(session: Session) -> dict[str, SmbDriver]:
    return {
        str(each.get("Name")).lower(): SmbDriver(
            str(each.get("State")).lower() == "running", str(each.get("StartMode")).lower() == "disabled"
        )
        for each in session.query(Enumerate(DRIVER, _DRIVERS))
    }


def _smb1_client(
    registry: Registry, drivers: Mapping[str, SmbDriver] | HostError
) -> tuple[bool, int | None, SmbDriver | None]:
    has_image = "imagepath" in registry.value_types(_CLIENT_KEY)
    driver = None if isinstance(drivers, HostError) else drivers.get(_CLIENT)
    start = registry.dword(_CLIENT_KEY, "Start") if has_image and driver is None else None
    return has_image, start, driver


def _smb1_server(registry: Registry, drivers: Mapping[str, SmbDriver] | HostError) -> GuestDoor:
    if isinstance(drivers, HostError):
        raise drivers
    if not drivers and "imagepath" in registry.value_types(f"{_SERVICES}\\{_SERVER}"):
        return GuestDoor(UNKNOWN, NOTHING, "The SMB1 server is installed; whether it runs is not shown.")
    driver = drivers.get(_SERVER)
    return judge_smb1_server(driver, registry.dword(_SERVER_KEY, "SMB1") if driver else None)


def _guest_account(session: Session, product_type: str) -> GuestDoor:
    if product_type == "domain_controller":
        return GuestDoor(NOT_ASKED, NOTHING, "A domain controller is not asked: its Guest account is the domain's.")
    found = session.query(Enumerate(USER_ACCOUNT, _GUEST))
    for each in found:
        disabled = each.get("Disabled")
        return judge_guest_account(
            disabled if isinstance(disabled, bool) else None, one_line(str(each.get("Name")), 64)
        )
    return judge_guest_account(None, "")
