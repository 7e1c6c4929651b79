# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scheduled tasks of a host through PS_ScheduledTask and MSFT_ScheduledTask: register, look, delete.

Source: the classes' definitions in Windows Server 2019 and 23H2. There is no Unregister method; deleting the instance
is what the cmdlet is expected to do. RegisterByXml's out-parameter may be streamed, so its result is read back.
"""

from __future__ import annotations

from ..errors import HostError, HostFault
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimType, CimValue, Field, Method
from ..wsman.operations import Delete, Enumerate, Invoke, wql_string

NAMESPACE = "root/Microsoft/Windows/TaskScheduler"
FOLDER = "\\winops\\smb_guest\\"

_STRING = Field(CimType.STRING)

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
                "TaskName": _STRING,
                "TaskPath": _STRING,
            }
        )
    },
)
SCHEDULED_TASK = CimClass(NAMESPACE, "MSFT_ScheduledTask", {"TaskName": _STRING, "TaskPath": _STRING})


def register_task(session: Session, name: str, xml: str) -> None:
    """Register a task of ours, over one of the same name. Two requests."""
    arguments: dict[str, CimValue] = {"Force": True, "Xml": xml, "TaskName": name, "TaskPath": FOLDER}
    result = session.call(Invoke(PS_SCHEDULED_TASK, "RegisterByXml", arguments))
    if result.return_value not in (0, None):
        raise HostError(f"Registering the scheduled task {FOLDER}{name} returned {result.return_value}.")
    if not task_exists(session, name):
        raise HostError(f"The host took the scheduled task {FOLDER}{name}, but does not list it.")


def task_exists(session: Session, name: str) -> bool:
    """Whether a task of ours is there. One request or more, by pages."""
    query = f"SELECT TaskName,TaskPath FROM MSFT_ScheduledTask WHERE TaskName={wql_string(name)}"
    found = session.query(Enumerate(SCHEDULED_TASK, query))
    return any(str(task.get("TaskPath")).lower() == FOLDER for task in found)


def delete_task(session: Session, name: str) -> None:
    """Delete a task of ours; one that is absent already is fine."""
    try:
        session.call(Delete(SCHEDULED_TASK, {"TaskName": name, "TaskPath": FOLDER}))
    except HostFault as error:
        if error.kind != "not_found":
            raise
