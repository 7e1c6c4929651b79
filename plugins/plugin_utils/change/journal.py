# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of changes on the host: what was there before, so that every change can be undone by anybody, later.

Below `ROOT`, two lists of lines: `Standing` has the changes that stand, `Ended` those that do not. A list is one
registry value and so one request, and is replaced as a whole; `journal_size` bounds it. A change that ends is added to
`Ended` before it leaves `Standing`: found in both, it has ended.

`Changes` holds what the host itself says, as names of keys, since an expiry has reg.exe to write with and one request
lists them all: `<change_id>~reverted` and so on (see `Mark`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import HostError, SmbGuestError
from ..core.hostile_bytes import HOSTILE_BYTES
from ..core.registry_value import RegistryType, RegistryValue
from ..core.stack import ChangeStatus
from ..core.text import one_line
from ..windows.computer import RunningClock
from ..windows.registry import Registry, WrongType
from ..winrm.session import Session
from .journal_format import decode, encode, standing_line
from .journal_size import KEEP_ENDED, MAX_ENDED, is_too_large, wire_size
from .marks import CHANGES, ROOT, Mark, marks_among
from .stack import Entry, Stack

STANDING, ENDED = "Standing", "Ended"
MAX_NOTE = 1000


@dataclass(frozen=True)
class JournalSnapshot:
    """The journal as it was read. damaged: a sentence for each line that could not be used. unread: those lines
    themselves, by list; they are kept as they are. lines: the list of the changes that stand, as it was read.
    ended: change_ids, in lower case, of changes that had ended by the lists, whatever the host has marked since."""

    stack: Stack
    damaged: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    marks: tuple[Mark, ...] = ()
    lines: tuple[str, ...] = ()
    ended: frozenset[str] = frozenset()

    @property
    def leftover_tasks(self) -> tuple[str, ...]:
        """Changes that had ended before, and whose mark `reverted` is there still: their task could not be removed."""
        marked = [mark.change_id for mark in self.marks if mark.word == "reverted"]
        return tuple(change_id for change_id in marked if change_id.lower() in self.ended)

    @property
    def unsettled(self) -> bool:
        """Whether the host has recorded something that the lists do not have yet."""
        return any(mark.word != "ending" for mark in self.marks)

    @property
    def unregistered(self) -> tuple[Entry, ...]:
        """Changes of which it is not certain that the host has the task that belongs to them."""
        return tuple(entry for entry in self.stack.standing if entry.expires_at and not entry.registered_as)

    @property
    def unfinished(self) -> tuple[Entry, ...]:
        """Changes that an interrupted run left, or that could not be restored; not those that the host is ending."""
        ending = {mark.change_id.lower() for mark in self.marks if mark.word == "ending"}
        return tuple(
            entry
            for entry in self.stack.entries
            if entry.status.is_unfinished
            and not (entry.status is ChangeStatus.REVERTING and entry.change_id.lower() in ending)
        )


class Journal:
    """Reads and writes of the journal of one host."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def read(self, marks: Sequence[Mark] | None = None) -> JournalSnapshot:
        """The whole journal: three requests, two where the marks were read already. Raises HostError."""
        return self._read(self._lines(STANDING), self._lines(ENDED), marks)

    def show(self) -> JournalSnapshot:
        """The whole journal, not to be written from. One request where there is none, else three or four."""
        names = self._registry.value_types(ROOT)
        standing, ended = (self._lines(name) if name.lower() in names else () for name in (STANDING, ENDED))
        return self._read(standing, ended, sparing=True)

    def peek(self) -> JournalSnapshot:
        """The changes that stand, without those that ended: one or two requests. Not to be written from."""
        return self._read(self._lines(STANDING), (), sparing=True)

    def was_written_since(self, snapshot: JournalSnapshot) -> bool:
        """Whether a run has begun or ended a change since the snapshot of the journal was read: one request."""
        return self._lines(STANDING) != snapshot.lines

    def marked(self, snapshot: JournalSnapshot) -> JournalSnapshot:
        """The same snapshot with what the host has recorded by now: one request, none where no change can expire."""
        if not any(entry.expires_at for entry in snapshot.stack.standing):
            return snapshot
        marks = self.marks()
        stack = Stack(tuple(_as_marked(entry, marks) for entry in snapshot.stack.entries))
        return replace(snapshot, stack=stack, marks=marks)

    def marks(self) -> tuple[Mark, ...]:
        """What the host says by now: one request."""
        return marks_among(self._registry.subkeys(CHANGES))

    def ended_by_the_host(self) -> frozenset[str]:
        """Changes, in lower case, of which the host says by now that it has ended them: one request."""
        return frozenset(mark.change_id.lower() for mark in self.marks() if mark.word == "reverted")

    def _lines(self, name: str) -> tuple[str, ...]:
        try:
            return self._registry.strings(ROOT, name) or ()
        except WrongType as error:
            raise HostError(f"HKLM\\{ROOT}\\{name} is no journal. Look at it, and delete the value. {error}") from None

    def _read(
        self,
        standing: tuple[str, ...],
        ended: Sequence[str],
        marks: Sequence[Mark] | None = None,
        *,
        sparing: bool = False,
    ) -> JournalSnapshot:
        """sparing: without the marks where no change that stands has an expiry: then the host has made none of them."""
        entries: dict[str, Entry] = {}
        damaged: list[str] = []
        unread: list[tuple[str, str]] = []
        for where, lines in ((STANDING, standing), (ENDED, ended)):
            for number, line in enumerate(lines, 1):
                try:
                    entry = decode(line)
                except HOSTILE_BYTES as error:
                    unread.append((where, line))
                    damaged.append(
                        f"Line {number} of HKLM\\{ROOT}\\{where} is damaged, or was not written by this collection "
                        f"({one_line(str(error), 200)}). Nothing of it is used."
                    )
                else:
                    entries[entry.change_id.lower()] = entry
        if marks is None:
            needed = not sparing or any(entry.stands and entry.expires_at for entry in entries.values())
            marks = self.marks() if needed else ()
        in_order = sorted(entries.values(), key=lambda entry: entry.seq)
        stack = Stack(tuple(_as_marked(entry, marks) for entry in in_order))
        gone = frozenset(entry.change_id.lower() for entry in in_order if not entry.stands)
        return JournalSnapshot(stack, tuple(damaged), tuple(unread), tuple(marks), standing, gone)

    def write(
        self, snapshot: JournalSnapshot, stack: Stack, *, keep: int = KEEP_ENDED, ended: bool = False
    ) -> JournalSnapshot:
        """Replace the lists. One request; two where changes ended. keep: how many ended ones.

        Where the host takes less than a list has, ended changes and notes are left out rather than failing.
        """
        if ended:
            stack = self._write_ended(snapshot, stack, keep)
        standing = self._write_standing(snapshot, stack)
        return replace(snapshot, stack=stack, lines=standing)

    def _write_standing(self, snapshot: JournalSnapshot, stack: Stack) -> tuple[str, ...]:
        lines = (*_kept(snapshot, STANDING), *map(standing_line, stack.standing))
        try:
            self._write(STANDING, lines)
        except SmbGuestError as error:
            if not is_too_large(error) or not any(entry.note for entry in stack.standing):
                raise
            bare = (standing_line(replace(entry, note="")) for entry in stack.standing)
            lines = (*_kept(snapshot, STANDING), *bare)
            self._write(STANDING, lines)
        return lines

    def _write_ended(self, snapshot: JournalSnapshot, stack: Stack, keep: int) -> Stack:
        room = MAX_ENDED
        while True:
            stack = pruned(stack, keep, room)
            lines = (*_kept(snapshot, ENDED), *(encode(entry) for entry in stack.entries if not entry.stands))
            try:
                self._write(ENDED, lines)
            except SmbGuestError as error:
                room = min(room, wire_size(lines)) // 2
                if not is_too_large(error) or pruned(stack, keep, room) == stack:
                    raise
            else:
                return stack

    def _write(self, name: str, lines: Sequence[str]) -> None:
        if lines:
            self._registry.set_value(ROOT, name, RegistryValue(RegistryType.REG_MULTI_SZ, tuple(lines)))
        else:
            self._registry.delete_value(ROOT, name)

    def settle(
        self,
        snapshot: JournalSnapshot,
        *,
        keep: int = KEEP_ENDED,
        keep_marks: bool = False,
        keep_marks_of: Collection[str] = (),
    ) -> JournalSnapshot:
        """Take over into the lists what the host has written beside them.

        Args:
            snapshot: the journal, with the stack as it has to be.
            keep: how many ended changes to keep.
            keep_marks: a task on the host could not be brought up to date, and may still look for the marks.
            keep_marks_of: changes whose task is still there; their marks keep it from acting.
        """
        settled = self.write(snapshot, snapshot.stack, keep=keep, ended=True)
        gone = tuple(
            mark
            for mark in snapshot.marks
            if mark.word != "ending" and not keep_marks and mark.change_id not in keep_marks_of
        )
        for mark in gone:
            self._registry.delete_key(f"{CHANGES}\\{mark.name}")
        return replace(settled, marks=tuple(mark for mark in snapshot.marks if mark not in gone))

    def forget_marks(self, change_id: str, snapshot: JournalSnapshot) -> None:
        """Remove the marks of an expiry of a change, so that its name is free."""
        for mark in snapshot.marks:
            if mark.change_id.lower() == change_id.lower():
                self._registry.delete_key(f"{CHANGES}\\{mark.name}")


def _kept(snapshot: JournalSnapshot, where: str) -> list[str]:
    return [line for at, line in snapshot.unread if at == where]


def pruned(stack: Stack, keep: int, room: int = MAX_ENDED) -> Stack:
    """Without the oldest ended changes beyond a number and beyond a size; never one that a standing change needs."""
    needed = stack.needed()
    free = [entry for entry in stack.entries if not entry.stands and entry.seq not in needed]
    kept: set[int] = set()
    for entry in reversed(free[max(0, len(free) - keep) :] if keep else []):
        room -= wire_size([encode(entry)])
        if room < 0:
            break
        kept.add(entry.seq)
    gone = {entry.seq for entry in free} - kept
    return Stack(tuple(entry for entry in stack.entries if entry.seq not in gone))


def _as_marked(entry: Entry, marks: Sequence[Mark]) -> Entry:
    """An entry with what its expiry says of it; what the lists say of its end counts more."""
    own = [mark for mark in marks if mark.change_id.lower() == entry.change_id.lower()]
    words = {mark.word for mark in own}
    if not entry.stands or not words & {"reverted", "failed", "ending"}:
        return entry
    at_work = entry.status is ChangeStatus.REVERTING and not words & {"reverted", "failed"}
    if entry.status is not ChangeStatus.APPLIED and not at_work:
        # A run was writing to the same cells: what it wrote after the host's look, nothing else ends any more.
        note = "it expired while a run was writing or reverting it"
        return replace(entry, status=ChangeStatus.FAILED, note=note)
    if "reverted" not in words:
        if "failed" not in words:
            return replace(entry, status=ChangeStatus.REVERTING, note="the host is ending it, or was interrupted")
        return replace(
            entry, status=ChangeStatus.FAILED, note="its end failed on the host, which tries again when it starts"
        )
    cells = tuple(mark.cell for mark in own if mark.cell)
    note = "expired: restored by the host itself"
    if cells:
        note += "; left as somebody else set it since: " + ", ".join(sorted(map(str, cells)))
    return replace(entry, status=ChangeStatus.REVERTED, note=note[:MAX_NOTE], left_alone=cells)


def noted(entry: Entry, status: ChangeStatus, note: str = "", **more: Any) -> Entry:
    """An entry with a new status and why."""
    return replace(entry, status=status, note=one_line(note, MAX_NOTE) if note else "", **more)


class Host:
    """One host under change: the session, and what of it a transaction needs.

    marks: those that taking the lock has just listed, for the next read of the journal; None at any other time.
    clock: the host's, since it is locked.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.registry = Registry(session)
        self.journal = Journal(self.registry)
        self.marks: tuple[Mark, ...] | None = None
        self.clock: RunningClock | None = None
