"""Files of a simulated host: commands that touch them, scripts that copy them, the local GPO that lies in them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
from datetime import UTC, datetime

import pytest

from simulated_windows import file_transfer
from simulated_windows.commands import Interpreter
from simulated_windows.event_log import EventLog
from simulated_windows.file_transfer import END_OF_SCRIPT, Script
from simulated_windows.files import FileProblem, Files
from simulated_windows.in_process import InProcessHost
from simulated_windows.local_group_policy import FOLDER, GPT_INI, REGISTRY_POL, instructions
from simulated_windows.registry import Registry
from simulated_windows.shell import interpreter

TEMP = r"C:\Windows\Temp"
A, B = rf"{TEMP}\A file.txt", rf"{TEMP}\b.txt"


@pytest.fixture
def files() -> Files:
    files = Files()
    files.write(A, b"a")
    return files


def run(files: Files, line: str, elevated: bool = True) -> tuple[int, str, str]:
    cmd = Interpreter(Registry(), EventLog(26100, lambda: datetime.now(UTC)), None, elevated, files=files)
    result = cmd.run_cmd_line(line)
    return result.exit_code, result.stdout, result.stderr


# Commands


def test_what_exists(files: Files) -> None:
    line = f'(if exist "{A.upper()}" echo A)&(if exist "{B}" echo B)&(if exist "%SystemRoot%\\temp" echo T)'
    assert run(files, line) == (0, "A\r\nT\r\n", "")
    assert run(files, f'if not exist "{B}" echo none') == (0, "none\r\n", "")
    assert run(files, f'if exist "{A}" echo A&echo B')[1] == "A\r\nB\r\n"
    assert run(files, f'if exist "{B}" echo A&echo B')[1] == "", "both belong to the if"


def test_move_replaces_and_tells(files: Files) -> None:
    files.write(B, b"b")
    assert run(files, f'move /y "{A}" "{B}"')[0] == 0
    assert files.read(B) == b"a"
    assert not files.exists(A)
    code, _stdout, stderr = run(files, f'move /y "{A}" "{B}" && echo done')
    assert (code, stderr) == (1, "The system cannot find the file specified.\r\n")
    assert run(files, f'move "{B}" "{A}"')[0] == 1, "it would ask"


def test_a_file_in_use_stays(files: Files) -> None:
    files.write(B, b"b")
    files.in_use = {B.upper()}
    assert run(files, f'move /y "{A}" "{B}"')[0] == 1
    assert run(files, f'del /f /q /a "{B}"')[0] == 0, "del answers 0 all the same"
    assert (files.read(A), files.read(B)) == (b"a", b"b")


def test_folders_and_deletion(files: Files) -> None:
    assert run(files, rf'md "{TEMP}\x\y"')[0] == 0
    assert files.is_folder(rf"{TEMP}\X")
    assert run(files, rf'md "{TEMP}\x"')[0] == 1
    assert run(files, rf'attrib +h "{TEMP}\x"')[0] == 0
    assert run(files, f'del /f /q /a "{A}"')[0] == 0
    assert not files.exists(A)
    assert files.dump() == {rf"{TEMP}\x" + "\\": "", rf"{TEMP}\x\y" + "\\": ""}


def test_who_is_no_administrator_changes_nothing(files: Files) -> None:
    before = files.dump()
    for line in (f'move /y "{A}" "{B}"', rf'md "{TEMP}\x"', f'del /f /q /a "{A}"'):
        assert "denied" in run(files, line, elevated=False)[2]
    assert files.dump() == before


@pytest.mark.parametrize("path", ["x.txt", "C:x", "\\\\server\\share\\x", f"{TEMP}\\"])
def test_only_whole_paths(files: Files, path: str) -> None:
    with pytest.raises(FileProblem):
        files.write(path, b"")


# Scripts that copy

OLD_PUT = """begin {
$path = 'C:\\Windows\\Temp\\it''s.bin'
$fd = [System.IO.File]::Create($path)
}
process {
$bytes = [System.Convert]::FromBase64String($input)
}
end { }"""
OLD_FETCH = """$path = 'C:\\Windows\\Temp\\it''s.bin'
If (Test-Path -LiteralPath $path -PathType Leaf)
{
$buffer_size = 4
$offset = %d
$stream = New-Object -TypeName IO.FileStream($path, [IO.FileMode]::Open)
[System.Convert]::ToBase64String($bytes)
}"""
NEW_PUT = "param ($Path)\nbegin { $fd = [File]::Create($Path) } process { [Convert]::FromBase64String($InputObject) }"
NEW_FETCH = (
    "param ($Path, $BufferSize, $Offset)\n$s = [FileStream]::new($Path); [Convert]::ToBase64String($buffer, 0, $read)"
)
WRAPPER = (
    "$codeJson = foreach ($in in $input) { $in }\n$code = ConvertFrom-Json -InputObject $codeJson\n$input | & $cmd"
)
PATH = r"C:\Windows\Temp\it's.bin"


def wrapped(
    script: str, parameters: dict[str, object], *, lines: list[str] | None = None, packed: bool = False
) -> Script:
    """As ansible-core 2.19 (or, packed, 2.22) sends it."""
    inner = {"scripts": {"s": {"path": "s", "script": base64.b64encode(script.encode()).decode()}}}
    manifest = json.dumps({**inner, "actions": [{"name": "s", "params": parameters}], "signed_hashlist": []})
    if packed:
        manifest = base64.b64encode(gzip.compress(manifest.encode())).decode()
    head = json.dumps({"name": "exec_wrapper", "script": "...", "params": {"DecompressInput": packed}})
    data = [] if lines is None else [END_OF_SCRIPT, *lines]
    return Script(WRAPPER, lines=[head, END_OF_SCRIPT, manifest, *data])


PIECES = [base64.b64encode(piece).decode() for piece in (b"01234", b"567")]


@pytest.mark.parametrize(
    ("put", "fetch"),
    [
        (Script(OLD_PUT, lines=PIECES), lambda offset: Script(OLD_FETCH % offset)),
        *(
            (
                wrapped(NEW_PUT, {"Path": PATH}, lines=PIECES, packed=packed),
                lambda offset, packed=packed: wrapped(
                    NEW_FETCH, {"Path": PATH, "BufferSize": 4, "Offset": offset}, packed=packed
                ),
            )
            for packed in (False, True)
        ),
    ],
)
def test_a_file_is_copied_in_pieces(files: Files, put: Script, fetch: object) -> None:
    output = file_transfer.run(put, files, elevated=True)
    assert output is not None
    assert json.loads(output.stdout) == {"sha1": hashlib.sha1(b"01234567").hexdigest()}  # noqa: S324
    assert files.read(PATH) == b"01234567"
    pieces = [file_transfer.run(fetch(offset), files, elevated=True).stdout for offset in (0, 4, 8)]  # type: ignore[operator,union-attr]
    assert [base64.b64decode(piece) for piece in pieces] == [b"0123", b"4567", b""]


def test_what_copies_nothing_is_not_taken_for_a_copy(files: Files) -> None:
    for script in (Script("Get-Process"), Script(WRAPPER, lines=["{}"]), wrapped("Get-Process", {}), Script(WRAPPER)):
        assert file_transfer.run(script, files, elevated=True) is None


def test_failures_of_a_copy(files: Files) -> None:
    put = wrapped(NEW_PUT, {"Path": r"C:\nowhere\x"}, lines=PIECES)
    for script, elevated, said in (
        (put, True, "Could not find a part of the path"),
        (put, False, "is denied"),
        (wrapped(NEW_PUT, {"Path": PATH}, lines=["-"]), True, "Base-64"),
        (wrapped(NEW_FETCH, {"Path": PATH, "BufferSize": 4}), True, "does not exist"),
        (wrapped(NEW_FETCH, {"BufferSize": 4}), True, "path is missing"),
    ):
        output = file_transfer.run(script, files, elevated)
        assert output is not None
        assert output.exit_code == 1
        assert said in output.stderr
    output = file_transfer.run(wrapped(NEW_FETCH, {"Path": TEMP, "BufferSize": 4}), files, elevated=True)
    assert output is not None
    assert output.stdout == "[DIR]\r\n"


# The local GPO

KEY, NAME = r"Software\Policies\Microsoft\Windows\LanmanWorkstation", "AllowInsecureGuestAuth"
LISTED = "gPCMachineExtensionNames=[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]\r\n"


def pol(*rows: tuple[str, str, int, bytes]) -> bytes:
    def text(value: str) -> bytes:
        return f"{value}\0".encode("utf-16-le")

    entries = (
        b"[\0" + b";\0".join((text(k), text(n), struct.pack("<I", t), struct.pack("<I", len(d)), d)) + b"]\0"
        for k, n, t, d in rows
    )
    return b"PReg\x01\0\0\0" + b"".join(entries)


def put_policy(host: InProcessHost, content: bytes, version: int, extensions: str = LISTED) -> None:
    files = host.host.files
    if not files.is_folder(rf"{FOLDER}\Machine"):
        files.make_folder(rf"{FOLDER}\Machine")
    files.write(REGISTRY_POL, content)
    files.write(GPT_INI, f"[General]\r\n{extensions}Version={version}\r\n".encode())
    host.host.refresh_policy({})


def test_a_refresh_carries_the_file_out() -> None:
    host = InProcessHost()
    put_policy(host, pol((KEY, NAME, 4, b"\1\0\0\0"), (KEY, "S", 1, "x\0".encode("utf-16-le"))), 1)
    assert host.registry.get_dword(f"HKLM\\{KEY}", NAME) == 1
    assert host.client.running["EnableInsecureGuestLogons"] is True
    put_policy(host, pol((KEY, NAME, 4, b"\0\0\0\0")), 1)
    assert host.registry.get_dword(f"HKLM\\{KEY}", NAME) == 1, "the version did not change"
    put_policy(host, pol((KEY, NAME, 4, b"\0\0\0\0")), 2)
    assert host.registry.get_dword(f"HKLM\\{KEY}", NAME) == 0
    assert host.registry.get(f"HKLM\\{KEY}", "S") is None, "it came from the earlier file"
    host.registry.set(f"HKLM\\{KEY}", "Mine", "REG_DWORD", 1)
    put_policy(host, pol((KEY, "**del." + NAME, 1, " \0".encode("utf-16-le"))), 3)
    assert host.registry.get(f"HKLM\\{KEY}", NAME) is None
    assert host.registry.get_dword(f"HKLM\\{KEY}", "Mine") == 1, "it never came from the file"


def test_what_the_client_does_not_look_at() -> None:
    host = InProcessHost()
    put_policy(host, pol((KEY, NAME, 4, b"\1\0\0\0")), 1, extensions="")
    assert host.registry.get(f"HKLM\\{KEY}", NAME) is None, "no extension is named"
    put_policy(host, b"PRag\x01\0\0\0", 2)
    put_policy(host, pol((KEY, NAME, 4, b"\1\0\0\0"))[:-2], 3)
    assert host.registry.get(f"HKLM\\{KEY}", NAME) is None, "a damaged file is skipped"


def test_an_edition_that_ignores_the_files() -> None:
    host = InProcessHost("windows_11_24h2_home", quirks={"local_gpo_ignored": True})
    put_policy(host, pol((KEY, NAME, 4, b"\1\0\0\0")), 1)
    assert host.registry.get(f"HKLM\\{KEY}", NAME) is None


def test_gpupdate_and_saving() -> None:
    host = InProcessHost()
    saved = host.save()
    put_policy(host, pol((KEY, NAME, 4, b"\1\0\0\0")), 1)
    host.host.files.write(REGISTRY_POL, pol((KEY, NAME, 4, b"\0\0\0\0")))
    host.host.files.write(GPT_INI, f"[General]\r\n{LISTED}Version=2\r\n".encode())
    result = interpreter(host.host, host.user).run_cmd_line("gpupdate.exe /target:computer")
    assert (result.exit_code, host.registry.get_dword(f"HKLM\\{KEY}", NAME)) == (0, 0)
    assert interpreter(host.host, host.user).run_cmd_line("gpupdate /force").exit_code == 1
    host.load(saved)
    assert host.host.files.dump() == {}
    assert host.host.local_policy.version is None


def test_two_readings_of_registry_pol() -> None:
    rows = [(KEY, NAME, 4, b"\1\0\0\0"), ("K", "**DelVals.", 1, b" \0\0\0"), ("Sé]", "[;", 3, b"];[\0")]
    assert instructions(pol(*rows)) == rows
    for end in range(10, len(pol(rows[0]))):
        with pytest.raises(ValueError, match=r"entry|data"):
            instructions(pol(rows[0])[:end])
