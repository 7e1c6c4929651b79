# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects and accounts are who the server says they are, whatever a task calls them."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.gpo_options import desired_gpo
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import is_foreign_sid, sid_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.link_targets import link_targets
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredLink
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoTerms

FOREIGN = "S-1-5-21-1-2-3-4444"


def spellings(dn: str, domain_dn: str, guid: str) -> list[str]:
    """One object, `OU=Sales, EMEA <n>`, in the ways that RFC 4514 and Active Directory allow."""
    name = dn.partition(",DC=")[0].removeprefix("OU=").replace("\\", "")
    hexed = name.replace(",", r"\2C")
    bytewise = "".join(f"\\{byte:02X}" for byte in name.encode())
    return [
        dn,
        dn.lower(),
        rf"OU={hexed},{domain_dn}",
        f"ou={hexed}, {domain_dn.replace(',', ', ')}",
        f"OU={bytewise},{domain_dn}",
        f"<GUID={guid}>",
    ]


def options(gpo: str, links: list[str], **others: Any) -> dict[str, Any]:
    """The options of domain_policy that are not the connection's."""
    names = ("wmi_filter", "security_filter", "comment")
    made = [{"target": link, "enabled": None, "enforced": None, "order": None} for link in links]
    return {"gpo": gpo, "links": made, "links_exclusive": True, **dict.fromkeys(names), **others}


@pytest.fixture(scope="module")
def unit(domain: Domain) -> tuple[str, str]:
    """DN and GUID of a unit with a comma in its name."""
    with domain.directory() as directory:
        directory.add(rf"OU=Sales\, EMEA,{domain.dc.dn}", {"objectClass": ["organizationalUnit"]})
        entry = directory.read(rf"OU=Sales\, EMEA,{domain.dc.dn}", ["objectGUID", "distinguishedName"])
        assert entry
        raw = entry.raw("objectGUID") or b""
        guid = f"{raw[3::-1].hex()}-{raw[5:3:-1].hex()}-{raw[7:5:-1].hex()}-{raw[8:10].hex()}-{raw[10:].hex()}"
        return entry.text("distinguishedName") or "", guid


def test_every_spelling_is_one_target(domain: Domain, unit: tuple[str, str]) -> None:
    """With `links_exclusive` another spelling of the link that is there neither removes it nor adds one."""
    dn, guid = unit
    gpo = domain.name("Spelled")
    with domain.reader() as reader:
        assert DomainChanges(reader).make_true(gpo, desired_gpo(reader, options(gpo, [dn])), GpoTerms()).changed
        for spelling in spellings(dn, domain.dc.dn, guid):
            assert link_targets(reader.directory, [spelling]) == [dn], spelling
            outcome = DomainChanges(reader).make_true(gpo, desired_gpo(reader, options(gpo, [spelling])), GpoTerms())
            assert not outcome.changed, spelling
            assert [link["target"] for link in (outcome.after or {})["links"]] == [dn]


def test_targets_that_cannot_be(domain: Domain, unit: tuple[str, str]) -> None:
    dn, guid = unit
    for links, words in (
        ([dn, f"<GUID={guid}>"], "twice"),
        ([f"CN=Computers,{domain.dc.dn}"], "cannot have links to GPOs"),
        ([f"OU=Nowhere,{domain.dc.dn}"], "The directory has no OU=Nowhere"),
        (["Sales"], "cannot be looked up"),
    ):
        with domain.reader() as reader, pytest.raises(RequestError, match=words):
            desired_gpo(reader, options(domain.name("Never"), links))


def test_names_of_another_domain_are_not_ours(domain: Domain) -> None:
    domain.dc.tool("group", "add", "Identified")
    with domain.reader() as reader:
        directory = reader.directory
        ours = sid_of(directory, "Identified")
        for name in (rf"{domain.dc.netbios}\Identified", rf"{domain.dc.domain}\identified", ours, ours.lower()):
            assert sid_of(directory, name) == ours
        assert sid_of(directory, r"NT AUTHORITY\Authenticated Users") == "S-1-5-11"
        assert sid_of(directory, r"BUILTIN\Administrators") == "S-1-5-32-544"
        for name in (r"OTHERDOM\Identified", r"OTHERDOM\Authenticated Users"):
            with pytest.raises(RequestError, match="OTHERDOM is not this domain"):
                sid_of(directory, name)
        with pytest.raises(RequestError, match="no group or account of this domain has that SID"):
            sid_of(directory, ours.rpartition("-")[0] + "-999999")
        assert sid_of(directory, FOREIGN) == FOREIGN
        assert [is_foreign_sid(directory, sid) for sid in (FOREIGN, ours, "S-1-5-11")] == [True, False, False]


def rename(domain: Domain, dn: str, new_name: str) -> str:
    """Rename an organizational unit on the controller; its new DN."""
    parent = dn.partition(",")[2]
    domain.dc.change(f"dn: {dn}\nchangetype: modrdn\nnewrdn: OU={new_name}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n")
    return f"OU={new_name},{parent}"


def test_a_renamed_unit_is_found_by_its_guid(domain: Domain) -> None:
    """Two changes of its link, one before and one after it was renamed, and reverted in either order."""
    for order in ((0, 1), (1, 0)):
        unit, name = domain.unit(), domain.name("Renamed")
        domain.present(name, settings={"insecure_guest_logons": False})
        linked = domain.present(name, links=[unit])
        unit = rename(domain, unit, domain.name("renamed").replace(" ", ""))
        enforced = domain.present(name, links=[DesiredLink(unit, enforced=True)])
        outcomes = [linked, enforced]
        for each in order:
            domain.revert(outcomes[each])
        assert domain.present(name).after["links"] == []
        deleted = domain.present(name, links=[unit]) and domain.absent(name)
        unit = rename(domain, unit, domain.name("again").replace(" ", ""))
        assert [link["target"] for link in domain.revert(deleted).after["links"]] == [unit]
        domain.absent(name)


def test_another_unit_of_the_same_name_is_not_linked_by_a_revert(domain: Domain) -> None:
    unit, name = domain.unit(), domain.name("Replaced")
    domain.present(name, settings={"insecure_guest_logons": False}, links=[unit])
    unlinked = domain.present(name, links_exclusive=True)
    with domain.directory() as directory:
        directory.delete(unit)
        directory.add(unit, {"objectClass": ["organizationalUnit"]})
    domain.revert(unlinked)
    assert domain.present(name).after["links"] == []
