# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""revert_change: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: revert_change
short_description: Undo journaled changes of SMB settings exactly
version_added: 1.0.0
description:
  - Takes changes out of the stack that the journal of the host keeps. Where a change is on top of a setting, what
    lies beneath it is put back, with type and data; values that were absent are deleted, and policy keys that the
    change made are removed if they are empty. Where a newer change covers it nothing is written; undoing that one
    later gives back what lies beneath then.
  - Where a policy or MDM governs a setting by now, the stored value is put back and proved. What runs is decided there,
    and a warning says so.
  - The task that would end a change at its expiry is removed.
  - Everything restored is read back. What was undone already is no error and no change.
  - Say exactly one of O(change_id), O(latest), O(expiring) and O(all).
author:
  - winops contributors (@winops)
options:
  change_id:
    description:
      - The change to undo, as M(winops.smb_guest.client_config) returned it and M(winops.smb_guest.client_facts) lists
        it.
      - A change that the journal of the host does not have is an error.
    type: str
  latest:
    description: Undo the newest change that still stands.
    type: bool
    default: false
  expiring:
    description: Undo every change that still stands and has an expiry, newest first.
    type: bool
    default: false
  all:
    description: Undo every change that still stands, newest first.
    type: bool
    default: false
  force:
    description:
      - Restore what the journal recorded even where somebody changed a value since.
      - Without it such a value is an error that names it, and nothing is written.
    type: bool
    default: false
  keep_ended:
    description: >-
      How many ended changes the journal keeps. The oldest go first, never one that is needed to undo another.
    type: int
    default: 50
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.winrm
attributes:
  check_mode:
    description: Whether the module predicts its changes in check mode.
    support: full
    details: The host is read, nothing is written. RV(changes) is what would be written.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: full
notes:
  - The journal keeps the entry of a change that was undone, with the status V(reverted). A second run changes nothing.
  - Changes that overlap can be undone in any order.
  - It is the only journaled run on the host at its time. What a run that was cut off has left is finished or undone
    first, with a warning.
  - An entry of the journal that is damaged, or was not written by this collection, is never used. O(latest),
    O(expiring) and O(all) leave it out with a warning; asking for it with O(change_id) is an error.
  - Event channels that M(winops.smb_guest.audit) enabled or enlarged are in no journal and stay as they are.
seealso:
  - module: winops.smb_guest.client_facts
  - module: winops.smb_guest.client_config
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Undo one change by its name
  winops.smb_guest.revert_change:
    change_id: CHG0042

- name: Undo whatever was changed last
  winops.smb_guest.revert_change:
    latest: true

- name: See what undoing everything would write
  winops.smb_guest.revert_change:
    all: true
  check_mode: true
  diff: true

- name: Undo everything
  winops.smb_guest.revert_change:
    all: true

- name: End early what was opened for a time, before the host is hardened
  winops.smb_guest.revert_change:
    expiring: true

- name: Undo a change although somebody changed a value since
  winops.smb_guest.revert_change:
    change_id: CHG0042
    force: true
"""

RETURN = r"""
reverted:
  description: The changes that were undone, newest first. In check mode those that would be, with their present status.
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
        V(pending) while it is under way or after it was cut off, V(applied) when it was verified, V(reverting) when its
        undoing was begun and cut off, V(reverted) when it was undone, by a run or by its expiry, V(rolled_back) when it
        failed or was cut off and was undone, V(failed) when putting it back, or its expiry, failed.
      returned: always
      type: str
      sample: applied
    reason:
      description: Why it was made. Empty where nobody said.
      returned: always
      type: str
      sample: CHG0042, copying the old NAS
    created_at:
      description: When it began, in UTC by the clock of the host.
      returned: always
      type: str
      sample: "2026-11-23T21:30:00Z"
    expires_at:
      description: When the host undoes it by itself. V(null) where it does not expire.
      returned: always
      type: str
      sample: "2026-11-24T05:30:00Z"
    controller:
      description: The host name of the control node that made it.
      returned: always
      type: str
      sample: control.example.com
    note:
      description: Why it ended as it did. Empty while nothing is to be said.
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
          description: What a Group Policy editor calls the setting. V(null) where it knows none.
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
      description: What a Group Policy editor calls the setting. V(null) where it knows none.
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
  description: Whether what was restored reaches only connections that are made from now on.
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
