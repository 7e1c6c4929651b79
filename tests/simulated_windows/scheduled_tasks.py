"""The task scheduler of one host: task XML in, tasks that run when the host's clock passes their trigger.

Understands time triggers, Exec actions, StartWhenAvailable and DeleteExpiredTaskAfter of the published task schema
(http://schemas.microsoft.com/windows/2004/02/mit/task). Other triggers are kept but never fire.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree as ET

TASK_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
SYSTEM_ACCOUNTS = ("s-1-5-18", "system", r"nt authority\system")
# Task scheduler error constants of the win32 pages, as unsigned HRESULTs
SCHED_S_TASK_HAS_NOT_RUN = 0x00041303
SCHED_E_UNEXPECTEDNODE = 0x80041316
SCHED_E_NAMESPACE = 0x80041317
SCHED_E_INVALIDVALUE = 0x80041318
SCHED_E_MISSINGNODE = 0x80041319
SCHED_E_MALFORMEDXML = 0x8004131A
ALREADY_EXISTS = 0x800700B7
STATE_DISABLED, STATE_READY = 1, 3


class TaskError(Exception):
    """The scheduler refuses a task; ``code`` is the HRESULT."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Trigger:
    start: datetime
    end: datetime | None
    enabled: bool


@dataclass
class Task:
    """One registered task. Times are aware and in UTC; ``last_result`` is what the last action answered."""

    path: str
    name: str
    xml: str
    author: str
    description: str
    user: str
    run_level: str
    hidden: bool
    enabled: bool
    start_when_available: bool
    delete_expired_after: timedelta | None
    triggers: list[Trigger]
    actions: list[tuple[str, str]]
    registered: datetime
    pending: list[datetime] = field(default_factory=list)
    last_run: datetime | None = None
    last_result: int = SCHED_S_TASK_HAS_NOT_RUN
    missed_runs: int = 0

    @property
    def full_path(self) -> str:
        return self.path + self.name

    def next_run(self) -> datetime | None:
        return min(self.pending, default=None) if self.enabled else None

    def expires(self) -> datetime | None:
        """When DeleteExpiredTaskAfter removes the task, if it does."""
        if self.delete_expired_after is None or any(item.end is None for item in self.triggers):
            return None
        last = max((item.end for item in self.triggers if item.end), default=None)
        return last + self.delete_expired_after if last else None


def parse_duration(text: str) -> timedelta:
    """An ISO 8601 duration of days, hours, minutes and seconds; ValueError otherwise."""
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    if match is None or text in ("P", "PT") or text.endswith("T"):
        raise ValueError(f"not a duration: {text!r}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


class _TaskXml:
    """Reads one task document; every refusal is a TaskError."""

    def __init__(self, text: str, local_zone: timezone) -> None:
        self._zone = local_zone
        try:
            self.root = ET.fromstring(text)
        except ET.ParseError as error:
            raise TaskError(SCHED_E_MALFORMEDXML, f"The task XML is malformed. {error}") from error
        if self.root.tag != f"{{{TASK_NAMESPACE}}}Task":
            raise TaskError(SCHED_E_NAMESPACE, "The task XML contains an unexpected namespace or root element.")
        known = {"RegistrationInfo", "Triggers", "Settings", "Data", "Principals", "Actions"}
        for child in self.root:
            if child.tag.removeprefix(f"{{{TASK_NAMESPACE}}}") not in known:
                raise TaskError(SCHED_E_UNEXPECTEDNODE, f"The task XML contains an unexpected node. {child.tag}")

    def find(self, path: str) -> str:
        return (self.root.findtext(_q(path)) or "").strip()

    def flag(self, path: str, default: bool) -> bool:
        text = self.find(path)
        if text not in ("", "true", "false", "1", "0"):
            raise TaskError(SCHED_E_INVALIDVALUE, f"The task XML contains an incorrectly formatted value. {path}")
        return default if not text else text in ("true", "1")

    def moment(self, text: str) -> datetime:
        try:
            value = datetime.fromisoformat(text)
        except ValueError as error:
            raise TaskError(SCHED_E_INVALIDVALUE, f"The task XML contains an invalid time. {text}") from error
        return (value if value.tzinfo else value.replace(tzinfo=self._zone)).astimezone(UTC)

    def triggers(self) -> list[Trigger]:
        found: list[Trigger] = []
        for element in self.root.findall(_q("Triggers/TimeTrigger")):
            start = (element.findtext(_q("StartBoundary")) or "").strip()
            if not start:
                raise TaskError(SCHED_E_MISSINGNODE, "The task XML is missing a required element: StartBoundary")
            end = (element.findtext(_q("EndBoundary")) or "").strip()
            enabled = (element.findtext(_q("Enabled")) or "true").strip() in ("true", "1")
            found.append(Trigger(self.moment(start), self.moment(end) if end else None, enabled))
        return found

    def actions(self) -> list[tuple[str, str]]:
        return [
            (item.findtext(_q("Command")) or "", item.findtext(_q("Arguments")) or "")
            for item in self.root.findall(_q("Actions/Exec"))
        ]

    def delete_after(self) -> timedelta | None:
        text = self.find("Settings/DeleteExpiredTaskAfter")
        if not text:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            raise TaskError(SCHED_E_INVALIDVALUE, f"The task XML contains an invalid duration. {text}") from error


def _q(path: str) -> str:
    return "/".join(f"{{{TASK_NAMESPACE}}}{part}" for part in path.split("/"))


def parse_task(text: str, path: str, name: str, now: datetime, local_zone: timezone) -> Task:
    """A task from its XML; a StartBoundary without an offset is in ``local_zone``."""
    document = _TaskXml(text, local_zone)
    triggers = document.triggers()
    actions = document.actions()
    if not actions or not all(command for command, _arguments in actions):
        raise TaskError(SCHED_E_MISSINGNODE, "The task XML is missing a required element: Actions/Exec/Command")
    delete_after = document.delete_after()
    if delete_after is not None and not any(item.end for item in triggers):
        raise TaskError(SCHED_E_MISSINGNODE, "The task XML is missing a required element: EndBoundary")
    return Task(
        path=path,
        name=name,
        xml=text,
        author=document.find("RegistrationInfo/Author"),
        description=document.find("RegistrationInfo/Description"),
        user=document.find("Principals/Principal/UserId"),
        run_level=document.find("Principals/Principal/RunLevel"),
        hidden=document.flag("Settings/Hidden", False),
        enabled=document.flag("Settings/Enabled", True),
        start_when_available=document.flag("Settings/StartWhenAvailable", False),
        delete_expired_after=delete_after,
        triggers=triggers,
        actions=actions,
        registered=now,
        # A trigger whose time has passed does not fire when the task is registered.
        pending=[item.start for item in triggers if item.enabled and item.start > now],
    )


class TaskScheduler:
    """The tasks of one host. ``run_action`` executes (command, arguments, elevated) and returns the exit code."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        local_zone: timezone,
        run_action: Callable[[str, str, bool], int],
    ) -> None:
        self._clock = clock
        self._zone = local_zone
        self._run_action = run_action
        self.tasks: dict[str, Task] = {}

    def register(self, text: str, path: str, name: str, force: bool) -> Task:
        """Register a task in folder ``path`` (with backslashes around); TaskError if refused."""
        key = (path + name).lower()
        if key in self.tasks and not force:
            raise TaskError(ALREADY_EXISTS, "Cannot create a file when that file already exists.")
        task = parse_task(text, path, name, self._clock(), self._zone)
        self.tasks[key] = task
        return task

    def find(self, full_path: str) -> Task | None:
        return self.tasks.get(full_path.lower())

    def delete(self, full_path: str) -> bool:
        return self.tasks.pop(full_path.lower(), None) is not None

    def start(self, task: Task) -> None:
        """Run a task's actions now; one failing action does not stop the next."""
        elevated = task.user.lower() in SYSTEM_ACCOUNTS or task.run_level == "HighestAvailable"
        task.last_run = self._clock()
        for command, arguments in task.actions:
            task.last_result = self._run_action(command, arguments, elevated)

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
        due = [moment for moment in task.pending if moment <= now]
        task.pending = [moment for moment in task.pending if moment > now]
        if not due or not task.enabled:
            return
        missed = [moment for moment in due if missed_before is not None and moment < missed_before]
        task.missed_runs += len(missed)
        if len(missed) == len(due) and not task.start_when_available:
            return
        self.start(task)

    def dump(self) -> list[dict[str, Any]]:
        return [
            {
                "path": task.path,
                "name": task.name,
                "state": "ready" if task.enabled else "disabled",
                "hidden": task.hidden,
                "user": task.user,
                "run_level": task.run_level,
                "description": task.description,
                "start_when_available": task.start_when_available,
                "triggers": [item.start.isoformat() for item in task.triggers],
                "actions": [{"command": command, "arguments": arguments} for command, arguments in task.actions],
                "next_run": _iso(task.next_run()),
                "last_run": _iso(task.last_run),
                "last_result": task.last_result,
                "missed_runs": task.missed_runs,
                "xml": task.xml,
            }
            for _key, task in sorted(self.tasks.items())
        ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
