# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPO created, edited and read back: judged by Samba's own tools, proved by the state of the domain."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Domain
from member import Member

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import wmi_filter_text
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_report import DomainReport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_cells import MANAGED
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredLink
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_state import DEFAULT_POLICIES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.resolution import Resolution

GUEST, SIGNING = "insecure_guest_logons", "client_signing"


def test_created_gpo_is_one_for_samba_too(domain: Domain) -> None:
    """Containers, folders, ACLs, versions, extensions, links: whatever samba-tool checks."""
    unit, name = domain.unit(), domain.name("Created")
    outcome = domain.present(name, settings={GUEST: False, SIGNING: True}, links=[unit], comment="Why: é ✓")
    guid = outcome.after["guid"]
    tool = domain.dc.tool

    assert outcome.changed
    assert outcome.after["settings"] == {GUEST: "blocked", SIGNING: "required"}
    assert f"display name : {name}" in tool("gpo", "show", guid)
    assert "version      : 1" in tool("gpo", "show", guid)
    assert "flags        : NONE" in tool("gpo", "show", guid)
    assert unit in tool("gpo", "listcontainers", guid)
    assert guid in tool("gpo", "getlink", unit)
    tool("gpo", "aclcheck")  # fails where the ACLs of directory and folder differ
    backup = domain.dc.folder / f"backup-{guid}"
    backup.mkdir()
    tool("gpo", "backup", guid, f"--tmpdir={backup}")
    assert list(backup.rglob("Registry.pol.xml"))
    assert {"gpt.ini", "machine/registry.pol", "gpo.cmt"} < set(domain.files(guid))
    assert domain.folder(guid).joinpath("User").is_dir()


@pytest.mark.parametrize("value", [True, False])
def test_every_setting_is_written_as_samba_reads_it(domain: Domain, value: bool) -> None:
    outcome = domain.present(domain.name("All"), settings=dict.fromkeys(MANAGED, value))
    files = domain.files(outcome.after["guid"])
    path = domain.folder(outcome.after["guid"]) / "Machine" / "Registry.pol"

    preg = domain.judges.preg(path)

    assert preg["same"]
    registry = {name: setting for name, setting in MANAGED.items() if setting.group_policy.admx_name}
    assert len(preg["entries"]) == len(registry)
    assert all(entry[2] == 4 for entry in preg["entries"])
    template = files["machine/microsoft/windows nt/secedit/gpttmpl.inf"].decode("utf-16")
    for service in ("LanmanWorkstation", "LanManServer"):
        line = rf"\Services\{service}\Parameters\RequireSecuritySignature=4,{int(value)}"
        assert line.lower() in template.lower()
    assert outcome.after["settings"] == {name: setting.words.word(value) for name, setting in MANAGED.items()}


def test_second_run_changes_and_writes_nothing(domain: Domain) -> None:
    unit, name = domain.unit(), domain.name("Twice")
    desired_settings = {
        "settings": {GUEST: False, SIGNING: True},
        "links": [DesiredLink(unit, order=1)],
        "comment": "x",
    }
    domain.present(name, **desired_settings)
    before = domain.everything()

    again = domain.present(name, **desired_settings)

    assert not again.changed
    assert again.before == again.after
    assert domain.everything() == before


def test_check_mode_writes_nothing_and_says_what_would_be(domain: Domain) -> None:
    unit, name = domain.unit(), domain.name("Checked")
    desired_settings = {"settings": {GUEST: False}, "links": [unit], "comment": "c"}
    before = domain.everything()

    predicted = domain.present(name, check=True, **desired_settings)

    assert domain.everything() == before
    real = domain.present(name, **desired_settings)
    unknown = ("guid", "version", "security_filter")
    assert {k: v for k, v in predicted.after.items() if k not in unknown} == {
        k: v for k, v in real.after.items() if k not in unknown
    }
    assert predicted.changed
    gone = domain.absent(name, check=True)
    assert gone.changed
    assert gone.after == {}
    assert domain.present(name, **desired_settings).changed is False


def test_what_is_not_ours_stays_byte_for_byte(domain: Domain) -> None:
    """Other values of both files, other lines of GPT.INI, the user half, other extensions, other links."""
    unit, name = domain.unit(), domain.name("Foreign")
    guid = domain.present(name, settings={GUEST: False, SIGNING: True}, links=[unit]).after["guid"]
    machine = domain.folder(guid) / "Machine"
    pol = machine / "Registry.pol"
    entry = "[Software\\Other\0;Value\0;\x01\0;\x06\0;hi\0]".encode("utf-16-le")
    pol.write_bytes(pol.read_bytes()[:8] + entry + pol.read_bytes()[8:])
    template = machine / "Microsoft/Windows NT/SecEdit/GptTmpl.inf"
    text = template.read_bytes().decode("utf-16") + "[Privilege Rights]\r\nSeTest = *S-1-5-32-544\r\n"
    template.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    ini = domain.folder(guid) / "GPT.INI"
    ini.write_bytes(ini.read_bytes() + b"displayName=New Group Policy Object\r\n; kept\r\n")
    (domain.folder(guid) / "User" / "Registry.pol").write_bytes(b"PReg\x01\0\0\0")
    other = domain.present(domain.name("Neighbour"), links=[unit]).after["guid"]

    outcome = domain.present(name, settings={GUEST: True, SIGNING: None})

    files = domain.files(guid)
    assert entry in files["machine/registry.pol"]
    assert "SeTest = *S-1-5-32-544" in files["machine/microsoft/windows nt/secedit/gpttmpl.inf"].decode("utf-16")
    assert b"displayName=New Group Policy Object\r\n; kept\r\n" in files["gpt.ini"]
    assert files["user/registry.pol"] == b"PReg\x01\0\0\0"
    assert outcome.after["settings"] == {GUEST: "allowed"}
    assert domain.dc.tool("gpo", "getlink", unit).count(other) == 1
    assert domain.judges.preg(pol)["same"]


def test_damaged_file_is_refused_and_kept(domain: Domain) -> None:
    name = domain.name("Damaged")
    guid = domain.present(name, settings={GUEST: False}).after["guid"]
    pol = domain.folder(guid) / "Machine" / "Registry.pol"
    pol.write_bytes(b"PReg\x01\0\0\0[")

    with pytest.raises(Exception, match="damaged and is not touched"):
        domain.present(name, settings={GUEST: True})

    assert pol.read_bytes() == b"PReg\x01\0\0\0["


def test_links_are_put_where_they_are_wanted(domain: Domain) -> None:
    one, two = domain.unit(), domain.unit()
    name = domain.name("Linked")
    neighbours = [domain.present(domain.name("N"), links=[one]).after["guid"] for _each in range(3)]
    guid = domain.present(name, links=[one]).after["guid"]

    def links(unit: str) -> list[str]:
        listed = domain.dc.tool("gpo", "getlink", unit)
        return [line.split()[-1] for line in listed.splitlines() if "GPO     :" in line]

    assert links(one)[0] == guid  # as GPMC: a new link is the weakest
    strongest = domain.present(name, links=[DesiredLink(one, order=1, enforced=True)])
    assert links(one)[-1] == guid
    assert strongest.after["links"][0] == {"target": one, "enabled": True, "enforced": True, "order": 1}
    assert "GPLINK_OPT_ENFORCE" in domain.dc.tool("gpo", "getlink", one)
    domain.present(name, links=[DesiredLink(one, enabled=False, enforced=False), DesiredLink(two)])
    assert "GPLINK_OPT_DISABLE" in domain.dc.tool("gpo", "getlink", one)
    assert links(two) == [guid]
    only = domain.present(name, links=[two], links_exclusive=True)
    assert [link["target"] for link in only.after["links"]] == [two]
    assert sorted(links(one)) == sorted(neighbours)


def test_site_can_be_a_target(domain: Domain) -> None:
    site = f"CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{domain.dc.dn}"
    name = domain.name("Site")
    assert [link["target"] for link in domain.present(name, links=[site]).after["links"]] == [site]
    assert domain.present(name, links=[], links_exclusive=True).after["links"] == []


def test_security_filter_lets_a_group_apply_and_everybody_read(domain: Domain) -> None:
    name = domain.name("Filtered")
    domain.dc.tool("group", "add", "pilots")
    guid = domain.present(name, settings={GUEST: False}).after["guid"]
    sid = domain.dc.tool("group", "show", "pilots", "--attributes=objectSid").split("objectSid: ")[1].split()[0]

    outcome = domain.present(name, filter_sids=[sid])

    assert outcome.after["security_filter"] == [sid]
    assert outcome.after["version"] == 1  # clients look at the filter each time
    acl = domain.dc.tool("gpo", "show", guid).split("ACL")[1]
    assert f"(OA;CI;CR;edacfd8f-ffb3-11d1-b41d-00a0c968f939;;{sid})" in acl
    assert "(A;CI;RPLCLORC;;;AU)" in acl
    assert "edacfd8f-ffb3-11d1-b41d-00a0c968f939;;AU" not in acl
    domain.dc.tool("gpo", "aclcheck")
    assert not domain.present(name, filter_sids=[sid]).changed
    assert domain.revert(outcome).after["security_filter"] == ["S-1-5-11"]
    domain.dc.tool("gpo", "aclcheck")


def test_default_policies_are_refused(domain: Domain) -> None:
    before = domain.everything()
    for guid, name in DEFAULT_POLICIES.items():
        for gpo in (guid, name):
            with pytest.raises(RequestError, match="allow_default_policies"):
                domain.present(gpo, settings={GUEST: False})
        with pytest.raises(RequestError, match="allow_default_policies"):
            domain.absent(name)
    assert domain.everything() == before


def test_two_gpos_of_one_name_need_a_guid(domain: Domain) -> None:
    name = domain.name("Same")
    guid = domain.present(name).after["guid"]
    other = domain.present(domain.name("Other")).after["guid"]
    from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification

    with domain.directory() as directory:
        dn = f"CN={other},CN=Policies,CN=System,{domain.dc.dn}"
        directory.modify(dn, [Modification.replace("displayName", name)])
    with pytest.raises(Exception, match="2 GPOs are named"):
        domain.present(name, settings={GUEST: False})
    assert domain.present(guid.lower().strip("{}"), settings={GUEST: False}).after["guid"] == guid
    with pytest.raises(RequestError, match="no GPO"):
        domain.present("{00000000-0000-0000-0000-00000000ABCD}", settings={GUEST: False})


def test_versions_that_disagree_are_made_one(domain: Domain) -> None:
    """As after an interrupted edit of somebody: both become the larger one plus one."""
    name = domain.name("Disagrees")
    guid = domain.present(name, settings={GUEST: False}).after["guid"]
    (domain.folder(guid) / "GPT.INI").write_bytes(b"[General]\r\nVersion=65543\r\n")

    outcome = domain.present(name, settings={GUEST: False})

    assert outcome.changed
    assert domain.files(guid)["gpt.ini"] == b"[General]\r\nVersion=65544\r\n"
    assert "version      : 65544" in domain.dc.tool("gpo", "show", guid)
    assert not domain.present(name, settings={GUEST: False}).changed


def test_target_that_is_not_there(domain: Domain) -> None:
    before = domain.everything()
    with pytest.raises(Exception, match="has no OU=nowhere"):
        domain.present(domain.name("Lost"), links=[f"OU=nowhere,{domain.dc.dn}"])
    assert domain.everything() == before


def test_samba_as_a_client_applies_it(domain: Domain) -> None:
    """samba-gpupdate on a joined computer applies the GPO, as long as a link and the filter let it."""
    name, unit = domain.name("For a client"), domain.unit()
    computer = Member.joined(domain.dc, "WS1", unit.partition(",")[0].removeprefix("OU="))
    domain.present(name, settings={GUEST: False, SIGNING: True}, links=[unit])
    assert computer.applied()[-1] == name
    domain.present(name, filter_sids=["S-1-5-32-546"])
    assert name not in computer.applied()
    domain.present(name, filter_sids=["S-1-5-11"], links=[DesiredLink(unit, enabled=False)])
    assert name not in computer.applied()


def test_wmi_filter_of_a_name(domain: Domain) -> None:
    """One that exists is set, said by its name, not evaluated, taken away and restored."""
    guid, title, name = "{11111111-2222-3333-4444-555555555555}", "Windows 11 only", domain.name("With a WMI filter")
    unit = domain.unit()
    with domain.reader() as reader:
        dn = f"CN={guid},CN=SOM,CN=WMIPolicy,CN=System,{domain.dc.dn}"
        query = "1;3;10;54;WQL;root\\CIMv2;SELECT * FROM Win32_OperatingSystem WHERE Version >= '10.0.22000';"
        attributes = {"objectClass": ["msWMI-Som"], "msWMI-ID": [guid], "msWMI-Name": [title], "msWMI-Parm2": [query]}
        reader.directory.add(dn, attributes)
        text = wmi_filter_text(reader.directory, reader.domain, title)
        assert text == f"[{domain.dc.domain};{guid};0]"
        domain.present(name, settings={GUEST: False}, links=[unit], wmi_filter=text)
        report = DomainReport(reader)
        assert {gpo["name"]: gpo["wmi_filter"] for gpo in report.gpos()}[name] == title
        decision = Resolution(report).resolved(account=None, unit=unit, site=None)["settings"][GUEST]
    assert (decision["gpo"], decision["wmi_filter_not_evaluated"]) == (name, title)
    gone = domain.present(name, wmi_filter="")
    assert gone.after["wmi_filter"] is None
    assert domain.revert(gone).after["wmi_filter"] == text


def test_check_mode_shows_what_the_run_writes(domain: Domain) -> None:
    """Of a new GPO and of an edit: settings, filter, links, comment and version; no GUID that no GPO will have."""
    name, unit = domain.name("Predicted"), domain.unit()
    wanted: dict[str, Any] = {
        "settings": {GUEST: False, "client_signing": True},
        "filter_sids": ["S-1-5-9"],
        "links": [unit],
        "comment": "why",
    }
    for change in (wanted, {"settings": {GUEST: True}}, {"filter_sids": ["S-1-5-11"]}, {"comment": ""}):
        predicted = domain.present(name, check=True, **change)
        assert predicted.changed
        is_new = predicted.before == {}
        run = domain.present(name, **change)
        assert (predicted.after["guid"] is None) == is_new
        assert {**predicted.after, "guid": run.after["guid"]} == run.after
    plain = domain.name("Predicted without a filter")
    predicted = domain.present(plain, check=True, settings={GUEST: False})
    run = domain.present(plain, settings={GUEST: False})
    assert {**predicted.after, "guid": run.after["guid"]} == run.after
