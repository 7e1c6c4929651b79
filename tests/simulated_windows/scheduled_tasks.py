"""The task scheduler of one host: tasks that run when the host's clock passes a trigger, or when the host starts.

A missed start runs at once when the host is back (Windows waits ten minutes), after the boot triggers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from .task_xml import Definition, TaskError, parse_task

if TYPE_CHECKING:
    from .quirks import Quirks

SYSTEM_ACCOUNTS = ("s-1-5-18", "system", r"nt authority\system")
# MS-TSCH 2.3.14, as unsigned HRESULTs
SCHED_S_TASK_HAS_NOT_RUN = 0x00041303
ALREADY_EXISTS = 0x800700B7
STATE_DISABLED, STATE_READY = 1, 3


class PowerCut(Exception):
    """The host goes dark while a task runs; what the task did until then stays."""


@dataclass
class Task:
    """One registered task. ``pending`` are the starts of its time triggers that are still to come.

    ``last_result`` is what the last action answered.
    """

    path: str
    name: str
    xml: str
    definition: Definition
    registered: datetime
    enabled: bool
    pending: list[datetime] = field(default_factory=list)
    last_run: datetime | None = None
    last_result: int = SCHED_S_TASK_HAS_NOT_RUN
    missed_runs: int = 0

    @property
    def full_path(self) -> str:
        return self.path + self.name

    def next_run(self) -> datetime | None:
        """The next start by a time trigger."""
        return min(self.pending, default=None) if self.enabled else None

    def expires(self) -> datetime | None:
        """When DeleteExpiredTaskAfter removes the task, if it does: no trigger may be without an end."""
        ends = [item.end for item in self.definition.triggers]
        last = max((end for end in ends if end), default=None)
        if self.definition.delete_expired_after is None or last is None or None in ends:
            return None
        return last + self.definition.delete_expired_after

    def starts_at_boot(self, now: datetime) -> bool:
        """Whether a boot trigger is enabled and ``now`` lies within its boundaries."""
        return self.enabled and any(
            item.kind == "BootTrigger"
            and item.enabled
            and (item.start is None or item.start <= now)
            and (item.end is None or now <= item.end)
            for item in self.definition.triggers
        )


class TaskScheduler:
    """The tasks of one host. ``run_action`` executes (command, arguments, elevated) and returns the exit code."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        local_zone: timezone,
        run_action: Callable[[str, str, bool], int],
        quirks: Quirks,
    ) -> None:
        self._clock = clock
        self.zone = local_zone
        self._run_action = run_action
        self._quirks = quirks
        self.tasks: dict[str, Task] = {}

    def register(self, text: str, path: str, name: str, force: bool) -> Task:
        """Register a task in folder ``path`` (with backslashes around); TaskError if refused."""
        key = (path + name).lower()
        if key in self.tasks and not force:
            raise TaskError(ALREADY_EXISTS, "Cannot create a file when that file already exists.")
        now = self._clock()
        definition = parse_task(text, self.zone, self._quirks.task_trigger_order)
        # A trigger whose time has passed does not fire when the task is registered.
        pending = [
            item.start
            for item in definition.triggers
            if item.kind == "TimeTrigger" and item.enabled and item.start is not None and item.start > now
        ]
        task = Task(path, name, text, definition, now, definition.enabled, pending)
        self.tasks[key] = task
        return task

    def find(self, full_path: str) -> Task | None:
        return self.tasks.get(full_path.lower())

    def delete(self, full_path: str) -> bool:
        return self.tasks.pop(full_path.lower(), None) is not None

    def start(self, task: Task) -> None:
        """Run a task's actions now, in order; one failing action does not stop the next."""
        definition = task.definition
        elevated = definition.user.lower() in SYSTEM_ACCOUNTS or definition.run_level == "HighestAvailable"
        task.last_run = self._clock()
        for command, written in definition.actions:
            arguments = _substituted(written) if self._quirks.dollar_is_an_escape else written
            task.last_result = self._run_action(command, arguments, elevated)

    def _may_start(self, task: Task) -> bool:
        return not (self._quirks.on_batteries and task.definition.disallow_start_if_on_batteries)

    def boot(self) -> None:
        """The host has started: tasks with a boot trigger run."""
        now = self._clock()
        for path in [task.full_path for task in self.tasks.values() if task.starts_at_boot(now)]:
            task = self.find(path)
            if task is not None and self._may_start(task):
                self.start(task)

    def due(self) -> list[str]:
        """Full paths of the tasks that ``run_due`` would look at, the one that waits longest first."""
        now = self._clock()
        waiting = [task for task in self.tasks.values() if any(moment <= now for moment in task.pending)]
        return [task.full_path for task in sorted(waiting, key=lambda item: min(item.pending))]

    def run_due(self, missed_before: datetime | None = None, only: str | None = None) -> None:
        """Run what is due. Triggers before ``missed_before`` fell into a time when the host was off.

        ``only`` names the one task that may run, if it is still there and due.
        """
        now = self._clock()
        for path in self.due():
            task = self.find(path)
            if task is not None and only in (None, path):
                self._run_due_task(task, now, missed_before)
        for key, task in list(self.tasks.items()):
            expires = task.expires()
            if expires is not None and expires <= now and not task.pending:
                del self.tasks[key]

    def _run_due_task(self, task: Task, now: datetime, missed_before: datetime | None) -> None:
        if task.enabled and task.definition.start_when_available and not self._may_start(task):
            return  # waits for the mains
        due = [moment for moment in task.pending if moment <= now]
        task.pending = [moment for moment in task.pending if moment > now]
        if not due or not task.enabled or not self._may_start(task):
            return
        missed = [moment for moment in due if missed_before is not None and moment < missed_before]
        task.missed_runs += len(missed)
        if len(missed) == len(due) and not self._starts_late(task):
            return
        self.start(task)

    def _starts_late(self, task: Task) -> bool:
        ends = any(item.end for item in task.definition.triggers)
        return task.definition.start_when_available and (ends or not self._quirks.missed_start_needs_end_boundary)

    def dump(self) -> list[dict[str, Any]]:
        return [_dump(task) for _key, task in sorted(self.tasks.items())]


def _substituted(arguments: str) -> str:
    """MS-TSCH 2.5.9.1: ``$$`` is a dollar; ``$(Arg0)`` and the like are replaced, by nothing where nobody gave any."""
    return re.sub(r"\$(?:\$|\(Arg[0-9]+\))", lambda found: "$" if found[0] == "$$" else "", arguments)


def _dump(task: Task) -> dict[str, Any]:
    definition = task.definition
    return {
        "path": task.path,
        "name": task.name,
        "state": "ready" if task.enabled else "disabled",
        "hidden": definition.hidden,
        "user": definition.user,
        "run_level": definition.run_level,
        "description": definition.description,
        "start_when_available": definition.start_when_available,
        "execution_time_limit": None
        if definition.execution_time_limit is None
        else definition.execution_time_limit.total_seconds(),
        "triggers": [_iso(item.start) for item in definition.triggers if item.kind == "TimeTrigger"],
        "boot_triggers": [_iso(item.start) for item in definition.triggers if item.kind == "BootTrigger"],
        "actions": [{"command": command, "arguments": arguments} for command, arguments in definition.actions],
        "next_run": _iso(task.next_run()),
        "last_run": _iso(task.last_run),
        "last_result": task.last_result,
        "missed_runs": task.missed_runs,
        "xml": task.xml,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
