# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""signing: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: signing
short_description: Require SMB signing of the client and the server
version_added: 1.0.0
description:
  - Sets whether a Windows host requires signed SMB traffic, as a client of other servers and as a server.
  - It manages C(RequireSecuritySignature). C(EnableSecuritySignature) has no effect for SMB2 and later and is left
    alone.
  - Name at least one of O(client) and O(server). The other one stays as it is.
author:
  - winops contributors (@winops)
options:
  client:
    description:
      - Whether the SMB client requires signing from every server. Guest logons then fail.
      - Supported since Windows 8 and Windows Server 2012. Has no policy value.
      - >-
        The security option "Microsoft network client: Digitally sign communications (always)" writes the local value
        itself, and writes it again when the policy is refreshed.
    type: str
    choices:
      required: Servers that do not sign are refused.
      not_required: Signing is left to negotiation.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  server:
    description:
      - Whether the SMB server requires signing from every client.
      - Supported since Windows 8 and Windows Server 2012. Has no policy value.
      - >-
        The security option "Microsoft network server: Digitally sign communications (always)" writes the local value
        itself, and writes it again when the policy is refreshed.
    type: str
    choices:
      required: Clients that do not sign are refused.
      not_required: Signing is left to negotiation.
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
  - module: winops.smb_guest.encryption
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Require signing in both directions
  winops.smb_guest.signing:
    client: required
    server: required

- name: Show what requiring it would change
  winops.smb_guest.signing:
    client: required
  check_mode: true
  diff: true

- name: Let Windows decide again what it demands of servers
  winops.smb_guest.signing:
    client: default
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
