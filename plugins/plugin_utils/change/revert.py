# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Revert journaled changes exactly: every value, its type, and its absence.

What a change covers is uncovered, what covers it stays. Before the first write the tasks of the changes beneath learn
that they will be on top again: too early is harmless, because a task writes only where a cell holds what its own
change left; too late would leave an opening without an end. An interrupted revert has left the status `reverting`.

Where several changes are reverted, one that fails keeps no other from being reverted. It stays `reverting` and covers
what it shares with older ones. So those are planned again after a failure: they may have to write less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..core.errors import HostError, HostState, HostUnreachable, RequestError, SmbGuestError, leaving
from ..core.stack import ChangeStatus
from ..core.text import in_short
from ..core.user_names import assignment
from ..posture.guest_access import GuestAccess, guest_access
from ..posture.observe import Depth, observe
from ..posture.state import Observation, Observed, judge_all
from ..tables.os_defaults import NOT_KNOWN
from ..tables.settings import GUEST, GUEST_BLOCKERS, SETTINGS
from ..windows.operating_system import read_operating_system
from .arming import refresh_tasks, remove_task
from .cell import Cell, CellValue
from .interruption import noting, uninterrupted
from .journal import Host, JournalSnapshot, noted
from .journal_size import KEEP_ENDED
from .lock import locked
from .outcomes import Reverted, Undoing
from .prediction import predict_restored
from .recovery import read_and_recover
from .stack import Entry, Stack
from .write import Restoration, read_places, write_back


@dataclass(frozen=True)
class Selection:
    """Which changes to revert: one by its id, the latest that still stands, those that have an expiry, or all.

    Exactly one. changed_nothing: the task passed on the empty change_id of a task that changed nothing.
    """

    change_id: str | None = None
    latest: bool = False
    expiring: bool = False
    every: bool = False


def revert(host: Host, selection: Selection, *, force: bool, check_mode: bool, keep: int = KEEP_ENDED) -> Reverted:
    """Revert the selected changes, newest first. A change that was reverted already is no error and no change.

    Args:
        host: the host, not locked.
        selection: which changes.
        force: revert where somebody else has set a value since.
        check_mode: write nothing, and predict the result.
        keep: how many ended changes the journal keeps.

    Raises RequestError, before any write, where somebody else has set a value since; HostError once all that can be
    reverted is reverted, with a sentence for each change that cannot.
    """
    with leaving(HostState.NOTHING_WRITTEN):
        snapshot = _first_look(host, selection, check_mode=check_mode)
        selected = _select(snapshot.stack, selection)
    if check_mode or not selected:
        with leaving(HostState.NOTHING_WRITTEN):
            planned = _plan(host, snapshot.stack, selected, force=force)
        covering = [sentence for undoing in planned for sentence in _covering(undoing)]
        access = _predicted_access(host, planned)
        return Reverted(access, planned, (*snapshot.damaged, *covering))
    with locked(host) as now:
        snapshot, recovery = read_and_recover(host, now, keep, reverting=[entry.change_id for entry in selected])
        with leaving(HostState.NOTHING_WRITTEN):
            course = _Course(snapshot)
            undoings = _plan(host, snapshot.stack, _selected_again(snapshot.stack, selection), force=force)
        _revert_each(host, course, undoings, keep, force=force)
    done = course.done
    with leaving(HostState.PARTLY_WRITTEN if done else None, "The changes were reverted before that."):
        return Reverted(_access(host), tuple(done), (*snapshot.damaged, *course.warnings), recovery)


def _first_look(host: Host, selection: Selection, *, check_mode: bool) -> JournalSnapshot:
    """The journal as far as it is needed to know whether there is something to revert; what follows reads all of it."""
    if not check_mode:
        snapshot = host.journal.peek()
        if snapshot.stack.standing and (selection.change_id is None or snapshot.stack.get(selection.change_id)):
            return snapshot
    return host.journal.read()


def _access(host: Host) -> GuestAccess:
    """By what runs: one request."""
    depths = dict.fromkeys((GUEST, *GUEST_BLOCKERS), Depth.RUNNING)
    return _judged(observe(host.session, host.registry, depths))


def _judged(observation: Observation) -> GuestAccess:
    return guest_access(judge_all(observation, SETTINGS, lambda _setting: NOT_KNOWN))


def _predicted_access(host: Host, planned: Sequence[Undoing]) -> GuestAccess:
    """What `_access` would find after the run: the layers of what would be restored are read, and judged with it."""
    targets = {cell: held for undoing in planned for cell, held in undoing.targets.items()}  # the last one counts
    settings = (GUEST, *GUEST_BLOCKERS)
    restored = {cell.setting for cell in targets}
    if not restored & set(settings):
        return _access(host)
    depths = {setting: Depth.WHOLE if setting in restored else Depth.RUNNING for setting in settings}
    observation = observe(host.session, host.registry, depths)
    default = read_operating_system(host.session, host.registry).default
    after = predict_restored(judge_all(observation, SETTINGS, default), targets)
    running = {name: Observed(s.observed.supported, s.observed.running, {}, looked=False) for name, s in after.items()}
    return _judged(replace(observation, settings=running))


def _select(stack: Stack, selection: Selection) -> list[Entry]:
    """The changes to revert, newest first; none where nothing is left to revert."""
    if selection.change_id is not None:
        entry = stack.get(selection.change_id)
        if entry is None:
            known = in_short([entry.change_id for entry in reversed(stack.entries)]) or "none"
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


def _selected_again(stack: Stack, selection: Selection) -> list[Entry]:
    """The same after a recovery, which may have ended the change, and the journal may keep no ended ones."""
    if selection.change_id is not None and stack.get(selection.change_id) is None:
        return []
    return _select(stack, selection)


def _plan(host: Host, stack: Stack, entries: Sequence[Entry], *, force: bool) -> tuple[Undoing, ...]:
    """What reverting will write, seen from what the host holds now. Raises RequestError for values of others."""
    cells = list(dict.fromkeys(part.cell for entry in entries for part in entry.parts))
    now = read_places(host.session, host.registry, cells) if cells else {}
    planned, foreign = [], []
    for entry in entries:
        covered = tuple(part.cell for part in entry.parts if stack.covers(entry, part.cell))
        targets = {part.cell: stack.below(entry, part.cell) for part in entry.parts if part.cell not in covered}
        if values := _foreign(stack, entry, targets, now):
            foreign.append(f"the change {entry.change_id}: {'; '.join(values)}")
        planned.append(Undoing(entry, {cell: now[cell] for cell in targets}, targets, covered))
        now = {**now, **targets}
        stack = stack.with_(replace(entry, status=ChangeStatus.REVERTED))
    if foreign and not force:
        raise RequestError(
            f"Somebody changed a value since {'. And since '.join(foreign)}. Revert that first, or set "
            f"{assignment('force', 'true')} to restore what the journal recorded all the same."
        )
    return tuple(planned)


def _foreign(stack: Stack, entry: Entry, targets: Mapping[Cell, CellValue], now: Mapping[Cell, CellValue]) -> list[str]:
    """Where somebody else has set a value since, in words."""
    return sorted(
        f"{part.cell.location} is now {now[part.cell]}, and the change had left {part.leaves}"
        for part in entry.parts
        if part.cell in targets and not stack.is_own(entry, part.cell, now[part.cell])
    )


@dataclass
class _Course:
    """How far a revert of several changes has come. failures: why each change could not be reverted, by change_id."""

    snapshot: JournalSnapshot
    done: list[Undoing] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failures: dict[str, SmbGuestError] = field(default_factory=dict)

    def failed(self, entry: Entry, error: SmbGuestError) -> None:
        """Note a change that stays, so that whatever is journaled next says that its revert was begun.

        Which tasks were registered anew before the failure is not known: all of them are again.
        """
        self.failures[entry.change_id] = error
        stack = self.snapshot.stack.with_(noted(entry, ChangeStatus.REVERTING, f"could not be reverted: {error}"))
        for other in stack.standing:
            stack = stack.with_(replace(other, registered_as=""))
        self.snapshot = replace(self.snapshot, stack=stack)


def _revert_each(host: Host, course: _Course, undoings: Sequence[Undoing], keep: int, *, force: bool) -> None:
    """Revert all that can be reverted. Raises HostError, or the one error, where something could not."""
    again = "Some values may have been restored already: run it again to finish."
    for undoing in undoings:
        try:
            with leaving(HostState.PARTLY_WRITTEN, again):
                current = undoing
                if course.failures:
                    entry = course.snapshot.stack.get(undoing.entry.change_id) or undoing.entry
                    (current,) = _plan(host, course.snapshot.stack, [entry], force=force)
                _undo(host, course, current, keep)
        except HostUnreachable:
            raise
        except SmbGuestError as error:
            course.failed(undoing.entry, error)
    if not course.failures:
        return
    if len(undoings) == 1:
        raise next(iter(course.failures.values()))
    reasons = " ".join(f"{change_id}: {error}" for change_id, error in course.failures.items())
    reverted = in_short([undoing.entry.change_id for undoing in course.done])
    raise HostError(
        f"{len(course.failures)} of {len(undoings)} changes could not be reverted. {reasons}",
        host_state=HostState.PARTLY_WRITTEN,
        remarks=[f"Reverted: {reverted}." if reverted else "", *course.warnings, again],
    )


def _undo(host: Host, course: _Course, undoing: Undoing, keep: int) -> None:
    """Revert one change: tasks beneath, journal `reverting`, values, own task, journal `reverted`."""
    snapshot = course.snapshot
    entry = snapshot.stack.get(undoing.entry.change_id) or undoing.entry
    without, warnings = refresh_tasks(host, snapshot.stack.with_(replace(entry, status=ChangeStatus.REVERTED)))
    snapshot = host.journal.write(snapshot, without.with_(replace(entry, status=ChangeStatus.REVERTING)))
    result = _restored(host, entry, undoing)
    with noting(f"The values of the change {entry.change_id} were restored. Run it again to close the journal."):
        # The host may have ended a change beneath meanwhile: then something else lies below now.
        fresh = host.journal.marked(snapshot)
        targets = {cell: fresh.stack.below(entry, cell) for cell in undoing.targets}
        if targets != undoing.targets:
            result = write_back(host.session, host.registry, targets, entry.made_keys)
            undoing = replace(undoing, targets=targets)
        ended, sentences = _closed(host, snapshot, entry, undoing, result)
        course.snapshot = host.journal.write(snapshot, snapshot.stack.with_(ended), keep=keep, ended=True)
        course.done.append(replace(undoing, entry=ended))
        course.warnings += [*warnings, *sentences]


def _closed(
    host: Host, snapshot: JournalSnapshot, entry: Entry, undoing: Undoing, result: Restoration
) -> tuple[Entry, list[str]]:
    """The entry as it ends, once its task is gone, and warnings. Raises HostError where a value stays."""
    if result.wrong:
        why = " ".join(result.wrong)
        note = f"could not be reverted whole: {why}"
        host.journal.write(snapshot, snapshot.stack.with_(noted(entry, ChangeStatus.REVERTING, note)))
        raise HostError(f"The change {entry.change_id} could not be reverted whole: {why}")
    host.journal.forget_marks(entry.change_id, snapshot)
    warning = remove_task(host, entry.change_id) if entry.expires_at else None
    covered = f"still covered: {', '.join(map(str, undoing.covered))}" if undoing.covered else ""
    note = "; ".join(filter(None, ("reverted", covered, result.warning)))
    ended = noted(entry, ChangeStatus.REVERTED, note)
    return ended, [*filter(None, (warning, result.warning)), *_covering(undoing)]


def _restored(host: Host, entry: Entry, undoing: Undoing) -> Restoration:
    """Write the values to the end, even if the task is interrupted meanwhile; the interruption follows after it."""
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
        outcome = " ".join(result.wrong) or "Its values were restored and verified."
        error.add_note(
            f"The revert of the change {entry.change_id} was interrupted. {outcome} Run it again to close the journal."
        )
        raise


def _covering(undoing: Undoing) -> list[str]:
    if not undoing.covered:
        return []
    cells = ", ".join(map(str, undoing.covered))
    return [f"A newer change covers {cells} of the change {undoing.entry.change_id}: nothing was written there."]
