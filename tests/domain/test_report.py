# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_info on a domain of some hundred GPOs: what it finds, and what it costs, counted."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest
from conftest import Domain
from directory_model import DirectoryModel

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain import directory as directory_module
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import Directory
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.domain_controller import DomainController
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import Sysvol
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_report import DomainReport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_cells import MANAGED
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_reader import GpoReader
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.extension_names import (
    REGISTRY_POLICY,
    Extension,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    RegistryPol,
    RegistryPolEntry,
)

GUEST = "insecure_guest_logons"
OTHERS = 300


def model_guid(number: int) -> str:
    return f"{{00000000-0000-0000-0000-{number:012X}}}"


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
        others = [f"CN={model_guid(number)},{policies}" for number in range(OTHERS)]
        units = [f"OU=scale{number},{domain.dc.dn}" for number in range(OTHERS)]
        extension = "[{00000000-0000-0000-0000-000000000000}{0}]"
        domain.dc.change(
            "".join(
                f"dn: {gpo}\nchangetype: add\nobjectClass: groupPolicyContainer\ndisplayName: Other {number}\n"
                f"gPCFileSysPath: {reader.unc(model_guid(number))}\nversionNumber: 1\nflags: 0\n"
                f"gPCFunctionalityVersion: 2\ngPCMachineExtensionNames: {extension}\n\n"
                f"dn: {unit}\nchangetype: add\nobjectClass: organizationalUnit\ngPLink: [LDAP://{gpo};0]\n\n"
                for number, (gpo, unit) in enumerate(zip(others, units, strict=True))
            )
        )
        try:
            _report, told, ldap, smb = counted(reader)
        finally:
            domain.dc.change("".join(f"dn: {dn}\nchangetype: delete\n\n" for dn in [*units, *others]))
    assert [gpo["guid"] for gpo in told] == [gpo["guid"] for gpo in before]
    assert smb == smb_before
    assert ldap - ldap_before <= 2
    record_property("ldap requests", ldap)
    record_property("smb requests", smb)


class Files:
    """SYSVOL of the model: the GPOs of `ours` block guest logons, all others set something else."""

    def __init__(self, ours: frozenset[str]) -> None:
        self.requests = 0
        self._ours = ours

    def read(self, path: str) -> bytes | None:
        self.requests += 1
        guid, name = path.split("\\", 3)[2:]
        if name == "Machine\\Registry.pol":
            key = MANAGED[GUEST].group_policy.key if guid in self._ours else "Software\\Other"
            filler = RegistryPolEntry(key, "Filler", 1, b"x\0" * 2000)
            return RegistryPol().set(filler).set(RegistryPolEntry.dword(key, "AllowInsecureGuestAuth", 0)).to_bytes()
        return b"[General]\r\nVersion=1\r\n" if name == "GPT.INI" else None


def modelled(gpos: int, units: int, ours: int) -> tuple[int, int, list[int]]:
    """LDAP and SMB requests of domain_policy_info, and how full its pages of LDAP were.

    ours: how many GPOs set something of ours; two of three carry registry policy.
    """
    top = "DC=big,DC=example"
    policies = f"CN=Policies,CN=System,{top}"

    def root(_number: int) -> tuple[str, dict[str, str]]:
        contexts = {"defaultNamingContext": top, "configurationNamingContext": f"CN=Configuration,{top}"}
        return "", {"objectClass": "top", **contexts}

    def gpo(number: int) -> tuple[str, dict[str, str]]:
        guid = model_guid(number)
        extension = REGISTRY_POLICY if number % 3 else Extension(model_guid(1), model_guid(2))
        return f"CN={guid},{policies}", {
            "objectClass": "groupPolicyContainer",
            "cn": guid,
            "displayName": f"GPO {number}",
            "gPCFileSysPath": rf"\\big.example\sysvol\big.example\Policies\{guid}",
            "gPCFunctionalityVersion": "2",
            "gPCMachineExtensionNames": f"[{extension.cse}{extension.tool}]",
            "versionNumber": "1",
            "flags": "0",
        }

    def unit(number: int) -> tuple[str, dict[str, str]]:
        linked = (model_guid((number + each) % gpos) for each in range(3))
        links = "".join(f"[LDAP://CN={guid},{policies};0]" for guid in linked)
        return f"OU=unit{number},{top}", {"objectClass": "organizationalUnit", "gPLink": links}

    model = DirectoryModel([(1, root), (gpos, gpo), (units, unit)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(directory_module, "LdapConnection", lambda _controller: model)
        directory = Directory(DomainController("model"))
    files = Files(frozenset(model_guid(3 * number + 1) for number in range(ours)))
    reader = GpoReader(directory, cast(Sysvol, files), "big.example")
    assert len(DomainReport(reader).gpos()) == ours
    return directory.requests, files.requests, model.pages


def test_large_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 GPOs and 5,000 units: pages, files as extension lists name them, no more held than a page and the last."""
    held: Counter[str] = Counter()
    made = directory_module._entry

    def counting(message: Any, room: Any) -> Any:
        entry = made(message, room)
        held["now"] += 1
        held["most"] = max(held["most"], held["now"])
        weakref.finalize(entry, held.subtract, ["now"])
        return entry

    monkeypatch.setattr(directory_module, "_entry", counting)
    ldap, smb, pages = modelled(2000, 5000, 10)
    carrying = 1333
    assert smb == carrying + 2 * 10  # Registry.pol of each, GPT.INI and comment of ours
    assert sorted(pages, reverse=True) == [500] * 12 + [333, 1, 0]  # GPOs, units, the root, the sites
    assert ldap == len(pages)
    assert 500 < held["most"] <= 2 * 500 + 1


def test_findings(domain: Domain) -> None:
    unit = domain.unit()
    below = domain.unit(unit)
    closed, opened, damaged = domain.name("Closed"), domain.name("Opened"), domain.name("Damaged")
    domain.present(closed, settings={GUEST: False}, links=[unit])
    domain.present(opened, settings={GUEST: True}, links=[below], comment="expires 2020-01-01")
    elsewhere = domain.present(domain.name("Elsewhere"), settings={GUEST: True}, links=[domain.unit()]).after["name"]
    broken = domain.present(damaged, settings={GUEST: True}).after["guid"]
    (domain.folder(broken) / "Machine" / "Registry.pol").write_bytes(b"PReg")
    beheaded = domain.present(domain.name("Beheaded"), settings={GUEST: False}).after
    (domain.folder(beheaded["guid"]) / "GPT.INI").write_bytes(b"[General]\r\nVersion=seven\r\n")
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
    assert ("unreadable", beheaded["name"]) in found
    assert ("versions_disagree", disagreeing["name"]) in found
    assert told[opened]["expires_on"] == "2020-01-01"
    assert told[disagreeing["name"]]["sysvol_version"] == {"computer": 7, "user": 0}
