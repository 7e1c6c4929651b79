# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of the Task Scheduler that only registering shows, and an expiry from its registration to its end."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..change.cell import Cell, CellValue
from ..change.expiry import render
from ..change.marks import CHANGES
from ..change.stack import CellEnd, Choice, stamp
from ..core.errors import AccessDenied, HostFault, UnexpectedState
from ..core.registry_value import as_text, dword
from ..tables.settings import SETTINGS, Layer, Scope, Setting
from ..windows.computer import read_clock
from ..windows.scheduled_task import FOLDER, PS_SCHEDULED_TASK, SCHEDULED_TASK, delete_task, register_task, task_exists
from ..wsman.cim import CimInstance, CimValue
from ..wsman.operations import Delete, Enumerate, Invoke, wql_string
from .examination import Examination
from .smb_writes import PARAMETERS, candidates, keep_running, running, set_running

NAME = "verify_facts"
"""Of the task, and of the change that it ends."""

_SOON = timedelta(minutes=2)
_FAR = timedelta(days=1)
_LONGEST_WAIT = 15 * 60.0
_STEP = 10.0
_START = "<StartBoundary>"
_ENABLED = "<Enabled>true</Enabled>"


def keep_task(exam: Examination) -> None:
    """The task of this name is gone afterwards."""

    def remove() -> None:
        if not _is_gone(exam):
            warning = delete_task(exam.session, NAME)
            if warning and not _is_gone(exam):
                raise UnexpectedState(warning)

    exam.undo(f"the scheduled task {FOLDER}{NAME}", remove)


def _is_gone(exam: Examination) -> bool:
    """Where a host cannot list its tasks, the question by name alone decides."""
    exists = task_exists(exam.session, NAME)
    if exists is not None:
        return not exists
    try:
        exam.session.call(Invoke(PS_SCHEDULED_TASK, "GetInfoByName", _named()))
    except HostFault as error:
        return error.kind in ("not_found", "resource_not_found")
    return False


def scheduled_tasks(exam: Examination) -> None:
    at = (read_clock(exam.session) + _FAR).replace(microsecond=0)
    xml = render(NAME, at, (), ())
    keep_task(exam)
    with exam.asking("task_registered"):
        register_task(exam.session, NAME, xml)
        exam.saw("task_registered", "it was", True)
    # Without the task every fact below would be seen as otherwise, for one cause.
    if exam.rows[-1].as_expected is False:
        return
    with exam.asking("task_next_run"):
        _next_run(exam, at)
    with exam.asking("task_listed"):
        query = f"SELECT TaskName,TaskPath FROM MSFT_ScheduledTask WHERE TaskName={wql_string(NAME)}"
        found = exam.session.query(Enumerate(SCHEDULED_TASK, query))
        exam.saw("task_listed", f"{len(found)} of this name", len(found) == 1)
    for subject, old, new in (
        ("before StartBoundary", _START, _ENABLED + _START),
        ("after StartBoundary", "</StartBoundary>", "</StartBoundary>" + _ENABLED),
    ):
        with exam.asking("task_trigger_order", subject):
            register_task(exam.session, NAME, xml.replace(old, new))
            exam.saw("task_trigger_order", "it was taken", True, subject)
    with exam.asking("task_deleted"):
        exam.session.call(Delete(SCHEDULED_TASK, _named()))
        gone = _is_gone(exam)
        exam.saw("task_deleted", "it is gone" if gone else "it is still there", gone)
        if not gone:
            return
    _delete_absent(exam)


def _named() -> dict[str, CimValue]:
    return {"TaskName": NAME, "TaskPath": FOLDER}


def _next_run(exam: Examination, at: datetime) -> None:
    result = exam.session.call(Invoke(PS_SCHEDULED_TASK, "GetInfoByName", _named()))
    info = result.outputs.get("cmdletOutput")
    if not isinstance(info, CimInstance):
        exam.saw("task_next_run", "GetInfoByName answers without cmdletOutput", False)
        return
    next_run = info.get("NextRunTime")
    right = isinstance(next_run, datetime) and next_run.tzinfo is not None and next_run == at
    shown = next_run.isoformat() if isinstance(next_run, datetime) else "nothing"
    exam.saw("task_next_run", f"{shown}, asked for {stamp(at)}", right)


def _delete_absent(exam: Examination) -> None:
    try:
        exam.session.call(Delete(SCHEDULED_TASK, _named()))
    except HostFault as error:
        exam.saw("delete_absent_task", str(error), error.kind == "resource_not_found")
    except AccessDenied as error:
        exam.saw("delete_absent_task", str(error), False)
    else:
        exam.saw("delete_absent_task", "no fault", False)


# An expiry


def _setting(exam: Examination) -> tuple[Setting, bool] | None:
    """What the expiry is tried with: an audit, else client signing, which is required until the end."""
    audit = next((found for found in candidates(exam, Layer.LOCAL) if found[0].secure is None), None)
    if audit is not None:
        return audit
    signing = SETTINGS["client_signing"]
    runs = running(exam, signing.cim_property)
    return (signing, runs) if runs is False else None


def expiry(exam: Examination) -> None:
    found = _setting(exam)
    if found is None:
        exam.not_seen("expiry_ends", "every setting that could be tried safely is held by a policy, or closed")
        return
    setting, before = found
    cell = Cell(setting, Scope.LOCAL)
    with exam.asking("expiry_ends", setting.name):
        keep_task(exam)
        keep_running(exam, setting.cim_property, cell.name)
        _keep_marks(exam)
        stored = exam.registry.value(PARAMETERS, cell.name)
        at = (read_clock(exam.session) + _SOON).replace(microsecond=0)
        leaves = CellValue(dword(not before), not before)
        end = CellEnd(cell, leaves, (), (Choice(CellValue(stored, before)),))
        set_running(exam, {setting.cim_property: not before})
        register_task(exam.session, NAME, render(NAME, at, (end,), ()))
        took = _ended(exam)
        seen = {
            "the value": "as it was" if exam.registry.value(PARAMETERS, cell.name) == stored else "not as it was",
            "what runs": "as it was" if running(exam, setting.cim_property) is before else "not as it was",
            "the task": "gone" if _is_gone(exam) else "still there",
            "the journal": ", ".join(sorted(_marks(exam))) or "no mark",
        }
        right = list(seen.values()) == ["as it was", "as it was", "gone", "reverted"]
        words = ", ".join(f"{what} {how}" for what, how in seen.items())
        exam.saw("expiry_ends", f"{took}: {words} (before: {as_text(stored)})", right, setting.name)


def _marks(exam: Examination) -> set[str]:
    """Words of the marks that the task set in the journal."""
    prefix = f"{NAME}~"
    return {name[len(prefix) :] for name in exam.registry.subkeys(CHANGES) if name.startswith(prefix)}


def _keep_marks(exam: Examination) -> None:
    exam.keep_keys(CHANGES, "SOFTWARE")

    def remove() -> None:
        for word in _marks(exam):
            exam.registry.delete_key(f"{CHANGES}\\{NAME}~{word}")
        if left := _marks(exam):
            raise UnexpectedState(f"HKLM\\{CHANGES} still holds {NAME}~{', '.join(left)}.")

    exam.undo("the journal", remove)


def _ended(exam: Examination) -> str:
    """Wait until the task has signed itself off, or for as long as a missed start takes."""
    waited = 0.0
    while waited < _LONGEST_WAIT:
        exam.wait(_STEP)
        waited += _STEP
        try:
            if "reverted" in _marks(exam) and _is_gone(exam):
                return f"after {waited:.0f} s"
        except HostFault:
            continue
    return f"not within {_LONGEST_WAIT:.0f} s"
