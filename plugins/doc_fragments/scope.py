# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that changes settings: where to write, and what to do where a policy decides."""

from __future__ import annotations


class ModuleDocFragment:
    """`scope`, `gpupdate`, `managed`, `unsupported` and `confirm`, and how writing goes."""

    DOCUMENTATION = r"""
options:
  scope:
    description:
      - Where the task writes the values.
      - With several scopes, every setting is written to each scope that can hold it.
      - Signing, and encryption of the server, have no policy value and exist in scope V(local) only. The task fails if
        O(scope) is V(policy) alone.
    type: list
    elements: str
    choices:
      local: >-
        The configuration of the SMB client or server itself, as C(Set-SmbClientConfiguration) and
        C(Set-SmbServerConfiguration) write it. It takes effect at once and survives a restart.
        The word V(default) replaces a stored value by the default of this Windows. It never deletes a value.
        If no value is stored, it adds none. The exception is a default that needs a stored value (insecure guest logons
        on Windows 10 1709 to 1909 and Windows Server 2019), on a host that runs with another value. The task fails if a
        value is stored and the default of this edition and build is not known.
      policy: >-
        The registry value that the Group Policy editor would set, below C(HKLM\SOFTWARE\Policies). It overrides
        V(local). The word V(default) deletes the value, as "not configured" does.
      local_gpo: >-
        The local Group Policy Object of the host, so that its editor (gpedit.msc) shows the policy. The task writes
        V(policy) as well, so that the value takes effect at once. It edits the files C(Registry.pol) and C(gpt.ini) and
        keeps their other entries. The file transfer of the connection moves them, which starts PowerShell on the host.
        Such a change cannot have O(expires_in). Home editions have no editor; whether they apply the files is not
        confirmed.
    default: [local]
  gpupdate:
    description:
      - Run C(gpupdate /target:computer) on the host after a change of its local GPO (O(scope) has V(local_gpo)), and
        wait for it. It applies all policies of the computer again, including those of a domain.
      - The values take effect without it.
    type: bool
    default: false
  managed:
    description:
      - What to do if a policy or MDM (Intune) value contradicts a desired setting and would override it.
      - With V(policy) in O(scope) a policy value does not count, because the task changes it as well.
      - The module reads MDM values and never writes them.
    type: str
    choices:
      fail: Fail with an error that names the key and the value that win. Nothing is written.
      warn: Write the value, and warn that it does not take effect.
    default: fail
  unsupported:
    description: What to do about a setting that this Windows does not have.
    type: str
    choices:
      fail: Fail with an error that names the first release that has it. Nothing is written.
      skip: Leave it out. RV(skipped_settings) names it.
    default: fail
  confirm:
    description:
      - Fail if the running value differs from the requested one, because a policy decides or the service has not taken
        the value over. All other requested values stay in effect. The result of the failure has RV(changes),
        RV(change_id), RV(expires_at) and RV(guest_access).
    type: bool
    default: false
notes:
  - The task writes values that block first and values that allow last. An interrupted run therefore allows no more than
    the task asked for.
  - Every write is read back. If a value differs, the task fails and names what decides.
  - Open connections keep what they negotiated. New values apply to new connections, see RV(reconnect_required).
"""
