"""The scheduled task classes of root/Microsoft/Windows/TaskScheduler over one host's TaskScheduler.

Signatures from the public dumps of Server 2019 and 23H2. There is no Unregister method: a task is removed by a
Delete of its MSFT_ScheduledTask instance with the selectors TaskName and TaskPath, as the cmdlet's query-then-delete
pattern suggests (not captured).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cim import CimClass, Instance, Method, Property, Provider
from .scheduled_tasks import STATE_DISABLED, STATE_READY, Task, TaskError, TaskScheduler
from .wsman_faults import FaultKind, WsmanFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .quirks import Quirks

NAMESPACE = "root/Microsoft/Windows/TaskScheduler"

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
                Property("TaskName"),
                Property("TaskPath"),
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
    values = {
        "Actions": [
            Instance(_ACTION, {"Execute": command, "Arguments": arguments or None})
            for command, arguments in task.actions
        ],
        "Author": task.author or None,
        "Description": task.description or None,
        "Principal": Instance(_PRINCIPAL, {"Id": "Author", "UserId": task.user}),
        "Settings": Instance(
            _SETTINGS,
            {"Enabled": task.enabled, "Hidden": task.hidden, "StartWhenAvailable": task.start_when_available},
        ),
        "State": STATE_READY if task.enabled else STATE_DISABLED,
        "TaskName": task.name,
        "TaskPath": task.path,
        "Triggers": [
            Instance(_TRIGGER, {"Enabled": item.enabled, "StartBoundary": item.start.strftime("%Y-%m-%dT%H:%M:%SZ")})
            for item in task.triggers
        ],
        "URI": task.full_path,
    }
    return Instance(TASK_CLASS, values)


class ScheduledTaskProvider(Provider):
    """MSFT_ScheduledTask: enumerate, Get and Delete."""

    cim_class = TASK_CLASS

    def __init__(self, scheduler: TaskScheduler) -> None:
        self._scheduler = scheduler

    def instances(self) -> list[Instance]:
        return [task_instance(task) for _key, task in sorted(self._scheduler.tasks.items())]

    def delete(self, keys: Mapping[str, str]) -> None:
        lowered = {name.lower(): value for name, value in keys.items()}
        if set(lowered) != {"taskname", "taskpath"}:
            raise WsmanFault("unexpected_selectors")
        if not self._scheduler.delete(_folder(lowered["taskpath"]) + lowered["taskname"]):
            raise WsmanFault("instance_not_found")


class PsScheduledTaskProvider(Provider):
    """PS_ScheduledTask: the static methods behind the cmdlets."""

    cim_class = PS_CLASS

    def __init__(self, scheduler: TaskScheduler, quirks: Quirks) -> None:
        self._scheduler = scheduler
        self._quirks = quirks

    def invoke(self, method: Method, arguments: Mapping[str, Any]) -> dict[str, Any]:
        output = self._register(arguments) if method.name == "RegisterByXml" else self._by_name(method.name, arguments)
        if output is None or self._quirks.cmdlet_output_missing:
            return {"ReturnValue": 0}
        return {"cmdletOutput": output, "ReturnValue": 0}

    def _register(self, arguments: Mapping[str, Any]) -> Instance:
        name, path = arguments.get("TaskName"), arguments.get("TaskPath")
        if not arguments.get("Xml") or not name:
            raise WsmanFault("invalid_parameter", detail="Xml, TaskName")
        try:
            task = self._scheduler.register(arguments["Xml"], _folder(path), name, bool(arguments.get("Force")))
        except TaskError as error:
            kind = FaultKind(error.code, "w:InternalError", str(error), "wmi_error", False)
            raise WsmanFault(kind) from error
        return task_instance(task)

    def _by_name(self, method: str, arguments: Mapping[str, Any]) -> Instance | str | None:
        task = self._scheduler.find(_folder(arguments.get("TaskPath")) + str(arguments.get("TaskName")))
        if task is None:
            kind = FaultKind(
                0x80070002, "w:InternalError", "The system cannot find the file specified. ", "wmi_error", False, "", 6
            )
            raise WsmanFault(kind)
        if method == "ExportByName":
            return task.xml
        if method == "GetInfoByName":
            return Instance(
                INFO_CLASS,
                {
                    "LastRunTime": task.last_run,
                    "LastTaskResult": task.last_result,
                    "NextRunTime": task.next_run(),
                    "NumberOfMissedRuns": task.missed_runs,
                    "TaskName": task.name,
                    "TaskPath": task.path,
                },
            )
        if method == "StartByPath":
            self._scheduler.start(task)
        if method in ("EnableByName", "DisableByName"):
            task.enabled = method == "EnableByName"
            return task_instance(task)
        return None
