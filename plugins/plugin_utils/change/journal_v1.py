# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries as version 0.1 wrote them: one key for each change, one value for each field. Read only.

They did not know what they lay over. That is worked out from their times: each lies over the newest older one of a
cell, if it found there what that one had written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.errors import HostError
from ..core.stack import ChangeStatus
from ..core.text import one_line
from ..windows.registry import Registry, WrongType
from .cell import Cell, Held
from .journal_format import CHANGE_ID, UNUSABLE, boolean, made_keys, moment, stored
from .process import Controller
from .stack import Entry, Part, Stack

PENDING = "Pending"
"""The value beside them that named the change under way."""

_TEXTS = ("ChangeStatus", "Before", "Wanted", "Reason", "CreatedAt", "ExpiresAt", "Controller", "Note")


class DamagedEntry(HostError):
    """A journal entry that this collection did not write like this."""


def read(
    registry: Registry, root: str, names: Sequence[str], *, before: int
) -> tuple[list[Entry], list[str], list[str]]:
    """The entries below a key, a sentence for each that is damaged, and the names of the others. Eight requests each.

    before: a sequence number that theirs are to be smaller than.
    """
    entries, damaged, usable = [], [], []
    for name in names:
        try:
            entry = _read(registry, f"{root}\\{name}", name)
        except DamagedEntry as error:
            damaged.append(str(error))
        else:
            usable.append(name)
            entries += [entry] if entry else []
    entries.sort(key=lambda entry: (entry.created_at, entry.change_id))
    stack = Stack()
    for seq, entry in enumerate(entries, before - len(entries)):
        parts = tuple(replace(part, over=stack.over(part.cell, part.found)) for part in entry.parts)
        stack = stack.with_(replace(entry, seq=seq, parts=parts))
    return list(stack.entries), damaged, usable


def _read(registry: Registry, key: str, name: str) -> Entry | None:
    """None for an entry that was cut off before it was complete: it never led to a write."""
    if not CHANGE_ID.fullmatch(name):
        raise DamagedEntry(f"HKLM\\{one_line(key)} was not written by this collection. Nothing of it is used.")
    try:
        texts = {field: registry.string(key, field) for field in _TEXTS}
    except WrongType as wrong:
        raise DamagedEntry(f"HKLM\\{key} is no journal entry: {wrong}") from None
    if texts["ChangeStatus"] is None:
        return None
    try:
        return _entry(name, {field: text or "" for field, text in texts.items()})
    except UNUSABLE as error:
        raise DamagedEntry(
            f"HKLM\\{key} is damaged, or was not written by this collection ({one_line(str(error), 200)}). Nothing of "
            "it is used."
        ) from error


def _entry(change_id: str, texts: Mapping[str, str]) -> Entry:
    before = json.loads(texts["Before"])
    wanted = {Cell.named(row["setting"], row["scope"]): boolean(row["value"]) for row in json.loads(texts["Wanted"])}
    found = dict(map(_found, before["values"]))
    return Entry(
        seq=0,
        change_id=change_id,
        status=ChangeStatus(texts["ChangeStatus"]),
        reason=one_line(texts["Reason"]),
        created_at=moment(texts["CreatedAt"]),
        expires_at=moment(texts["ExpiresAt"]) if texts["ExpiresAt"] else None,
        parts=tuple(Part(cell, found[cell], value) for cell, value in wanted.items()),
        made_keys=made_keys(before["missing_keys"]),
        controller=Controller(one_line(texts["Controller"])),
        note=one_line(texts["Note"]),
    )


def _found(row: Mapping[str, Any]) -> tuple[Cell, Held]:
    cell = Cell.named(row["setting"], row["scope"])
    return cell, Held(stored(row["type"], row["data"]), boolean(row["running"]))
