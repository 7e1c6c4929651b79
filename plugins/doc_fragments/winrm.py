# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module needs of the control node and of the account on the host."""

from __future__ import annotations


class ModuleDocFragment:
    """What the conversation with the host needs, and what it leaves alone there."""

    DOCUMENTATION = r"""
attributes:
  become:
    description: Whether the module can be used with the C(become) keywords.
    support: none
    details: >-
      No process runs on the host. With C(become) set the module warns and uses the rights of C(ansible_user).
  connection:
    description: Which connection plugins the module works with.
    support: full
    details: >-
      P(ansible.builtin.winrm#connection), P(ansible.builtin.psrp#connection) and plugins derived from them. The module
      fails with any other.
  process:
    description: Whether the module starts a process on the host.
    support: none
    details: Everything is read and written by CIM over WinRM. No shell and no runspace is opened.
requirements:
  - >-
    On the control node: the Python package C(pywinrm) for P(ansible.builtin.winrm#connection), or C(pypsrp) for
    P(ansible.builtin.psrp#connection).
  - "On the host: a WinRM listener. Neither Python nor PowerShell is used."
notes:
  - C(ansible_user) must be an administrator of the host with full rights over the network. UAC removes these rights
    from local administrators other than the built-in one, unless C(LocalAccountTokenFilterPolicy) is C(1) on the host.
  - >-
    A message to the host may take three times the operation timeout of the connection (60 seconds unless set), and a
    task ten times as long. The variables C(winops_smb_guest_message_timeout) and C(winops_smb_guest_task_timeout)
    change this, in seconds.
"""
