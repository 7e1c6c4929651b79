# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A security filter: what reverting it leaves alone, and that the computers of a new one can read the files."""

from __future__ import annotations

import pytest
from conftest import Domain
from member import Member

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import sid_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import MissingRight
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_access import filter_sids, may_apply
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.security_descriptor import (
    ALLOWED,
    CONTAINER_INHERIT,
    DENIED,
    Ace,
    SecurityDescriptor,
)

GUEST = "insecure_guest_logons"


def test_revert_of_a_filter_leaves_delegations_of_others(domain: Domain) -> None:
    """Granted, removed and denied since: all of it stays, without force."""
    name = domain.name("Delegated")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    dn = f"CN={guid},CN=Policies,CN=System,{domain.dc.dn}"
    changed = domain.present(name, filter_sids=["S-1-5-9"])
    granted = Ace(ALLOWED, CONTAINER_INHERIT, 0x00020094, "S-1-5-32-546")
    denied = Ace(DENIED, CONTAINER_INHERIT, 0x00000020, "S-1-5-32-548")

    def security() -> SecurityDescriptor:
        with domain.directory() as directory:
            entry = directory.read(dn, ["nTSecurityDescriptor"], sd_flags=7)
        assert entry
        return SecurityDescriptor.parse(entry.raw("nTSecurityDescriptor") or b"")

    held = security()
    wanted = held.with_dacl((denied, *(held.dacl or ()), granted))
    with domain.directory() as directory:
        directory.modify(dn, [Modification.replace("nTSecurityDescriptor", wanted.to_bytes())], sd_flags=4)
    undone = domain.revert(changed)
    assert undone.after["security_filter"] == ["S-1-5-11"]
    after = security()
    assert filter_sids(after) == ["S-1-5-11"]
    assert {(ace.type, ace.mask, ace.sid) for ace in (granted, denied)} <= {
        (ace.type, ace.mask, ace.sid) for ace in after.dacl or ()
    }
    assert any("Somebody changed the permissions of the GPO" in warning for warning in undone.warnings)
    assert may_apply(after, frozenset({"S-1-5-11"}))
    domain.dc.tool("gpo", "aclcheck")


def test_filter_reaches_the_files(domain: Domain) -> None:
    """Where Authenticated Users were taken out of the files, the computers of a new filter can read them."""
    name = domain.name("Files")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    domain.dc.tool("group", "add", "Filtered computers")
    paths = [rf"{domain.dc.domain}\Policies\{guid}\{name}" for name in ("GPT.INI", r"Machine\Registry.pol")]
    with domain.reader() as reader:
        sid = sid_of(reader.directory, "Filtered computers")
        for path in paths:
            held = SecurityDescriptor.parse(reader.sysvol.security(path))
            kept = tuple(ace for ace in held.dacl or () if ace.sid != "S-1-5-11")
            reader.sysvol.set_security(path, held.with_dacl(kept).to_bytes(), owner=False)
    domain.present(name, filter_sids=[sid])
    with domain.reader() as reader:
        for path in paths:
            held = SecurityDescriptor.parse(reader.sysvol.security(path))
            readers = {ace.sid for ace in held.dacl or () if ace.allows and ace.mask & 0x1}
            assert {sid, "S-1-5-11"} <= readers, path
    domain.dc.tool("gpo", "aclcheck")


def test_a_computer_of_the_filter_reads_every_file(domain: Domain) -> None:
    """Where the files were closed to computers before: Samba's own policy client applies the GPO as the computer, and
    the account of the computer reads every file over SMB."""
    unit = domain.unit()
    inside, outside = (Member.joined(domain.dc, name, unit.partition(",")[0][3:]) for name in ("FILTERED", "PASSEDBY"))
    name = domain.name("For some")
    wanted = {"settings": {GUEST: False, "client_signing": True}, "comment": "x", "links": [unit]}
    guid = domain.present(name, **wanted).after["guid"]
    domain.dc.tool("group", "add", "Of the filter")
    domain.dc.tool("group", "addmembers", "Of the filter", "FILTERED$")
    folder = rf"{domain.dc.domain}\Policies\{guid}"
    paths = [rf"{folder}\{file}".replace("/", "\\") for file in domain.files(guid)]
    with domain.reader() as reader:
        sid = sid_of(reader.directory, "Of the filter")
        for path in paths:
            held = SecurityDescriptor.parse(reader.sysvol.security(path))
            kept = tuple(ace for ace in held.dacl or () if ace.sid != "S-1-5-11")
            reader.sysvol.set_security(path, held.with_dacl(kept).to_bytes(), owner=False)
    with domain.reader(**account(domain, outside)) as reader, pytest.raises(MissingRight):
        reader.sysvol.read(paths[0])
    domain.present(name, filter_sids=[sid])
    assert name in inside.applied()
    with domain.reader(**account(domain, inside)) as reader:
        for path in paths:
            assert reader.sysvol.read(path) is not None, path
    domain.absent(name)


def account(domain: Domain, computer: Member) -> dict[str, str]:
    """The account of a computer, with a password that is known here. The computer itself cannot log on any more."""
    password = "Mach1ne-Passw0rd"
    domain.dc.tool("user", "setpassword", f"{computer.name}$", f"--newpassword={password}")
    return {"username": f"{computer.name}$@{domain.dc.realm}", "password": password}
