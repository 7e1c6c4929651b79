# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registry.pol against a reader and writer that is not ours: Samba's, byte for byte in both directions."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
from pathlib import Path

import pytest
from system_packages import missing

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    RegistryPol,
    RegistryPolEntry,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.policy_files import (
    KEY,
    NAME,
    spaced,
)

JUDGE = Path(__file__).with_name("samba_preg.py")
SYSTEM_PYTHON = "/usr/bin/python3"

# What Samba knows how to pack: an empty REG_SZ and text that is no Unicode it refuses.
DATA = {
    1: [spaced(""), spaced(" "), spaced("text"), spaced("Ünïcode €")],
    2: [spaced("%SystemRoot%\\x")],
    3: [b"", b"\0", b"];[", bytes(range(256))],
    4: [struct.pack("<I", number) for number in (0, 1, 0xFFFFFFFF)],
    7: [b"\0\0", spaced("a") + spaced("b") + b"\0\0"],
    11: [struct.pack("<Q", 1 << 40)],
}
KEYS = [KEY, KEY.upper(), "K", "Software\\[odd];key", "Söftware\\ключ"]
NAMES = [NAME, "**del." + NAME, "**DelVals.", "**Comment:GPO Name", "näme;]", "x" * 259]


@pytest.fixture(scope="module")
def samba():
    lacking = missing(["python3-samba"])
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")

    def ask(items):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [SYSTEM_PYTHON, str(JUDGE)]
        result = subprocess.run(
            command, input=json.dumps(items), check=True, stdout=subprocess.PIPE, text=True, env=environ
        )
        return json.loads(result.stdout)

    return ask


def files(count: int) -> list[RegistryPol]:
    """Files of entries of every type, the same ones every time."""
    choose = random.Random(0x67655250)

    def entry() -> RegistryPolEntry:
        type_ = choose.choice(list(DATA))
        return RegistryPolEntry(choose.choice(KEYS), choose.choice(NAMES), type_, choose.choice(DATA[type_]))

    return [RegistryPol(tuple(entry() for _number in range(choose.randrange(8)))) for _number in range(count)]


def test_samba_reads_what_we_write_and_writes_the_same_bytes(samba):
    ours = files(300)
    ours += [pol.set(RegistryPolEntry.dword(KEY, NAME, 1)) for pol in ours[:50]] + [
        pol.write_back(KEY, NAME) for pol in ours[:50]
    ]
    answers = samba([pol.to_bytes().hex() for pol in ours])
    for pol, (entries, content) in zip(ours, answers, strict=True):
        assert entries == [[entry.key, entry.name, entry.type, len(entry.data)] for entry in pol.entries]
        assert bytes.fromhex(content) == pol.to_bytes()


def test_we_read_what_samba_writes(samba):
    wanted = [
        [[KEY, NAME, 4, 1], [KEY, "**del.Other", 1, " "], ["K", "V", 2, "%x%"], ["K", "B", 11, 1 << 40]],
        [[KEY, NAME, 4, 0]],
        [],
    ]
    first, second, none = (RegistryPol.parse(bytes.fromhex(content)) for content in samba(wanted))
    assert first.entries == (
        RegistryPolEntry.dword(KEY, NAME, 1),
        RegistryPolEntry(KEY, "**del.Other", 1, spaced(" ")),
        RegistryPolEntry("K", "V", 2, spaced("%x%")),
        RegistryPolEntry("K", "B", 11, struct.pack("<Q", 1 << 40)),
    )
    assert second == RegistryPol((RegistryPolEntry.dword(KEY, NAME, 0),))
    assert none == RegistryPol()


def test_a_file_that_ends_too_early_is_refused_by_both(samba):
    whole = RegistryPol((RegistryPolEntry.dword(KEY, NAME, 1),)).to_bytes()
    cut = [whole[:end] for end in range(10, len(whole))]
    # Samba does not miss the last mark: it looks at sizes only.
    assert all(isinstance(answer, str) for answer in samba([content.hex() for content in cut[:-2]]))
    for content in cut:
        with pytest.raises(DamagedFile):
            RegistryPol.parse(content)
