# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task did to a host, in lines for people: the roles print them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.registry_value import as_text
from ..core.user_names import revert_command
from ..posture.guest_access import GuestAccess, guest_access
from ..tables.settings import GUEST
from .cell import written
from .outcomes import Reverted
from .result import Outcome, changed_cells
from .stack import Entry, stamp

_OPEN_CONNECTIONS = "Connections that are open keep what they negotiated: reconnect them, or restart the host."


def did_write(*, check_mode: bool) -> str:
    """How a line about something that was written begins."""
    return "Check mode: would be written" if check_mode else "Written"


def nothing_to_change(host: str) -> str:
    """The line where every value was the desired one."""
    return f"Nothing to change on {host}."


def of_changes(outcome: Outcome, host: str, *, check_mode: bool) -> Iterator[str]:
    """Of a task that sets settings on `host`."""
    did = did_write(check_mode=check_mode)
    for change in outcome.plan.changes:
        after = as_text(written(change.cell, change.after).stored)
        yield f"{did}: {change.cell.location}: {as_text(change.before)} -> {after} ({change.cell.setting.name})"
    if outcome.prolonged and outcome.entry:
        did_move = "would move" if check_mode else "moved"
        former = stamp(outcome.former_end) if outcome.former_end else "never"
        new = stamp(outcome.entry.expires_at) if outcome.entry.expires_at else "never"
        yield f"The expiry of the change {outcome.entry.change_id} {did_move} from {former} to {new}."
    elif not outcome.plan.changes:
        yield nothing_to_change(host)
    yield from map(_beneath, outcome.beneath)
    if GUEST.name in outcome.after:
        yield access_line(guest_access(outcome.after), host, did=bool(outcome.plan.changes), check_mode=check_mode)
    if outcome.reconnect_required:
        yield _OPEN_CONNECTIONS
    yield from _left_out(outcome, host)
    yield from (f"Warning: {each}" for each in outcome.all_warnings())
    if outcome.entry:
        ends = f", which the host reverts at {stamp(outcome.entry.expires_at)}" if outcome.entry.expires_at else ""
        yield f"Change: {outcome.entry.change_id}{ends}"
        yield f"Revert it now: {revert_command(outcome.entry.change_id)}"


def access_line(access: GuestAccess, host: str, *, did: bool, check_mode: bool) -> str:
    """The verdict about a host. did: whether this run changed anything, or would, in check mode."""
    if access.verdict == "unknown":
        return f"Whether insecure guest logons work on {host} is not known."
    verb = "are" if not did else "would be" if check_mode else "are now"
    return f"Insecure guest logons on {host} {verb} {access.verdict}."


def _left_out(outcome: Outcome, host: str) -> Iterator[str]:
    """A line for each reason for which settings were left out."""
    for reason in dict.fromkeys(outcome.plan.left_out.values()):
        names = [name for name, why in outcome.plan.left_out.items() if why == reason]
        yield f"Left out on {host} ({reason}): {', '.join(names)}."


def _beneath(entry: Entry) -> str:
    settings = dict.fromkeys(part.cell.setting.name for part in entry.parts)
    ends = f", expires at {stamp(entry.expires_at)}" if entry.expires_at else ""
    return (
        f"It covers the change {entry.change_id} ({entry.reason or 'no reason'}{ends}). Reverting this one restores "
        f"what that change set{', unless it has expired by then' if ends else ''}: {', '.join(settings)}."
    )


def of_undoing(reverted: Reverted, host: str, *, check_mode: bool) -> Iterator[str]:
    """Of a task that reverts changes on `host`."""
    did = "Check mode: would be reverted" if check_mode else "Reverted"
    for undoing in reverted.undoings:
        entry = undoing.entry
        yield f"{did}: change {entry.change_id} of {stamp(entry.created_at)} ({entry.reason or 'no reason'})"
    if not reverted.undoings:
        yield f"Nothing to revert on {host}."
    rows = list(changed_cells(reverted))
    for cell, before, after in rows:
        yield f"  {cell.location}: {as_text(before.stored)} -> {as_text(after.stored)} ({cell.setting.name})"
    yield access_line(reverted.access, host, did=bool(reverted.undoings), check_mode=check_mode)
    yield reverted.access.advice
    if any(cell.setting.secure is not None for cell, _before, _after in rows):
        yield _OPEN_CONNECTIONS
