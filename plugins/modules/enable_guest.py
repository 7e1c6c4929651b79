# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""enable_guest: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: enable_guest
short_description: Allow insecure SMB guest logons for a time, with safeguards
version_added: 1.0.0
description:
  - Allows insecure guest logons of the SMB client, as one journaled change that the host itself reverts on expiry.
  - The module checks every safeguard itself, before it contacts the host. So tags, C(when), C(--start-at-task) and old
    facts cannot disable a safeguard. A missing option counts as not allowed.
  - Enables the audits of the client as well, where this Windows has them.
  - Never changes the SMB server or SMB1.
  - Null and an empty text mean the default of an option.
author:
  - winops contributors (@winops)
options:
  accept_risk:
    description: Must be true. Guest traffic is neither signed nor encrypted, and the server is not authenticated.
    type: bool
    default: false
  reason:
    description:
      - Why guest logons are allowed, one printable line. Must not be empty.
      - Every user of the host can read it in the journal.
    type: str
  expires_in:
    description: When the host reverts the change, such as V(30m), V(8h), V(3d) or V(2w). At most 30 days.
    type: str
    default: 8h
  permanent:
    description: Allow guest logons without an expiry. The module then ignores O(expires_in).
    type: bool
    default: false
  max_hosts:
    description:
      - Refuse a play with more hosts than this. The count includes all hosts of the play (C(ansible_play_hosts_all)).
        C(serial), C(when) and the strategy do not change it.
    type: int
    default: 5
  servers:
    description:
      - The servers that the hosts need to reach. With them, O(probed) must contain the result of probing them.
      - The task fails if one of them accepts accounts, or if guest logons do not give access to it.
    type: list
    elements: str
    default: []
  probed:
    description: The registered result of M(winops.smb_guest.server_info) for O(servers).
    type: dict
  despite_accounts:
    description: Allow guest logons although one of O(servers) accepts accounts.
    type: bool
    default: false
  allow_domain_controllers:
    description: Change domain controllers as well.
    type: bool
    default: false
  relax_signing:
    description: Stop requiring signing of the client where that blocks guest logons.
    type: bool
    default: false
  relax_encryption:
    description: Stop requiring encryption of the client where that blocks guest logons.
    type: bool
    default: false
  audit:
    description: Enable the three audits of the SMB client, where this Windows has them.
    type: bool
    default: true
  confirm:
    description:
      - Fail if the running value differs from the requested one, because a stronger layer overrides it or the service
        has not applied it. All other requested values are then in force.
    type: bool
    default: true
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.changes
  - winops.smb_guest.scope
  - winops.smb_guest.journal
  - winops.smb_guest.winrm
seealso:
  - module: winops.smb_guest.harden
  - module: winops.smb_guest.server_info
  - module: winops.smb_guest.client_config
  - module: winops.smb_guest.revert_change
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Allow guest logons for one working day
  winops.smb_guest.enable_guest:
    accept_risk: true
    relax_signing: true
    reason: CHG0042, copying the old NAS
    expires_in: 8h
  register: opened

- name: Show when the change expires
  ansible.builtin.debug:
    msg: "{{ opened.change_id }} expires at {{ opened.expires_at }}"
"""

RETURN = r"""
before:
  description: >-
    What was found. For each setting a dictionary with C(effective), C(winner) and what
    M(winops.smb_guest.client_config) names.
  returned: success
  type: dict
after:
  description: The same, read back after the writes. In check mode it is predicted.
  returned: success
  type: dict
changes:
  description: >-
    What was written, in that order, each with C(setting), C(scope), C(from), C(to) and C(location). In check mode it
    is what would be written.
  returned: success
  type: list
  elements: dict
change_id:
  description: >-
    The name of the change in the journal. V(null) where nothing was changed or journaled, and in check mode.
  returned: success
  type: str
expires_at:
  description: >-
    When the host reverts the change by itself, in UTC. V(null) if it does not expire or was not journaled, and in
    check mode.
  returned: success
  type: str
lies_over:
  description: Standing changes of the journal that this one covers. Reverting this one restores their values.
  returned: success
  type: list
  elements: dict
met_by:
  description: Standing changes of the journal that already set a requested value.
  returned: success
  type: list
  elements: dict
skipped_settings:
  description: The settings that the task skipped because this Windows does not have them.
  returned: success
  type: list
  elements: str
host:
  description: The inventory name of the host that was changed. With delegation, that of the delegated host.
  returned: success
  type: str
summary:
  description: What the task did, or in check mode would do, in lines for people. The wording may change.
  returned: success
  type: list
  elements: str
restart_required:
  description: >-
    Whether a service or the host has to restart before the configured value runs. A warning names the service.
  returned: success
  type: bool
verified:
  description: Whether the host holds the requested values. V(false) if check mode would have written something.
  returned: success
  type: bool
guest_access:
  description: >-
    Whether an insecure guest logon of this host as a client can succeed after the task, in C(verdict), C(blocked_by)
    and C(advice).
  returned: success, when a setting of the client is named
  type: dict
reboot_required:
  description: As RV(restart_required). A restart of the service is enough.
  returned: success
  type: bool
reconnect_required:
  description: Whether what changed reaches only connections that are made from now on.
  returned: success
  type: bool
diff:
  description: The settings before and after in words. Ansible shows it in diff mode.
  returned: success
  type: dict
"""
