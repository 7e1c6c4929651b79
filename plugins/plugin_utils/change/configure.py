# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine behind every module that changes settings: observe, plan, write, read back, report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import NOTHING_WRITTEN, stating
from ..guest_access import guest_access
from ..observe import Observer
from ..state import LayerValue, SettingState, judge
from ..tables.settings import GUEST, GUEST_BLOCKERS, Layer, Side
from ..windows.operating_system import read_operating_system
from ..winrm.session import Session
from .host import Host
from .journal import Entry, stamp
from .plan import Change, Plan, Wish, plan
from .recovery import Recovery, recover
from .transaction import Terms, carry_out, carry_out_journaled

UNJOURNALED = Terms()


@dataclass(frozen=True)
class Outcome:
    """What happened, or in check mode what would. before, after: every setting that was observed, by name.

    entry: the journal's record of it. recovery: what was done about a run that was cut off before. pending: the
    change of such a run, where check mode left it alone.
    """

    wishes: Sequence[Wish]
    plan: Plan
    before: Mapping[str, SettingState]
    after: Mapping[str, SettingState]
    verified: bool
    entry: Entry | None = None
    recovery: Recovery | None = None
    pending: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The part of a module's result that is the same for all modules that change settings."""
        changes = self.plan.changes
        asked = [wish.setting.name for wish in self.wishes]
        result = {
            "changed": bool(changes) or bool(self.recovery and self.recovery.changed),
            "before": {name: self.before[name].as_dict() for name in asked},
            "after": {name: self.after[name].as_dict() for name in asked},
            "changes": [change.as_dict() for change in changes],
            "change_id": self.entry.change_id if self.entry else None,
            "expires_at": stamp(self.entry.expires_at) if self.entry and self.entry.expires_at else None,
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
        if self.recovery:
            warnings.append(self.recovery.told)
        if self.pending:
            warnings.append(f"A run that was cut off left the change {self.pending}; a real run deals with it first.")
        wants_guest = any(wish.setting is GUEST and wish.value for wish in self.wishes)
        if wants_guest and not (access := guest_access(self.after)).allowed:
            warnings.append(access.advice)
        return warnings


def configure(
    session: Session,
    wishes: Sequence[Wish],
    scopes: Collection[Layer],
    *,
    tolerate_managed: bool,
    check_mode: bool,
    terms: Terms = UNJOURNALED,
) -> Outcome:
    """Make the wishes true on one host. In check mode nothing is written and `after` is what would come of it."""
    host = Host(session)
    needs_system = any(wish.value is None for wish in wishes)
    observer = Observer(session, host.registry, read_operating_system(session, host.registry) if needs_system else None)
    asked = [wish.setting for wish in wishes]
    others = [setting for setting in (GUEST, *GUEST_BLOCKERS) if setting not in asked]
    if all(setting.side is Side.SERVER for setting in asked):
        others = []
    # Where guest is to be opened, what governs the settings that may block it matters; else what runs is enough.
    opening = any(wish.setting is GUEST and wish.value is not False for wish in wishes)

    def observe() -> dict[str, SettingState]:
        return observer.observe(asked, governing=others if opening else (), beside=() if opening else others)

    def look() -> Outcome:
        before = observe()
        if observer.system is None and not all(before[setting.name].observed.supported for setting in asked):
            observer.system = read_operating_system(session, host.registry)
        system = str(observer.system or "")
        planned = plan(wishes, before, scopes, tolerate_managed=tolerate_managed, system=system)
        after = predict(before, planned.changes)
        return Outcome(wishes, planned, before, after, verified=not planned.changes)

    with stating(NOTHING_WRITTEN):
        outlook = look()
        pending = host.journal.pending() if terms.journaled else None
    if check_mode:
        return replace(outlook, pending=pending)
    if terms.journaled and (outlook.plan.changes or pending):
        with host.held() as now:
            recovery = recover(host)
            with stating("Nothing else was written." if recovery and recovery.changed else NOTHING_WRITTEN):
                outlook = replace(look(), recovery=recovery)
            if not outlook.plan.changes:
                return outlook
            after, entry = carry_out_journaled(host, terms, now, outlook.plan.changes, outlook.before, observe)
        return replace(outlook, after=after, verified=True, entry=entry)
    if outlook.plan.changes:
        after = carry_out(host, outlook.plan.changes, outlook.before, observe)
        return replace(outlook, after=after, verified=True)
    return outlook


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
