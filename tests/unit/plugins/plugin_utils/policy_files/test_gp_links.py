# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""gPLink: the order of its text, GPMC's order, and restoring what was there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gp_links import Link, Links, gpo_dn

MINE = "{00000000-0000-0000-0000-000000000001}"
GUIDS = [f"{{00000000-0000-0000-0000-{number:012}}}" for number in range(2, 8)]
OTHERS = st.lists(st.sampled_from(GUIDS), unique=True).map(
    lambda guids: Links(tuple(Link(gpo_dn(guid, "DC=x"), 0) for guid in guids))
)


@given(OTHERS, st.integers(1, 9), st.integers(0, 3))
def test_order_is_what_gpmc_shows(links: Links, order: int, options: int) -> None:
    linked = links.with_link(Link(gpo_dn(MINE, "DC=x"), options), order)
    assert linked.order(MINE) == min(order, len(links.links) + 1)
    assert linked.without(MINE) == links
    assert Links.parse(str(linked)) == linked


@given(OTHERS)
def test_new_link_is_the_weakest(links: Links) -> None:
    assert links.with_link(Link(gpo_dn(MINE, "DC=x")), None).links[0].guid == MINE


@given(OTHERS, st.integers(1, 9), st.integers(1, 9))
def test_restore_after_a_move(links: Links, first: int, second: int) -> None:
    found = links.with_link(Link(gpo_dn(MINE, "DC=x"), 2), first)
    moved = found.with_link(Link(gpo_dn(MINE, "DC=x"), 1), second)
    assert moved.write_back(found, MINE) == found
    assert moved.write_back(links, MINE) == links


def test_options() -> None:
    dn = gpo_dn(MINE, "DC=x")
    told = [(Link(dn, bits).enabled, Link(dn, bits).enforced) for bits in range(4)]
    assert told == [(True, False), (False, False), (True, True), (False, False)]


def test_text_as_it_is_found() -> None:
    text = f"[LDAP://cn={GUIDS[0]},cn=policies,cn=system,DC=x;0][ldap://{gpo_dn(GUIDS[1], 'DC=x')};2] "
    assert [link.guid for link in Links.parse(text).links] == GUIDS[:2]
    assert Links.parse(None) == Links.parse(" ") == Links()
    for bad in ("x", "[LDAP://cn=x;0", "[LDAP://cn=x;-1]", "[LDAP://cn=x]"):
        with pytest.raises(DamagedFile):
            Links.parse(bad)
