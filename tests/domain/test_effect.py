# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPO that no computer applies is a finding, and the date of an exception stands at one place."""

from __future__ import annotations

from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_report import DomainReport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredLink

GUEST = "insecure_guest_logons"


def test_gpo_without_effect_is_a_finding(domain: Domain) -> None:
    unit = domain.unit()
    nowhere, off, applied = (domain.name(name) for name in ("Nowhere", "Off", "Applied"))
    domain.present(nowhere, settings={GUEST: False}, links=[DesiredLink(unit, enabled=False)])
    guid = domain.present(off, settings={GUEST: False}, links=[unit]).after["guid"]
    domain.present(applied, settings={GUEST: False}, links=[unit])
    with domain.directory() as directory:
        directory.modify(f"CN={guid},CN=Policies,CN=System,{domain.dc.dn}", [Modification.replace("flags", "2")])
    with domain.reader() as reader:
        report = DomainReport(reader)
        report.gpos()
    found = {(finding["kind"], *finding["gpos"]) for finding in report.findings}
    assert ("not_linked", nowhere) in found
    assert ("computer_half_disabled", off) in found
    assert not any(applied in gpos for _kind, *gpos in found)


def test_a_reason_with_a_date_does_not_end_an_exception(domain: Domain) -> None:
    name = f"{domain.name('Exception')} (expires 2999-12-31)"
    domain.present(name, settings={GUEST: True}, comment="contract expires 2020-06-30 - expires 2999-12-31")
    with domain.reader() as reader:
        (told,) = DomainReport(reader, name).gpos()
    assert told["expires_on"] == "2999-12-31"
