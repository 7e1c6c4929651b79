# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other doors of a guest beside AllowInsecureGuestAuth, which is about the SMB2 and SMB3 client alone. Read only.

Outbound: an SMB1 client takes guest logons whatever that setting says (Microsoft's article on the setting). Inbound: an
SMB1 server, the Guest account, and ForceGuest, which turns network logons of local accounts into Guest.

Sources and pitfalls
- The service manager lists the drivers. One that it does not list is not installed. Baselines write `Start` into a key
  Services\\mrxsmb10 that they make themselves, and an absent key means "not installed", never "enabled".
- To an account without rights the list is empty. The SMB2 drivers, which every Windows has, are therefore in the query:
  a list without any driver says nothing. Then the keys tell whether a driver is installed, and nothing whether it runs.
- A disabled driver that runs stays open until the host restarts.
- Win32_OptionalFeature is never asked: it goes through the servicing stack. Win32_UserAccount is never asked on a
  domain controller, where it walks the domain.
- The Guest account is found by its SID: it can be renamed, and its name depends on the language.
- Benchmark scanners read registry values, whether or not the component is there: each door says what they find.
- Not read, as each costs requests of its own: null sessions, shares for Guest or Everyone, and the user right "Deny
  access to this computer from the network".

Whatever cannot be read makes its door `unknown`, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import asdict, dataclass, replace
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
_SERVER_KEY = _SERVICES + r"\LanmanServer\Parameters"
_LSA_KEY = r"SYSTEM\CurrentControlSet\Control\Lsa"
_CLIENT, _SERVER = "mrxsmb10", "srv"
_OF_EVERY_WINDOWS = ("mrxsmb20", "srv2")
_DISABLED = 4
PASS, FAIL = "pass", "fail"

_STRING = Field(CimType.STRING)
DRIVER = CimClass("root/cimv2", "Win32_SystemDriver", {"Name": _STRING, "State": _STRING, "StartMode": _STRING})
USER_ACCOUNT = CimClass(
    "root/cimv2", "Win32_UserAccount", {"Name": _STRING, "SID": _STRING, "Disabled": Field(CimType.BOOLEAN)}
)
_DRIVERS = "SELECT Name,State,StartMode FROM Win32_SystemDriver WHERE " + " OR ".join(
    f"Name='{name}'" for name in (_CLIENT, _SERVER, *_OF_EVERY_WINDOWS)
)
_GUEST = "SELECT Name,SID,Disabled FROM Win32_UserAccount WHERE LocalAccount=TRUE AND SID LIKE 'S-1-5-21-%-501'"


@dataclass(frozen=True)
class GuestDoor:
    """One door.

    Args:
        state: Of the words above.
        confidence: Of the words above.
        reason: A sentence.
        scanner: What a benchmark scanner finds, which reads the registry value or the account alone: `pass`, `fail` or
            `unknown`.
        installed: Whether the component is installed; None where that is not known or means nothing.
    """

    state: str
    confidence: str
    reason: str
    scanner: str = UNKNOWN
    installed: bool | None = None


@dataclass(frozen=True)
class SmbDriver:
    """A driver as the service manager shows it. disabled: by its start mode."""

    running: bool
    disabled: bool


def gather_doors(session: Session, product_type: str | None = None, *, for_scanners: bool = True) -> GatheredFacts:
    """`{doors: {smb1_client, smb1_server, guest_account, force_guest}}` in at most five requests.

    Args:
        session: of the host.
        product_type: as the `os` facts have it; read with one request more where it is None.
        for_scanners: Whether values are read that only scanners look at.

    Raises HostError where nothing can be read.
    """
    registry = Registry(session)
    drivers = _read_drivers(session)
    judges: Mapping[str, Callable[[], GuestDoor]] = {
        "smb1_client": lambda: _smb1_client(registry, drivers, for_scanners),
        "smb1_server": lambda: _smb1_server(registry, drivers, for_scanners),
        "guest_account": lambda: _guest_account(session, product_type or read_product_type(session)),
        "force_guest": lambda: judge_force_guest(registry.dword(_LSA_KEY, "ForceGuest")),
    }
    errors: list[HostError] = []
    doors = {name: _door(judge, errors) for name, judge in judges.items()}
    # A host that denies everything was not read: that is an error of the part, not four unknown doors.
    if errors and all(door.state in (UNKNOWN, NOT_ASKED) for door in doors.values()):
        raise errors[0]
    return GatheredFacts({"doors": {name: asdict(door) for name, door in doors.items()}})


def open_doors(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What was seen of each door that is open, or opens when a driver is started next. facts: the part `doors`."""
    for door in facts.values():
        if door["state"] in (OPEN, IDLE):
            yield str(door["reason"])


def complete_advice(facts: MutableMapping[str, Any]) -> None:
    """Name an open SMB1 client in `guest_access.advice`, where both were read: the verdict does not cover it."""
    access, doors = facts.get("guest_access"), facts.get("doors")
    if not access or not doors or doors["smb1_client"]["state"] not in (OPEN, IDLE):
        return
    sentence = (
        "The SMB1 client of this host accepts guest logons whatever the setting is: "
        "remove the feature SMB1Protocol-Client."
    )
    facts["guest_access"] = {**access, "advice": f"{access['advice']} {sentence}"}


def judge_smb1_client(driver: SmbDriver | None, start: int | None) -> GuestDoor:
    """The SMB1 client.

    Args:
        driver: As the service manager lists it; None where it is not installed.
        start: The value Start of its key; None where it is absent.
    """
    scanner = PASS if start == _DISABLED else FAIL
    if driver is None:
        confidence = CONFIRMED if start is None else DERIVED
        return GuestDoor(CLOSED, confidence, "The SMB1 client (driver mrxsmb10) is not installed.", scanner, False)
    if driver.running:
        until = " until the host restarts" if driver.disabled else ""
        return GuestDoor(OPEN, DERIVED, f"The SMB1 client runs: it accepts guest logons{until}.", scanner, True)
    if driver.disabled:
        return GuestDoor(CLOSED, DERIVED, "The SMB1 client is installed and disabled.", scanner, True)
    reason = "The SMB1 client is installed and stopped: it opens when it is started."
    return GuestDoor(IDLE, DERIVED, reason, scanner, True)


def judge_smb1_server(driver: SmbDriver | None, enabled: int | None) -> GuestDoor:
    """The SMB1 server.

    Args:
        driver: As the service manager lists it; None where it is not installed.
        enabled: The value SMB1; absent is as 1.
    """
    scanner = PASS if enabled == 0 else FAIL
    if driver is None:
        return GuestDoor(CLOSED, DERIVED, "The SMB1 server (driver srv) is not installed.", scanner, False)
    if enabled == 0:
        return GuestDoor(CLOSED, CONFIRMED, "The SMB1 server is switched off.", scanner, True)
    if driver.running:
        return GuestDoor(OPEN, DERIVED, "The SMB1 server runs.", scanner, True)
    return GuestDoor(IDLE, DERIVED, "The SMB1 server is installed, switched on and stopped.", scanner, True)


def _unlisted_driver(registry: Registry, name: str, what: str) -> GuestDoor:
    """A driver of a host that lists none to this account. what: begins the reason."""
    if "imagepath" not in registry.value_types(f"{_SERVICES}\\{name}"):
        return GuestDoor(CLOSED, DERIVED, f"The {what} (driver {name}) is not installed.", installed=False)
    return GuestDoor(UNKNOWN, NOTHING, f"The {what} is installed; whether it runs is not shown.", installed=True)


def judge_guest_account(disabled: bool | None, name: str) -> GuestDoor:
    """Inbound access as Guest, which is the account of RID 501. disabled: None where the host shows no such account."""
    if disabled is None:
        return GuestDoor(UNKNOWN, NOTHING, "The host shows no Guest account to this account.")
    if disabled:
        return GuestDoor(CLOSED, CONFIRMED, f"The Guest account ({name}) is disabled.", PASS)
    return GuestDoor(OPEN, CONFIRMED, f"The Guest account ({name}) is enabled: inbound guest access is possible.", FAIL)


def judge_force_guest(value: int | None) -> GuestDoor:
    """Whether network logons of local accounts become Guest. What an absent value does is documented as a default."""
    if value is None:
        return GuestDoor(CLOSED, DERIVED, "ForceGuest is absent; the documented default is classic.", FAIL)
    if value == 1:
        return GuestDoor(OPEN, CONFIRMED, "ForceGuest is 1: network logons of local accounts become Guest.", FAIL)
    scanner = PASS if value == 0 else FAIL
    return GuestDoor(CLOSED, CONFIRMED, f"ForceGuest is {value}: local accounts log on as themselves.", scanner)


def _door(judge: Callable[[], GuestDoor], errors: list[HostError]) -> GuestDoor:
    """One door; an error makes it unknown and joins `errors`."""
    try:
        return judge()
    except HostUnreachable:
        raise
    except HostError as error:
        errors.append(error)
        return GuestDoor(UNKNOWN, NOTHING, one_line(str(error), 500))


def _read_drivers(session: Session) -> Mapping[str, SmbDriver]:
    """By name; empty where the host lists none to this account."""
    try:
        rows = session.query(Enumerate(DRIVER, _DRIVERS))
    except HostUnreachable:
        raise
    except HostError:
        return {}
    return {
        str(each.get("Name")).lower(): SmbDriver(
            str(each.get("State")).lower() == "running", str(each.get("StartMode")).lower() == "disabled"
        )
        for each in rows
    }


def _smb1_client(registry: Registry, drivers: Mapping[str, SmbDriver], for_scanners: bool) -> GuestDoor:
    if not drivers:
        return _unlisted_driver(registry, _CLIENT, "SMB1 client")
    start = registry.dword(f"{_SERVICES}\\{_CLIENT}", "Start") if for_scanners else None
    door = judge_smb1_client(drivers.get(_CLIENT), start)
    return door if for_scanners else replace(door, scanner=UNKNOWN)


def _smb1_server(registry: Registry, drivers: Mapping[str, SmbDriver], for_scanners: bool) -> GuestDoor:
    if not drivers:
        return _unlisted_driver(registry, _SERVER, "SMB1 server")
    driver = drivers.get(_SERVER)
    known = for_scanners or driver is not None
    door = judge_smb1_server(driver, registry.dword(_SERVER_KEY, "SMB1") if known else None)
    return door if known else replace(door, scanner=UNKNOWN)


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
