# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scheduled tasks kept in step with the stack: whenever it changes, every end that changed is registered anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from ..core.errors import HostError, HostUnreachable, RequestError
from ..core.user_names import option
from ..windows.scheduled_task import SchedulerFailed, delete_task, register_task
from .expiry import expiry_task, task_fingerprint
from .journal import Host
from .marks import CHANGES, mark_name
from .stack import Entry, Stack, stamp

_SOON = timedelta(minutes=1)
_ATTEMPTS = 3


def remove_task(host: Host, change_id: str) -> str | None:
    """Delete the scheduled task of a change that has ended. Gives a warning where the task stays.

    A task that stays must not act again: a later change may have left the value that it looks for. Its first command
    looks for the mark `reverted`, so the mark is made here, and stays as long as the task does.

    Raises HostError where that mark cannot be made either.
    """
    try:
        return delete_task(host.session, change_id)
    except SchedulerFailed as error:
        host.registry.create_key(f"{CHANGES}\\{mark_name(change_id, 'reverted')}")
        return f"{error} It changes nothing any more. The next journaled run tries to remove it again."


def arm(host: Host, stack: Stack, entry: Entry) -> str:
    """Register the task that ends a change of the stack. Gives its fingerprint, which is that of its text in time.

    Windows does not start a task whose time had passed when it was registered, so such a one starts a minute later. The
    fingerprint is empty where even that was over: then the next journaled run registers it.

    Raises what `expiry_task` and `register_task` raise.
    """
    task = text = expiry_task(stack, entry)
    if host.clock is None or entry.expires_at is None:
        raise AssertionError("only a change with an end has a task, and only a locked host is written to")
    for _attempt in range(_ATTEMPTS):
        start = max(entry.expires_at, host.clock.now() + _SOON)
        if start != entry.expires_at:
            text = expiry_task(stack, replace(entry, expires_at=start))
        register_task(host.session, entry.change_id, text)
        if host.clock.now() < start:
            return task_fingerprint(task)
    return ""


def refresh_tasks(host: Host, stack: Stack) -> tuple[Stack, tuple[str, ...]]:
    """Register the tasks whose text is not what is on the host. Gives the stack with their fingerprints.

    No fault of the scheduler is an error here: a warning names the end that is not up to date, and the next journaled
    run tries again. A task that is out of date still writes only where a cell holds what its own change left.
    """
    warnings = []
    registered = []
    for entry in stack.standing:
        if entry.expires_at is None:
            continue
        try:
            if task_fingerprint(expiry_task(stack, entry)) == entry.registered_as:
                continue
            fingerprint = arm(host, stack, entry)
        except HostUnreachable:
            raise
        except (HostError, RequestError) as error:
            stack = stack.with_(replace(entry, registered_as=""))  # the host may have taken it all the same
            warnings.append(
                f"The end of the change {entry.change_id} at {stamp(entry.expires_at)} could not be brought up to "
                f"date; the next journaled run tries again. {error}"
            )
        else:
            registered.append(entry.change_id)
            stack = stack.with_(replace(entry, registered_as=fingerprint))
    return stack, (*warnings, *_once_only(host, registered))


def refuse_if_expired(host: Host, entry: Entry, meanwhile: str) -> None:
    """Raise HostError where the host has ended the change meanwhile: no task is left that could end it again.

    Args:
        meanwhile: what was done to the change, such as `it was being written`.
    """
    if any(mark.change_id.lower() == entry.change_id.lower() for mark in host.journal.marks()):
        raise HostError(
            f"The change {entry.change_id} expired while {meanwhile}. Set a longer {option('expires_in')}, or run "
            "again."
        )


def _once_only(host: Host, registered: Sequence[str]) -> Iterator[str]:
    """A change that the host ended after the journal was read must not end a second time, when the host starts."""
    ended = host.journal.ended_by_the_host() if registered else frozenset()
    for change_id in registered:
        if change_id.lower() not in ended:
            continue
        warning = remove_task(host, change_id)
        if warning:
            yield warning
