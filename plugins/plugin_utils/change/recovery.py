# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done about changes that a run left half-way, and about ends that the host has carried out by itself.

The caller holds the host. What cannot be finished is said, stays in the journal as such, and keeps no later change
from its due.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ..core.errors import HostState, HostUnreachable, SmbGuestError, leaving
from ..core.stack import ChangeStatus
from ..windows.scheduled_task import delete_task
from .arming import refresh_tasks
from .cell import Cell, CellValue, holds
from .journal import KEEP_ENDED, Host, JournalSnapshot, noted
from .outcomes import Recovery
from .rollback import below_entry, restore
from .stack import Entry, Stack
from .write import Restoration, governors, read_places


def read_and_recover(
    host: Host, keep: int = KEEP_ENDED, *, reverting: Collection[str] = ()
) -> tuple[JournalSnapshot, Recovery]:
    """The journal, once what runs that were cut off have left is finished or undone, and what the host itself has ended
    is taken over.

    Args:
        host: the host, locked.
        keep: how many ended changes the journal keeps.
        reverting: change_ids that the caller reverts anyway, and so finishes the interrupted revert of.
    """
    with leaving(HostState.NOTHING_WRITTEN):
        snapshot = host.journal.read()
    if not (snapshot.unfinished or snapshot.unsettled):
        return snapshot, Recovery()
    with leaving(None, "What an interrupted run or an expiry left is not dealt with yet: run again to do it."):
        return _tidied(host, snapshot, keep, {change_id.lower() for change_id in reverting})


def _tidied(
    host: Host, snapshot: JournalSnapshot, keep: int, reverting: Collection[str]
) -> tuple[JournalSnapshot, Recovery]:
    stack, told, changed = snapshot.stack, [], False
    for entry in reversed(snapshot.unfinished):
        if entry.status is ChangeStatus.REVERTING and entry.change_id.lower() in reverting:
            continue
        try:
            with leaving(_state(changed)):
                ended, sentence, wrote = _finish(host, snapshot, stack, entry)
        except HostUnreachable:
            raise
        except SmbGuestError as error:
            ended = noted(entry, ChangeStatus.FAILED, f"cut off, and could not be undone: {error}")
            sentence = f"The change {entry.change_id} of a run that was cut off could not be undone: {error}"
            wrote = error.changed
        stack = stack.with_(ended)
        told.append(sentence)
        changed = changed or wrote
    if snapshot.unfinished:  # which tasks that run had brought up to date is not known
        for entry in stack.standing:
            stack = stack.with_(replace(entry, registered_as=""))
    with leaving(_state(changed)):
        stack, late = refresh_tasks(host, stack)
        snapshot = host.journal.settle(replace(snapshot, stack=stack), keep=keep, keep_marks=bool(late))
    return snapshot, Recovery((*told, *late), changed)


def _finish(host: Host, snapshot: JournalSnapshot, stack: Stack, entry: Entry) -> tuple[Entry, str, bool]:
    """The entry as it ends, a sentence, and whether settings were put back."""
    stack = host.journal.marked(replace(snapshot, stack=stack)).stack
    now = read_places(host.session, host.registry, [part.cell for part in entry.parts])
    governed = governors(host.registry, {part.cell.setting for part in entry.parts})
    standing = {
        part.cell
        for part in entry.parts
        if holds(part.cell, now[part.cell], part.wanted, governed=part.cell.setting.name in governed)
    }
    if entry.status is ChangeStatus.PENDING and len(standing) == len(entry.parts):
        parts = tuple(replace(part, left=now[part.cell]) for part in entry.parts)
        done = noted(entry, ChangeStatus.APPLIED, "completed by the run after the one that was cut off", parts=parts)
        return done, f"A run that was cut off had completed the change {entry.change_id}; it was signed off.", False
    targets, foreign = {}, []
    for part in entry.parts:
        if stack.covers(entry, part.cell):
            continue
        below = stack.below(entry, part.cell)
        if part.cell in standing or stack.is_own(entry, part.cell, now[part.cell]):
            targets[part.cell] = below
        else:
            foreign.append(str(part.cell))
    wrote = _differ(now, targets)
    with leaving(_state(wrote)):
        result = restore(
            host, targets, lambda: below_entry(host, snapshot, stack, entry, list(targets)), entry.made_keys, now=now
        )
        return *_undone(host, entry, result, foreign), wrote


def _undone(host: Host, entry: Entry, result: Restoration, foreign: Sequence[str]) -> tuple[Entry, str]:
    """The entry as it ends, and a sentence."""
    left = f" Left as somebody else set it since: {', '.join(sorted(foreign))}." if foreign else ""
    if result.wrong:
        why = " ".join(result.wrong)
        failed = noted(entry, ChangeStatus.FAILED, f"cut off, and could not be undone: {why}")
        return failed, f"The change {entry.change_id} of a run that was cut off could not be undone: {why}"
    task = delete_task(host.session, entry.change_id) if entry.expires_at else None
    undone = " ".join(filter(None, (f"undone by the next run.{left}", result.told)))
    told = " ".join(filter(None, (f"it was undone.{left}", result.told, task)))
    if entry.status is ChangeStatus.REVERTING:
        ended = noted(entry, ChangeStatus.REVERTED, f"its revert was interrupted; {undone}")
        return ended, f"The revert of the change {entry.change_id} had been interrupted; {told}"
    if any(part.left for part in entry.parts):  # it stood, and its end failed on the host
        ended = noted(entry, ChangeStatus.REVERTED, f"its end failed on the host; {undone}")
        return ended, f"The end of the change {entry.change_id} had failed on the host; {told}"
    ended = noted(entry, ChangeStatus.ROLLED_BACK, f"cut off; {undone}")
    return ended, f"A run cut off in the middle left the change {entry.change_id}; {told}"


def _state(wrote: bool) -> HostState | None:
    return HostState.PARTLY_WRITTEN if wrote else None


def _differ(now: Mapping[Cell, CellValue], targets: Mapping[Cell, CellValue]) -> bool:
    return any(now[cell].stored != held.stored for cell, held in targets.items())
