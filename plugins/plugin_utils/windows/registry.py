# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of a host through the CIM class StdRegProv. Keys are below HKEY_LOCAL_MACHINE, without `HKLM\\`.

Return values: Microsoft's pages only say "0, or a WinError or WbemErrorEnum value"; which of 1 and 2 means a missing
value and which a missing key was never recorded, so both mean absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ..errors import AccessDenied, HostError
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimType, CimValue, Field, Method
from ..wsman.fault_codes import ACCESS_DENIED
from ..wsman.operations import Invoke, InvokeResult

HKEY_LOCAL_MACHINE = 0x80000002


class RegistryType(IntEnum):
    """Type numbers of EnumValues. Numbers that Windows may add are kept as plain integers."""

    REG_SZ = 1
    REG_EXPAND_SZ = 2
    REG_BINARY = 3
    REG_DWORD = 4
    REG_MULTI_SZ = 7
    REG_QWORD = 11


_UINT32 = Field(CimType.UINT32)
_STRING = Field(CimType.STRING)
_KEY = {"hDefKey": _UINT32, "sSubKeyName": _STRING}
_VALUE = {**_KEY, "sValueName": _STRING}

# Type to the name in its Get and Set method, the parameter that carries the data, and that parameter's CIM type.
_TYPED = {
    RegistryType.REG_SZ: ("String", "sValue", _STRING),
    RegistryType.REG_EXPAND_SZ: ("ExpandedString", "sValue", _STRING),
    RegistryType.REG_BINARY: ("Binary", "uValue", Field(CimType.OCTETS)),
    RegistryType.REG_DWORD: ("DWORD", "uValue", _UINT32),
    RegistryType.REG_MULTI_SZ: ("MultiString", "sValue", Field(CimType.STRING, array=True)),
    RegistryType.REG_QWORD: ("QWORD", "uValue", Field(CimType.UINT64)),
}

STD_REG_PROV = CimClass(
    "root/default",
    "StdRegProv",
    {},
    {
        "CreateKey": Method(_KEY),
        "EnumKey": Method(_KEY, {"sNames": Field(CimType.STRING, array=True)}),
        "EnumValues": Method(
            _KEY, {"sNames": Field(CimType.STRING, array=True), "Types": Field(CimType.SINT32, array=True)}
        ),
        "DeleteKey": Method(_KEY),
        "DeleteValue": Method(_VALUE),
        **{f"Get{name}Value": Method(_VALUE, {out: field}) for name, out, field in _TYPED.values()},
        **{f"Set{name}Value": Method({**_VALUE, out: field}) for name, out, field in _TYPED.values()},
    },
)

SUCCESS = 0
ABSENT = frozenset({1, 2})
TYPE_MISMATCH = 0x80041005


@dataclass(frozen=True)
class RegistryValue:
    """A value as it stands: its type and its data (int, str, bytes, or a tuple of str for REG_MULTI_SZ)."""

    kind: RegistryType
    data: int | str | bytes | tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind.name} {self.data!r}"


class WrongType(HostError):
    """The value exists, but with another type than the one asked for."""


class Registry:
    """Reads and writes of one host. Every method costs one request unless it says otherwise."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def subkeys(self, key: str) -> tuple[str, ...]:
        """Names of the keys below; empty where the key is absent."""
        result = self._call("EnumKey", key)
        if result.return_value in ABSENT:
            return ()
        self._check(result, "listing", key)
        return tuple(str(name) for name in _array(result, "sNames"))

    def value_types(self, key: str) -> Mapping[str, int]:
        """Lower-case value name to type number; empty where the key is absent or holds no value."""
        result = self._call("EnumValues", key)
        if result.return_value in ABSENT:
            return {}
        self._check(result, "listing the values of", key)
        names, types = _array(result, "sNames"), _array(result, "Types")
        if len(names) != len(types) or None in (*names, *types):
            raise HostError(
                f"The host listed {len(names)} value names but {len(types)} types in HKLM\\{key}, or NULLs."
            )
        return {str(name).lower(): int(kind) for name, kind in zip(names, types, strict=True)}

    def dword(self, key: str, name: str) -> int | None:
        """A REG_DWORD; None where value or key is absent. Raises WrongType for any other type."""
        value = self._get("GetDWORDValue", "uValue", key, name)
        return value if isinstance(value, int) else None

    def string(self, key: str, name: str) -> str | None:
        """A REG_SZ; None where value or key is absent. Raises WrongType for any other type."""
        value = self._get("GetStringValue", "sValue", key, name)
        return value if isinstance(value, str) else None

    def value(self, key: str, name: str) -> RegistryValue | None:
        """A value of any type: two requests, one where it is absent."""
        number = self.value_types(key).get(name.lower())
        if number is None:
            return None
        try:
            kind = RegistryType(number)
        except ValueError as error:
            raise HostError(f"HKLM\\{key}\\{name} has the type {number}, which StdRegProv cannot read.") from error
        method, output, _unused = _TYPED[kind]
        data = self._get(f"Get{method}Value", output, key, name)
        if kind is RegistryType.REG_MULTI_SZ:
            data = tuple(str(line) for line in data) if isinstance(data, list) else ()
        elif kind is RegistryType.REG_BINARY:
            data = data if isinstance(data, bytes) else b""
        elif not isinstance(data, int | str):
            data = ""
        return RegistryValue(kind, data)

    def set_value(self, key: str, name: str, value: RegistryValue) -> None:
        """Write a value of any type. Makes the key where it is missing: then three requests."""
        method, parameter, _unused = _TYPED[value.kind]
        data: CimValue = list(value.data) if isinstance(value.data, tuple) else value.data
        arguments = {"sValueName": name, parameter: data}
        result = self._call(f"Set{method}Value", key, **arguments)
        if result.return_value in ABSENT:
            self.create_key(key)
            result = self._call(f"Set{method}Value", key, **arguments)
        self._check(result, "writing", f"{key}\\{name}")

    def set_dword(self, key: str, name: str, value: int) -> None:
        """Write a REG_DWORD, whatever was there."""
        self.set_value(key, name, RegistryValue(RegistryType.REG_DWORD, value))

    def create_key(self, key: str) -> None:
        """Make a key and all its missing parents; one that exists is fine."""
        self._check(self._call("CreateKey", key), "creating", key)

    def delete_key(self, key: str) -> None:
        """Delete a key without subkeys; one that is absent already is fine."""
        result = self._call("DeleteKey", key)
        if result.return_value not in ABSENT:
            self._check(result, "deleting", key)

    def delete_value(self, key: str, name: str) -> None:
        """Delete a value; one that is absent already is fine."""
        result = self._call("DeleteValue", key, sValueName=name)
        if result.return_value not in ABSENT:
            self._check(result, "deleting", f"{key}\\{name}")

    def _get(self, method: str, output: str, key: str, name: str) -> CimValue:
        result = self._call(method, key, sValueName=name)
        if result.return_value in ABSENT:
            return None
        if result.return_value == TYPE_MISMATCH:
            raise WrongType(f"HKLM\\{key}\\{name} has another type than {method[3:-5]}.")
        self._check(result, "reading", f"{key}\\{name}")
        return result.outputs.get(output)

    def _call(self, method: str, key: str, **arguments: CimValue) -> InvokeResult:
        return self._session.call(
            Invoke(STD_REG_PROV, method, {"hDefKey": HKEY_LOCAL_MACHINE, "sSubKeyName": key, **arguments})
        )

    @staticmethod
    def _check(result: InvokeResult, doing: str, path: str) -> None:
        if result.return_value == SUCCESS:
            return
        if result.return_value in ACCESS_DENIED:
            raise AccessDenied(f"{doing} HKLM\\{path}")
        code = "nothing" if result.return_value is None else f"{result.return_value} (0x{result.return_value:08X})"
        raise HostError(f"StdRegProv returned {code} when {doing} HKLM\\{path}; 0 was expected.")


def _array(result: InvokeResult, name: str) -> list[Any]:
    value = result.outputs.get(name)
    return list(value) if isinstance(value, list | tuple) else []
