# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""revert_change: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: revert_change
short_description: Revert journaled changes of SMB settings exactly
version_added: 1.0.0
description:
  - Removes changes from the stack in the journal of the host. If a change is the newest one of a setting, the task
    restores the value below it, with type and data. It deletes values that were absent before, and empty policy keys
    that the change created.
  - If a newer change covers it, nothing is written. Reverting the newer change later restores the value below it at
    that time.
  - If a policy or MDM now decides a setting, the task restores and verifies the stored value. The running value may
    differ, and the task warns.
  - The task removes the scheduled task of an expiry.
  - Every restored value is read back. A change that was reverted before is neither an error nor a change.
  - If one of several changes cannot be reverted, the others are reverted all the same. Then the task fails, and names
    each that stays and why. A scheduled task or an empty policy key that cannot be removed is a warning.
  - Give exactly one of O(change_id), O(latest), O(expiring) and O(all).
author:
  - winops contributors (@winops)
options:
  change_id:
    description:
      - The change to revert, as M(winops.smb_guest.client_config) returned it and M(winops.smb_guest.client_facts)
        lists it.
      - The task fails if the journal of the host does not have it.
    type: str
  latest:
    description: Revert the newest change that still stands.
    type: bool
    default: false
  expiring:
    description: Revert every change that still stands and has an expiry, newest first.
    type: bool
    default: false
  all:
    description: Revert every change that still stands, newest first.
    type: bool
    default: false
  force:
    description:
      - Restore what the journal recorded, even if somebody changed a value since.
      - Without it the task fails, names the value and writes nothing.
    type: bool
    default: false
  keep_ended:
    description: >-
      How many ended changes the journal keeps. The oldest are removed first, but never one that a revert still needs.
    type: int
    default: 50
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.winrm
attributes:
  check_mode:
    description: Whether the module predicts its changes in check mode.
    support: full
    details: The task reads the host and writes nothing. It predicts RV(changes) and RV(guest_access).
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: full
notes:
  - The journal keeps the entry of a reverted change, with the status V(reverted). A second run changes nothing.
  - Changes that overlap can be reverted in any order.
  - Only one journaled run at a time changes a host. The task first completes or reverts the change of an interrupted
    run, and warns.
  - An entry of the journal that is damaged, or was not written by this collection, is never used. O(latest),
    O(expiring) and O(all) skip it with a warning. The task fails if O(change_id) names it.
  - Event channels that M(winops.smb_guest.audit) enabled or enlarged are not in the journal and stay as they are.
seealso:
  - module: winops.smb_guest.client_facts
  - module: winops.smb_guest.client_config
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Revert one change by its name
  winops.smb_guest.revert_change:
    change_id: CHG0042

- name: Revert the newest change
  winops.smb_guest.revert_change:
    latest: true

- name: Show what reverting everything would write
  winops.smb_guest.revert_change:
    all: true
  check_mode: true
  diff: true

- name: Revert everything
  winops.smb_guest.revert_change:
    all: true

- name: Revert temporary changes early, before the host is hardened
  winops.smb_guest.revert_change:
    expiring: true

- name: Revert a change although somebody changed a value since
  winops.smb_guest.revert_change:
    change_id: CHG0042
    force: true
"""

RETURN = r"""
reverted:
  description: The reverted changes, newest first. In check mode those that would be, with their present status.
  returned: success
  type: list
  elements: dict
  contains:
    change_id:
      description: Its name.
      returned: always
      type: str
      sample: 20261123T213000Z-5f0c1e
    status:
      description: >-
        V(pending) while it is in progress or after an interruption. V(applied) when it was verified. V(reverting) when
        its revert was interrupted. V(reverted) when a run or its expiry reverted it. V(rolled_back) when it failed and
        was rolled back. V(failed) when its rollback, or its expiry, failed.
      returned: always
      type: str
      sample: applied
    reason:
      description: Why it was made. Empty if no reason was given.
      returned: always
      type: str
      sample: CHG0042, copying the old NAS
    created_at:
      description: When it began, in UTC by the clock of the host.
      returned: always
      type: str
      sample: "2026-11-23T21:30:00Z"
    expires_at:
      description: When the host reverts it by itself. V(null) if it does not expire.
      returned: always
      type: str
      sample: "2026-11-24T05:30:00Z"
    controller:
      description: The host name of the control node that made it.
      returned: always
      type: str
      sample: control.example.com
    note:
      description: Why it has this status. Usually empty.
      returned: always
      type: str
      sample: "expired: restored by the host itself"
    changes:
      description: What it writes.
      returned: always
      type: list
      elements: dict
      contains:
        setting:
          description: The name of the setting.
          returned: always
          type: str
          sample: client_signing
        scope:
          description: V(local), V(policy) or V(local_gpo).
          returned: always
          type: str
          sample: local
        from:
          description: The value found in that scope. V(null) where it was absent, a text where it was no 0 or 1.
          returned: always
          type: raw
        to:
          description: The value it writes in that scope. V(null) where it deletes it.
          returned: always
          type: bool
        location:
          description: The registry value, or the entry of a file, that holds the setting in that scope.
          returned: always
          type: str
          sample: HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters\RequireSecuritySignature
        group_policy:
          description: The name of the setting in a Group Policy editor. V(null) if it has none.
          returned: always
          type: str
          sample: Enable insecure guest logons
changes:
  description: The values that were restored. In check mode those that would be.
  returned: success
  type: list
  elements: dict
  contains:
    setting:
      description: The name of the setting.
      returned: always
      type: str
      sample: client_signing
    scope:
      description: V(local), V(policy) or V(local_gpo).
      returned: always
      type: str
      sample: local
    from:
      description: The value in that scope before. V(null) where there was none, a text where it was no 0 or 1.
      returned: always
      type: raw
    to:
      description: The value in that scope after. V(null) where it is deleted, a text where it is no 0 or 1.
      returned: always
      type: raw
    location:
      description: The registry value, or the entry of a file, that holds the setting in that scope.
      returned: always
      type: str
      sample: HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters\RequireSecuritySignature
    group_policy:
      description: The name of the setting in a Group Policy editor. V(null) if it has none.
      returned: always
      type: str
      sample: Enable insecure guest logons
guest_access:
  description: As RV(winops.smb_guest.client_config#module:guest_access), by what runs after the task.
  returned: success
  type: dict
host:
  description: As RV(winops.smb_guest.client_config#module:host).
  returned: success
  type: str
summary:
  description: As RV(winops.smb_guest.client_config#module:summary).
  returned: success
  type: list
  elements: str
reconnect_required:
  description: Whether the restored values apply only to new connections.
  returned: success
  type: bool
diff:
  description: The registry values before and after. Ansible shows it in diff mode.
  returned: success
  type: dict
  contains:
    before:
      description: The values before, one a line.
      returned: always
      type: str
    after:
      description: The values after, one a line.
      returned: always
      type: str
"""
