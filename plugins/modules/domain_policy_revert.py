# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_revert: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_policy_revert
short_description: Revert changes of GPOs exactly
version_added: 1.0.0
description:
  - Restores what changes of M(winops.smb_guest.domain_policy) found, as the journal in SYSVOL recorded it, with links,
    filters and comment. It deletes a GPO that was created, and restores a deleted one with its GUID, files and links.
  - Versions only go up, so that clients apply the restored values.
  - Give exactly one of O(change_id), O(latest) and O(all).
author:
  - winops contributors (@winops)
options:
  gpo:
    description: Only changes of this GPO, by name or GUID.
    type: str
  change_id:
    description: The change to revert.
    type: str
  latest:
    description: Revert the newest change that still stands.
    type: bool
    default: false
  all:
    description: Revert every change that still stands, newest first.
    type: bool
    default: false
  force:
    description:
      - Revert even if somebody changed since what the change wrote. Without it the task fails and writes nothing.
    type: bool
    default: false
extends_documentation_fragment:
  - winops.smb_guest.domain
attributes:
  check_mode:
    description: Whether the module predicts its changes in check mode.
    support: full
    details: The task reads the domain and writes nothing.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: full
notes:
  - The changes of a GPO are a stack. Reverting a covered change writes nothing there. Reverting the newer change later
    restores the value below both.
  - A creation or deletion cannot be reverted while newer changes of the same GPO lie over it.
"""

EXAMPLES = r"""
- name: Revert one change
  winops.smb_guest.domain_policy_revert:
    domain: ad.example.com
    change_id: CHG0042

- name: Show what reverting everything would do
  winops.smb_guest.domain_policy_revert:
    domain: ad.example.com
    all: true
  check_mode: true
  diff: true
"""

RETURN = r"""
reverted:
  description: The reverted changes, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    gpo:
      description: The name of the GPO.
      type: str
      returned: always
    guid:
      description: Its GUID, in braces.
      type: str
      returned: always
    change_id:
      description: The name of the change.
      type: str
      returned: always
    kind:
      description: V(create), V(edit) or V(delete).
      type: str
      returned: always
    status:
      description: V(reverted).
      type: str
      returned: always
    reason:
      description: Why it was made.
      type: str
      returned: always
    created_at:
      description: When, in UTC by the clock of the control node.
      type: str
      returned: always
    controller:
      description: The control node that made it.
      type: str
      returned: always
    account:
      description: The account that made it.
      type: str
      returned: always
    note:
      description: How it ended.
      type: str
      returned: always
    cells:
      description: What it wrote, such as V(setting:client_signing).
      type: list
      elements: str
      returned: always
diff:
  description: For each change, the GPO C(before) and C(after), one fact a line. Ansible shows it in diff mode.
  returned: success
  type: list
  elements: dict
"""
