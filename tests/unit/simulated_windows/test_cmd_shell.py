"""The simulated cmd.exe: what lines print and answer; the same lines in Wine's cmd.exe where it is at hand."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from system_packages import missing

from simulated_windows.cmd_shell import Result
from simulated_windows.commands import Interpreter
from simulated_windows.event_log import EventLog
from simulated_windows.registry import Registry

KEY = r"HKCU\Software\simulated"
GOOD, BAD = f"reg query {KEY} /v one >nul 2>nul", f"reg query {KEY} /v none >nul 2>nul"
VALUES = (
    "/v one /t REG_DWORD /d 1",
    '/v text /t REG_SZ /d "a b"',
    "/v bin /t REG_BINARY /d 00ff",
    r'/v multi /t REG_MULTI_SZ /d "a b\0c"',
    "/v max /t REG_DWORD /d 4294967295",
)

# line -> (what it prints, lines joined by |; exit code). Wine 8.0 agrees with every one.
BOTH = {
    "echo a & echo b": ("a |b", 0),
    "(echo a & echo b) & echo c": ("a |b|c", 0),
    "echo a ^& b": ("a & b", 0),
    'echo "a & b"': ('"a & b"', 0),
    "echo %undefined%x": ("%undefined%x", 0),
    f"{BAD} & if errorlevel 1 echo failed": ("failed", 1),
    f"{GOOD} & if errorlevel 1 echo failed": ("", 0),
    f"{BAD} & if errorlevel 1 (echo failed) else (echo fine)": ("failed", 1),
    f"{GOOD} & if errorlevel 1 (echo failed) else (echo fine)": ("fine", 0),
    f"{GOOD} & if not errorlevel 1 (echo fine) else (echo failed)": ("fine", 0),
    f"{GOOD} & if not errorlevel 1 echo fine": ("fine", 0),
    "set x=1& echo [!x!]": ("[1]", 0),
    "set x=1 & echo [!x!]": ("[1 ]", 0),
    'set "x=1" & echo [!x!]': ("[1]", 0),
    'set x=1& if "!x!"=="1" (echo one) else (echo other)': ("one", 0),
    'set x=2& if "!x!"=="1" (echo one) else (echo other)': ("other", 0),
    "set x=2& if !x!==2 echo two": ("two", 0),
    'if not "a"=="b" echo differs': ("differs", 0),
    'if /i "A"=="a" echo same': ("same", 0),
    'if "a"=="b" (echo same) else echo differs': ("differs", 0),
    'if "a"=="a" (echo same) & echo more': ("same|more", 0),
    'if "a"=="b" echo same & echo more': ("", 0),
    '(if "a"=="b" echo same) & echo more': ("more", 0),
    "set e=1& if defined e (echo set) else (echo not set)": ("set", 0),
    f'reg query {KEY} /v one | findstr /r /c:"REG_DWORD *0x1" >nul & if not errorlevel 1 echo found': ("found", 0),
    f'reg query {KEY} /v one | findstr /c:"0x1" >nul & if not errorlevel 1 echo found': ("found", 0),
    f"reg query {KEY} /v one | findstr 0x1 >nul & if not errorlevel 1 echo found": ("found", 0),
    f'reg query {KEY} /v one | find "0x1" >nul & if errorlevel 1 (echo lost) else (echo found)': ("found", 0),
    f'reg query {KEY} /v one | find "0x2" >nul & if errorlevel 1 (echo lost) else (echo found)': ("lost", 1),
    f'reg query {KEY} /v text | findstr /c:"a b" >nul & if not errorlevel 1 echo found': ("found", 0),
    f"reg query {KEY} /v one": ("|HKEY_CURRENT_USER\\Software\\simulated|    one    REG_DWORD    0x1|", 0),
    f"reg query {KEY} /v text": ("|HKEY_CURRENT_USER\\Software\\simulated|    text    REG_SZ    a b|", 0),
    f"reg query {KEY} /v bin": ("|HKEY_CURRENT_USER\\Software\\simulated|    bin    REG_BINARY    00FF|", 0),
    f"reg query {KEY} /v multi": ("|HKEY_CURRENT_USER\\Software\\simulated|    multi    REG_MULTI_SZ    a b\\0c|", 0),
    f"reg query {KEY} /v max": ("|HKEY_CURRENT_USER\\Software\\simulated|    max    REG_DWORD    0xffffffff|", 0),
    f"{BAD} || exit /b 7": ("", 7),
    f"({BAD} || exit /b 7) & echo after": ("", 7),
    "exit /b 3": ("", 3),
    "exit 4": ("", 4),
    "echo a & exit /b 5 & echo b": ("a ", 5),
    "for %a in (x y) do echo %a": ("x|y", 0),
    f"for /f \"tokens=3\" %a in ('reg query {KEY} /v one') do echo %a": ("0x1", 0),
    f"for /f \"tokens=2*\" %a in ('reg query {KEY} /v text') do echo %a is %b": ("REG_SZ is a b", 0),
    f"set e=0& ({GOOD} & if errorlevel 1 set e=1) & if !e!==1 (exit /b 9) else (exit /b 0)": ("", 0),
}
# Where Wine 8.0 differs (&& and || run their right side whatever the left one answered, !errorlevel! is expanded before
# anything runs, exit /b in the body of an else is not the last word, an unknown !variable! stays), or was not asked.
WINDOWS_ONLY = {
    "echo a && echo b || echo c": ("a |b ", 0),
    "echo a || echo b": ("a ", 0),
    f"{GOOD} && echo yes || echo no": ("yes ", 0),
    f"{BAD} && echo yes || echo no": ("no", 1),
    f"({BAD}) && echo yes": ("", 1),
    f"({BAD} && echo yes) || echo no": ("no", 1),
    f"{BAD} || {GOOD} && echo late": ("late", 0),
    f"{BAD} & echo !errorlevel!": ("1", 1),
    f"{BAD} & echo %errorlevel%": ("0", 1),
    f"{BAD} & exit /b !errorlevel!": ("", 1),
    f"set e=0& ({GOOD} || set e=1) & echo [!e!]": ("[0]", 0),
    f"set e=0& ({BAD} || set e=1) & echo [!e!]": ("[1]", 1),
    f"set e=0& ({BAD} & if errorlevel 1 set e=1) & if !e!==1 (exit /b 9) else (exit /b 0)": ("", 9),
    "echo !undefined!x": ("x", 0),
    "nosuchprogram >nul 2>nul & echo !errorlevel!": ("9009", 1),
    "nosuchprogram 2>nul || echo missing": ("missing", 1),
    "for /l %a in (1,1,3) do echo %a": ("1|2|3", 0),
    "set x=5& set /a x=!x!+2 & echo !x!": ("7", 0),
    "set x=5& if !x! geq 10 (echo big) else (echo small)": ("small", 0),
    "set x=abcdef& echo !x:~1,2! !x:cd=-! !x:~-1!": ("bc ab-ef f", 0),
    # A side of a pipe is a shell of its own: a block in it has no delayed expansion, and what it sets is lost.
    "set x=1& (echo !x!) | findstr 1 & echo after": ("after", 1),
    "set x=1& echo !x! | findstr 1": ("1 ", 0),
    "echo a | set y=2& echo [!y!]": ("[]", 0),
    "echo gone >nul & echo gone too 1>nul 2>&1 & (echo and this) >nul": ("", 0),
    "echo a > C:\\file.txt": ("", 1),
    "if 1==1 (echo a) else (echo b) else (echo c)": ("", 255),
    "(echo a": ("", 255),
    "&& echo a": ("", 255),
    "echo a &": ("a ", 0),
    "": ("", 0),
    "rem nothing & echo quiet": ("quiet", 0),
    "call echo %^undefined%": ("%undefined%", 0),
    f"reg delete {KEY} /v one /f >nul && {GOOD} || echo deleted": ("deleted", 1),
    f'reg add {KEY} /v new /t REG_SZ /d "" /f >nul && reg query {KEY} /v new | find /c "new"': ("1", 0),
    f"echo y | reg delete {KEY} /v one >nul & {GOOD} || echo deleted": ("deleted", 1),
    f"{'x' * 8200}": ("", 1),
}


def printed(text: str) -> str:
    return "|".join(text.replace("\r", "").removesuffix("\n").split("\n"))


@pytest.fixture
def interpreter() -> Interpreter:
    made = Interpreter(Registry(), EventLog(26100, lambda: datetime.now(UTC)), None, elevated=True)
    for value in VALUES:
        assert made.run(f"reg add {KEY} {value} /f").exit_code == 0
    return made


@pytest.mark.parametrize(("line", "expected"), [*BOTH.items(), *WINDOWS_ONLY.items()])
def test_lines(interpreter: Interpreter, line: str, expected: tuple[str, int]) -> None:
    result = interpreter.run(f'%SystemRoot%\\System32\\cmd.exe /v:on /d /c "{line}"')
    assert (printed(result.stdout), result.exit_code) == expected


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r'findstr /r /c:"0x1$"', True),
        (r'findstr /r /c:"0x[2-9]$"', False),
        (r'findstr /r /c:"0x[^2-9]$"', True),
        (r'findstr /r /c:"^ *one "', True),
        (r'findstr /c:"^ *one "', True),  # a special character in the first pattern: regular expressions
        (r'findstr /l /c:"^ *one "', False),
        (r'findstr "none one"', True),  # words are alternatives
        (r'findstr /c:"none one"', False),
        (r"findstr ONE", False),
        (r"findstr /i ONE", True),
        (r"findstr /x one", False),
        (r'findstr /b /c:"    one"', True),
        (r"findstr /e 0x1", True),
        (r'findstr /r "\<one\>"', True),
        (r'findstr /r "\<on\>"', False),
        (r'findstr /v "HKEY REG"', True),  # the blank lines
        (r'find /i "ONE"', True),
        (r'find /v /c ""', False),
        (r"find one", True),
    ],
)
def test_find_and_findstr(interpreter: Interpreter, pattern: str, found: bool) -> None:
    result = interpreter.run(f'cmd /c "reg query {KEY} /v one | {pattern} >nul"')
    assert result.exit_code == (0 if found else 1)


def test_without_delayed_expansion_exclamation_marks_are_text(interpreter: Interpreter) -> None:
    for switches in ("/d", "/d /v:off"):
        assert printed(interpreter.run(f'cmd {switches} /c "set x=1& echo !x!^!"').stdout) == "!x!!"


NONSENSE = r"""
echo a & && || | ( ) " ^ !x! %x% set x=1 if errorlevel 1 not == else >nul 2>&1 2> < for %a in do /f /l (1,1,3)
"tokens=2*" ('echo b') exit reg query HKCU\S /v findstr /r [a find geq defined /a x=!y!+1 %x:~1,2% call rem @ cmd /c
schtasks /delete /tn wevtutil gl powershell -c ; { } $k = Get-Item foreach try catch . Count -eq ' @( -Force
"""


def test_any_line_ends_with_a_result() -> None:
    """Nonsense of the right words: the interpreter gives up in its own words, never in Python's."""
    words = NONSENSE.split()
    for seed in range(3000):
        chosen = random.Random(seed)
        joint = chosen.choice([" ", " ", ""])
        line = joint.join(chosen.choice(words) for _number in range(chosen.randint(1, 14)))
        made = Interpreter(Registry(), EventLog(26100, lambda: datetime.now(UTC)), None, elevated=True)
        for command in (line, f'cmd /v:on /c "{line}"'):
            assert isinstance(made.run(command), Result), (seed, command)


# Wine


def _run_in_wine(prefix: Path, raw: str) -> tuple[str, int]:
    """Run ``cmd.exe raw`` in Wine. The text reaches it unchanged because it is expanded after parsing."""
    output = prefix / "output"
    environ = {**os.environ, "WINEPREFIX": str(prefix / "wine"), "WINEDEBUG": "-all", "RAW": raw}
    environ["WINEDLLOVERRIDES"] = "mscoree,mshtml=;winemenubuilder.exe=d"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            ["wine", "cmd.exe", "/v:on", "/d", "/c", "cmd.exe !RAW!"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return printed(output.read_text(encoding="utf-8", errors="replace")), code


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[str, int]]]:
    lacking = missing(["wine"])
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")
    prefix = tmp_path_factory.mktemp("wine")
    for value in VALUES:
        assert _run_in_wine(prefix, f'/d /c "reg add {KEY} {value} /f"')[1] == 0
    yield lambda line: _run_in_wine(prefix, f'/v:on /d /c "{line}"')
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["wineserver", "-k"], env={**os.environ, "WINEPREFIX": str(prefix / "wine")}, check=False, timeout=30
        )


def test_wine_reads_the_same_lines_the_same_way(wine: Callable[[str], tuple[str, int]]) -> None:
    readings = {line: wine(line) for line in BOTH}
    assert readings == BOTH
