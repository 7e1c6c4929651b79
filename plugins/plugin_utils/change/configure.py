# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine behind every module that changes settings: look, decide, carry out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ..core.errors import HostError, HostState, HostUnreachable, RequestError, leaving
from ..core.registry_value import as_bool
from ..core.user_names import assignment, option
from ..posture.observe import Depth
from ..posture.state import States
from ..tables.settings import GUEST, GUEST_BLOCKERS, Layer, Scope, Side
from ..windows.computer import read_clock, read_product_type
from ..windows.local_policy import LocalPolicy
from ..windows.operating_system import read_operating_system
from .attribution import attribute
from .cell import Cell, seen, written
from .host_view import HostView, predict, read_states
from .interruption import noting
from .journal import Host, JournalSnapshot
from .journal_size import fullness_warning
from .lock import locked
from .move_expiry import move_expiry
from .new_entry import ChangeTerms, moved_end, new_entry
from .outcomes import Done, Recovery
from .plan import DesiredSetting, Plan, Rules, plan
from .recovery import read_and_recover
from .result import Outcome
from .stack import Entry, Stack, stamp
from .transaction import carry_out, carry_out_journaled

_LOCAL_GPO_STAYS = "Nothing on the host removes an entry of Registry.pol by itself."
_NOTHING_ELSE = "The recovery of an interrupted run wrote values. This task wrote nothing else."


@dataclass(frozen=True)
class Request:
    """What a task asks.

    relax: settings that may be relaxed where they block guest logons that are to be allowed; None where the task does
    not mind whether they will work. risk_refused: nobody has accepted what guest logons mean.
    refuse_domain_controllers: write nothing to one. confirm: fail where what runs is not as wanted in the end.
    gpupdate: let the host apply computer policy after a change of its local GPO.
    """

    desired_settings: Sequence[DesiredSetting]
    rules: Rules = field(default_factory=Rules)
    terms: ChangeTerms = field(default_factory=ChangeTerms)
    relax: Collection[str] | None = None
    risk_refused: bool = False
    refuse_domain_controllers: bool = False
    confirm: bool = False
    gpupdate: bool = False

    @property
    def in_local_gpo(self) -> bool:
        return Scope.LOCAL_GPO in self.rules.scopes

    @property
    def opens_guest(self) -> bool:
        return any(desired.setting is GUEST and desired.value is not False for desired in self.desired_settings)


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
                f"A change of the local GPO cannot expire. {_LOCAL_GPO_STAYS} Set {assignment('scope', 'policy')}, "
                f"which the host can revert, or leave {option('expires_in')} out."
            )
        # The journal first: whoever comes between the two looks is in the journal when the host is held.
        snapshot = (host.journal.read() if check_mode else host.journal.peek()) if terms.journaled else None
        view = _look(host, request)
        outlook = _decide(view, request, snapshot, rehearse=check_mode)
    if check_mode:
        return outlook
    if snapshot is not None and (outlook.plan.changes or outlook.prolonged or _needs_lock(host, snapshot)):
        return _carry_out_journaled(host, view, snapshot, outlook, request)
    if outlook.plan.changes:
        done = _refreshed(view, request, carry_out(host, outlook.plan.changes, view.states, view.after), outlook)
        return replace(outlook, after=done.after, verified=True, warnings=(*outlook.warnings, *done.warnings))
    return outlook


def _needs_lock(host: Host, snapshot: JournalSnapshot) -> bool:
    """Whether what was seen may be another run's, half-way, or waits to be dealt with. book: from before the look."""
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
                view = _look(host, request)
                outlook = _decide(view, request, snapshot, rehearse=False)
        outlook = replace(outlook, recovery=recovery)
        with leaving(_state_after(recovery)):
            if outlook.plan.changes:
                changes = outlook.plan.changes
                done = carry_out_journaled(host, snapshot, request.terms, now, changes, view.states, view.after)
                done = _refreshed(view, request, done, outlook)
                warnings = (*outlook.warnings, *done.warnings)
                return replace(outlook, after=done.after, verified=True, entry=done.entry, warnings=warnings)
            entry = _to_prolong(request.terms, snapshot, outlook.plan)
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


# Look


def _look(host: Host, request: Request) -> HostView:
    asked = [desired.setting for desired in request.desired_settings]
    depths = dict.fromkeys(asked, Depth.WHOLE)
    if any(setting.side is Side.CLIENT for setting in asked):
        # Where guest is to be opened, what governs the settings that may block it matters; else what runs is enough.
        for setting in (GUEST, *GUEST_BLOCKERS):
            may_write = request.opens_guest and setting.name in (request.relax or ())
            beside = Depth.GOVERNING if request.opens_guest else Depth.RUNNING
            depths.setdefault(setting, Depth.WHOLE if may_write else beside)
    system = None
    if request.in_local_gpo or any(desired.value is None for desired in request.desired_settings):
        system = read_operating_system(host.session, host.registry)
    states, silent = read_states(host, depths, system, local_gpo=request.in_local_gpo)
    for setting in asked:
        if setting.side in silent:
            raise HostError(f"{setting.name} cannot be set: {silent[setting.side]}")
    if system is None and not all(states[setting.name].observed.supported for setting in asked):
        system = read_operating_system(host.session, host.registry)
    product_type = None
    if request.refuse_domain_controllers:
        product_type = system.product_type if system else read_product_type(host.session)
    return HostView(host, depths, request.in_local_gpo, states, system, product_type)


# Decide


def _decide(view: HostView, request: Request, snapshot: JournalSnapshot | None, *, rehearse: bool) -> Outcome:
    """rehearse: find all that the run would find later, as nothing follows: a name that is taken, an end that cannot
    be written."""
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
    warnings = list(_about_local_gpo(view, planned))
    entry = to_move = None
    beneath: tuple[Entry, ...] = ()
    met: dict[Cell, Entry] = {}
    if snapshot is not None:
        changing = {change.cell: seen(change.cell, view.states[change.cell.setting.name]) for change in planned.changes}
        beneath = _unique(snapshot.stack.get(snapshot.stack.over(cell, held)) for cell, held in changing.items())
        for cell in _meeting(desired_settings, request, view.states, changing):
            # A value that is not what a change has left there is somebody else's: no end touches it.
            by = snapshot.stack.get(snapshot.stack.over(cell, seen(cell, view.states[cell.setting.name])))
            if by is not None and cell not in changing:
                met[cell] = by
        warnings += _reservations(request, snapshot, planned, met)
        full = fullness_warning(snapshot.lines, [each.change_id for each in snapshot.stack.standing])
        warnings += filter(None, [*snapshot.damaged, full])
        entry = to_move = _to_prolong(request.terms, snapshot, planned)
        if rehearse:
            entry = _rehearse(view, request.terms, snapshot, planned, to_move)
            warnings += [
                f"An interrupted run left the change {left.change_id}: without check mode it is recovered first."
                for left in snapshot.unfinished
            ]
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


def _about_local_gpo(view: HostView, planned: Plan) -> Iterator[str]:
    """What a change of the local GPO may not do as expected."""
    changes = [change for change in planned.changes if change.cell.in_local_gpo]
    if changes and view.system and view.system.edition_group == "home":
        yield (
            f"{view.system.caption} has no Group Policy editor, and whether it applies the files of the local GPO is "
            "not confirmed. The policy value in the registry is written as well and takes effect in any case."
        )
    alone = [
        change.cell.setting.location(Layer.POLICY)
        for change in changes
        if change.before is None and view.states[change.cell.setting.name].observed.layer(Layer.POLICY) is not None
    ]
    if alone:
        yield (
            f"The local GPO has no entry for {', '.join(alone)}. Once policy was refreshed after this change, undoing "
            "it restores that value, but the next refresh may delete it: Group Policy takes it for its own by then."
        )


def _refreshed(view: HostView, request: Request, done: Done, outlook: Outcome) -> Done:
    """Let the host apply policy if the task asks for it and its local GPO was changed, and look again.

    The change stands already: what goes wrong here is a warning, and rolls nothing back.
    """
    if not request.gpupdate or not any(change.cell.in_local_gpo for change in outlook.plan.changes):
        return done
    with leaving(HostState.CHANGED), noting(HostState.CHANGED.value):
        try:
            LocalPolicy(view.host.session).refresh()
            after = view.again()
        except HostUnreachable:
            raise
        except HostError as error:
            return replace(
                done, warnings=(*done.warnings, f"The change stands, but gpupdate did not end well: {error}")
            )
    warnings = []
    for change in outlook.plan.changes:
        cell, held = change.cell, seen(change.cell, after[change.cell.setting.name])
        if cell.scope is Scope.POLICY and held.stored != written(cell, change.after).stored:
            warnings.append(
                f"Policy was refreshed, and now {cell.location} is {held}: another Group Policy decides it."
            )
    return replace(done, after=after, warnings=(*done.warnings, *warnings))


def _to_prolong(terms: ChangeTerms, snapshot: JournalSnapshot, planned: Plan) -> Entry | None:
    """The change whose end the task moves: it stands by the same name, and nothing is to be written.

    The same duration again moves nothing: else a scheduled play would keep the change for ever. Raises RequestError
    for a change that the host cannot end, whatever scope the task names.
    """
    entry = _named(terms, snapshot, planned)
    if entry is None or terms.expires_in is None or entry.lasts == int(terms.expires_in.total_seconds()):
        return None
    if any(part.cell.in_local_gpo for part in entry.parts):
        raise RequestError(f"The change {entry.change_id} cannot expire: it wrote to the local GPO. {_LOCAL_GPO_STAYS}")
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
        new_entry(snapshot, terms, datetime.now(UTC), planned.changes, view.states)
    if to_move is None or terms.expires_in is None:
        return None
    return moved_end(snapshot.stack, to_move, read_clock(view.host.session), terms.expires_in).get(to_move.change_id)


def _meeting(
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
