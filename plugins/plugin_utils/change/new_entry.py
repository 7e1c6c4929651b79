# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal's entry of a change that is about to be made, or whose end is about to be moved. Pure.

Whatever a change would make impossible is refused here, before its first write: a name that is taken, and an expiry,
its own or that of a change below, which no scheduled task could carry out any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ..core.errors import RequestError
from ..core.stack import ChangeStatus
from ..posture.state import States
from .cell import Change, seen
from .expiry import expiry_task
from .journal import JournalSnapshot
from .journal_format import standing_line
from .journal_size import refuse_if_full
from .process import ControlNode
from .request import ChangeTerms
from .stack import ChangePart, Entry, Stack, stamp


def new_entry(
    snapshot: JournalSnapshot,
    terms: ChangeTerms,
    now: datetime,
    changes: Sequence[Change],
    before: States,
    made: Sequence[str] = (),
) -> Entry:
    """The entry for a change, `pending`.

    Args:
        snapshot: the journal.
        terms: what the task asks of it.
        now: by the host's clock.
        changes: what will be written.
        before: the states of all settings concerned.
        made: policy keys that the change makes, deepest first.

    Raises RequestError for what cannot be journaled so, or cannot expire.
    """
    stack = snapshot.stack
    change_id = terms.change_id or new_change_id(now)
    former = stack.get(change_id)
    if former is not None and former.status is not ChangeStatus.ROLLED_BACK:
        raise RequestError(
            f"The journal of this host has a change {former.change_id} already ({former.status.value}). Choose another "
            "change_id, or leave it out to have one made."
        )
    parts = []
    for change in changes:
        held = seen(change.cell, before[change.cell.setting.name])
        parts.append(ChangePart(change.cell, held, change.after, over=stack.over(change.cell, held)))
    entry = Entry(
        seq=stack.next_seq,
        change_id=change_id,
        status=ChangeStatus.PENDING,
        reason=terms.reason,
        created_at=now,
        expires_at=now + terms.expires_in if terms.expires_in else None,
        lasts=int(terms.expires_in.total_seconds()) if terms.expires_in else 0,
        parts=tuple(parts),
        made_keys=stack.made_keys([part.cell for part in parts if not part.cell.is_local], made),
        controller=ControlNode.here(),
    )
    after = without_former(stack, entry).with_(entry)
    check_expiries(stack, after)
    lines = [*(line for _where, line in snapshot.unread), *map(standing_line, after.standing)]
    refuse_if_full(lines, [each.change_id for each in stack.standing])
    return entry


def moved_end(stack: Stack, entry: Entry, now: datetime, lasts: timedelta) -> Stack:
    """The stack with another end for a change that stands. Raises RequestError for what cannot expire."""
    seconds = int(lasts.total_seconds())
    moved = stack.with_(replace(entry, expires_at=now + lasts, lasts=seconds, registered_as=""))
    check_expiries(stack, moved)
    return moved


def check_expiries(before: Stack, after: Stack) -> None:
    """Refuse what leaves a change without a task that can end it. Raises RequestError.

    A change that lies over others makes their tasks longer, and a task has limits. What could not expire before is no
    reason to refuse anything.
    """
    for entry in after.standing:
        if entry.expires_at is None:
            continue
        try:
            expiry_task(after, entry)
        except RequestError as error:
            former = before.get(entry.change_id)
            if former is None or former.expires_at is None or _can_expire(before, former):
                of_another = f"The change {entry.change_id} could not expire any more: " if former else ""
                raise RequestError(f"{of_another}{error}", kind=error.kind, subject=entry.change_id) from error


def _can_expire(stack: Stack, entry: Entry) -> bool:
    try:
        expiry_task(stack, entry)
    except RequestError:
        return False
    return True


def new_change_id(now: datetime) -> str:
    """A name that sorts by time and that no other run chooses."""
    return f"{stamp(now).replace('-', '').replace(':', '')}-{secrets.token_hex(3)}"


def without_former(stack: Stack, entry: Entry) -> Stack:
    """A change that was rolled back gives its name away, so that a fixed change_id survives a failed run."""
    former = stack.get(entry.change_id)
    return Stack(tuple(other for other in stack.entries if other is not former))
