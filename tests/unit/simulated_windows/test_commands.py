"""The interpreter of reg, schtasks and cmd, without a wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from simulated_windows.commands import FILE_NOT_FOUND, Interpreter, split_arguments
from simulated_windows.event_log import EventLog
from simulated_windows.registry import Registry

KEY = r"HKLM\SOFTWARE\Test Key"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.set(KEY, "old", "REG_DWORD", 1)
    return registry


@pytest.fixture
def interpreter(registry: Registry) -> Interpreter:
    return Interpreter(registry, EventLog(26100, lambda: datetime.now(UTC)), None, elevated=True)


def value(registry: Registry, name: str) -> tuple[str, Any] | None:
    found = registry.get(KEY, name)
    return None if found is None else (found.type, found.data)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("/v n /t REG_DWORD /d 1 /f", ("REG_DWORD", 1)),
        ("/v n /t reg_dword /d 0xff /f", ("REG_DWORD", 255)),
        ("/v n /t REG_QWORD /d 18446744073709551615 /f", ("REG_QWORD", 2**64 - 1)),
        ('/v n /d "a b" /f', ("REG_SZ", "a b")),
        ("/v n /t REG_SZ /f", ("REG_SZ", "")),
        (r"/v n /t REG_MULTI_SZ /d one\0two /f", ("REG_MULTI_SZ", ["one", "two"])),
        ("/v n /t REG_MULTI_SZ /s , /d one,two /f", ("REG_MULTI_SZ", ["one", "two"])),
        ("/v n /t REG_BINARY /d 00ff10 /f", ("REG_BINARY", [0, 255, 16])),
    ],
)
def test_reg_add(interpreter: Interpreter, registry: Registry, options: str, expected: tuple[str, Any]) -> None:
    assert interpreter.run(f'reg.exe add "{KEY}" {options}').exit_code == 0
    assert value(registry, "n") == expected


@pytest.mark.parametrize(
    "line",
    [
        f'reg add "{KEY}" /v old /t REG_DWORD /d 2',  # would ask
        f'reg add "{KEY}" /v n /t REG_DWORD /d x /f',
        f'reg add "{KEY}" /v n /t REG_DWORD /d 4294967296 /f',
        f'reg add "{KEY}" /v n /t REG_NONSENSE /d 1 /f',
        f'reg add "{KEY}" /v',
        f'reg add "{KEY}" /nonsense',
        f"reg add {KEY} /v n /d 1 /f",  # not quoted
        r"reg add HKXX\a /f",
        f'reg delete "{KEY}" /v old',  # would ask
        f'reg delete "{KEY}" /v none /f',
        r"reg delete HKLM\SOFTWARE\None /f",
        "reg",
        "reg frobnicate HKLM",
    ],
)
def test_reg_failures_change_nothing(interpreter: Interpreter, registry: Registry, line: str) -> None:
    before = registry.dump()
    assert interpreter.run(line).exit_code == 1
    assert registry.dump() == before


def test_reg_delete(interpreter: Interpreter, registry: Registry) -> None:
    registry.set(KEY + "\\sub", "x", "REG_SZ", "")
    assert interpreter.run(f'REG.EXE DELETE "{KEY}" /V OLD /F').exit_code == 0
    assert value(registry, "old") is None
    assert interpreter.run(f'reg delete "{KEY}" /f').exit_code == 0
    assert not registry.key_exists(KEY)


def test_reg_delete_all_values(interpreter: Interpreter, registry: Registry) -> None:
    assert interpreter.run(f'reg delete "{KEY}" /va /f').exit_code == 0
    assert registry.key_exists(KEY)
    assert registry.values(KEY) == []


def test_reg_knows_long_hive_names(interpreter: Interpreter, registry: Registry) -> None:
    interpreter.run(r'%SystemRoot%\System32\reg.exe add "HKEY_LOCAL_MACHINE\SOFTWARE\Test Key" /v n /d x /f')
    assert value(registry, "n") == ("REG_SZ", "x")


def test_only_administrators_write_to_the_machine(registry: Registry) -> None:
    plain = Interpreter(registry, EventLog(26100, lambda: datetime.now(UTC)), None, elevated=False)
    before = registry.dump()
    assert plain.run(f'reg add "{KEY}" /v n /d 1 /f').exit_code == 1
    assert registry.dump() == before
    assert plain.run(f'reg query "{KEY}" /v old').stdout.split() == [
        "HKEY_LOCAL_MACHINE\\SOFTWARE\\Test",
        "Key",
        "old",
        "REG_DWORD",
        "0x1",
    ]
    assert plain.run(r"reg add HKCU\Software\x /v n /d 1 /f").exit_code == 0


def add(name: str) -> str:
    return f'reg add "{KEY}" /v {name} /d x /f'


@pytest.mark.parametrize(
    ("line", "written", "code"),
    [
        (f"cmd.exe /c {add('a')} & {add('b')}", "ab", 0),
        (f'cmd /d /c "{add("a")} & {add("b")}"', "ab", 0),
        (f'cmd /d /s /c "{add("a")}&{add("b")}"', "ab", 0),
        (f'"C:\\Windows\\System32\\cmd.exe" /c {add("a")} >nul 2>&1 & {add("b")}', "ab", 0),
        (f"cmd /c nonsense & {add('a')}", "a", 0),
        (f"cmd /c {add('a')} & nonsense", "a", 1),
        (f"cmd /c nonsense && {add('a')}", "", 1),
        (f"cmd /c nonsense || {add('a')}", "a", 0),
        (f"cmd /c {add('a')} || {add('b')}", "a", 0),
        (f"cmd /c {add('a')} && exit /b 7", "a", 7),
    ],
)
def test_cmd(interpreter: Interpreter, registry: Registry, line: str, written: str, code: int) -> None:
    assert interpreter.run(line).exit_code == code
    assert "".join(name for name in "ab" if value(registry, name)) == written


def test_ampersands_in_quotes_belong_to_the_text(interpreter: Interpreter, registry: Registry) -> None:
    assert interpreter.run(f'cmd /c reg add "{KEY}" /v n /d "a & b" /f & {add("b")}').exit_code == 0
    assert value(registry, "n") == ("REG_SZ", "a & b")


def test_unknown_programs(interpreter: Interpreter) -> None:
    assert interpreter.run(r"C:\Tools\nothing.exe /x").exit_code == FILE_NOT_FOUND
    assert interpreter.run("").exit_code == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a b", ["a", "b"]),
        ('"a b" c', ["a b", "c"]),
        (r'"C:\x\\" y', ["C:\\x\\", "y"]),
        (r"a\b \"c", ["a\\b", '"c']),
        ('""', [""]),
        (r'/d "say \"hi\""', ["/d", 'say "hi"']),
    ],
)
def test_split_arguments(line: str, expected: list[str]) -> None:
    assert split_arguments(line) == expected
