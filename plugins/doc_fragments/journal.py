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
      - The name of the change in the journal of the host, by which M(winops.smb_guest.revert_change) undoes it.
      - 1 to 64 letters, digits, dots, underscores and hyphens, with a letter or digit first, no dot last, and no name
        of a device such as V(NUL) or V(COM1), which Windows cannot store.
      - Without it one is made from the time, see RV(change_id).
      - A name that the journal of the host has already, in whatever case, is an error if there is something to change,
        unless that change was rolled back.
    type: str
  reason:
    description:
      - Why the change is made. It is kept in the journal, where every administrator of the host can read it.
      - One printable line of at most 1000 characters. White space around it is removed, and spaces of any language are
        plain ones.
    type: str
  expires_in:
    description:
      - How long the change is to last, such as V(30m), V(8h), V(3d) or V(2w), at most 366 days, by the host's clock.
      - A scheduled task on the host then restores what lies beneath the change, as C(SYSTEM), also if the control node
        never comes back. If the host is off at that time, it does so when it is on again.
      - A value that somebody else has changed since is left as it is.
      - It counts from the change. Where nothing is to be changed, a change that stands by the same O(change_id) gets
        this as its new end; without such a one it has no effect, and a warning says so.
    type: str
  keep_ended:
    description:
      - How many ended changes the journal keeps. The oldest go first, never one that is needed to undo another.
    type: int
    default: 50
notes:
  - With any of O(change_id), O(reason) and O(expires_in) a change is journaled on the host, below
    C(HKLM\SOFTWARE\winops\smb_guest), before the first write. It is the only journaled one under way there, and
    M(winops.smb_guest.revert_change) can undo it. Without them it leaves no record, and does not look for others.
  - If a write fails, everything that the change wrote is put back and checked, journaled or not. What a run that was
    cut off has left is finished or undone by the next journaled run, with a warning.
"""
