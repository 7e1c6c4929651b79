# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of a host through the CIM class StdRegProv. Keys are below HKEY_LOCAL_MACHINE, without `HKLM\\`.

Return values: Microsoft's pages only say "0, or a WinError or WbemErrorEnum value"; which of 1 and 2 means a missing
value and which a missing key was never recorded, so both mean absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import AccessDenied, HostError
from ..core.registry_value import RegistryType, RegistryValue
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimType, CimValue, Field, Method
from ..wsman.fault_codes import ACCESS_DENIED, number_in_words
from ..wsman.operations import Invoke, InvokeResult

HKEY_LOCAL_MACHINE = 0x80000002
FEW = 3
"""Up to so many values of one key are read straight away: listing the key would cost as much as it can save."""


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


class WrongType(HostError):
    """The value exists, but with another type than the one asked for."""


def call_registry(
    session: Session, method: str, key: str, cls: CimClass = STD_REG_PROV, /, **arguments: CimValue
) -> InvokeResult:
    """One method, with whatever it returns."""
    return session.call(Invoke(cls, method, {"hDefKey": HKEY_LOCAL_MACHINE, "sSubKeyName": key, **arguments}))


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
        """Lower-case value name ("" is the unnamed one) to type number; empty where key or values are absent."""
        result = self._call("EnumValues", key)
        if result.return_value in ABSENT:
            return {}
        self._check(result, "listing the values of", key)
        names, types = _array(result, "sNames"), _array(result, "Types")
        # Names and types are two lists: where they do not match, no type belongs surely to a name.
        if len(names) != len(types) or None in types:
            raise HostError(
                f"The host listed {len(names)} value names but {len(types)} types in HKLM\\{key}, or NULLs."
            )
        return {str(name or "").lower(): int(kind) for name, kind in zip(names, types, strict=True)}

    def dword(self, key: str, name: str) -> int | None:
        """A REG_DWORD; None where value or key is absent. Raises WrongType for any other type."""
        result = self._get(RegistryType.REG_DWORD, key, name)
        return None if result is None else _number(result, key, name)

    def string(self, key: str, name: str) -> str | None:
        """A REG_SZ; None where value or key is absent. Raises WrongType for any other type."""
        result = self._get(RegistryType.REG_SZ, key, name)
        return None if result is None else str(result.outputs.get("sValue") or "")

    def strings(self, key: str, name: str) -> tuple[str, ...] | None:
        """A REG_MULTI_SZ; None where value or key is absent. Raises WrongType for any other type."""
        result = self._get(RegistryType.REG_MULTI_SZ, key, name)
        value = result.outputs.get("sValue") if result else None
        return tuple(str(line) for line in value) if isinstance(value, list | tuple) else None

    def value(self, key: str, name: str) -> RegistryValue | None:
        """A value of any type: two requests, one where it is absent."""
        number = self.value_types(key).get(name.lower())
        return None if number is None else self.value_of_type(key, name, number)

    def probably_dword(self, key: str, name: str) -> RegistryValue | None:
        """A value that is most likely absent or a REG_DWORD: one request, three where it has another type."""
        try:
            number = self.dword(key, name)
        except WrongType:
            return self.value(key, name)
        return None if number is None else RegistryValue(RegistryType.REG_DWORD, number)

    def value_of_type(self, key: str, name: str, number: int) -> RegistryValue | None:
        """A value whose type number EnumValues gave; None where it was deleted since.

        One request. Where somebody has written it with another type since, three. Raises WrongType where that goes on.
        """
        try:
            return self._of_type(key, name, number)
        except WrongType:
            again = self.value_types(key).get(name.lower())
            if again == number:
                raise
            return None if again is None else self._of_type(key, name, again)

    def _of_type(self, key: str, name: str, number: int) -> RegistryValue | None:
        try:
            kind = RegistryType(number)
        except ValueError:
            # StdRegProv has no method for it. Its number is enough to show it and to refuse to write over it.
            return RegistryValue(number, b"")
        result = self._get(kind, key, name)
        return None if result is None else RegistryValue(kind, _data(kind, result, key, name))

    def set_value(self, key: str, name: str, value: RegistryValue) -> None:
        """Write a value of any type. Makes the key where it is missing: then three requests."""
        if not isinstance(value.kind, RegistryType):
            raise AssertionError("what cannot be read back is never written")
        method, parameter, _unused = _TYPED[value.kind]
        data: CimValue = list(value.data) if isinstance(value.data, tuple) else value.data
        arguments = {"sValueName": name, parameter: data}
        result = self._call(f"Set{method}Value", key, **arguments)
        # Mostly the key is there: making it first would cost each write a request.
        if result.return_value in ABSENT:
            self.create_key(key)
            result = self._call(f"Set{method}Value", key, **arguments)
        self._check(result, "writing", f"{key}\\{name}", writing=True)

    def create_key(self, key: str) -> None:
        """Make a key and all its missing parents; one that exists is fine."""
        self._check(self._call("CreateKey", key), "creating", key, writing=True)

    def delete_key(self, key: str) -> None:
        """Delete a key without subkeys; one that is absent already is fine."""
        result = self._call("DeleteKey", key)
        if result.return_value not in ABSENT:
            self._check(result, "deleting", key, writing=True)

    def delete_value(self, key: str, name: str) -> None:
        """Delete a value; one that is absent already is fine."""
        result = self._call("DeleteValue", key, sValueName=name)
        if result.return_value not in ABSENT:
            self._check(result, "deleting", f"{key}\\{name}", writing=True)

    def _get(self, kind: RegistryType, key: str, name: str) -> InvokeResult | None:
        method = f"Get{_TYPED[kind][0]}Value"
        result = self._call(method, key, sValueName=name)
        if result.return_value in ABSENT:
            return None
        if result.return_value == TYPE_MISMATCH:
            raise WrongType(f"HKLM\\{key}\\{name} has another type than {method[3:-5]}.")
        self._check(result, "reading", f"{key}\\{name}")
        return result

    def _call(self, method: str, key: str, **arguments: CimValue) -> InvokeResult:
        return call_registry(self._session, method, key, **arguments)

    @staticmethod
    def _check(result: InvokeResult, doing: str, path: str, *, writing: bool = False) -> None:
        if result.return_value == SUCCESS:
            return
        if result.return_value in ACCESS_DENIED:
            raise AccessDenied(f"{doing} HKLM\\{path}", writing=writing)
        code = "nothing" if result.return_value is None else number_in_words(result.return_value)
        raise HostError(f"StdRegProv returned {code} when {doing} HKLM\\{path}; 0 was expected.")


def _array(result: InvokeResult, name: str) -> list[Any]:
    value = result.outputs.get(name)
    return list(value) if isinstance(value, list | tuple) else []


def _data(kind: RegistryType, result: InvokeResult, key: str, name: str) -> int | str | bytes | tuple[str, ...]:
    """What a Get method gave. NULL is an empty text, list or binary; a number without data is no number."""
    if kind in (RegistryType.REG_DWORD, RegistryType.REG_QWORD):
        return _number(result, key, name)
    data = result.outputs.get(_TYPED[kind][1])
    if kind is RegistryType.REG_MULTI_SZ:
        return tuple(str(line or "") for line in data) if isinstance(data, list) else ()
    if kind is RegistryType.REG_BINARY:
        return data if isinstance(data, bytes) else b""
    return str(data or "")


def _number(result: InvokeResult, key: str, name: str) -> int:
    number = result.outputs.get("uValue")
    if not isinstance(number, int):
        raise HostError(f"HKLM\\{key}\\{name} is a number, but the host sent no data.")
    return number
