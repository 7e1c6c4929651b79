# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of a change, as the guide states them."""

from __future__ import annotations

import re

from checkout import ROOT
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredGpo, DesiredLink
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoTerms

STATED = re.compile(
    r"(\d+) LDAP and (\d+) SMB requests create, link and read back a GPO, (\d+) and (\d+) edit one, "
    r"(\d+) and (\d+) find nothing to do"
)


def test_the_guide_states_what_a_change_costs(domain: Domain) -> None:
    name, links = domain.name("Counted"), [DesiredLink(domain.unit())]
    domain.present(domain.name("Makes the folder of the journals"), settings={"insecure_guest_logons": False})
    found: list[int] = []
    for settings in (
        {"insecure_guest_logons": False},
        {"insecure_guest_logons": True},
        {"insecure_guest_logons": True},
    ):
        with domain.reader(auth_protocol="ntlm") as reader:
            wanted = DesiredGpo(name, {**settings, "client_signing": True}, links)
            DomainChanges(reader).make_true(name, wanted, GpoTerms())
            found += [reader.directory.requests, reader.sysvol.requests]
    (stated,) = STATED.findall((ROOT / "docs/domain.md").read_text())
    assert found == list(map(int, stated))
