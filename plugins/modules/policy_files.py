# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""policy_files: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy_files
short_description: Write the SMB settings as policy files that other tools import
version_added: 1.0.0
description:
  - Writes the given settings on the control node as files for a change board and for the tools that it uses. No host
    and no domain is contacted.
  - The same options give the same bytes. A second run changes nothing.
  - Each form carries what it can. RV(left_out) and a warning name every setting that a form does not carry, and why.
  - No file expires, and none knows what a host held before. RV(undo) says for each form what takes it back.
author:
  - winops contributors (@winops)
options:
  dest:
    description: The folder on the control node. It is created if needed, with one folder for each form.
    type: path
    required: true
  forms:
    description: What to write.
    type: list
    elements: str
    required: true
    choices:
      gpmc_backup: A backup for Group Policy Management, to import into a GPO of its own. Never restore it.
      lgpo: Text for LGPO.exe, its undo, and a Registry.pol.
      security_template: A security template with the signing options, for secedit or a GPO.
      intune_catalog: A settings catalog policy of Intune as Graph JSON.
      intune_custom: A custom profile of Intune as Graph JSON.
      reg: A registry file and its undo.
      unattend: An answer file for images. Insecure guest logons only, in the pass generalize.
  name:
    description: The name of the GPO or of the profile. The ids of a backup are derived from it.
    type: str
    default: SMB guest logons
  comment:
    description: One line that the files carry where they can hold text, such as a ticket.
    type: str
    default: ""
  made_at:
    description: >-
      The time stamp that the files carry, in ISO 8601. The default is a fixed time, so that the same options always
      give the same bytes.
    type: str
    default: "2000-01-01T00:00:00Z"
  insecure_guest_logons:
    description: Whether the SMB client allows insecure guest logons.
    type: str
    choices:
      allowed: Insecure guest logons are allowed.
      blocked: Insecure guest logons are blocked.
  client_signing:
    description: Whether the SMB client requires signing. A security option, so only some forms carry it.
    type: str
    choices:
      required: It is required.
      not_required: It is not required.
  client_encryption:
    description: Whether the SMB client requires encryption.
    type: str
    choices:
      required: It is required.
      not_required: It is not required.
  audit_insecure_guest_logons:
    description: Whether the client audits insecure guest logons (event 31997).
    type: str
    choices:
      enabled: Events are written.
      disabled: No events are written.
  audit_server_without_signing:
    description: Whether the client audits servers that do not support signing (event 31998).
    type: str
    choices:
      enabled: Events are written.
      disabled: No events are written.
  audit_server_without_encryption:
    description: Whether the client audits servers that do not support encryption (event 31999).
    type: str
    choices:
      enabled: Events are written.
      disabled: No events are written.
  server_signing:
    description: Whether the SMB server requires signing. A security option.
    type: str
    choices:
      required: It is required.
      not_required: It is not required.
  server_encryption:
    description: Whether the SMB server requires encryption. Windows has no policy for it; only V(reg) carries it.
    type: str
    choices:
      required: It is required.
      not_required: It is not required.
  server_audit_insecure_guest_logons:
    description: Whether the SMB server audits insecure guest logons (event 3023).
    type: str
    choices:
      enabled: Events are written.
      disabled: No events are written.
  server_audit_client_without_signing:
    description: Whether the SMB server audits clients that do not support signing (event 3021).
    type: str
    choices:
      enabled: Events are written.
      disabled: No events are written.
  server_audit_client_without_encryption:
    description: Whether the SMB server audits clients that do not support encryption (event 3022).
    type: str
    choices:
      enabled: Events are written.
      disabled: No events are written.
extends_documentation_fragment:
  - winops.smb_guest.attributes
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: The files are compared and not written.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: full
    details: Text is shown as text, other files as bytes.
  platform:
    description: Operating systems that the module manages.
    support: N/A
    details: It manages none. It works with files on the control node.
    platforms: all
  process:
    description: Whether the module starts a process on the host.
    support: none
    details: The host of the task is not contacted.
requirements:
  - Nothing but ansible-core on the control node.
notes:
  - Nothing that this module writes was imported on a real Windows by this project. See the guide on policy files.
seealso:
  - module: winops.smb_guest.policy_files_info
  - module: winops.smb_guest.domain_policy
  - module: winops.smb_guest.client_config
"""

EXAMPLES = r"""
- name: Write the hardening for a change board
  winops.smb_guest.policy_files:
    dest: change-1234
    forms: [gpmc_backup, intune_catalog]
    name: SMB hardening
    comment: CHG0001234
    insecure_guest_logons: blocked
    client_signing: required
    audit_insecure_guest_logons: enabled
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
dest:
  description: The folder, as an absolute path.
  returned: success
  type: str
  sample: /srv/change-1234
files:
  description: Every file of the forms, below RV(dest).
  returned: success
  type: list
  elements: str
  sample: [intune_catalog/settings-catalog.json]
left_out:
  description: For each form the settings that it does not carry, with the reason.
  returned: success
  type: dict
  sample: {lgpo: {client_signing: "signing has no policy value: a security template carries it"}}
undo:
  description: For each form what takes it back.
  returned: success
  type: dict
  sample: {reg: undo.reg deletes the values. What they held before is not in it.}
"""
