# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restoring what lies below a change now, while the host may end other changes at any moment.

A value that a run found at its start is not what it has to restore at its end: the change that left it may have expired
in between. So what lies below is read before the writes, and again after them. A change that ends later than that
finds its own value in the cell, and restores what lies below by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..core.errors import HostUnreachable, SmbGuestError
from .cell import Cell, CellValue
from .journal import Host, JournalSnapshot
from .stack import Entry, Stack
from .write import Restoration, write_back

_LOOKS = 4
"""How often a restore looks again. Each further time, one more change has expired."""


def restore(
    host: Host,
    targets: Mapping[Cell, CellValue],
    below: Callable[[], Mapping[Cell, CellValue]],
    made_keys: Sequence[str],
    *,
    now: Mapping[Cell, CellValue] | None = None,
) -> Restoration:
    """Write what lies below, and again as long as that has changed meanwhile.

    Args:
        host: the host, locked or not.
        targets: what each cell has to hold, by the last look.
        below: looks again.
        made_keys: policy keys to remove where they are empty then, deepest first.
        now: what the cells hold, where that was just read.

    Raises SmbGuestError also where a further look fails: then it is not known whether the last values are still due.
    """
    result = write_back(host.session, host.registry, targets, made_keys, now=now)
    for _look in range(_LOOKS):
        again = below()
        if again == targets:
            break
        targets = again
        result = write_back(host.session, host.registry, targets, made_keys)
    return result


def asked(
    below: Callable[[], Mapping[Cell, CellValue]], fallback: Mapping[Cell, CellValue]
) -> Mapping[Cell, CellValue]:
    """What lies below; the fallback where the host refuses to say it, since restoring something is due in any case."""
    try:
        return below()
    except HostUnreachable:
        raise
    except SmbGuestError:
        return fallback


def below_entry(
    host: Host, snapshot: JournalSnapshot, stack: Stack, entry: Entry, cells: Sequence[Cell]
) -> dict[Cell, CellValue]:
    """What lies below a change on some of its cells, by what the host says now: one request."""
    marked = host.journal.marked(replace(snapshot, stack=stack)).stack
    return {cell: marked.below(entry, cell) for cell in cells}


def below_found(host: Host, found: Mapping[Cell, CellValue]) -> dict[Cell, CellValue]:
    """The same for a change that has no entry: what it found, unless the change that left that has ended since.

    One request where no change has expired that the journal has not settled yet.
    """
    snapshot = host.journal.read() if host.journal.marks() else None
    return {cell: held if snapshot is None else _due(snapshot, cell, held) for cell, held in found.items()}


def _due(snapshot: JournalSnapshot, cell: Cell, held: CellValue) -> CellValue:
    ending = {mark.change_id.lower() for mark in snapshot.marks}
    for entry in reversed(snapshot.stack.entries):
        part = entry.part(cell)
        if entry.change_id.lower() in snapshot.ended:  # it ended before: its mark only keeps a task from acting
            continue
        if part and entry.change_id.lower() in ending and not entry.status.is_in_force:
            return snapshot.stack.below(entry, cell) if part.leaves.stored == held.stored else held
    return held
