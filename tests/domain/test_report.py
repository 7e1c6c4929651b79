# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_info on a domain of some hundred GPOs: what it finds, and what it costs, counted."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.group_policy.domain_gpo import GpoReader
from ansible_collections.winops.smb_guest.plugins.plugin_utils.group_policy.domain_report import DomainReport

GUEST = "insecure_guest_logons"
OTHERS = 300


def counted(reader: GpoReader) -> tuple[DomainReport, list[dict[str, object]], int, int]:
    ldap, smb = reader.directory.requests, reader.sysvol.requests
    report = DomainReport(reader)
    told = report.gpos()
    return report, told, reader.directory.requests - ldap, reader.sysvol.requests - smb


def test_cost_follows_what_carries_our_settings(domain: Domain, record_property: Callable[[str, object], None]) -> None:
    """Hundreds of GPOs without our extensions, and units with links to them: pages of LDAP, and no file of theirs."""
    for _each in range(3):
        domain.present(domain.name("Ours"), settings={GUEST: False}, links=[domain.unit()])
    with domain.reader() as reader:
        _report, before, ldap_before, smb_before = counted(reader)
        policies = reader.policies_dn
        for number in range(OTHERS):
            guid = f"{{00000000-0000-0000-0000-{number:012X}}}"
            dn = f"CN={guid},{policies}"
            attributes = {"objectClass": ["groupPolicyContainer"], "displayName": [f"Other {number}"]}
            attributes |= {"gPCFileSysPath": [reader.unc(guid)], "versionNumber": ["1"], "flags": ["0"]}
            attributes |= {
                "gPCFunctionalityVersion": ["2"],
                "gPCMachineExtensionNames": ["[{00000000-0000-0000-0000-000000000000}{0}]"],
            }
            reader.directory.add(dn, attributes)
            unit = {"objectClass": ["organizationalUnit"], "gPLink": [f"[LDAP://{dn};0]"]}
            reader.directory.add(f"OU=scale{number},{domain.dc.dn}", unit)
        tracemalloc.start()
        try:
            report, told, ldap, smb = counted(reader)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            for number in range(OTHERS):
                reader.directory.delete(f"OU=scale{number},{domain.dc.dn}")
                reader.directory.delete(f"CN={{00000000-0000-0000-0000-{number:012X}}},{policies}")
    assert [gpo["guid"] for gpo in told] == [gpo["guid"] for gpo in before]
    assert smb == smb_before == 4 * report.looked_at
    assert ldap - ldap_before <= 2
    assert peak < 20_000_000
    record_property("ldap requests", ldap)
    record_property("smb requests", smb)
    record_property("peak bytes", peak)


def test_findings(domain: Domain) -> None:
    unit = domain.unit()
    below = domain.unit(unit)
    closed, opened, damaged = domain.name("Closed"), domain.name("Opened"), domain.name("Damaged")
    domain.present(closed, settings={GUEST: False}, links=[unit])
    domain.present(opened, settings={GUEST: True}, links=[below], comment="expires 2020-01-01")
    elsewhere = domain.present(domain.name("Elsewhere"), settings={GUEST: True}, links=[domain.unit()]).after["name"]
    broken = domain.present(damaged, settings={GUEST: True}).after["guid"]
    (domain.folder(broken) / "Machine" / "Registry.pol").write_bytes(b"PReg")
    disagreeing = domain.present(domain.name("Disagrees"), settings={GUEST: False}).after
    (domain.folder(disagreeing["guid"]) / "GPT.INI").write_bytes(b"[General]\r\nVersion=7\r\n")

    with domain.reader() as reader:
        report = DomainReport(reader)
        told = {str(gpo["name"]): gpo for gpo in report.gpos()}

    found = {(finding["kind"], *finding["gpos"]) for finding in report.findings}
    assert ("contradiction", closed, opened) in found
    assert not any(elsewhere in finding for finding in found if finding[0] == "contradiction" and closed in finding)
    assert ("overdue", opened) in found
    assert ("unreadable", damaged) in found
    assert ("versions_disagree", disagreeing["name"]) in found
    assert told[opened]["expires_on"] == "2020-01-01"
    assert told[disagreeing["name"]]["sysvol_version"] == {"computer": 7, "user": 0}
