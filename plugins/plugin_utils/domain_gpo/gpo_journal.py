# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a GPO: what each change found and wrote, as JSON in SYSVOL, and the stack that the changes are. Pure.

A journal holds the changes that one account made to one GPO, oldest first (see `journal_trust`). It lies beside the
GPO's own folder, so that it is there before the GPO is and after it is deleted. It is replaced in one step, and written
before the first write of a change.

The stack: the standing changes of a cell lie over each other, and each says which one it lies `over`: the newest that
stood when it was made, if the cell still held what that one had written. The top one is reverted by restoring what
stands below: what the change `over` wrote if that one still stands, else what stands below that. One that is covered is
reverted without a write, and without a change of the one above it.

Even a journal of the own account is not obeyed blindly: only names of this collection's cells count, and each kind of
cell restores only what a change of it could have written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from ..core.errors import SmbGuestError
from ..core.hostile_bytes import HOSTILE_BYTES
from ..core.text import one_line
from ..domain.errors import DomainError, clean
from .gpo_cell_values import check_cell_value
from .gpo_cells import SHELL, Json, cell

FORMAT = 2
KEPT_ENDED = 20
"""How many entries that ended are kept for each GPO."""
MAX_TEXT = 1000
_DAMAGED: tuple[type[Exception], ...] = (*HOSTILE_BYTES, SmbGuestError)


class GpoStatus(Enum):
    """Where a change stands. PENDING: under way, or interrupted. REVERTING: its revert is."""

    PENDING = "pending"
    APPLIED = "applied"
    REVERTING = "reverting"
    REVERTED = "reverted"
    ROLLED_BACK = "rolled_back"

    @property
    def stands(self) -> bool:
        return self in (GpoStatus.PENDING, GpoStatus.APPLIED, GpoStatus.REVERTING)

    @property
    def is_unfinished(self) -> bool:
        return self in (GpoStatus.PENDING, GpoStatus.REVERTING)


class GpoChangeKind(Enum):
    """What a change does to the GPO as a whole."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True)
class GpoChange:
    """One change.

    Args:
        cells: by name, `found`, `written` and `over`, the change_id that the cell lies over or None.
        gpo: for DELETE, what a new directory object needs.
        files: for DELETE, the SHA-256 of every file that the GPO's folder held, by its path there.
        kept_in: for DELETE, the name of the folder that the GPO's folder was moved to, beside the journal.
        created_at: UTC by the clock of the control node.
        controller: the control node.
        version_found: the GPO's number before the change.
    """

    change_id: str
    kind: GpoChangeKind
    status: GpoStatus
    cells: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    gpo: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    kept_in: str = ""
    reason: str = ""
    created_at: str = ""
    controller: str = ""
    account: str = ""
    note: str = ""
    version_found: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For results: without what only a revert needs."""
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
    def parse(cls, guid: str, content: bytes, path: str) -> GpoJournal:
        """path: where it was read, for the message. Raises DomainError for what this collection would not write."""
        try:
            data = json.loads(content.decode())
            if data["format"] != FORMAT or data["guid"] != guid:
                raise ValueError("it is of another GPO or of a newer release")
            return cls(guid, str(data["name"]), tuple(map(_entry, data["entries"])), int(data["version"]))
        except _DAMAGED as error:
            raise DomainError(
                f"The journal {path} of the GPO {guid} in SYSVOL cannot be used: {clean(error)}. Move that file away "
                "to go on without it; its changes can then not be reverted."
            ) from error

    def to_bytes(self) -> bytes:
        entries = [{**entry.__dict__, "kind": entry.kind.value, "status": entry.status.value} for entry in self._kept()]
        data = {"format": FORMAT, "guid": self.guid, "name": self.name, "version": self.version, "entries": entries}
        return json.dumps(data, indent=1, sort_keys=True).encode()

    def _kept(self) -> list[GpoChange]:
        needed = {
            lower.change_id for entry in self.standing() for name in entry.cells for lower in self._below(entry, name)
        }
        ended = [entry for entry in self.entries if not entry.status.stands and entry.change_id not in needed]
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
    def unfinished(self) -> GpoChange | None:
        """The change that is under way or was interrupted."""
        return next((entry for entry in reversed(self.entries) if entry.status.is_unfinished), None)

    def get(self, change_id: str | None) -> GpoChange | None:
        return next((entry for entry in self.entries if entry.change_id == change_id), None)

    def standing(self) -> list[GpoChange]:
        return [entry for entry in self.entries if entry.status.stands]

    def above(self, entry: GpoChange) -> list[GpoChange]:
        """The standing entries that were made after it, oldest first."""
        return [each for each in self.entries[self._place(entry) + 1 :] if each.status.stands]

    def _place(self, entry: GpoChange) -> int:
        return [each.change_id for each in self.entries].index(entry.change_id)

    def covered(self, entry: GpoChange) -> set[str]:
        """Its cells that a newer standing change lies over."""
        return {name for newer in self.above(entry) for name in newer.cells if name in entry.cells} - {SHELL}

    def over(self, name: str, held: Json) -> str | None:
        """The change that a new change of a cell lies over: the newest one, if the cell holds what that one wrote."""
        top = next((entry for entry in reversed(self.standing()) if name in entry.cells), None)
        same = top is not None and name != SHELL and cell(name).same(held, top.cells[name]["written"])
        return top.change_id if same and top else None

    def without(self, entry: GpoChange) -> GpoJournal:
        return replace(self, entries=tuple(each for each in self.entries if each.change_id != entry.change_id))

    def with_over(self, cells: Mapping[str, Mapping[str, Json]]) -> dict[str, dict[str, Json]]:
        """The cells of a change that is about to be made, each with what it lies over."""
        return {name: {**value, "over": self.over(name, value["found"])} for name, value in cells.items()}

    def _below(self, entry: GpoChange, name: str) -> Iterator[GpoChange]:
        """The changes beneath one on a cell, ended ones included, newest first."""
        at = self._place(entry)
        while lower := self.get(entry.cells[name]["over"]):
            place = self._place(lower)
            if place >= at or name not in lower.cells:
                return  # no change lies over a newer one, or over one that did not write there
            yield lower
            entry, at = lower, place

    def below(self, entry: GpoChange, name: str) -> Json:
        """What stands below a change on a cell: what reverting it there restores."""
        found = entry.cells[name]["found"]
        for lower in self._below(entry, name):
            if lower.status.stands:
                break
            found = lower.cells[name]["found"]
        return found

    def to_restore(self, entry: GpoChange) -> dict[str, dict[str, Json]]:
        """The cells that reverting a change writes, each with `found`, what is restored, and `written`."""
        covered = self.covered(entry)
        cells = {
            name: {"found": self.below(entry, name), "written": value["written"]}
            for name, value in entry.cells.items()
            if name not in covered
        }
        return cells if set(cells) - {SHELL} else {}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _entry(data: Mapping[str, Any]) -> GpoChange:
    texts = ("change_id", "reason", "created_at", "controller", "account", "note")
    cells = {str(name): dict(value) for name, value in dict(data["cells"]).items()}
    for name, value in cells.items():
        cell(name)  # refuses a name that is none of ours
        check_cell_value(name, value)
    ordered = {name: cells[name] for name in sorted(cells, key=lambda name: name == SHELL)}
    return GpoChange(
        kind=GpoChangeKind(data["kind"]),
        status=GpoStatus(data["status"]),
        cells=ordered,
        gpo=dict(data["gpo"]),
        files={str(path): str(digest) for path, digest in dict(data["files"]).items()},
        kept_in=_kept_in(data["kept_in"]),
        version_found=int(data["version_found"]),
        **{text: one_line(str(data[text]), MAX_TEXT) for text in texts},
    )


def _kept_in(name: Any) -> str:
    """Raises ValueError for what is no name of a folder that `delete` would have made."""
    if name != "" and not re.fullmatch(r"\{[0-9A-F-]{36}\}\.[0-9a-f]{32}\.files", str(name)):
        raise ValueError("a deleted GPO is kept in a folder of another name")
    return str(name)
