# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scheduled task that ends a change on the host itself, when the controller may never come back. Pure.

It runs two programs that every Windows from 1607 on has, Server Core included: `reg.exe`, which puts the values back
bit for bit, and Windows PowerShell with its SmbShare module, which makes the running service follow at once. Where
PowerShell is locked down, the values are right all the same, and in force when the service or the host restarts.
Every word of the command line comes from a table, or is a number, a time or a validated name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from xml.sax.saxutils import escape

from ..errors import RequestError
from ..tables.settings import Layer, Side
from ..windows.registry import RegistryType, RegistryValue
from ..windows.scheduled_task import FOLDER
from .journal import CHANGES, Entry, Status, checked_change_id, stamp
from .snapshot import Held

_CMDLETS = {Side.CLIENT: "Set-SmbClientConfiguration", Side.SERVER: "Set-SmbServerConfiguration"}
_LONGEST_COMMAND = 8000  # cmd.exe takes 8191, with its own name and switches
_HARMLESS = re.compile(r"[A-Za-z0-9 ._:-]*")

_XML = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>winops.smb_guest</Author>
    <Description>Ends the SMB change {change_id}: restores what it found, then removes itself.</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <StartBoundary>{start}</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
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
    <ExecutionTimeLimit>PT10M</ExecutionTimeLimit>
    <Enabled>true</Enabled>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>%SystemRoot%\\System32\\cmd.exe</Command>
      <Arguments>/d /s /c {script}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def expiry_task(entry: Entry, expires_at: datetime) -> str:
    """The task's XML. Raises RequestError for a value that no command line can carry safely."""
    checked_change_id(entry.change_id)
    # One cmd line: each command runs whatever became of the one before it.
    script = '"' + " & ".join(_commands(entry)) + '"'
    if len(script) > _LONGEST_COMMAND:
        raise RequestError(
            f"An expiry for {len(entry.before.held)} values takes a command of {len(script)} characters, more than "
            f"the {_LONGEST_COMMAND} that cmd.exe takes. Make fewer changes in one task. Nothing was written."
        )
    return _XML.format(change_id=entry.change_id, start=stamp(expires_at), script=escape(script))


def _commands(entry: Entry) -> Iterator[str]:
    for item in entry.before.held:
        if item.layer is Layer.LOCAL and item.running is not None:
            yield _powershell(
                f"{_CMDLETS[item.setting.side]} -{item.setting.cim_property} ${str(item.running).lower()} "
                "-Force -Confirm:$false"
            )
        yield _reg(item)
    for key in entry.before.missing_keys:
        # Only if nobody else put anything into it meanwhile.
        yield _powershell(
            f"$k = Get-Item 'HKLM:\\{key}'; if ($k.ValueCount + $k.SubKeyCount -eq 0) {{ Remove-Item 'HKLM:\\{key}' }}"
        )
    change = f"HKLM\\{CHANGES}\\{entry.change_id}"
    yield _add(change, "Note", "REG_SZ", "expired: restored by the host itself")
    yield _add(change, "Status", "REG_SZ", Status.REVERTED.value)
    yield f"%SystemRoot%\\System32\\schtasks.exe /delete /tn {FOLDER}{entry.change_id} /f"


def _powershell(command: str) -> str:
    return (
        "%SystemRoot%\\System32\\WindowsPowerShell\\v1.0\\powershell.exe -NoProfile -NonInteractive "
        f'-Command "{command}"'
    )


def _reg(item: Held) -> str:
    if item.value is None:
        return f'%SystemRoot%\\System32\\reg.exe delete "HKLM\\{item.key}" /v {item.name} /f'
    return _add(f"HKLM\\{item.key}", item.name, item.value.kind.name, _data(item, item.value))


def _add(key: str, name: str, kind: str, data: str) -> str:
    return f'%SystemRoot%\\System32\\reg.exe add "{key}" /v {name} /t {kind} /d "{data}" /f'


def _data(item: Held, value: RegistryValue) -> str:
    if isinstance(value.data, bytes):
        return value.data.hex()
    lines = value.data if isinstance(value.data, tuple) else (str(value.data),)
    # reg.exe drops the empty strings of a list.
    if not all(_HARMLESS.fullmatch(line) and (line or value.kind is not RegistryType.REG_MULTI_SZ) for line in lines):
        raise RequestError(
            f"{item.location} holds {value}, which an expiry could not restore safely. Clean the value up "
            "first, or change it without expires_in. Nothing was written."
        )
    return "\\0".join(lines)
