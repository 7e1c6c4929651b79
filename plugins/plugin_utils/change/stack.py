# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stack of changes on a host. Pure: this file is the theory, everything else carries it out.

A change is a list of parts, one for each cell that it wrote. The changes that stand lie over each other in the order
of their sequence number, cell by cell:

    value of a cell  =  what its newest standing change left, else what was found before the oldest
    undo the top     ->  what stands below is written
    undo a covered   ->  nothing is written; the stack is one shorter

Each part says which standing change it lies `over`: the top of its cell when it was made, or none where the cell held
something else than that one left, which is then somebody else's value and a new ground. What stands below a part is
what `over` left if that still stands, else what stands below `over`, else what the part itself found. So nothing
needs to be rewritten when a change in the middle ends; an ended change is kept as long as a standing one lies over it.

An end that the host carries out itself can come in any order: a missed start runs when the host is on again. So what
it writes is not one value but a list of choices, each valid while a certain change stands; see `ends_of`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from .cell import Cell, Held, written
from .plan import Change
from .process import Controller


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Status(Enum):
    """Where a change stands. `reverting`: its undoing was begun, and perhaps cut off."""

    PENDING = "pending"
    APPLIED = "applied"
    REVERTING = "reverting"
    REVERTED = "reverted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"

    @property
    def stands(self) -> bool:
        return self not in (Status.REVERTED, Status.ROLLED_BACK)


@dataclass(frozen=True)
class Part:
    """One cell of a change. found: what it held before. wanted: what was written (None: deleted). left: what the host
    was seen to hold afterwards, None until it was looked at. over: the change_id that the cell lay over."""

    cell: Cell
    found: Held
    wanted: bool | None
    left: Held | None = None
    over: str | None = None

    @property
    def leaves(self) -> Held:
        return self.left or written(self.cell, self.wanted)

    @property
    def change(self) -> Change:
        return Change(self.cell, self.found.stored, self.wanted)


@dataclass(frozen=True)
class Entry:
    """One change. Times are aware and by the host's clock. made_keys: policy keys that were not there before it or
    before what it lies over, deepest first. armed: fingerprint of the scheduled task as registered last. note: why it
    ended as it did. left_alone: the cells that its end left, because they held something else by then."""

    seq: int
    change_id: str
    status: Status
    reason: str
    created_at: datetime
    expires_at: datetime | None
    parts: tuple[Part, ...]
    made_keys: tuple[str, ...] = ()
    controller: Controller = field(default_factory=Controller)
    armed: str = ""
    note: str = ""
    left_alone: tuple[Cell, ...] = ()

    @property
    def stands(self) -> bool:
        return self.status.stands

    def part(self, cell: Cell) -> Part | None:
        return next((part for part in self.parts if part.cell == cell), None)


@dataclass(frozen=True)
class Choice:
    """What an end writes to a cell while the change `while_stands` stands; None: in any other case."""

    held: Held
    while_stands: str | None = None


@dataclass(frozen=True)
class CellEnd:
    """What the end of a change does to one cell that still holds what the change left.

    covers: changes above it, each of which must have ended for the cell to be touched. choices: the first that is
    valid is written; the last is always valid.
    """

    cell: Cell
    leaves: Held
    covers: tuple[str, ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Stack:
    """Every change that the journal knows, those that ended included, in order."""

    entries: tuple[Entry, ...] = ()

    def get(self, change_id: str | None) -> Entry | None:
        wanted = change_id.lower() if change_id else None
        return next((entry for entry in self.entries if entry.change_id.lower() == wanted), None)

    @property
    def standing(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.stands)

    def with_(self, entry: Entry) -> Stack:
        """The stack with an entry in place of the one of the same sequence number, or on top."""
        others = [other for other in self.entries if other.seq != entry.seq]
        return Stack(tuple(sorted([*others, entry], key=lambda entry: entry.seq)))

    @property
    def next_seq(self) -> int:
        return max([0, *(entry.seq for entry in self.entries)]) + 1

    def covers(self, entry: Entry, cell: Cell) -> tuple[Entry, ...]:
        """The standing changes that lie above one on a cell, oldest first."""
        return tuple(other for other in self.standing if other.seq > entry.seq and other.part(cell))

    def top(self, cell: Cell) -> Entry | None:
        """The newest standing change of a cell."""
        return next((entry for entry in reversed(self.standing) if entry.part(cell)), None)

    def over(self, cell: Cell, held: Held) -> str | None:
        """The change that a new change of this cell lies over, if the cell holds what that one left."""
        top = self.top(cell)
        part = top.part(cell) if top else None
        if top is None or part is None or self.disowned(top, cell):
            return None
        return top.change_id if part.leaves.stored == held.stored else None

    def disowned(self, entry: Entry, cell: Cell) -> bool:
        """Whether a cell is somebody else's although a change is on top of it: an end above it found another value
        there, and left it."""
        return any(other.seq > entry.seq and cell in other.left_alone for other in self.entries if not other.stands)

    def _beneath(self, entry: Entry, cell: Cell) -> Iterator[Entry]:
        """The changes beneath one on a cell, ended ones included, newest first."""
        part, seq = entry.part(cell), entry.seq
        while part is not None:
            lower = self.get(part.over)
            if lower is None or lower.seq >= seq or not lower.part(cell):
                return  # a damaged journal: what it lies over there is not known
            yield lower
            part, seq = lower.part(cell), lower.seq

    def _ground(self, entry: Entry, cell: Cell) -> Held:
        bottom = [entry, *self._beneath(entry, cell)][-1].part(cell)
        if bottom is None:
            raise KeyError(cell)
        return bottom.found

    def below(self, entry: Entry, cell: Cell) -> Held:
        """What stands below a change on a cell: what undoing it there puts back."""
        for lower in self._beneath(entry, cell):
            part = lower.part(cell)
            if lower.stands and part:
                return part.leaves
        return self._ground(entry, cell)

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
            if self.disowned(entry, part.cell) or any(cover.expires_at is None for cover in covers):
                continue
            choices: list[Choice] = []
            for lower in self._beneath(entry, part.cell):
                below = lower.part(part.cell)
                if not lower.stands or below is None:
                    continue
                lasts = lower.expires_at is None
                choices.append(Choice(below.leaves, None if lasts else lower.change_id))
                if lasts:
                    break
            else:
                choices.append(Choice(self._ground(entry, part.cell)))
            ids = tuple(cover.change_id for cover in covers)
            ends.append(CellEnd(part.cell, part.leaves, ids, tuple(choices)))
        return tuple(ends)

    def needed(self) -> set[int]:
        """Sequence numbers of ended changes that a standing one lies over, however far down, or that disown one."""
        disowning = {
            other.seq
            for other in self.entries
            for entry in self.standing
            if not other.stands and any(other.seq > entry.seq and entry.part(cell) for cell in other.left_alone)
        }
        return disowning | {
            lower.seq
            for entry in self.standing
            for part in entry.parts
            for lower in self._beneath(entry, part.cell)
            if not lower.stands
        }


def as_fact(entry: Entry) -> dict[str, Any]:
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
