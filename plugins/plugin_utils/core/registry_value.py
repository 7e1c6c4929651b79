# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value of the Windows registry, and the one answer to "is this value on?". Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class RegistryType(IntEnum):
    """Type numbers of EnumValues. Numbers that Windows may add are kept as plain integers."""

    REG_SZ = 1
    REG_EXPAND_SZ = 2
    REG_BINARY = 3
    REG_DWORD = 4
    REG_MULTI_SZ = 7
    REG_QWORD = 11


@dataclass(frozen=True)
class RegistryValue:
    """A value as it stands: its type and its data (int, str, bytes, or a tuple of str for REG_MULTI_SZ).

    What is no value of a known type can be shown, not restored: a type that StdRegProv cannot read is kept as its
    number, without data; what else stands for a value (in a policy file, say) has its words as data.
    """

    kind: RegistryType | int
    data: int | str | bytes | tuple[str, ...]

    @property
    def restorable(self) -> bool:
        return isinstance(self.kind, RegistryType)

    def __str__(self) -> str:
        if isinstance(self.kind, RegistryType):
            return f"{self.kind.name} {self.data!r}"
        return str(self.data) if self.data else f"type {self.kind}"


Stored = RegistryValue | None
"""What a place holds; None: the value is absent."""


def dword(value: bool | int) -> RegistryValue:
    return RegistryValue(RegistryType.REG_DWORD, int(value))


def as_bool(value: Stored) -> bool | None:
    """What Windows makes of a value: any REG_DWORD but 0 is on; None where there is no REG_DWORD."""
    return bool(value.data) if value is not None and value.kind is RegistryType.REG_DWORD else None


def value_as_fact(value: Stored) -> bool | str | None:
    """What users are shown: a boolean for a REG_DWORD of 0 or 1, else type and data; None where absent."""
    return value.data == 1 if value in (dword(0), dword(1)) else None if value is None else str(value)


def as_text(value: Stored) -> str:
    """The same for a sentence or a diff: `0`, `1`, `absent`, or type and data."""
    fact = value_as_fact(value)
    return "absent" if fact is None else fact if isinstance(fact, str) else str(int(fact))
