# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a host was seen to be to what a task would do: the plan, and what to warn of.

Apart from two questions that depend on the plan, this asks the host nothing: who wrote a policy value that contradicts
a desired setting, and in check mode the time, where an expiry moves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ..core.errors import RequestError
from ..core.registry_value import as_bool
from ..core.user_names import assignment, option
from ..posture.state import States
from ..tables.settings import GUEST_BLOCKERS, Layer, Scope
from ..windows.computer import read_clock
from .attribution import attribute
from .cell import Cell, seen
from .host_view import HostView
from .journal import JournalSnapshot, pruned
from .journal_size import fullness_warning
from .local_gpo_change import LOCAL_GPO_STAYS, reservations_of_local_gpo
from .new_entry import moved_end, new_entry
from .plan import DesiredSetting, Plan, plan
from .prediction import predict
from .request import ChangeTerms, Request
from .result import Outcome
from .stack import Entry, stamp


def decide(view: HostView, request: Request, snapshot: JournalSnapshot | None, *, rehearse: bool) -> Outcome:
    """What the task would do, and what to warn of.

    Args:
        view: what the host was seen to be.
        request: what the task asks.
        snapshot: the journal; None where the change is not journaled.
        rehearse: check mode. Nothing follows, so this finds what the run would find later: a name that is taken, an
            expiry that no task can carry out, a journal that is full.

    Raises RequestError for what this host, or the task's own safeguards, do not allow.
    """
    if view.product_type == "domain_controller":
        raise RequestError(
            "This host is a domain controller. Reach the guest server from another host, or set "
            f"{assignment('domain_controllers', 'allow')}."
        )
    desired_settings = [*request.desired_settings, *_relaxed(view.states, request)]
    system = str(view.system or "")
    states, authors = attribute(view.host, desired_settings, view.states, request.rules, snapshot)
    planned = plan(desired_settings, states, request.rules, system=system, authors=authors)
    after = predict(view.states, planned.changes)
    warnings = list(reservations_of_local_gpo(planned.changes, view.states, view.system))
    entry = to_move = None
    beneath: tuple[Entry, ...] = ()
    met: Mapping[Cell, Entry] = {}
    if snapshot is not None:
        changing = {change.cell: seen(change.cell, view.states[change.cell.setting.name]) for change in planned.changes}
        beneath = _unique(snapshot.stack.get(snapshot.stack.over(cell, held)) for cell, held in changing.items())
        met = _makers(snapshot, _satisfying(desired_settings, request, view.states, changing), view.states, changing)
        warnings += _reservations(request, snapshot, planned, met)
        full = fullness_warning(snapshot.lines, [each.change_id for each in snapshot.stack.standing])
        warnings += filter(None, [*snapshot.damaged, full])
        entry = to_move = end_to_move(request.terms, snapshot, planned)
        if rehearse:
            entry = _rehearse(view, request.terms, snapshot, planned, to_move)
            warnings += _to_recover(snapshot)
    return Outcome(
        desired_settings,
        planned,
        view.states,
        after,
        verified=not planned.changes,
        prolonged=to_move is not None,
        former_end=to_move.expires_at if to_move else None,
        entry=entry,
        warnings=tuple(warnings),
        confirm=request.confirm,
        beneath=beneath,
        met=met,
    )


def _relaxed(states: States, request: Request) -> Iterator[DesiredSetting]:
    """What else has to be relaxed so that guest logons work. Raises RequestError for what may not be."""
    if request.relax is None or not request.opens_guest:
        return
    asked = {desired.setting.name for desired in request.desired_settings}
    refused = []
    for setting in GUEST_BLOCKERS:
        state = states[setting.name]
        blocks = state.observed.supported is not False and (state.in_force is not False or state.effective is not False)
        if not blocks or setting.name in asked:
            continue
        if setting.name in request.relax:
            yield DesiredSetting(setting, False)
        else:
            refused.append(setting.name)
    if refused:
        raise RequestError(
            f"A guest session can neither sign nor encrypt, and this host requires {' and '.join(refused)}: allowing "
            "guest logons alone would have no effect. Better give the server an account; or set "
            f"{' and '.join(filter(None, (assignment('relax', name) for name in refused)))}."
        )


def end_to_move(terms: ChangeTerms, snapshot: JournalSnapshot, planned: Plan) -> Entry | None:
    """The change whose end the task moves: it stands by the same name, and nothing is to be written.

    The same duration again moves nothing: else a scheduled play would keep the change for ever. Raises RequestError
    for a change that the host cannot end, whatever scope the task names.
    """
    entry = _named(terms, snapshot, planned)
    if entry is None or terms.expires_in is None or entry.lasts == int(terms.expires_in.total_seconds()):
        return None
    if any(part.cell.in_local_gpo for part in entry.parts):
        raise RequestError(f"The change {entry.change_id} cannot expire: it wrote to the local GPO. {LOCAL_GPO_STAYS}")
    return entry


def _named(terms: ChangeTerms, snapshot: JournalSnapshot, planned: Plan) -> Entry | None:
    """The standing change of the task's change_id, where the task asks for an end and has nothing to write."""
    if planned.changes or terms.change_id is None or terms.expires_in is None:
        return None
    entry = snapshot.stack.get(terms.change_id)
    return entry if entry and entry.stands else None


def _rehearse(
    view: HostView, terms: ChangeTerms, snapshot: JournalSnapshot, planned: Plan, to_move: Entry | None
) -> Entry | None:
    """Refuse what the run would refuse. Gives the change whose end moves, with its new end."""
    if planned.changes:
        settled = snapshot
        if snapshot.unfinished or snapshot.unsettled:  # the run would recover first, and drop ended changes then
            settled = replace(snapshot, stack=pruned(snapshot.stack, terms.keep_ended))
        new_entry(settled, terms, datetime.now(UTC), planned.changes, view.states)
    if to_move is None or terms.expires_in is None:
        return None
    return moved_end(snapshot.stack, to_move, read_clock(view.host.session), terms.expires_in).get(to_move.change_id)


def _to_recover(snapshot: JournalSnapshot) -> Iterator[str]:
    for left in snapshot.unfinished:
        yield f"An interrupted run left the change {left.change_id}: without check mode it is recovered first."


def _satisfying(
    desired_settings: Sequence[DesiredSetting], request: Request, states: States, changing: Collection[Cell]
) -> Iterator[Cell]:
    """The cells that may make the desired settings true: where the task writes; and the policy, where it alone does."""
    changed = {cell.setting for cell in changing}
    for desired in desired_settings:
        setting, observed = desired.setting, states[desired.setting.name].observed
        scopes = {scope for scope in request.rules.scopes if setting.has(scope.layer)}
        policy = observed.layer(Layer.POLICY)
        alone = setting not in changed and observed.layer(Layer.LOCAL) is None
        if alone and policy is not None and as_bool(policy) is desired.value:
            scopes.add(Scope.POLICY)
        yield from (Cell(setting, scope) for scope in Scope if scope in scopes)


def _makers(
    snapshot: JournalSnapshot, cells: Iterable[Cell], states: States, changing: Collection[Cell]
) -> dict[Cell, Entry]:
    """The changes that have left what the cells hold. Another value is somebody else's: no expiry touches it."""
    by = {cell: snapshot.stack.get(snapshot.stack.over(cell, seen(cell, states[cell.setting.name]))) for cell in cells}
    return {cell: entry for cell, entry in by.items() if entry is not None and cell not in changing}


def _unique(entries: Iterable[Entry | None]) -> tuple[Entry, ...]:
    return tuple({entry.seq: entry for entry in entries if entry}.values())


def _reservations(
    request: Request, snapshot: JournalSnapshot, planned: Plan, met: Mapping[Cell, Entry]
) -> Iterator[str]:
    """What a user may not expect of a setting that is as desired already. met: the cells that a change made so."""
    if request.terms.expires_in and not planned.changes and _named(request.terms, snapshot, planned) is None:
        yield (
            f"{option('expires_in')} has no effect: every setting has the requested value already, and nothing was "
            "written that could expire."
        )
    for cell, by in met.items():
        if by.expires_at and by.change_id.lower() != (request.terms.change_id or "").lower():
            yield (
                f"{cell} has the requested value only until {stamp(by.expires_at)}, when the change {by.change_id} "
                "expires. Revert that change first to make the value last."
            )
