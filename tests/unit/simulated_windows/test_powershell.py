"""The few PowerShell statements that a scheduled task may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from simulated_windows.host import SimulatedHost
from simulated_windows.host_spec import HostSpec
from simulated_windows.powershell import PowerShell
from simulated_windows.quirks import Quirks
from simulated_windows.registry import Registry

KEY = r"HKLM\SOFTWARE\winops\task"
QUOTED = KEY.replace("HKLM", "HKLM:", 1)
CLEAN_UP = f"$k = Get-Item '{QUOTED}'; if ($k.ValueCount + $k.SubKeyCount -eq 0) {{ Remove-Item '{QUOTED}' }}"
SET = "Set-SmbClientConfiguration -EnableInsecureGuestLogons $true -RequireSecuritySignature $false -Force"


class Shell:
    """A PowerShell on an empty registry that notes what it sets."""

    def __init__(self, elevated: bool = True) -> None:
        self.registry = Registry()
        self.calls: list[tuple[str, dict[str, bool]]] = []
        self._shell = PowerShell(self.registry, self._set, elevated)

    def _set(self, class_name: str, values: Mapping[str, bool]) -> bool:
        self.calls.append((class_name, dict(values)))
        return True

    def run(self, text: str) -> int:
        return self._shell.run(text)


def test_the_set_cmdlets() -> None:
    shell = Shell()
    assert shell.run(f"{SET}; set-smbserverconfiguration -EncryptData $FALSE -Force -Confirm:$false") == 0
    assert shell.calls == [
        ("MSFT_SmbClientConfiguration", {"EnableInsecureGuestLogons": True, "RequireSecuritySignature": False}),
        ("MSFT_SmbServerConfiguration", {"EncryptData": False}),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "Frobnicate", SET.removesuffix(" -Force"), f"{SET} -WhatIf", SET.replace("$true", "yes"), f"nonsense; {SET}"],
)
def test_what_fails(text: str) -> None:
    shell = Shell()
    assert shell.run(text) == 1
    assert shell.calls == []


def test_without_rights_nothing_is_set_or_removed() -> None:
    shell = Shell(elevated=False)
    shell.registry.create_key(KEY)
    assert (shell.run(SET), shell.run(CLEAN_UP)) == (1, 1)
    assert shell.calls == []
    assert shell.registry.key_exists(KEY)


@pytest.mark.parametrize(("content", "removed"), [(None, True), ("value", False), ("subkey", False)])
def test_a_key_is_removed_only_if_it_is_empty(content: str | None, removed: bool) -> None:
    shell = Shell()
    shell.registry.create_key(f"{KEY}\\sub" if content == "subkey" else KEY)
    if content == "value":
        shell.registry.set(KEY, "a", "REG_SZ", "")
    assert shell.run(CLEAN_UP) == 0
    assert shell.registry.key_exists(KEY) is not removed


def test_a_key_that_is_not_there() -> None:
    assert Shell().run(CLEAN_UP) == 1


@pytest.mark.parametrize(("refused", "guest"), [(False, 1), (True, None)])
def test_on_a_host_it_is_the_cim_method(refused: bool, guest: Any) -> None:
    """A host that refuses to set under a policy fails the statement, not the scheduler."""
    spec = HostSpec(
        "h", "windows_11_24h2_pro", policy={"AllowInsecureGuestAuth": 0}, quirks=Quirks(set_refused_by_policy=refused)
    )
    host = SimulatedHost(spec)
    task = (
        '<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Principals><Principal>'
        "<UserId>S-1-5-18</UserId></Principal></Principals><Actions><Exec><Command>powershell.exe</Command>"
        f"<Arguments>-NoProfile -Command &quot;{SET}&quot;</Arguments></Exec></Actions></Task>"
    )
    registered = host.scheduler.register(task, "\\", "t", force=False)
    host.scheduler.start(registered)
    assert registered.last_result == (1 if refused else 0)
    parameters = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
    assert host.registry.get_dword(parameters, "AllowInsecureGuestAuth") == guest
