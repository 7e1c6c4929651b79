# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""policy_files_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy_files_info
short_description: Read what policy files say about the SMB settings
version_added: 1.0.0
description:
  - Reads a file, a folder or an export on the control node, and returns the settings that it holds in the words of this
    collection. No host and no domain is contacted.
  - Understands backups of Group Policy Management, Registry.pol, security templates, LGPO text, C(.PolicyRules),
    C(.reg), C(unattend.xml), and Graph JSON of Intune (settings catalog and custom profiles).
  - The content is not trusted. Document types are refused, sizes are bounded, links are not followed. A damaged file is
    a note beside the others.
author:
  - winops contributors (@winops)
options:
  path:
    description: A file or a folder on the control node.
    type: path
    required: true
extends_documentation_fragment:
  - winops.smb_guest.attributes
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: It only reads.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: N/A
    details: It changes nothing.
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
seealso:
  - module: winops.smb_guest.policy_files
"""

EXAMPLES = r"""
- name: Read what a baseline says
  winops.smb_guest.policy_files_info:
    path: baselines/windows-11
  register: baseline
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
settings:
  description: The settings on which all files that mention them agree, in words of M(winops.smb_guest.client_config).
  returned: success
  type: dict
  sample: {insecure_guest_logons: blocked, client_signing: required}
contradictions:
  description: The settings on which files differ, with the word of each file.
  returned: success
  type: dict
  sample: {}
sources:
  description: Each file or backup that holds a policy of a known form.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file, relative to O(path). For a backup its Backup.xml.
      type: str
      returned: always
    form:
      description: What it is.
      type: str
      returned: always
    name:
      description: The name of the GPO of a backup.
      type: str
      returned: always
    settings:
      description: The settings that it sets.
      type: dict
      returned: always
    deleted:
      description: The settings whose value it deletes.
      type: list
      elements: str
      returned: always
    out_of_reach:
      description: The settings that this form cannot carry. Its silence about them means nothing.
      type: list
      elements: str
      returned: always
    notes:
      description: What to know about it, such as values that no Windows reads, inert files, and damage.
      type: list
      elements: str
      returned: always
"""
