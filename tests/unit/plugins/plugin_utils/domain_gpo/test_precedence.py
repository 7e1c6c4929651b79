# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who wins: the rules one by one, from MS-GPOL 3.2.5.1; random structures are judged in tests/domain."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.precedence import (
    Dropped,
    Gpo,
    LinkedContainer,
    resolve,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gp_links import Link, Links, gpo_dn

SETTING = "insecure_guest_logons"
NAMES = {name: f"{{00000000-0000-0000-0000-00000000000{number}}}" for number, name in enumerate("ABCD")}


def gpo(name: str, value: bool | None = True, drop: Dropped | None = None, wmi: str | None = None) -> Gpo:
    return Gpo(NAMES[name], name, {} if value is None else {SETTING: value}, drop, wmi)


def container(dn: str, links: str, blocks: bool = False) -> LinkedContainer:
    """links: `A` enabled, `A!` enforced, `A-` disabled, weakest first."""
    options = {"": 0, "!": 2, "-": 1}
    parsed = tuple(Link(gpo_dn(NAMES[link[0]], "DC=x"), options[link[1:]]) for link in links.split())
    return LinkedContainer(dn, Links(parsed), blocks)


# Containers from the top down; who wins, and why the others do not.
RULES = {
    "the last in a gPLink": ([("D", "A B", False)], "B", {"A": "B has link order 1 there, this one 2"}),
    "closest to the computer": ([("D", "A", False), ("U", "B", False)], "B", {"A": "closer to the computer, at U"}),
    "an enforced link": ([("D", "A!", False), ("U", "B", False)], "A", {"B": "A is enforced at D"}),
    "the highest enforced one": ([("D", "A!", False), ("U", "B!", False)], "A", {"B": "enforced higher up, at D"}),
    "blocked inheritance": ([("D", "A", False), ("U", "B", True)], "B", {"A": "inheritance is blocked at U"}),
    "blocked without a link": ([("D", "A", False), ("U", "", True)], None, {}),
    "not for enforced ones": ([("D", "A!", False), ("U", "B", True)], "A", {"B": "A is enforced at D"}),
    "nor for its own": ([("D", "A", True)], "A", {}),
    "disabled links": ([("D", "A B-", False)], "A", {"B": "the link is disabled"}),
    "linked twice": ([("D", "A", False), ("U", "B A", False)], "A", {"B": "A has link order 1 there"}),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str) -> None:
    structure, winner, losers = RULES[name]
    gpos = {NAMES[each]: gpo(each, each == "A") for each in "AB"}
    answer = resolve([container(*each) for each in structure], gpos)
    decision = answer.decisions.get(SETTING)
    assert (decision.winner.gpo.name if decision else None) == winner
    told = {loser.name: loser.why for loser in decision.losers} if decision else {}
    assert told.keys() == losers.keys()
    assert all(text in told[loser] for loser, text in losers.items())


@pytest.mark.parametrize("drop", Dropped)
def test_gpo_that_drops_out_by_itself(drop: Dropped) -> None:
    gpos = {NAMES["A"]: gpo("A"), NAMES["B"]: gpo("B", drop=drop)}
    answer = resolve([container("D", "A B")], gpos)
    assert answer.decisions[SETTING].winner.gpo.name == "A"
    assert [each.why for each in answer.not_applied] == [drop.value]


def test_wmi_filter_is_reported_and_gpos_without_the_setting_do_not_count() -> None:
    gpos = {NAMES["A"]: gpo("A", wmi="[x;{1};0]"), NAMES["B"]: gpo("B", None)}
    answer = resolve([container("D", "A B C")], gpos)
    assert answer.decisions[SETTING].conditional == "[x;{1};0]"
    assert answer.decisions[SETTING].losers == ()
    assert [link.gpo.name for link in answer.applied] == ["A", "B"]
