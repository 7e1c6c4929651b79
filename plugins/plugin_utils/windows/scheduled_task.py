# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scheduled tasks of a host through PS_ScheduledTask and MSFT_ScheduledTask: register, look, delete.

Sources: the classes' definitions in Windows Server 2019 and 23H2, a live schema, and a capture of
Unregister-ScheduledTask, which deletes the instance: there is no Unregister method. RegisterByXml's out-parameter may
be streamed, so its result is read back. Listing MSFT_ScheduledTask fails on hosts with one corrupt task (public
reports), so a task is asked for by its name first. How an absent task is answered is not documented as one thing: any
fault of the question by name leads to the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from ..core.errors import AccessDenied, HostError, HostFault
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimInstance, CimType, CimValue, Field, Method
from ..wsman.fault_codes import ACCESS_DENIED, number_in_words
from ..wsman.operations import Delete, Enumerate, Invoke, wql_string

NAMESPACE = "root/Microsoft/Windows/TaskScheduler"
FOLDER = "\\winops\\smb_guest\\"

_STRING = Field(CimType.STRING)
_NAMED: Mapping[str, Field] = {"TaskName": _STRING, "TaskPath": _STRING}
_INFO = CimClass(NAMESPACE, "MSFT_TaskDynamicInfo", {**_NAMED, "NextRunTime": Field(CimType.DATETIME)})

PS_SCHEDULED_TASK = CimClass(
    NAMESPACE,
    "PS_ScheduledTask",
    {},
    {
        "RegisterByXml": Method(
            {
                "Force": Field(CimType.BOOLEAN),
                "Xml": _STRING,
                "Password": _STRING,
                "User": _STRING,
                "TaskPath": _STRING,
                "TaskName": _STRING,
            }
        ),
        "GetInfoByName": Method(_NAMED, {"cmdletOutput": Field(_INFO)}),
    },
)
SCHEDULED_TASK = CimClass(NAMESPACE, "MSFT_ScheduledTask", _NAMED)


class SchedulerFailed(HostError):
    """The Task Scheduler of the host did not do what it was asked, or did not confirm it."""


class TaskRefused(SchedulerFailed):
    """The Task Scheduler answered that it did not take a task: one of the same name is as it was."""


def register_task(session: Session, name: str, xml: str) -> None:
    """Register a task of ours, over one of the same name, and see that it is there. Raises HostError."""
    arguments: dict[str, CimValue] = {"Force": True, "Xml": xml, "TaskPath": FOLDER, "TaskName": name}
    try:
        result = session.call(Invoke(PS_SCHEDULED_TASK, "RegisterByXml", arguments))
    except HostFault as error:
        raise SchedulerFailed(f"The host refused the scheduled task {FOLDER}{name}. {error}") from error
    if result.return_value not in (0, None):
        code = int(result.return_value) & 0xFFFFFFFF
        if code in ACCESS_DENIED:
            raise AccessDenied(f"registering the scheduled task {FOLDER}{name}", writing=True)
        raise TaskRefused(
            f"The host refused the scheduled task {FOLDER}{name}: RegisterByXml returned {number_in_words(code)}. "
            "Look whether its Task Scheduler service runs."
        )
    # None counts as there: a host that cannot list its tasks has taken this one.
    if task_exists(session, name) is False:
        raise SchedulerFailed(f"The host took the scheduled task {FOLDER}{name}, but does not have it.")


def task_exists(session: Session, name: str) -> bool | None:
    """Whether a task of ours is there; None where that is unknown. One request, more where that one fails."""
    arguments: dict[str, CimValue] = {"TaskName": name, "TaskPath": FOLDER}
    with suppress(HostFault):
        result = session.call(Invoke(PS_SCHEDULED_TASK, "GetInfoByName", arguments))
        if result.return_value in (0, None) and isinstance(result.outputs.get("cmdletOutput"), CimInstance):
            return True
    query = f"SELECT TaskName,TaskPath FROM MSFT_ScheduledTask WHERE TaskName={wql_string(name)}"
    try:
        found = session.query(Enumerate(SCHEDULED_TASK, query))
    except HostFault:
        return None
    return any(str(task.get("TaskPath")).lower() == FOLDER for task in found)


def delete_task(session: Session, name: str) -> str | None:
    """Delete a task of ours. None where it is gone, a warning where that is unknown.

    Only a task that is still there is an error: SchedulerFailed, after a second attempt.
    """
    reason = ""
    # A task that runs at this moment, or a lost answer, leaves it there once.
    for _attempt in range(2):
        try:
            session.call(Delete(SCHEDULED_TASK, {"TaskName": name, "TaskPath": FOLDER}))
        except (HostFault, AccessDenied) as error:
            reason = f" {error}"
        exists = task_exists(session, name)
        if exists is False:
            return None
        if exists is None:
            return (
                f"Whether the scheduled task {FOLDER}{name} is gone is not known. Delete it by hand if it is there."
                f"{reason}"
            )
    raise SchedulerFailed(f"The scheduled task {FOLDER}{name} is still there.{reason}")
