"""The part of PowerShell that a scheduled task may hold."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from simulated_windows.host import SimulatedHost
from simulated_windows.host_spec import HostSpec
from simulated_windows.in_process import InProcessHost
from simulated_windows.powershell import PowerShell
from simulated_windows.quirks import Quirks
from simulated_windows.registry import Registry
from simulated_windows.smb_properties import CLIENT_PARAMETERS, CLIENT_POLICY

KEY = r"HKLM\SOFTWARE\winops\task"
QUOTED = KEY.replace("HKLM", "HKLM:", 1)
CLEAN_UP = f"$k = Get-Item '{QUOTED}'; if ($k.ValueCount + $k.SubKeyCount -eq 0) {{ Remove-Item '{QUOTED}' }}"
SET = "Set-SmbClientConfiguration -EnableInsecureGuestLogons $true -RequireSecuritySignature $false -Force"
CALL = ("MSFT_SmbClientConfiguration", {"enableinsecureguestlogons": True, "requiresecuritysignature": False})


class Shell:
    """A PowerShell on an empty registry that notes what it sets."""

    def __init__(self, elevated: bool = True, constrained: bool = False) -> None:
        self.registry = Registry()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.done: list[str] = []
        self.shell = PowerShell(self, elevated, constrained)

    def get_smb(self, class_name: str) -> Mapping[str, Any] | None:
        return {"EnableInsecureGuestLogons": True} if "Client" in class_name else None

    def set_smb(self, class_name: str, values: Mapping[str, Any]) -> bool:
        self.calls.append((class_name, dict(values)))
        return "nonsense" not in values

    def restart_service(self, name: str) -> bool:
        self.done.append(name)
        return name == "LanmanWorkstation"

    def unregister_task(self, full_path: str) -> bool:
        self.done.append(full_path)
        return True

    def run(self, text: str) -> int:
        return self.shell.run(text)


def test_the_set_cmdlets() -> None:
    shell = Shell()
    assert shell.run(f"{SET}; set-smbserverconfiguration -EncryptData:$FALSE -Confirm:$false") == 0
    assert shell.calls == [CALL, ("MSFT_SmbServerConfiguration", {"encryptdata": False})]


@pytest.mark.parametrize(
    ("text", "code", "calls"),
    [
        ("", 0, 0),
        ("Frobnicate", 1, 0),
        (f"Frobnicate; {SET}", 0, 1),  # an error ends its statement
        (f"{SET}; Frobnicate", 1, 1),
        (f"$ErrorActionPreference = 'Stop'; Frobnicate; {SET}", 1, 0),
        (f"Remove-Item '{QUOTED}' -ErrorAction Stop; {SET}", 1, 0),
        (f"Remove-Item '{QUOTED}' -ErrorAction SilentlyContinue; {SET}", 0, 1),
        (f"Remove-Item '{QUOTED}' -ErrorAction SilentlyContinue", 1, 0),
        (f"{SET}; if (", 1, 0),  # nothing runs of a text that is none
        (SET.removesuffix(" -Force"), 1, 0),  # asks, and nobody answers
        (f"{SET} -WhatIf", 0, 0),
        (SET.replace("$true", "yes"), 1, 0),
        ("Set-SmbClientConfiguration -Nonsense $true -Force", 1, 1),
        (f"try {{ {SET} }} catch {{ exit 3 }}", 0, 1),
        (f"try {{ Frobnicate; {SET} }} catch {{ exit 3 }}", 3, 0),
        (f"try {{ Frobnicate }} catch {{ }}; {SET}", 0, 1),
        (f"try {{ throw 'x' }} catch {{ throw }} finally {{ {SET} }}", 1, 1),
        ("exit 5", 5, 0),
        ("exit", 0, 0),
        (f"throw 'no'; {SET}", 1, 0),
        ("Set-SmbClientConfiguration -Nonsense $true -Force; if (-not $?) { exit 7 }", 7, 1),
        (f"{SET}; if (!$?) {{ exit 7 }} else {{ exit 0 }}", 0, 1),
        ("if ((Get-SmbClientConfiguration).EnableInsecureGuestLogons -eq $false) { exit 1 } else { exit 2 }", 2, 0),
        ("Get-SmbServerConfiguration", 1, 0),
        ("Restart-Service -Name LanmanWorkstation -Force", 0, 0),
        ("Restart-Service NoSuchService -Force", 1, 0),
        ("Unregister-ScheduledTask -TaskPath '\\winops\\' -TaskName 'undo' -Confirm:$false", 0, 0),
        ("Unregister-ScheduledTask -TaskName 'undo'", 1, 0),
    ],
)
def test_scripts(text: str, code: int, calls: int) -> None:
    shell = Shell()
    assert (shell.run(text), len(shell.calls)) == (code, calls)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2", 3),
        ("'a' + 'b'", "ab"),
        ("'it''s'", "it's"),
        ('"a$x`$x"', "a5$x"),
        ("0x10", 16),
        ("$x -eq 5 -and -not ($x -gt 6)", True),
        ("$x -lt 5 -or $x -ge 6", False),
        ("'ABC' -eq 'abc'", True),
        ("'1' -eq 1", True),
        ("1 -eq '1'", True),
        ("'abc' -match 'B.'", True),
        ("@('a', 'b') -contains 'B'", True),
        ("('a', 'b').Count", 2),
        ("$nothing -eq $null", True),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    shell = Shell()
    assert shell.run(f"$x = 5; {expression}") == 0
    assert shell.shell.output == [value]


def test_loops_and_the_registry() -> None:
    shell = Shell()
    for name in ("a", "b", "c"):
        shell.registry.create_key(f"{KEY}\\{name}")
    shell.registry.set(f"{KEY}\\b", "kept", "REG_DWORD", 1)
    script = f"""
    foreach ($path in '{QUOTED}\\a', '{QUOTED}\\b', '{QUOTED}\\none') {{
        $key = Get-Item -LiteralPath $path -ErrorAction SilentlyContinue
        if ($key -and $key.ValueCount -eq 0 -and $key.SubKeyCount -eq 0) {{ Remove-Item -LiteralPath $path }}
    }}
    """
    assert shell.run(script) == 0
    assert shell.registry.subkeys(KEY) == ["b", "c"]
    assert shell.run(f"(Get-Item '{QUOTED}\\b').GetValue('kept')") == 0
    assert shell.run(f"Get-ItemPropertyValue '{QUOTED}\\b' -Name kept; Test-Path '{QUOTED}\\none'") == 0
    assert shell.shell.output == [1, 1, False]
    assert shell.run(f"Remove-Item '{QUOTED}'") == 1  # it asks because of the subkeys
    assert shell.run(f"New-ItemProperty '{QUOTED}' -Name n -PropertyType DWord -Value 7 -Force | Out-Null") == 0
    assert shell.registry.get_dword(KEY, "n") == 7
    assert shell.run(f"Remove-ItemProperty '{QUOTED}' -Name n; Remove-Item '{QUOTED}' -Recurse") == 0
    assert not shell.registry.key_exists(KEY)


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


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (f"$v = (Get-Item '{QUOTED}').GetValue('a')", True),
        (f"$v = (Get-ItemProperty '{QUOTED}').ToString()", True),
        (f"$v = (Get-ItemProperty '{QUOTED}').a", False),
        (f"$v = (Get-Item '{QUOTED}').ValueCount", False),
        ("$v = 'text'.ToUpper()", False),
    ],
)
def test_a_constrained_language_allows_methods_of_core_types_only(text: str, refused: bool) -> None:
    for constrained in (False, True):
        shell = Shell(constrained=constrained)
        shell.registry.set(KEY, "a", "REG_DWORD", 1)
        assert shell.run(text) == int(refused and constrained)


@pytest.mark.parametrize(("refused", "guest"), [(False, 1), (True, None)])
@pytest.mark.parametrize("encoded", [False, True])
def test_on_a_host_it_is_the_cim_method(refused: bool, guest: Any, encoded: bool) -> None:
    """A host that refuses to set under a policy fails the statement, not the scheduler."""
    spec = HostSpec(
        "h",
        "windows_11_24h2_pro",
        policy={"AllowInsecureGuestAuth": 0},
        quirks=Quirks(set_refused_by_policy=refused, set_needs_prompt_options=True),
    )
    host = SimulatedHost(spec)
    text = base64.b64encode(SET.encode("utf-16-le")).decode() if encoded else f"&quot;{SET}&quot;"
    task = (
        '<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Principals><Principal>'
        "<UserId>S-1-5-18</UserId></Principal></Principals><Actions><Exec><Command>powershell.exe</Command>"
        f"<Arguments>-NoProfile {'-EncodedCommand' if encoded else '-Command'} {text}</Arguments>"
        "</Exec></Actions></Task>"
    )
    registered = host.scheduler.register(task, "\\", "t", force=False)
    host.scheduler.start(registered)
    assert registered.last_result == (1 if refused else 0)
    assert host.registry.get_dword(CLIENT_PARAMETERS, "AllowInsecureGuestAuth") == guest


def test_restarting_the_service_makes_the_driver_read_its_policy() -> None:
    host = InProcessHost(quirks={"policy_read_at_start_only": True})
    host.registry.set(CLIENT_POLICY, "AllowInsecureGuestAuth", "REG_DWORD", 1)
    assert host.client.running["EnableInsecureGuestLogons"] is False
    task = (
        '<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Principals><Principal>'
        "<UserId>S-1-5-18</UserId></Principal></Principals><Actions><Exec><Command>powershell.exe</Command>"
        "<Arguments>-Command Restart-Service LanmanWorkstation -Force</Arguments></Exec></Actions></Task>"
    )
    host.host.scheduler.start(host.host.scheduler.register(task, "\\", "t", force=False))
    assert host.client.running["EnableInsecureGuestLogons"] is True
