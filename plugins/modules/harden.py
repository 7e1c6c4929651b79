# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""harden: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: harden
short_description: Block insecure SMB guest logons and require signing
version_added: 1.0.0
description:
  - Blocks insecure guest logons of the SMB client, and requires what the options name, as one journaled change.
  - An option that is false leaves its settings unchanged. The module never relaxes a setting.
  - Skips audits that this Windows does not have, and audits where a stronger layer sets another value.
    RV(skipped_settings) names them.
  - Null and an empty text mean the default of an option.
author:
  - winops contributors (@winops)
options:
  client_signing:
    description: Require signing of the SMB client.
    type: bool
    default: true
  client_encryption:
    description: Require encryption of the SMB client. Fails on Windows before 24H2 and Server 2025.
    type: bool
    default: false
  client_audit:
    description: Enable the three audits of the SMB client.
    type: bool
    default: true
  server_signing:
    description: Require signing of the SMB server.
    type: bool
    default: false
  server_encryption:
    description: Require encryption of the SMB server.
    type: bool
    default: false
  server_audit:
    description: Enable the three audits of the SMB server.
    type: bool
    default: false
  scope:
    description:
      - Where the values are written.
      - A setting without a policy value (signing, and encryption of the server) needs V(local).
    type: list
    elements: str
    choices:
      local: The configuration of the SMB client or server itself. It takes effect at once.
      policy: The registry value that the Group Policy editor would set. It overrides V(local).
      local_gpo: The local Group Policy Object of the host, together with V(policy). O(expires_in) is not possible.
    default: [local, policy]
  managed:
    description: What to do when a policy or MDM (Intune) value contradicts a requested one.
    type: str
    choices:
      fail: Fail with an error that names the overriding key and value, and write nothing.
      warn: >-
        Write the values all the same, and warn. With O(confirm) the task then fails for each value that is not in
        force. Everything else is hardened.
    default: warn
  confirm:
    description:
      - Fail if the running value differs from the requested one, because a stronger layer overrides it or the service
        has not applied it. All other requested values are then in force.
    type: bool
    default: true
  reason:
    description: Why the change is made, one printable line. Every user of the host can read it in the journal.
    type: str
    default: harden
  doors:
    description:
      - Read the other doors of a guest after the change. The module changes none of them.
      - RV(summary) has a line for each that is open. It costs at most five requests.
    type: bool
    default: true
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.changes
  - winops.smb_guest.scope
  - winops.smb_guest.journal
  - winops.smb_guest.winrm
seealso:
  - module: winops.smb_guest.enable_guest
  - module: winops.smb_guest.client_config
  - module: winops.smb_guest.revert_change
  - module: winops.smb_guest.client_facts
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Block insecure guest logons, require signing of the client, and audit
  winops.smb_guest.harden:
    reason: CHG0043

- name: Require signing of the server as well
  winops.smb_guest.harden:
    server_signing: true
  check_mode: true
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
doors:
  description:
    - As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.doors), but C(scanner) of SMB1 is mostly
      V(unknown), because values that only scanners look at are not read.
  returned: success, when O(doors) is true and they could be read
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
