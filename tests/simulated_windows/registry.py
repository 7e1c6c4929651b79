"""A registry: hives of case-insensitive keys with typed values.

Paths are ``HKLM\\A\\B``. Values carry a type of ``TYPES``; the default value's name is the empty string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

TYPES = {
    "REG_NONE": 0,
    "REG_SZ": 1,
    "REG_EXPAND_SZ": 2,
    "REG_BINARY": 3,
    "REG_DWORD": 4,
    "REG_DWORD_BIG_ENDIAN": 5,
    "REG_MULTI_SZ": 7,
    "REG_QWORD": 11,
}
HIVES = {
    "HKCR": ("HKEY_CLASSES_ROOT", 2147483648),
    "HKCU": ("HKEY_CURRENT_USER", 2147483649),
    "HKLM": ("HKEY_LOCAL_MACHINE", 2147483650),
    "HKU": ("HKEY_USERS", 2147483651),
    "HKCC": ("HKEY_CURRENT_CONFIG", 2147483653),
}


@dataclass
class RegistryValue:
    """One value. ``data`` is int (DWORD, QWORD), str, list of str (MULTI_SZ) or list of int 0-255 (all others).

    None stands for a value without any data, which every type may have.
    """

    name: str
    type: str
    data: Any

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"unknown registry type {self.type!r}")


@dataclass
class _Key:
    name: str
    values: dict[str, RegistryValue] = field(default_factory=dict)
    subkeys: dict[str, _Key] = field(default_factory=dict)


class Registry:
    """The hives of one host. ``on_change`` callbacks run after every write with the written key's path."""

    def __init__(self) -> None:
        self.hives = {short: _Key(short) for short in HIVES}
        self.on_change: list[Callable[[str], None]] = []

    @staticmethod
    def normalize(path: str) -> str:
        """``HKEY_LOCAL_MACHINE\\X`` or ``HKLM:\\X`` as ``HKLM\\X``; raises ValueError for an unknown hive."""
        hive, _separator, rest = path.strip("\\").partition("\\")
        wanted = hive.rstrip(":").upper()
        for short, (long, _number) in HIVES.items():
            if wanted in (short, long):
                return f"{short}\\{rest}" if rest else short
        raise ValueError(f"unknown registry hive in {path!r}")

    def _find(self, path: str, create: bool = False) -> _Key | None:
        hive, *parts = [part for part in self.normalize(path).split("\\") if part]
        key = self.hives[hive]
        for part in parts:
            child = key.subkeys.get(part.lower())
            if child is None:
                if not create:
                    return None
                child = key.subkeys[part.lower()] = _Key(part)
            key = child
        return key

    def _changed(self, path: str) -> None:
        for callback in self.on_change:
            callback(path)

    def key_exists(self, path: str) -> bool:
        return self._find(path) is not None

    def create_key(self, path: str) -> None:
        self._find(path, create=True)
        self._changed(path)

    def delete_key(self, path: str, recurse: bool = False) -> bool:
        """Delete a key; False if it is missing or, without ``recurse``, has subkeys."""
        parent_path, _separator, name = self.normalize(path).rpartition("\\")
        parent = self._find(parent_path) if parent_path else None
        key = parent.subkeys.get(name.lower()) if parent else None
        if parent is None or key is None or (key.subkeys and not recurse):
            return False
        del parent.subkeys[name.lower()]
        self._changed(path)
        return True

    def subkeys(self, path: str) -> list[str]:
        key = self._find(path)
        return [child.name for child in key.subkeys.values()] if key else []

    def values(self, path: str) -> list[RegistryValue]:
        key = self._find(path)
        return list(key.values.values()) if key else []

    def get(self, path: str, name: str) -> RegistryValue | None:
        key = self._find(path)
        return key.values.get(name.lower()) if key else None

    def get_dword(self, path: str, name: str) -> int | None:
        """The number, or None if the value is missing or has another type."""
        value = self.get(path, name)
        return int(value.data) if value is not None and value.type == "REG_DWORD" and value.data is not None else None

    def set(self, path: str, name: str, type_: str, data: Any, create: bool = True) -> bool:
        """Write one value; False if the key is missing and ``create`` is false."""
        key = self._find(path, create=create)
        if key is None:
            return False
        previous = key.values.get(name.lower())
        key.values[name.lower()] = RegistryValue(previous.name if previous else name, type_, data)
        self._changed(path)
        return True

    def delete_value(self, path: str, name: str) -> bool:
        key = self._find(path)
        if key is None or key.values.pop(name.lower(), None) is None:
            return False
        self._changed(path)
        return True

    def _walk(self, key: _Key, path: str) -> Iterator[tuple[str, _Key]]:
        for _lower, child in sorted(key.subkeys.items()):
            child_path = f"{path}\\{child.name}"
            yield child_path, child
            yield from self._walk(child, child_path)

    def dump(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every key with its values, sorted: ``{path: {name: {"type", "value"}}}``."""
        return {
            path: {
                value.name: {"type": value.type, "value": value.data} for _lower, value in sorted(key.values.items())
            }
            for short, hive in sorted(self.hives.items())
            for path, key in self._walk(hive, short)
        }
