# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts without the rights get one sentence that names what they need, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.action.domain_policy import ActionModule
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError, MissingRight
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.group_policy.domain_change import DomainChanges, Terms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.group_policy.domain_report import DomainReport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.group_policy.gpo_wishes import LinkWish, Wishes

GUEST = "insecure_guest_logons"
PASSWORD = "Plain-Us3r-Pass"


@pytest.fixture(scope="module")
def accounts(domain: Domain) -> dict[str, dict[str, Any]]:
    """`plain` may read, `creator` is in Group Policy Creator Owners."""
    for name in ("plain", "creator"):
        domain.dc.tool("user", "create", name, PASSWORD)
    domain.dc.tool("group", "addmembers", "Group Policy Creator Owners", "creator")
    # Windows lets this group create objects there; a domain that Samba made does not.
    policies = f"CN=Policies,CN=System,{domain.dc.dn}"
    domain.dc.tool("dsacl", "set", f"--objectdn={policies}", "--sddl=(A;;CC;;;PA)")
    return {name: {"username": f"{name}@{domain.dc.realm}", "password": PASSWORD} for name in ("plain", "creator")}


def attempt(domain: Domain, account: dict[str, Any], gpo: str, **wishes: Any) -> str:
    """The words of the error that the account gets."""
    with domain.reader(**account) as reader, pytest.raises(SmbGuestError) as refused:
        DomainChanges(reader).make_true(gpo, Wishes(gpo, **wishes), Terms())
    assert isinstance(refused.value, MissingRight)
    return str(refused.value)


@pytest.fixture
def unchanged(domain: Domain) -> Iterator[None]:
    """All of the domain as it was, but for the folder of the journals."""
    domain.present(domain.name("First"))  # makes that folder
    before = domain.everything()
    yield
    after = domain.everything()
    assert {k: v for k, v in after.items() if "winops" not in k} == {
        k: v for k, v in before.items() if "winops" not in k
    }


@pytest.mark.usefixtures("unchanged")
def test_plain_account_cannot_create(domain: Domain, accounts: dict[str, dict[str, Any]]) -> None:
    words = attempt(domain, accounts["plain"], domain.name("Not theirs"), settings={GUEST: False})
    assert "denied access when" in words
    assert "Nothing was written" not in words or "put back" not in words
    assert "Group Policy Creator Owners" in ActionModule.MISSING_RIGHT


def test_plain_account_cannot_edit(domain: Domain, accounts: dict[str, dict[str, Any]]) -> None:
    name = domain.name("Admin's")
    domain.present(name, settings={GUEST: True})
    before = {k: v for k, v in domain.everything().items() if "winops" not in k}
    attempt(domain, accounts["plain"], name, settings={GUEST: False})
    assert {k: v for k, v in domain.everything().items() if "winops" not in k} == before


def test_creator_owner_creates_and_edits_but_cannot_link(domain: Domain, accounts: dict[str, dict[str, Any]]) -> None:
    unit, name = domain.unit(), domain.name("Creator's")
    domain.present(domain.name("First"))
    with domain.reader(**accounts["creator"]) as reader:
        outcome = DomainChanges(reader).make_true(name, Wishes(name, {GUEST: False}), Terms())
    assert outcome.changed
    domain.dc.tool("gpo", "aclcheck")
    words = attempt(domain, accounts["creator"], name, settings={GUEST: True}, links=[LinkWish(unit)])
    assert f"changing {unit}" in words
    assert "put back" in words
    with domain.reader() as reader:
        assert reader.state(outcome.after["guid"], []).files.version
    assert domain.present(name).after["settings"] == {GUEST: "blocked"}


def test_plain_account_may_ask(domain: Domain, accounts: dict[str, dict[str, Any]]) -> None:
    name = domain.name("Seen")
    domain.present(name, settings={GUEST: False})
    with domain.reader(**accounts["plain"]) as reader:
        told = {gpo["name"]: gpo for gpo in DomainReport(reader).gpos()}
    assert told[name]["settings"] == {GUEST: "blocked"}


def test_unknown_account_is_told_and_its_password_is_not(domain: Domain) -> None:
    for protocol in ("ntlm", "kerberos"):
        secret = "S3cret-that-must-not-show"
        changes = {"username": f"nobody@{domain.dc.realm}", "password": secret, "auth_protocol": protocol}
        with pytest.raises(DomainError, match="did not accept nobody@") as refused, domain.reader(**changes):
            pass
        assert secret not in str(refused.value)
