# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Extension lists: always in order, nothing of others lost, refused where they cannot be read."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.extension_names import (
    REGISTRY_POLICY,
    SECURITY_SETTINGS,
    ExtensionNames,
)

REGISTRY = "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]"
SECURITY = "[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]"
USER_TEMPLATES = "{0F6B957E-509E-11D1-A7CC-0000F87571E3}"
SCRIPTS = "[{42B5FAAE-6536-11d2-AE5A-0000F87571E3}{40B6664F-4972-11D1-A7CA-0000F87571E3}]"

GUIDS = st.sampled_from([f"{{{digit * 8}-0000-0000-0000-00000000000{digit}}}" for digit in "0123aAbBcC9"])
GROUPS = st.lists(GUIDS, min_size=1, max_size=4).map(lambda guids: f"[{''.join(guids)}]")
LISTS = st.lists(GROUPS | st.sampled_from([REGISTRY, SECURITY, SCRIPTS]), max_size=5).map("".join)


def pairs(names: ExtensionNames) -> set[tuple[str, str]]:
    """Every CSE with every tool, and with "" for itself, in upper case."""
    return {(cse.upper(), tool.upper()) for cse, tools in names.groups for tool in ("", *tools)}


def test_ours_as_the_reference_says_them():
    assert str(ExtensionNames().with_extension(REGISTRY_POLICY)) == REGISTRY
    both = ExtensionNames().with_extension(SECURITY_SETTINGS).with_extension(REGISTRY_POLICY)
    assert str(both) == REGISTRY + SECURITY
    assert str(both.without_extension(REGISTRY_POLICY)) == SECURITY
    assert str(both.without_extension(REGISTRY_POLICY).without_extension(SECURITY_SETTINGS)) == ""


@pytest.mark.parametrize("text", [None, "", " "])
def test_no_list_is_the_empty_list(text):
    assert ExtensionNames.parse(text) == ExtensionNames()


def test_spelling_of_others_is_kept_and_blanks_are_read():
    blanks = SCRIPTS.replace("}{", "} {").replace("[", "[ ")
    names = ExtensionNames.parse(f"{SECURITY}{blanks}")
    assert str(names.with_extension(REGISTRY_POLICY)) == REGISTRY + SCRIPTS + SECURITY


def test_another_tool_keeps_the_extension():
    names = ExtensionNames.parse(REGISTRY.replace("]", USER_TEMPLATES + "]"))
    assert str(names) == f"[{REGISTRY_POLICY.cse}{USER_TEMPLATES}{REGISTRY_POLICY.tool}]"
    assert str(names.without_extension(REGISTRY_POLICY)) == f"[{REGISTRY_POLICY.cse}{USER_TEMPLATES}]"
    assert names.has_cse(REGISTRY_POLICY.cse)
    assert not names.has_cse(SECURITY_SETTINGS.cse)


@given(LISTS)
def test_a_list_is_in_order_and_complete(text):
    names = ExtensionNames.parse(text)
    cses = [cse.upper() for cse, _tools in names.groups]
    assert cses == sorted(set(cses))
    assert all(list(tools) == sorted(tools, key=str.upper) for _cse, tools in names.groups)
    assert ExtensionNames.parse(str(names)) == names
    assert str(names).upper().count("{") == sum(1 + len(tools) for _cse, tools in names.groups)


@given(LISTS, st.sampled_from([REGISTRY_POLICY, SECURITY_SETTINGS]))
def test_adding_and_taking_away_touch_one_pair(text, extension):
    names = ExtensionNames.parse(text)
    added = names.with_extension(extension)
    assert added.has(extension)
    assert pairs(added) == pairs(names) | {(extension.cse, ""), tuple(extension)}
    assert added.with_extension(extension) == added
    removed = added.without_extension(extension)
    assert not removed.has(extension)
    if not names.has(extension):
        assert pairs(removed) - {(extension.cse, "")} == pairs(names) - {(extension.cse, "")}


@pytest.mark.parametrize(
    "text", ["x", "[]", "[{A}]", REGISTRY[:-1], REGISTRY + ";", "[" + REGISTRY, REGISTRY.replace("}{", "}-{"), "[{}{}]"]
)
def test_what_is_no_list_is_refused(text):
    with pytest.raises(DamagedFile) as caught:
        ExtensionNames.parse(text)
    assert caught.value.problem == "value"


def test_any_order_of_groups_is_one_list():
    lists = {str(ExtensionNames.parse("".join(o))) for o in itertools.permutations([REGISTRY, SECURITY, SCRIPTS])}
    assert lists == {REGISTRY + SCRIPTS + SECURITY}
