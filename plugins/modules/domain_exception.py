# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_exception: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_exception
short_description: Allow insecure SMB guest logons for named computers of a domain by a GPO, until a day
version_added: 1.0.0
description:
  - Creates a GPO of its own for the computers of a unit or of groups. Its name carries the purpose and the last day, so
    that M(winops.smb_guest.domain_policy_info) reports it when the day has passed.
  - A GPO has no clock. With O(state=expired) a scheduled job deletes the exceptions that are past.
  - Checks every safeguard itself, before it writes. A task without a name, a reason, a day to come and links is refused
    before any contact.
  - Refuses links that reach the whole domain, a site or domain controllers, unless O(groups) limits them or
    O(whole_domain) is true. The objects that the server returns count, not the spelling in O(links).
  - Refuses an exception that would not decide at its links, because another GPO is enforced or stronger there. Where
    another GPO decides below the links, a warning says so.
  - Another day for the same name, in any capitals, makes a new GPO and deletes the old one.
  - Null and an empty text mean the default of an option.
author:
  - winops contributors (@winops)
options:
  state:
    description: Whether the exception exists.
    type: str
    choices:
      present: The exception exists, with what the task names.
      absent: No exception of that name exists.
      expired: Exceptions whose last day has passed do not exist, whatever their name.
    default: present
  name:
    description: The purpose, in a few words. It is part of the name of the GPO. Not needed for O(state=expired).
    type: str
  expires_on:
    description: The last day in UTC, as C(2026-12-31). Needed for O(state=present).
    type: str
  links:
    description:
      - Where the GPO is to be linked, and nowhere else. Needed for O(state=present).
      - Where a GPO that blocks guest logons is linked to the same container, set C(order) to 1.
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
  groups:
    description: >-
      The groups whose computers apply it, by sAMAccountName or SID. Without it, every computer below the links applies
      it.
    type: list
    elements: str
  whole_domain:
    description: Whether an exception without groups may reach the whole domain, a site or domain controllers.
    type: bool
    default: false
  relax_signing:
    description: Whether to stop requiring signing as well. Guest logons fail where signing is required.
    type: bool
    default: true
  change_id:
    description: A name for the change of the exception in the journal. Without it, one is made up.
    type: str
  reason:
    description: Why, in one line, for the comment and the journal. Needed for O(state=present).
    type: str
extends_documentation_fragment:
  - winops.smb_guest.domain
attributes:
  check_mode:
    description: Whether the module predicts its changes in check mode.
    support: full
    details: The domain is read, nothing is written. What a run would refuse, check mode refuses.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: full
notes:
  - M(winops.smb_guest.domain_policy) names the rights that the account needs.
  - Which GPO decides is judged for a computer that is in one of O(groups) and in no other group.
"""

EXAMPLES = r"""
- name: Allow guest logons for the scanners until the NAS is replaced
  winops.smb_guest.domain_exception:
    domain: ad.example.com
    username: admin@AD.EXAMPLE.COM
    password: "{{ vault_password }}"
    name: old NAS
    reason: CHG0043, until the NAS is replaced
    expires_on: "2026-12-31"
    links:
      - target: OU=Scanners,DC=ad,DC=example,DC=com
        order: 1
  run_once: true
  delegate_to: localhost

- name: Delete the exceptions whose last day has passed
  winops.smb_guest.domain_exception:
    domain: ad.example.com
    state: expired
"""

RETURN = r"""
before:
  description: The GPO before. Empty if there was none.
  returned: state is present
  type: dict
  sample: {}
after:
  description: The GPO after. In check mode what it would be. Empty if there is none any more.
  returned: state is present
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
  description: The name of the change of the exception. V(null) if nothing was changed, and in check mode.
  returned: state is present
  type: str
  sample: 20261125T160822Z-d71afc
deleted:
  description: The exceptions that were deleted. M(winops.smb_guest.domain_policy_revert) restores them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the GPO.
      type: str
      returned: always
    guid:
      description: Its GUID, in braces.
      type: str
      returned: always
    change_id:
      description: The name of the deletion in the journal. V(null) in check mode.
      type: str
      returned: always
  sample: []
summary:
  description: What was done, in a sentence. Empty if there was nothing to do.
  returned: success
  type: str
  sample: "Deleted: SMB guest exception: old NAS (expires 2026-12-31)."
diff:
  description: Each GPO before and after, one fact a line. Ansible shows it in diff mode.
  returned: success
  type: list
  elements: dict
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
