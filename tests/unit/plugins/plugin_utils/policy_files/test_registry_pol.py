# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registry.pol: bytes both ways, what an instruction does, one value edited among others, damaged files."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import CannotBeWritten, DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    MAX_BYTES,
    Effect,
    Placed,
    RegistryPol,
    RegistryPolEntry,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.policy_files import (
    ANY,
    FILES,
    KEY,
    LEAF,
    NAME,
    PARENT,
    damaged,
    reads_or_refuses,
    spaced,
)

ON, OFF = RegistryPolEntry.dword(KEY, NAME, 1), RegistryPolEntry.dword(KEY, NAME, 0)
OTHER = RegistryPolEntry.dword(KEY, "RequireEncryption", 1)
# Typed by hand from MS-GPREG 2.2.1, not made by the code under test.
BY_HAND = (
    b"PReg\x01\0\0\0"
    b"[\0S\0o\0f\0t\0\\\0K\0\0\0;\0V\0\0\0;\0\x04\0\0\0;\0\x04\0\0\0;\0\x01\0\0\0]\0"
    b"[\0K\0\0\0;\0*\0*\0d\0e\0l\0.\0V\0\0\0;\0\x01\0\0\0;\0\x04\0\0\0;\0 \0\0\0]\0"
)


def test_the_bytes_of_the_specification():
    pol = RegistryPol.parse(BY_HAND)
    assert pol.entries == (
        RegistryPolEntry("Soft\\K", "V", 4, b"\x01\0\0\0"),
        RegistryPolEntry("K", "**del.V", 1, b" \0\0\0"),
    )
    assert pol.to_bytes() == BY_HAND


def test_an_empty_file_is_a_header():
    assert RegistryPol().to_bytes() == b"PReg\x01\0\0\0"
    assert RegistryPol.parse(b"PReg\x01\0\0\0") == RegistryPol()


@given(FILES)
def test_every_file_comes_back(pol):
    content = pol.to_bytes()
    assert RegistryPol.parse(content) == pol
    assert RegistryPol.parse(content).to_bytes() == content


@given(st.lists(ANY, min_size=1, max_size=4).map(lambda entries: RegistryPol(tuple(entries)).to_bytes()), st.data())
def test_a_damaged_file_is_refused_or_another_file(content, data):
    other = data.draw(damaged([content, BY_HAND]))
    if reads_or_refuses(RegistryPol.parse, other):
        assert RegistryPol.parse(other).to_bytes() == other


@given(st.binary(max_size=60))
def test_anything_behind_a_header_is_read_or_refused(tail):
    reads_or_refuses(RegistryPol.parse, b"PReg\x01\0\0\0" + tail)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "signature"),
        (b"PRe", "signature"),
        (b"preg\x01\0\0\0", "signature"),
        (b"PReg", "version"),
        (b"PReg\x02\0\0\0", "version"),
        (BY_HAND[:-1], "truncated"),
        (BY_HAND[:-3], "truncated"),
        (BY_HAND + b"\0", "truncated"),
        (BY_HAND + b"\0\0", "delimiter"),
        (BY_HAND.replace(b"]\0[", b"}\0["), "delimiter"),
        (BY_HAND.replace(b"V\0\0\0;", b"V\0;\0;"), "delimiter"),
        (BY_HAND[:8] + b"[\0K\0", "truncated"),
        (BY_HAND.replace(b";\0\x04\0\0\0;\0\x01", b";\0\xff\xff\xff\xff;\0\x01"), "truncated"),
    ],
)
def test_what_is_wrong_is_reported(content, problem):
    with pytest.raises(DamagedFile, match=r"^Registry\.pol ") as caught:
        RegistryPol.parse(content)
    assert caught.value.problem == problem


def test_a_file_beyond_all_measure_is_not_read():
    with pytest.raises(DamagedFile) as caught:
        RegistryPol.parse(b"PReg\x01\0\0\0" + bytes(MAX_BYTES))
    assert caught.value.problem == "too_large"


SOFT, DEL = (
    RegistryPolEntry(KEY, "**soft." + NAME, 4, b"\1\0\0\0"),
    RegistryPolEntry(KEY.lower(), "**DEL." + NAME, 1, spaced(" ")),
)
ALL = RegistryPolEntry(KEY, "**DelVals.", 1, spaced(" "))
LISTED = RegistryPolEntry(KEY, "**DeleteValues", 1, spaced("Other;" + NAME.lower()))
KEYS = RegistryPolEntry(PARENT, "**DeleteKeys", 1, spaced("Other;" + LEAF))


@pytest.mark.parametrize(
    ("entries", "effect"),
    [
        ([], None),
        ([OTHER], None),
        ([RegistryPolEntry(KEY + "x", NAME, 4, b"\1\0\0\0")], None),
        ([RegistryPolEntry(KEY, NAME.swapcase(), 4, b"\1\0\0\0")], ("set", 0)),
        ([ON, OFF], ("set", 1)),
        ([ON, DEL], ("delete", 1)),
        ([DEL, ON], ("set", 1)),
        ([ON, ALL], ("delete", 1)),
        ([ON, LISTED], ("delete", 1)),
        ([ON, RegistryPolEntry(KEY, "**DeleteValues", 1, spaced("Other"))], ("set", 0)),
        ([ON, RegistryPolEntry(KEY, "**DeleteValues", 1, b"odd")], ("set", 0)),
        ([ON, KEYS], ("delete", 1)),
        ([ON, RegistryPolEntry(PARENT, "**DeleteKeys", 1, spaced(LEAF[:-1]))], ("set", 0)),
        ([ON, RegistryPolEntry(PARENT.rsplit("\\", 1)[0], "**DeleteKeys", 1, spaced("Windows"))], ("delete", 1)),
        ([SOFT], ("create", 0)),
        ([OFF, SOFT], ("set", 0)),
        ([SOFT, SOFT], ("create", 0)),
        ([DEL, SOFT], ("create", 1)),
        ([ON, RegistryPolEntry(KEY, "**SecureKey", 4, b"\1\0\0\0")], ("set", 0)),
    ],
)
def test_what_a_file_does_to_a_value(entries, effect):
    expected = effect and Effect(effect[0], entries[effect[1]])
    assert RegistryPol(tuple(entries)).effect(KEY, NAME) == expected


def test_numbers():
    assert (ON.number, OFF.number) == (1, 0)
    assert RegistryPolEntry(KEY, NAME, 1, b"1\0\0\0").number is None
    assert RegistryPolEntry(KEY, NAME, 4, b"\1\0\0").number is None
    assert RegistryPolEntry.dword(KEY, NAME, 0xFFFFFFFF).data == struct.pack("<I", 0xFFFFFFFF)


@given(FILES, st.sampled_from([ON, OFF]))
def test_set_decides_and_touches_nothing_else(pol, entry):
    edited = pol.set(entry)
    assert edited.effect(KEY, NAME) == Effect("set", entry)
    assert [placed.entry for placed in edited.about(KEY, NAME)] == [entry]
    others = [kept for kept in pol.entries if not kept.is_about(KEY, NAME)]
    assert [kept for kept in edited.entries if not kept.is_about(KEY, NAME)] == others
    assert edited.set(entry) == edited


@given(FILES, st.lists(st.sampled_from([ON, OFF]), min_size=1, max_size=3))
def test_restore_gives_the_old_file(pol, entries):
    remembered = pol.about(KEY, NAME)
    edited = pol
    for entry in entries:
        edited = edited.set(entry)
    assert edited.write_back(KEY, NAME, remembered).to_bytes() == pol.to_bytes()


@given(FILES)
def test_nothing_remembered_is_not_configured(pol):
    edited = pol.write_back(KEY, NAME)
    assert edited.about(KEY, NAME) == ()
    assert [kept for kept in pol.entries if not kept.is_about(KEY, NAME)] == list(edited.entries)


@given(FILES, FILES)
def test_restore_into_another_file(pol, other):
    remembered = pol.about(KEY, NAME)
    edited = other.write_back(KEY, NAME, remembered)
    assert [placed.entry for placed in edited.about(KEY, NAME)] == [placed.entry for placed in remembered]
    assert RegistryPol.parse(edited.to_bytes()) == edited


def test_an_entry_keeps_its_place_unless_a_deletion_follows():
    assert RegistryPol((OFF, OTHER)).set(ON).entries == (ON, OTHER)
    assert RegistryPol((OFF, ALL)).set(ON).entries == (ALL, ON)
    assert RegistryPol((OFF, ALL, OTHER)).set(ON).entries == (ALL, OTHER, ON)
    assert RegistryPol((DEL, OTHER, OFF)).set(ON).entries == (OTHER, ON)


@pytest.mark.parametrize(
    "entry",
    [
        RegistryPolEntry("", NAME, 4, b""),
        RegistryPolEntry("\\", NAME, 4, b""),
        RegistryPolEntry("Key\\", NAME, 4, b""),
        RegistryPolEntry("Ke\0y", NAME, 4, b""),
        RegistryPolEntry(KEY, "", 4, b""),
        RegistryPolEntry(KEY, "N\0", 4, b""),
        RegistryPolEntry(KEY, "**del.x", 4, b""),
        RegistryPolEntry(KEY, "n" * 260, 4, b""),
        RegistryPolEntry(KEY, NAME, -1, b""),
        RegistryPolEntry(KEY, NAME, 3, bytes(0x10000)),
    ],
)
def test_what_no_file_can_hold_is_not_written(entry):
    with pytest.raises(CannotBeWritten):
        RegistryPol().set(entry)


def test_what_was_remembered_of_another_value_is_refused():
    with pytest.raises(CannotBeWritten, match="RequireEncryption"):
        RegistryPol().write_back(KEY, NAME, [Placed(0, OTHER)])
    with pytest.raises(CannotBeWritten):
        RegistryPolEntry.dword(KEY, NAME, 1 << 32)
