"""Random sequences of what can happen to a host, played on the engine and on the model beside it.

The actors: tasks of a control node, whole or broken at a request; two tasks at once (two_runs.py); the host, which ends
changes, sleeps and restarts; an administrator; Group Policy; a clock. What the journal says is read from the registry,
not by the engine.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from control_nodes import ControlNodes, Killed
from in_process import session
from stack_model import GROUND, Model
from two_runs import TwoRuns

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import (
    CHANGES,
    ENDED,
    ROOT,
    STANDING,
    Host,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import HostBusy, locked
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import DesiredSetting, Rules
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.recovery import read_and_recover
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.request import ChangeTerms, Request
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome, reverted_as_dict
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Scope
from simulated_windows.in_process import InProcessHost, differences

NAMES = ("insecure_guest_logons", "client_signing", "client_encryption", "audit_insecure_guest_logons")
# The local GPO is files, not registry: test_local_gpo.py.
SCOPES = (Scope.LOCAL, Scope.POLICY)
CELLS = tuple(Cell(SETTINGS[name], scope) for name in NAMES for scope in SCOPES if SETTINGS[name].has(scope.layer))
OURS = r"HKLM\SOFTWARE\winops"
PRESETS = ("windows_11_24h2_pro", "windows_11_24h2_enterprise")
QUIRKS: tuple[dict[str, Any], ...] = ({}, {"running_follows_registry": True}, {"task_enumeration_fails": True})
HOURS = (None, None, 1, 2, 3)
LEASE = 16 * 60
"""Seconds after which the lock of a dead run of another control node is free."""


class Violation(AssertionError):
    """The host is not what the model says."""


@dataclass
class Sequence:
    """One host and its model. told: what was done, for the report of a violation."""

    seed: int
    steps: int = 6
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.host = InProcessHost(self.random.choice(PRESETS), quirks=self.random.choice(QUIRKS))
        self.ground = self.host.snapshot()
        self.model = Model({cell: [(GROUND, self.held(cell))] for cell in CELLS})
        self.nodes = ControlNodes(self.host, self.watched)
        self.made = 0
        self.requests: dict[str, Request] = {}

    def violation(self, what: object) -> Violation:
        return Violation(f"seed {self.seed}: {what}\n" + "\n".join(self.told))

    # The host

    def engine(self) -> Host:
        return Host(session(self.host))

    def held(self, cell: Cell) -> Any:
        value = self.host.registry.get(f"HKLM\\{cell.key}", cell.name)
        return None if value is None else (value.type, value.data)

    def watched(self) -> object:
        """What a task that says `changed: false` leaves alone."""
        return [self.held(cell) for cell in CELLS], list(self.host.client.running.values())

    def journal(self) -> dict[str, dict[str, Any]]:
        """change_id to its line, of the changes that stand; the host's own marks are put in."""
        lists = {name: self.host.registry.get(f"HKLM\\{ROOT}", name) for name in (STANDING, ENDED)}
        rows = {name: [json.loads(line) for line in value.data] if value else [] for name, value in lists.items()}
        marks = set(self.host.registry.subkeys(f"HKLM\\{CHANGES}"))
        gone = {row["change_id"] for row in rows[ENDED]} | {name[:-9] for name in marks if name.endswith("~reverted")}
        standing = {row["change_id"]: row for row in rows[STANDING] if row["change_id"] not in gone}
        return dict(sorted(standing.items(), key=lambda item: item[1]["seq"]))

    def recover(self) -> None:
        """What the next journaled task does first, once the lock of a dead one is free."""
        try:
            self._recover()
        except HostBusy:
            self.time_passes(LEASE)
            self._recover()

    def _recover(self) -> None:
        host = self.engine()
        with locked(host) as now:
            snapshot, recovery = read_and_recover(host, now)
        self.told.append(f"recovery: {list(recovery.warnings)}")
        if snapshot.damaged:
            raise self.violation(f"damaged lines: {snapshot.damaged}")

    # The steps

    def play(self) -> None:
        moves: list[tuple[int, Callable[[], None]]] = [
            (4, self.change),
            (2, self.undo_one),
            (1, self.undo_latest),
            (1, self.change_again),
            (2, self.somebody_else),
            (1, self.policy_arrives),
            (2, self.time_passes),
            (1, self.host_sleeps),
            (1, self.host_restarts),
            (1, self.clock_is_set_back),
            (4, TwoRuns(self).play),
        ]
        with self.nodes.at_work():
            for _step in range(self.steps):
                (move,) = self.random.choices([m for _w, m in moves], [w for w, _m in moves])
                move()
                self.check(move.__name__)
            if self.random.random() < 0.5:
                self.all_ends_come()
            self.undo_all()

    def check(self, after: str) -> None:
        wrong = [
            f"{cell.location} holds {self.held(cell)}, and the model says {self.model.value(cell)}"
            for cell in CELLS
            if self.held(cell) != self.model.value(cell)
        ]
        if set(self.journal()) != self.model.changes:
            wrong.append(f"the journal has {set(self.journal())}, and the model {self.model.changes}")
        if wrong:
            raise self.violation(f"after {after}: {'; '.join(wrong)}")

    def new_request(self) -> tuple[str, Request, str]:
        """A change's name, what it asks, and that in words."""
        self.made += 1
        name = f"c{self.made}"
        scopes = self.random.choice([(Scope.LOCAL,), (Scope.POLICY,), SCOPES])
        names = self.random.sample(NAMES, self.random.randint(1, 3))
        desired_settings = [DesiredSetting(SETTINGS[each], self.random.random() < 0.5) for each in names]
        hours = self.random.choice(HOURS)
        terms = ChangeTerms(name, "a reason", timedelta(hours=hours) if hours else None)
        request = self.requests[name] = Request(desired_settings, Rules(scopes, tolerate_managed=True), terms)
        asked = [each.setting.name + "=" + each.word for each in desired_settings]
        return name, request, f"{name}: {asked} {[scope.value for scope in scopes]} for {hours} h"

    def change(self) -> None:
        name, request, words = self.new_request()
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
        except (SmbGuestError, Killed) as error:
            self.told.append(f"  -> {type(error).__name__}: {error}")
            if not broken:
                raise self.violation(error) from error
        self.host.clear_faults()
        if outcome is None:
            self.recover()
        elif [c.as_dict() for c in outcome.plan.changes] != [c.as_dict() for c in foreseen.plan.changes]:
            raise self.violation("check mode said otherwise")
        if row := self.journal().get(name):
            self.model.write_all(name, self.written(row))
        if outcome is not None and outcome.plan.changes and name not in self.model.changes:
            raise self.violation(f"{name} was not journaled")
        if outcome is not None:
            again = configure(self.engine(), Request(request.desired_settings, request.rules), check_mode=True)
            if again.plan.changes:
                raise self.violation("a second run would change")

    @staticmethod
    def written(row: dict[str, Any]) -> dict[Cell, Any]:
        """What a line of the journal says that its change wrote."""
        return {
            Cell.named(part["setting"], part["scope"]): (
                None if part["wanted"] is None else ("REG_DWORD", int(part["wanted"]))
            )
            for part in row["parts"]
        }

    def _same_refusal(self, request: Request, error: RequestError) -> None:
        try:
            configure(self.engine(), request, check_mode=False)
        except RequestError as second:
            if str(second) == str(error):
                return
        raise self.violation("the run did not refuse as the check did")

    def change_again(self) -> None:
        """The same task again, with another end or the same: it writes no value, and moves the end or nothing."""
        standing = self.journal()
        if not standing:
            return
        name = self.random.choice(list(standing))
        hours = self.random.choice(HOURS)
        former, now = self.requests[name], self.watched()
        terms = ChangeTerms(name, "a reason", timedelta(hours=hours) if hours else None)
        request = self.requests[name] = Request(former.desired_settings, former.rules, terms)
        self.told.append(f"{name} again, for {hours} h")
        try:
            outcome = configure(self.engine(), request, check_mode=False)
        except RequestError as error:  # its values are not all there any more: then it is another change of that name
            self.told.append(f"  -> refused: {error}")
            self.requests[name] = former
        else:
            moved = self.journal()[name].get("expires_at") != standing[name].get("expires_at")
            if outcome.as_dict()["changed"] != moved:
                raise self.violation(f"changed is {outcome.as_dict()['changed']}, the end was moved: {moved}")
            if hours and moved == (hours * 3600 == standing[name].get("lasts")):
                raise self.violation(f"it lasted {standing[name].get('lasts')} s, the end was moved: {moved}")
        if self.watched() != now:
            raise self.violation("values moved")

    def undo_one(self) -> None:
        if standing := list(self.journal()):
            self._undo(Selection(self.random.choice(standing)), force=self.random.random() < 0.3)

    def undo_latest(self) -> None:
        if self.journal():
            self._undo(Selection(latest=True), force=self.random.random() < 0.3)

    def _undo(self, selection: Selection, *, force: bool) -> None:
        name = selection.change_id or list(self.journal())[-1]
        refused = not force and self.model.is_disowned(name)
        self.told.append(f"undo {name}{' by force' if force else ''}{', to be refused' if refused else ''}")
        try:
            foreseen = reverted_as_dict(revert(self.engine(), selection, force=force, check_mode=True))
            broken = self._break_something()
            self.told[-1] += broken
            done = reverted_as_dict(revert(self.engine(), selection, force=force, check_mode=False))
        except RequestError as error:
            self.host.clear_faults()
            if refused:
                return
            raise self.violation(error) from error
        except (SmbGuestError, Killed) as error:
            self.told.append(f"  -> {type(error).__name__}: {error}")
            self.host.clear_faults()
            if not broken:
                raise self.violation(error) from error
            if refused:
                self.recover()
                return
            if name in self.journal():
                revert(self.engine(), Selection(name), force=force, check_mode=False)
        else:
            self.host.clear_faults()
            if refused:
                raise self.violation("not refused")
            if done["changes"] != foreseen["changes"]:
                raise self.violation("check mode said otherwise")
        if force:
            self.model.expose(name)
        self.model.remove(name)

    def somebody_else(self, cells: Collection[Cell] = CELLS) -> None:
        """An administrator writes a value, or deletes it."""
        cell = self.random.choice(list(cells))
        value = self.random.choice([None, ("REG_DWORD", 0), ("REG_DWORD", 1), ("REG_DWORD", 1), ("REG_SZ", "1")])
        if value == self.model.value(cell):
            return
        self.told.append(f"somebody else: {cell} = {value}")
        self.host.edit(f"HKLM\\{cell.key}", cell.name, value and value[1], value[0] if value else "REG_DWORD")
        self.model.somebody_else(cell, value)

    def policy_arrives(self, cells: Collection[Cell] = CELLS) -> None:
        """Group Policy refreshes: a GPO has one value."""
        policies = [cell for cell in cells if not cell.is_local]
        if not policies:
            return
        cell, number = self.random.choice(policies), self.random.randint(0, 1)
        self.told.append(f"a policy arrives: {cell} = {number}")
        self.host.refresh_policy(policy={cell.name: number})
        if self.model.value(cell) != ("REG_DWORD", number):
            self.model.somebody_else(cell, ("REG_DWORD", number))

    def time_passes(self, seconds: float | None = None) -> None:
        self.host.advance(self.random.choice([1800, 3700, 7300, 11000]) if seconds is None else seconds)
        run = self.host.run_due_tasks(order=lambda paths: self.random.sample(paths, len(paths)))
        self.told.append(f"time passes: {run}")
        self._ended(run)

    def _ended(self, paths: Collection[str]) -> None:
        for path in paths:
            self.model.remove(path.rpartition("\\")[2])

    def host_sleeps(self) -> None:
        """Ends pass, and the tasks wait: up to ten minutes after the host has woken up."""
        self.told.append("the host sleeps")
        self.host.advance(self.random.choice([1800, 7300]))

    def host_restarts(self, off: float | None = None) -> None:
        """What is past its end runs when the host starts; what the scheduler owes beside that comes later."""
        off = self.random.choice([60, 7300]) if off is None else off
        before = self.host.tasks
        self.host.boot(off)
        run = [path for path in before if path not in self.host.tasks]
        self.told.append(f"the host restarts, {off} s off: {run}")
        self._ended(run)

    def clock_is_set_back(self) -> None:
        self.told.append("the clock is set back")
        self.host.advance(-self.random.choice([600, 86400, 864000]))

    def all_ends_come(self) -> None:
        """What was promised an end has ended, by the host alone or by the next task."""
        self.told.append("all ends come")
        self.time_passes(400 * 86400)
        self.recover()
        if left := [name for name, row in self.journal().items() if row.get("expires_at")]:
            raise self.violation(f"{left} have not ended")
        self.check("all ends")

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

    def undo_all(self) -> None:
        self.told.append("undo all by force")
        names = list(self.journal())
        revert(self.engine(), Selection(every=True), force=True, check_mode=False)
        for name in reversed(names):
            self.model.expose(name)
            self.model.remove(name)
        self.check("undoing all")
        self.recover()  # what the host has noted of its ends is in the journal only then
        left = [*self.host.tasks, *self.host.registry.subkeys(f"HKLM\\{CHANGES}")]
        if left:
            raise self.violation(f"left behind: {left}")
        if not self.model.is_touched:
            left = differences(self.ground, self.host.snapshot(), ignoring=[OURS])
            if left:
                raise self.violation(left)
