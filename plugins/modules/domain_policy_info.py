# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_policy_info
short_description: List the GPOs of a domain that contain SMB settings, and show which one wins
version_added: 1.0.0
description:
  - Lists every GPO that contains a setting of this collection, whoever created it, with its links, filters and
    versions.
  - Shows which GPO wins each setting on a computer or in an organizational unit, and why the others do not.
  - Reports problems. See RV(findings).
  - Reads LDAP in pages. Reads the files of those GPOs only whose extension list names registry or security policy.
author:
  - winops contributors (@winops)
options:
  gpo:
    description: Read only this GPO, by name or GUID.
    type: str
  computer:
    description:
      - A computer account, with or without the dollar sign.
      - Security filters apply to its groups, nested groups included.
    type: str
  organizational_unit:
    description:
      - The distinguished name of a unit. The result is for a computer in it whose only group is Domain Computers.
    type: str
  site:
    description:
      - The name of the site of O(computer). Its links apply before those of the domain.
      - LDAP does not hold the site of a computer.
    type: str
  changes:
    description: Whether to return RV(changes), the journal of the changes by M(winops.smb_guest.domain_policy).
    type: bool
    default: false
  backup_to:
    description:
      - A folder on the control node, for a backup of O(gpo) in the form of Group Policy Management. A change board can
        read it with M(winops.smb_guest.policy_files_info) or Windows tools, before and after a change.
      - The backup holds every file of the GPO. Its id depends on the content, so a GPO that did not change is not
        written again, and backups before and after a change stand side by side.
      - Import such a backup, and do not restore it.
    type: path
extends_documentation_fragment:
  - winops.smb_guest.attributes.info
  - winops.smb_guest.domain
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: It only reads the domain. In check mode it writes no backup.
notes:
  - Only the computer itself evaluates a WMI filter. The module counts a GPO that has one as applied, and
    RV(resolved.settings) states that its filter was not evaluated.
  - The directory does not hold local GPOs of the computers, or values that no GPO wrote.
    M(winops.smb_guest.client_facts) reads them.
"""

EXAMPLES = r"""
- name: Read the GPOs with SMB settings
  winops.smb_guest.domain_policy_info:
    domain: ad.example.com
    username: reader@AD.EXAMPLE.COM
    password: "{{ vault_password }}"
  register: policies
  run_once: true
  delegate_to: localhost

- name: Read which GPO decides on the guest logons of one computer
  winops.smb_guest.domain_policy_info:
    domain: ad.example.com
    computer: WS0042
  register: ws0042

- name: Back up a GPO for the change board
  winops.smb_guest.domain_policy_info:
    domain: ad.example.com
    gpo: SMB hardening
    backup_to: change-1234

- name: Show the result
  ansible.builtin.debug:
    var: ws0042.resolved.settings.insecure_guest_logons
"""

RETURN = r"""
gpos:
  description: Every GPO that contains a setting of this collection, by name.
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
      description: Which accounts and groups apply it. V(null) if the account may not read that.
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
      description: The date that the role C(domain_exception) wrote into its comment or name. V(null) without one.
      type: str
      returned: always
resolved:
  description: The GPOs and settings that apply to O(computer) or O(organizational_unit).
  returned: when one of them is given
  type: dict
  contains:
    target:
      description: The distinguished name.
      type: str
      returned: always
    containers:
      description: The site if given, the domain and the units that apply, the topmost first.
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
        The GPOs with settings of this collection that apply, in their order. The last one that sets a value wins.
      type: list
      elements: dict
      returned: always
    not_applied:
      description: The linked GPOs that do not apply, each with C(why_not).
      type: list
      elements: dict
      returned: always
findings:
  description: Problems, and facts that need attention.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: >-
        V(contradiction) for two GPOs with different values for the same computers. V(versions_disagree) where the
        versions in LDAP and SYSVOL differ. V(overdue) for a GPO past its date. V(unreadable) for damaged files or
        links. V(journal) for a journal that is not valid, with O(changes). V(not_linked) and
        V(computer_half_disabled) for a GPO that no computer applies.
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
backup:
  description: The backup, when O(backup_to) is set.
  returned: when asked for
  type: dict
  contains:
    id:
      description: Its id, which is the name of its folder.
      type: str
      returned: always
    path:
      description: Its folder on the control node.
      type: str
      returned: always
    left_out:
      description: What of the GPO is not in the backup, each as a sentence.
      type: list
      elements: str
      returned: always
requests:
  description: How many requests the module sent, by C(ldap) and C(smb).
  returned: success
  type: dict
"""
