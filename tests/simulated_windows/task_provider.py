"""The scheduled task classes of root/Microsoft/Windows/TaskScheduler over one host's TaskScheduler.

Signatures from the public dumps of Server 2019 and 23H2, the order of parameters from a schema that a host gave over
WinRM. There is no Unregister method: a captured Unregister-ScheduledTask queries, then sends a Delete of the instance
with the selectors TaskName and TaskPath. What a Delete of an absent task answers was not captured: quirks choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cim import CimClass, Instance, Method, Property, Provider
from .scheduled_tasks import STATE_DISABLED, STATE_READY, Task, TaskScheduler
from .task_xml import TaskError
from .wsman_faults import FaultKind, WsmanFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from .prompts import PromptAnswer
    from .quirks import Quirks

NAMESPACE = "root/Microsoft/Windows/TaskScheduler"


def _hresult(code: int, text: str, cim_status: int = 1) -> FaultKind:
    return FaultKind(code, "w:InternalError", text, "wmi_error", False, "", cim_status)


_NOT_FOUND_TEXT = "The system cannot find the file specified. "
_NOT_FOUND = _hresult(0x80070002, _NOT_FOUND_TEXT, 6)  # MS-TSCH 3.2.5.4.12
_SERVICE_DOWN = _hresult(0x80041315, "The Task Scheduler service is not running. ")  # MS-TSCH 2.3.14
_REFUSED = _hresult(0x80070005, "Access is denied. ", 2)
_DELETE_ABSENT: dict[str, FaultKind | str] = {
    "instance_not_found": "instance_not_found",
    "status_1": _hresult(0x80070002, _NOT_FOUND_TEXT, 1),
    "status_6": _NOT_FOUND,
    "element_not_found": _hresult(0x80070490, "Element not found. ", 6),
}

_ACTION = CimClass(
    NAMESPACE,
    "MSFT_TaskExecAction",
    (Property("Id"), Property("Arguments"), Property("Execute"), Property("WorkingDirectory")),
)
_PRINCIPAL = CimClass(
    NAMESPACE,
    "MSFT_TaskPrincipal2",
    (Property("DisplayName"), Property("GroupId"), Property("Id"), Property("UserId")),
)
_SETTINGS = CimClass(
    NAMESPACE,
    "MSFT_TaskSettings3",
    (
        Property("DeleteExpiredTaskAfter"),
        Property("Enabled", "boolean"),
        Property("Hidden", "boolean"),
        Property("StartWhenAvailable", "boolean"),
    ),
)
_TRIGGER = CimClass(
    NAMESPACE,
    "MSFT_TaskTimeTrigger",
    (Property("Enabled", "boolean"), Property("EndBoundary"), Property("StartBoundary")),
)
_TRIGGERS = {
    "TimeTrigger": _TRIGGER,
    "BootTrigger": CimClass(
        NAMESPACE,
        "MSFT_TaskBootTrigger",
        (Property("Delay"), Property("Enabled", "boolean"), Property("EndBoundary"), Property("StartBoundary")),
    ),
}
TASK_CLASS = CimClass(
    NAMESPACE,
    "MSFT_ScheduledTask",
    (
        Property("Actions", "instance", array=True),
        Property("Author"),
        Property("Date"),
        Property("Description"),
        Property("Documentation"),
        Property("Principal", "instance"),
        Property("SecurityDescriptor"),
        Property("Settings", "instance"),
        Property("Source"),
        Property("State", "uint8"),
        Property("TaskName", key=True),
        Property("TaskPath", key=True),
        Property("Triggers", "instance", array=True),
        Property("URI"),
        Property("Version"),
    ),
)
INFO_CLASS = CimClass(
    NAMESPACE,
    "MSFT_TaskDynamicInfo",
    (
        Property("LastRunTime", "datetime"),
        Property("LastTaskResult", "uint32"),
        Property("NextRunTime", "datetime"),
        Property("NumberOfMissedRuns", "uint32"),
        Property("TaskName"),
        Property("TaskPath"),
    ),
)

_BY_NAME = (Property("TaskName"), Property("TaskPath"))
_BY_PATH = (Property("TaskPath"), Property("TaskName"))
_TASK_OUTPUT = (Property("cmdletOutput", "instance"),)
PS_CLASS = CimClass(
    NAMESPACE,
    "PS_ScheduledTask",
    (),
    (
        Method(
            "RegisterByXml",
            (
                Property("Force", "boolean"),
                Property("Xml"),
                Property("Password"),
                Property("User"),
                Property("TaskPath"),
                Property("TaskName"),
            ),
            _TASK_OUTPUT,
        ),
        Method("ExportByName", _BY_NAME, (Property("cmdletOutput"),)),
        Method("GetInfoByName", _BY_NAME, _TASK_OUTPUT),
        Method("EnableByName", _BY_NAME, _TASK_OUTPUT),
        Method("DisableByName", _BY_NAME, _TASK_OUTPUT),
        Method("StartByPath", _BY_PATH),
        Method("StopByPath", _BY_PATH),
    ),
)


def _folder(path: str | None) -> str:
    """A task folder as Windows shows it: backslashes on both ends."""
    inner = (path or "").strip("\\")
    return f"\\{inner}\\" if inner else "\\"


def task_instance(task: Task) -> Instance:
    definition = task.definition
    values = {
        "Actions": [
            Instance(_ACTION, {"Execute": command, "Arguments": arguments or None})
            for command, arguments in definition.actions
        ],
        "Author": definition.author or None,
        "Description": definition.description or None,
        "Principal": Instance(_PRINCIPAL, {"Id": "Author", "UserId": definition.user}),
        "Settings": Instance(
            _SETTINGS,
            {
                "Enabled": task.enabled,
                "Hidden": definition.hidden,
                "StartWhenAvailable": definition.start_when_available,
            },
        ),
        "State": STATE_READY if task.enabled else STATE_DISABLED,
        "TaskName": task.name,
        "TaskPath": task.path,
        "Triggers": [
            Instance(
                _TRIGGERS.get(item.kind, _TRIGGER),
                {
                    "Enabled": item.enabled,
                    "StartBoundary": item.start.strftime("%Y-%m-%dT%H:%M:%SZ") if item.start else None,
                },
            )
            for item in definition.triggers
        ],
        "URI": task.full_path,
    }
    return Instance(TASK_CLASS, values)


class _SchedulerProvider(Provider):
    """What both classes share: nothing works while the service Schedule is down."""

    def __init__(self, scheduler: TaskScheduler, quirks: Quirks, is_running: Callable[[], bool]) -> None:
        self._service = scheduler
        self._quirks = quirks
        self._is_running = is_running

    @property
    def _scheduler(self) -> TaskScheduler:
        if not self._is_running():
            raise WsmanFault(_SERVICE_DOWN)
        return self._service


class ScheduledTaskProvider(_SchedulerProvider):
    """MSFT_ScheduledTask: enumerate, Get and Delete."""

    cim_class = TASK_CLASS

    def instances(self) -> list[Instance]:
        tasks = self._scheduler.tasks
        if self._quirks.task_enumeration_fails:
            raise WsmanFault(_NOT_FOUND)
        return [task_instance(task) for _key, task in sorted(tasks.items())]

    @staticmethod
    def _full_path(keys: Mapping[str, str]) -> str:
        lowered = {name.lower(): value for name, value in keys.items()}
        if set(lowered) != {"taskname", "taskpath"}:
            raise WsmanFault("unexpected_selectors")
        return _folder(lowered["taskpath"]) + lowered["taskname"]

    def get(self, keys: Mapping[str, str]) -> Instance:
        task = self._scheduler.find(self._full_path(keys))
        if task is None:
            raise WsmanFault("instance_not_found")
        return task_instance(task)

    def delete(self, keys: Mapping[str, str]) -> None:
        path = self._full_path(keys)
        absent = WsmanFault(_DELETE_ABSENT[self._quirks.delete_absent_task])
        if self._quirks.delete_task_lies:
            raise absent
        if not self._scheduler.delete(path):
            raise absent


class PsScheduledTaskProvider(_SchedulerProvider):
    """PS_ScheduledTask: the static methods behind the cmdlets."""

    cim_class = PS_CLASS

    def invoke(self, method: Method, arguments: Mapping[str, Any], _prompt: PromptAnswer) -> dict[str, Any]:
        output = self._register(arguments) if method.name == "RegisterByXml" else self._by_name(method.name, arguments)
        if output is None or self._quirks.cmdlet_output_missing:
            return {"ReturnValue": 0}
        return {"cmdletOutput": output, "ReturnValue": 0}

    def _register(self, arguments: Mapping[str, Any]) -> Instance:
        name, path = arguments.get("TaskName"), arguments.get("TaskPath")
        if not arguments.get("Xml") or not name:
            raise WsmanFault("invalid_parameter", detail="Xml, TaskName")
        scheduler = self._scheduler
        if self._quirks.registration_refused:
            raise WsmanFault(_REFUSED)
        try:
            task = scheduler.register(arguments["Xml"], _folder(path), name, bool(arguments.get("Force")))
        except TaskError as error:
            raise WsmanFault(_hresult(error.code, str(error))) from error
        return task_instance(task)

    def _shown(self, moment: datetime | None) -> datetime | None:
        """NextRunTime as this host tells it."""
        if moment is None or self._quirks.next_run_time == "none":
            return None
        local = moment.astimezone(self._service.zone)
        return local.replace(tzinfo=None) if self._quirks.next_run_time == "local" else moment

    def _by_name(self, method: str, arguments: Mapping[str, Any]) -> Instance | str | None:
        task = self._scheduler.find(_folder(arguments.get("TaskPath")) + str(arguments.get("TaskName")))
        if task is None:
            raise WsmanFault(_NOT_FOUND)
        if method == "ExportByName":
            return task.xml
        if method == "GetInfoByName":
            return Instance(
                INFO_CLASS,
                {
                    "LastRunTime": task.last_run,
                    "LastTaskResult": task.last_result,
                    "NextRunTime": self._shown(task.next_run()),
                    "NumberOfMissedRuns": task.missed_runs,
                    "TaskName": task.name,
                    "TaskPath": task.path,
                },
            )
        if method == "StartByPath":
            self._service.start(task)
        if method in ("EnableByName", "DisableByName"):
            task.enabled = method == "EnableByName"
            return task_instance(task)
        return None
