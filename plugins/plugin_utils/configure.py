# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine behind every module that changes settings: observe, plan, write, read back, report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .change import verify, write
from .errors import SmbGuestError
from .observe import Observer
from .plan import Change, Plan, Wish, plan
from .session import Session
from .settings import GUEST, GUEST_BLOCKERS, Layer, Side
from .state import LayerValue, SettingState, guest_access, judge
from .windows.operating_system import read_operating_system
from .windows.registry import Registry


@dataclass(frozen=True)
class Outcome:
    """What happened, or in check mode what would. before, after: every setting that was observed, by name."""

    wishes: Sequence[Wish]
    plan: Plan
    before: Mapping[str, SettingState]
    after: Mapping[str, SettingState]
    verified: bool

    def as_dict(self) -> dict[str, Any]:
        """The part of a module's result that is the same for all modules that change settings."""
        changes = self.plan.changes
        asked = [wish.setting.name for wish in self.wishes]
        result = {
            "changed": bool(changes),
            "before": {name: self.before[name].as_dict() for name in asked},
            "after": {name: self.after[name].as_dict() for name in asked},
            "changes": [change.as_dict() for change in changes],
            "verified": self.verified,
            "reboot_required": False,
            # A session keeps what it negotiated: what changes access is true for the next connection.
            "reconnect_required": any(change.setting.secure is not None for change in changes),
            "diff": {
                "before": _readable(self.before, asked),
                "after": _readable(self.after, asked),
                "before_header": "SMB settings before",
                "after_header": "SMB settings after",
            },
        }
        if GUEST.name in self.after:
            result["guest_access"] = guest_access(self.after).as_dict()
        return result

    def warnings(self) -> list[str]:
        """What the user must hear although nothing failed."""
        warnings = list(self.plan.warnings)
        wants_guest = any(wish.setting is GUEST and wish.value for wish in self.wishes)
        if wants_guest and not (access := guest_access(self.after)).allowed:
            warnings.append(access.advice)
        return warnings


def configure(
    session: Session, wishes: Sequence[Wish], scopes: Collection[Layer], *, tolerate_managed: bool, check_mode: bool
) -> Outcome:
    """Make the wishes true on one host. In check mode nothing is written and `after` is what would come of it."""
    registry = Registry(session)
    needs_system = any(wish.value is None for wish in wishes)
    observer = Observer(session, registry, read_operating_system(session, registry) if needs_system else None)
    asked = [wish.setting for wish in wishes]
    settings = list(asked)
    if any(setting.side is Side.CLIENT for setting in asked):
        settings += [setting for setting in (GUEST, *GUEST_BLOCKERS) if setting not in asked]

    before = observer.observe(settings, local=asked)
    if observer.system is None and not all(before[setting.name].observed.supported for setting in asked):
        observer.system = read_operating_system(session, registry)
    planned = plan(wishes, before, scopes, tolerate_managed=tolerate_managed, system=str(observer.system or ""))
    if check_mode or not planned.changes:
        return Outcome(wishes, planned, before, predict(before, planned.changes), verified=not planned.changes)

    _write_all(session, registry, planned.changes)
    after = observer.observe(settings, local=asked)
    try:
        verify(planned.changes, after)
    except SmbGuestError as error:
        error.changed = True
        raise
    return Outcome(wishes, planned, before, after, verified=True)


def _write_all(session: Session, registry: Registry, changes: Sequence[Change]) -> None:
    written: list[str] = []
    for change in changes:
        try:
            write(session, registry, change)
        except SmbGuestError as error:
            # Whether the host took the last write before it fell silent cannot be known from here.
            raise _interrupted(error, change, written) from error
        written.append(change.location)


def _interrupted(error: SmbGuestError, change: Change, written: list[str]) -> SmbGuestError:
    stands = (
        f"Written before that, and still in force: {', '.join(written)}." if written else "Nothing else was written."
    )
    told = SmbGuestError(f"Writing {change.location} failed: {error} {stands} Run the task again to finish it.")
    told.changed = bool(written)
    return told


def predict(states: Mapping[str, SettingState], changes: Sequence[Change]) -> dict[str, SettingState]:
    """The states after the changes, if the host does as it is told."""
    predicted = dict(states)
    for change in changes:
        state = predicted[change.setting.name]
        layers: dict[Layer, LayerValue] = {k: v for k, v in state.observed.layers.items() if k is not change.layer}
        if change.after is not None:
            layers[change.layer] = int(change.after)
        expected = judge(change.setting, replace(state.observed, layers=layers, running=None))
        predicted[change.setting.name] = judge(
            change.setting, replace(state.observed, layers=layers, running=expected.effective)
        )
    return predicted


def _readable(states: Mapping[str, SettingState], names: Collection[str]) -> str:
    """Settings in the users' words, one value a line, for --diff."""
    lines = []
    for name in names:
        state = states[name]
        word = state.setting.words.word
        seen = state.as_dict()
        lines.append(f"{name}:")
        for key in ("effective", "running", *(layer.value for layer in Layer if state.setting.has(layer))):
            value = seen[key]
            lines.append(f"  {key}: {'not configured' if value is None else word(value)}")
    return "".join(f"{line}\n" for line in lines)
