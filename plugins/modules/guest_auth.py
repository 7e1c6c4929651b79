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
  description: As RV(winops.smb_guest.client_config#module:before).
  returned: success
  type: dict
after:
  description: As RV(winops.smb_guest.client_config#module:after).
  returned: success
  type: dict
changes:
  description: As RV(winops.smb_guest.client_config#module:changes).
  returned: success
  type: list
  elements: dict
change_id:
  description: As RV(winops.smb_guest.client_config#module:change_id).
  returned: success
  type: str
expires_at:
  description: As RV(winops.smb_guest.client_config#module:expires_at).
  returned: success
  type: str
lies_over:
  description: As RV(winops.smb_guest.client_config#module:lies_over).
  returned: success
  type: list
  elements: dict
met_by:
  description: As RV(winops.smb_guest.client_config#module:met_by).
  returned: success
  type: list
  elements: dict
skipped_settings:
  description: As RV(winops.smb_guest.client_config#module:skipped_settings).
  returned: success
  type: list
  elements: str
host:
  description: As RV(winops.smb_guest.client_config#module:host).
  returned: success
  type: str
summary:
  description: As RV(winops.smb_guest.client_config#module:summary).
  returned: success
  type: list
  elements: str
restart_required:
  description: As RV(winops.smb_guest.client_config#module:restart_required).
  returned: success
  type: bool
verified:
  description: As RV(winops.smb_guest.client_config#module:verified).
  returned: success
  type: bool
guest_access:
  description: As RV(winops.smb_guest.client_config#module:guest_access).
  returned: success, when a setting of the client is named
  type: dict
reboot_required:
  description: As RV(winops.smb_guest.client_config#module:reboot_required).
  returned: success
  type: bool
reconnect_required:
  description: As RV(winops.smb_guest.client_config#module:reconnect_required).
  returned: success
  type: bool
diff:
  description: As RV(winops.smb_guest.client_config#module:diff).
  returned: success
  type: dict
"""
