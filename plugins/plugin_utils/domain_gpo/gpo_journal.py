# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a GPO: what each change found and wrote, as JSON in SYSVOL, and the stack that the changes are.

`<domain>\\Policies\\winops.smb_guest\\{GUID}.json` holds the entries of one GPO, oldest first; it is beside the GPO's
own folder, so that it is there before the GPO is and after it is deleted. It is replaced in one step, and written
before the first write of a change.

The stack: the standing entries of a cell lie over each other. The top one is undone by putting back what it found. One
that is covered is undone without writing there: the one above takes over what it found, so that undoing that one later
gives back what stood below. What is read is never trusted: only names of this collection's cells count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from ..core.text import one_line
from ..domain.errors import DomainError, said
from .gpo_cells import SHELL, Json, cell

FORMAT = 1
KEPT_ENDED = 20
"""How many entries that ended are kept for each GPO."""
MAX_TEXT = 1000


class GpoStatus(Enum):
    """Where a change stands. PENDING: under way, or cut off. REVERTING: its undoing is."""

    PENDING = "pending"
    APPLIED = "applied"
    REVERTING = "reverting"
    REVERTED = "reverted"
    ROLLED_BACK = "rolled_back"

    @property
    def stands(self) -> bool:
        return self in (GpoStatus.PENDING, GpoStatus.APPLIED, GpoStatus.REVERTING)

    @property
    def cut_off(self) -> bool:
        return self in (GpoStatus.PENDING, GpoStatus.REVERTING)


class GpoChangeKind(Enum):
    """What a change does to the GPO as a whole."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True)
class GpoChange:
    """One change. cells: by name, `found` and `written`. gpo: for DELETE, what a new directory object needs.

    version_found: the GPO's number before the change. Times are UTC by the clock of the controller node.
    """

    change_id: str
    kind: GpoChangeKind
    status: GpoStatus
    cells: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    gpo: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    created_at: str = ""
    controller: str = ""
    account: str = ""
    note: str = ""
    version_found: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For results: without what only putting back needs."""
        return {
            "change_id": self.change_id,
            "kind": self.kind.value,
            "status": self.status.value,
            "reason": self.reason,
            "created_at": self.created_at,
            "controller": self.controller,
            "account": self.account,
            "note": self.note,
            "cells": [name for name in self.cells if name != SHELL],
        }


@dataclass(frozen=True)
class GpoJournal:
    """The entries of one GPO, oldest first. version: the GPO's number after the last of our writes."""

    guid: str
    name: str
    entries: tuple[GpoChange, ...] = ()
    version: int = 0

    @classmethod
    def parse(cls, guid: str, content: bytes | None) -> GpoJournal:
        """Raises DomainError for anything that this collection would not have written."""
        if content is None:
            return cls(guid, "")
        try:
            data = json.loads(content.decode())
            if data["format"] != FORMAT or data["guid"] != guid:
                raise ValueError("it is of another GPO or of a newer release")
            return cls(guid, str(data["name"]), tuple(map(_entry, data["entries"])), int(data["version"]))
        except (ValueError, KeyError, TypeError, AttributeError, DomainError) as error:
            raise DomainError(
                f"The journal of the GPO {guid} in SYSVOL cannot be used: {said(error)}. Move that file away to go on "
                "without it; its changes can then not be undone."
            ) from error

    def to_bytes(self) -> bytes:
        entries = [{**entry.__dict__, "kind": entry.kind.value, "status": entry.status.value} for entry in self._kept()]
        data = {"format": FORMAT, "guid": self.guid, "name": self.name, "version": self.version, "entries": entries}
        return json.dumps(data, indent=1, sort_keys=True).encode()

    def _kept(self) -> list[GpoChange]:
        ended = [entry for entry in self.entries if not entry.status.stands]
        dropped = {id(entry) for entry in ended[: max(0, len(ended) - KEPT_ENDED)]}
        return [entry for entry in self.entries if id(entry) not in dropped]

    def with_entry(self, entry: GpoChange) -> GpoJournal:
        """With the entry in place of the one of its change_id, else on top."""
        if any(each.change_id == entry.change_id for each in self.entries):
            return replace(
                self, entries=tuple(entry if each.change_id == entry.change_id else each for each in self.entries)
            )
        return replace(self, entries=(*self.entries, entry))

    @property
    def cut_off(self) -> GpoChange | None:
        return next((entry for entry in reversed(self.entries) if entry.status.cut_off), None)

    def standing(self) -> list[GpoChange]:
        return [entry for entry in self.entries if entry.status.stands]

    def above(self, entry: GpoChange) -> list[GpoChange]:
        """The standing entries that were made after it, oldest first."""
        at = [each.change_id for each in self.entries].index(entry.change_id)
        return [each for each in self.entries[at + 1 :] if each.status.stands]

    def covered(self, entry: GpoChange) -> set[str]:
        """Its cells that a newer standing change lies over."""
        return {name for newer in self.above(entry) for name in newer.cells if name in entry.cells} - {SHELL}

    def taken_out(self, entry: GpoChange) -> GpoJournal:
        """The stack without the entry: the change above takes over what it found. It is marked REVERTING, with the
        cells that are still to be put back.
        """
        covered = self.covered(entry)
        journal = self
        for name in covered:
            above = next(newer for newer in self.above(entry) if name in newer.cells)
            held = next(each for each in journal.entries if each.change_id == above.change_id)
            cells = {**held.cells, name: {**held.cells[name], "found": entry.cells[name]["found"]}}
            journal = journal.with_entry(replace(held, cells=cells))
        remaining = {name: value for name, value in entry.cells.items() if name not in covered}
        if set(remaining) <= {SHELL}:
            remaining = {}
        return journal.with_entry(replace(entry, status=GpoStatus.REVERTING, cells=remaining))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _entry(data: Mapping[str, Any]) -> GpoChange:
    texts = ("change_id", "reason", "created_at", "controller", "account", "note")
    cells = {str(name): dict(value) for name, value in dict(data["cells"]).items()}
    for name, value in cells.items():
        cell(name)  # refuses a name that is none of ours
        if set(value) != {"found", "written"}:
            raise ValueError("a cell has other parts than found and written")
    ordered = {name: cells[name] for name in sorted(cells, key=lambda name: name == SHELL)}
    return GpoChange(
        kind=GpoChangeKind(data["kind"]),
        status=GpoStatus(data["status"]),
        cells=ordered,
        gpo=dict(data["gpo"]),
        version_found=int(data["version_found"]),
        **{text: one_line(str(data[text]), MAX_TEXT) for text in texts},
    )
