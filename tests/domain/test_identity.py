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
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges, GpoTerms

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
