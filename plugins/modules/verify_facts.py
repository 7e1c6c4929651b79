# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify_facts: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_facts
short_description: Check on one real host the facts about Windows that this collection is built on
version_added: 1.0.0
description:
  - Asks a Windows host whether what this collection takes for granted, or is written to be right without, holds there.
    Nothing of the collection was run on a real Windows host when it was written. Whoever runs this on one knows more.
  - Without O(consent) the host is only read. Each word of O(consent) lets one step write. Every step puts back what it
    wrote and reads it again. At the end everything that could have been touched is compared with what was there before.
    The task fails if anything differs.
  - Run it on one host of your own that may be disturbed for a moment, not on a fleet.
author:
  - winops contributors (@winops)
options:
  consent:
    description: What may be done to the host. In check mode the host is only read.
    type: list
    elements: str
    choices:
      registry: >-
        Values of each type are written to, and deleted from, the key C(HKLM\SOFTWARE\winops\smb_guest_verify), which
        is gone afterwards.
      smb_settings: >-
        C(EnableSecuritySignature) of the SMB client is turned over some times. It has no effect on SMB 2 and later, but
        Windows may write event 31016 about it.
        What runs of C(RequireSecuritySignature) is set once more as it is.
      policy: >-
        A policy value turns an audit of the SMB client over until the step ends. Where there is no audit, it closes
        guest logons if they are allowed. C(gpupdate.exe) is run if nothing else makes the client follow.
      scheduled_tasks: >-
        The task C(\winops\smb_guest\verify_facts) is registered for the next day and deleted. Its folder stays.
      processes: C(wevtutil.exe) is run to read the configuration of the event channels.
      stop_server: >-
        The service C(LanmanServer) is stopped and started again: shares of the host are away for some seconds, and its
        open files are lost. It is never done on a domain controller.
      expiry: >-
        An audit of the SMB client is turned over, and a scheduled task of the host turns it back after two minutes.
        Where there is no audit, signing is required of servers for that time. It can take 15 minutes.
    default: []
  record_to:
    description:
      - A folder on the control node. All messages are written there, in a form that a test can replay.
      - Names and addresses of the host, of its domain and of the account are replaced. Look through it before you give
        it to anybody.
    type: path
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.winrm
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: It only reads, whatever O(consent) says.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: N/A
    details: It leaves nothing changed.
  process:
    support: partial
    details: Only what O(consent) names.
notes:
  - The task may take an hour, unless the variable C(winops_smb_guest_task_timeout) says otherwise.
seealso:
  - module: winops.smb_guest.client_facts
    description: Tells what the settings of the host are.
"""

EXAMPLES = r"""
- name: Read only
  winops.smb_guest.verify_facts:
  register: verified

- name: Show what is otherwise
  ansible.builtin.debug:
    var: verified.summary

- name: Steps that write and disturb nobody, and keep the messages
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
  description: A row for each fact, and for each class or channel that it was asked of.
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
      description: What it was asked of. Empty where there is only one thing.
      returned: always
      type: str
      sample: Microsoft-Windows-SmbClient/Audit
    expected:
      description: What the collection expects.
      returned: always
      type: str
      sample: ReturnValue 1, no data
    seen:
      description: What was seen, or why nothing was.
      returned: always
      type: str
      sample: ReturnValue 2, no data
    as_expected:
      description: Whether that is as expected. V(null) where nothing was seen.
      returned: always
      type: bool
      sample: false
    meaning:
      description: What it means for the use of this collection. Empty where all is as expected.
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
  description: How many rows are otherwise than expected.
  returned: success
  type: int
  sample: 0
restored:
  description: Whether everything that was touched is proved to be as it was.
  returned: always
  type: bool
  sample: true
summary:
  description: Lines for people. What is otherwise, what was not seen, and how much is as expected.
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
