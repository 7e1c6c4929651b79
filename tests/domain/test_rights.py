# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts without the rights get one sentence that names what they need, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import sid_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError, MissingRight
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_report import DomainReport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_access import AUTHENTICATED_USERS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredGpo, DesiredLink
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoTerms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.security_descriptor import (
    SecurityDescriptor,
)

GUEST = "insecure_guest_logons"
PASSWORD = "Plain-Us3r-Pass"


@pytest.fixture(scope="module")
def accounts(domain: Domain) -> dict[str, dict[str, Any]]:
    """`plain` may read, `creator` is in Group Policy Creator Owners, `barred` is too and may create nothing."""
    names = ("plain", "creator", "barred")
    for name in names:
        domain.dc.tool("user", "create", name, PASSWORD)
    domain.dc.tool("group", "addmembers", "Group Policy Creator Owners", "creator,barred")
    with domain.reader() as reader:
        barred = sid_of(reader.directory, "barred")
    # Windows lets this group create objects there; a domain that Samba made does not.
    policies = f"CN=Policies,CN=System,{domain.dc.dn}"
    for entry in ("(A;;CC;;;PA)", f"(D;;CC;;;{barred})"):
        domain.dc.tool("dsacl", "set", f"--objectdn={policies}", f"--sddl={entry}")
    return {name: {"username": f"{name}@{domain.dc.realm}", "password": PASSWORD} for name in names}


@pytest.fixture
def theirs(domain: Domain) -> Iterator[str]:
    """A GPO of the administrator, linked; in the end it and all of the domain are as they were, but for journals."""
    name = domain.name("Admin's")
    domain.present(name, settings={GUEST: True}, links=[domain.unit()])
    before = domain.everything()
    yield name
    assert without_journals(domain.everything()) == without_journals(before)
    assert not domain.present(name, settings={GUEST: True}).changed


def without_journals(everything: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in everything.items() if "winops.smb_guest" not in name}


def wishing(**desired_settings: Any) -> Callable[[DomainChanges, str], object]:
    return lambda changes, name: changes.make_true(name, DesiredGpo(name, **desired_settings), GpoTerms())


def creating(changes: DomainChanges, name: str) -> object:
    return wishing(settings={GUEST: False})(changes, f"Not {name}")


def deleting(changes: DomainChanges, name: str) -> object:
    return changes.make_absent(name, GpoTerms())


CREATORS = "membership in Group Policy Creator Owners"
EDITING = "'Edit settings, delete, modify security' on this GPO"
LINKING = "'Link GPOs' on that container"
JOURNAL = "SYSVOL, where changes are journaled: members of Group Policy Creator Owners may"
# Who tries what with the administrator's GPO, what is denied, and what the message says that the account needs.
DENIED = {
    "create": ("barred", creating, "creating CN={", CREATORS),
    "create with no right at all": ("plain", creating, "winops.smb_guest", JOURNAL),
    "edit its files": ("creator", wishing(settings={GUEST: False}), "Registry.pol", EDITING),
    "edit its object": ("creator", wishing(filter_sids=["S-1-5-9"]), "changing CN={", EDITING),
    "edit with no right at all": ("plain", wishing(settings={GUEST: False}), "winops.smb_guest", JOURNAL),
    "unlink": ("creator", wishing(links_exclusive=True), "changing OU=", LINKING),
    "delete where it is linked": ("creator", deleting, "changing OU=", LINKING),
}


def denied(domain: Domain, account: dict[str, Any], gpo: str, attempt: Callable[[DomainChanges, str], object]) -> str:
    """The words of the denial that the account gets. Check mode is denied as well, for the lack of the same right."""
    with domain.reader(**account) as reader, pytest.raises(MissingRight) as predicted:
        attempt(DomainChanges(reader, check_mode=True), gpo)
    with domain.reader(**account) as reader, pytest.raises(MissingRight) as refused:
        attempt(DomainChanges(reader), gpo)
    assert "would deny access" in str(predicted.value)
    assert predicted.value.remarks == refused.value.remarks[: len(predicted.value.remarks)]
    assert predicted.value.host_state is HostState.NOTHING_WRITTEN
    words = worded(refused.value)
    assert f"{account['username']} needs " in words
    assert ("Nothing was written" in words) != ("was restored" in words), words
    assert "failed as well" not in words
    return words


@pytest.mark.parametrize("what", DENIED)
def test_denial_names_the_right(domain: Domain, accounts: dict[str, dict[str, Any]], theirs: str, what: str) -> None:
    who, attempt, where, needed = DENIED[what]
    words = denied(domain, accounts[who], theirs, attempt)
    assert where in words
    assert needed in words


def test_denied_deletion_of_an_unlinked_gpo(domain: Domain, accounts: dict[str, dict[str, Any]]) -> None:
    name = domain.name("Nowhere")
    domain.present(name, settings={GUEST: True})
    before = domain.everything()
    words = denied(domain, accounts["creator"], name, deleting)
    assert "deleting CN=" in words
    assert EDITING in words
    assert without_journals(domain.everything()) == without_journals(before)


def test_denied_reading_of_a_file(domain: Domain, accounts: dict[str, dict[str, Any]]) -> None:
    """An account that may not read Registry.pol gets a finding; the report goes on without that GPO."""
    name = domain.name("Secret")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    with domain.reader() as reader:
        path = rf"{reader.folder(guid)}\Machine\Registry.pol"
        held = SecurityDescriptor.parse(reader.sysvol.security(path))
        kept = tuple(ace for ace in held.dacl or () if ace.sid != AUTHENTICATED_USERS)
        reader.sysvol.set_security(path, held.with_dacl(kept).to_bytes(), owner=False)
    with domain.reader(**accounts["plain"]) as reader:
        with pytest.raises(MissingRight, match=r"Registry\.pol") as denial:
            reader.state(guid, [])
        assert f"{accounts['plain']['username']} needs 'Read' on this GPO" in worded(denial.value)
        report = DomainReport(reader)
        assert name not in {gpo["name"] for gpo in report.gpos()}
    (finding,) = (each for each in report.findings if each["gpos"] == [name])
    assert "needs 'Read' on this GPO" in finding["text"]


def test_creator_creates_and_edits_and_is_denied_the_link(
    domain: Domain, accounts: dict[str, dict[str, Any]], theirs: str
) -> None:
    """What was written before the denial is rolled back."""
    unit, name = domain.unit(), domain.name("Creator's")
    wanted = DesiredGpo(name, {GUEST: False})
    with domain.reader(**accounts["creator"]) as reader:
        assert DomainChanges(reader, check_mode=True).make_true(name, wanted, GpoTerms()).changed
        assert DomainChanges(reader).make_true(name, wanted, GpoTerms()).changed
        for change in (DesiredGpo(name, {GUEST: True}, comment="x", filter_sids=["S-1-5-9"]), wanted):
            assert DomainChanges(reader, check_mode=True).make_true(name, change, GpoTerms()).changed == (
                change != wanted
            )
        assert DomainChanges(reader, check_mode=True).make_absent(name, GpoTerms()).changed
    domain.dc.tool("gpo", "aclcheck")
    words = denied(domain, accounts["creator"], name, wishing(settings={GUEST: True}, links=[DesiredLink(unit)]))
    assert f"changing {unit}" in words
    assert "was restored" in words
    assert domain.present(name).after["settings"] == {GUEST: "blocked"}
    domain.absent(name)


def test_plain_account_may_ask(domain: Domain, accounts: dict[str, dict[str, Any]]) -> None:
    name = domain.name("Seen")
    domain.present(name, settings={GUEST: False})
    with domain.reader(**accounts["plain"]) as reader:
        told = {gpo["name"]: gpo for gpo in DomainReport(reader).gpos()}
    assert told[name]["settings"] == {GUEST: "blocked"}


def test_unknown_account_is_reported_and_its_password_is_not(domain: Domain) -> None:
    for protocol in ("ntlm", "kerberos"):
        secret = "S3cret-that-must-not-show"
        changes = {"username": f"nobody@{domain.dc.realm}", "password": secret, "auth_protocol": protocol}
        with pytest.raises(DomainError, match="did not accept nobody@") as refused, domain.reader(**changes):
            pass
        assert secret not in str(refused.value)
