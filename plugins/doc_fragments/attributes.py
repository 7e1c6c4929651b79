# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module of the collection supports, and what those that change settings do."""

from __future__ import annotations


class ModuleDocFragment:
    """All modules; CHANGES for those that change settings, FACTS and INFO for those that only read."""

    DOCUMENTATION = r"""
attributes:
  action:
    description: Whether an action plugin does the work on the control node.
    support: full
    details: All of it. Nothing is copied to the host, which needs neither Python nor PowerShell.
  async:
    description: Whether the module can be used with the C(async) keyword.
    support: none
  platform:
    description: Operating systems that the module manages.
    support: full
    platforms: windows
"""

    CHANGES = r"""
attributes:
  action_group:
    description: >-
      Use C(group/winops.smb_guest.smb_guest) in C(module_defaults) for the options that all modules of the group have,
      such as O(scope), O(managed), O(reason) and O(expires_in).
    support: full
    membership:
      - winops.smb_guest.smb_guest
  check_mode:
    description: Whether the module predicts its changes in check mode.
    support: full
    details: The task reads the host and writes nothing. RV(after) is the prediction.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: full
"""

    INFO = r"""
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: It only reads.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: N/A
    details: It changes nothing.
"""

    FACTS = r"""
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: It only reads.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: N/A
    details: It changes nothing.
  facts:
    description: Whether the module returns C(ansible_facts).
    support: full
"""
