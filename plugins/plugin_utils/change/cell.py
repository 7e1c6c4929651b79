# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cell is one setting in one scope: the smallest thing that a change writes, and that can be restored. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.registry_value import Stored, as_bool, as_text, dword, value_as_fact
from ..posture.state import SettingState
from ..tables.settings import KEYS, SETTINGS, Scope, Setting


@dataclass(frozen=True)
class Cell:
    """The registry value behind a setting in one scope, or its entry in the local GPO."""

    setting: Setting
    scope: Scope

    @classmethod
    def named(cls, setting: str, scope: str) -> Cell:
        """Raises KeyError or ValueError for what the table does not have."""
        cell = cls(SETTINGS[setting], Scope(scope))
        if not cell.setting.has(cell.scope.layer):
            raise ValueError(f"{setting} has no scope {scope}")
        return cell

    @property
    def key(self) -> str:
        return KEYS[self.setting.side][self.scope.layer]

    @property
    def name(self) -> str:
        return self.setting.names[self.scope.layer]

    @property
    def location(self) -> str:
        return self.setting.location(self.scope.layer)

    @property
    def is_local(self) -> bool:
        return self.scope is Scope.LOCAL

    @property
    def in_local_gpo(self) -> bool:
        """Whether the value stands in the files of the local GPO, not in the registry."""
        return self.scope is Scope.LOCAL_GPO

    def __str__(self) -> str:
        return f"{self.setting.name} ({self.scope.value})"


@dataclass(frozen=True)
class CellValue:
    """What a cell holds: the stored value (None: absent), and for the local scope what ran beside it.

    running is None where that says nothing about the cell: a policy or MDM decided it then, or it is not known.
    """

    stored: Stored
    running: bool | None = None

    @property
    def to_run(self) -> bool | None:
        """What has to run for the cell to be so."""
        return as_bool(self.stored) if self.running is None else self.running

    def __str__(self) -> str:
        return as_text(self.stored)


def seen(cell: Cell, state: SettingState) -> CellValue:
    """What a look at the host says that a cell holds."""
    running = state.observed.running if cell.is_local and not state.observed.governed() else None
    return CellValue(state.observed.layer(cell.scope.layer), running)


def written(cell: Cell, value: bool | None) -> CellValue:
    """What a cell should hold after the write of `value` (None: deleted)."""
    return CellValue(None if value is None else dword(value), value if cell.is_local else None)


def holds(cell: Cell, held: CellValue, value: bool | None, *, governed: bool) -> bool:
    """Whether a cell holds what was, or is to be, written to it. The one answer to that question.

    SetConfiguration may store a value that equals the default by storing none: then what runs decides. governed: a
    policy or MDM decides what runs, which then proves nothing.
    """
    stored = value is None if held.stored is None else as_bool(held.stored) is value and value is not None
    if not cell.is_local:
        return stored
    return (stored or (held.stored is None and not governed)) and (governed or held.running is value)


@dataclass(frozen=True)
class Change:
    """One write. before: what the cell holds. after: the value to write, None to delete it."""

    cell: Cell
    before: Stored
    after: bool | None

    @property
    def opens(self) -> bool:
        """Whether the write takes protection away: it sets, or uncovers, something else than the secure value."""
        secure = self.cell.setting.secure
        if secure is None:
            return False
        return self.after is not secure if self.after is not None else as_bool(self.before) is secure

    def as_dict(self) -> dict[str, Any]:
        """`{setting, scope, from, to, location}`: booleans, null where absent, a text where it is no 0 or 1."""
        return {
            "setting": self.cell.setting.name,
            "scope": self.cell.scope.value,
            "from": value_as_fact(self.before),
            "to": self.after,
            "location": self.cell.location,
            "group_policy": self.cell.setting.title,
        }

    def __str__(self) -> str:
        return f"{self.cell}: {as_text(self.before)} -> {'absent' if self.after is None else int(self.after)}"
