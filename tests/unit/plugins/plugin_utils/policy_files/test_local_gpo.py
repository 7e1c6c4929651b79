# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registry.pol and gpt.ini edited together: listed, versions up, and back to what was found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.extension_names import REGISTRY_POLICY
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.local_gpo import LocalGpo
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    Effect,
    RegistryPol,
    RegistryPolEntry,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.policy_files import (
    FILES,
    KEY,
    NAME,
)

ON, OFF = RegistryPolEntry.dword(KEY, NAME, 1), RegistryPolEntry.dword(KEY, NAME, 0)
OTHER = RegistryPolEntry.dword(KEY, "RequireEncryption", 1)
LISTED = b"gPCMachineExtensionNames=[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]\r\n"
SCRIPTS = b"gPCMachineExtensionNames=[{42B5FAAE-6536-11D2-AE5A-0000F87571E3}{40B6664F-4972-11D1-A7CA-0000F87571E3}]\r\n"
INIS = st.sampled_from(
    [None, b"Version=0\r\n", b"Version=7\r\n", LISTED + b"Version=65538\r\n", SCRIPTS + b"Version=3\r\n"]
)


@st.composite
def gpos(draw: st.DrawFn) -> LocalGpo:
    pol, ini = draw(st.none() | FILES), draw(INIS)
    return LocalGpo.parse(None if pol is None else pol.to_bytes(), None if ini is None else b"[General]\r\n" + ini)


def setting(*entries: RegistryPolEntry) -> dict[tuple[str, str], RegistryPolEntry | None]:
    return {(entry.key, entry.name): entry for entry in entries}


def version(gpo: LocalGpo) -> int:
    return gpo.gpt_ini.version.machine if gpo.gpt_ini else 0


def test_the_first_edit_of_a_host_and_back() -> None:
    gpo = LocalGpo().edit(setting(ON))
    assert gpo.registry_pol == RegistryPol((ON,))
    assert gpo.gpt_ini is not None
    assert gpo.gpt_ini.to_bytes() == b"[General]\r\n" + LISTED + b"Version=1\r\n"
    assert gpo.is_read
    assert gpo.effect(KEY, NAME) == Effect("set", ON)
    back = gpo.edit({(KEY, NAME): None})
    assert back.registry_pol is None
    assert back.gpt_ini is not None
    assert back.gpt_ini.to_bytes() == b"[General]\r\nVersion=2\r\n"


@given(gpos(), st.sampled_from([ON, OFF]))
def test_set_is_read_by_clients_and_idempotent(gpo: LocalGpo, entry: RegistryPolEntry) -> None:
    edited = gpo.edit(setting(entry))
    assert edited.entry(KEY, NAME) == entry
    assert edited.is_read
    assert edited.edit(setting(entry)) is edited
    assert edited is gpo or version(edited) == version(gpo) + 1
    assert edited.extensions.has(REGISTRY_POLICY)


@given(gpos(), st.lists(st.sampled_from([ON, OFF]), min_size=1, max_size=3))
def test_what_one_entry_set_comes_back_byte_for_byte(gpo: LocalGpo, entries: list[RegistryPolEntry]) -> None:
    """Byte for byte but for the version, and the extension that a file with entries has listed from then on."""
    found, configured = gpo.entry(KEY, NAME), gpo.configures(KEY, NAME)
    edited = gpo
    for entry in entries:
        edited = edited.edit(setting(entry))
    assert edited.edit(setting(entries[-1])) is edited
    if found is None and configured:
        return  # a special instruction, or several: whoever has to restore those must not overwrite them
    back = edited.edit(setting(found)) if found else edited.edit({(KEY, NAME): None})
    old = gpo.registry_pol if gpo.registry_pol and gpo.registry_pol.entries else None
    assert back.registry_pol == old
    assert version(back) >= version(edited) >= version(gpo)
    if old is None:
        assert back.extensions == gpo.extensions.without_extension(REGISTRY_POLICY)
    if gpo.gpt_ini is not None and back.extensions == gpo.extensions:
        assert back.gpt_ini is not None
        assert back.gpt_ini.with_version(gpo.gpt_ini.version) == gpo.gpt_ini


@given(gpos())
def test_not_configured_leaves_what_others_wrote(gpo: LocalGpo) -> None:
    cleared = gpo.edit({(KEY, NAME): None})
    assert not cleared.configures(KEY, NAME)
    assert cleared.edit({(KEY, NAME): None}) is cleared
    assert (cleared is gpo) is not gpo.configures(KEY, NAME)
    others = [entry for entry in (gpo.registry_pol or RegistryPol()).entries if not entry.is_about(KEY, NAME)]
    assert list((cleared.registry_pol or RegistryPol()).entries) == others


def test_changes_undone_in_any_order_leave_no_file() -> None:
    both = LocalGpo().edit(setting(ON)).edit(setting(OTHER))
    for order in ([NAME, OTHER.name], [OTHER.name, NAME]):
        gpo = both.edit({(KEY, order[0]): None})
        assert gpo.extensions.has(REGISTRY_POLICY)
        gpo = gpo.edit({(KEY, order[1]): None})
        assert gpo.registry_pol is None
        assert not gpo.extensions.groups


def test_one_edit_is_one_version() -> None:
    gpo = LocalGpo().edit(setting(ON, OTHER))
    assert version(gpo) == 1
    assert version(gpo.edit({(KEY, NAME): OFF, (KEY, OTHER.name): None})) == 2
    assert gpo.edit({(KEY, NAME): ON, (KEY, "Another"): None}) is gpo
    assert gpo.edit({}) is gpo


def test_several_instructions_are_no_entry() -> None:
    deletion = RegistryPolEntry(KEY, "**del." + NAME, 1, b" \0\0\0")
    for entries in ((deletion,), (ON, OFF), (deletion, ON), (ON, RegistryPolEntry(KEY, "**delvals.", 1, b" \0\0\0"))):
        gpo = LocalGpo(RegistryPol(entries))
        assert gpo.configures(KEY, NAME)
        assert gpo.entry(KEY, NAME) is None
    assert not LocalGpo(RegistryPol((RegistryPolEntry(KEY, "**delvals.", 1, b" \0\0\0"),))).configures(KEY, NAME)


def test_a_file_that_nobody_lists_is_not_read_by_clients() -> None:
    pol = RegistryPol((ON,)).to_bytes()
    assert not LocalGpo.parse(pol, None).is_read
    assert not LocalGpo.parse(pol, b"[General]\r\nVersion=1\r\n").is_read
    assert LocalGpo.parse(pol, b"[General]\r\n" + LISTED + b"Version=1\r\n").is_read
    assert LocalGpo.parse(pol, None).edit(setting(ON)).is_read, "writing the same value still lists it"


@pytest.mark.parametrize(
    ("pol", "ini"), [(b"x", None), (None, b"x"), (None, b"[General]\r\nVersion=1\r\ngPCMachineExtensionNames=x\r\n")]
)
def test_one_damaged_file_is_enough(pol: bytes | None, ini: bytes | None) -> None:
    with pytest.raises(DamagedFile):
        LocalGpo.parse(pol, ini)
