# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a GPO: what each change found and wrote, as JSON in SYSVOL. Pure.

A journal holds the changes that one account made to one GPO, oldest first (see `journal_trust`). It lies beside the
GPO's own folder, so that it is there before the GPO is and after it is deleted. It is replaced in one step, and written
before the first write of a change.

How changes overlap is the theory of `core.stack`, as for the journal of a host; `GpoStack` says what is special here.

Even a journal of the own account is not obeyed blindly: only names of this collection's cells count, and each kind of
cell restores only what a change of it could have written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from ..core.errors import RequestError, SmbGuestError
from ..core.hostile_bytes import HOSTILE_BYTES
from ..core.stack import ChangeStack, ChangeStatus, StackedPart, part_of
from ..core.text import in_short, one_line
from ..domain.errors import DomainError, clean
from .gpo_cell_values import check_cell_value
from .gpo_cells import LINK, SHELL, Json, cell

FORMAT = 3
KEPT_ENDED = 20
"""How many entries that ended are kept for each GPO."""
MAX_TEXT = 1000
MAX_BYTES = 4 * 1024 * 1024
"""Of a journal with a new change. Twice as much is read of a file, so that the end of a change always finds room."""
_DAMAGED: tuple[type[Exception], ...] = (*HOSTILE_BYTES, SmbGuestError)


class GpoChangeKind(Enum):
    """What a change does to the GPO as a whole."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True)
class GpoValue:
    """What a cell holds, as JSON. With its name, because each kind of cell compares in its own way."""

    cell: str
    json: Json


@dataclass(frozen=True)
class GpoPart:
    """One cell of a change, as `core.stack` wants it."""

    cell: str
    found: GpoValue
    leaves: GpoValue
    over: str | None


@dataclass(frozen=True)
class GpoChange:
    """One change.

    Args:
        seq: its place in the journal, from 1; the file does not hold it.
        cells: by name, `found`, `written` and `over`, the change_id that the cell lies over or None.
        gpo: for DELETE, what a new directory object needs.
        files: for DELETE, the SHA-256 of every file that the GPO's folder held, by its path there.
        kept_in: for DELETE, the name of the folder that the GPO's folder was moved to, beside the journal.
        created_at: UTC by the clock of the control node.
        controller: the control node.
        version_found: the GPO's number before the change.
        left_alone: cells that its end left, because somebody else had set them.
        targets: the objectGUID of each container whose links it wrote, by the DN in the name of the cell.
    """

    change_id: str
    kind: GpoChangeKind
    status: ChangeStatus
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
    left_alone: tuple[str, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)
    seq: int = 0

    @property
    def parts(self) -> list[GpoPart]:
        """SHELL is one too: which files there were before a change may be the work of one that ended since."""
        return [
            GpoPart(name, GpoValue(name, value["found"]), GpoValue(name, value["written"]), value["over"])
            for name, value in self.cells.items()
        ]

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


class GpoStack(ChangeStack[GpoChange, str, GpoValue]):
    """The changes of one GPO as they lie over each other."""

    def same(self, left: GpoValue, value: GpoValue) -> bool:
        return cell(left.cell).same(value.json, left.json)

    def below(self, entry: GpoChange, name: str) -> GpoValue:
        """What reverting a change writes in a cell.

        Not what the change below wrote but what this one found of it: both mean the same, and the latter is exact. A
        server orders and completes an ACL, and others may have added entries that no filter has.
        """
        part = part_of(entry, name)
        if part is None:
            raise KeyError(name)
        if name == SHELL:
            return GpoValue(name, self._files_below(entry, part))
        found: GpoValue = part.found
        for lower in self.beneath(entry, name):
            lower_part = part_of(lower, name)
            if lower.status.is_in_force or lower_part is None:
                break
            found = lower_part.found
        return found

    def _files_below(self, entry: GpoChange, part: StackedPart[str, GpoValue]) -> Json:
        """SHELL below a change: for each file, whether it was there before the changes that made it and ended since.

        A standing change that found a file and left it there is not the one that it is there for.
        """
        found = dict(part.found.json)
        for file in ("registry_pol", "gpt_tmpl"):
            for lower in self.beneath(entry, SHELL):
                made = lower.cells[SHELL]
                if lower.status.is_in_force and made["found"][file] != made["written"][file]:
                    break
                found[file] = made["found"][file]
        if found != part.found.json:
            # The list of extensions follows from the files; what this change found is no spelling of it then.
            found["extensions"] = part.leaves.json["extensions"]
        return found


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
            entries = tuple(_entry(seq, entry) for seq, entry in enumerate(data["entries"], 1))
            return cls(guid, str(data["name"]), entries, int(data["version"]))
        except _DAMAGED as error:
            raise DomainError(
                f"The journal {path} of the GPO {guid} in SYSVOL cannot be used: {clean(error)}. Move that file away "
                "to go on without it; its changes can then not be reverted."
            ) from error

    def to_bytes(self) -> bytes:
        entries = [{**asdict(entry), "kind": entry.kind.value, "status": entry.status.value} for entry in self._kept()]
        for entry in entries:
            del entry["seq"]
        data = {"format": FORMAT, "guid": self.guid, "name": self.name, "version": self.version, "entries": entries}
        return json.dumps(data, indent=1, sort_keys=True).encode()

    def fullness_warning(self) -> str:
        """A warning from the half of MAX_BYTES on, else empty. Raises RequestError for more than MAX_BYTES."""
        size = len(self.to_bytes())
        if size <= MAX_BYTES // 2:
            return ""
        names = [entry.change_id for entry in self.stack.standing]
        how_full = (
            f"The journal of the GPO {clean(self.name)} has {size} bytes with this change, of at most {MAX_BYTES}."
        )
        advice = f"Revert changes that you no longer need. Oldest first: {in_short(names, 8)}."
        if size > MAX_BYTES:
            raise RequestError(f"{how_full} {advice}")
        return f"{how_full} {advice}"

    def _kept(self) -> list[GpoChange]:
        """All but the oldest of the ended changes that no standing one lies over."""
        needed = self.stack.needed()
        ended = [entry for entry in self.entries if entry.status.is_ended and entry.seq not in needed]
        dropped = {entry.seq for entry in ended[: max(0, len(ended) - KEPT_ENDED)]}
        return [entry for entry in self.entries if entry.seq not in dropped]

    @property
    def stack(self) -> GpoStack:
        return GpoStack(self.entries)

    def with_entry(self, entry: GpoChange) -> GpoJournal:
        """With the entry in place of the one of its change_id, else on top."""
        stack, held = self.stack, self.get(entry.change_id)
        placed = replace(entry, seq=held.seq if held else stack.next_seq)
        return replace(self, entries=stack.with_(placed).entries)

    @property
    def unfinished(self) -> GpoChange | None:
        """The change that is under way or was interrupted."""
        return next((entry for entry in reversed(self.entries) if entry.status.is_unfinished), None)

    def get(self, change_id: str | None) -> GpoChange | None:
        return self.stack.get(change_id)

    def above(self, entry: GpoChange) -> list[GpoChange]:
        """The standing entries that were made after it, oldest first."""
        return [each for each in self.stack.standing if each.seq > entry.seq]

    def renamed(self, names: Mapping[str, str]) -> GpoJournal:
        """With the present names of containers: changes of one container are changes of one cell.

        names: the DN of each container, by its objectGUID. Those that are not in it keep the name of their time.
        """
        return replace(self, entries=tuple(_renamed(entry, names) for entry in self.entries))

    def without(self, entry: GpoChange) -> GpoJournal:
        return replace(self, entries=tuple(each for each in self.entries if each.change_id != entry.change_id))

    def with_over(self, cells: Mapping[str, Mapping[str, Json]]) -> dict[str, dict[str, Json]]:
        """The cells of a change that is about to be made, each with the change that it lies over."""
        over = self.stack.over
        return {name: {**value, "over": over(name, GpoValue(name, value["found"]))} for name, value in cells.items()}

    def to_restore(self, entry: GpoChange) -> dict[str, dict[str, Json]]:
        """The cells that reverting a change writes, each with `found`, what is restored, and `written`."""
        stack = self.stack
        return {
            part.cell: {"found": stack.below(entry, part.cell).json, "written": part.leaves.json}
            for part in entry.parts
            if not stack.covers(entry, part.cell)
        }


def _renamed(entry: GpoChange, names: Mapping[str, str]) -> GpoChange:
    moved = {dn: names[guid] for dn, guid in entry.targets.items() if names.get(guid, dn) != dn}
    if not moved:
        return entry
    cells = {
        LINK + moved[dn] if (dn := name.removeprefix(LINK)) in moved else name: value
        for name, value in entry.cells.items()
    }
    return replace(entry, cells=cells, targets={moved.get(dn, dn): guid for dn, guid in entry.targets.items()})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _entry(seq: int, data: Mapping[str, Any]) -> GpoChange:
    texts = ("change_id", "reason", "created_at", "controller", "account", "note")
    cells = {str(name): dict(value) for name, value in dict(data["cells"]).items()}
    for name, value in cells.items():
        cell(name)  # refuses a name that is none of ours
        check_cell_value(name, value)
    ordered = {name: cells[name] for name in sorted(cells, key=lambda name: name == SHELL)}
    return GpoChange(
        kind=GpoChangeKind(data["kind"]),
        status=_status(data["status"]),
        cells=ordered,
        gpo=dict(data["gpo"]),
        files={str(path): str(digest) for path, digest in dict(data["files"]).items()},
        kept_in=_kept_in(data["kept_in"]),
        version_found=int(data["version_found"]),
        left_alone=tuple(map(str, data["left_alone"])),
        targets={str(dn): str(UUID(guid)) for dn, guid in dict(data["targets"]).items()},
        seq=seq,
        **{text: one_line(str(data[text]), MAX_TEXT) for text in texts},
    )


def _status(text: Any) -> ChangeStatus:
    """Raises ValueError for a status that a change of a GPO never has."""
    status = ChangeStatus(text)
    if status is ChangeStatus.FAILED:
        raise ValueError("a change of a GPO has no status failed")
    return status


def _kept_in(name: Any) -> str:
    """Raises ValueError for what is no name of a folder that `delete` would have made."""
    if name != "" and not re.fullmatch(r"\{[0-9A-F-]{36}\}\.[0-9a-f]{32}\.files", str(name)):
        raise ValueError("a deleted GPO is kept in a folder of another name")
    return str(name)
