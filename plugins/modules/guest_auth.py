# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""guest_auth: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_auth
short_description: Allow or block insecure guest logons of the SMB client
version_added: 1.0.0
description:
  - Decides whether the SMB client of a Windows host accepts guest logons.
  - It changes the client only. No share is opened, the server side stays as it is, and SMB1 is never enabled.
author:
  - winops contributors (@winops)
options:
  state:
    description:
      - Whether the SMB client accepts a logon as guest that the server offers instead of the one that was asked for.
      - Allowing it is not enough where the client requires signing or encryption, which a guest session cannot do.
        RV(guest_access) tells.
      - Supported since Windows 10 1607 and Windows Server 2016. A policy can set it.
    type: str
    required: true
    choices:
      allowed: Guest logons are accepted. The server is not authenticated and the traffic is not protected.
      blocked: Guest logons are refused.
      default: What this Windows does by default. O(scope) says what the task writes for it.
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.changes
  - winops.smb_guest.scope
  - winops.smb_guest.journal
  - winops.smb_guest.winrm
seealso:
  - module: winops.smb_guest.client_facts
  - module: winops.smb_guest.revert_change
  - module: winops.smb_guest.client_config
  - module: winops.smb_guest.signing
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Refuse insecure guest logons
  winops.smb_guest.guest_auth:
    state: blocked

- name: Allow guest logons for an old storage device
  winops.smb_guest.guest_auth:
    state: allowed
  register: guest

- name: Allow them until tomorrow, under a name of your own
  winops.smb_guest.guest_auth:
    state: allowed
    change_id: CHG0042
    reason: Copying the old NAS
    expires_in: 1d

- name: Show what still blocks guest logons, as signing does on Windows 11 24H2 Pro
  ansible.builtin.debug:
    msg: "{{ guest.guest_access.advice }}"
  when: guest.guest_access.verdict != 'allowed'

- name: Let Windows decide again
  winops.smb_guest.guest_auth:
    state: default

- name: Refuse them by policy as well, so that a local change does not bring them back
  winops.smb_guest.guest_auth:
    state: blocked
    scope: [local, policy]
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
