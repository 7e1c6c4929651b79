# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host in memory with what a transaction needs on top: every registry type, keys that go away, tasks, a clock."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimInstance
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import (
    Delete,
    Enumerate,
    Invoke,
    InvokeResult,
)

from .fakes import CLIENT_NEW, SERVER_NEW, FakeHost, describe

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OURS = r"SOFTWARE\winops"
KINDS = {"String": 1, "ExpandedString": 2, "Binary": 3, "DWORD": 4, "MultiString": 7, "QWORD": 11}


@dataclass(frozen=True)
class Raw:
    """A value that is neither a REG_DWORD nor a REG_SZ."""

    kind: int
    data: Any


@dataclass
class RememberingHost(FakeHost):
    """keys: as in FakeHost, with `Raw` for the other types. tasks: name to XML."""

    now: datetime = NOW
    tasks: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """All keys but ours, to compare."""
        return copy.deepcopy({key: values for key, values in self.keys.items() if not key.startswith(OURS)})

    def call(self, operation: Any) -> Any:
        if isinstance(operation, Delete):
            self._noted("Delete MSFT_ScheduledTask")
            self.tasks.pop(str(operation.selectors["TaskName"]), None)
            return None
        if isinstance(operation, Invoke) and operation.method == "RegisterByXml":
            self._noted("RegisterByXml")
            self.tasks[str(operation.arguments["TaskName"])] = str(operation.arguments["Xml"])
            return InvokeResult(0, {})
        return super().call(operation)

    def query(self, enumeration: Enumerate) -> list[CimInstance]:
        if enumeration.cls.name == "MSFT_ScheduledTask":
            self._noted(describe(enumeration))
            path = "\\winops\\smb_guest\\"
            return [CimInstance("MSFT_ScheduledTask", {"TaskName": name, "TaskPath": path}) for name in self.tasks]
        self.system["LocalDateTime"] = self.now
        return super().query(enumeration)

    def _noted(self, name: str) -> None:
        self.requests.append(name)
        self.hook(name)

    def _registry(self, method: str, arguments: Mapping[str, Any], dropped: bool) -> InvokeResult:
        key = arguments["sSubKeyName"]
        if method == "CreateKey":
            parts = key.split("\\")
            for length in range(1, len(parts) + 1):
                self.keys.setdefault("\\".join(parts[:length]), {})
            return InvokeResult(0, {})
        if method == "EnumKey":
            return super()._registry(method, arguments, dropped)
        if key not in self.keys:
            return InvokeResult(2, {})
        if method == "DeleteKey":
            if any(known.startswith(key + "\\") for known in self.keys):
                return InvokeResult(1018, {})
            del self.keys[key]
            return InvokeResult(0, {})
        return self._value(method, self.keys[key], arguments, dropped)

    @staticmethod
    def _value(method: str, values: dict[str, Any], arguments: Mapping[str, Any], dropped: bool) -> InvokeResult:
        name = arguments.get("sValueName", "")
        if method == "EnumValues":
            kinds = [_stored(value).kind for value in values.values()]
            return InvokeResult(0, {"sNames": list(values) or None, "Types": kinds or None})
        if method.startswith("Set"):
            raw = Raw(KINDS[method[3:-5]], arguments.get("uValue", arguments.get("sValue")))
            if not dropped:
                values[name] = raw.data if raw.kind in (1, 4) else raw
            return InvokeResult(0, {})
        if name not in values:
            return InvokeResult(1, {})
        if method == "DeleteValue":
            if not dropped:
                del values[name]
            return InvokeResult(0, {})
        found = _stored(values[name])
        if found.kind != KINDS[method[3:-5]]:
            return InvokeResult(0x80041005, {})
        return InvokeResult(0, {"sValue": found.data, "uValue": found.data})


def _stored(value: Any) -> Raw:
    return value if isinstance(value, Raw) else Raw(4 if isinstance(value, int) else 1, value)


def remembering_24h2(**options: Any) -> RememberingHost:
    """Windows 11 24H2 Pro, untouched."""
    client = CLIENT_NEW | {"EnableInsecureGuestLogons": False, "RequireSecuritySignature": True}
    server = SERVER_NEW | {"RequireSecuritySignature": True}
    host = RememberingHost(
        {"MSFT_SmbClientConfiguration": client, "MSFT_SmbServerConfiguration": server}, **{"build": 26100} | options
    )
    for key in (
        "SOFTWARE",
        r"SOFTWARE\Policies",
        r"SOFTWARE\Policies\Microsoft",
        r"SOFTWARE\Policies\Microsoft\Windows",
    ):
        host.keys.setdefault(key, {})
    return host
