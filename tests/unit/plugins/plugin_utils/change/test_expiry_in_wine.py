# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command lines of an end in Wine's cmd.exe and reg.exe, which are another's reading of the same."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import pytest
from system_packages import missing

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell, CellValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.expiry import (
    render,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import CellEnd, Choice
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    dword,
)

from ..engine import (
    GUEST_LOCAL,
    GUEST_POLICY,
    SIGNING_LOCAL,
)
from .ends import CHANGES, NOON, lines_of, one


class Wine:
    """Wine's cmd.exe, reg.exe and findstr.exe; its powershell.exe does nothing and says that all went well."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._environ = {**os.environ, "WINEPREFIX": str(prefix / "wine"), "WINEDEBUG": "-all"}
        self._environ["WINEDLLOVERRIDES"] = "mscoree,mshtml=;winemenubuilder.exe=d"

    def run(self, line: str) -> str:
        """What `cmd.exe <line>` prints. The text reaches it unchanged because it is expanded after parsing."""
        output = self._prefix / "output"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                ["wine", "cmd.exe", "/v:on", "/d", "/c", "cmd.exe !RAW!"],
                env={**self._environ, "RAW": line},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                process.wait(180)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
        return output.read_text(encoding="utf-8", errors="replace").replace("\r", "")

    def has(self, key: str) -> bool:
        return key.rpartition("\\")[2] in self.run(f'/d /c "reg query "{key}""')

    def set(self, cell: Cell, stored: RegistryValue | None) -> None:
        where = f'"HKLM\\{cell.key}" /v {cell.name}'
        if stored is None:
            self.run(f'/d /c "reg delete {where} /f"')
        else:
            self.run(f'/d /c "reg add {where} /t REG_DWORD /d {stored.data} /f"')

    def get(self, cell: Cell) -> str:
        """Type and data as reg.exe prints them, empty where absent."""
        text = self.run(f'/d /c "reg query "HKLM\\{cell.key}" /v {cell.name}"')
        match = re.search(rf"{cell.name}\s+(REG_\w+)\s+(.*)", text)
        return f"{match[1]} {match[2]}".strip() if match else ""

    def stop(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(["wineserver", "-k"], env=self._environ, check=False, timeout=30)

    @property
    def powershell(self) -> Path:
        return self._prefix / "wine/drive_c/windows/system32/WindowsPowerShell/v1.0/powershell.exe"


def _wine_scope(fixture_name: str, config: pytest.Config) -> Literal["function", "module"]:
    """ansible-test runs each test in a process of its own, which would leave a module's Wine behind, alive."""
    return "function" if config.pluginmanager.has_plugin("ansible_forked") else "module"


@pytest.fixture(scope=_wine_scope)
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    lacking = missing(["wine"])
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")
    made = Wine(tmp_path_factory.mktemp("wine"))
    made.run('/d /c "ver"')
    yield made
    made.stop()


ROUNDS: Mapping[str, tuple[RegistryValue | None, str]] = {
    "absent": (None, ""),
    "dword": (dword(0), "REG_DWORD 0x0"),
    "text": (RegistryValue(RegistryType.REG_SZ, "a b"), "REG_SZ a b"),
    "binary": (RegistryValue(RegistryType.REG_BINARY, b"\x00\xff"), "REG_BINARY 00FF"),
    "lines": (RegistryValue(RegistryType.REG_MULTI_SZ, ("a b", "c")), r"REG_MULTI_SZ a b\0c"),
}


def test_wine_puts_the_values_back_leaves_what_is_not_ours_and_notes_both(wine: Wine) -> None:
    for number, (name, (stored, printed)) in enumerate(ROUNDS.items()):
        wine.set(GUEST_POLICY, dword(1))
        wine.set(GUEST_LOCAL, dword(1))
        wine.set(SIGNING_LOCAL, dword(7))
        # Left: the change had deleted it. (The findstr.exe of Wine 8.0 finds everything.)
        foreign = CellEnd(SIGNING_LOCAL, CellValue(None), (), (Choice(CellValue(dword(0))),))
        ends = [one(stored), one(stored, GUEST_LOCAL), foreign]
        for line in lines_of(render(f"r{number}", NOON, ends, ())):
            wine.run(line)
        assert (wine.get(GUEST_POLICY), wine.get(GUEST_LOCAL), wine.get(SIGNING_LOCAL)) == (
            printed,
            printed,
            "REG_DWORD 0x7",
        ), name
        marks = wine.run(f'/d /c "reg query {CHANGES}"')
        assert set(re.findall(rf"r{number}~\S+", marks)) == {
            f"r{number}~reverted",
            f"r{number}~left~client_signing~local",
        }, name


def test_wine_waits_for_covers_and_chooses_what_stands(wine: Wine) -> None:
    choices = (Choice(CellValue(dword(0)), "lower"), Choice(CellValue(dword(5)), "lowest"), Choice(CellValue(None)))
    end = CellEnd(GUEST_POLICY, CellValue(dword(1)), ("cover",), choices)
    # marks that are there -> what the cell holds then
    table = {
        (): "REG_DWORD 0x1",
        ("cover~reverted",): "REG_DWORD 0x0",
        ("cover~ending", "lower~reverted"): "REG_DWORD 0x5",
        ("cover~reverted", "lower~ending", "lowest~reverted"): "",
        ("cover~reverted", "cover~left~insecure_guest_logons~policy"): "REG_DWORD 0x1",
    }
    for number, (marks, expected) in enumerate(table.items()):
        wine.run(f'/d /c "reg delete {CHANGES} /f"')
        wine.set(GUEST_POLICY, dword(1))
        for mark in marks:
            wine.run(f'/d /c "reg add {CHANGES}\\{mark} /f"')
        (line,) = lines_of(render(f"w{number}", NOON, [end], ()))
        wine.run(line)
        assert wine.get(GUEST_POLICY) == expected, marks
        assert wine.has(rf"{CHANGES}\w{number}~reverted"), marks


def test_wine_says_failed_where_a_command_fails_and_finishes_the_next_time(wine: Wine) -> None:
    wine.run(f'/d /c "reg delete {CHANGES} /f"')
    wine.set(GUEST_LOCAL, dword(1))
    (line,) = lines_of(render("f", NOON, [one(None, GUEST_LOCAL)], ()))
    away = wine.powershell.with_name("away.exe")
    wine.powershell.rename(away)
    wine.run(line)
    away.rename(wine.powershell)
    assert wine.has(rf"{CHANGES}\f~failed")
    assert not wine.has(rf"{CHANGES}\f~reverted")
    wine.run(line)
    assert wine.has(rf"{CHANGES}\f~reverted")
    assert not wine.has(rf"{CHANGES}\f~failed")
    assert wine.get(GUEST_LOCAL) == ""
