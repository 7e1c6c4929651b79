# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that changes settings: the journal on the host, and the end of a change."""

from __future__ import annotations


class ModuleDocFragment:
    """`change_id`, `reason` and `expires_in`: any of them makes the change a journaled one."""

    DOCUMENTATION = r"""
options:
  change_id:
    description:
      - The name of the change in the journal of the host, by which M(winops.smb_guest.revert_change) undoes it.
      - 1 to 64 letters, digits, dots, underscores and hyphens, with a letter or digit first.
      - Without it one is made from the time, see RV(change_id).
      - A name that the journal of the host has already, in whatever case, is an error if there is something to change.
    type: str
  reason:
    description:
      - Why the change is made. It is kept in the journal, where every administrator of the host can read it.
      - One printable line of at most 1000 characters.
    type: str
  expires_in:
    description:
      - How long the change is to last, such as V(30m), V(8h), V(3d) or V(2w), at most 366 days, by the host's clock.
      - A scheduled task on the host then restores what the change found, as C(SYSTEM), also if the control node never
        comes back. If the host is off at that time, it does so when it is on again.
      - It counts from the change. Where nothing is to be changed, no expiry is set, and that of an earlier change stays
        as it is.
    type: str
notes:
  - With any of O(change_id), O(reason) and O(expires_in) a change is journaled on the host, below
    C(HKLM\SOFTWARE\winops\smb_guest), before the first write. It is the only journaled one under way there, and
    M(winops.smb_guest.revert_change) can undo it. Without them it leaves no record, and does not look for others.
  - If a write fails, everything that the change wrote is put back and checked, journaled or not. What a run that was
    cut off has left is finished or undone by the next journaled run, with a warning.
"""
