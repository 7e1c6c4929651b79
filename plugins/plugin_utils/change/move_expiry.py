# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving the end of a change that stands: a transaction of its own, which writes no setting.

    refuse what cannot expire  ->  journal, without fingerprints  ->  tasks  ->  expired meanwhile?  ->  journal

A change without the fingerprint of its task is one of which the next journaled run registers the task. So an
interrupted move is completed, whichever end the journal holds. On any failure the former end is journaled again, and
the tasks that belong to it are registered again: the change's own, and those of others whose text depends on it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..core.errors import AccessDenied, HostError, HostState, SmbGuestError
from ..windows.scheduled_task import SchedulerFailed, TaskRefused, delete_task
from .arming import arm, refresh_tasks, refuse_if_expired
from .interruption import explained, uninterrupted
from .journal import Host, JournalSnapshot
from .new_entry import moved_end
from .outcomes import Done
from .stack import Entry, Stack, stamp


def move_expiry(host: Host, snapshot: JournalSnapshot, entry: Entry, now: datetime, lasts: timedelta) -> Done:
    """Give a change that stands another end, its task and the journal alike.

    Args:
        host: the host, locked.
        snapshot: the journal.
        entry: the change; its end may be None.
        now: by the host's clock.
        lasts: from now to the new end.

    Raises RequestError before any write for what cannot expire; HostError with the state of the host.
    """
    moved = moved_end(snapshot.stack, entry, now, lasts)
    new = moved.get(entry.change_id) or entry
    refused = False
    try:
        host.journal.write(snapshot, moved)
        try:
            fingerprint = arm(host, moved, new)
        except (AccessDenied, TaskRefused) as error:
            # Then the former task is there, as it was; else it is not known which one is.
            refused = isinstance(error, TaskRefused) or error.writing
            raise
        stack, late = refresh_tasks(host, moved.with_(replace(new, registered_as=fingerprint)))
        if late:
            raise HostError(" ".join(late))
        refuse_if_expired(host, entry, "its end was being moved")
        host.journal.write(snapshot, stack)
    except BaseException as error:
        raise _moved_back(host, snapshot, moved, entry, error, refused=refused) from error
    return Done({}, stack.get(entry.change_id))


def _moved_back(
    host: Host, snapshot: JournalSnapshot, moved: Stack, entry: Entry, error: BaseException, *, refused: bool
) -> BaseException:
    """Restore the former end after `error`; gives what to raise, which says how that went.

    refused: no task was registered.
    """
    with uninterrupted():
        host.session.reset()
        try:
            if refused:
                host.journal.write(snapshot, snapshot.stack)
                return explained(error, HostState.RESTORED)
            remarks = _restore_end(host, snapshot, moved, entry)
        except SmbGuestError as second:
            remarks = (f"Restoring the former end of the change {entry.change_id} failed as well: {second}",)
    if not remarks:
        return explained(error, HostState.RESTORED)
    state = HostState.PARTLY_WRITTEN
    return explained(error, state, *remarks, "The next journaled run registers the task for the end in the journal.")


def _restore_end(host: Host, snapshot: JournalSnapshot, moved: Stack, entry: Entry) -> tuple[str, ...]:
    """Journal the former end and register its tasks. Gives sentences about what could not be restored."""
    stack = snapshot.stack
    for each in stack.standing:  # which tasks were registered is not known
        stack = stack.with_(replace(each, registered_as=""))
    if entry.expires_at is None:
        try:
            warning = delete_task(host.session, entry.change_id)
        except SchedulerFailed as error:
            # The host will end the change: so the journal has to say that, too.
            host.journal.write(snapshot, moved)
            end = moved.get(entry.change_id)
            at = f" at {stamp(end.expires_at)}" if end and end.expires_at else ""
            return (f"{error} So the change {entry.change_id} ends{at}.",)
        if warning:
            return (warning,)
    host.journal.write(snapshot, stack)
    stack, late = refresh_tasks(host, stack)
    if not late:
        host.journal.write(snapshot, stack)
    return late
