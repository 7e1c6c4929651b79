# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks that change a host return: the results and diffs of both engines, in one shape. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..core.registry_value import as_text, value_as_fact
from ..posture.guest_access import drift_sentence, guest_access
from ..posture.state import States
from ..tables.settings import GUEST
from .cell import Cell, CellValue
from .outcomes import Recovery, Reverted
from .plan import DesiredSetting, Plan
from .stack import Entry, entry_as_fact, stamp

_OF_A_FAILURE = ("changed", "changes", "change_id", "expires_at", "guest_access", "verified")


@dataclass(frozen=True)
class Outcome:
    """What happened, or in check mode what would.

    Attributes:
        before, after: every setting that was observed, by name.
        entry: the journal's record of the change.
        prolonged: only the end of a change that stands was moved. former_end: where it was.
        warnings: what the user must know although nothing failed.
        confirm: a setting that is not in force fails the task.
        beneath: changes that stand and that this one lies over.
        met: the changes that have made true already what was asked.
    """

    desired_settings: Sequence[DesiredSetting]
    plan: Plan
    before: States
    after: States
    verified: bool
    entry: Entry | None = None
    prolonged: bool = False
    former_end: datetime | None = None
    recovery: Recovery = field(default_factory=Recovery)
    warnings: tuple[str, ...] = ()
    confirm: bool = False
    beneath: tuple[Entry, ...] = ()
    met: Mapping[Cell, Entry] = field(default_factory=dict)

    @property
    def asked(self) -> list[str]:
        return list(dict.fromkeys(desired.setting.name for desired in self.desired_settings))

    @property
    def reconnect_required(self) -> bool:
        """A session keeps what it negotiated: what changes access is true for the next connection."""
        return any(change.cell.setting.secure is not None for change in self.plan.changes)

    def as_dict(self) -> dict[str, Any]:
        """The part of a module's result that is the same for all modules that change settings."""
        changes = self.plan.changes
        drifting = any(self.after[name].drift for name in self.asked)
        result: dict[str, Any] = {
            "changed": bool(changes) or self.prolonged or self.recovery.changed,
            "before": {name: self.before[name].as_dict() for name in self.asked},
            "after": {name: self.after[name].as_dict() for name in self.asked},
            "changes": [change.as_dict() for change in changes],
            "skipped_settings": list(self.plan.skipped),
            "change_id": self.entry.change_id if self.entry else None,
            "expires_at": stamp(self.entry.expires_at) if self.entry and self.entry.expires_at else None,
            "lies_over": [entry_as_fact(entry) for entry in self.beneath],
            "met_by": _met_by(self.met),
            "verified": self.verified,
            "restart_required": drifting,
            "reboot_required": drifting,
            "reconnect_required": self.reconnect_required,
            "diff": {
                "before": _readable(self.before, self.asked),
                "after": _readable(self.after, self.asked),
                "before_header": "SMB settings before",
                "after_header": "SMB settings after",
            },
        }
        if GUEST.name in self.after:
            result["guest_access"] = guest_access(self.after).as_dict()
        if self.confirm and (unconfirmed := self.unconfirmed()):
            # Few keys, because Ansible prints all of a result that failed.
            result = {name: result[name] for name in _OF_A_FAILURE if name in result}
            result |= {"failed": True, "msg": unconfirmed}
        return result

    def unconfirmed(self) -> str:
        """Each setting that is not in force as desired, and what decides it; empty where all are."""
        lost = []
        for desired in self.desired_settings:
            setting, state = desired.setting, self.after[desired.setting.name]
            target = state.default.value if desired.value is None else desired.value
            if setting.name in self.plan.skipped or target is None or state.in_force is target:
                continue
            now = "unknown" if state.in_force is None else setting.words.word(state.in_force)
            where = state.location or "the default of this Windows"
            decides = f"{where} is not in force yet" if state.drift else f"{where} decides"
            lost.append(f"{setting.name} is {now}, not {setting.words.word(target)}: {decides}.")
        if not lost:
            return ""
        return (
            f"{' '.join(lost)} Every other requested setting is in force. Change the value where it is decided, "
            "restart the service where a value is not in force yet, and run this again."
        )

    def all_warnings(self) -> list[str]:
        """What the user must know although nothing failed."""
        drifting = [drift_sentence(self.after[name]) for name in self.asked if self.after[name].drift]
        warnings = [*self.plan.warnings, *self.recovery.warnings, *self.warnings, *drifting]
        wants_guest = any(desired.setting is GUEST and desired.value for desired in self.desired_settings)
        if wants_guest and not (access := guest_access(self.after)).allowed:
            warnings.append(access.advice)
        return warnings


def changed_cells(reverted: Reverted) -> Iterator[tuple[Cell, CellValue, CellValue]]:
    """Each value that undoing changed, with what the cell held before and after."""
    for undoing in reverted.undoings:
        for cell, held in undoing.targets.items():
            if undoing.before[cell].stored != held.stored:
                yield cell, undoing.before[cell], held


def reverted_as_dict(reverted: Reverted) -> dict[str, Any]:
    """The result of undoing."""
    rows = list(changed_cells(reverted))
    return {
        "changed": bool(reverted.undoings) or reverted.recovery.changed,
        "reverted": [entry_as_fact(undoing.entry) for undoing in reverted.undoings],
        "changes": [_row(cell, before, after) for cell, before, after in rows],
        "guest_access": reverted.access.as_dict(),
        "reconnect_required": any(cell.setting.secure is not None for cell, _before, _after in rows),
        "diff": {
            "before": "".join(f"{cell.location}: {as_text(before.stored)}\n" for cell, before, _after in rows),
            "after": "".join(f"{cell.location}: {as_text(after.stored)}\n" for cell, _before, after in rows),
        },
    }


def _met_by(met: Mapping[Cell, Entry]) -> list[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for cell, entry in met.items():
        row = rows.setdefault(entry.seq, entry_as_fact(entry) | {"settings": []})
        if cell.setting.name not in row["settings"]:
            row["settings"].append(cell.setting.name)
    return list(rows.values())


def _row(cell: Cell, before: CellValue, after: CellValue) -> dict[str, Any]:
    return {
        "setting": cell.setting.name,
        "scope": cell.scope.value,
        "from": value_as_fact(before.stored),
        "to": value_as_fact(after.stored),
        "location": cell.location,
        "group_policy": cell.setting.title,
    }


def _readable(states: States, names: Collection[str]) -> str:
    """Settings in the users' words, one value a line, for --diff."""
    lines = []
    for name in names:
        state = states[name]
        seen: Mapping[str, Any] = state.as_dict()
        lines.append(f"{name}:")
        layers = (layer.value for layer in state.observed.shown if state.setting.has(layer))
        for key in ("effective", "running", *layers):
            value = seen[key]
            known = "not known" if key in ("effective", "running") else "not configured"
            lines.append(f"  {key}: {_word(state.setting.words.word, value, known)}")
    return "".join(f"{line}\n" for line in lines)


def _word(word: Any, value: Any, absent: str) -> str:
    if value is None:
        return absent
    return value if isinstance(value, str) else word(value)
