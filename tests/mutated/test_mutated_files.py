"""Policy files that are damaged anywhere: each is read, and written back as it is, or is a damaged file."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from damage import CHUNK

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_ini import GptIni
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_tmpl import GptTmpl
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import RegistryPol

KEY = "SOFTWARE\\Policies\\Microsoft\\Windows\\LanmanWorkstation"
PARAMETERS = "System\\CurrentControlSet\\Services\\LanmanWorkstation\\Parameters"


def _entry(key: str, name: str, kind: int, data: bytes) -> bytes:
    """An instruction of Registry.pol, byte for byte (MS-GPREG 2.2.1)."""

    def wide(text: str) -> bytes:
        return text.encode("utf-16-le")

    numbers = struct.pack("<I", kind) + wide(";") + struct.pack("<I", len(data))
    return wide(f"[{key}\0;{name}\0;") + numbers + wide(";") + data + wide("]")


POL = b"PReg\x01\0\0\0" + b"".join(
    (
        _entry(KEY, "AllowInsecureGuestAuth", 4, struct.pack("<I", 1)),
        _entry(KEY, "**del.Other", 1, " \0".encode("utf-16-le")),
        _entry("SOFTWARE\\Vendor", "Text", 1, "Größe\0".encode("utf-16-le")),
    )
)
INI = b"[General]\r\nVersion=65537\r\ngPCMachineExtensionNames=[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}]\r\n"
INF = b"\xff\xfe" + (
    '[Unicode]\r\nUnicode=yes\r\n[Version]\r\nsignature="$CHICAGO$"\r\nRevision=1\r\n'
    f"[Registry Values]\r\nMACHINE\\{PARAMETERS}\\RequireSecuritySignature=4,1\r\n"
).encode("utf-16-le")


def _registry_pol(content: bytes) -> bytes:
    pol = RegistryPol.parse(content)
    pol.effect(KEY, "AllowInsecureGuestAuth")
    return pol.to_bytes()


def _gpt_ini(content: bytes) -> bytes:
    ini = GptIni.parse(content)
    assert ini.version.number >= 0
    return ini.to_bytes()


def _gpt_tmpl(content: bytes) -> bytes:
    template = GptTmpl.parse(content)
    template.get(PARAMETERS, "RequireSecuritySignature")
    return template.to_bytes()


FILES: Mapping[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "Registry.pol": (POL, _registry_pol),
    "GPT.INI": (INI, _gpt_ini),
    "GptTmpl.inf": (INF, _gpt_tmpl),
}
PIECES = (
    *(
        b"\0",
        b"\0\0",
        b"\xff",
        b"\xff\xff\xff\xff",
        b"[",
        b"[\0",
        b"]\0",
        b";\0",
        b"\r",
        b"\n",
        b"=",
        b'"',
        b"\x00\xd8",
    ),
    *(
        b"\xfe\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"-",
        b"9" * 40,
        b"[General]\r\n",
        b"Version=1\r\n",
        b"0x1",
        b"\x1b[31m",
    ),
)


def _damaged(chance: random.Random, data: bytes) -> bytes:
    for _each in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 1, 2, 8, 40)))
        part = chance.choice((b"", chance.choice(PIECES), data[at:end] * 2))
        data = data[: chance.choice((at, at, at, end))] + part + (data[end:] if chance.random() < 0.9 else b"")
    return data


def test_whole_files_are_read() -> None:
    for content, read in FILES.values():
        assert read(content) == content


def test_damaged_files(chunk: int, seed: int) -> None:
    refused = whole = 0
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        chance = random.Random(seed * 1_000_003 + number)
        name = chance.choice(list(FILES))
        content, read = FILES[name]
        damaged = _damaged(chance, content)
        try:
            written: Any = read(damaged)
        except (DamagedFile, SmbGuestError):
            refused += 1
        except Exception as error:  # noqa: BLE001  (which one is what the test looks for)
            pytest.fail(f"{error!r} ({name}, seed {seed}, number {number})")
        else:
            whole += 1
            if written != damaged:
                pytest.fail(f"written back differently ({name}, seed {seed}, number {number})")
    assert refused > CHUNK / 10
    assert whole > CHUNK / 50
