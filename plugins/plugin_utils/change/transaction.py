# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change as a transaction: remember, journal, set the expiry, write, verify; on any failure put all of it back."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import NOTHING_WRITTEN, AccessDenied, HostError, RequestError, SmbGuestError, stating
from ..state import SettingState
from ..tables.settings import Layer
from ..windows.scheduled_task import register_task
from .expiry import expiry_task
from .host import Host
from .journal import Entry, Status, stamp
from .plan import Change
from .process import Process
from .recovery import close
from .snapshot import Snapshot, restore, take
from .write import verify, write

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


def new_change_id(now: datetime) -> str:
    """A name that sorts by time and that no other run chooses."""
    return f"{stamp(now).replace('-', '').replace(':', '')}-{secrets.token_hex(3)}"
