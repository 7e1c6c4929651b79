# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Windows host in memory, at the level of `Session`: typed operations in, typed answers out, every one counted.

It knows no wire and no time. It reads the facts on its own: policy before Parameters before the default of the
edition; SetConfiguration writes Parameters. `tests/simulated_windows` is the full one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import HostUnreachable
from ansible_collections.winops.smb_guest.plugins.plugin_utils.state import LayerValue, Observed, SettingState, judge
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import NOT_KNOWN, OsDefault
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.wires import CommandResult
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimInstance
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import Enumerate, Invoke, InvokeResult

CLIENT_POLICY = r"SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
SERVER_POLICY = r"SOFTWARE\Policies\Microsoft\Windows\LanmanServer"
CLIENT_LOCAL = r"SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
SERVER_LOCAL = r"SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
CLIENT_MDM = r"SOFTWARE\Microsoft\PolicyManager\current\device\LanmanWorkstation"
SERVER_MDM = r"SOFTWARE\Microsoft\PolicyManager\current\device\LanmanServer"
CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"

REG_SZ, REG_DWORD = 1, 4
TYPE_NUMBERS = {str: REG_SZ, int: REG_DWORD}

# CIM property to registry value, where they differ.
VALUE_NAMES = {"EnableInsecureGuestLogons": "AllowInsecureGuestAuth"}
CLASS_KEYS = {
    "MSFT_SmbClientConfiguration": (CLIENT_POLICY, CLIENT_LOCAL),
    "MSFT_SmbServerConfiguration": (SERVER_POLICY, SERVER_LOCAL),
}
CLIENT_OLD = {"EnableInsecureGuestLogons": True, "RequireSecuritySignature": False}
CLIENT_NEW = CLIENT_OLD | dict.fromkeys(
    (
        "RequireEncryption",
        "AuditInsecureGuestLogon",
        "AuditServerDoesNotSupportSigning",
        "AuditServerDoesNotSupportEncryption",
    ),
    False,
)
SERVER_OLD = {"RequireSecuritySignature": False, "EncryptData": False}
SERVER_NEW = SERVER_OLD | dict.fromkeys(
    ("AuditInsecureGuestLogon", "AuditClientDoesNotSupportSigning", "AuditClientDoesNotSupportEncryption"), False
)

Hook = Callable[[str], Any]


@dataclass
class FakeHost:
    """A Windows host.

    defaults: per configuration class the properties that it has, with what Windows does when nobody configured them.
    keys: registry key to values (Python int: REG_DWORD, str: REG_SZ). hook: called with a request's name before it is
    carried out; what it raises is the answer, and the word `drop` means: report success, do nothing. requests: the
    names of all requests so far.
    """

    defaults: dict[str, dict[str, bool]]
    build: int = 19045
    sku: int = 48
    edition: str = "Professional"
    product_type: int = 1
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    hook: Hook = lambda name: None
    requests: list[str] = field(default_factory=list)
    system: dict[str, Any] = field(default_factory=dict)
    computer: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.put(CURRENT_VERSION, "EditionID", self.edition)
        self.put(CURRENT_VERSION, "UBR", 5000)
        for _unused, local in CLASS_KEYS.values():
            self.keys.setdefault(local, {})
        self.system = {
            "Caption": "Microsoft Windows",
            "BuildNumber": str(self.build),
            "OperatingSystemSKU": self.sku,
            "ProductType": self.product_type,
        } | self.system
        self.computer = {"PartOfDomain": False, "Domain": "WORKGROUP"} | self.computer

    def put(self, key: str, name: str, value: int | str) -> FakeHost:
        """Configure a value, as an administrator or a policy would."""
        self.keys.setdefault(key, {})[name] = value
        return self

    def held(self, key: str, name: str) -> int | str | None:
        """A value as it stands."""
        return self.keys.get(key, {}).get(name)

    @property
    def writes(self) -> list[str]:
        """The requests that change something."""
        return [name for name in self.requests if ".Set" in name or ".Delete" in name or ".Create" in name]

    def running(self, cls: str) -> dict[str, bool]:
        """What the driver does: policy, else Parameters, else the default."""
        policy, local = CLASS_KEYS[cls]
        values = {}
        for name, default in self.defaults[cls].items():
            value = VALUE_NAMES.get(name, name)
            found = [v for key in (policy, local) if isinstance(v := self.held(key, value), int)]
            values[name] = bool(found[0]) if found else default
        return values

    # What Session offers.

    def call(self, operation: Any) -> Any:
        name = describe(operation)
        self.requests.append(name)
        dropped = self.hook(name) == "drop"
        assert isinstance(operation, Invoke), f"{name} was not expected"
        if operation.cls.name == "StdRegProv":
            assert operation.arguments["hDefKey"] == 0x80000002
            return self._registry(operation.method, operation.arguments, dropped)
        if operation.method == "GetConfiguration":
            instance = CimInstance(operation.cls.name, self.running(operation.cls.name))
            return InvokeResult(0, {"Output": instance})
        if not dropped:
            ((prop, value),) = operation.arguments.items()
            assert prop in self.defaults[operation.cls.name], f"this Windows has no {prop}"
            self.put(CLASS_KEYS[operation.cls.name][1], VALUE_NAMES.get(prop, prop), int(value))
        return InvokeResult(0, {})

    def query(self, enumeration: Enumerate) -> list[CimInstance]:
        name = describe(enumeration)
        self.requests.append(name)
        self.hook(name)
        values = {"Win32_OperatingSystem": self.system, "Win32_ComputerSystem": self.computer}[enumeration.cls.name]
        return [CimInstance(enumeration.cls.name, values)]

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        raise AssertionError(f"a process was started: {commands}")

    def _registry(self, method: str, arguments: Mapping[str, Any], dropped: bool) -> InvokeResult:
        key = arguments["sSubKeyName"]
        values = self.keys.get(key)
        if method == "EnumKey":
            below = {k[len(key) + 1 :].split("\\")[0] for k in self.keys if k.startswith(key + "\\")}
            return InvokeResult(0, {"sNames": sorted(below)}) if below else InvokeResult(2, {})
        if method == "CreateKey":
            self.keys.setdefault(key, {})
            return InvokeResult(0, {})
        if values is None:
            return InvokeResult(2, {})
        if method == "DeleteKey":
            if not dropped:
                del self.keys[key]
            return InvokeResult(0, {})
        if method == "EnumValues":
            if not values:
                return InvokeResult(0, {"sNames": None, "Types": None})
            return InvokeResult(
                0, {"sNames": list(values), "Types": [TYPE_NUMBERS[type(value)] for value in values.values()]}
            )
        return self._registry_value(method, values, arguments, dropped)

    def _registry_value(
        self, method: str, values: dict[str, Any], arguments: Mapping[str, Any], dropped: bool
    ) -> InvokeResult:
        name = arguments["sValueName"]
        if method == "SetDWORDValue":
            if not dropped:
                values[name] = arguments["uValue"]
            return InvokeResult(0, {})
        if name not in values:
            return InvokeResult(1, {})
        if method == "DeleteValue":
            if not dropped:
                del values[name]
            return InvokeResult(0, {})
        wanted, output = {"GetDWORDValue": (int, "uValue"), "GetStringValue": (str, "sValue")}[method]
        if not isinstance(values[name], wanted):
            return InvokeResult(0x80041005, {})
        return InvokeResult(0, {output: values[name]})


def describe(operation: Any) -> str:
    """A request in one line: `StdRegProv.GetDWORDValue HKLM key\\value`, `Query Win32_OperatingSystem`."""
    if isinstance(operation, Enumerate):
        return f"Query {operation.cls.name}"
    where = [str(operation.arguments[part]) for part in ("sSubKeyName", "sValueName") if part in operation.arguments]
    what = where or [f"{name}={value}" for name, value in operation.arguments.items()]
    return " ".join(filter(None, (f"{operation.cls.name}.{operation.method}", "\\".join(what))))


def windows_10(**options: Any) -> FakeHost:
    """Windows 10 22H2 Pro: no encryption, no audit, guest allowed, unless `options` say otherwise."""
    return FakeHost(
        {"MSFT_SmbClientConfiguration": dict(CLIENT_OLD), "MSFT_SmbServerConfiguration": dict(SERVER_OLD)}, **options
    )


def windows_11_24h2(**options: Any) -> FakeHost:
    """Windows 11 24H2 Pro: guest denied, signing required in both directions."""
    client = CLIENT_NEW | {"EnableInsecureGuestLogons": False, "RequireSecuritySignature": True}
    server = SERVER_NEW | {"RequireSecuritySignature": True}
    return FakeHost(
        {"MSFT_SmbClientConfiguration": client, "MSFT_SmbServerConfiguration": server}, **{"build": 26100} | options
    )


def windows_10_1809_enterprise(**options: Any) -> FakeHost:
    """Guest is denied by a 0 stored in Parameters; without that value it would be allowed."""
    host = windows_10(build=17763, sku=4, edition="Enterprise", **options)
    return host.put(CLIENT_LOCAL, "AllowInsecureGuestAuth", 0)


def unreachable_at(wanted: str, *, nth: int = 1, for_good: bool = False) -> Hook:
    """A hook: the connection is lost at the nth request whose name holds `wanted`, before it is carried out.

    for_good: every request after that is lost as well.
    """
    seen, dead = 0, False

    def hook(name: str) -> None:
        nonlocal seen, dead
        seen += wanted in name
        if dead or (wanted in name and seen == nth):
            dead = for_good
            raise HostUnreachable("the line went dead.")

    return hook


def state_of(
    name: str,
    *,
    running: bool | None = None,
    supported: bool = True,
    default: OsDefault = NOT_KNOWN,
    policy: LayerValue | None = None,
    mdm: LayerValue | None = None,
    local: LayerValue | None = None,
) -> SettingState:
    """One setting of one host, judged. None: the layer was not read, or is absent."""
    given = {Layer.POLICY: policy, Layer.MDM: mdm, Layer.LOCAL: local}
    layers = {layer: value for layer, value in given.items() if value is not None}
    return judge(SETTINGS[name], Observed(supported, running, layers, default))
