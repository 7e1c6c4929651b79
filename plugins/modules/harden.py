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
  description: The settings that the task skipped because this Windows does not have them or another layer decides.
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
doors:
  description:
    - As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.doors), but C(scanner) of SMB1 is mostly
      V(unknown), because values that only scanners look at are not read.
  returned: success, when O(doors) is true and they could be read
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
