# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of writes that is safe to be interrupted in: close first, open last. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..tables.settings import GUEST, Side
from .cell import Cell, Change


def safest_first(cell: Cell, *, opens: bool) -> tuple[int, int]:
    """The first part of a sort key: which group a write belongs to, and its rank there."""
    group = 1 if cell.setting.side is Side.SERVER else 2 if opens else 0
    guest = cell.setting is GUEST
    rank = (4 if guest else 3) if opens else 2 if cell.setting.secure is None else 0 if guest else 1
    return group, rank


def in_order(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes in the order that is safe if interrupted; local before policy, which would forbid writing beneath it.

    The files of the local GPO come last, in one edit: what they say is in force already by then.
    """

    def key(change: Change) -> tuple[bool, int, bool, int]:
        group, rank = safest_first(change.cell, opens=change.opens)
        return change.cell.in_local_gpo, group, not change.cell.is_local, rank

    return tuple(sorted(changes, key=key))
