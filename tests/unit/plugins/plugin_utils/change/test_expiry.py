# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The expiry task: XML that a parser reads back, and a command line in which nothing stands but what we put there."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.expiry import expiry_task
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Entry, Status
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import SCOPES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.snapshot import Held, Snapshot
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, SETTINGS, Layer, Side
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import RegistryType, RegistryValue

from ..remembering import NOW

EXPIRES = NOW + timedelta(hours=8)
ID = "20260301T120000Z-0a1b2c"
GUEST, SIGNING = SETTINGS["insecure_guest_logons"], SETTINGS["client_signing"]
CLIENT_POLICY = KEYS[Side.CLIENT][Layer.POLICY]
CMD_LIMIT = 8191
"""The longest command line of cmd.exe (Microsoft: Command prompt line string limitation)."""

SYSTEM32 = "%SystemRoot%\\System32\\"
POWERSHELL = SYSTEM32 + "WindowsPowerShell\\v1.0\\powershell.exe"
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def entry(*held: Held, missing: tuple[str, ...] = ()) -> Entry:
    return Entry(ID, Status.PENDING, "", NOW, EXPIRES, Snapshot(held, missing), ())


def policy(kind: RegistryType, data: int | str | bytes | tuple[str, ...]) -> Held:
    return Held(GUEST, Layer.POLICY, RegistryValue(kind, data))


def task(change: Entry) -> ET.Element:
    return ET.fromstring(expiry_task(change, EXPIRES))


def find(element: ET.Element, path: str) -> str | None:
    return element.findtext("/".join(NAMESPACE + part for part in path.split("/")))


def commands(change: Entry) -> list[list[str]]:
    """The command line as cmd.exe splits it: commands, each as its words; quotes only group."""
    arguments = find(task(change), "Actions/Exec/Arguments")
    assert arguments is not None
    match = re.fullmatch(r'/d /s /c "(.*)"', arguments, re.DOTALL)
    assert match, arguments
    parts, quoted = [""], False
    for char in match[1]:
        quoted ^= char == '"'
        if char == "&" and not quoted:
            parts.append("")
        else:
            assert quoted or char not in "|<>^()\r\n", f"{char!r} means something to cmd"
            parts[-1] += char
    assert not quoted, "a quote without its end"
    return [[word.replace('"', "") for word in re.findall(r'(?:[^\s"]|"[^"]*")+', part)] for part in parts]


def writes(change: Entry) -> list[list[str]]:
    """The commands that put values back, without the journal's."""
    return [words for words in commands(change) if words[0].endswith("reg.exe") and "winops" not in words[2]]


# What the task is.


def test_the_task() -> None:
    document = task(entry(policy(RegistryType.REG_DWORD, 1)))
    assert find(document, "Triggers/TimeTrigger/StartBoundary") == "2026-03-01T20:00:00Z"
    assert find(document, "Principals/Principal/UserId") == "S-1-5-18"
    assert find(document, "Settings/StartWhenAvailable") == "true"
    assert find(document, "Settings/DisallowStartIfOnBatteries") == "false"
    assert find(document, "Settings/StopIfGoingOnBatteries") == "false"
    assert find(document, "Actions/Exec/Command") == SYSTEM32 + "cmd.exe"


def test_it_ends_with_the_journal_and_itself() -> None:
    *_unused, note, status, delete = commands(entry(policy(RegistryType.REG_DWORD, 1)))
    key = f"HKLM\\SOFTWARE\\winops\\smb_guest\\Changes\\{ID}"
    assert note[:5] == [SYSTEM32 + "reg.exe", "add", key, "/v", "Note"]
    assert status == [SYSTEM32 + "reg.exe", "add", key, "/v", "Status", "/t", "REG_SZ", "/d", "reverted", "/f"]
    assert delete == [SYSTEM32 + "schtasks.exe", "/delete", "/tn", f"\\winops\\smb_guest\\{ID}", "/f"]


def test_values_are_put_back_in_the_order_of_the_snapshot() -> None:
    held = (Held(GUEST, Layer.LOCAL, None, False), Held(SIGNING, Layer.LOCAL, None, True))
    names = [words[4] for words in writes(entry(*held))]
    assert names == ["AllowInsecureGuestAuth", "RequireSecuritySignature"]


def test_what_ran_is_put_back_before_the_stored_value() -> None:
    """The cmdlet stores a value: deleting it comes after."""
    first, second, *_unused = commands(entry(Held(GUEST, Layer.LOCAL, None, False)))
    assert first[0] == POWERSHELL
    assert first[-1] == "Set-SmbClientConfiguration -EnableInsecureGuestLogons $false -Force -Confirm:$false"
    assert second[:3] == [SYSTEM32 + "reg.exe", "delete", f"HKLM\\{KEYS[Side.CLIENT][Layer.LOCAL]}"]


def test_a_missing_key_is_removed_only_while_it_is_empty() -> None:
    powershell = commands(entry(policy(RegistryType.REG_DWORD, 1), missing=(CLIENT_POLICY,)))[1]
    assert powershell[0] == POWERSHELL
    assert powershell[-1] == (
        f"$k = Get-Item 'HKLM:\\{CLIENT_POLICY}'; "
        f"if ($k.ValueCount + $k.SubKeyCount -eq 0) {{ Remove-Item 'HKLM:\\{CLIENT_POLICY}' }}"
    )


# What the command line can carry.

TEXTS = st.one_of(
    st.text(max_size=12), st.text("abcXYZ019 ._:-", max_size=12), st.text("\"&|<>^%!\\0\n'`$();", max_size=6)
)
VALUES = st.one_of(
    st.none(),
    st.builds(RegistryValue, st.just(RegistryType.REG_DWORD), st.integers(0, 2**32 - 1)),
    st.builds(RegistryValue, st.just(RegistryType.REG_QWORD), st.integers(0, 2**64 - 1)),
    st.builds(RegistryValue, st.sampled_from((RegistryType.REG_SZ, RegistryType.REG_EXPAND_SZ)), TEXTS),
    st.builds(RegistryValue, st.just(RegistryType.REG_BINARY), st.binary(max_size=20)),
    st.builds(RegistryValue, st.just(RegistryType.REG_MULTI_SZ), st.lists(TEXTS, max_size=3).map(tuple)),
)


def restored(words: list[str]) -> RegistryValue | None:
    """What reg.exe does, by its published syntax: `/d` of REG_MULTI_SZ separates with `\\0`."""
    if words[1] == "delete":
        assert words[5:] == ["/f"]
        return None
    assert (words[1], words[5], words[7], words[9:]) == ("add", "/t", "/d", ["/f"])
    kind, text = RegistryType[words[6]], words[8]
    if kind in (RegistryType.REG_DWORD, RegistryType.REG_QWORD):
        return RegistryValue(kind, int(text))
    if kind is RegistryType.REG_BINARY:
        return RegistryValue(kind, bytes.fromhex(text))
    if kind is RegistryType.REG_MULTI_SZ:
        return RegistryValue(kind, tuple(text.split("\\0")) if text else ())
    return RegistryValue(kind, text)


@given(VALUES)
def test_a_value_comes_back_exactly_or_is_refused(value: RegistryValue | None) -> None:
    change = entry(Held(GUEST, Layer.POLICY, value))
    try:
        expiry_task(change, EXPIRES)
    except RequestError:
        return
    ((*words,),) = writes(change)
    assert words[2] == f"HKLM\\{CLIENT_POLICY}"
    assert restored(words) == value


HOSTILE = (
    *('x" & calc & "', "%COMSPEC%", "a\nb", "a&b", "a|b", "a^b", "<x>"),
    *("]]>", "C:\\", "$(calc)", "'", "`", "!a!", "\u00e9"),
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", [RegistryType.REG_SZ, RegistryType.REG_EXPAND_SZ, RegistryType.REG_MULTI_SZ])
def test_hostile_text_is_refused(text: str, kind: RegistryType) -> None:
    held = policy(kind, (text,) if kind is RegistryType.REG_MULTI_SZ else text)
    with pytest.raises(RequestError, match=r"could not restore safely.*Nothing was written"):
        expiry_task(entry(held), EXPIRES)


def test_a_line_that_looks_like_two_is_refused() -> None:
    """reg.exe would make two lines of it."""
    with pytest.raises(RequestError):
        expiry_task(entry(policy(RegistryType.REG_MULTI_SZ, ("a\\0b",))), EXPIRES)


@pytest.mark.parametrize("text", [*HOSTILE, "", "..", "a b"])
def test_a_forged_name_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        expiry_task(replace(entry(policy(RegistryType.REG_DWORD, 1)), change_id=text), EXPIRES)


def test_the_largest_change_fits_into_a_command_line() -> None:
    """Every setting in every scope, on a host without any policy key."""
    held = tuple(
        Held(setting, layer, RegistryValue(RegistryType.REG_DWORD, 1), True if layer is Layer.LOCAL else None)
        for setting in SETTINGS.values()
        for layer in SCOPES
        if setting.has(layer)
    )
    change = replace(entry(*held, missing=tuple(KEYS[side][Layer.POLICY] for side in Side)), change_id="x" * 64)
    assert command_length(change) <= CMD_LIMIT


def test_a_text_that_is_too_long_for_a_command_line_is_refused() -> None:
    change = entry(policy(RegistryType.REG_SZ, "a" * CMD_LIMIT))
    with pytest.raises(RequestError):
        expiry_task(change, EXPIRES)


def command_length(change: Entry) -> int:
    arguments = find(task(change), "Actions/Exec/Arguments")
    assert arguments is not None
    return len(f"C:\\Windows\\System32\\cmd.exe {arguments}".replace("%SystemRoot%", "C:\\Windows"))
