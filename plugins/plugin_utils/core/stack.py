# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The theory of overlapping changes. Pure, and the same for the journal of a host and for the journal of a GPO.

A change is a list of parts, one for each cell that it wrote. The standing changes of a cell lie over each other in the
order of their sequence numbers, never by a clock:

    value of a cell      =  what its newest standing change left, else what was found before the oldest
    revert the top       ->  write what lies below
    revert a covered one ->  write nothing; the stack is one shorter
    rollback             =  revert of a change that did not finish: the same rule, with the stack of that moment

Each part says which standing change it lies `over`: the top of its cell when it was made. It is None where the cell
held something else than that change left: then that value is somebody else's, and a new ground. What lies below a part
is what `over` left if that is in force, else what lies below `over`, else what the part itself found. So nothing has to
be rewritten when a change in the middle ends; an ended change is kept as long as a standing one lies over it.

A change whose undoing was interrupted or failed leaves no value that anybody wants: it may hold any of its
`intermediate` values. Such a value is still the change's own, so a new change lies over it and not on a new ground. And
since its undoing is due, what lies below the new change is what lies below the failed one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generic, Protocol, Self, TypeVar


class ChangeStatus(Enum):
    """Where a change is in its life. The only place that says which statuses are open, ended, unfinished.

    `reverting`: its undoing was begun, and perhaps interrupted. `failed`: its undoing failed.
    """

    PENDING = "pending"
    APPLIED = "applied"
    REVERTING = "reverting"
    REVERTED = "reverted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"

    @property
    def is_ended(self) -> bool:
        """Whether nothing of it is left: it takes no part in the stack."""
        return self in (ChangeStatus.REVERTED, ChangeStatus.ROLLED_BACK)

    @property
    def is_open(self) -> bool:
        """Whether it stands: it can be reverted, and covers what lies below it."""
        return not self.is_ended

    @property
    def is_unfinished(self) -> bool:
        """Whether a run, or the host, did not finish what it began: the next run has work to do."""
        return self in (ChangeStatus.PENDING, ChangeStatus.REVERTING, ChangeStatus.FAILED)

    @property
    def is_in_force(self) -> bool:
        """Whether its values are wanted: not where its undoing was begun."""
        return self in (ChangeStatus.PENDING, ChangeStatus.APPLIED)


C = TypeVar("C")
V = TypeVar("V")
C_co = TypeVar("C_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)


class StackedPart(Protocol[C_co, V_co]):
    """One cell of a change: what it found there, what it leaves, and the change_id that it lies over."""

    @property
    def cell(self) -> C_co: ...
    @property
    def found(self) -> V_co: ...
    @property
    def leaves(self) -> V_co: ...
    @property
    def over(self) -> str | None: ...


class StackedChange(Protocol[C_co, V_co]):
    """What a journal's entry must have. left_alone: cells that its end left, because somebody else had set them."""

    @property
    def seq(self) -> int: ...
    @property
    def change_id(self) -> str: ...
    @property
    def status(self) -> ChangeStatus: ...
    @property
    def parts(self) -> Collection[StackedPart[C_co, V_co]]: ...
    @property
    def left_alone(self) -> Collection[C_co]: ...


E = TypeVar("E", bound=StackedChange[Any, Any])


@dataclass(frozen=True)
class ChangeStack(Generic[E, C, V]):
    """Every change that a journal knows, ended ones included, in the order of their sequence numbers.

    A journal makes a subclass that says how values are compared (`same`) and which values a cell can hold while an
    undoing is under way (`intermediate`).
    """

    entries: tuple[E, ...] = ()

    def same(self, left: V, value: V) -> bool:
        """Whether a cell that holds `value` holds what a change left."""
        return left == value

    def intermediate(self, leaves: V, below: V) -> Collection[V]:
        """What a cell can hold while a change is being undone."""
        return (leaves, below)

    def get(self, change_id: str | None) -> E | None:
        wanted = change_id.lower() if change_id else None
        return next((entry for entry in self.entries if entry.change_id.lower() == wanted), None)

    @property
    def standing(self) -> tuple[E, ...]:
        return tuple(entry for entry in self.entries if entry.status.is_open)

    @property
    def next_seq(self) -> int:
        return max([0, *(entry.seq for entry in self.entries)]) + 1

    def with_(self, entry: E) -> Self:
        """The stack with an entry in place of the one of the same sequence number, or on top."""
        others = [other for other in self.entries if other.seq != entry.seq]
        return replace(self, entries=tuple(sorted([*others, entry], key=lambda entry: entry.seq)))

    def covers(self, entry: E, cell: C) -> tuple[E, ...]:
        """The standing changes that lie above one on a cell, oldest first."""
        return tuple(other for other in self.standing if other.seq > entry.seq and part_of(other, cell))

    def top(self, cell: C) -> E | None:
        """The newest standing change of a cell."""
        return next((entry for entry in reversed(self.standing) if part_of(entry, cell)), None)

    def over(self, cell: C, value: V) -> str | None:
        """The change that a new change of this cell lies over; None where the value is somebody else's."""
        top = self.top(cell)
        return top.change_id if top is not None and self.is_own(top, cell, value) else None

    def is_own(self, entry: E, cell: C, value: V) -> bool:
        """Whether a value in a cell is the work of this change, which is the top there."""
        part = part_of(entry, cell)
        if part is None or self.belongs_to_others(entry, cell):
            return False
        own: list[V] = [part.leaves]
        if entry.status.is_unfinished:
            # Its undoing may have written what a change beneath had left that has ended since.
            beneath = [lower_part.leaves for lower in self.beneath(entry, cell) if (lower_part := part_of(lower, cell))]
            for below in (*beneath, self.ground(entry, cell)):
                own += self.intermediate(part.leaves, below)
        return any(self.same(left, value) for left in own)

    def belongs_to_others(self, entry: E, cell: C) -> bool:
        """Whether a cell is somebody else's although a change is on top of it: an end above it found another value
        there, and left it."""
        return any(
            other.seq > entry.seq and cell in other.left_alone for other in self.entries if other.status.is_ended
        )

    def beneath(self, entry: E, cell: C) -> Iterator[E]:
        """The changes beneath one on a cell, ended ones included, newest first."""
        part, seq = part_of(entry, cell), entry.seq
        while part is not None:
            lower = self.get(part.over)
            if lower is None or lower.seq >= seq or not part_of(lower, cell):
                return  # a damaged journal: what it lies over there is not known
            yield lower
            part, seq = part_of(lower, cell), lower.seq

    def ground(self, entry: E, cell: C) -> V:
        """What was found before the oldest change beneath one. Raises KeyError for a cell that is not the change's."""
        bottom = part_of([entry, *self.beneath(entry, cell)][-1], cell)
        if bottom is None:
            raise KeyError(cell)
        found: V = bottom.found
        return found

    def below(self, entry: E, cell: C) -> V:
        """What lies below a change on a cell: what reverting or rolling back writes there. Raises KeyError."""
        for lower in self.beneath(entry, cell):
            part = part_of(lower, cell)
            if lower.status.is_in_force and part:
                leaves: V = part.leaves
                return leaves
        return self.ground(entry, cell)

    def needed(self) -> set[int]:
        """Sequence numbers of ended changes that a standing one lies over, however far down, or that disown one."""
        disowning = {
            other.seq
            for other in self.entries
            for entry in self.standing
            if other.status.is_ended
            and any(other.seq > entry.seq and part_of(entry, cell) for cell in other.left_alone)
        }
        needed: set[tuple[int, C]] = set()
        for entry in reversed(self.standing):
            for part in entry.parts:
                for lower in self.beneath(entry, part.cell):
                    if (lower.seq, part.cell) in needed:
                        break  # and so is what lies beneath that: a long stack is walked through once
                    needed.add((lower.seq, part.cell))
        ended = {entry.seq for entry in self.entries if entry.status.is_ended}
        return disowning | {seq for seq, _cell in needed if seq in ended}


def part_of(entry: StackedChange[C, V], cell: C) -> StackedPart[C, V] | None:
    """The part of a change that is about a cell."""
    return next((part for part in entry.parts if part.cell == cell), None)
