# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command lines of an end in Wine's cmd.exe and reg.exe, which are another's reading of the same.

Wine's findstr.exe finds everything. So findstr.c, compiled when the tests start, stands in for it.
"""

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
from simulated_windows.in_process import InProcessHost

from ..engine import BOTH, GUEST, GUEST_LOCAL, GUEST_POLICY, SIGNING, SIGNING_LOCAL, change, held, put
from .ends import CHANGES, NOON, lines_of, one

PACKAGES = ("wine", "gcc-mingw-w64-x86-64-win32")
COMPILER = "x86_64-w64-mingw32-gcc-win32"
FORGET = f"reg delete {CHANGES} /f"


def setting(cell: Cell, stored: RegistryValue | None) -> str:
    """The command that makes a cell hold a REG_DWORD, or nothing."""
    where = f'"HKLM\\{cell.key}" /v {cell.name}'
    return f"reg delete {where} /f" if stored is None else f"reg add {where} /t REG_DWORD /d {stored.data} /f"


class Wine:
    """Wine's cmd.exe and reg.exe, and findstr.c; its powershell.exe does nothing and says that all went well."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._environ = {**os.environ, "WINEPREFIX": str(prefix / "wine"), "WINEDEBUG": "-all"}
        self._environ["WINEDLLOVERRIDES"] = "mscoree,mshtml=;winemenubuilder.exe=d;findstr.exe=n"

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

    def all_of(self, *commands: str) -> str:
        """What commands print, in one start of Wine."""
        return self.run(f'/d /c "{" & ".join(commands)}"')

    def has(self, key: str) -> bool:
        return key.rpartition("\\")[2] in self.all_of(f'reg query "{key}"')

    def get(self, *cells: Cell) -> list[str]:
        """Type and data of each cell as reg.exe prints them, empty where absent."""
        text = self.all_of(*(f'reg query "HKLM\\{cell.key}" /v {cell.name}' for cell in cells))
        found = [
            re.search(
                rf"^HKEY_LOCAL_MACHINE\\{re.escape(cell.key)}\s+{cell.name}\s+(REG_\w+)\s+(.*)$", text, re.M | re.I
            )
            for cell in cells
        ]
        return [f"{match[1]} {match[2]}".strip() if match else "" for match in found]

    def stop(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(["wineserver", "-k"], env=self._environ, check=False, timeout=30)

    @property
    def _system32(self) -> Path:
        return self._prefix / "wine/drive_c/windows/system32"

    @property
    def powershell(self) -> Path:
        return self._system32 / "WindowsPowerShell/v1.0/powershell.exe"

    def install_findstr(self) -> None:
        source = Path(__file__).with_name("findstr.c")
        subprocess.run([COMPILER, "-Os", "-o", self._system32 / "findstr.exe", source], check=True, timeout=60)


def _wine_scope(fixture_name: str, config: pytest.Config) -> Literal["function", "module"]:
    """ansible-test runs each test in a process of its own, which would leave a module's Wine behind, alive."""
    return "function" if config.pluginmanager.has_plugin("ansible_forked") else "module"


@pytest.fixture(scope=_wine_scope)
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    lacking = missing(PACKAGES)
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")
    made = Wine(tmp_path_factory.mktemp("wine"))
    made.run('/d /c "ver"')
    made.install_findstr()
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
        # The last ends with the digit of what the change left.
        held_now = {GUEST_POLICY: dword(1), GUEST_LOCAL: dword(1), SIGNING_LOCAL: dword(0x11)}
        wine.all_of(*(setting(cell, value) for cell, value in held_now.items()))
        foreign = one(dword(0), SIGNING_LOCAL)
        ends = [one(stored), one(stored, GUEST_LOCAL), foreign]
        for line in lines_of(render(f"r{number}", NOON, ends, ())):
            wine.run(line)
        assert wine.get(*held_now) == [printed, printed, "REG_DWORD 0x11"], name
        marks = wine.all_of(f"reg query {CHANGES}")
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
        made = [f"reg add {CHANGES}\\{mark} /f" for mark in marks]
        wine.all_of(FORGET, setting(GUEST_POLICY, dword(1)), *made)
        (line,) = lines_of(render(f"w{number}", NOON, [end], ()))
        wine.run(line)
        assert wine.get(GUEST_POLICY) == [expected], marks
        assert wine.has(rf"{CHANGES}\w{number}~reverted"), marks


def test_wine_says_failed_where_a_command_fails_and_finishes_the_next_time(wine: Wine) -> None:
    wine.all_of(FORGET, setting(GUEST_LOCAL, dword(1)))
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
    assert wine.get(GUEST_LOCAL) == [""]


OVERLAPPING = ({GUEST: "allowed", SIGNING: "not_required"}, {GUEST: "blocked"}, {GUEST: "allowed"})
"""What three changes set in both scopes, each over the one before."""

CELLS = (GUEST_LOCAL, GUEST_POLICY, SIGNING_LOCAL)
COURSES = (((1, 2, 0), None), ((2, 0, 1), GUEST_LOCAL))
"""In which order the three end, and the cell that somebody else has set before."""


@pytest.mark.parametrize(("order", "taken"), COURSES)
def test_wine_and_the_simulated_host_agree_on_changes_over_each_other(
    wine: Wine, order: tuple[int, ...], taken: Cell | None
) -> None:
    host = InProcessHost()
    for number, words in enumerate(OVERLAPPING):
        change(host, words, BOTH, name=f"c{number}", hours=1)
    host.advance(3601)
    if taken:
        put(host, taken, 0x11)
    before = {cell: held(host, cell) for cell in CELLS}
    wine.all_of(FORGET, *(setting(cell, dword(value[1]) if value else None) for cell, value in before.items()))
    for number in order:
        path = rf"\winops\smb_guest\c{number}"
        task = host.host.scheduler.find(path)
        assert task
        host.host.scheduler.run_due(only=path)
        for line in lines_of(task.xml):
            wine.run(line)
        expected = [f"REG_DWORD 0x{value[1]:x}" if (value := held(host, cell)) else "" for cell in CELLS]
        assert wine.get(*CELLS) == expected, number
    marks = wine.all_of(f"reg query {CHANGES}")
    assert set(re.findall(r"c\d~\S+", marks)) == set(host.registry.subkeys(CHANGES))
    assert held(host, SIGNING_LOCAL) is None
    assert (held(host, taken) if taken else None) == (("REG_DWORD", 0x11) if taken else None)
