# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the journal is on a host, and the marks by which the host itself says what became of an expiry.

A mark is the name of a registry key, because a command line of a scheduled task can create a key safely: it holds only
checked names and words of our tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .cell import Cell

ROOT = r"SOFTWARE\winops\smb_guest"
CHANGES = ROOT + r"\Changes"
_MARK = re.compile(r"([A-Za-z0-9._-]{1,64})~(ending|reverted|failed|left)(?:~([a-z_]{1,60})~([a-z_]{1,20}))?")


@dataclass(frozen=True)
class Mark:
    """What an expiry says by the name of a key: `ending` it is at work, `reverted` or `failed` how it ended,
    `left` with the cell that it did not touch, because it held something else than the change had left."""

    name: str
    change_id: str
    word: str
    cell: Cell | None = None

    @classmethod
    def parse(cls, name: str) -> Mark | None:
        match = _MARK.fullmatch(name)
        if match is None:
            return None
        try:
            cell = Cell.named(match[3], match[4]) if match[3] else None
        except (LookupError, ValueError):
            return None
        return cls(name, match[1], match[2], cell)


def marks_among(names: Iterable[str]) -> tuple[Mark, ...]:
    """The marks among the keys below `CHANGES`, which the claims of runs to the lock are as well."""
    return tuple(filter(None, map(Mark.parse, names)))


def mark_name(change_id: str, word: str, cell: Cell | None = None) -> str:
    """The key below `CHANGES` that an expiry makes."""
    return f"{change_id}~{word}" + (f"~{cell.setting.name}~{cell.scope.value}" if cell else "")
