# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scheduled task by which a host reverts a change at its time, without the control node. Pure.

It is what `Stack.ends_of` says, as command lines: all `reg.exe` commands first, which restore the values bit for bit;
then one Windows PowerShell with its SmbShare module, which makes the running services follow; then `reg.exe` again for
the local values, which that has written over; then the journal, and the task removes itself. A command that failed
leaves the mark `failed`, and the task stays to try again when the host starts.

Expiries run in any order, and two at once. So a task first writes its mark `ending`, then looks at the others: of two
that lie over each other, at least one sees the other, and what both leave is the same as one after the other.

Every word of a command comes from a table, or is a number, a time or a validated name. cmd.exe is used as in its
documentation since Windows 2000: `if errorlevel 1`, parentheses, a pipe to findstr. What the sources leave open decides
nothing:

- `$` is an escape character in the arguments of an action (MS-TSCH 2.5.9.1), but tasks in the wild hold single ones. So
  no command holds one: PowerShell works without variables here.
- ConstrainedLanguage refuses methods of .NET objects. PowerShell runs cmdlets here and reads properties.
- StartWhenAvailable may count only for triggers that end (MS-TSCH 2.5.4.7). So the trigger ends, years later. A missed
  start must not wait for the next boot: a host that was asleep does not boot.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from ..core.errors import RequestError
from ..core.registry_value import RegistryType, RegistryValue
from ..core.user_names import option
from ..tables.settings import KEYS, Layer, Side
from ..windows.scheduled_task import FOLDER
from .cell import Cell
from .journal_format import checked_change_id
from .marks import CHANGES, mark_name
from .stack import CellEnd, Choice, Entry, Stack, stamp

_LONGEST_COMMAND = 8000  # cmd.exe takes 8191, with its own name and switches
_MOST_ACTIONS = 32
"""Of a task (MS-TSCH 2.5.7, actionsType)."""
_ENDS_AFTER = timedelta(days=3653)
_HARMLESS = re.compile(r"[A-Za-z0-9 ._:-]*")
_QUIET = ">nul 2>nul"
# By their full paths: nothing else of the same name can come first.
_SYSTEM32 = r"%SystemRoot%\System32"
_REG = rf"{_SYSTEM32}\reg.exe"
_FINDSTR = rf"{_SYSTEM32}\findstr.exe"
_SCHTASKS = rf"{_SYSTEM32}\schtasks.exe"
_WINDOWS_POWERSHELL = rf"{_SYSTEM32}\WindowsPowerShell\v1.0\powershell.exe"
_UNKNOWN = 2

_XML = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>winops.smb_guest</Author>
    <Description>Reverts the SMB change {change_id}: restores what lies below it, then removes itself.</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <StartBoundary>{start}</StartBoundary>
      <EndBoundary>{end}</EndBoundary>
    </TimeTrigger>
    <BootTrigger>
      <StartBoundary>{start}</StartBoundary>
    </BootTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>S-1-5-18</UserId>
      <RunLevel>HighestAvailable</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT1H</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
{actions}
  </Actions>
</Task>
"""
_EXEC = """    <Exec>
      <Command>%SystemRoot%\\System32\\cmd.exe</Command>
      <Arguments>/d /s /c {script}</Arguments>
    </Exec>"""

_CMDLETS: Mapping[Side, str] = {Side.CLIENT: "Set-SmbClientConfiguration", Side.SERVER: "Set-SmbServerConfiguration"}


def task_fingerprint(xml: str) -> str:
    """A fingerprint of a task, to tell whether the one on the host is still right."""
    return hashlib.sha256(xml.encode()).hexdigest()[:16]


def expiry_task(stack: Stack, entry: Entry) -> str:
    """The task's XML for a change of the stack.

    Raises RequestError for what no command line can carry safely, and for more than a task can hold.
    """
    if entry.expires_at is None:
        raise AssertionError("only a change with an end has a task")
    return render(entry.change_id, entry.expires_at, stack.ends_of(entry), entry.made_keys)


def render(change_id: str, expires_at: datetime, ends: Sequence[CellEnd], made_keys: Sequence[str]) -> str:
    """The task's XML; raises what `expiry_task` raises."""
    checked_change_id(change_id)
    lines = list(_packed(_Script(change_id), ends, made_keys))
    if len(lines) > _MOST_ACTIONS:
        raise RequestError(
            f"The expiry of {change_id} takes {len(lines)} actions, and a scheduled task holds at most "
            f"{_MOST_ACTIONS}: too many changes that expire lie over each other. Revert some of them."
        )
    return _XML.format(
        change_id=change_id,
        start=stamp(expires_at),
        end=stamp(expires_at + _ENDS_AFTER),
        actions="\n".join(_EXEC.format(script=escape(line)) for line in lines),
    )


def _packed(script: _Script, ends: Sequence[CellEnd], made_keys: Sequence[str]) -> Iterator[str]:
    """Command lines of a length that cmd.exe takes, to be run one after the other."""
    line: list[str] = []
    for step in script.steps(ends, made_keys):
        if line and len(script.line([*line, step])) > _LONGEST_COMMAND:
            yield script.line(line)
            line = []
        line.append(step)
        if len(script.line(line)) > _LONGEST_COMMAND:
            raise RequestError(
                f"An expiry of this change takes a command of {len(script.line(line))} characters, more than the "
                f"{_LONGEST_COMMAND} that cmd.exe takes: too many changes that expire lie over each other. Revert some "
                "of them."
            )
    yield script.line(line)


class _Script:
    """The commands of one task."""

    def __init__(self, change_id: str) -> None:
        self._id = change_id
        self._failed = f"{_REG} add {self._mark('failed')} /f{_QUIET}"

    def line(self, steps: Sequence[str]) -> str:
        """One command line. Once the journal says `reverted` it does nothing any more but removing the task."""
        done = f"{_REG} query {self._mark('reverted')}{_QUIET}"
        body = " & ".join(steps)
        return f'"{done} & if errorlevel 1 ({body}) else ({self._remove_task})"'

    def steps(self, ends: Sequence[CellEnd], made_keys: Sequence[str]) -> Iterator[str]:
        yield f"({_REG} add {self._mark('ending')} /f{_QUIET} & {_REG} delete {self._mark('failed')} /f{_QUIET})"
        for end in ends:
            yield self._first_pass(end)
        command = "; ".join(self._powershell([end for end in ends if end.cell.is_local], made_keys))
        if command:
            yield self._checked(f'{_WINDOWS_POWERSHELL} -NoProfile -NonInteractive -Command "{command}"')
        for end in ends:
            if end.cell.is_local:
                yield self._second_pass(end)
        done = f"({_REG} add {self._mark('reverted')} /f{_QUIET} & {_REG} delete {self._mark('ending')} /f{_QUIET} & "
        yield f"({_REG} query {self._mark('failed')}{_QUIET} & if errorlevel 1 {done}{self._remove_task}))"

    def _powershell(self, ends: Sequence[CellEnd], made_keys: Sequence[str]) -> Iterator[str]:
        """Statements that make the services follow what was restored, and remove policy keys that are empty.

        Every error ends it with exit code 1, but for a setting that is refused below a policy: there the policy
        decides what runs. An error that was silenced on the way must not decide the code at the end.
        """
        if not (ends or made_keys):
            return
        begun = f"(Get-ItemProperty 'HKLM:\\{CHANGES}\\{mark_name(self._id, 'ending')}' -ErrorAction Stop)"
        for end in ends:
            cell, name = end.cell, end.cell.setting.cim_property
            policies = _key(KEYS[cell.setting.side][Layer.POLICY])
            for value in sorted({choice.held.to_run for choice in end.choices if choice.held.to_run is not None}):
                command = f"{_CMDLETS[cell.setting.side]} -{name} ({int(value)} -eq 1) -Force -Confirm:(0 -eq 1)"
                yield (
                    f"if ({begun}.{_note(cell)} -eq {int(value)}) {{ try {{ {command} -ErrorAction Stop }} "
                    f"catch {{ if (-not {policies}.ValueCount) {{ throw }} }} }}"
                )
        for key in made_keys:
            yield (
                f"if ({_key(key)}.ValueCount -eq 0 -and {_key(key)}.SubKeyCount -eq 0) "
                f"{{ Remove-Item 'HKLM:\\{key}' -ErrorAction Stop }}"
            )
        yield "exit 0"

    def _first_pass(self, end: CellEnd) -> str:
        """Restore a cell if it still holds what the change left, or if an attempt before this one got so far."""
        begin = f"{_REG} add {self._mark('ending')} /v {_note(end.cell)} /t REG_DWORD /d {_UNKNOWN} /f{_QUIET}"
        begun = f"{_REG} query {self._mark('ending')} /v {_note(end.cell)}{_QUIET}"
        left = f"{_REG} add {self._mark('left', end.cell)} /f{_QUIET}"
        choose = self._choose(end.cell, end.choices, note=True)
        steps = f"({self._if_still(end)} {begin}) & ({begun} & if errorlevel 1 ({left}) else ({choose}))"
        for cover in reversed(end.covers):
            # What the end of a cover has left alone is somebody else's, whatever it is.
            left_alone = f"{_REG} query {_mark(cover, 'left', end.cell)}{_QUIET}"
            steps = f"({left_alone} & if errorlevel 1 ({steps}) else ({left}))"
            steps = f"({_ended(cover)} & if not errorlevel 1 ({steps}))"
        return steps

    @staticmethod
    def _if_still(end: CellEnd) -> str:
        """A condition: the cell holds what the change left."""
        query, stored = f'{_REG} query "HKLM\\{end.cell.key}" /v {end.cell.name}', end.leaves.stored
        if stored is None:
            return f"{query}{_QUIET} & if errorlevel 1"
        if stored.kind is not RegistryType.REG_DWORD or not isinstance(stored.data, int):
            raise RequestError(f"{end.cell.location} holds {stored}, which an expiry could not tell from other values.")
        return f'{query} 2>nul|{_FINDSTR} /e /c:"REG_DWORD    0x{stored.data:x}">nul & if not errorlevel 1'

    def _second_pass(self, end: CellEnd) -> str:
        begun = f"{_REG} query {self._mark('ending')} /v {_note(end.cell)}{_QUIET}"
        return f"({begun} & if not errorlevel 1 ({self._choose(end.cell, end.choices, note=False)}))"

    def _choose(self, cell: Cell, choices: Sequence[Choice], *, note: bool) -> str:
        first, *rest = choices
        write = self._write(cell, first, note=note)
        if first.while_stands is None or not rest:
            return write
        return f"{_ended(first.while_stands)} & if errorlevel 1 ({write}) else ({self._choose(cell, rest, note=note)})"

    def _write(self, cell: Cell, choice: Choice, *, note: bool) -> str:
        to_run = choice.held.to_run if cell.is_local else None
        running = _UNKNOWN if to_run is None else int(to_run)
        noted = f"{_REG} add {self._mark('ending')} /v {_note(cell)} /t REG_DWORD /d {running} /f{_QUIET} & "
        where = f'"HKLM\\{cell.key}" /v {cell.name}'
        stored = choice.held.stored
        if stored is None:
            write = f"{_REG} query {where}{_QUIET} & if not errorlevel 1 {self._checked(f'{_REG} delete {where} /f')}"
        else:
            write = self._checked(f'{_REG} add {where} /t {_type(stored)} /d "{_data(cell, stored)}" /f')
        return (noted if note else "") + write

    def _checked(self, command: str) -> str:
        return f"({command}{_QUIET} & if errorlevel 1 {self._failed})"

    def _mark(self, word: str, cell: Cell | None = None) -> str:
        return _mark(self._id, word, cell)

    @property
    def _remove_task(self) -> str:
        return f"{_SCHTASKS} /delete /tn {FOLDER}{self._id} /f{_QUIET}"


def _mark(change_id: str, word: str, cell: Cell | None = None) -> str:
    return f'"HKLM\\{CHANGES}\\{mark_name(change_id, word, cell)}"'


def _ended(change_id: str) -> str:
    """Error level 0 if another change has ended, or is at it."""
    ending = f"{_REG} query {_mark(change_id, 'ending')}{_QUIET}"
    return f"({_REG} query {_mark(change_id, 'reverted')}{_QUIET} & if errorlevel 1 {ending})"


def _key(path: str) -> str:
    """A registry key for PowerShell; null, whose properties are null, where it is absent."""
    return f"(Get-Item 'HKLM:\\{path}' -ErrorAction SilentlyContinue)"


def _note(cell: Cell) -> str:
    """The value of the mark `ending` that says that a cell was begun; for the local scope PowerShell reads it."""
    side = cell.setting.side.name.title()
    return f"{side}{cell.setting.cim_property}" if cell.is_local else f"Policy{side}{cell.name}"


def _type(value: RegistryValue) -> str:
    if not isinstance(value.kind, RegistryType):
        raise RequestError(f"A registry value of {value} cannot be restored.")
    return value.kind.name


def _data(cell: Cell, value: RegistryValue) -> str:
    if isinstance(value.data, bytes):
        return value.data.hex()
    lines = value.data if isinstance(value.data, tuple) else (str(value.data),)
    # reg.exe drops the empty strings of a list.
    if not all(_HARMLESS.fullmatch(line) and (line or value.kind is not RegistryType.REG_MULTI_SZ) for line in lines):
        raise RequestError(
            f"{cell.location} holds {value}, which an expiry could not restore safely. Clean the value up "
            f"first, or change it without {option('expires_in')}."
        )
    return "\\0".join(lines)
