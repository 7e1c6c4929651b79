# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change as a transaction: remember, journal, set the expiry, write, verify; on any failure put all of it back."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .change import verify, write
from .errors import NOTHING_WRITTEN, AccessDenied, HostError, RequestError, SmbGuestError, stating
from .expiry import expiry_task
from .journal import DamagedEntry, Entry, Journal, Status, stamp
from .lock import Process, sole_writer
from .plan import Change
from .settings import KEYS, Layer
from .snapshot import Snapshot, restore, take
from .state import SettingState
from .windows.operating_system import read_clock
from .windows.registry import Registry
from .windows.scheduled_task import delete_task, register_task
from .windows.smb_configuration import get_configuration
from .winrm.session import Session

States = Mapping[str, SettingState]


@dataclass(frozen=True)
class Terms:
    """What a task asks of the journal. A change is journaled when it asks for anything."""

    change_id: str | None = None
    reason: str = ""
    expires_in: timedelta | None = None

    @property
    def journaled(self) -> bool:
        return bool(self.change_id or self.reason or self.expires_in)


class Host:
    """One host under change: the session, and what of it a transaction needs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.registry = Registry(session)
        self.journal = Journal(self.registry)

    @contextmanager
    def held(self) -> Iterator[datetime]:
        """Hold the host against other writers; gives the host's clock."""
        with stating(NOTHING_WRITTEN):
            now = read_clock(self.session)
        with sole_writer(self.registry, now):
            yield now


def carry_out(host: Host, changes: Sequence[Change], before: States, observe: Callable[[], States]) -> States:
    """Write without a journal. What was written is put back when anything fails."""
    with stating(NOTHING_WRITTEN):
        snapshot = take(host.registry, changes, before)
    try:
        return _write(host, changes, before, observe)
    except SmbGuestError as error:
        raise _undone(host, snapshot, error) from error


def carry_out_journaled(
    host: Host, terms: Terms, now: datetime, changes: Sequence[Change], before: States, observe: Callable[[], States]
) -> tuple[States, Entry]:
    """Write with a journal entry before the first write, and an expiry if the terms ask for one."""
    with stating(NOTHING_WRITTEN):
        snapshot = take(host.registry, changes, before)
        known = {name.lower(): name for name in host.journal.change_ids()}
    entry = Entry(
        change_id=terms.change_id or new_change_id(now),
        status=Status.PENDING,
        reason=terms.reason,
        created_at=now,
        expires_at=now + terms.expires_in if terms.expires_in else None,
        before=snapshot,
        wanted=tuple(changes),
        controller=Process.current().machine.partition(".ns")[0],
    )
    former = known.get(entry.change_id.lower())
    if former is not None and not _made_way(host, former):
        raise RequestError(
            f"The journal of this host has a change {entry.change_id} already. Choose another change_id, or leave it "
            "out to have one made. Nothing was written."
        )
    task = expiry_task(entry, entry.expires_at) if entry.expires_at else None
    try:
        host.journal.begin(entry)
        if task:
            register_task(host.session, entry.change_id, task)
        after = _write(host, changes, before, observe)
    except SmbGuestError as error:
        raise _undone(host, entry.before, error, entry) from error
    try:
        entry = host.journal.finish(entry, Status.APPLIED)
        host.journal.nothing_pending()
    except SmbGuestError as error:
        told = HostError(
            f"The change {entry.change_id} was made and verified, but the journal could not be closed: {error} The "
            "next run closes it."
        )
        told.changed = True
        raise told from error
    return after, entry


def _made_way(host: Host, change_id: str) -> bool:
    """Forget a change of that name that never stood, so that a fixed change_id survives a failed run."""
    with stating(NOTHING_WRITTEN):
        former = host.journal.read(change_id)
        if former is not None and former.status is not Status.ROLLED_BACK:
            return False
        host.journal.forget(change_id)
    return True


def _write(host: Host, changes: Sequence[Change], before: States, observe: Callable[[], States]) -> States:
    for change in changes:
        try:
            write(host.session, host.registry, change)
        except AccessDenied as error:
            if change.layer is Layer.LOCAL and before[change.setting.name].governed(Layer.POLICY):
                raise HostError(
                    f"Windows refused to set {change.setting.name} beneath the policy that governs it, "
                    f"{change.setting.location(Layer.POLICY)}. Change it there."
                ) from error
            raise
    after = observe()
    verify(changes, after)
    return after


def _undone(host: Host, snapshot: Snapshot, error: SmbGuestError, entry: Entry | None = None) -> SmbGuestError:
    """Put everything back after `error`, and say how that went."""
    try:
        restore(host.session, host.registry, snapshot)
    except SmbGuestError as second:
        if entry:
            with suppress(SmbGuestError):
                host.journal.finish(entry, Status.FAILED, f"failed, and undoing it failed: {second}")
        told = HostError(
            f"{error} Undoing it failed as well: {second} The host may hold some of the new values: "
            + ", ".join(item.location for item in snapshot.held)
            + (f". The change {entry.change_id} is journaled: the next run undoes it." if entry else ".")
        )
        told.changed = True
        return told
    if entry is None:
        return _put_back(error)
    try:
        close(host, entry, Status.ROLLED_BACK, f"failed and put back: {error}")
    except SmbGuestError as second:
        return HostError(
            f"{error} Everything was put back and checked, but the journal could not be closed: {second} The next run "
            f"closes the change {entry.change_id}."
        )
    return _put_back(error)


def _put_back(error: SmbGuestError) -> SmbGuestError:
    told = f"{error} Everything was put back as it was, and checked."
    if isinstance(error, AccessDenied):  # its kind says which right to look for
        error.args = (told,)
        return error
    return HostError(told)


def close(host: Host, entry: Entry, status: Status, note: str) -> Entry:
    """End a change that was undone: no expiry, a status, nothing pending."""
    if entry.expires_at:
        delete_task(host.session, entry.change_id)
    entry = host.journal.finish(entry, status, note)
    host.journal.nothing_pending()
    return entry


@dataclass(frozen=True)
class Recovery:
    """What was done about a run that was cut off. changed: whether settings were put back."""

    told: str
    changed: bool


def recover(host: Host) -> Recovery | None:
    """Finish or undo what a run that was cut off has left, and say so. The caller holds the host.

    What all stands as wanted was only not signed off. What somebody else changed meanwhile is left as it is.
    """
    with stating(NOTHING_WRITTEN):
        change_id = host.journal.pending()
    if change_id is None:
        return None
    with stating(f"The change {change_id} of a run that was cut off is not dealt with yet: run again to do it."):
        return _recover(host, change_id)


def _recover(host: Host, change_id: str) -> Recovery | None:
    try:
        entry = host.journal.read(change_id)
    except DamagedEntry as error:
        host.journal.nothing_pending()
        return Recovery(f"A run was cut off, and what it left cannot be undone: {error}", False)
    if entry is None:
        host.journal.forget(change_id)
        host.journal.nothing_pending()
        return Recovery(f"A run cut off before its first write left the change {change_id}; it was removed.", False)
    if entry.status not in (Status.PENDING, Status.FAILED):
        host.journal.nothing_pending()
        return None
    foreign = changed_since(host, entry)
    if not foreign and all(_stands(host, change) for change in entry.wanted):
        host.journal.finish(entry, Status.APPLIED, "completed by the run after the one that was cut off")
        host.journal.nothing_pending()
        return Recovery(f"A run that was cut off had completed the change {change_id}; it was signed off.", False)
    ours = tuple(item for item in entry.before.held if item.location not in foreign)
    with stating("Some of its values may have been put back already.", changed=True):
        restore(host.session, host.registry, replace(entry.before, held=ours))
    left = f" Left as somebody else set it since: {', '.join(sorted(foreign))}." if foreign else ""
    close(host, entry, Status.ROLLED_BACK, f"cut off; undone by the next run.{left}")
    return Recovery(f"A run cut off in the middle left the change {change_id}; it was undone.{left}", True)


def changed_since(host: Host, entry: Entry) -> dict[str, str]:
    """Locations whose value is neither what the change found nor what it wrote, with what they hold now."""
    wanted = {(change.setting.name, change.layer): change for change in entry.wanted}
    foreign = {}
    for item in entry.before.held:
        now = host.registry.value(item.key, item.name)
        change = wanted.get((item.setting.name, item.layer))
        if now == item.value or (change is not None and _holds(change, now.data if now else None)):
            continue
        # Putting back what ran stores it first: seen where undoing was cut off.
        if now is not None and item.running is not None and now.data == int(item.running):
            continue
        if now is None and item.layer is Layer.LOCAL:
            continue  # SetConfiguration may store a value equal to the default by storing none.
        foreign[item.location] = str(now or "absent")
    return foreign


def _holds(change: Change, data: object) -> bool:
    return data is None if change.after is None else isinstance(data, int) and bool(data) is change.after


def _stands(host: Host, change: Change) -> bool:
    """Whether a change is in force: stored, and for the local layer running as well."""
    if change.layer is Layer.LOCAL:
        running = get_configuration(host.session, change.setting.side).get(change.setting.cim_property)
        if running is not change.after:
            return False
    value = host.registry.value(KEYS[change.setting.side][change.layer], change.setting.names[change.layer])
    return _holds(change, value.data if value else None)


def new_change_id(now: datetime) -> str:
    """A name that sorts by time and that no other run chooses."""
    return f"{stamp(now).replace('-', '').replace(':', '')}-{secrets.token_hex(3)}"
