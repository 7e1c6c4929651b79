# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery: the next journaled run finishes what an interrupted run, or the host itself, left unfinished.

The caller holds the lock. Each change is dealt with for itself: one that cannot be recovered stays `failed` in the
journal, a warning says why, and the others are recovered all the same. Three kinds of changes need it:

    pending, reverting, failed  ->  completed where every value is the desired one, else rolled back or reverted
    expired by the host         ->  what the host recorded beside the lists is moved into them
    applied, past its end,      ->  reverted, because nothing on the host would do it any more
    and without a task
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ..core.errors import HostState, HostUnreachable, SmbGuestError, leaving
from ..core.stack import ChangeStatus
from ..windows.scheduled_task import task_exists
from .arming import refresh_tasks, remove_task
from .cell import Cell, CellValue, holds
from .journal import Host, JournalSnapshot, noted
from .journal_size import KEEP_ENDED
from .outcomes import Recovery
from .rollback import below_entry, restore
from .stack import Entry, Stack, stamp
from .write import Restoration, governors, read_places


def read_and_recover(
    host: Host, now: datetime, keep: int = KEEP_ENDED, *, reverting: Collection[str] = ()
) -> tuple[JournalSnapshot, Recovery]:
    """Read the journal, and recover what it says is unfinished. Without that: two requests.

    Args:
        host: the host, locked.
        now: the time by the host's clock.
        keep: how many ended changes the journal keeps.
        reverting: change_ids that the caller reverts anyway, and so completes the interrupted revert of.
    """
    with leaving(HostState.NOTHING_WRITTEN):
        marks, host.marks = host.marks, None
        snapshot = host.journal.read(marks)
        abandoned = _abandoned(host, snapshot, now)
        if abandoned:  # its task may have run, recorded that and removed itself since the journal was read
            snapshot = host.journal.marked(snapshot)
    if not (snapshot.unfinished or snapshot.unsettled or snapshot.unregistered or abandoned):
        return snapshot, Recovery()
    with leaving(None, "What an interrupted run or an expiry left was not recovered. Run again to do it."):
        return _recovered(host, snapshot, keep, {change_id.lower() for change_id in reverting}, abandoned)


def _abandoned(host: Host, snapshot: JournalSnapshot, now: datetime) -> frozenset[str]:
    """Changes past their end whose scheduled task is gone. A request for each change that is past its end.

    A task that is there is left to the host, which runs it as soon as it can.
    """
    return frozenset(
        entry.change_id
        for entry in snapshot.stack.standing
        if entry.is_past_its_end(now) and task_exists(host.session, entry.change_id) is False
    )


def _recovered(
    host: Host, snapshot: JournalSnapshot, keep: int, reverting: Collection[str], abandoned: Collection[str]
) -> tuple[JournalSnapshot, Recovery]:
    stack, warnings, changed = snapshot.stack, [], False
    for entry in _due(snapshot, abandoned):
        if entry.status is ChangeStatus.REVERTING and entry.change_id.lower() in reverting:
            continue
        try:
            with leaving(_state(changed)):
                ended, sentence, wrote = _finish(host, snapshot, stack, entry)
        except HostUnreachable:
            raise
        except SmbGuestError as error:
            ended, sentence = _failed(entry, str(error))
            wrote = error.changed
        stack = stack.with_(ended)
        warnings.append(sentence)
        changed = changed or wrote
    if snapshot.unfinished:  # which tasks the interrupted run had brought up to date is not known
        for entry in stack.standing:
            stack = stack.with_(replace(entry, registered_as=""))
    with leaving(_state(changed)):
        stack, late = refresh_tasks(host, stack)
        leftovers = list(_leftovers(host, snapshot))
        stuck = [change_id for change_id, _warning, is_there in leftovers if is_there]
        snapshot = host.journal.settle(
            replace(snapshot, stack=stack), keep=keep, keep_marks=bool(late), keep_marks_of=stuck
        )
    return snapshot, Recovery((*warnings, *late, *(warning for _id, warning, _there in leftovers)), changed)


def _due(snapshot: JournalSnapshot, abandoned: Collection[str]) -> list[Entry]:
    """What has to be finished, newest first: so each finds what lies below it as it was."""
    unfinished = {entry.change_id for entry in snapshot.unfinished}
    return [
        entry
        for entry in reversed(snapshot.stack.entries)
        if entry.change_id in unfinished or (entry.change_id in abandoned and entry.stands)
    ]


def _leftovers(host: Host, snapshot: JournalSnapshot) -> Iterator[tuple[str, str, bool]]:
    """Tasks of ended changes that are not known to be gone: the change, a warning, and whether its task is there.

    Where a host cannot tell, the user reads it once: it does answer for a task that is there, if it lists none either.
    """
    for change_id in snapshot.leftover_tasks:
        warning = remove_task(host, change_id)
        if warning:
            yield change_id, warning, task_exists(host.session, change_id) is True


def _finish(host: Host, snapshot: JournalSnapshot, stack: Stack, entry: Entry) -> tuple[Entry, str, bool]:
    """The entry as it ends, a sentence, and whether values were restored."""
    stack = host.journal.marked(replace(snapshot, stack=stack)).stack
    now = read_places(host.session, host.registry, [part.cell for part in entry.parts])
    governed = governors(host.registry, {part.cell.setting for part in entry.parts})
    standing = {
        part.cell
        for part in entry.parts
        if holds(part.cell, now[part.cell], part.wanted, governed=part.cell.setting.name in governed)
    }
    if entry.status is ChangeStatus.PENDING and len(standing) == len(entry.parts):
        # What a policy makes run is not what the change has left.
        left = {c: CellValue(held.stored) if c.setting.name in governed else held for c, held in now.items()}
        parts = tuple(replace(part, left=left[part.cell]) for part in entry.parts)
        done = noted(entry, ChangeStatus.APPLIED, "completed by the run after the interrupted one", parts=parts)
        return done, f"An interrupted run had made the change {entry.change_id}: it is recorded as applied now.", False
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
        return *_ended(host, entry, result, foreign), wrote


def _ended(host: Host, entry: Entry, result: Restoration, foreign: Sequence[str]) -> tuple[Entry, str]:
    """The entry as it ends, and a sentence."""
    if result.wrong:
        return _failed(entry, " ".join(result.wrong))
    kept = f"Kept, because somebody else has set it since: {', '.join(sorted(foreign))}." if foreign else ""
    warning = remove_task(host, entry.change_id) if entry.expires_at else None
    status, why, sentence = _recovered_as(entry)
    note = " ".join(filter(None, (f"{why}.", kept, result.warning)))
    return noted(entry, status, note), " ".join(filter(None, (sentence, kept, result.warning, warning)))


def _recovered_as(entry: Entry) -> tuple[ChangeStatus, str, str]:
    """How a recovered change ends: its status, a note for the journal, and a sentence for the user."""
    name = entry.change_id
    if entry.status is ChangeStatus.REVERTING:
        return (
            ChangeStatus.REVERTED,
            "its revert was interrupted, and completed by the next run",
            f"The revert of the change {name} had been interrupted: it was completed.",
        )
    if entry.status is ChangeStatus.APPLIED and entry.expires_at:
        return (
            ChangeStatus.REVERTED,
            "its end had passed and its scheduled task was gone; reverted by the next run",
            f"The scheduled task of the change {name}, due at {stamp(entry.expires_at)}, was gone: it was reverted.",
        )
    if any(part.left for part in entry.parts):  # it had been applied, and its expiry failed on the host
        return (
            ChangeStatus.REVERTED,
            "its expiry failed on the host; reverted by the next run",
            f"The expiry of the change {name} had failed on the host: it was reverted.",
        )
    return (
        ChangeStatus.ROLLED_BACK,
        "interrupted; rolled back by the next run",
        f"An interrupted run left the change {name}: it was rolled back.",
    )


def _failed(entry: Entry, why: str) -> tuple[Entry, str]:
    return (
        noted(entry, ChangeStatus.FAILED, f"interrupted, and could not be recovered: {why}"),
        f"The interrupted change {entry.change_id} could not be recovered: {why}",
    )


def _state(wrote: bool) -> HostState | None:
    return HostState.PARTLY_WRITTEN if wrote else None


def _differ(now: Mapping[Cell, CellValue], targets: Mapping[Cell, CellValue]) -> bool:
    return any(now[cell].stored != held.stored for cell, held in targets.items())
