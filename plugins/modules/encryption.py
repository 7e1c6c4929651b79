# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""encryption: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: encryption
short_description: Require SMB encryption of the client and the server
version_added: 1.0.0
description:
  - Sets whether a Windows host requires encrypted SMB traffic, as a client of other servers and as a server.
  - Name at least one of O(client) and O(server). The other one stays as it is.
author:
  - winops contributors (@winops)
options:
  client:
    description:
      - Whether the SMB client requires encryption from every server. Guest logons then fail.
      - Supported since Windows 11 24H2 and Windows Server 2025. A policy can set it.
    type: str
    choices:
      required: Servers that do not encrypt are refused.
      not_required: Encryption is left to the server and the share.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  server:
    description:
      - Whether the SMB server requires encryption for all its shares (C(EncryptData)).
      - Supported since Windows 8 and Windows Server 2012. Has no policy value.
    type: str
    choices:
      required: All shares are encrypted.
      not_required: Encryption is left to each share.
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
- name: Encrypt every share of the file servers
  winops.smb_guest.encryption:
    server: required

- name: Find out which hosts have the setting of the client
  winops.smb_guest.client_facts:
    gather_subset: [settings]

- name: Require encrypted traffic by policy where Windows supports it
  winops.smb_guest.encryption:
    client: required
    scope: [policy]
  when: ansible_facts['smb_guest'].settings.client_encryption.supported

- name: Set the local value even where a policy overrides it, with a warning
  winops.smb_guest.encryption:
    client: not_required
    managed: warn
  when: ansible_facts['smb_guest'].settings.client_encryption.supported
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
