# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""gpt.ini: version halves, the extension list, and everything else as it was."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import CannotBeWritten, DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_ini import GptIni, Version
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.policy_files import (
    damaged,
    reads_or_refuses,
)

NAMES = "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]"
PLAIN = b"[General]\r\nVersion=65537\r\n"
ODD = (
    b"; a comment, \xe4\xf6\xfc\r\n[Other]\r\nVersion=99\r\n\r\n[general]\r\n;Version=7\r\n"
    b"displayName = New Group Policy Object \r\nVERSION =  131075 \r\nunknown\r\n[Last]\r\nx=y"
)
FILES = [PLAIN, ODD, PLAIN.replace(b"\r\n", b"\n"), PLAIN.replace(b"\r\n", b"\r"), b"[General]\nVersion=1"]

# Lines of a file around the two that must be there, with each kind of line break.
LINES = st.sampled_from([b"", b"; c", b"x = 1", b"displayName=\xe9", b"=", b"[", b"gPCUserExtensionNames=[]", b"\t"])
BREAKS = st.sampled_from([b"\r\n", b"\n", b"\r"])


@st.composite
def files(draw):
    def lines():
        return draw(st.lists(LINES, max_size=3))

    section = [*lines(), b"Version=%d" % draw(st.integers(-(2**31), 2**32 - 1)), *lines()]
    whole = [*lines(), b"[General]", *section, b"[Other]", b"Version=x", *lines()]
    content = b"".join(line + draw(BREAKS) for line in whole)
    return content if draw(st.booleans()) else content.rstrip(b"\r\n")


@given(files())
def test_every_file_comes_back(content):
    assert GptIni.parse(content).to_bytes() == content


@pytest.mark.parametrize("content", FILES)
def test_only_the_version_changes(content):
    ini = GptIni.parse(content)
    edited = ini.with_version(ini.version.next_machine())
    assert GptIni.parse(edited.to_bytes()).version == ini.version.next_machine()
    digits = str(ini.version.number).encode()
    assert edited.to_bytes() == content.replace(digits, str(ini.version.number + 1).encode())
    assert edited.with_version(ini.version).to_bytes() == content


@given(files())
@example(b"\r[General]\r\n\nVersion=0\r\n")  # a new line that ends with CR, as the first does, above an LF
def test_an_extension_list_comes_and_goes_without_a_trace(content):
    ini = GptIni.parse(content)
    edited = GptIni.parse(ini.with_machine_extensions(NAMES).to_bytes())
    assert edited.machine_extensions == NAMES
    assert edited.version == ini.version
    assert edited.with_machine_extensions(None).to_bytes() == content
    assert ini.with_machine_extensions(None).to_bytes() == content


def test_the_list_goes_below_the_heading_with_the_line_break_of_the_file():
    assert GptIni.parse(b"[General]\nVersion=1").with_machine_extensions(NAMES).to_bytes() == (
        f"[General]\ngPCMachineExtensionNames={NAMES}\nVersion=1".encode()
    )


def test_a_list_that_is_there_is_changed_in_its_place():
    ini = GptIni.parse(b"[General]\r\nVersion=1\r\ngpcmachineextensionnames = [{A}]\r\nlast=1\r\n")
    assert ini.machine_extensions == "[{A}]"
    assert ini.with_machine_extensions(NAMES).to_bytes() == (
        f"[General]\r\nVersion=1\r\ngpcmachineextensionnames = {NAMES}\r\nlast=1\r\n".encode()
    )


def test_a_new_file():
    assert GptIni.new().to_bytes() == b"[General]\r\nVersion=0\r\n"
    assert GptIni.new().version == Version(0, 0)


def test_a_version_with_a_sign_stays_one_with_a_sign():
    ini = GptIni.parse(b"[General]\r\nVersion=-65535\r\n")
    assert ini.version == Version(0xFFFF, 1)
    assert ini.with_version(ini.version.next_machine()).to_bytes() == b"[General]\r\nVersion=-65534\r\n"


def test_versions():
    assert Version.from_number(9437184) == Version(144, 0)
    assert Version(2, 3).number == 0x20003
    assert Version(0x8000, 0).signed == -(2**31)
    assert Version.from_number(-(2**31)) == Version(0x8000, 0)
    assert Version(1, 5).next_machine() == Version(1, 6)
    assert Version(1, 5).next_machine(Version(3, 4)) == Version(3, 6)
    assert Version(1, 5).next_machine(Version(0, 9)) == Version(1, 10)
    assert Version(1, 0xFFFF).next_machine() == Version(1, 1)
    for number in (2**32, -(2**31) - 1):
        with pytest.raises(CannotBeWritten):
            Version.from_number(number)
    with pytest.raises(CannotBeWritten):
        Version(0, 0x10000)


@given(st.integers(-(2**31), 2**32 - 1))
def test_every_number_is_two_halves(number):
    version = Version.from_number(number)
    assert (version.number, version.signed) == (number % 2**32, (number + 2**31) % 2**32 - 2**31)
    assert version.next_machine().user == version.user
    assert version.next_machine().machine != 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "missing"),
        (b"Version=1\r\n", "missing"),
        (b"[General]\r\n", "missing"),
        (b"[Other]\r\nVersion=1\r\n[General]\r\n", "missing"),
        (b"\xef\xbb\xbf" + PLAIN, "missing"),
        (PLAIN.decode().encode("utf-16-le"), "encoding"),
        (PLAIN + b"version=2\r\n", "duplicate"),
        (PLAIN + b"[GENERAL]\r\n", "duplicate"),
        (PLAIN + b"gPCMachineExtensionNames=\r\nGPCMACHINEEXTENSIONNAMES=\r\n", "duplicate"),
        (b"[General]\r\nVersion=\r\n", "value"),
        (b"[General]\r\nVersion=1x\r\n", "value"),
        (b"[General]\r\nVersion=\xb2\r\n", "value"),
        (b"[General]\r\nVersion=4294967296\r\n", "value"),
        (b"[General]\r\nVersion=-2147483649\r\n", "value"),
        (b"x" * 1024 * 1025, "too_large"),
    ],
)
def test_what_is_wrong_is_reported(content, problem):
    with pytest.raises(DamagedFile, match=r"^gpt\.ini ") as caught:
        GptIni.parse(content)
    assert caught.value.problem == problem


@given(damaged(FILES))
def test_a_damaged_file_is_refused_or_another_file(content):
    if reads_or_refuses(GptIni.parse, content):
        ini = GptIni.parse(content)
        assert ini.to_bytes() == content
        assert GptIni.parse(ini.with_version(Version(7, 7)).to_bytes()).version == Version(7, 7)


@pytest.mark.parametrize("names", ["[{A}]\r\nVersion=9", "\0", " [{A}]", "\u200f"])
def test_a_list_that_no_line_can_hold_is_not_written(names):
    with pytest.raises(CannotBeWritten):
        GptIni.new().with_machine_extensions(names)


def test_utf_16_with_a_mark_is_read_and_kept():
    wide = PLAIN.decode().encode("utf-16")
    ini = GptIni.parse(wide)
    assert ini.version == GptIni.parse(PLAIN).version
    assert ini.to_bytes() == wide
    changed = ini.with_version(Version(3, 4)).to_bytes()
    assert changed.startswith(b"\xff\xfe")
    assert GptIni.parse(changed).version == Version(3, 4)
    with pytest.raises(DamagedFile):
        GptIni.parse(b"\xff\xfe" + "[Other]\r\n".encode("utf-16-le"))
