# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that changes settings: the journal on the host, and the end of a change."""

from __future__ import annotations


class ModuleDocFragment:
    """`change_id`, `reason` and `expires_in`: any of them makes a change a journaled one. Empty is an error."""

    DOCUMENTATION = r"""
options:
  change_id:
    description:
      - The name of the change in the journal of the host. M(winops.smb_guest.revert_change) reverts the change by it.
      - 1 to 64 letters, digits, dots, underscores and hyphens. The first is a letter or digit, the last is no dot.
        Names of devices such as V(NUL) or V(COM1) are refused, because Windows cannot store them.
      - Without it a name is made from the time, see RV(change_id).
      - The task fails if the journal already has this name, in upper or lower case, and there is something to change.
        The name of a change that was rolled back is free.
    type: str
  reason:
    description:
      - Why the change is made. The journal keeps it, and every user of the host can read it there. Do not put secrets
        into it.
      - One printable line of at most 1000 characters. White space around it is removed, and spaces of any language
        become plain ones.
    type: str
  expires_in:
    description:
      - How long the change lasts, such as V(30m), V(8h), V(3d) or V(2w), at most 366 days, by the host's clock.
      - A scheduled task on the host then reverts the change, as C(SYSTEM). It does not need the control node. If the
        host is off at that time, the task runs when it is on again.
      - The scheduled task keeps a value that somebody else has changed since.
      - The time counts from the change. If nothing is to be changed, a standing change with the same O(change_id) gets
        the new expiry. Without such a change the option has no effect, and the task warns.
    type: str
  keep_ended:
    description:
      - How many ended changes the journal keeps. The oldest are removed first, but never one that a revert still
        needs.
    type: int
    default: 50
notes:
  - With any of O(change_id), O(reason) and O(expires_in) the change is journaled on the host before the first write,
    below C(HKLM\SOFTWARE\winops\smb_guest). M(winops.smb_guest.revert_change) can revert it. Only one journaled run
    at a time changes a host. Without these options the change leaves no record, and does not check for other runs.
  - If a write fails, the task rolls back everything that it wrote and verifies it, journaled or not. The next journaled
    run completes or reverts the change of an interrupted run, and warns.
"""
