# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_policy
short_description: Create, edit, link and delete a GPO of a domain with SMB settings
version_added: 1.0.0
description:
  - Writes a Group Policy Object as C(gpmc.msc) does. Every computer in its reach then applies the settings by itself.
    Administrative Templates go into C(Registry.pol), signing goes into C(GptTmpl.inf) as the
    security option that it is.
  - What the task does not name stays as it is, byte for byte, and so does everything in the GPO that is not of this
    collection.
  - An edit writes the files first, then raises the version in LDAP if it is still the one that was read, then
    C(GPT.INI). If somebody else was faster, everything is read anew and tried once more.
  - Every change is journaled in SYSVOL and can be reverted exactly by M(winops.smb_guest.domain_policy_revert), a
    deletion too.
author:
  - winops contributors (@winops)
options:
  gpo:
    description:
      - The name of the GPO; one that does not exist is created. Or the GUID of one that exists.
      - The Default Domain Policy and the Default Domain Controllers Policy are refused unless
        O(allow_default_policies) is true.
    type: str
    required: true
  state:
    description: Whether the GPO exists.
    type: str
    choices:
      present: The GPO exists, with what the task names.
      absent: It is linked nowhere and deleted. Its files stay in another folder of SYSVOL, so that it can be restored.
    default: present
  insecure_guest_logons:
    description: The policy "Enable insecure guest logons".
    type: str
    choices:
      allowed: Enabled.
      blocked: Disabled.
      default: Not configured.
  client_signing:
    description: 'The security option "Microsoft network client: Digitally sign communications (always)".'
    type: str
    choices:
      required: Enabled.
      not_required: Disabled.
      default: Not defined.
  client_encryption:
    description: The policy "Require Encryption" of the Lanman Workstation. Windows 11 24H2 and Windows Server 2025.
    type: str
    choices:
      required: Enabled.
      not_required: Disabled.
      default: Not configured.
  audit_insecure_guest_logons:
    description: The policy "Audit insecure guest logon" of the Lanman Workstation.
    type: str
    choices:
      enabled: Enabled.
      disabled: Disabled.
      default: Not configured.
  audit_server_without_signing:
    description: The policy "Audit server does not support signing".
    type: str
    choices:
      enabled: Enabled.
      disabled: Disabled.
      default: Not configured.
  audit_server_without_encryption:
    description: The policy "Audit server does not support encryption".
    type: str
    choices:
      enabled: Enabled.
      disabled: Disabled.
      default: Not configured.
  server_signing:
    description: 'The security option "Microsoft network server: Digitally sign communications (always)".'
    type: str
    choices:
      required: Enabled.
      not_required: Disabled.
      default: Not defined.
  server_audit_insecure_guest_logons:
    description: The policy "Audit insecure guest logon" of the Lanman Server.
    type: str
    choices:
      enabled: Enabled.
      disabled: Disabled.
      default: Not configured.
  server_audit_client_without_signing:
    description: The policy "Audit client does not support signing".
    type: str
    choices:
      enabled: Enabled.
      disabled: Disabled.
      default: Not configured.
  server_audit_client_without_encryption:
    description: The policy "Audit client does not support encryption".
    type: str
    choices:
      enabled: Enabled.
      disabled: Disabled.
      default: Not configured.
  links:
    description: Where the GPO is to be linked. Other links stay, unless O(links_exclusive) is true.
    type: list
    elements: dict
    suboptions:
      target:
        description: The distinguished name of an organizational unit, of the domain or of a site.
        type: str
        required: true
      enabled:
        description: Whether the link counts. Without it, a new link does and an old one stays as it is.
        type: bool
      enforced:
        description: >-
          Whether the link is enforced, so that no container below can block or override it. Without it, a new link is
          not and an old one stays as it is.
        type: bool
      order:
        description: >-
          The link order as GPMC shows it; 1 is the strongest. Without it, a new link is the weakest, as in GPMC, and an
          old one stays in its place.
        type: int
  links_exclusive:
    description: Whether the GPO is to be linked to the targets of O(links) and nowhere else.
    type: bool
    default: false
  wmi_filter:
    description:
      - The name of a WMI filter that exists. Only computers for which it is true apply the GPO.
      - An empty text takes the filter away.
    type: str
  security_filter:
    description:
      - The groups or accounts whose computers apply the GPO, by sAMAccountName or SID. It replaces the present ones.
      - Without it, a new GPO is for C(Authenticated Users), and an old one stays as it is. Reading stays with
        Authenticated Users in any case, as clients need it.
    type: list
    elements: str
  comment:
    description: The comment of the GPO, as GPMC shows it. An empty text takes it away.
    type: str
  allow_default_policies:
    description: Whether the two GPOs that every domain has may be changed.
    type: bool
    default: false
  change_id:
    description: A name for this change in the journal of the GPO. Without it, one is made up.
    type: str
  reason:
    description: Why, for the journal.
    type: str
extends_documentation_fragment:
  - winops.smb_guest.domain
attributes:
  check_mode:
    description: Whether the module predicts its changes in check mode.
    support: full
    details: The domain is read, nothing is written. RV(after) is what would come of it.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: full
notes:
  - Creating a GPO needs membership in C(Group Policy Creator Owners), editing one needs C(Edit settings, delete, modify
    security) on it, linking needs C(Link GPOs) on the container. The journal needs to write below
    C(Policies\\winops.smb_guest) in SYSVOL, which Group Policy Creator Owners may. Domain Admins have all of them.
  - Clients read the GPO every 90 minutes plus up to 30, at start, and on C(gpupdate), after it was replicated to their
    domain controller.
  - One run at a time changes GPOs on a domain controller; another one waits up to 30 seconds. GPMC does not know of
    that; what it writes while a task runs is noticed and kept, but for the moment of the one request that replaces a
    file.
  - A change that was interrupted is rolled back by the next run of this module or of
    M(winops.smb_guest.domain_policy_revert), with a warning.
"""

EXAMPLES = r"""
- name: Harden the pilot unit
  winops.smb_guest.domain_policy:
    domain: ad.example.com
    username: admin@AD.EXAMPLE.COM
    password: "{{ vault_password }}"
    gpo: SMB guest access closed
    insecure_guest_logons: blocked
    client_signing: required
    links:
      - target: OU=Pilot,DC=ad,DC=example,DC=com
    reason: CHG0042
  run_once: true
  delegate_to: localhost

- name: Harden the whole domain, enforced, for computers of two groups
  winops.smb_guest.domain_policy:
    domain: ad.example.com
    gpo: SMB guest access closed
    links:
      - target: DC=ad,DC=example,DC=com
        enforced: true
        order: 1
    links_exclusive: true
    security_filter: [Wave 1, Wave 2]

- name: Delete it; domain_policy_revert can restore it
  winops.smb_guest.domain_policy:
    domain: ad.example.com
    gpo: SMB guest access closed
    state: absent
"""

RETURN = r"""
before:
  description: The GPO before. Empty if there was none.
  returned: success
  type: dict
  sample: {}
after:
  description: The GPO after. In check mode what it would be. Empty if there is none any more.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: when there is a GPO
      sample: SMB guest access closed
    guid:
      description: Its GUID, in braces. V(null) in check mode for a GPO that is still to be made.
      type: str
      returned: when there is a GPO
      sample: "{434C0808-3090-42A3-93CF-916EC4DF8EFC}"
    settings:
      description: Every setting of this collection that it configures, in the words of the options.
      type: dict
      returned: when there is a GPO
      sample: {"insecure_guest_logons": "blocked"}
    links:
      description: Every container that links it, with C(target), C(enabled), C(enforced) and C(order).
      type: list
      elements: dict
      returned: when there is a GPO
    wmi_filter:
      description: The name of its WMI filter. V(null) if it has none.
      type: str
      returned: when there is a GPO
    security_filter:
      description: Who applies it, by name.
      type: list
      elements: str
      returned: when there is a GPO
      sample: [Authenticated Users]
    comment:
      description: Its comment.
      type: str
      returned: when there is a GPO
    version:
      description: The version of its computer half.
      type: int
      returned: when there is a GPO
      sample: 3
change_id:
  description: The name of the change in the journal. V(null) if nothing was changed, and in check mode.
  returned: success
  type: str
  sample: 20261125T160822Z-d71afc
diff:
  description: The GPO before and after, one fact a line. Ansible shows it in diff mode.
  returned: success
  type: dict
  contains:
    before:
      description: Before.
      type: str
      returned: always
    after:
      description: After.
      type: str
      returned: always
"""
