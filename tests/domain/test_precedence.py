# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who wins: random link structures in a real domain, judged by Samba's get_gpo_list; enforced links by the rule."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_report import DomainReport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.resolution import Resolution
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gp_links import Link, Links, gpo_dn

CHAINS, ROUNDS = 20, 5
GUEST = "insecure_guest_logons"


def gpos(domain: Domain) -> dict[str, bool]:
    """GPOs that set the same setting differently, by GUID; one that no computer may apply among them."""
    made = {}
    for value in (True, False, True, False):
        made[domain.present(domain.name("Random"), settings={GUEST: value}).after["guid"]] = value
    filtered = domain.present(domain.name("Filtered"), settings={GUEST: True}, filter_sids=["S-1-5-32-544"])
    return {**made, filtered.after["guid"]: True}


def chain(domain: Domain) -> tuple[list[str], str]:
    """Three nested units, the topmost first, and a computer in the lowest."""
    top = domain.unit()
    middle = domain.unit(top)
    units = [top, middle, domain.unit(middle)]
    return units, domain.computer(units[-1])


def shuffle(domain: Domain, units: list[str], guids: list[str], chosen: random.Random) -> None:
    """Random links and blocked inheritance; enforced links in one container at most."""
    enforcing = chosen.choice([*units, None, None])
    with domain.directory() as directory:
        for unit in units:
            options = [0, 0, 1, 2, 3] if unit == enforcing else [0, 0, 1]
            linked = chosen.sample(guids, chosen.randrange(0, 4))
            links = Links(tuple(Link(gpo_dn(guid, domain.dc.dn), chosen.choice(options)) for guid in linked))
            # Samba overlooks that a unit blocks inheritance if it has no link of its own; MS-GPOL 3.2.5.1.5 does not.
            blocks = str(int(bool(linked) and chosen.random() < 0.25))
            changes = [Modification.replace("gPLink", str(links) or None), Modification.replace("gPOptions", blocks)]
            directory.modify(unit, changes)


def test_random_structures_agree_with_samba(domain: Domain, record_property: Callable[[str, object], None]) -> None:
    guids = sorted(gpos(domain))
    chains = [chain(domain) for _each in range(CHAINS)]
    chosen = random.Random(20261125)
    agreed = decided = 0
    for _round in range(ROUNDS):
        for units, _computer in chains:
            shuffle(domain, units, guids, chosen)
        judged = domain.judges.gpo_list([f"{computer}$" for _units, computer in chains])
        with domain.reader() as reader:
            report = DomainReport(reader)
            for _units, computer in chains:
                told = Resolution(report).resolved(account=computer, unit=None, site=None)
                theirs = [guid for guid in judged[f"{computer}$"] if guid in guids]
                ours = [link["guid"] for link in told["applied"] if link["guid"] in guids]
                assert ours == theirs, json.dumps(told)
                winner = told["settings"].get(GUEST)
                assert (winner["guid"] if winner else None) == (theirs[-1] if theirs else None)
                agreed += 1
                decided += bool(winner)
    record_property("structures that agree", agreed)
    assert agreed == CHAINS * ROUNDS
    assert decided > agreed / 2


def test_enforced_links_on_two_levels_follow_microsoft(domain: Domain) -> None:
    """The higher one wins; Samba lets the lower one win here, against MS-GPOL and GPMC."""
    units, computer = chain(domain)
    one, two, *_others = gpos(domain)
    with domain.directory() as directory:
        for unit, guid in ((units[0], one), (units[2], two)):
            directory.modify(unit, [Modification.replace("gPLink", f"[LDAP://{gpo_dn(guid, domain.dc.dn)};2]")])
    with domain.reader() as reader:
        told = Resolution(DomainReport(reader)).resolved(account=computer, unit=None, site=None)
    decision = told["settings"][GUEST]
    assert decision["guid"] == one
    assert decision["enforced"]
    assert "is enforced higher up" in decision["others"][0]["why_not"]


@pytest.mark.parametrize("by_group", [True, False])
def test_security_filter_counts_nested_groups_and_denials(domain: Domain, by_group: bool) -> None:
    unit = domain.unit()
    computer = domain.computer(unit)
    inner, outer = domain.name("inner").replace(" ", ""), domain.name("outer").replace(" ", "")
    for group in (inner, outer):
        domain.dc.tool("group", "add", group)
    if by_group:
        domain.dc.tool("group", "addmembers", inner, f"{computer}$")
    domain.dc.tool("group", "addmembers", outer, inner)
    from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import sid_of

    with domain.reader() as reader:
        sid = sid_of(reader.directory, outer)
    name = domain.name("For a group")
    domain.present(name, settings={GUEST: False}, links=[unit], filter_sids=[sid])

    with domain.reader() as reader:
        told = Resolution(DomainReport(reader)).resolved(account=computer, unit=None, site=None)

    if by_group:
        assert told["settings"][GUEST]["gpo"] == name
    else:
        assert [link["why_not"] for link in told["not_applied"] if link["gpo"] == name] == [
            "the security filter does not let the computer apply it"
        ]
