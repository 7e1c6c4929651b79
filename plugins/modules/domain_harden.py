# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_harden: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_harden
short_description: Block insecure SMB guest logons and require signing in a domain by one GPO
version_added: 1.0.0
description:
  - Writes into one GPO what M(winops.smb_guest.harden) sets host by host, and links the GPO.
  - An option that is false leaves its settings in the GPO unchanged. The module never relaxes a setting.
  - Refuses the GPO of an exception, and the two GPOs that every domain has.
  - Null and an empty text mean the default of an option.
author:
  - winops contributors (@winops)
options:
  gpo:
    description: The name of the GPO; one that does not exist is created. Or the GUID of one that exists.
    type: str
    default: SMB guest access closed
  client_signing:
    description: Require signing of the SMB client.
    type: bool
    default: true
  client_encryption:
    description: Require encryption of the SMB client. Windows before 24H2 and Server 2025 ignores it.
    type: bool
    default: false
  client_audit:
    description: Enable the three audits of the SMB client. Windows before 24H2 and Server 2025 ignores them.
    type: bool
    default: true
  server_signing:
    description: Require signing of the SMB server.
    type: bool
    default: false
  server_audit:
    description: Enable the three audits of the SMB server.
    type: bool
    default: false
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
    description: The name of a WMI filter that exists. Without it, the filter stays.
    type: str
  security_filter:
    description:
      - The groups or accounts whose computers apply the GPO, by sAMAccountName or SID. It replaces the present ones.
      - Without it or with an empty list, a new GPO is for C(Authenticated Users), and an old one stays as it is.
    type: list
    elements: str
  change_id:
    description: A name for this change in the journal of the GPO. Without it, one is made up.
    type: str
  reason:
    description: Why, for the journal.
    type: str
    default: harden
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
  - M(winops.smb_guest.domain_policy) names the rights that the account needs.
  - C(server_encryption) has no policy in Windows. Set it with M(winops.smb_guest.harden).
"""

EXAMPLES = r"""
- name: Harden the pilot unit
  winops.smb_guest.domain_harden:
    domain: ad.example.com
    username: admin@AD.EXAMPLE.COM
    password: "{{ vault_password }}"
    links:
      - target: OU=Pilot,DC=ad,DC=example,DC=com
    reason: CHG0042
  run_once: true
  delegate_to: localhost
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
conflicts:
  description: >-
    What contradicts in the GPOs of the domain or has no effect, as
    RV(winops.smb_guest.domain_policy_info#module:findings) says it.
  returned: success
  type: list
  elements: str
  sample: []
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
