# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""audit: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Audit guest logons and peers without signing or encryption
version_added: 1.0.0
description:
  - Configures the SMB audit settings of the client and the server of a Windows host. It keeps their event channels
    enabled and large enough.
  - Name at least one setting or O(channels). Settings that are left out stay as they are.
author:
  - winops contributors (@winops)
options:
  audit_insecure_guest_logons:
    description:
      - Event 31997 in C(Microsoft-Windows-SmbClient/Audit) when a server logs this client on as guest.
      - Supported since Windows 11 24H2 and Windows Server 2025. A policy can set it.
    type: str
    choices:
      enabled: The events are written.
      disabled: The events are not written.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  audit_server_without_signing:
    description:
      - Event 31998 in C(Microsoft-Windows-SmbClient/Audit) when a server does not support signing.
      - Supported since Windows 11 24H2 and Windows Server 2025. A policy can set it.
    type: str
    choices:
      enabled: The events are written.
      disabled: The events are not written.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  audit_server_without_encryption:
    description:
      - Event 31999 in C(Microsoft-Windows-SmbClient/Audit) when a server does not support encryption.
      - Supported since Windows 11 24H2 and Windows Server 2025. A policy can set it.
    type: str
    choices:
      enabled: The events are written.
      disabled: The events are not written.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  server_audit_insecure_guest_logons:
    description:
      - Event 3023 when a client logs on to this server as guest.
      - Sources differ on its channel. Look in C(Microsoft-Windows-SMBServer/Operational) and
        C(Microsoft-Windows-SMBServer/Security).
      - Supported since Windows 11 24H2 and Windows Server 2025. A policy can set it.
    type: str
    choices:
      enabled: The events are written.
      disabled: The events are not written.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  server_audit_client_without_signing:
    description:
      - Event 3021 in C(Microsoft-Windows-SMBServer/Audit) when a client does not support signing.
      - Supported since Windows 11 24H2 and Windows Server 2025, and on older releases with the September 2025 update
        KB5066913. A policy can set it.
    type: str
    choices:
      enabled: The events are written.
      disabled: The events are not written.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  server_audit_client_without_encryption:
    description:
      - Event 3022 in C(Microsoft-Windows-SMBServer/Audit) when a client does not support encryption.
      - Supported since Windows 11 24H2 and Windows Server 2025. A policy can set it.
    type: str
    choices:
      enabled: The events are written.
      disabled: The events are not written.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  channels:
    description:
      - Event channels to enable, and the least maximum size of their logs.
      - A channel is not part of a journaled change. Neither M(winops.smb_guest.revert_change) nor an expiry restores
        it.
      - Only this option starts a process on the host. C(wevtutil.exe) runs in a WinRM shell to read the channels, in
        check mode too, and to change those that need it.
    type: list
    elements: dict
    suboptions:
      name:
        description: The channel.
        type: str
        required: true
        choices:
          - Microsoft-Windows-SmbClient/Audit
          - Microsoft-Windows-SmbClient/Connectivity
          - Microsoft-Windows-SmbClient/Security
          - Microsoft-Windows-SMBClient/Operational
          - Microsoft-Windows-SMBServer/Audit
          - Microsoft-Windows-SMBServer/Connectivity
          - Microsoft-Windows-SMBServer/Operational
          - Microsoft-Windows-SMBServer/Security
      min_size:
        description:
          - The least maximum size of its log, in bytes. A larger one is kept.
          - Without it the size stays as it is.
          - Windows may round it, so RV(channels) can show another size. The task fails if the size is smaller in the
            end. Multiples of 65536 from 1048576 on are safe.
        type: int
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.changes
  - winops.smb_guest.scope
  - winops.smb_guest.journal
  - winops.smb_guest.winrm
attributes:
  process:
    support: partial
    details: Only O(channels) starts a process, because no CIM class configures an event channel.
seealso:
  - module: winops.smb_guest.client_facts
  - module: winops.smb_guest.revert_change
  - module: winops.smb_guest.client_config
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Read which audits the host has
  winops.smb_guest.client_facts:
    gather_subset: [settings]

- name: Audit guest logons and servers that do not sign
  winops.smb_guest.audit:
    audit_insecure_guest_logons: enabled
    audit_server_without_signing: enabled
  when: ansible_facts['smb_guest'].settings.audit_insecure_guest_logons.supported

- name: Keep 64 MiB of client events
  winops.smb_guest.audit:
    channels:
      - name: Microsoft-Windows-SmbClient/Audit
        min_size: 67108864
      - name: Microsoft-Windows-SmbClient/Security
        min_size: 67108864
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
channels:
  description: >-
    The channels that the task names.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The channel.
      returned: always
      type: str
      sample: Microsoft-Windows-SmbClient/Audit
    before:
      description: Its configuration before.
      returned: always
      type: dict
      contains: &channel
        enabled:
          description: Whether events are written to it.
          returned: always
          type: bool
        max_size:
          description: The maximum size of its log in bytes.
          returned: always
          type: int
          sample: 8388608
    after:
      description: Its configuration after. In check mode it is predicted.
      returned: always
      type: dict
      contains: *channel
"""
