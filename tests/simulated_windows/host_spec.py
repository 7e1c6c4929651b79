"""The fleet file: which hosts there are, checked and with defaults filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .certificates import KINDS
from .editions import ALL_PRESETS
from .group_policy import Gpo, parse_gpos
from .quirks import Quirks
from .services import Services

ROLES = ("administrator", "filtered_administrator", "user")


class FleetError(ValueError):
    """The fleet file asks for something that does not exist; the text names the host and the member."""


@dataclass(frozen=True)
class User:
    """A local account. A ``filtered_administrator`` is an administrator whose remote token UAC cuts."""

    name: str
    password: str
    role: str


DEFAULT_USERS = (
    User("Administrator", "amber-Falcon-7731", "administrator"),
    User("ops", "cobalt-Heron-2264", "filtered_administrator"),
    User("user", "violet-Osprey-9058", "user"),
)


@dataclass(frozen=True)
class HostSpec:
    """One host. The six settings members map registry value names (CSP nodes for ``mdm``) to values."""

    name: str
    preset: str
    address: str = ""
    users: tuple[User, ...] = DEFAULT_USERS
    parameters: dict[str, Any] = field(default_factory=dict)
    server_parameters: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    server_policy: dict[str, Any] = field(default_factory=dict)
    mdm: dict[str, Any] = field(default_factory=dict)
    server_mdm: dict[str, Any] = field(default_factory=dict)
    licence_defaults: dict[str, bool | None] = field(default_factory=dict)
    part_of_domain: bool = False
    domain: str = "corp.example"
    timezone: int = 0  # minutes east of UTC
    services: dict[str, str] = field(default_factory=dict)
    doors: dict[str, Any] = field(default_factory=dict)  # see guest_doors.py
    gpos: tuple[Gpo, ...] = ()  # in the order of their application
    https: bool = True
    certificate: str = "valid"  # or another of certificates.KINDS
    credssp: bool = False
    client_certificates: bool = False
    listening: bool = True
    allow_unencrypted: bool = True
    quirks: Quirks = field(default_factory=Quirks)

    @property
    def computer_name(self) -> str:
        """The NetBIOS name: upper case, 15 characters at most."""
        return self.name.upper()[:15]


_LICENCES = (
    "SMBClient-AllowInsecureGuestAuthByDefault",
    "SMBClient-RequireSigningByDefault",
    "SMBServer-RequireSigningByDefault",
)


def _users(name: str, entries: list[dict[str, str]]) -> tuple[User, ...]:
    users = tuple(User(**entry) for entry in entries)
    for user in users:
        if user.role not in ROLES:
            raise FleetError(f"host {name}: user {user.name}: role {user.role!r} is none of {', '.join(ROLES)}")
        if ":" in user.password + user.name:
            raise FleetError(f"host {name}: user {user.name}: no colon in names and passwords")
    return users


def parse_host(entry: dict[str, Any]) -> Iterator[HostSpec]:
    """One entry of the fleet file as one spec, or as ``count`` specs named ``name-001`` and so on."""
    values = dict(entry)
    name = values.get("name")
    if not isinstance(name, str) or not name:
        raise FleetError(f"a host has no name: {entry!r}")
    count = values.pop("count", None)
    unknown = sorted(set(values) - {item.name for item in fields(HostSpec)})
    if unknown:
        raise FleetError(f"host {name}: unknown members: {', '.join(unknown)}")
    if values.get("preset") not in ALL_PRESETS:
        raise FleetError(f"host {name}: no preset {values.get('preset')!r}; see presets.py and editions.py")
    values.setdefault("part_of_domain", ALL_PRESETS[values["preset"]].part_of_domain)
    unknown = sorted(set(values.get("licence_defaults") or {}) - set(_LICENCES))
    if unknown:
        raise FleetError(f"host {name}: unknown licence values: {', '.join(unknown)}")
    if values.get("certificate", "valid") not in KINDS:
        raise FleetError(f"host {name}: certificate is none of {', '.join(KINDS)}")
    if "users" in values:
        values["users"] = _users(name, values["users"])
    try:
        values["quirks"] = Quirks.from_spec(values.get("quirks") or {})
        values["gpos"] = parse_gpos(values.get("gpos") or ())
        for service, state in (values.get("services") or {}).items():
            Services().set(service, state)
    except ValueError as error:
        raise FleetError(f"host {name}: {error}") from error
    spec = HostSpec(**values)
    if count is None:
        yield spec
        return
    if spec.address:
        raise FleetError(f"host {name}: count and address exclude each other")
    for number in range(1, count + 1):
        yield replace(spec, name=f"{name}-{number:03d}")


def parse_fleet(document: Any) -> list[HostSpec]:
    """The specs of a fleet file's document; FleetError if it is not one."""
    if not isinstance(document, dict) or set(document) != {"hosts"} or not isinstance(document["hosts"], list):
        raise FleetError("a fleet file is a mapping with the one member hosts, a list")
    specs = [spec for entry in document["hosts"] for spec in parse_host(entry)]
    names = [spec.name for spec in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FleetError(f"host names are used twice: {', '.join(twice)}")
    return specs
