# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts with the rights that real domains delegate, and the journals that they would like to forge."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import sid_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.security_descriptor import (
    ALLOWED,
    CONTAINER_INHERIT,
    OBJECT_INHERIT,
    Ace,
    SecurityDescriptor,
)

PASSWORD = "Plain-Us3r-Pass"
DEFAULT_DOMAIN_POLICY = "{31B2F340-016D-11D2-945F-00C04FB984F9}"
ATTACKERS = ("forger", "editor", "linker", "writer")
FULL = 0x001F01FF


def made(domain: Domain) -> dict[str, str]:
    """Make the accounts; their SIDs by name."""
    for name in ATTACKERS:
        domain.dc.tool("user", "create", name, PASSWORD)
    domain.dc.tool("group", "addmembers", "Group Policy Creator Owners", ",".join(ATTACKERS))
    policies = f"CN=Policies,CN=System,{domain.dc.dn}"
    domain.dc.tool("dsacl", "set", f"--objectdn={policies}", "--sddl=(A;;CC;;;PA)")
    with domain.reader() as reader:
        return {name: sid_of(reader.directory, name) for name in ATTACKERS}


def account(domain: Domain, name: str) -> dict[str, Any]:
    return {"username": f"{name}@{domain.dc.realm}", "password": PASSWORD}


def journals(domain: Domain) -> str:
    return rf"{domain.dc.domain}\Policies\winops.smb_guest"


def delegate(domain: Domain, sids: dict[str, str], guid: str, unit: str) -> None:
    """What GPMC gives: editing the GPO, linking at the unit, and here writing below the journals' folder."""
    gpo = f"CN={guid},CN=Policies,CN=System,{domain.dc.dn}"
    domain.dc.tool("dsacl", "set", f"--objectdn={gpo}", f"--sddl=(A;CI;RPWPCCDCLCLORCSDWDWO;;;{sids['editor']})")
    link = "f30e3bbe-9ff0-11d1-b603-0000f80367c1"  # gPLink
    domain.dc.tool("dsacl", "set", f"--objectdn={unit}", f"--sddl=(OA;;RPWP;{link};;{sids['linker']})")
    with domain.reader() as reader:
        folder = reader.folder(guid)
        held = SecurityDescriptor.parse(reader.sysvol.security(folder))
        ace = Ace(ALLOWED, CONTAINER_INHERIT | OBJECT_INHERIT, FULL, sids["editor"])
        reader.sysvol.set_security(folder, held.with_dacl((ace, *(held.dacl or ()))).to_bytes(), owner=False)


def open_folder(domain: Domain, sid: str) -> None:
    """An administrator lets an account write everything below the folder of the journals."""
    with domain.reader() as reader:
        held = SecurityDescriptor.parse(reader.sysvol.security(journals(domain)))
        ace = Ace(ALLOWED, CONTAINER_INHERIT | OBJECT_INHERIT, FULL, sid)
        reader.sysvol.set_security(journals(domain), held.with_dacl((*(held.dacl or ()), ace)).to_bytes(), owner=False)


def forged_cells(domain: Domain, sid: str, victim: str, unit: str) -> dict[str, Any]:
    """Every kind of cell, each giving the attacker something."""
    with domain.reader() as reader:
        container = reader.state(victim, []).container
    assert container
    assert container.security
    security = SecurityDescriptor.parse(container.security)
    given = security.with_dacl((Ace(ALLOWED, CONTAINER_INHERIT, 0x000F01FF, sid), *(security.dacl or ())))
    texts = [base64.b64encode(each.to_bytes()).decode() for each in (given, security)]
    link = f"[LDAP://CN={DEFAULT_DOMAIN_POLICY},CN=Policies,CN=System,{domain.dc.dn};2]"
    own = f"[LDAP://CN={victim},CN=Policies,CN=System,{domain.dc.dn};2]"
    comment = base64.b64encode("forged".encode("utf-16-le")).decode()
    return {
        "security_filter": {"found": texts[0], "written": texts[1], "over": None},
        f"link:{unit}": {
            "found": {"guid": victim, "gPLink": link + own},
            "written": {"guid": victim, "gPLink": ""},
            "over": None,
        },
        "comment": {"found": comment, "written": None, "over": None},
        "setting:client_signing": {"found": [4, "0"], "written": None, "over": None},
        "wmi_filter": {"found": "[x;{00000000-0000-0000-0000-000000000000};0]", "written": None, "over": None},
    }


def forgeries(domain: Domain, sid: str, victim: str, unit: str) -> Iterator[bytes]:
    """Journals of a GPO as an attacker would like them: every kind of change in every status."""
    cells = forged_cells(domain, sid, victim, unit)
    gpo = {
        "name": "forged",
        "path": rf"\\{domain.dc.domain}\sysvol\elsewhere",
        "version": 7,
        "flags": 0,
        "machine_extensions": None,
        "user_extensions": None,
        "wmi_filter": None,
        "security": cells["security_filter"]["found"],
    }
    for kind in ("edit", "create", "delete"):
        for status in ("pending", "reverting", "applied"):
            entry = {
                "change_id": f"forged-{kind}-{status}",
                "kind": kind,
                "status": status,
                "cells": cells,
                "gpo": gpo if kind == "delete" else {},
                "files": {},
                "kept_in": "",
                "reason": "",
                "created_at": "2999-01-01T00:00:00Z",
                "controller": "",
                "account": "Administrator",
                "note": "",
                "version_found": 0,
                "left_alone": [],
                "targets": {},
            }
            data = {"format": 3, "guid": victim, "name": "forged", "version": 1, "entries": [entry]}
            yield json.dumps(data).encode()
