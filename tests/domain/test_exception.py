# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules domain_exception and domain_harden: what they refuse, and that nothing was written then."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.action import domain_exception, domain_harden
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import SearchScope
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredLink

GUEST, SIGNING = "insecure_guest_logons", "client_signing"
TODAY = datetime.now(UTC).date()
DAY = str(TODAY + timedelta(days=3))


def module(domain: Domain, action: Any, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """What a task with these options does, without Ansible around it."""
    spec = action.ActionModule.ARGUMENT_SPEC
    given = {name: rule.get("default") for name, rule in spec.items()} | {"domain": domain.dc.domain} | options
    for link in given["links"] or ():
        link.update({name: link.get(name) for name in ("enabled", "enforced", "order")})
    made = action.ActionModule.__new__(action.ActionModule)
    made._task = SimpleNamespace(check_mode=check, args={})
    admin = domain.admin
    connection = {"server": admin.server, "username": admin.username, "password": admin.password}
    result: dict[str, Any] = made.act({**given, **connection, "auth_protocol": "ntlm"})
    return result


def exception(domain: Domain, name: str, *targets: str, check: bool = False, **options: Any) -> dict[str, Any]:
    wanted = {"reason": "CHG1", "expires_on": DAY, "links": [{"target": target} for target in targets]}
    return module(domain, domain_exception, check=check, name=name, **{**wanted, **options})


def group(domain: Domain, *members: str) -> str:
    name = domain.name("group").replace(" ", "")
    domain.dc.tool("group", "add", name)
    if members:
        domain.dc.tool("group", "addmembers", name, ",".join(f"{member}$" for member in members))
    return name


@pytest.mark.parametrize("check", [True, False])
def test_what_reaches_the_whole_domain_needs_a_group_or_consent(domain: Domain, check: bool) -> None:
    """However the target is spelled: what the server returns counts."""
    dn = domain.dc.dn
    with domain.directory() as directory:
        guids = {
            entry.dn: entry.raw("objectGUID") or b""
            for entry in directory.search(dn, SearchScope.CHILDREN, "(objectClass=*)", ["objectGUID"])
        }
    controllers = next(name for name in guids if name.startswith("OU=Domain Controllers"))
    guid = uuid.UUID(bytes_le=guids[controllers])
    inside = domain.unit(controllers)
    site = f"CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{dn}"
    before = domain.everything()
    for target in (dn, dn.replace(",", " , "), controllers, f"<GUID={guid}>", inside, site):
        for groups in (None, ["Authenticated Users"], ["Domain Computers"]):
            with pytest.raises(RequestError, match="would reach every computer below"):
                exception(domain, "wide", target, check=check, groups=groups)
    with pytest.raises(RequestError, match="no group or account"):
        exception(domain, "wide", dn, check=check, groups=["No such group"])
    assert domain.everything() == before


def test_consent_and_a_group_are_enough(domain: Domain) -> None:
    name, narrow = domain.name("consented"), domain.name("narrow")
    made = exception(domain, name, domain.dc.dn, links=[{"target": domain.dc.dn, "order": 1}], whole_domain=True)
    assert made["changed"]
    assert made["after"]["security_filter"] == ["Authenticated Users"]
    limited = exception(
        domain, narrow, domain.dc.dn, links=[{"target": domain.dc.dn, "order": 1}], groups=[group(domain)]
    )
    assert limited["changed"]
    for each in (name, narrow):
        assert module(domain, domain_exception, name=each, state="absent")["deleted"]


@pytest.mark.parametrize("check", [True, False])
def test_an_exception_that_would_not_decide_is_refused_before_it_is_written(domain: Domain, check: bool) -> None:
    above = domain.unit()
    unit = domain.unit(above)
    blocking = domain.name("Blocks")
    domain.present(blocking, settings={GUEST: False, SIGNING: True}, links=[unit])
    before = domain.everything()
    with pytest.raises(RequestError, match=f"would not decide at {unit}: {blocking}, linked to {unit}"):
        exception(domain, "weak", unit, check=check)
    assert domain.everything() == before
    made = exception(domain, "strong", unit, check=check, links=[{"target": unit, "order": 1}])
    assert made["changed"]
    assert module(domain, domain_exception, check=check, name="strong", state="absent")["changed"] != check
    domain.present(blocking, links=[DesiredLink(unit, enabled=False), DesiredLink(above, enforced=True)])
    before = domain.everything()
    with pytest.raises(RequestError, match="or do not enforce the other GPO"):
        exception(domain, "below", unit, check=check, links=[{"target": unit, "order": 1}])
    assert domain.everything() == before
    domain.absent(blocking)


def test_a_gpo_of_a_group_decides_for_that_group(domain: Domain) -> None:
    """The blocking GPO is for one wave: an exception for others decides, one for the same wave does not."""
    unit = domain.unit()
    wave, others = group(domain), group(domain)
    blocking = domain.name("Wave")
    with domain.directory() as directory:
        from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import sid_of

        sid = sid_of(directory, wave)
    domain.present(blocking, settings={GUEST: False}, links=[unit], filter_sids=[sid])
    with pytest.raises(RequestError, match="would not decide at"):
        exception(domain, "same wave", unit, groups=[wave])
    assert exception(domain, "others", unit, groups=[others])["changed"]
    module(domain, domain_exception, name="others", state="absent")
    domain.absent(blocking)


def test_a_site_is_judged_by_what_the_domain_says_over_it(domain: Domain) -> None:
    site = f"CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{domain.dc.dn}"
    members = group(domain)
    blocking = domain.name("Over the site")
    domain.present(blocking, settings={GUEST: False}, links=[domain.dc.dn])
    with pytest.raises(RequestError, match=f"would not decide at {site}: {blocking}"):
        exception(domain, "site", site, groups=[members])
    domain.absent(blocking)
    assert exception(domain, "site", site, groups=[members])["changed"]
    module(domain, domain_exception, name="site", state="absent")


def test_a_unit_below_that_another_gpo_decides_is_a_warning(domain: Domain) -> None:
    unit = domain.unit()
    below = domain.unit(unit)
    blocking = domain.name("Below")
    domain.present(blocking, settings={GUEST: False}, links=[below])
    made = exception(domain, "upper", unit)
    assert any(f"does not decide below its links at {below}: {blocking}" in line for line in made["warnings"])
    module(domain, domain_exception, name="upper", state="absent")
    domain.absent(blocking)


def test_another_spelling_or_day_leaves_one_exception(domain: Domain) -> None:
    unit = domain.unit()
    first = exception(domain, "old NAS", unit)
    again = exception(domain, "  OLD   nas ", unit)
    assert not again["changed"]
    assert again["after"]["guid"] == first["after"]["guid"]
    later = str(TODAY + timedelta(days=9))
    predicted = exception(domain, "Old nas", unit, expires_on=later, check=True)
    assert [each["guid"] for each in predicted["deleted"]] == [first["after"]["guid"]]
    moved = exception(domain, "Old nas", unit, expires_on=later)
    assert [each["guid"] for each in moved["deleted"]] == [first["after"]["guid"]]
    assert moved["after"]["name"] == f"SMB guest exception: Old nas (expires {later})"
    assert "Deleted: SMB guest exception: old NAS" in moved["summary"]
    gone = module(domain, domain_exception, name="OLD NAS", state="absent")
    assert [each["guid"] for each in gone["deleted"]] == [moved["after"]["guid"]]
    assert not module(domain, domain_exception, name="OLD NAS", state="absent")["changed"]


def test_the_day_in_the_name_alone_ends_an_exception(domain: Domain) -> None:
    unit = domain.unit()
    kept = exception(domain, "kept", unit, reason="the contract expires 2020-06-30")
    past = domain.name("SMB guest exception: past (expires 2020-01-01)").rsplit(" ", 1)[0]
    domain.present(past, settings={GUEST: True}, comment="expires 2999-01-01")
    other = domain.name("Another GPO")
    domain.present(other, settings={GUEST: True}, comment="x expires 2020-01-01")
    gone = module(domain, domain_exception, state="expired")
    assert [each["name"] for each in gone["deleted"]] == [past]
    with domain.reader() as reader:
        assert reader.find(kept["after"]["guid"])
        assert reader.find(other)
    module(domain, domain_exception, name="kept", state="absent")
    domain.absent(other)


def test_hardening_names_what_contradicts_it_and_refuses_an_exception(domain: Domain) -> None:
    unit = domain.unit()
    allowing, name = domain.name("Allows"), domain.name("Hardened")
    domain.present(allowing, settings={GUEST: True}, links=[unit])
    made = module(domain, domain_harden, gpo=name, links=[{"target": unit}])
    assert made["after"]["settings"][GUEST] == "blocked"
    assert made["after"]["settings"][SIGNING] == "required"
    assert any(allowing in text for text in made["conflicts"])
    before = domain.everything()
    for gpo in ("SMB guest exception: x (expires 2999-01-01)", "Default Domain Policy"):
        with pytest.raises(RequestError, match=r"names an exception|allow_default_policies"):
            module(domain, domain_harden, gpo=gpo)
    assert domain.everything() == before
    domain.absent(allowing)
    domain.absent(name)
