# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""client_facts: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: client_facts
short_description: Find out whether guest logons work on a host, and why
version_added: 1.0.0
description:
  - Reads the SMB settings of a Windows host from every place that can decide them, and names the one that does.
  - It returns facts below C(ansible_facts.smb_guest) and changes nothing.
author:
  - winops contributors (@winops)
options:
  gather_subset:
    description: What to read.
    type: list
    elements: str
    choices:
      all: Everything but V(local_gpo) and V(doors).
      os: Edition, build, role and domain of the host.
      settings: >-
        Every managed setting, whether guest logons work, and which audits exist. Without V(os) the defaults of this
        Windows are not known.
      policy_source: >-
        The settings as with V(settings), and which GPO wrote each value that policy decides, see
        RV(ansible_facts.smb_guest.settings.SETTING_NAME.policy_source). It costs at most four requests, and one on a
        host that logs no policy.
      changes: >-
        The journal of the host, see RV(ansible_facts.smb_guest.changes). An entry that is damaged, or was not written
        by this collection, is left out with a warning. It costs three requests, however long the journal is.
      local_gpo: >-
        V(settings), and what the local Group Policy Object of the host says about each. V(all) does not include it,
        because the file transfer of the connection starts PowerShell on the host.
      doors: >-
        The other doors of a guest, see RV(ansible_facts.smb_guest.doors): the SMB1 client and server, the Guest account
        and ForceGuest. Read only by its name. It costs at most five requests, and one more without V(os).
    default: [all]
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.facts
  - winops.smb_guest.winrm
notes:
  - It cannot be one of C(ansible_facts_modules), because those run on the host. Use it as the first task of a play.
seealso:
  - module: winops.smb_guest.client_config
  - module: winops.smb_guest.revert_change
  - module: winops.smb_guest.guest_auth
  - module: winops.smb_guest.audit
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Read everything
  winops.smb_guest.client_facts:

- name: Show whether guest logons work, and what to do about it
  ansible.builtin.debug:
    msg: "{{ ansible_facts['smb_guest'].guest_access.verdict }}: {{ ansible_facts['smb_guest'].guest_access.advice }}"

- name: Fail where guest logons work
  ansible.builtin.assert:
    that: ansible_facts['smb_guest'].guest_access.verdict == 'blocked'

- name: List the settings that policy decides
  ansible.builtin.debug:
    msg: "{{ settings | selectattr('value.winner', 'equalto', 'policy') | map(attribute='key') }}"
  vars:
    settings: "{{ ansible_facts['smb_guest'].settings | dict2items }}"

- name: List the GPOs that decide settings
  ansible.builtin.debug:
    msg: "{{ settings | selectattr('policy_source') | map(attribute='policy_source.gpo') | unique }}"
  vars:
    settings: "{{ ansible_facts['smb_guest'].settings.values() }}"

- name: Read the journal
  winops.smb_guest.client_facts:
    gather_subset: [changes]

- name: List the standing changes, and when they expire
  ansible.builtin.debug:
    msg: "{{ item.change_id }} ({{ item.reason }}) expires {{ item.expires_at or 'never' }}"
  loop: "{{ ansible_facts['smb_guest'].changes | selectattr('status', 'equalto', 'applied') }}"

- name: Read only what Windows the host runs
  winops.smb_guest.client_facts:
    gather_subset: [os]
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to C(ansible_facts).
  returned: always
  type: dict
  contains:
    smb_guest:
      description: What the host runs, what decides it, and whether guest logons work.
      returned: success
      type: dict
      contains:
        client_limits:
          description:
            - What else the running SMB client asks of a server. A server can fail for it although guest logons are
              allowed. RV(ansible_facts.smb_guest.guest_access.advice) names each limit that is set.
            - Windows before 24H2 and Server 2025 shows none of them. There each is V(null).
          returned: when O(gather_subset) has V(settings), V(policy_source), V(local_gpo) or V(all)
          type: dict
          contains:
            minimum_dialect:
              description: The oldest dialect that it uses, such as V(3.1.1), or V(none) where there is no limit.
              returned: always
              type: str
              sample: none
            maximum_dialect:
              description: The newest dialect that it uses, such as V(3.0.2), or V(none) where there is no limit.
              returned: always
              type: str
              sample: none
            blocks_ntlm:
              description: Whether it refuses NTLM. Local accounts of a NAS and guest logons use NTLM.
              returned: always
              type: bool
              sample: false
        doors:
          description:
            - The other doors of a guest. RV(ansible_facts.smb_guest.guest_access) is about SMB2 and SMB3 only.
            - C(state) of a door is V(open), V(idle) (opens when the driver starts next), V(closed), V(unknown), or
              V(not_asked). C(confidence) is V(confirmed) by a primary source, V(derived) from such, or V(none).
            - C(reason) is a sentence that says what was seen.
            - C(scanner) is what a benchmark scanner finds, which reads the registry value or the account alone. It is
              V(pass), V(fail) or V(unknown). C(installed) is null where it is not known or means nothing.
            - Null sessions, shares for Guest or Everyone, and user rights are not read.
          returned: when O(gather_subset) has V(doors)
          type: dict
          contains:
            smb1_client:
              description: The SMB1 client (outbound). It accepts guest logons whatever the setting is.
              returned: always
              type: dict
            smb1_server:
              description: The SMB1 server (inbound).
              returned: always
              type: dict
            guest_account:
              description: The account of RID 501, whatever its name (inbound). Not asked on a domain controller.
              returned: always
              type: dict
            force_guest:
              description: Whether network logons of local accounts become Guest (inbound).
              returned: always
              type: dict
        os:
          description: The Windows of the host.
          returned: when O(gather_subset) has V(os) or V(all)
          type: dict
          contains:
            caption:
              description: Its name, as Windows writes it.
              returned: always
              type: str
              sample: Microsoft Windows 11 Pro
            product:
              description: V(client) or V(server).
              returned: always
              type: str
              sample: client
            edition_id:
              description: The C(EditionID) of the registry. V(null) where it cannot be read.
              returned: always
              type: str
              sample: Professional
            sku:
              description: The C(OperatingSystemSKU). V(null) where the host does not say it.
              returned: always
              type: int
              sample: 48
            version:
              description: The release. V(null) where nothing says it.
              returned: always
              type: str
              sample: 24H2
            build:
              description: The build number.
              returned: always
              type: int
              sample: 26100
            ubr:
              description: The update build revision. V(null) where it cannot be read.
              returned: always
              type: int
              sample: 3476
            product_type:
              description: V(workstation), V(server) or V(domain_controller).
              returned: always
              type: str
              sample: workstation
            part_of_domain:
              description: Whether the host is a member of a domain. V(null) where it does not say so.
              returned: always
              type: bool
            domain:
              description: The domain. V(null) outside of one.
              returned: always
              type: str
              sample: example.com
        settings:
          description: Every managed setting, by its name. The names are the options of
            M(winops.smb_guest.client_config).
          returned: when O(gather_subset) has V(settings), V(policy_source), V(local_gpo) or V(all)
          type: dict
          contains:
            SETTING_NAME:
              description: One entry for each setting, under the name of the setting.
              returned: always
              type: dict
              contains: &state
                effective:
                  description: >-
                    The value that applies: the strongest configured value, else the running one, else the default of
                    this Windows. V(null) if none is known or the setting is not supported.
                  returned: always
                  type: bool
                winner:
                  description: >-
                    What decides the effective value. V(policy), V(mdm), V(local), V(os_default), V(unsupported) where
                    this Windows does not have the setting, or V(unknown) where a registry value has a wrong type or
                    nothing is known.
                  returned: always
                  type: str
                  sample: policy
                running:
                  description: The value that the SMB client or server reports. V(null) where it reports none.
                  returned: always
                  type: bool
                policy:
                  description: >-
                    The policy value. V(null) where it is not configured; a text with type and data where it is not a
                    REG_DWORD of 0 or 1, such as C(REG_SZ '1').
                  returned: always
                  type: raw
                mdm:
                  description: The MDM (Intune) value, in the same form. V(null) where it is not configured.
                  returned: always
                  type: raw
                local:
                  description: >-
                    The value that the SMB client or server stores, in the same form. V(null) if none is
                    stored.
                  returned: always
                  type: raw
                local_gpo:
                  description: >-
                    The value in the local GPO of the host, in the same form. V(null) if it has none, which its editor
                    calls "not configured".
                  returned: when O(gather_subset) has V(local_gpo)
                  type: raw
                os_default:
                  description: >-
                    The default of this edition and build, as a hint. V(null) where it is
                    not known, and where O(gather_subset) leaves out V(os).
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
                  description: Whether this Windows has the setting.
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
                policy_source:
                  description: >-
                    The GPO that wrote the value that decides, as the Resultant Set of Policy of the host says. A value
                    of the security option "Digitally sign communications (always)" differs from a local one by it, and
                    RV(ansible_facts.smb_guest.settings.SETTING_NAME.winner) is V(policy) then. V(null) where no GPO is
                    known to have written it.
                  returned: when O(gather_subset) has V(policy_source) or V(all)
                  type: dict
                  contains:
                    gpo:
                      description: Its display name. Empty where the host does not say it.
                      returned: always
                      type: str
                      sample: SMB hardening
                    guid:
                      description: Its GUID. V(null) for the policy of the host itself.
                      returned: always
                      type: str
                      sample: "{3D2F1C7A-9B58-4E64-8C0F-52A6B7D1E913}"
                    link:
                      description: The site, domain or OU that it is linked to. V(null) where the host does not say it.
                      returned: always
                      type: str
                      sample: OU=Workstations,DC=example,DC=com
                    precedence:
                      description: Its place among the GPOs that write this value. 1 is the one that won.
                      returned: always
                      type: int
                      sample: 1
                    refreshed_at:
                      description: When the refresh that says so was logged, in UTC. V(null) where the host does not say
                        it.
                      returned: always
                      type: str
                      sample: "2026-11-23T21:30:00Z"
                policy_source_reason:
                  description: >-
                    Why no GPO is named. The host does not serve RSoP, denies it to the account, has logged no refresh,
                    or its answer is older than the value. V(null) where a GPO is named, and where no policy is in
                    question.
                  returned: when O(gather_subset) has V(policy_source) or V(all)
                  type: str
        guest_access:
          description: Whether an insecure guest logon of this host as a client can succeed.
          returned: when O(gather_subset) has V(settings), V(policy_source), V(local_gpo) or V(all)
          type: dict
          contains:
            verdict:
              description: V(allowed) if a guest logon can succeed, V(blocked) if it cannot, V(unknown) if the host
                does not say enough.
              returned: always
              type: str
              sample: blocked
            blocked_by:
              description: The settings that stand in its way.
              returned: always
              type: list
              elements: str
              sample: [client_signing]
            advice:
              description: The verdict in words, and what can be done.
              returned: always
              type: str
        mdm_wins_over_gp:
          description: Whether MDM wins where a policy value and an MDM value contradict each other.
          returned: when O(gather_subset) has V(settings), V(policy_source), V(local_gpo) or V(all)
          type: dict
          contains:
            value:
              description: Whether C(MDMWinsOverGP) is 1. V(null) where no setting has contradicting values, because
                the value is then not read.
              returned: always
              type: bool
              sample: true
            location:
              description: The registry value that is read.
              returned: always
              type: str
            confidence:
              description: How certain it is. Microsoft documents the policy, and its registry key is not confirmed.
              returned: always
              type: str
        audit:
          description: Whether the host can audit SMB, and what its event log should show.
          returned: when O(gather_subset) has V(settings), V(policy_source), V(local_gpo) or V(all)
          type: dict
          contains:
            supported:
              description: Whether the host supports at least one audit setting.
              returned: always
              type: bool
            reason:
              description: Why it supports what it does.
              returned: always
              type: str
              sample: every audit setting is supported
            events_to_expect:
              description: The events that the host writes in its present state when what they record happens.
              returned: always
              type: list
              elements: dict
              contains:
                id:
                  description: The event id.
                  returned: always
                  type: int
                  sample: 31017
                channel:
                  description: The channel to look in.
                  returned: always
                  type: str
                  sample: Microsoft-Windows-SmbClient/Security
                meaning:
                  description: What it records.
                  returned: always
                  type: str
                  sample: an insecure guest logon was refused
        changes:
          description: The changes in the journal of the host, oldest first.
          returned: when O(gather_subset) has V(changes) or V(all)
          type: list
          elements: dict
          contains:
            change_id:
              description: Its name.
              returned: always
              type: str
              sample: 20261123T213000Z-5f0c1e
            status:
              description: >-
                V(pending) while it is in progress or after an interruption. V(applied) when it was verified.
                V(reverting) when its revert was interrupted. V(reverted) when a run or its expiry reverted it.
                V(rolled_back) when it failed and was rolled back. V(failed) when its rollback, or its expiry, failed.
              returned: always
              type: str
              sample: applied
            reason:
              description: Why it was made. Empty if no reason was given.
              returned: always
              type: str
              sample: CHG0042, copying the old NAS
            created_at:
              description: When it began, in UTC by the clock of the host.
              returned: always
              type: str
              sample: "2026-11-23T21:30:00Z"
            expires_at:
              description: When the host reverts it by itself. V(null) if it does not expire.
              returned: always
              type: str
              sample: "2026-11-24T05:30:00Z"
            overdue:
              description: >-
                Whether the host should have reverted it at least 15 minutes ago, by its own clock. The next journaled
                run reverts it if its scheduled task is gone.
              returned: always
              type: bool
              sample: false
            controller:
              description: The host name of the control node that made it.
              returned: always
              type: str
              sample: control.example.com
            note:
              description: Why it has this status. Usually empty.
              returned: always
              type: str
              sample: "expired: restored by the host itself"
            changes:
              description: What it writes.
              returned: always
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
                  description: The value found in that scope. V(null) where it was absent.
                  returned: always
                  type: bool
                to:
                  description: The value it writes in that scope. V(null) where it deletes it.
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
"""
