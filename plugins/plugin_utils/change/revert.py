# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undo journaled changes exactly: every value, its type, and its absence.

What a change covers is uncovered, what covers it stays. Before the first write the tasks of the changes beneath learn
that they will be on top again: too early is harmless, because a task writes only where a cell holds what its own
change left; too late would leave an opening without an end. An undoing that is cut off has left the mark `reverting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..core.errors import HostError, HostState, RequestError, SmbGuestError, leaving
from ..core.stack import ChangeStatus
from ..posture.guest_access import GuestAccess, guest_access
from ..posture.observe import Depth, observe
from ..posture.state import judge_all
from ..tables.os_defaults import NOT_KNOWN
from ..tables.settings import GUEST, GUEST_BLOCKERS, SETTINGS
from ..windows.scheduled_task import delete_task
from .arming import refresh_tasks
from .cell import Cell, CellValue
from .interruption import noting, uninterrupted
from .journal import KEEP_ENDED, Host, JournalSnapshot, noted
from .lock import locked
from .outcomes import Reverted, Undoing
from .recovery import read_and_recover
from .stack import Entry, Stack
from .write import Restoration, read_places, write_back


@dataclass(frozen=True)
class Selection:
    """Which changes to undo: one by its id, the latest that still stands, those that wait for their expiry, or all.

    Exactly one. changed_nothing: the task passed on the empty change_id of a task that changed nothing.
    """

    change_id: str | None = None
    latest: bool = False
    expiring: bool = False
    every: bool = False


def revert(host: Host, selection: Selection, *, force: bool, check_mode: bool, keep: int = KEEP_ENDED) -> Reverted:
    """Undo the selected changes, newest first. Raises RequestError where somebody changed a value since (not forced).

    A change that was undone already is no error and no change.
    """
    with leaving(HostState.NOTHING_WRITTEN):
        snapshot = host.journal.read()
        selected = _select(snapshot.stack, selection)
    if check_mode or not selected:
        with leaving(HostState.NOTHING_WRITTEN):
            planned = _plan(host, snapshot.stack, selected, force=force)
        return Reverted(
            _access(host), planned, (*snapshot.damaged, *(told for undoing in planned for told in _covering(undoing)))
        )
    with locked(host):
        snapshot, recovery = read_and_recover(host, keep, reverting=[entry.change_id for entry in selected])
        with leaving(HostState.NOTHING_WRITTEN):
            undoings = _plan(host, snapshot.stack, _select(snapshot.stack, selection), force=force)
        done: list[Undoing] = []
        told = []
        for undoing in undoings:
            with leaving(
                HostState.PARTLY_WRITTEN, "Some values may have been restored already: run it again to finish."
            ):
                snapshot, undone, sentences = _undo(host, snapshot, undoing, keep)
            done.append(undone)
            told += sentences
    with leaving(HostState.PARTLY_WRITTEN if done else None, "The changes were reverted before that."):
        return Reverted(_access(host), tuple(done), (*snapshot.damaged, *told), recovery)


def _access(host: Host) -> GuestAccess:
    """By what runs: one request."""
    depths = dict.fromkeys((GUEST, *GUEST_BLOCKERS), Depth.RUNNING)
    observation = observe(host.session, host.registry, depths)
    return guest_access(judge_all(observation, SETTINGS, lambda _setting: NOT_KNOWN))


def _select(stack: Stack, selection: Selection) -> list[Entry]:
    """The changes to undo, newest first; none where nothing is left to undo."""
    if selection.change_id is not None:
        entry = stack.get(selection.change_id)
        if entry is None:
            known = ", ".join(entry.change_id for entry in stack.entries) or "none"
            raise RequestError(f"This host's journal has no change {selection.change_id}. It has: {known}.")
        return [entry] if entry.stands else []
    standing = list(reversed(stack.standing))
    if selection.latest:
        return standing[:1]
    if selection.expiring:
        return [entry for entry in standing if entry.expires_at]
    if selection.every:
        return standing
    raise AssertionError("an empty selection is no selection")


def _plan(host: Host, stack: Stack, entries: Sequence[Entry], *, force: bool) -> tuple[Undoing, ...]:
    """What undoing will write, seen from what the host holds now."""
    cells = list(dict.fromkeys(part.cell for entry in entries for part in entry.parts))
    now = read_places(host.session, host.registry, cells) if cells else {}
    planned = []
    for entry in entries:
        covered = tuple(part.cell for part in entry.parts if stack.covers(entry, part.cell))
        targets = {part.cell: stack.below(entry, part.cell) for part in entry.parts if part.cell not in covered}
        if not force:
            _refuse_foreign(stack, entry, targets, now)
        planned.append(Undoing(entry, {cell: now[cell] for cell in targets}, targets, covered))
        now = {**now, **targets}
        stack = stack.with_(replace(entry, status=ChangeStatus.REVERTED))
    return tuple(planned)


def _refuse_foreign(
    stack: Stack, entry: Entry, targets: Mapping[Cell, CellValue], now: Mapping[Cell, CellValue]
) -> None:
    """Stop where somebody else set a value since."""
    foreign = []
    for part in entry.parts:
        if part.cell not in targets:
            continue
        if not stack.is_own(entry, part.cell, now[part.cell]):
            foreign.append(f"{part.cell.location} is now {now[part.cell]}, and the change had left {part.leaves}")
    if foreign:
        raise RequestError(
            f"Somebody changed a value since the change {entry.change_id}: {'; '.join(sorted(foreign))}. Undo that "
            "first, or say force: true to restore what the journal recorded all the same."
        )


def _undo(
    host: Host, snapshot: JournalSnapshot, undoing: Undoing, keep: int
) -> tuple[JournalSnapshot, Undoing, list[str]]:
    entry = snapshot.stack.get(undoing.entry.change_id) or undoing.entry
    without, told = refresh_tasks(host, snapshot.stack.with_(replace(entry, status=ChangeStatus.REVERTED)))
    snapshot = host.journal.write(snapshot, without.with_(replace(entry, status=ChangeStatus.REVERTING)))
    result = _finished(host, entry, undoing)
    with noting(f"The values of the change {entry.change_id} were restored. Run it again to close the journal."):
        return _signed_off(host, snapshot, undoing, entry, result, told, keep)


def _signed_off(
    host: Host,
    snapshot: JournalSnapshot,
    undoing: Undoing,
    entry: Entry,
    result: Restoration,
    told: Sequence[str],
    keep: int,
) -> tuple[JournalSnapshot, Undoing, list[str]]:
    # An end of the host's own may have come between: then something else stands below now.
    fresh = host.journal.marked(snapshot)
    targets = {cell: fresh.stack.below(entry, cell) for cell in undoing.targets}
    if targets != undoing.targets:
        result = write_back(host.session, host.registry, targets, entry.made_keys)
        undoing = replace(undoing, targets=targets)
    if result.wrong:
        why = " ".join(result.wrong)
        host.journal.write(
            snapshot, snapshot.stack.with_(noted(entry, ChangeStatus.REVERTING, f"could not be undone whole: {why}"))
        )
        raise HostError(f"The change {entry.change_id} could not be undone whole: {why}")
    task = delete_task(host.session, entry.change_id) if entry.expires_at else None
    covered = f"still covered: {', '.join(map(str, undoing.covered))}" if undoing.covered else ""
    note = "; ".join(filter(None, ("reverted", covered, result.told)))
    ended = noted(entry, ChangeStatus.REVERTED, note)
    snapshot = host.journal.write(snapshot, snapshot.stack.with_(ended), keep=keep, ended=True)
    host.journal.forget_marks(entry.change_id, snapshot)
    sentences = [*told, *filter(None, (task, result.told)), *_covering(undoing)]
    return snapshot, replace(undoing, entry=ended), sentences


def _finished(host: Host, entry: Entry, undoing: Undoing) -> Restoration:
    """Put back, to the end even if the task is told to stop meanwhile; that is delivered afterwards."""
    try:
        return write_back(host.session, host.registry, undoing.targets, entry.made_keys, now=undoing.before)
    except BaseException as error:
        if isinstance(error, SmbGuestError):
            raise
        if isinstance(error, Exception):
            raise HostError(f"A bug in winops.smb_guest: {type(error).__name__}: {error}.") from error
        with uninterrupted():
            host.session.reset()
            result = write_back(host.session, host.registry, undoing.targets, entry.made_keys)
        said = " ".join(result.wrong) or "Its values were restored and verified."
        error.add_note(
            f"Undoing the change {entry.change_id} was interrupted. {said} Run it again to close the journal."
        )
        raise


def _covering(undoing: Undoing) -> list[str]:
    if not undoing.covered:
        return []
    cells = ", ".join(map(str, undoing.covered))
    return [f"A newer change covers {cells} of the change {undoing.entry.change_id}: nothing was written there."]
