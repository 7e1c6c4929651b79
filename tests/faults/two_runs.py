"""Two tasks at once on one host, request by request, and everybody else between their requests.

Whatever the order, what comes out is what the same tasks give one after the other, in the order in which they held the
host: the model lays them over each other so. Somebody else writes what neither task is about; that has to stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from control_nodes import ONE, OTHER, Killed, Runner
from stack_model import Model
from turns import Turns

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import HostBusy
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome, reverted_as_dict
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState, RequestError, SmbGuestError

if TYPE_CHECKING:
    from stack_sequences import Sequence

FAULTS = ("reset_before", "reset_after", "soap_fault", "access_denied")


@dataclass
class Task:
    """What one task asks. makes: the name of a change. undoes: those that it reverts. cells: what it may write.
    endless: whether what it may leave has no end of its own."""

    words: str
    act: Callable[[], Any]
    cells: frozenset[Cell]
    makes: str | None = None
    undoes: tuple[str, ...] = ()
    endless: bool = False


class TwoRuns:
    """One meeting of two tasks in a sequence."""

    def __init__(self, sequence: Sequence) -> None:
        self._all, self._random = sequence, sequence.random
        self.__name__ = "two runs"

    def play(self) -> None:
        self._disturbed = self._broken = False
        tasks = [self._task(), self._task()]
        nodes = [ONE, self._random.choice([ONE, OTHER])]
        self._alike = nodes[0] == nodes[1]
        self._just_before_an_end()
        self._all.told += [f"at {node}: {task.words}" for node, task in zip(nodes, tasks, strict=True)]
        acts = [self._watching(number, task) for number, task in enumerate(tasks)]
        with self._all.nodes.running(*zip(nodes, acts, strict=True)) as turns:
            self._take_turns(turns, tasks)
        self._all.host.clear_faults()
        self._all.told += [f"  -> {self._said(result)}" for result in turns.results]
        self._settle(tasks, turns.results)

    @staticmethod
    def _said(result: Any) -> str:
        return f"{type(result).__name__}: {result}" if isinstance(result, BaseException) else "ok"

    # What they ask

    def _task(self) -> Task:
        standing = self._all.journal()
        kind = self._random.choice(["change", "change", "undo", "undo all"] if standing else ["change"])
        if kind == "change":
            name, request, words = self._all.new_request()
            cells = {
                Cell(each.setting, scope)
                for each in request.desired_settings
                for scope in request.rules.scopes
                if each.setting.has(scope.layer)
            }
            act = partial(configure, self._all.engine(), request, check_mode=False)
            return Task(words, act, frozenset(cells), makes=name, endless=not request.terms.expires_in)
        names = (self._random.choice(list(standing)),) if kind == "undo" else tuple(standing)
        selection = Selection(*names) if kind == "undo" else Selection(every=True)
        cells = {Cell.named(part["setting"], part["scope"]) for each in names for part in standing[each]["parts"]}
        endless = any(not standing[each].get("expires_at") for each in names)
        act = partial(revert, self._all.engine(), selection, force=False, check_mode=False)
        return Task(f"{kind} {', '.join(names)}", act, frozenset(cells), undoes=names, endless=endless)

    def _just_before_an_end(self) -> None:
        """Sometimes the next end is two seconds ahead when the tasks begin."""
        ahead = [end for end in self._ends().values() if end > self._all.host.clock + timedelta(seconds=2)]
        if ahead and self._random.random() < 0.6:
            self._all.time_passes((min(ahead) - self._all.host.clock).total_seconds() - 2)

    # What happens

    def _take_turns(self, turns: Turns, tasks: list[Task]) -> None:
        quiet = self._random.random() < 0.3
        while not all(turns.ended):
            number = self._random.choice([each for each, ended in enumerate(turns.ended) if not ended])
            turns.turn(number, self._random.choice([1, 2, 5, 10, 20]))
            if not quiet and not all(turns.ended) and self._random.random() < 0.3:
                self._meanwhile(number, turns, tasks)

    def _meanwhile(self, number: int, turns: Turns, tasks: list[Task]) -> None:
        asked = {cell.setting for task in tasks for cell in task.cells}
        others = [cell for cell in self._all.model.layers if cell.setting not in asked]
        if any(b"DeleteKey" in message and b"Policies" in message for message in turns.next):
            others = []  # seen to be empty, one request ago: the known limit, StdRegProv deletes a key with its values
        kind = self._random.choice(["end", "end", "edit", "policy", "kill", "fault", "restart"])
        self._disturbed = self._disturbed or kind in ("end", "restart")
        if kind == "end":
            # A run that still lives elsewhere counts as dead after the lease: no clock jumps over that here.
            self._all.time_passes(self._random.choice([5, 7300]) if self._alike else 5)
        elif kind == "edit" and others:
            self._all.somebody_else(others)
        elif kind == "policy" and others:
            self._all.policy_arrives(others)
        elif kind == "kill" and not turns.ended[number]:
            self._all.told.append(f"the task {number + 1} is killed")
            self._all.nodes.kill(number)
        elif kind == "fault":
            kind, later = self._random.choice(FAULTS), self._random.randint(1, 6)
            self._all.told.append(f"{kind}, {later} requests later")
            self._broken = True
            self._all.host.inject(kind, at=[self._all.host.requests + later])
        elif kind == "restart":
            self._all.host_restarts(30)

    # What has to hold

    def _watching(self, number: int, task: Task) -> Callable[[], Any]:
        """Judge a task at the moment at which it ends: nobody else has a turn by then."""

        def act() -> Any:
            try:
                result = task.act()
            except Killed:
                raise
            except BaseException as error:
                self._judge_error(task, self._all.nodes.runners[number], error)
                raise
            self._judge(task, self._all.nodes.runners[number], result)
            return result

        return act

    def _judge_error(self, task: Task, runner: Runner, error: BaseException) -> None:
        if not isinstance(error, SmbGuestError):
            raise self._all.violation(f"{task.words}: {type(error).__name__}: {error}") from error
        said = f"{task.words}: {type(error).__name__}, {error.host_state}: {error}"
        unwritten = error.host_state in (None, HostState.NOTHING_WRITTEN, HostState.NOT_CONTACTED)
        if runner.wrote and unwritten:
            raise self._all.violation(f"it wrote, and says nothing of that: {said}") from error
        if not (self._broken or self._disturbed or isinstance(error, HostBusy | RequestError)):
            raise self._all.violation(f"nothing was in its way: {said}") from error
        if not self._broken and error.host_state is HostState.RESTORED and task.makes in self._all.journal():
            raise self._all.violation(f"the journal has it: {said}") from error

    def _judge(self, task: Task, runner: Runner, result: Any) -> None:
        says = result.as_dict() if isinstance(result, Outcome) else reverted_as_dict(result)
        if runner.wrote and not says["changed"]:
            raise self._all.violation(f"{task.words}: it wrote, and says changed: false")
        if self._disturbed:
            return
        if isinstance(result, Outcome):
            if result.plan.changes and not runner.wrote:
                raise self._all.violation(f"{task.words}: it says changed: true, and wrote nothing")
            if result.plan.changes and task.makes not in self._all.journal():
                raise self._all.violation(f"{task.words}: ok, and the journal does not have it")
            for name, state in result.after.items():
                runs = self._all.host.client.running[state.setting.cim_property]
                if name in result.asked and state.observed.running not in (None, runs):  # None: it could not be read
                    raise self._all.violation(f"{task.words}: ok with {state.observed.running}, and {name} is {runs}")
        elif left := set(task.undoes) & set(self._all.journal()):
            raise self._all.violation(f"{task.words}: ok, and {left} stand")

    def _settle(self, tasks: list[Task], results: list[Any]) -> None:
        for result in results:
            if isinstance(result, AssertionError):
                raise result
        unclean = [task for task, result in zip(tasks, results, strict=True) if self._unclean(result)]
        ends = self._ends()
        if unclean and self._random.random() < 0.4:
            self._promises(unclean, ends)
        if unclean or self._broken:
            self._all.recover()
        standing = self._all.journal()
        self._take_over(self._all.model, standing.values())
        undone = {name for task in tasks for name in task.undoes}
        ended = {name for name, end in ends.items() if end <= self._all.host.clock}
        for name in self._all.model.changes - set(standing):
            if name not in undone | ended:
                raise self._all.violation(f"the journal has lost {name}")
            self._all.model.remove(name)

    def _take_over(self, model: Model, rows: Collection[dict[str, Any]]) -> None:
        """Lay the changes that are new over what a model has."""
        known = model.changes
        for row in rows:
            if row["change_id"] not in known:
                model.write_all(row["change_id"], self._all.written(row))

    def _ends(self) -> dict[str, datetime]:
        rows = self._all.journal().values()
        return {row["change_id"]: datetime.fromisoformat(row["expires_at"]) for row in rows if "expires_at" in row}

    @staticmethod
    def _unclean(result: Any) -> bool:
        """Whether the next task has something to recover."""
        restored = (HostState.NOTHING_WRITTEN, HostState.RESTORED)
        return isinstance(result, Killed) or (isinstance(result, SmbGuestError) and result.host_state not in restored)

    def _promises(self, unclean: list[Task], ends: Collection[str]) -> None:
        """No task comes any more: the host alone ends all that was promised an end."""
        self._all.told.append("nobody recovers; all ends come")
        self._all.time_passes(400 * 86400)
        due = self._all.model.copy()
        self._take_over(due, [row for row in self._all.journal().values() if row["status"] == "applied"])
        for name in {*ends, *due.changes.difference(self._all.journal())}:
            due.remove(name)
        free = {cell for task in unclean if task.endless for cell in task.cells}
        for cell in set(due.layers) - free:
            if self._all.held(cell) != due.value(cell):
                raise self._all.violation(f"{cell} is {self._all.held(cell)}, not {due.value(cell)}")
