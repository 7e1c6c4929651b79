# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change as a transaction: journal, register the expiry, write, verify; on any failure roll all of it back.

Whatever ends the writing early, an interruption of the task and a bug of ours included, is answered by restoring what
lies below each cell, and proving it. Order around the journal:

    journal `pending`  ->  own task  ->  writes  ->  read back  ->  tasks of other changes  ->  journal `applied`

A task of another change learns that it is covered only when the cover has been proved: before that, its own look at
the value protects the new change. Interrupted anywhere, a host is either as it was, or has a `pending` entry that the
next journaled run completes or rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..core.errors import HostState, SmbGuestError, leaving
from ..core.stack import ChangeStatus
from ..posture.state import States
from .arming import arm, refresh_tasks, refuse_if_expired, remove_task
from .cell import Cell, CellValue, Change, seen
from .interruption import explained, terminable, uninterrupted
from .journal import Host, JournalSnapshot, noted
from .journal_size import advice, is_too_large
from .new_entry import new_entry, without_former
from .outcomes import Done
from .request import ChangeTerms
from .rollback import asked, below_entry, below_found, restore
from .stack import Entry, Stack
from .write import Restoration, missing_keys, verify, write

Look = Callable[[Sequence[Change]], States]
"""What a host holds after changes that were just written."""


def carry_out(host: Host, changes: Sequence[Change], before: States, look: Look) -> Done:
    """Write without a journal. What was written is rolled back when anything fails."""
    found = _found(changes, before)
    with leaving(HostState.NOTHING_WRITTEN):
        made = missing_keys(host.registry, [cell for cell, held in found.items() if held.stored is None])
    with terminable():
        try:
            return Done(_write(host, changes, before, look, made))
        except BaseException as error:
            raise _rolled_back(host, found, made, error) from error


def carry_out_journaled(
    host: Host,
    snapshot: JournalSnapshot,
    terms: ChangeTerms,
    now: datetime,
    changes: Sequence[Change],
    before: States,
    look: Look,
) -> Done:
    """Write with a journal entry before the first write, and an expiry if the terms ask for one. The host is locked."""
    found = _found(changes, before)
    with leaving(HostState.NOTHING_WRITTEN):
        made = missing_keys(host.registry, [cell for cell, held in found.items() if held.stored is None])
    entry = new_entry(snapshot, terms, now, changes, before, made)
    stack = without_former(snapshot.stack, entry)
    try:
        host.journal.forget_marks(entry.change_id, snapshot)
        # A former change of this name goes from the list of ended ones too: found in both, it would have ended.
        renamed = len(stack.entries) < len(snapshot.stack.entries)
        _begin(host, snapshot, stack.with_(entry), keep=terms.keep_ended, ended=renamed)
        if entry.expires_at:
            entry = replace(entry, registered_as=arm(host, stack.with_(entry), entry))
        after = _write(host, changes, before, look, made)
        if entry.expires_at:
            refuse_if_expired(host, entry, "it was being written")
    except BaseException as error:
        raise _rolled_back(host, found, made, error, _Record(snapshot, stack, entry, terms.keep_ended)) from error
    try:
        parts = tuple(replace(part, left=seen(part.cell, after[part.cell.setting.name])) for part in entry.parts)
        stack, warnings = refresh_tasks(host, stack.with_(replace(entry, status=ChangeStatus.APPLIED, parts=parts)))
        host.journal.write(snapshot, stack)
    except BaseException as error:
        raise _unsigned(entry, error) from error
    return Done(after, stack.get(entry.change_id), warnings)


def _begin(host: Host, snapshot: JournalSnapshot, stack: Stack, *, keep: int, ended: bool) -> None:
    """Journal a change before its first write. A host whose limit is lower than that of Windows refuses it here."""
    try:
        host.journal.write(snapshot, stack, keep=keep, ended=ended)
    except SmbGuestError as error:
        if is_too_large(error):
            error.remark(advice([entry.change_id for entry in snapshot.stack.standing]))
        raise


def _found(changes: Sequence[Change], before: States) -> dict[Cell, CellValue]:
    return {change.cell: seen(change.cell, before[change.cell.setting.name]) for change in changes}


def _write(host: Host, changes: Sequence[Change], before: States, look: Look, missing: Sequence[str]) -> States:
    write(host.session, host.registry, changes, before, missing)
    after = look(changes)
    verify(changes, after)
    return after


@dataclass(frozen=True)
class _Record:
    """The journal's side of a change that failed."""

    snapshot: JournalSnapshot
    stack: Stack
    entry: Entry
    keep_ended: int


def _rolled_back(
    host: Host,
    found: Mapping[Cell, CellValue],
    made: Sequence[str],
    error: BaseException,
    record: _Record | None = None,
) -> BaseException:
    """Roll everything back after `error`; gives what to raise, which says how that went."""
    with uninterrupted():
        host.session.reset()  # an interruption leaves half an exchange on the line
        try:

            def below() -> Mapping[Cell, CellValue]:
                if record is None:
                    return below_found(host, found)
                return below_entry(host, record.snapshot, record.stack, record.entry, list(found))

            result = restore(host, asked(below, found), below, made)
        except SmbGuestError as second:
            result = Restoration((str(second),), ())
        state, remarks = HostState.RESTORED, []
        if result.wrong:
            state = HostState.PARTLY_WRITTEN
            remarks += [
                f"The rollback failed as well: {' '.join(result.wrong)}",
                f"The host may hold some of the new values: {', '.join(cell.location for cell in found)}.",
            ]
        try:
            remarks += _recorded(host, record, result, error) if record else ()
        except SmbGuestError as second:
            remarks.append(f"The journal could not be completed: {second} The next journaled run does that.")
    return explained(error, state, *remarks, result.warning)


def _recorded(host: Host, record: _Record, result: Restoration, error: BaseException) -> list[str]:
    """Complete the journal of a change that failed; gives what the user must know of it."""
    entry = record.entry
    if result.wrong:
        failed = noted(entry, ChangeStatus.FAILED, f"failed, and its rollback failed: {' '.join(result.wrong)}")
        host.journal.write(record.snapshot, record.stack.with_(failed))
        return [f"The change {entry.change_id} is journaled: the next journaled run rolls it back."]
    host.journal.forget_marks(entry.change_id, replace(record.snapshot, marks=host.journal.marks()))
    left = remove_task(host, entry.change_id) if entry.expires_at else None
    gone = noted(entry, ChangeStatus.ROLLED_BACK, f"failed and restored: {error}")
    host.journal.write(record.snapshot, record.stack.with_(gone), keep=record.keep_ended, ended=True)
    return [left] if left else []


def _unsigned(entry: Entry, error: BaseException) -> BaseException:
    """The change stands, and its entry could not be completed."""
    remark = f"The journal of the change {entry.change_id} could not be completed. The next journaled run does that."
    return explained(error, HostState.CHANGED, remark)
