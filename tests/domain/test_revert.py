# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undoing, exactly: byte for byte in SYSVOL, attribute for attribute in LDAP, but for versions, which only go up."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredLink
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoTerms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gp_links import Links

GUEST, SIGNING, AUDIT = "insecure_guest_logons", "client_signing", "audit_insecure_guest_logons"


def without_versions(everything: dict[str, Any]) -> dict[str, Any]:
    """All of the domain but the versions of GPOs and our own journals."""
    kept: dict[str, Any] = {}
    for name, value in everything.items():
        if "winops.smb_guest" in name or name.endswith("GPT.INI"):
            continue
        kept[name] = value
        if isinstance(value, dict):
            kept[name] = {attribute: held for attribute, held in value.items() if attribute != "versionnumber"}
    return kept


def test_edit_is_undone_exactly(domain: Domain) -> None:
    unit, other, name = domain.unit(), domain.unit(), domain.name("Undone")
    guid = domain.present(name, settings={GUEST: True}, links=[unit]).after["guid"]
    neighbour = domain.present(domain.name("Neighbour"), links=[unit])
    before = domain.everything()

    changed = domain.present(
        name,
        settings={GUEST: False, SIGNING: True, AUDIT: True},
        links=[DesiredLink(unit, order=1, enforced=True), DesiredLink(other)],
        comment="for a while",
        filter_sids=["S-1-5-9"],
    )
    assert without_versions(domain.everything()) != without_versions(before)
    undone = domain.revert(changed)

    assert undone.changed
    assert without_versions(domain.everything()) == without_versions(before)
    assert undone.after["version"] > changed.after["version"]
    assert neighbour.after["guid"] in domain.dc.tool("gpo", "getlink", unit)
    assert guid in domain.dc.tool("gpo", "getlink", unit)
    domain.dc.tool("gpo", "aclcheck")


def test_creation_is_undone_to_nothing(domain: Domain) -> None:
    unit, name = domain.unit(), domain.name("Created")
    before = domain.everything()
    created = domain.present(name, settings={GUEST: False, SIGNING: True}, links=[unit], comment="x")
    undone = domain.revert(created)
    assert undone.after == {}
    assert without_versions(domain.everything()) == without_versions(before)


def test_deleted_gpo_comes_back_whole(domain: Domain) -> None:
    units = [domain.unit(), domain.unit()]
    name = domain.name("Deleted")
    guid = domain.present(
        name,
        settings={GUEST: False, SIGNING: True},
        links=[DesiredLink(units[0], order=1, enforced=True), DesiredLink(units[1], enabled=False)],
        comment="kept",
        filter_sids=["S-1-5-9"],
    ).after["guid"]
    domain.folder(guid).joinpath("User", "Scripts").mkdir()
    domain.folder(guid).joinpath("User", "Scripts", "logon.cmd").write_bytes(b"rem theirs\r\n")
    before = domain.everything()

    gone = domain.absent(name)

    assert gone.changed
    assert guid not in domain.dc.tool("gpo", "listall")
    assert not domain.folder(guid).exists()
    assert all(guid not in domain.dc.tool("gpo", "getlink", unit) for unit in units)
    assert not domain.absent(name).changed
    back = domain.revert(gone)
    assert back.after == gone.before
    now = {name: value for name, value in domain.everything().items() if "winops.smb_guest" not in name}
    unlike = ("objectguid", "whencreated")  # a new object has its own
    for dn, held in before.items():
        if isinstance(held, dict):
            assert {k: v for k, v in held.items() if k not in unlike} == {
                k: v for k, v in now[dn].items() if k not in unlike
            }
        elif "winops.smb_guest" not in dn:
            assert now[dn] == held
    domain.dc.tool("gpo", "aclcheck")


@pytest.mark.parametrize("first", [GUEST, SIGNING])
def test_older_changes_can_be_reverted_first(domain: Domain, first: str) -> None:
    """The file that the older change made is not restored by the newer one, which found it there."""
    unit, name = domain.unit(), domain.name("Older-first")
    domain.present(name, links=[unit])
    before = domain.everything()
    older = domain.present(name, settings={first: True})
    newer = domain.present(name, settings={({GUEST, SIGNING} - {first}).pop(): True})

    domain.revert(older)
    domain.revert(newer)

    assert without_versions(domain.everything()) == without_versions(before)


def test_a_change_that_stands_between_does_not_keep_a_file(domain: Domain) -> None:
    """It found the file of the older change there, and is not what the file is there for."""
    unit, name = domain.unit(), domain.name("Between")
    guid = domain.present(name, links=[unit]).after["guid"]
    before = domain.everything()
    older = domain.present(name, settings={SIGNING: True})
    between = domain.present(name, settings={AUDIT: True})
    newer = domain.present(name, comment="why")

    domain.revert(older)
    domain.revert(newer)

    assert not any(path.name == "GptTmpl.inf" for path in domain.folder(guid).rglob("*"))
    domain.revert(between)
    assert without_versions(domain.everything()) == without_versions(before)


def test_changes_are_a_stack(domain: Domain) -> None:
    """A covered change is undone without a write; undoing what lies over it gives back what stood below both."""
    name = domain.name("Stack")
    domain.present(name, settings={GUEST: True})
    closed = domain.present(name, settings={GUEST: False, AUDIT: True})
    opened = domain.present(name, settings={GUEST: True})

    covered = domain.revert(closed)
    assert covered.after["settings"] == {GUEST: "allowed"}  # the audit goes, the guest logons are covered
    top = domain.revert(opened)
    assert top.after["settings"] == {GUEST: "allowed"}  # what stood before both
    assert not domain.present(name, settings={GUEST: True}).changed


def test_somebody_elses_value_is_not_overwritten(domain: Domain) -> None:
    name = domain.name("Foreign")
    domain.present(name, settings={GUEST: True})
    changed = domain.present(name, settings={GUEST: False, AUDIT: True})
    guid = changed.after["guid"]
    pol = domain.folder(guid) / "Machine" / "Registry.pol"
    content = pol.read_bytes()
    place = content.index("AllowInsecureGuestAuth".encode("utf-16-le"))
    end = content.index("]".encode("utf-16-le"), place)
    pol.write_bytes(content[: end - 4] + b"\x07\0\0\0" + content[end:])
    before = domain.everything()

    with pytest.raises(RequestError, match="Somebody changed setting:insecure_guest_logons"):
        domain.revert(changed)

    assert domain.everything() == before
    assert domain.revert(changed, force=True).after["settings"] == {GUEST: "allowed"}


def test_created_gpo_that_somebody_edited_does_not_go(domain: Domain) -> None:
    name = domain.name("Theirs now")
    created = domain.present(name, settings={GUEST: True})
    dn = f"CN={created.after['guid']},CN=Policies,CN=System,{domain.dc.dn}"
    with domain.directory() as directory:
        directory.modify(dn, [Modification.replace("versionNumber", "65537")])
    with pytest.raises(RequestError, match="Somebody edited the GPO"):
        domain.revert(created)
    assert domain.revert(created, force=True).after == {}


def test_link_keeps_what_others_did_meanwhile(domain: Domain) -> None:
    unit, name = domain.unit(), domain.name("Linked")
    domain.present(name)
    linked = domain.present(name, links=[DesiredLink(unit, order=1)])
    other = domain.present(domain.name("Later"), links=[unit]).after["guid"]
    domain.revert(linked)
    with domain.directory() as directory:
        entry = directory.read(unit, ["gPLink"])
    assert entry
    assert [link.guid for link in Links.parse(entry.text("gPLink")).links] == [other]


def test_check_mode_predicts_and_writes_nothing(domain: Domain) -> None:
    name = domain.name("Checked")
    domain.present(name, settings={GUEST: True}, comment="old")
    changed = domain.present(name, settings={GUEST: False}, comment="new")
    gone = domain.absent(name)
    before = domain.everything()
    predicted = domain.revert(gone, check=True)
    assert domain.everything() == before
    assert predicted.after == domain.revert(gone).after
    predicted = domain.revert(changed, check=True)
    assert predicted.after["version"] > predicted.before["version"]
    assert predicted.after == domain.revert(changed).after


def test_change_id_is_used_once(domain: Domain) -> None:
    name = domain.name("Named")
    domain.present(name, settings={GUEST: True}, terms=GpoTerms("CHG1", "because"))
    with pytest.raises(RequestError, match="CHG1 was used"):
        domain.present(name, settings={GUEST: False}, terms=GpoTerms("CHG1"))


def test_damaged_journal_is_never_used(domain: Domain) -> None:
    name = domain.name("Journal")
    created = domain.present(name, settings={GUEST: True})
    path = domain.folder("winops.smb_guest") / f"{created.after['guid']}.S-1-5-32-544.json"
    good = path.read_bytes()
    for bad in (b"", b"{", good.replace(b"setting:", b"../../"), good.replace(b'"format": 3', b'"format": 9')):
        path.write_bytes(bad)
        with pytest.raises(Exception, match="cannot be used"):
            domain.revert(created)
    path.write_bytes(good)
    domain.revert(created)
