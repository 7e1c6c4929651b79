# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_policy_info
short_description: Which GPOs of a domain carry SMB settings, and which one wins
version_added: 1.0.0
description:
  - Lists every GPO that carries a setting of this collection, whoever made it, with its links, filters and versions.
  - Says for a computer or an organizational unit which GPO wins each setting, and why the others do not.
  - Reports what is wrong. See RV(findings).
  - LDAP is read in pages. Files are read only of GPOs whose extension list names registry or security policy.
author:
  - winops contributors (@winops)
options:
  gpo:
    description: Only this GPO, by name or GUID.
    type: str
  computer:
    description:
      - A computer account, with or without the dollar sign. Its groups, nested ones too, count for security filters.
    type: str
  organizational_unit:
    description:
      - The distinguished name of a unit, for a computer in it that is in no group but Domain Computers.
    type: str
  site:
    description: The name of the site of O(computer), whose links come before those of the domain. LDAP does not tell.
    type: str
  changes:
    description: Whether to return the journal of the changes that M(winops.smb_guest.domain_policy) made as well.
    type: bool
    default: false
extends_documentation_fragment:
  - winops.smb_guest.attributes.info
  - winops.smb_guest.domain
notes:
  - WMI filters are evaluated by the computer alone. A GPO with one is taken as applied, and
    RV(resolved.settings) says that its filter was not evaluated.
  - Local GPOs of the computers, and values that no GPO wrote, are not known to the directory.
    M(winops.smb_guest.client_facts) knows them.
"""

EXAMPLES = r"""
- name: What do the GPOs say
  winops.smb_guest.domain_policy_info:
    domain: ad.example.com
    username: reader@AD.EXAMPLE.COM
    password: "{{ vault_password }}"
  register: policies
  run_once: true
  delegate_to: localhost

- name: Who decides on guest logons of one computer
  winops.smb_guest.domain_policy_info:
    domain: ad.example.com
    computer: WS0042
  register: ws0042

- name: Say it
  ansible.builtin.debug:
    var: ws0042.resolved.settings.insecure_guest_logons
"""

RETURN = r"""
gpos:
  description: Every GPO that carries one of our settings, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
    guid:
      description: Its GUID, in braces.
      type: str
      returned: always
    settings:
      description: What it configures, in the words of M(winops.smb_guest.domain_policy).
      type: dict
      returned: always
      sample: {"insecure_guest_logons": "blocked"}
    version:
      description: The version in LDAP, with C(computer) and C(user).
      type: dict
      returned: always
    sysvol_version:
      description: The version in SYSVOL. V(null) without C(GPT.INI).
      type: dict
      returned: always
    versions_agree:
      description: Whether both are the same.
      type: bool
      returned: always
    computer_half_enabled:
      description: Whether the half with these settings is enabled.
      type: bool
      returned: always
    user_half_enabled:
      description: Whether the other half is.
      type: bool
      returned: always
    links:
      description: >-
        Its links, with C(target), C(enabled), C(enforced), C(order) and C(blocked_at), the units below that block
        inheritance.
      type: list
      elements: dict
      returned: always
    security_filter:
      description: Who applies it. V(null) if that may not be read.
      type: list
      elements: str
      returned: always
    wmi_filter:
      description: The name of its WMI filter. V(null) if it has none.
      type: str
      returned: always
    comment:
      description: Its comment.
      type: str
      returned: always
    expires_on:
      description: The date in its comment or name that the role C(domain_exception) wrote. V(null) without one.
      type: str
      returned: always
resolved:
  description: What reaches O(computer) or O(organizational_unit).
  returned: when one of them is given
  type: dict
  contains:
    target:
      description: The distinguished name.
      type: str
      returned: always
    containers:
      description: The site if given, the domain and the units that count, the topmost first.
      type: list
      elements: str
      returned: always
    settings:
      description: >-
        For each setting C(value), C(gpo), C(guid), C(linked_to) and C(enforced) of the winner,
        C(wmi_filter_not_evaluated), and C(others) with C(value) and C(why_not).
      type: dict
      returned: always
    applied:
      description: >-
        The GPOs with our settings that reach it, in the order of applying; the last one that sets a value wins.
      type: list
      elements: dict
      returned: always
    not_applied:
      description: Those that are linked and do not reach it, each with C(why_not).
      type: list
      elements: dict
      returned: always
findings:
  description: What is wrong or worth knowing.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: >-
        V(contradiction) where two GPOs that reach the same computers say different things, V(versions_disagree) between
        LDAP and SYSVOL, V(overdue) past its date, V(unreadable) for damaged files or links, V(journal) with
        O(changes) for a journal that is not believed, V(not_linked) and V(computer_half_disabled) for a GPO that no
        computer applies.
      type: str
      returned: always
    gpos:
      description: The names of the GPOs.
      type: list
      elements: str
      returned: always
    text:
      description: One sentence.
      type: str
      returned: always
changes:
  description: The journal, when O(changes) is true.
  returned: when asked for
  type: list
  elements: dict
requests:
  description: How many requests were sent, by C(ldap) and C(smb).
  returned: success
  type: dict
"""
