# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A security filter: what reverting it leaves alone, and that the computers of a new one can read the files."""

from __future__ import annotations

from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import sid_of
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
