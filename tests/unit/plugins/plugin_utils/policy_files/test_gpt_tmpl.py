# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GptTmpl.inf: security options among sections and lines that are not ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import CannotBeWritten, DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_tmpl import GptTmpl, TemplateValue
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.policy_files import (
    damaged,
    reads_or_refuses,
)

KEY, NAME = r"System\CurrentControlSet\Services\LanmanWorkstation\Parameters", "RequireSecuritySignature"
LINE = rf"MACHINE\{KEY}\{NAME}"
HEAD = '[Unicode]\r\nUnicode=yes\r\n[Version]\r\nsignature="$CHICAGO$"\r\nRevision=1\r\n'
FOREIGN = (
    HEAD + "[System Access]\r\nMinimumPasswordLength = 8\r\n[Registry Values]\r\n"
    'MACHINE\\Software\\X\\Y=7,a,b\r\n"MACHINE\\Software\\X\\Z"=1,"text; more"\r\n[Privilege Rights]\r\n'
    'SeNetworkLogonRight = *S-1-1-0\r\n[File Security]\r\n"%SystemRoot%\\x",2,"D:PAR"\r\n'
)
ON, OFF = TemplateValue.dword(1), TemplateValue.dword(0)


def utf16(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le", "surrogatepass")


FILES = [utf16(text) for text in (HEAD, FOREIGN, FOREIGN.replace("\r\n", "\n"), FOREIGN + f"; \ud800 {LINE}=4,1")]


@pytest.mark.parametrize("content", FILES)
def test_every_file_comes_back(content):
    assert GptTmpl.parse(content).to_bytes() == content


@pytest.mark.parametrize("content", FILES)
def test_a_value_comes_and_goes_without_a_trace(content):
    template = GptTmpl.parse(content)
    assert template.get(KEY, NAME) is None
    edited = GptTmpl.parse(template.set(KEY, NAME, ON).to_bytes())
    assert edited.get(KEY.upper(), NAME.lower()) == ON == TemplateValue(4, "1")
    assert edited.set(KEY, NAME, OFF).get(KEY, NAME) == OFF
    assert edited.remove(KEY, NAME).to_bytes() == content


def test_lines_as_the_editor_writes_them():
    assert GptTmpl.new().set(KEY, NAME, ON).to_bytes() == utf16(HEAD + f"[Registry Values]\r\n{LINE}=4,1\r\n")
    assert GptTmpl.new().to_bytes() == utf16(HEAD)
    assert GptTmpl.new().is_new
    assert GptTmpl.new().set(KEY, NAME, ON).remove(KEY, NAME).is_new
    assert not GptTmpl.parse(FILES[1]).is_new


def test_a_value_is_changed_in_its_place():
    content = utf16(HEAD + f'[registry values]\r\na=4,0\r\n"{LINE.upper()}" = 4 , 0 \r\nb=4,0\r\n')
    template = GptTmpl.parse(content)
    assert template.get(KEY, NAME) == OFF
    assert template.set(KEY, NAME, ON).to_bytes() == utf16(
        HEAD + f'[registry values]\r\na=4,0\r\n"{LINE.upper()}" = 4,1 \r\nb=4,0\r\n'
    )


def test_a_section_without_a_line_break_at_the_end():
    template = GptTmpl.parse(utf16(HEAD + "[Registry Values]")).set(KEY, NAME, ON)
    assert template.to_bytes() == utf16(HEAD + f"[Registry Values]\r\n{LINE}=4,1\r\n")
    template = GptTmpl.parse(utf16(HEAD.rstrip())).set(KEY, NAME, ON)
    assert template.to_bytes() == utf16(HEAD + f"[Registry Values]\r\n{LINE}=4,1\r\n")


@pytest.mark.parametrize(
    ("said", "value", "number"),
    [
        ("4,1", TemplateValue(4, "1"), 1),
        ("4,4294967295", TemplateValue(4, "4294967295"), 0xFFFFFFFF),
        ("4,4294967296", TemplateValue(4, "4294967296"), None),
        ("4,", TemplateValue(4, ""), None),
        ("4,-1", TemplateValue(4, "-1"), None),
        ('1,"1"', TemplateValue(1, '"1"'), None),
        ("3,1", TemplateValue(3, "1"), None),
    ],
)
def test_types_and_numbers(said, value, number):
    found = GptTmpl.parse(utf16(HEAD + f"[Registry Values]\r\n{LINE}={said}\r\n")).get(KEY, NAME)
    assert found == value
    assert found.number == number


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "encoding"),
        (HEAD.encode(), "encoding"),
        (b"\xfe\xff" + HEAD.encode("utf-16-be"), "encoding"),
        (utf16(HEAD) + b"x", "encoding"),
        (utf16(""), "signature"),
        (utf16(HEAD.replace("CHICAGO", "Chicago")), "signature"),
        (utf16(HEAD + HEAD), "duplicate"),
        (utf16(FOREIGN + "[REGISTRY VALUES]\r\n"), "duplicate"),
        (b"\xff\xfe" + bytes(16 * 1024 * 1024), "too_large"),
    ],
)
def test_what_is_wrong_is_reported(content, problem):
    with pytest.raises(DamagedFile, match=r"^GptTmpl\.inf ") as caught:
        GptTmpl.parse(content)
    assert caught.value.problem == problem


def test_a_value_that_is_there_twice_or_without_a_type_is_neither_read_nor_written():
    twice = GptTmpl.parse(utf16(HEAD + f"[Registry Values]\r\n{LINE}=4,1\r\n{LINE.lower()}=4,0\r\n"))
    for action in (lambda: twice.get(KEY, NAME), lambda: twice.set(KEY, NAME, ON), lambda: twice.remove(KEY, NAME)):
        with pytest.raises(DamagedFile) as caught:
            action()
        assert caught.value.problem == "duplicate"
    untyped = GptTmpl.parse(utf16(HEAD + f"[Registry Values]\r\n{LINE}=on\r\n"))
    with pytest.raises(DamagedFile) as caught:
        untyped.get(KEY, NAME)
    assert caught.value.problem == "value"


@given(damaged(FILES))
def test_a_damaged_file_is_refused_or_another_file(content):
    if reads_or_refuses(GptTmpl.parse, content):
        template = GptTmpl.parse(content)
        assert template.to_bytes() == content
        if reads_or_refuses(lambda _: template.get(KEY, NAME), content):
            assert GptTmpl.parse(template.set(KEY, NAME, ON).to_bytes()).get(KEY, NAME) == ON


@pytest.mark.parametrize(("key", "name"), [("", NAME), (KEY, ""), (KEY + "=", NAME), (KEY, '"'), (KEY, "a\r\nb")])
def test_what_no_line_can_name_is_refused(key, name):
    for action in (lambda: GptTmpl.new().get(key, name), lambda: GptTmpl.new().set(key, name, ON)):
        with pytest.raises(CannotBeWritten):
            action()
    with pytest.raises(CannotBeWritten):
        TemplateValue.dword(-1)
    with pytest.raises(CannotBeWritten):
        GptTmpl.new().set(KEY, NAME, TemplateValue(1, '"a"\r\n[x]'))


@given(st.text(max_size=30))
def test_lines_of_any_text_are_kept(text):
    content = utf16(HEAD + "[Profile Description]\r\n" + text)
    if reads_or_refuses(GptTmpl.parse, content):
        assert GptTmpl.parse(content).to_bytes() == content
