"""StdRegProv: the registry as CIM methods, with the return codes that callers of the real class expect.

Signatures are those of the win32 RegProv pages. Return codes for absent keys and values, and for a wrong type, are
not documented: quirks choose them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cim import CimClass, Instance, Method, Property, Provider
from .registry import HIVES, TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .prompts import PromptAnswer
    from .quirks import Quirks
    from .registry import Registry

HKLM = HIVES["HKLM"][1]
INVALID_PARAMETER = 2147749896
ACCESS_ALL_BITS = 0x1F003F

_KEY = (Property("hDefKey", "uint32"), Property("sSubKeyName"))
_VALUE = (*_KEY, Property("sValueName"))
_NAMES = Property("sNames", array=True)

_TRUSTEE = CimClass("root/cimv2", "__Trustee", (Property("Domain"), Property("Name"), Property("SIDString")))
_ACE = CimClass(
    "root/cimv2",
    "__ACE",
    (
        Property("AccessMask", "uint32"),
        Property("AceFlags", "uint32"),
        Property("AceType", "uint32"),
        Property("Trustee", "instance"),
    ),
)
_DESCRIPTOR = CimClass(
    "root/cimv2",
    "__SecurityDescriptor",
    (Property("ControlFlags", "uint32"), Property("DACL", "instance", array=True), Property("Owner", "instance")),
)
_ALL, _READ = 0xF003F, 0x20019
# HKLM\SOFTWARE as Windows installs it (general knowledge)
_TRUSTEES = (
    ("S-1-5-18", "NT AUTHORITY", "SYSTEM", _ALL),
    ("S-1-5-32-544", "BUILTIN", "Administrators", _ALL),
    ("S-1-3-0", "", "CREATOR OWNER", _ALL),
    ("S-1-5-32-545", "BUILTIN", "Users", _READ),
    ("S-1-15-2-1", "APPLICATION PACKAGE AUTHORITY", "ALL APPLICATION PACKAGES", _READ),
)

# Method stem -> (registry type, the parameter that carries the data)
_KINDS = {
    "DWORD": ("REG_DWORD", Property("uValue", "uint32")),
    "QWORD": ("REG_QWORD", Property("uValue", "uint64")),
    "String": ("REG_SZ", Property("sValue")),
    "ExpandedString": ("REG_EXPAND_SZ", Property("sValue")),
    "MultiString": ("REG_MULTI_SZ", Property("sValue", array=True)),
    "Binary": ("REG_BINARY", Property("uValue", "uint8", array=True)),
}


def _methods() -> tuple[Method, ...]:
    listed = [
        Method("CreateKey", _KEY),
        Method("DeleteKey", _KEY),
        Method("EnumKey", _KEY, (_NAMES,)),
        Method("EnumValues", _KEY, (_NAMES, Property("Types", "sint32", array=True))),
        Method("DeleteValue", _VALUE),
        Method("GetSecurityDescriptor", _KEY, (Property("Descriptor", "instance"),)),
        Method("CheckAccess", (*_KEY, Property("uRequired", "uint32")), (Property("bGranted", "boolean"),)),
    ]
    for stem, (_type, data) in _KINDS.items():
        listed.append(Method(f"Get{stem}Value", _VALUE, (data,)))
        listed.append(Method(f"Set{stem}Value", (*_VALUE, data)))
    return tuple(listed)


class StdRegProv(Provider):
    """One host's registry behind StdRegProv in one namespace."""

    def __init__(self, namespace: str, registry: Registry, quirks: Quirks) -> None:
        self.cim_class = CimClass(namespace, "StdRegProv", (), _methods())
        self._registry = registry
        self._quirks = quirks

    @property
    def _key_missing(self) -> int:
        return self._quirks.registry_absent_codes[1]

    def invoke(self, method: Method, arguments: Mapping[str, Any], _prompt: PromptAnswer) -> dict[str, Any]:
        number = arguments.get("hDefKey")
        hives = {value: short for short, (_long, value) in HIVES.items()}
        hive = hives.get(HKLM if number is None else number)
        name = arguments.get("sSubKeyName")
        outputs: dict[str, Any] = {item.name: None for item in method.outputs}
        if hive is None or name is None:
            return {**outputs, "ReturnValue": INVALID_PARAMETER}
        path = f"{hive}\\{name}"
        if method.name.endswith("Value") and method.name != "DeleteValue":
            stem = method.name[3:].removesuffix("Value")
            getter = self._get_value if method.name.startswith("Get") else self._set_value
            result = getter(path, arguments, *_KINDS[stem])
        else:
            result = getattr(self, f"_{method.name.lower()}")(path, arguments)
        return {**outputs, **result}

    def _absent(self, path: str) -> dict[str, Any]:
        exists = self._registry.key_exists(path)
        return {"ReturnValue": self._quirks.registry_absent_codes[0 if exists else 1]}

    def _createkey(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self._registry.key_exists(path):
            self._registry.create_key(path)
        return {"ReturnValue": 0}

    def _deletekey(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self._registry.key_exists(path):
            return {"ReturnValue": self._key_missing}
        # A key with subkeys cannot be deleted: access denied.
        return {"ReturnValue": 0 if self._registry.delete_key(path) else 5}

    def _enumkey(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self._registry.key_exists(path):
            return {"ReturnValue": self._key_missing}
        return {"sNames": self._registry.subkeys(path) or None, "ReturnValue": 0}

    def _enumvalues(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self._registry.key_exists(path):
            return {"ReturnValue": self._key_missing}
        values = self._registry.values(path)
        if not any(value.name for value in values) and not self._quirks.unnamed_value_listed:
            return {"ReturnValue": 0}
        return {
            "sNames": [value.name for value in values],
            "Types": [TYPES[value.type] for value in values],
            "ReturnValue": 0,
        }

    def _deletevalue(self, path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if self._registry.delete_value(path, arguments.get("sValueName") or ""):
            return {"ReturnValue": 0}
        return {"ReturnValue": self._key_missing}  # a missing value gives the code of a missing key here

    def _getsecuritydescriptor(self, path: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self._registry.key_exists(path):
            return {"ReturnValue": self._key_missing}
        entries = []
        for sid, domain, name, mask in _TRUSTEES:
            opened = sid == "S-1-5-32-545" and self._quirks.users_write_software
            trustee = Instance(_TRUSTEE, {"Domain": domain, "Name": name, "SIDString": sid})
            entries.append(
                Instance(
                    _ACE, {"AccessMask": _ALL if opened else mask, "AceFlags": 2, "AceType": 0, "Trustee": trustee}
                )
            )
        owner = Instance(_TRUSTEE, {"Domain": "NT AUTHORITY", "Name": "SYSTEM", "SIDString": "S-1-5-18"})
        descriptor = Instance(_DESCRIPTOR, {"ControlFlags": 0x8004, "DACL": entries, "Owner": owner})
        return {"Descriptor": descriptor, "ReturnValue": 0}

    def _checkaccess(self, path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if not self._registry.key_exists(path):
            return {"bGranted": False, "ReturnValue": self._key_missing}
        required = arguments.get("uRequired")
        return {"bGranted": not (3 if required is None else required) & ~ACCESS_ALL_BITS, "ReturnValue": 0}

    def _get_value(self, path: str, arguments: Mapping[str, Any], type_: str, data: Property) -> dict[str, Any]:
        value = self._registry.get(path, arguments.get("sValueName") or "")
        if value is None:
            return self._absent(path)
        if value.type != type_:
            return {"ReturnValue": self._quirks.registry_wrong_type_code}
        if value.data == "" and self._quirks.empty_text_is_null:
            return {data.name: None, "ReturnValue": 0}
        return {data.name: value.data, "ReturnValue": 0}

    def _set_value(self, path: str, arguments: Mapping[str, Any], type_: str, data: Property) -> dict[str, Any]:
        value = arguments.get(data.name)
        if value is None:
            value = [] if data.array else 0 if data.type.startswith("uint") else ""
        if not self._registry.set(path, arguments.get("sValueName") or "", type_, value, create=False):
            return {"ReturnValue": self._key_missing}
        return {"ReturnValue": 0}
