"""Random sequences of what can happen to a host, played on the engine and on the model beside it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from in_process import session
from stack_model import GROUND, Model

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import locked
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import DesiredSetting, Rules
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.recovery import read_and_recover
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.request import ChangeTerms, Request
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome, reverted_as_dict
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Scope
from simulated_windows.in_process import ConnectionCut, InProcessHost, differences

NAMES = ("insecure_guest_logons", "client_signing", "client_encryption", "audit_insecure_guest_logons")
# The local GPO is files, not registry: test_local_gpo.py.
SCOPES = (Scope.LOCAL, Scope.POLICY)
CELLS = tuple(Cell(SETTINGS[name], scope) for name in NAMES for scope in SCOPES if SETTINGS[name].has(scope.layer))
OURS = r"HKLM\SOFTWARE\winops"
PRESETS = ("windows_11_24h2_pro", "windows_11_24h2_enterprise")
QUIRKS: tuple[dict[str, Any], ...] = ({}, {"running_follows_registry": True}, {"task_enumeration_fails": True})


class Killed(BaseException):
    """The controller is gone: from some request on no line of its code reaches the host any more."""


class Violation(AssertionError):
    """The host is not what the model says."""


@dataclass
class Sequence:
    """One host and its model. told: what was done, for the report of a violation."""

    seed: int
    steps: int = 8
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.host = InProcessHost(self.random.choice(PRESETS), quirks=self.random.choice(QUIRKS))
        self.ground = self.host.snapshot()
        self.model = Model({cell: [(GROUND, self.held(cell))] for cell in CELLS})
        self.foreign = 0
        self.made = 0

    # The host

    def engine(self) -> Host:
        return Host(session(self.host))

    def held(self, cell: Cell) -> Any:
        value = self.host.registry.get(f"HKLM\\{cell.key}", cell.name)
        return None if value is None else (value.type, value.data)

    def standing(self) -> dict[str, Any]:
        return {entry.change_id: entry for entry in self.engine().journal.read().stack.standing}

    def recover(self) -> None:
        host = self.engine()
        with locked(host) as now:
            read_and_recover(host, now)

    # The steps

    def play(self) -> None:
        moves: list[tuple[int, Callable[[], None]]] = [
            (6, self.change),
            (3, self.undo_one),
            (1, self.undo_latest),
            (3, self.somebody_else),
            (3, self.time_passes),
            (1, self.clock_is_set_back),
        ]
        for _step in range(self.steps):
            (move,) = self.random.choices([m for _w, m in moves], [w for w, _m in moves])
            move()
            self.check(move.__name__)
        self.undo_all()

    def check(self, after: str) -> None:
        wrong = [
            f"{cell.location} holds {self.held(cell)}, and the model says {self.model.value(cell)}"
            for cell in CELLS
            if self.held(cell) != self.model.value(cell)
        ]
        if wrong:
            raise Violation(f"seed {self.seed} after {after}: {'; '.join(wrong)}\n" + "\n".join(self.told))

    def change(self) -> None:
        self.made += 1
        name = f"c{self.made}"
        scopes = self.random.choice([(Scope.LOCAL,), (Scope.POLICY,), SCOPES])
        names = self.random.sample(NAMES, self.random.randint(1, 3))
        desired_settings = [DesiredSetting(SETTINGS[each], self.random.random() < 0.5) for each in names]
        hours = self.random.choice([None, None, 1, 2, 3])
        terms = ChangeTerms(name, "a reason", timedelta(hours=hours) if hours else None)
        request = Request(desired_settings, Rules(scopes, tolerate_managed=True), terms)
        asked = [each.setting.name + "=" + each.word for each in desired_settings]
        words = f"{name}: {asked} {[scope.value for scope in scopes]} for {hours} h"
        try:
            foreseen = configure(self.engine(), request, check_mode=True)
        except RequestError as error:
            self.told.append(f"{words}: refused: {error}")
            self._same_refusal(request, error)
            return
        broken = self._break_something()
        self.told.append(f"{words}{broken}: {[str(change) for change in foreseen.plan.changes]}")
        outcome: Outcome | None = None
        try:
            outcome = configure(self.engine(), request, check_mode=False)
        except (SmbGuestError, Killed, ConnectionCut) as error:
            self.told.append(f"  -> {type(error).__name__}: {error}")
            if not broken:
                raise Violation(f"seed {self.seed}: {error}\n" + "\n".join(self.told)) from error
        self._mend()
        if outcome is None:
            self.recover()
        elif [c.as_dict() for c in outcome.plan.changes] != [c.as_dict() for c in foreseen.plan.changes]:
            raise Violation(f"seed {self.seed}: check mode said otherwise\n" + "\n".join(self.told))
        entry = self.standing().get(name)
        if entry is None and outcome is not None and outcome.plan.changes:
            raise Violation(f"seed {self.seed}: {name} was not journaled\n" + "\n".join(self.told))
        for part in entry.parts if entry else ():
            self.model.write(name, part.cell, None if part.wanted is None else ("REG_DWORD", int(part.wanted)))
        if outcome is not None:
            again = configure(self.engine(), Request(desired_settings, request.rules), check_mode=True)
            if again.plan.changes:
                raise Violation(f"seed {self.seed}: a second run would change\n" + "\n".join(self.told))

    def _same_refusal(self, request: Request, error: RequestError) -> None:
        try:
            configure(self.engine(), request, check_mode=False)
        except RequestError as second:
            if str(second) == str(error):
                return
        raise Violation(f"seed {self.seed}: the run did not refuse as the check did\n" + "\n".join(self.told))

    def undo_one(self) -> None:
        standing = list(self.standing())
        if standing:
            self._undo(Selection(self.random.choice(standing)), force=self.random.random() < 0.3)

    def undo_latest(self) -> None:
        if self.standing():
            self._undo(Selection(latest=True), force=self.random.random() < 0.3)

    def _undo(self, selection: Selection, *, force: bool) -> None:
        stack = self.engine().journal.read().stack
        entry = stack.get(selection.change_id) or stack.standing[-1]
        name = entry.change_id
        mine = [part.cell for part in entry.parts]
        refused = not force and any(
            self.model.layers[cell][-1][0].startswith("foreign") and self._beneath_foreign(cell) == name
            for cell in mine
        )
        self.told.append(f"undo {name}{' by force' if force else ''}{', to be refused' if refused else ''}")
        try:
            foreseen = reverted_as_dict(revert(self.engine(), selection, force=force, check_mode=True))
            broken = self._break_something()
            self.told[-1] += broken
            done = reverted_as_dict(revert(self.engine(), selection, force=force, check_mode=False))
        except RequestError as error:
            self._mend()
            if refused:
                return
            raise Violation(f"seed {self.seed}: {error}\n" + "\n".join(self.told)) from error
        except (SmbGuestError, Killed, ConnectionCut) as error:
            self.told.append(f"  -> {type(error).__name__}: {error}")
            self._mend()
            if not broken:
                raise Violation(f"seed {self.seed}: {error}\n" + "\n".join(self.told)) from error
            if name in self.standing():
                revert(self.engine(), Selection(name), force=force, check_mode=False)
        else:
            self._mend()
            if refused:
                raise Violation(f"seed {self.seed}: not refused\n" + "\n".join(self.told))
            if done["changes"] != foreseen["changes"]:
                raise Violation(f"seed {self.seed}: check mode said otherwise\n" + "\n".join(self.told))
        if force:
            self.model.expose(name)
        self.model.remove(name)

    def _beneath_foreign(self, cell: Cell) -> str:
        return next(who for who, _value in reversed(self.model.layers[cell]) if not who.startswith("foreign"))

    def somebody_else(self) -> None:
        cell = self.random.choice(CELLS)
        value = self.random.choice([None, ("REG_DWORD", 0), ("REG_DWORD", 1), ("REG_DWORD", 1), ("REG_SZ", "1")])
        if value == self.model.value(cell):
            return
        self.told.append(f"somebody else: {cell} = {value}")
        self.host.edit(f"HKLM\\{cell.key}", cell.name, value and value[1], value[0] if value else "REG_DWORD")
        self.foreign += 1
        layers = self.model.layers[cell]
        # What a change had left is that change's again.
        while layers[-1][0].startswith("foreign"):
            layers.pop()
        if layers[-1][1] != value or layers[-1][0] == GROUND:
            layers.append((f"foreign{self.foreign}", value))

    def time_passes(self) -> None:
        self.host.advance(self.random.choice([1800, 3700, 7300, 11000]))
        run = self.host.run_due_tasks(order=lambda paths: self.random.sample(paths, len(paths)))
        self.told.append(f"time passes: {run}")
        for path in run:
            self.model.remove(path.rpartition("\\")[2])

    def clock_is_set_back(self) -> None:
        self.told.append("the clock is set back")
        self.host.advance(-self.random.choice([600, 86400, 864000]))

    def _break_something(self) -> str:
        """Arrange for one request to go wrong, sometimes."""
        self.host.reset_counters()
        kind = self.random.choice(["", "", "", "cut before", "cut after", "kill"])
        at = self.random.randint(1, 34)
        if kind == "kill":
            for index in range(at, 400):
                self.host.interrupt(index, Killed(), acted=False)
        elif kind:
            self.host.inject("reset_after" if kind == "cut after" else "reset_before", at=[at])
        return f", {kind} at {at}" if kind else ""

    def _mend(self) -> None:
        self.host.clear_faults()

    def undo_all(self) -> None:
        self.told.append("undo all by force")
        names = list(self.standing())
        known = {name for layers in self.model.layers.values() for name, _v in layers if name.startswith("c")}
        if known - set(names):
            raise Violation(f"seed {self.seed}: the journal has lost {known - set(names)}\n" + "\n".join(self.told))
        revert(self.engine(), Selection(every=True), force=True, check_mode=False)
        for name in reversed(names):
            self.model.expose(name)
            self.model.remove(name)
        self.check("undoing all")
        if self.standing():
            raise Violation(f"seed {self.seed}: {self.standing()} still stand")
        if not self.foreign:
            left = differences(self.ground, self.host.snapshot(), ignoring=[OURS])
            if left:
                raise Violation(f"seed {self.seed}: {left}\n" + "\n".join(self.told))
