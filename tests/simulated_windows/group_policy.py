"""Group Policy objects that govern a host, and Resultant Set of Policy, in which the host says which of them set what.

A refresh writes the values of the GPOs, in order, so that the last one wins; values that an earlier refresh wrote below
SOFTWARE\\Policies and that no GPO has any more are deleted, security options stay. Logging happens at the refresh.
Classes and properties of root/rsop/computer from the Policy pages of Microsoft Learn and public class dumps; how a
reference looks on the wire was not captured.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import smb_properties as table
from .cim import CimClass, Instance, Property, Provider, Reference
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from .quirks import Quirks
    from .registry import Registry

NAMESPACE = "root/rsop/computer"
LOCAL_NAME = "Local Group Policy"
_KEYS = {
    "policy": table.CLIENT_POLICY,
    "server_policy": table.SERVER_POLICY,
    "security_options": table.CLIENT_PARAMETERS,
    "server_security_options": table.SERVER_PARAMETERS,
}
_SECURITY = frozenset({"security_options", "server_security_options"})
_TYPES = {"REG_SZ": 1, "REG_DWORD": 4}


@dataclass(frozen=True)
class Gpo:
    """One GPO as a fleet file gives it. The four settings members map value names to numbers or texts.

    ``link`` is the container that it is linked to (the domain if empty). ``local``: the host's own policy.
    ``account_policies`` maps names such as LSAAnonymousNameLookup to true or false.
    """

    name: str = LOCAL_NAME
    guid: str = ""
    link: str = ""
    local: bool = False
    enforced: bool = False
    policy: dict[str, Any] = field(default_factory=dict)
    server_policy: dict[str, Any] = field(default_factory=dict)
    security_options: dict[str, Any] = field(default_factory=dict)
    server_security_options: dict[str, Any] = field(default_factory=dict)
    account_policies: dict[str, bool] = field(default_factory=dict)

    @property
    def guid_name(self) -> str:
        """The GUID in braces, made from the name if none is given."""
        made = str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))
        return "Local" if self.local else "{" + (self.guid.strip("{}") or made).upper() + "}"

    def path(self, domain: str) -> str:
        """What GPOID names: the container's path in the directory."""
        return "LocalGPO" if self.local else f"CN={self.guid_name},CN=Policies,CN=System,{base(domain)}"

    def scope(self, domain: str) -> str:
        """What SOMID names: where the GPO is linked."""
        return "Local" if self.local else self.link or base(domain)

    def values(self) -> Iterable[tuple[str, str, str, Any]]:
        """(member, key, value name, data) of everything that it writes."""
        for member, key in _KEYS.items():
            for name, data in getattr(self, member).items():
                yield member, key, name, data


def base(domain: str) -> str:
    return ",".join(f"DC={part}" for part in domain.split("."))


def parse_gpos(entries: Iterable[Mapping[str, Any]]) -> tuple[Gpo, ...]:
    """GPOs in the order of their application; ValueError for unknown members or one without a name."""
    gpos: list[Gpo] = []
    for entry in entries:
        unknown = sorted(set(entry) - {item.name for item in fields(Gpo)})
        if unknown or not (entry.get("name") or entry.get("local")):
            raise ValueError(f"a GPO has no name, or unknown members: {', '.join(unknown)}")
        gpos.append(Gpo(**entry))
    return tuple(gpos)


@dataclass
class Applied:
    """What the last refresh wrote, and what the last logged one says."""

    gpos: tuple[Gpo, ...] = ()
    written: set[tuple[str, str]] = field(default_factory=set)
    logged: tuple[Gpo, ...] = ()
    logged_at: datetime | None = None

    def refresh(self, gpos: tuple[Gpo, ...], registry: Registry, now: datetime, log: bool) -> None:
        """Write the values of ``gpos``; RSoP shows them if the refresh is logged."""
        values = {(key, name): data for gpo in gpos for _member, key, name, data in gpo.values()}
        for key, name in sorted(self.written - values.keys()):
            registry.delete_value(key, name)
        for (key, name), data in values.items():
            registry.set(key, name, "REG_SZ" if isinstance(data, str) else "REG_DWORD", data)
        policy_keys = {key for member, key in _KEYS.items() if member not in _SECURITY}
        self.written = {(key, name) for key, name in values if key in policy_keys}
        self.gpos = gpos
        if log:
            self.logged, self.logged_at = gpos, now


# The classes

_SETTING = (
    Property("id", key=True),
    Property("precedence", "uint32", key=True),
    Property("name"),
    Property("GPOID"),
    Property("SOMID"),
    Property("creationTime", "datetime"),
)
SESSION = CimClass(
    NAMESPACE,
    "RSOP_Session",
    (
        Property("id", key=True),
        Property("version", "uint32"),
        Property("targetName"),
        Property("SOM"),
        Property("SecurityGroups", array=True),
        Property("Site"),
        Property("flags", "uint32"),
        Property("creationTime", "datetime"),
        Property("ttlMinutes", "uint32"),
        Property("slowLink", "boolean"),
    ),
)
GPO_CLASS = CimClass(
    NAMESPACE,
    "RSOP_GPO",
    (
        Property("id", key=True),
        Property("guidName"),
        Property("name"),
        Property("fileSystemPath"),
        Property("version", "uint32"),
        Property("accessDenied", "boolean"),
        Property("enabled", "boolean"),
        Property("filterAllowed", "boolean"),
        Property("filterId"),
        Property("extensionIds", array=True),
        Property("securityDescriptor", "uint8", array=True),
    ),
)
SOM_CLASS = CimClass(
    NAMESPACE,
    "RSOP_SOM",
    (
        Property("id", key=True),
        Property("type", "uint32"),
        Property("SOMOrder", "uint32"),
        Property("blocking", "boolean"),
        Property("blocked", "boolean"),
        Property("reason", "uint32", key=True),
    ),
)
LINK = CimClass(
    NAMESPACE,
    "RSOP_GPLink",
    (
        Property("SOM", "reference", key=True),
        Property("GPO", "reference", key=True),
        Property("somOrder", "uint32"),
        Property("linkOrder", "uint32"),
        Property("appliedOrder", "uint32"),
        Property("enabled", "boolean"),
        Property("noOverride", "boolean"),
    ),
)
REGISTRY_POLICY = CimClass(
    NAMESPACE,
    "RSOP_RegistryPolicySetting",
    (
        *_SETTING,
        Property("registryKey"),
        Property("valueName"),
        Property("valueType", "uint32"),
        Property("value", "uint8", array=True),
        Property("deleted", "boolean"),
        Property("command"),
    ),
)
_SECURITY_SETTING = (*_SETTING, Property("ErrorCode", "uint32"), Property("Status", "uint32"))
REGISTRY_VALUE = CimClass(
    NAMESPACE,
    "RSOP_RegistryValue",
    (*_SECURITY_SETTING, Property("Path"), Property("Type", "uint32"), Property("Data")),
)
SECURITY_BOOLEAN = CimClass(
    NAMESPACE,
    "RSOP_SecuritySettingBoolean",
    (*_SECURITY_SETTING, Property("KeyName"), Property("Setting", "boolean")),
)


class Rsop:
    """The rows of every class, computed from what was logged."""

    def __init__(self, applied: Applied, domain: str, computer: str) -> None:
        self._applied = applied
        self._domain = domain
        self._computer = computer

    def session(self) -> list[dict[str, Any]]:
        if self._applied.logged_at is None:
            return []
        row = {"id": "Session", "version": 1, "targetName": self._computer, "SOM": base(self._domain), "flags": 0}
        return [{**row, "creationTime": self._applied.logged_at, "ttlMinutes": 0, "slowLink": False}]

    def gpos(self) -> list[dict[str, Any]]:
        return [
            {
                "id": gpo.path(self._domain),
                "guidName": gpo.guid_name,
                "name": gpo.name,
                "fileSystemPath": None
                if gpo.local
                else f"\\\\{self._domain}\\SysVol\\{self._domain}\\Policies\\{gpo.guid_name}\\Machine",
                "version": 1,
                "accessDenied": False,
                "enabled": True,
                "filterAllowed": True,
            }
            for gpo in self._applied.logged
        ]

    def _scopes(self) -> dict[str, int]:
        """Scopes of management with their order, from 1."""
        ids = dict.fromkeys(gpo.scope(self._domain) for gpo in self._applied.logged)
        return {scope: number for number, scope in enumerate(ids, 1)}

    def scopes(self) -> list[dict[str, Any]]:
        # Types are 1 local, 3 domain, 4 organizational unit; reason 1: normal
        kinds = {"Local": 1, base(self._domain): 3}
        return [
            {
                "id": scope,
                "type": kinds.get(scope, 4),
                "SOMOrder": order,
                "blocking": False,
                "blocked": False,
                "reason": 1,
            }
            for scope, order in self._scopes().items()
        ]

    def links(self) -> list[dict[str, Any]]:
        return [
            {
                "SOM": Reference(SOM_CLASS, {"id": gpo.scope(self._domain), "reason": 1}),
                "GPO": Reference(GPO_CLASS, {"id": gpo.path(self._domain)}),
                "somOrder": self._scopes()[gpo.scope(self._domain)],
                "linkOrder": number,
                "appliedOrder": number,
                "enabled": True,
                "noOverride": gpo.enforced,
            }
            for number, gpo in enumerate(self._applied.logged, 1)
        ]

    def _settings(self, wanted: Callable[[str], bool]) -> list[tuple[Gpo, int, str, str, Any]]:
        """(GPO, precedence, key, name, data): precedence 1 is the GPO that was applied last."""
        rows: list[tuple[Gpo, int, str, str, Any]] = []
        seen: dict[tuple[str, str], int] = {}
        for gpo in reversed(self._applied.logged):
            for member, key, name, data in gpo.values():
                if wanted(member):
                    cell = (key.lower(), name.lower())
                    seen[cell] = seen.get(cell, 0) + 1
                    rows.append((gpo, seen[cell], key, name, data))
        return rows

    def _setting(self, gpo: Gpo, precedence: int, subject: str) -> dict[str, Any]:
        return {
            "id": "{" + str(uuid.uuid5(uuid.NAMESPACE_OID, subject.lower())).upper() + "}",
            "precedence": precedence,
            "name": "",
            "GPOID": gpo.path(self._domain),
            "SOMID": gpo.scope(self._domain),
            "creationTime": self._applied.logged_at,
        }

    def registry_policies(self) -> list[dict[str, Any]]:
        return [
            {
                **self._setting(gpo, precedence, f"{key}\\{name}"),
                "registryKey": key.partition("\\")[2],
                "valueName": name,
                "valueType": _TYPES["REG_SZ" if isinstance(data, str) else "REG_DWORD"],
                "value": list(f"{data}\0".encode("utf-16-le") if isinstance(data, str) else data.to_bytes(4, "little")),
                "deleted": False,
                "command": "",
            }
            for gpo, precedence, key, name, data in self._settings(lambda member: member not in _SECURITY)
        ]

    def registry_values(self) -> list[dict[str, Any]]:
        return [
            {
                **self._setting(gpo, precedence, f"{key}\\{name}"),
                "ErrorCode": 0,
                "Status": 1,
                "Path": f"MACHINE\\{key.partition(chr(92))[2].replace('SYSTEM', 'System', 1)}\\{name}",
                "Type": _TYPES["REG_DWORD"],
                "Data": str(data),
            }
            for gpo, precedence, key, name, data in self._settings(lambda member: member in _SECURITY)
        ]

    def security_booleans(self) -> list[dict[str, Any]]:
        seen: dict[str, int] = {}
        rows: list[dict[str, Any]] = []
        for gpo in reversed(self._applied.logged):
            for name, setting in gpo.account_policies.items():
                seen[name] = seen.get(name, 0) + 1
                row = {"ErrorCode": 0, "Status": 1, "KeyName": name, "Setting": setting}
                rows.append({**self._setting(gpo, seen[name], name), **row})
        return rows


class RsopProvider(Provider):
    """One class of the namespace, as the quirk ``rsop`` lets it be seen."""

    def __init__(self, cim_class: CimClass, rows: Callable[[], list[dict[str, Any]]], quirks: Quirks) -> None:
        self.cim_class = cim_class
        self._rows = rows
        self._quirks = quirks

    def instances(self) -> list[Instance]:
        state = self._quirks.rsop
        if state in ("missing_namespace", "denied"):
            raise WsmanFault("namespace_not_found" if state == "missing_namespace" else "access_denied")
        return [] if state == "empty" else [Instance(self.cim_class, row) for row in self._rows()]


def rsop_providers(rsop: Rsop, quirks: Quirks) -> list[Provider]:
    """Every class of the namespace."""
    return [
        RsopProvider(cim_class, rows, quirks)
        for cim_class, rows in (
            (SESSION, rsop.session),
            (GPO_CLASS, rsop.gpos),
            (SOM_CLASS, rsop.scopes),
            (LINK, rsop.links),
            (REGISTRY_POLICY, rsop.registry_policies),
            (REGISTRY_VALUE, rsop.registry_values),
            (SECURITY_BOOLEAN, rsop.security_booleans),
        )
    ]
