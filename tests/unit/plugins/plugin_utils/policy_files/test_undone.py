# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file sets on a host and its undo takes away, in a registry that shares no code with the writers.

The model reads as regedit, LGPO.exe and secedit do: names in any case, a later line over an earlier one.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.forms import FORMS, left_out, written_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_places import PolicyDocument
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS

Values = dict[tuple[str, str], int]

_POLICY = r"software\policies\microsoft\windows\lanman"
_SERVICE = r"system\currentcontrolset\services\lanman{}\parameters"
PLACES = {
    "insecure_guest_logons": (f"{_POLICY}workstation", "allowinsecureguestauth"),
    "client_signing": (_SERVICE.format("workstation"), "requiresecuritysignature"),
    "client_encryption": (f"{_POLICY}workstation", "requireencryption"),
    "server_signing": (_SERVICE.format("server"), "requiresecuritysignature"),
    "server_encryption": (_SERVICE.format("server"), "encryptdata"),
    "audit_insecure_guest_logons": (f"{_POLICY}workstation", "auditinsecureguestlogon"),
    "audit_server_without_signing": (f"{_POLICY}workstation", "auditserverdoesnotsupportsigning"),
    "audit_server_without_encryption": (f"{_POLICY}workstation", "auditserverdoesnotsupportencryption"),
    "server_audit_insecure_guest_logons": (f"{_POLICY}server", "auditinsecureguestlogon"),
    "server_audit_client_without_signing": (f"{_POLICY}server", "auditclientdoesnotsupportsigning"),
    "server_audit_client_without_encryption": (f"{_POLICY}server", "auditclientdoesnotsupportencryption"),
}
FOREIGN: Values = {
    (f"{_POLICY}workstation", "enablemailslots"): 0,
    (_SERVICE.format("server"), "autodisconnect"): 15,
    (r"software\theirs", "value"): 7,
}


def text_of(content: bytes) -> str:
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding)
    return content.decode()


def import_reg(values: Values, content: bytes) -> None:
    key = ""
    for line in text_of(content).split("\r\n"):
        if found := re.fullmatch(r"\[HKEY_LOCAL_MACHINE\\(.+)\]", line):
            key = found[1].lower()
        elif found := re.fullmatch(r'"(.+)"=(?:dword:([0-9a-f]{8})|-)', line):
            _set(values, key, found[1], None if found[2] is None else int(found[2], 16))
        else:
            assert not line or line[0] == ";" or line == "Windows Registry Editor Version 5.00", line


def apply_lgpo(values: Values, content: bytes) -> None:
    lines = [line for line in text_of(content).split("\r\n") if line and line[0] != ";"]
    assert len(lines) % 4 == 0
    for half, key, name, action in zip(*[iter(lines)] * 4, strict=True):
        assert half == "Computer"
        _set(values, key, name, None if action == "DELETE" else int(action.removeprefix("DWORD:")))


def apply_pol(values: Values, content: bytes) -> None:
    """MS-GPREG 2.2.1: `[key;value;type;size;data]`, texts ended by a NUL."""
    assert content[:8] == b"PReg\x01\0\0\0"
    rest = content[8:]
    while rest:
        key, rest = _ended(rest[2:])
        name, rest = _ended(rest[2:])
        kind, size, number = struct.unpack_from("<2xI2xI2xI", rest)
        assert (kind, size, rest[18:20]) == (4, 4, b"]\0")
        _set(values, key, name, number)
        rest = rest[20:]


def _ended(content: bytes) -> tuple[str, bytes]:
    """A text that ends with a NUL, and what follows it."""
    text, _nul, _rest = content.decode("utf-16-le", errors="replace").partition("\0")
    return text, content[2 * len(text) + 2 :]


def configure(values: Values, content: bytes) -> None:
    section = ""
    for line in text_of(content).split("\r\n"):
        section = line if line.startswith("[") else section
        if section == "[Registry Values]" and (found := re.fullmatch(r"MACHINE\\(.+)\\(.+)=4,(\d+)", line)):
            _set(values, found[1], found[2], int(found[3]))


def _set(values: Values, key: str, name: str, number: int | None) -> None:
    if number is None:
        values.pop((key.lower(), name.lower()), None)
    else:
        values[key.lower(), name.lower()] = number


APPLIED: Mapping[str, tuple[tuple[str, Callable[[Values, bytes], None]], ...]] = {
    "reg": (("apply.reg", import_reg),),
    "lgpo": (("policy.txt", apply_lgpo), ("registry.pol", apply_pol)),
    "security_template": (("GptTmpl.inf", configure),),
    "gpmc_backup": (("registry.pol", apply_pol), ("GptTmpl.inf", configure)),
}
"""The files of a form, and what applies each. Each file of lgpo carries everything by itself."""
UNDONE = {"reg": ("undo.reg", import_reg), "lgpo": ("undo.txt", apply_lgpo)}


def _expected(form: str, settings: Mapping[str, bool]) -> Values:
    gone = left_out(form, [SETTINGS[name] for name in settings])
    return {PLACES[name]: int(value) for name, value in settings.items() if name not in gone}


@pytest.mark.parametrize("form", APPLIED)
@given(settings=st.dictionaries(st.sampled_from(sorted(PLACES)), st.booleans(), min_size=1), held=st.booleans())
def test_a_file_sets_what_was_asked_and_its_undo_takes_that_away(
    form: str, settings: dict[str, bool], held: bool
) -> None:
    document = PolicyDocument(
        "x", {SETTINGS[name]: value for name, value in settings.items()}, datetime(2026, 12, 1, tzinfo=UTC), ""
    )
    files = written_files(form, document)
    expected = _expected(form, settings)
    earlier = dict.fromkeys(expected, 1) if held else {}  # somebody had set them before
    applied = {**FOREIGN, **earlier}
    for name, apply in APPLIED[form]:
        whole = {**FOREIGN, **earlier}
        for path in [path for path in files if path.endswith(name)]:
            apply(applied, files[path])
            apply(whole, files[path])
            assert form != "lgpo" or whole == FOREIGN | expected, path
    assert applied == FOREIGN | expected
    if form in UNDONE and expected:
        undo, apply = UNDONE[form]
        apply(applied, files[undo])
        assert applied == FOREIGN, "what was held before is in no file, as the form's `undo` says"


def test_a_form_without_a_file_that_undoes_it_says_what_does() -> None:
    assert set(PLACES) == set(SETTINGS)
    for name, form in FORMS.items():
        undoing = {path for path in written_files(name, _whole()) if "undo" in path}
        assert undoing == ({UNDONE[name][0]} if name in UNDONE else set())
        assert all(path.split("/")[-1] in form.undo for path in undoing)
        assert form.undo


def _whole() -> PolicyDocument:
    return PolicyDocument("x", dict.fromkeys(SETTINGS.values(), True), datetime(2026, 12, 1, tzinfo=UTC), "")
