# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify_facts: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_facts
short_description: Check on one real host the facts about Windows that this collection relies on
version_added: 1.0.0
description:
  - Checks on a Windows host the facts that this collection relies on, and those where it works either way.
    Nothing of the collection was run on a real Windows host when it was written.
  - Without O(consent) the module only reads. Each word of O(consent) permits one step to write. Every step restores
    what it wrote and reads it again.
  - At the end the module compares everything that a step could have touched with the earlier state. The task fails
    if anything differs.
  - Run it on one host of your own that may be disturbed for a moment, not on a fleet.
author:
  - winops contributors (@winops)
options:
  consent:
    description: Which steps may write to the host. In check mode the module only reads.
    type: list
    elements: str
    choices:
      registry: >-
        Writes values of each type to the key C(HKLM\SOFTWARE\winops\smb_guest_verify) and deletes them. The key is
        removed afterwards.
      smb_settings: >-
        Inverts C(EnableSecuritySignature) of the SMB client several times. It has no effect on SMB 2 and later, but
        Windows may write event 31016 about it.
        Writes the running value of C(RequireSecuritySignature) once more, unchanged.
      policy: >-
        Inverts an audit of the SMB client by a policy value until the step ends. Where there is no audit, the value
        blocks insecure guest logons if they are allowed. Runs C(gpupdate.exe) if nothing else makes the client follow.
      scheduled_tasks: >-
        Registers the task C(\winops\smb_guest\verify_facts) for the next day and deletes it. Its folder stays.
      processes: Runs C(wevtutil.exe) to read the configuration of the event channels.
      stop_server: >-
        Stops the service C(LanmanServer) and starts it again. Shares of the host are unavailable for some seconds,
        and its open files are lost. This step never runs on a domain controller.
      expiry: >-
        Inverts an audit of the SMB client. A scheduled task of the host reverts it after two minutes.
        Where there is no audit, the client requires signing for that time. The step can take 15 minutes.
    default: []
  record_to:
    description:
      - A folder on the control node. The module writes all messages there, in a form that a test can replay.
      - It replaces names and addresses of the host, of its domain and of the account. Look through the folder before
        you give it to anybody.
    type: path
  max_hosts:
    description: Refuse a play with more hosts than this. The playbook of this name sets V(1).
    type: int
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.winrm
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: It only reads, whatever O(consent) contains.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: N/A
    details: It leaves the host unchanged.
  process:
    support: partial
    details: Only the steps that O(consent) names start processes.
notes:
  - The task may take an hour, unless the variable C(winops_smb_guest_task_timeout) sets another limit.
seealso:
  - module: winops.smb_guest.client_facts
    description: Reads the settings of the host.
"""

EXAMPLES = r"""
- name: Read only
  winops.smb_guest.verify_facts:
  register: verified

- name: Show the deviations
  ansible.builtin.debug:
    var: verified.summary

- name: Run the steps that write and disturb nobody, and record the messages
  winops.smb_guest.verify_facts:
    consent: [registry, smb_settings, policy, scheduled_tasks, processes]
    record_to: ./verify_facts
"""

RETURN = r"""
host:
  description: The host's name in the inventory.
  returned: success
  type: str
  sample: ws1
os:
  description: The operating system, as RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.os).
  returned: success
  type: dict
facts:
  description: A row for each fact, and for each class or channel where it was checked.
  returned: success
  type: list
  elements: dict
  contains:
    fact:
      description: Its name.
      returned: always
      type: str
      sample: registry_absent_value
    subject:
      description: The class or channel where it was checked. Empty where there is only one.
      returned: always
      type: str
      sample: Microsoft-Windows-SmbClient/Audit
    expected:
      description: What the collection expects.
      returned: always
      type: str
      sample: ReturnValue 1, no data
    seen:
      description: What the host answered, or why the fact could not be checked.
      returned: always
      type: str
      sample: ReturnValue 2, no data
    as_expected:
      description: Whether that is as expected. V(null) where the fact could not be checked.
      returned: always
      type: bool
      sample: false
    meaning:
      description: What a deviation means for the use of this collection. Empty where there is none.
      returned: always
      type: str
      sample: "Nothing: the collection reads either."
    source:
      description: Where the expectation comes from.
      returned: always
      type: str
      sample: observed by others, never captured
    consent:
      description: The word of O(consent) that it needs. Empty where the host is only read.
      returned: always
      type: str
      sample: registry
deviations:
  description: How many rows differ from the expectation.
  returned: success
  type: int
  sample: 0
restored:
  description: Whether the comparison proved that everything touched is restored.
  returned: always
  type: bool
  sample: true
summary:
  description: A summary in lines. Deviations, facts that could not be checked, and how many are as expected.
  returned: always
  type: list
  elements: str
  sample: ["32 of 32 facts are as expected on Microsoft Windows 11 Pro 24H2 (build 26100.2314)."]
recording:
  description: The folder that O(record_to) names. V(null) without it.
  returned: always
  type: str
  sample: ./verify_facts
"""
