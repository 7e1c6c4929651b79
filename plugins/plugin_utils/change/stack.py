# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stack of changes on a host: the theory of `core.stack`, with registry values, policy keys and expiries. Pure.

An end that the host carries out itself can come in any order: a missed start runs when the host is on again. So what
it writes is not one value but a list of choices, each valid while a certain change stands; see `ends_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..core.registry_value import dword
from ..core.stack import ChangeStack, ChangeStatus
from .cell import Cell, CellValue, Change, written
from .process import ControlNode


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class ChangePart:
    """One cell of a change. found: what it held before. wanted: what was written (None: deleted). left: what the host
    was seen to hold afterwards, None until it was looked at. over: the change_id that the cell lay over."""

    cell: Cell
    found: CellValue
    wanted: bool | None
    left: CellValue | None = None
    over: str | None = None

    @property
    def leaves(self) -> CellValue:
        return self.left or written(self.cell, self.wanted)

    @property
    def change(self) -> Change:
        return Change(self.cell, self.found.stored, self.wanted)


@dataclass(frozen=True)
class Entry:
    """One change. Times are aware and by the host's clock. made_keys: policy keys that were not there before it or
    before what it lies over, deepest first. registered_as: fingerprint of the scheduled task. note: why it
    ended as it did. left_alone: the cells that its end left, because they held something else by then. lasts: seconds
    that a task asked for when it set the end last, 0 without an end."""

    seq: int
    change_id: str
    status: ChangeStatus
    reason: str
    created_at: datetime
    expires_at: datetime | None
    parts: tuple[ChangePart, ...]
    made_keys: tuple[str, ...] = ()
    controller: ControlNode = field(default_factory=ControlNode)
    registered_as: str = ""
    note: str = ""
    left_alone: tuple[Cell, ...] = ()
    lasts: int = 0

    @property
    def stands(self) -> bool:
        return self.status.is_open

    def is_past_its_end(self, now: datetime) -> bool:
        """Whether the host should have reverted it by now. now: by the host's clock."""
        waits = self.status in (ChangeStatus.APPLIED, ChangeStatus.REVERTING)
        return waits and self.expires_at is not None and self.expires_at <= now

    def part(self, cell: Cell) -> ChangePart | None:
        return next((part for part in self.parts if part.cell == cell), None)


@dataclass(frozen=True)
class Choice:
    """What an end writes to a cell while the change `while_stands` stands; None: in any other case."""

    held: CellValue
    while_stands: str | None = None


@dataclass(frozen=True)
class CellEnd:
    """What the end of a change does to one cell that still holds what the change left.

    covers: changes above it, each of which must have ended for the cell to be touched. choices: the first that is
    valid is written; the last is always valid.
    """

    cell: Cell
    leaves: CellValue
    covers: tuple[str, ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Stack(ChangeStack[Entry, Cell, CellValue]):
    """Every change that the journal of a host knows, those that ended included, in order."""

    def same(self, left: CellValue, value: CellValue) -> bool:
        return left.stored == value.stored

    def intermediate(self, leaves: CellValue, below: CellValue) -> tuple[CellValue, ...]:
        """Restoring what ran stores it first, before the stored value is restored."""
        running = () if below.running is None else (CellValue(dword(below.running)),)
        return (leaves, below, *running)

    def made_keys(self, cells: Sequence[Cell], missing: Sequence[str]) -> tuple[str, ...]:
        """Policy keys that undoing should remove if they are empty then: missing now, or made by what stands there."""
        keys = {cell.key for cell in cells}
        inherited = [
            made
            for entry in self.standing
            for made in entry.made_keys
            if any((key + "\\").startswith(made + "\\") for key in keys)
        ]
        return tuple(sorted({*missing, *inherited}, key=lambda key: (-key.count("\\"), key)))

    def ends_of(self, entry: Entry) -> tuple[CellEnd, ...]:
        """What the host does when a change expires: a projection of the journal.

        Cells that something covers which itself never ends are not in it. Whether another change that ends by itself
        has ended by then depends on the host, not on the clock: the choices are made there.
        """
        ends = []
        for part in entry.parts:
            covers = self.covers(entry, part.cell)
            if self.belongs_to_others(entry, part.cell) or any(cover.expires_at is None for cover in covers):
                continue
            choices: list[Choice] = []
            for lower in self.beneath(entry, part.cell):
                below = lower.part(part.cell)
                if not lower.status.is_in_force or below is None:
                    continue
                lasts = lower.expires_at is None
                choices.append(Choice(below.leaves, None if lasts else lower.change_id))
                if lasts:
                    break
            else:
                choices.append(Choice(self.ground(entry, part.cell)))
            ids = tuple(cover.change_id for cover in covers)
            ends.append(CellEnd(part.cell, part.leaves, ids, tuple(choices)))
        return tuple(ends)


def entry_as_fact(entry: Entry) -> dict[str, Any]:
    """One change as users see it."""
    return {
        "change_id": entry.change_id,
        "status": entry.status.value,
        "reason": entry.reason,
        "created_at": stamp(entry.created_at),
        "expires_at": stamp(entry.expires_at) if entry.expires_at else None,
        "controller": entry.controller.host,
        "note": entry.note,
        "changes": [part.change.as_dict() for part in entry.parts],
    }
