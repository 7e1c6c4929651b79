# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changing, reverting and recovering gave: the values that results and summaries are made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..posture.guest_access import GuestAccess
from ..posture.state import States
from .cell import Cell, CellValue
from .stack import Entry


@dataclass(frozen=True)
class Recovery:
    """What was done about an interrupted run. changed: whether values were restored."""

    warnings: tuple[str, ...] = ()
    changed: bool = False


@dataclass(frozen=True)
class Done:
    """What a change gave. after: what the host holds. entry: the journal's record."""

    after: States
    entry: Entry | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Undoing:
    """What reverting one change writes. before: what the cells hold. covered: cells that a newer change covers."""

    entry: Entry
    before: Mapping[Cell, CellValue]
    targets: Mapping[Cell, CellValue]
    covered: tuple[Cell, ...]


@dataclass(frozen=True)
class Reverted:
    """What was reverted, or in check mode would be, newest change first. access: of the host after it."""

    access: GuestAccess
    undoings: tuple[Undoing, ...] = ()
    warnings: tuple[str, ...] = ()
    recovery: Recovery = field(default_factory=Recovery)
