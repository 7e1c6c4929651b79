"""Reads one document of the task schema (MS-TSCH 2.5) as strictly as the scheduler must: refused or a Definition.

Time and boot triggers, and Exec actions, are understood; other kinds of trigger are allowed, but never fire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree as ET

TASK_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
# MS-TSCH 2.3.14
SCHED_E_UNEXPECTEDNODE = 0x80041316
SCHED_E_NAMESPACE = 0x80041317
SCHED_E_INVALIDVALUE = 0x80041318
SCHED_E_MISSINGNODE = 0x80041319
SCHED_E_MALFORMEDXML = 0x8004131A
SCHED_E_TOO_MANY_NODES = 0x8004131D

MAX_ACTIONS = 32
MAX_PATH = 260
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

# Parts whose children may come in any order (xs:all)
_UNORDERED = {
    ".": ("RegistrationInfo", "Triggers", "Settings", "Data", "Principals", "Actions"),
    "RegistrationInfo": (
        "URI",
        "SecurityDescriptor",
        "Source",
        "Date",
        "Author",
        "Version",
        "Description",
        "Documentation",
    ),
    "Settings": (
        "AllowStartOnDemand",
        "RestartOnFailure",
        "MultipleInstancesPolicy",
        "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries",
        "AllowHardTerminate",
        "StartWhenAvailable",
        "NetworkProfileName",
        "RunOnlyIfNetworkAvailable",
        "WakeToRun",
        "Enabled",
        "Hidden",
        "DeleteExpiredTaskAfter",
        "IdleSettings",
        "NetworkSettings",
        "ExecutionTimeLimit",
        "Priority",
        "RunOnlyIfIdle",
        "UseUnifiedSchedulingEngine",
        "DisallowStartOnRemoteAppSession",
        "MaintenanceSettings",
        "Volatile",
    ),
    "Principals/Principal": (
        "UserId",
        "LogonType",
        "GroupId",
        "DisplayName",
        "RunLevel",
        "ProcessTokenSidType",
        "RequiredPrivileges",
    ),
    "Actions/Exec": ("Command", "Arguments", "WorkingDirectory"),
}
_TRIGGERS = {
    "TimeTrigger": "RandomDelay",
    "BootTrigger": "Delay",
    "RegistrationTrigger": "Delay",
    "IdleTrigger": "",
    "EventTrigger": "",
    "LogonTrigger": "",
    "SessionStateChangeTrigger": "",
    "CalendarTrigger": "",
}
_TRIGGER_SEQUENCE = ("StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit")


class TaskError(Exception):
    """The scheduler refuses a task; ``code`` is the HRESULT."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Trigger:
    """``kind`` is the element's name; times are aware and in UTC."""

    kind: str
    start: datetime | None
    end: datetime | None
    enabled: bool


@dataclass
class Definition:
    """What a task document says; ``actions`` are (command, arguments)."""

    author: str
    description: str
    user: str
    run_level: str
    hidden: bool
    enabled: bool
    start_when_available: bool
    disallow_start_if_on_batteries: bool
    delete_expired_after: timedelta | None
    execution_time_limit: timedelta | None
    triggers: list[Trigger]
    actions: list[tuple[str, str]]


def parse_duration(text: str) -> timedelta:
    """An ISO 8601 duration of days, hours, minutes and seconds; ValueError otherwise."""
    match = _DURATION.fullmatch(text)
    if match is None or text in ("P", "PT") or text.endswith("T"):
        raise ValueError(f"not a duration: {text!r}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _q(path: str) -> str:
    return "/".join(part if part == "." else f"{{{TASK_NAMESPACE}}}{part}" for part in path.split("/"))


def _name(element: ET.Element) -> str:
    namespace, brace, name = element.tag.rpartition("}")
    if not brace or namespace[1:] != TASK_NAMESPACE:
        raise TaskError(SCHED_E_NAMESPACE, f"The task XML contains an unexpected namespace. {element.tag}")
    return name


class _Document:
    """One task document; every refusal is a TaskError."""

    def __init__(self, text: str, local_zone: timezone, trigger_order: str) -> None:
        self._zone = local_zone
        self._trigger_order = trigger_order
        try:
            self.root = ET.fromstring(text)
        except ET.ParseError as error:
            raise TaskError(SCHED_E_MALFORMEDXML, f"The task XML is malformed. {error}") from error
        if self.root.tag != _q("Task"):
            raise TaskError(SCHED_E_NAMESPACE, "The task XML contains an unexpected namespace or root element.")
        for path, known in _UNORDERED.items():
            for part in self.root.findall(_q(path)):
                self._check_children(part, known)

    @staticmethod
    def _check_children(part: ET.Element, known: tuple[str, ...]) -> None:
        seen: set[str] = set()
        for child in part:
            name = _name(child)
            if name not in known or name in seen:
                raise TaskError(SCHED_E_UNEXPECTEDNODE, f"The task XML contains an unexpected node. {name}")
            seen.add(name)

    def find(self, path: str) -> str:
        return (self.root.findtext(_q(path)) or "").strip()

    def flag(self, path: str, default: bool) -> bool:
        return self._boolean(self.find(path), path, default)

    @staticmethod
    def _boolean(text: str, path: str, default: bool) -> bool:
        if text and text not in _BOOLEANS:
            raise TaskError(SCHED_E_INVALIDVALUE, f"The task XML contains an incorrectly formatted value. {path}")
        return _BOOLEANS[text] if text else default

    def duration(self, path: str) -> timedelta | None:
        text = self.find(path)
        if not text:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            raise TaskError(SCHED_E_INVALIDVALUE, f"The task XML contains an invalid duration. {text}") from error

    def _moment(self, trigger: ET.Element, name: str) -> datetime | None:
        text = (trigger.findtext(_q(name)) or "").strip()
        if not text:
            return None
        try:
            value = datetime.fromisoformat(text)
        except ValueError as error:
            raise TaskError(SCHED_E_INVALIDVALUE, f"The task XML contains an invalid time. {text}") from error
        return (value if value.tzinfo else value.replace(tzinfo=self._zone)).astimezone(UTC)

    def triggers(self) -> list[Trigger]:
        part = self.root.find(_q("Triggers"))
        return [] if part is None else [self._trigger(element) for element in part]

    def _trigger(self, element: ET.Element) -> Trigger:
        kind = _name(element)
        if kind not in _TRIGGERS:
            raise TaskError(SCHED_E_UNEXPECTEDNODE, f"The task XML contains an unexpected node. {kind}")
        names = [_name(child) for child in element]
        if _TRIGGERS[kind]:
            self._check_children(element, ("Enabled", *_TRIGGER_SEQUENCE, _TRIGGERS[kind]))
        sequence = [name for name in names if name in _TRIGGER_SEQUENCE]
        if sequence != sorted(sequence, key=_TRIGGER_SEQUENCE.index):
            raise TaskError(SCHED_E_UNEXPECTEDNODE, f"The task XML contains an unexpected node. {names}")
        if "Enabled" in names and sequence:
            first = names.index("Enabled") < names.index(sequence[0])
            if self._trigger_order == ("export" if first else "schema"):
                raise TaskError(SCHED_E_UNEXPECTEDNODE, "The task XML contains an unexpected node. Enabled")
        start = self._moment(element, "StartBoundary")
        if kind == "TimeTrigger" and start is None:
            raise TaskError(SCHED_E_MISSINGNODE, "The task XML is missing a required element: StartBoundary")
        enabled = self._boolean((element.findtext(_q("Enabled")) or "").strip(), "Enabled", True)
        return Trigger(kind, start, self._moment(element, "EndBoundary"), enabled)

    def actions(self) -> list[tuple[str, str]]:
        part = self.root.find(_q("Actions"))
        elements = [] if part is None else list(part)
        if len(elements) > MAX_ACTIONS:
            raise TaskError(SCHED_E_TOO_MANY_NODES, "The task XML contains too many nodes of the same type.")
        actions: list[tuple[str, str]] = []
        for element in elements:
            if _name(element) != "Exec":
                raise TaskError(SCHED_E_UNEXPECTEDNODE, "The simulated scheduler runs Exec actions only.")
            command = element.findtext(_q("Command")) or ""
            if not command:
                raise TaskError(SCHED_E_MISSINGNODE, "The task XML is missing a required element: Command")
            if len(command) > MAX_PATH:
                raise TaskError(SCHED_E_INVALIDVALUE, "The task XML contains a value which is out of range. Command")
            actions.append((command, element.findtext(_q("Arguments")) or ""))
        if not actions:
            raise TaskError(SCHED_E_MISSINGNODE, "The task XML is missing a required element: Actions/Exec/Command")
        return actions


def parse_task(text: str, local_zone: timezone, trigger_order: str = "any") -> Definition:
    """Read a task document; TaskError if the scheduler would refuse it.

    A StartBoundary without an offset is in ``local_zone``. ``trigger_order`` is the quirk task_trigger_order.
    """
    document = _Document(text, local_zone, trigger_order)
    triggers = document.triggers()
    delete_after = document.duration("Settings/DeleteExpiredTaskAfter")
    if delete_after is not None and not any(item.end for item in triggers):
        raise TaskError(SCHED_E_MISSINGNODE, "The task XML is missing a required element: EndBoundary")
    return Definition(
        author=document.find("RegistrationInfo/Author"),
        description=document.find("RegistrationInfo/Description"),
        user=document.find("Principals/Principal/UserId"),
        run_level=document.find("Principals/Principal/RunLevel"),
        hidden=document.flag("Settings/Hidden", False),
        enabled=document.flag("Settings/Enabled", True),
        start_when_available=document.flag("Settings/StartWhenAvailable", False),
        disallow_start_if_on_batteries=document.flag("Settings/DisallowStartIfOnBatteries", True),
        delete_expired_after=delete_after,
        execution_time_limit=document.duration("Settings/ExecutionTimeLimit"),
        triggers=triggers,
        actions=document.actions(),
    )
