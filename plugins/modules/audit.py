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
