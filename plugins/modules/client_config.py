# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""client_config: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: client_config
short_description: Set any SMB setting that decides on guest logons
version_added: 1.0.0
description:
  - Sets the managed settings of the SMB client and server of a Windows host. Each option is the setting of the same
    name.
  - Settings that are left out stay as they are. Name at least one.
  - If one setting cannot be set, nothing is written. The error then lists every reason.
author:
  - winops contributors (@winops)
options:
  insecure_guest_logons:
    description:
      - Whether the SMB client accepts a guest session that a server offers instead of authenticating the user.
      - A guest session can neither sign nor encrypt. If the client requires one of them, guest logons fail although
        they are allowed; see RV(guest_access).
      - Supported since Windows 10 1607 and Windows Server 2016. A policy can set it.
    type: str
    choices:
      allowed: The client accepts guest sessions. Nobody authenticates the server, and the traffic is not protected.
      blocked: The client refuses guest sessions.
      default: What this Windows does by default. O(scope) says what the task writes for it.
  client_signing:
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
  client_encryption:
    description:
      - Whether the SMB client requires encryption from every server. Guest logons then fail.
      - Supported since Windows 11 24H2 and Windows Server 2025. A policy can set it.
    type: str
    choices:
      required: Servers that do not encrypt are refused.
      not_required: Encryption is left to the server and the share.
      default: What this Windows does by default. O(scope) says what the task writes for it.
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
  server_signing:
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
  server_encryption:
    description:
      - Whether the SMB server requires encryption for all its shares (C(EncryptData)).
      - Supported since Windows 8 and Windows Server 2012. Has no policy value.
    type: str
    choices:
      required: All shares are encrypted.
      not_required: Encryption is left to each share.
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
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.changes
  - winops.smb_guest.scope
  - winops.smb_guest.journal
  - winops.smb_guest.winrm
seealso:
  - module: winops.smb_guest.client_facts
  - module: winops.smb_guest.revert_change
  - module: winops.smb_guest.harden
  - module: winops.smb_guest.enable_guest
  - module: winops.smb_guest.guest_auth
  - module: winops.smb_guest.signing
  - module: winops.smb_guest.encryption
  - module: winops.smb_guest.audit
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Harden a host
  winops.smb_guest.client_config:
    insecure_guest_logons: blocked
    client_signing: required
    server_signing: required

- name: Show what allowing guest logons would change
  winops.smb_guest.client_config:
    insecure_guest_logons: allowed
    client_signing: not_required
  check_mode: true
  diff: true

- name: Allow guest logons on Windows 11 24H2 for a server that only knows guests
  winops.smb_guest.client_config:
    insecure_guest_logons: allowed
    client_signing: not_required
    audit_insecure_guest_logons: enabled
  register: opened

- name: Allow them for eight hours, with a record in the journal
  winops.smb_guest.client_config:
    insecure_guest_logons: allowed
    client_signing: not_required
    reason: CHG0042, copying the old NAS
    expires_in: 8h
  register: opened

- name: Show when it expires
  ansible.builtin.debug:
    msg: "{{ opened.change_id }} expires at {{ opened.expires_at }}; revert_change reverts it earlier"
  when: opened.change_id is not none

- name: Show whether guest logons work now
  ansible.builtin.debug:
    msg: "guest logons are {{ opened.guest_access.verdict }}: {{ opened.guest_access.advice }}"

- name: Remove the policy value, and let the local setting decide
  winops.smb_guest.client_config:
    insecure_guest_logons: default
    scope: [policy]

- name: Block guest logons by the local Group Policy, so that the Group Policy editor of the host shows it
  winops.smb_guest.client_config:
    insecure_guest_logons: blocked
    scope: [local_gpo]
"""

RETURN = r"""
before:
  description: What was found, for each setting that the task names.
  returned: success
  type: dict
  contains:
    SETTING_NAME:
      description: One entry for each setting, under the name of the setting.
      returned: always
      type: dict
      contains: &state
        effective:
          description: >-
            The value that applies: the strongest configured value, else the running one, else the default of this
            Windows. V(null) if none is known or the setting is not supported.
          returned: always
          type: bool
        winner:
          description: >-
            What decides the effective value. V(policy), V(mdm), V(local), V(os_default), V(unsupported) where this
            Windows does not have the setting, or V(unknown) where a registry value has a wrong type or nothing is
            known.
          returned: always
          type: str
          sample: policy
        running:
          description: The value that the SMB client or server reports. V(null) where it reports none.
          returned: always
          type: bool
        policy:
          description: >-
            The policy value. V(null) where it is not configured; a text with type and data where it is not a REG_DWORD
            of 0 or 1, such as C(REG_SZ '1').
          returned: always
          type: raw
        mdm:
          description: The MDM (Intune) value, in the same form. V(null) where it is not configured.
          returned: always
          type: raw
        local:
          description: The value that the SMB client or server stores, in the same form. V(null) if none is stored.
          returned: always
          type: raw
        local_gpo:
          description: >-
            The value in the local GPO of the host, in the same form. V(null) if it has none, which its editor calls
            "not configured".
          returned: when O(scope) has V(local_gpo)
          type: raw
        os_default:
          description: >-
            The default of this edition and build, as a hint. V(null) where it is not known, or was
            not needed.
          returned: always
          type: bool
        os_default_confidence:
          description: >-
            How well the default is known. V(confirmed), V(one page), V(derived), V(conflict),
            V(unconfirmed) or V(unknown).
          returned: always
          type: str
          sample: confirmed
        supported:
          description: Whether this Windows has the setting. V(null) where its side of SMB did not answer.
          returned: always
          type: bool
        drift:
          description: Whether the running value contradicts the configured one that should decide.
          returned: always
          type: bool
        location:
          description: The registry value that decides. V(null) where none does.
          returned: always
          type: str
          sample: HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation\AllowInsecureGuestAuth
        group_policy:
          description: The name of the setting in a Group Policy editor. V(null) if it has none.
          returned: always
          type: str
          sample: Enable insecure guest logons
after:
  description: The same, read back after the writes. In check mode it is predicted.
  returned: success
  type: dict
  contains:
    SETTING_NAME:
      description: One entry for each setting, under the name of the setting.
      returned: always
      type: dict
      contains: *state
changes:
  description: What was written, in that order. In check mode it is what would be written.
  returned: success
  type: list
  elements: dict
  contains:
    setting:
      description: The name of the setting.
      returned: always
      type: str
      sample: client_signing
    scope:
      description: V(local), V(policy) or V(local_gpo).
      returned: always
      type: str
      sample: local
    from:
      description: The value in that scope before. V(null) where there was none, a text where it was no 0 or 1.
      returned: always
      type: raw
    to:
      description: The value in that scope after. V(null) where it is deleted.
      returned: always
      type: bool
    location:
      description: The registry value, or the entry of a file, that holds the setting in that scope.
      returned: always
      type: str
      sample: HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters\RequireSecuritySignature
    group_policy:
      description: The name of the setting in a Group Policy editor. V(null) if it has none.
      returned: always
      type: str
      sample: Enable insecure guest logons
change_id:
  description: >-
    The name of the change in the journal of the host. V(null) where nothing was changed or the change is not journaled,
    and in check mode.
  returned: success
  type: str
  sample: 20261123T213000Z-5f0c1e
expires_at:
  description: >-
    When the host reverts the change by itself, in UTC. V(null) if the change does not expire or was not journaled, and
    in check mode.
  returned: success
  type: str
  sample: "2026-11-24T05:30:00Z"
lies_over:
  description: >-
    Standing changes of the journal that this one covers, each as in M(winops.smb_guest.client_facts). Reverting this
    one restores their values, if they still stand then. Empty for a change that is not journaled.
  returned: success
  type: list
  elements: dict
met_by:
  description: >-
    Standing changes of the journal that already set a requested value, in the same form. C(settings) names the
    settings.
  returned: success
  type: list
  elements: dict
skipped_settings:
  description: The settings that the task skipped because of O(unsupported=skip).
  returned: success
  type: list
  elements: str
host:
  description: The inventory name of the host that was changed. With delegation, that of the delegated host.
  returned: success
  type: str
  sample: ws-42
summary:
  description: What the task did, or in check mode would do, in lines for people. The wording may change.
  returned: success
  type: list
  elements: str
  sample:
    - Nothing to change on ws-42.
restart_required:
  description: >-
    Whether the running value differs from the configured one, so that a service or the host has to restart. A warning
    names the service. Windows takes over a policy value at a time of its own.
  returned: success
  type: bool
verified:
  description: >-
    Whether the host holds the requested values. V(false) if check mode would have written something.
  returned: success
  type: bool
guest_access:
  description: Whether an insecure guest logon of this host as a client can succeed after the task.
  returned: success, when a setting of the client is named
  type: dict
  contains:
    verdict:
      description: >-
        V(allowed) if a guest logon can succeed, V(blocked) if not, judged by the running values. V(unknown) if they are
        not known.
      returned: always
      type: str
      sample: blocked
    blocked_by:
      description: The settings that block it.
      returned: always
      type: list
      elements: str
      sample: [client_signing]
    advice:
      description: The verdict in words, and what can be done.
      returned: always
      type: str
reboot_required:
  description: As RV(restart_required). A restart of the service is enough, one of the host does it as well.
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
  contains:
    before:
      description: The settings before, a value a line.
      returned: always
      type: str
    after:
      description: The settings after, a value a line.
      returned: always
      type: str
    before_header:
      description: The heading of RV(diff.before).
      returned: always
      type: str
      sample: SMB settings before
    after_header:
      description: The heading of RV(diff.after).
      returned: always
      type: str
      sample: SMB settings after
"""
