# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine behind every module that changes settings: look, decide, carry out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ..core.errors import HostState, RequestError, leaving
from ..core.user_names import assignment, option
from .decide import decide, end_to_move
from .host_view import HostView
from .journal import Host, JournalSnapshot
from .local_gpo_change import LOCAL_GPO_STAYS, refreshed
from .lock import locked
from .look import look
from .move_expiry import move_expiry
from .outcomes import Done, Recovery
from .recovery import read_and_recover
from .request import Request
from .result import Outcome
from .stack import Stack
from .transaction import carry_out, carry_out_journaled

_NOTHING_ELSE = "The recovery of an interrupted run wrote values. This task wrote nothing else."


def configure(host: Host, request: Request, *, check_mode: bool) -> Outcome:
    """Apply the desired settings to one host. In check mode nothing is written, and `after` predicts the result."""
    terms = request.terms
    if request.risk_refused and request.opens_guest:
        raise RequestError(
            "Guest traffic is neither signed nor encrypted, and anybody on the network can pose as the server. If that "
            f"is acceptable here, set {assignment('accept_risk', 'true')}."
        )
    with leaving(HostState.NOTHING_WRITTEN):
        if request.in_local_gpo and terms.expires_in:
            raise RequestError(
                f"A change of the local GPO cannot expire. {LOCAL_GPO_STAYS} Set {assignment('scope', 'policy')}, "
                f"which the host can revert, or leave {option('expires_in')} out."
            )
        # The journal first: whoever comes between the two looks is in the journal when the host is locked.
        snapshot = (host.journal.read() if check_mode else host.journal.peek()) if terms.journaled else None
        view = look(host, request)
        outlook = decide(view, request, snapshot, rehearse=check_mode)
    if check_mode:
        return outlook
    if snapshot is not None and (outlook.plan.changes or outlook.prolonged or _needs_lock(host, snapshot)):
        return _carry_out_journaled(host, view, snapshot, outlook, request)
    if outlook.plan.changes:
        done = carry_out(host, outlook.plan.changes, view.states, view.after)
        done = _with_gpupdate(view, request, outlook, done)
        return replace(outlook, after=done.after, verified=True, warnings=(*outlook.warnings, *done.warnings))
    return outlook


def _with_gpupdate(view: HostView, request: Request, outlook: Outcome, done: Done) -> Done:
    return refreshed(view.host.session, outlook.plan.changes, done, view.again) if request.gpupdate else done


def _needs_lock(host: Host, snapshot: JournalSnapshot) -> bool:
    """Whether what was seen may be another run's, half-way, or something is to be recovered.

    snapshot: from before the look.
    """
    if snapshot.unfinished or snapshot.unsettled or snapshot.unregistered:
        return True
    # A hint by the clock of the control node, so that it costs no request: the host's own clock decides under the lock.
    if any(entry.is_past_its_end(datetime.now(UTC)) for entry in snapshot.stack.standing):
        return True
    with leaving(HostState.NOTHING_WRITTEN):
        return host.journal.was_written_since(snapshot)


def _carry_out_journaled(
    host: Host, view: HostView, peeked: JournalSnapshot, outlook: Outcome, request: Request
) -> Outcome:
    with locked(host) as now:
        snapshot, recovery = read_and_recover(host, now, request.terms.keep_ended)
        if recovery.warnings or _may_have_moved(peeked.stack, snapshot.stack):
            with leaving(_state_after(recovery), _NOTHING_ELSE if recovery.changed else ""):
                view = look(host, request)
                outlook = decide(view, request, snapshot, rehearse=False)
        outlook = replace(outlook, recovery=recovery)
        with leaving(_state_after(recovery)):
            if outlook.plan.changes:
                changes = outlook.plan.changes
                done = carry_out_journaled(host, snapshot, request.terms, now, changes, view.states, view.after)
                done = _with_gpupdate(view, request, outlook, done)
                warnings = (*outlook.warnings, *done.warnings)
                return replace(outlook, after=done.after, verified=True, entry=done.entry, warnings=warnings)
            entry = end_to_move(request.terms, snapshot, outlook.plan)
            if entry and request.terms.expires_in:
                done = move_expiry(host, snapshot, entry, now, request.terms.expires_in)
                return replace(outlook, entry=done.entry)
    return outlook


def _state_after(recovery: Recovery) -> HostState | None:
    return HostState.PARTLY_WRITTEN if recovery.changed else None


def _may_have_moved(peeked: Stack, now: Stack) -> bool:
    """Whether somebody may have been at the host in between. A peek does not show what has ended."""
    newest = max((entry.seq for entry in peeked.standing), default=0)
    return now.standing != peeked.standing or any(entry.seq > newest for entry in now.entries if not entry.stands)
