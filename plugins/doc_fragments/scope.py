# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that changes settings: where to write, and what to do about what stands against it."""

from __future__ import annotations


class ModuleDocFragment:
    """`scope`, `gpupdate`, `managed`, `unsupported` and `confirm`, and how writing goes."""

    DOCUMENTATION = r"""
options:
  scope:
    description:
      - Where the wanted values are written.
      - With several, every setting is written to each scope that can hold it.
      - A setting without a policy value (signing, and encryption of the server) lives in scope V(local) alone. Asking
        for it in scope V(policy) alone is an error.
    type: list
    elements: str
    choices:
      local: >-
        The configuration of the SMB client or server itself, as C(Set-SmbClientConfiguration) and
        C(Set-SmbServerConfiguration) write it. It takes effect at once and is kept over a restart.
        The word V(default) writes the default of this Windows over a stored value, explicitly; it never deletes one.
        Where none is stored none is added, except where the default rests on a stored value (insecure guest logons on
        Windows 10 1709 to 1909 and Windows Server 2019) and the host runs with something else. Where a value is stored
        and the default of this edition and build is not known, V(default) is an error.
      policy: >-
        The registry value that the Group Policy editor would set, below C(HKLM\SOFTWARE\Policies). It wins over
        V(local). The word V(default) deletes the value, as "not configured" does.
      local_gpo: >-
        The local Group Policy Object of the host, so that its editor (gpedit.msc) shows the policy, and V(policy) with
        it, so that it is in force at once. The files C(Registry.pol) and C(gpt.ini) are edited; what is not ours in
        them stays. They travel with the file transfer of the connection, which starts PowerShell on the host, where
        all other scopes start nothing. Such a change cannot have O(expires_in). Home editions have no editor; whether
        they apply the files is not confirmed.
    default: [local]
  gpupdate:
    description:
      - Run C(gpupdate /target:computer) on the host after its local GPO was changed (O(scope) has V(local_gpo)), and
        wait for it. All policy of the computer is applied again, a domain's included.
      - Nothing depends on it. The wanted values are in force without it.
    type: bool
    default: false
  managed:
    description:
      - What to do when a policy or MDM (Intune) value contradicts a wanted one, and would override it or write over it.
      - A policy value is no obstacle where O(scope) has V(policy), because then it is changed as well.
      - MDM values are read and never written.
    type: str
    choices:
      fail: End with an error that names the key and the value that win. Nothing is written.
      warn: Write all the same, and warn that the value does not take effect.
    default: fail
  unsupported:
    description: What to do about a setting that this Windows does not have.
    type: str
    choices:
      fail: End with an error that names the first release that has it. Nothing is written.
      skip: Leave it out. RV(skipped_settings) names it.
    default: fail
  confirm:
    description:
      - Fail the host if what runs in the end is not as wanted, because something stronger decides or the service has
        not taken it over. Everything else that was asked for is in force then. The result of the failure has
        RV(changes), RV(change_id), RV(expires_at) and RV(guest_access).
    type: bool
    default: false
notes:
  - Settings that close the host are written first and settings that open it last, so that an interruption leaves it no
    more open than wanted.
  - Every write is read back. One that did not stick fails the task and names what wins.
  - Connections that are open keep what they negotiated. New values count for new ones, see RV(reconnect_required).
"""
