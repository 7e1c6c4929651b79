# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change as a transaction: journal, set the expiry, write, verify; on any failure put all of it back.

Whatever ends the writing early, an interruption of the task and a mistake of ours included, is answered by putting
back what each cell held, and proving it. Order around the journal:

    journal `pending`  ->  own task  ->  writes  ->  read back  ->  tasks of other changes  ->  journal `applied`

A task of another change learns that it is covered only when the cover has been proved: before that, its own look at
the value protects the new change. Cut off anywhere, a host is either as it was, or has a `pending` entry from which
the next journaled run finishes or undoes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..core.errors import HostError, HostState, HostUnreachable, RequestError, SmbGuestError, leaving
from ..core.stack import ChangeStatus
from ..posture.state import States
from ..windows.scheduled_task import register_task
from .arming import refresh_tasks, remove_task
from .cell import Cell, CellValue, Change, seen
from .expiry import expiry_task, task_fingerprint
from .interruption import terminable, uninterrupted
from .journal import KEEP_ENDED, Host, JournalSnapshot, noted
from .process import Controller
from .rollback import asked, below_entry, below_found, restore
from .stack import ChangePart, Entry, Stack, stamp
from .write import Restoration, missing_keys, verify, write


@dataclass(frozen=True)
class ChangeTerms:
    """What a task asks of the journal. A change is journaled when it asks for anything but `keep_ended`."""

    change_id: str | None = None
    reason: str = ""
    expires_in: timedelta | None = None
    keep_ended: int = KEEP_ENDED

    @property
    def journaled(self) -> bool:
        return bool(self.change_id or self.reason or self.expires_in)


@dataclass(frozen=True)
class Done:
    """What a change gave. after: what the host holds. entry: the journal's record."""

    after: States
    entry: Entry | None = None
    warnings: tuple[str, ...] = ()


def carry_out(host: Host, changes: Sequence[Change], before: States, observe: Callable[[], States]) -> Done:
    """Write without a journal. What was written is put back when anything fails."""
    found = _found(changes, before)
    with leaving(HostState.NOTHING_WRITTEN):
        made = missing_keys(host.registry, [cell for cell, held in found.items() if held.stored is None])
    with terminable():
        try:
            return Done(_write(host, changes, before, observe))
        except BaseException as error:
            raise _rolled_back(host, found, made, error) from error


def carry_out_journaled(
    host: Host,
    snapshot: JournalSnapshot,
    terms: ChangeTerms,
    now: datetime,
    changes: Sequence[Change],
    before: States,
    observe: Callable[[], States],
) -> Done:
    """Write with a journal entry before the first write, and an expiry if the terms ask for one. Holds the host."""
    found = _found(changes, before)
    with leaving(HostState.NOTHING_WRITTEN):
        made = missing_keys(host.registry, [cell for cell, held in found.items() if held.stored is None])
    entry, task = prepare(snapshot, terms, now, changes, before, made)
    stack = _without_former(snapshot.stack, entry)
    try:
        host.journal.forget_marks(entry.change_id, snapshot)
        # A former change of this name goes from the list of ended ones too: found in both, it would have ended.
        renamed = len(stack.entries) < len(snapshot.stack.entries)
        host.journal.write(snapshot, stack.with_(entry), keep=terms.keep_ended, ended=renamed)
        if task:
            register_task(host.session, entry.change_id, task)
            entry = replace(entry, registered_as=task_fingerprint(task))
        after = _write(host, changes, before, observe)
        if task:
            _refuse_if_expired(host, entry)
    except BaseException as error:
        raise _rolled_back(host, found, made, error, _Record(snapshot, stack, entry, terms.keep_ended)) from error
    try:
        parts = tuple(replace(part, left=seen(part.cell, after[part.cell.setting.name])) for part in entry.parts)
        stack, warnings = refresh_tasks(host, stack.with_(replace(entry, status=ChangeStatus.APPLIED, parts=parts)))
        host.journal.write(snapshot, stack)
    except BaseException as error:
        raise _unsigned(entry, error) from error
    return Done(after, stack.get(entry.change_id), warnings)


def prepare(
    snapshot: JournalSnapshot,
    terms: ChangeTerms,
    now: datetime,
    changes: Sequence[Change],
    before: States,
    made: Sequence[str] = (),
) -> tuple[Entry, str | None]:
    """The entry for a change and the text of its task. Raises RequestError for what cannot be journaled so."""
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
        controller=Controller.here(),
    )
    return entry, expiry_task(stack.with_(entry), entry) if entry.expires_at else None


def prolong(host: Host, snapshot: JournalSnapshot, entry: Entry, now: datetime, expires_in: timedelta) -> Done:
    """Give a change that stands another end. Journaled first: interrupted, the next run registers it."""
    lasts = int(expires_in.total_seconds())
    stack = snapshot.stack.with_(replace(entry, expires_at=now + expires_in, lasts=lasts, registered_as=""))
    host.journal.write(snapshot, stack)
    stack, warnings = refresh_tasks(host, stack)
    if warnings:
        host.journal.write(snapshot, snapshot.stack.with_(replace(entry, registered_as="")))
        raise HostError(" ".join(warnings))
    host.journal.write(snapshot, stack)
    return Done({}, stack.get(entry.change_id))


def new_change_id(now: datetime) -> str:
    """A name that sorts by time and that no other run chooses."""
    return f"{stamp(now).replace('-', '').replace(':', '')}-{secrets.token_hex(3)}"


def _found(changes: Sequence[Change], before: States) -> dict[Cell, CellValue]:
    return {change.cell: seen(change.cell, before[change.cell.setting.name]) for change in changes}


def _without_former(stack: Stack, entry: Entry) -> Stack:
    """A change that was rolled back gives its name away, so that a fixed change_id survives a failed run."""
    former = stack.get(entry.change_id)
    return Stack(tuple(other for other in stack.entries if other is not former))


def _write(host: Host, changes: Sequence[Change], before: States, observe: Callable[[], States]) -> States:
    write(host.session, host.registry, changes, before)
    after = observe()
    verify(changes, after)
    return after


@dataclass(frozen=True)
class _Record:
    """The journal's side of a change that failed."""

    snapshot: JournalSnapshot
    stack: Stack
    entry: Entry
    keep_ended: int


def _refuse_if_expired(host: Host, entry: Entry) -> None:
    """The host may have ended the change while it was being written: then no task is left that could end it again."""
    if any(mark.change_id.lower() == entry.change_id.lower() for mark in host.journal.marks()):
        raise HostError(
            f"The change {entry.change_id} expired while it was being written. Use a longer expires_in, or run again."
        )


def _rolled_back(
    host: Host,
    found: Mapping[Cell, CellValue],
    made: Sequence[str],
    error: BaseException,
    record: _Record | None = None,
) -> BaseException:
    """Put everything back after `error`; gives what to raise, which says how that went."""
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
                f"Undoing it failed as well: {' '.join(result.wrong)}",
                f"The host may hold some of the new values: {', '.join(cell.location for cell in found)}.",
            ]
        try:
            remarks += _recorded(host, record, result, error) if record else ()
        except SmbGuestError as second:
            remarks.append(f"The journal could not be closed: {second} The next journaled run does that.")
    return _left(error, state, *remarks, result.warning)


def _recorded(host: Host, record: _Record, result: Restoration, error: BaseException) -> list[str]:
    """Close the journal of a change that failed; gives what the user must know of it."""
    entry = record.entry
    if result.wrong:
        failed = noted(entry, ChangeStatus.FAILED, f"failed, and undoing it failed: {' '.join(result.wrong)}")
        host.journal.write(record.snapshot, record.stack.with_(failed))
        return [f"The change {entry.change_id} is journaled: the next journaled run undoes it."]
    host.journal.forget_marks(entry.change_id, replace(record.snapshot, marks=host.journal.marks()))
    left = remove_task(host, entry.change_id) if entry.expires_at else None
    gone = noted(entry, ChangeStatus.ROLLED_BACK, f"failed and restored: {error}")
    host.journal.write(record.snapshot, record.stack.with_(gone), keep=record.keep_ended, ended=True)
    return [left] if left else []


def _unsigned(entry: Entry, error: BaseException) -> BaseException:
    """The change stands, and its entry could not be completed."""
    remark = f"The journal of the change {entry.change_id} could not be closed. The next journaled run closes it."
    return _left(error, HostState.CHANGED, remark)


def _left(error: BaseException, state: HostState, *remarks: str) -> BaseException:
    """What to raise: our own errors carry what the host holds, an interruption stays what it is and notes it."""
    if not isinstance(error, Exception):
        error.add_note(" ".join(filter(None, (state.value, *remarks))))
        return error
    ours = error if isinstance(error, SmbGuestError) else None
    if ours is None:
        ours = HostError(f"A bug in winops.smb_guest: {type(error).__name__}: {error}.")
    elif isinstance(ours, HostUnreachable):
        # The task failed with the host half-way or restored: Ansible must not treat it as if it had never begun.
        ours = HostError(str(error), kind=ours.kind, remarks=ours.remarks)
    ours.host_state = state
    ours.remark(*remarks)
    return ours
