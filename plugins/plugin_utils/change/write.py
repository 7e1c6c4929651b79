# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads cells, writes to them and proves it: a plan forwards, and restoring.

Local cells go through the CIM method SetConfiguration (in force at once, and kept), neighbours of one side in one
call; policy cells through the registry provider; cells of the local GPO in one edit of its files, which comes last
because nothing takes effect by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..core.errors import AccessDenied, HostError, HostUnreachable, UnexpectedState
from ..core.registry_value import Stored, dword
from ..posture.state import SettingState, States
from ..tables.settings import KEYS, Layer, Scope, Setting, Side
from ..windows import local_policy
from ..windows.local_policy import LocalPolicy, write_values
from ..windows.registry import FEW, Registry
from ..windows.smb_configuration import get_configuration, set_configuration
from ..winrm.session import Session
from .cell import Cell, CellValue, Change, holds, seen, written
from .write_order import safest_first

POLICIES = r"SOFTWARE\Policies"


def read_places(session: Session, registry: Registry, cells: Collection[Cell]) -> dict[Cell, CellValue]:
    """What each cell holds. A request for each side with a local cell and one for each value; one for a key of which
    many values are asked for, so that those that are absent cost nothing; the files of the local GPO once.

    A side that gives no configuration runs with nothing that is known.
    """
    running = {side: _running(session, side) for side in Side if any(_is_local(cell, side) for cell in cells)}
    stored: dict[Cell, Stored] = {}
    in_registry = [cell for cell in cells if not cell.in_local_gpo]
    for key in dict.fromkeys(cell.key for cell in in_registry):
        there = [cell for cell in in_registry if cell.key == key]
        types = registry.value_types(key) if len(there) > FEW else None
        for cell in there:
            if types is None:
                stored[cell] = registry.probably_dword(key, cell.name)
            else:
                number = types.get(cell.name.lower())
                stored[cell] = None if number is None else registry.value_of_type(key, cell.name, number)
    if in_files := [cell for cell in cells if cell.in_local_gpo]:
        gpo = LocalPolicy(session).read()
        stored |= {cell: local_policy.stored(gpo, cell.key, cell.name) for cell in in_files}
    return {cell: CellValue(stored[cell], _of(cell, running)) for cell in cells}


def _running(session: Session, side: Side) -> Mapping[str, object]:
    try:
        return get_configuration(session, side).values
    except (AccessDenied, HostUnreachable):
        raise
    except HostError:
        return {}


def _is_local(cell: Cell, side: Side) -> bool:
    return cell.is_local and cell.setting.side is side


def _of(cell: Cell, running: Mapping[Side, Mapping[str, object]]) -> bool | None:
    value = running[cell.setting.side].get(cell.setting.cim_property) if cell.is_local else None
    return value if isinstance(value, bool) else None


def governors(registry: Registry, settings: Collection[Setting]) -> dict[str, str]:
    """Settings, by name, that a policy or MDM governs now, and where. A request for each key that may exist."""
    found: dict[str, str] = {}
    for layer in (Layer.MDM, Layer.POLICY):
        for side in Side:
            concerned = [s for s in settings if s.side is side and s.has(layer)]
            types = registry.value_types(KEYS[side][layer]) if concerned else {}
            found |= {s.name: s.location(layer) for s in concerned if s.names[layer].lower() in types}
    return found


def missing_keys(registry: Registry, cells: Collection[Cell]) -> list[str]:
    """Policy keys of cells, and parents of them, that do not exist, deepest first."""
    missing: list[str] = []
    for policy_key in sorted({cell.key for cell in cells if cell.scope is Scope.POLICY}):
        key = policy_key
        while key != POLICIES:
            parent, _unused, name = key.rpartition("\\")
            if name.lower() in {found.lower() for found in registry.subkeys(parent)}:
                break
            missing.append(key)
            key = parent
    return missing


def write(
    session: Session, registry: Registry, changes: Sequence[Change], before: States, missing: Sequence[str] = ()
) -> None:
    """Carry out changes in their order. The caller reads back. missing: keys that were seen not to exist."""
    absent = set(missing)
    for _batch, group in groupby(changes, key=lambda change: _together(change.cell)):
        neighbours = list(group)
        first = neighbours[0].cell
        if first.is_local:
            _write_local(session, first.setting.side, neighbours, before)
            continue
        if first.in_local_gpo:
            write_values(session, {_place(each.cell): written(each.cell, each.after).stored for each in neighbours})
            continue
        for change in neighbours:
            if change.after is None:
                registry.delete_value(change.cell.key, change.cell.name)
            else:
                if change.cell.key in absent:
                    registry.create_key(change.cell.key)
                    absent.remove(change.cell.key)
                registry.set_value(change.cell.key, change.cell.name, dword(change.after))


def _together(cell: Cell) -> tuple[Scope, Side | None]:
    """Cells that are written in one request follow each other."""
    return cell.scope, None if cell.in_local_gpo else cell.setting.side


def _place(cell: Cell) -> tuple[str, str]:
    return cell.key, cell.name


def _write_local(session: Session, side: Side, changes: Sequence[Change], before: States) -> None:
    values = {}
    for change in changes:
        if change.after is None:
            raise AssertionError("a local value is never deleted: on old builds its absence means something else")
        values[change.cell.setting.cim_property] = change.after
    try:
        set_configuration(session, side, values)
    except AccessDenied as error:
        settings = [change.cell.setting for change in changes]
        governed = [s for s in settings if before[s.name].observed.layer(Layer.POLICY) is not None]
        if not governed:
            raise
        raise HostError(
            f"Windows refused to set {', '.join(s.name for s in settings)} beneath the policy that governs "
            f"{', '.join(s.location(Layer.POLICY) for s in governed)}. Change it there."
        ) from error


def verify(changes: Sequence[Change], after: States) -> None:
    """Raise UnexpectedState for every change that the host does not hold, naming what it holds and who wins."""
    lost = [sentence for change in changes if (sentence := _lost(change, after[change.cell.setting.name]))]
    if lost:
        raise UnexpectedState(" ".join(lost))


def _lost(change: Change, state: SettingState) -> str | None:
    cell, held, governed = change.cell, seen(change.cell, state), state.observed.governed()
    if holds(cell, held, change.after, governed=governed) or (governed and _default_by_none(change, held)):
        return None
    wanted = "absent" if change.after is None else str(int(change.after))
    if not holds(cell, CellValue(held.stored, change.after), change.after, governed=governed):
        return (
            f"{cell.location} was written as {wanted} and is {held}. Something on the host writes it back: "
            f"look for a policy or a management agent (winner: {state.winner.value})."
        )
    return (
        f"{cell.setting.name} was set to {cell.setting.words.word(bool(change.after))}, and the host took it, but "
        f"still runs with {held.running}. Restart the service {cell.setting.side.service}, or look for a policy."
    )


def _default_by_none(change: Change, held: CellValue) -> bool:
    """Whether SetConfiguration has stored the default by storing none. What runs tells that, but not under a policy."""
    return change.cell.is_local and change.before is not None and held.stored is None


@dataclass(frozen=True)
class Restoration:
    """How restoring went. wrong: a sentence for each cell that is not as it should be. governed: cells whose stored
    value is right, while a policy or MDM decides what runs, each with where. left_keys: a sentence for each empty
    policy key that could not be removed."""

    wrong: tuple[str, ...]
    governed: tuple[str, ...]
    left_keys: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """Sentences for the user about what runs otherwise and which empty keys stay; empty where all is well."""
        where = "; ".join(self.governed)
        elsewhere = [f"The stored values were restored; what runs is decided elsewhere: {where}."] if where else []
        return " ".join([*elsewhere, *self.left_keys])


def write_back(
    session: Session,
    registry: Registry,
    targets: Mapping[Cell, CellValue],
    made_keys: Sequence[str] = (),
    *,
    now: Mapping[Cell, CellValue] | None = None,
) -> Restoration:
    """Write to each cell what it should hold, type, data or absence, and prove it. made_keys: policy keys to remove
    where they are empty then, deepest first. now: what the cells hold, where that was just read.

    In the order in which a change is written, but policy before local: some Windows forbid writing beneath a policy.
    That is as safe: between the two a setting is what its local value says, which is where it was or where it goes.
    One cell that cannot be restored keeps no other from it. A second attempt follows where the first one left
    something, since a local value may be writable only when the policy above it is gone.
    """
    refused: dict[Cell, str] = {}
    now = now or read_places(session, registry, targets)
    wrong = _not_due(targets, now, {})
    governing: dict[str, str] = {}
    for _attempt in range(2):
        if not wrong:
            break
        work = {cell: (now[cell], targets[cell]) for cell in _undoing_order(wrong, targets, now)}
        refused = _write_back(session, registry, work)
        now = read_places(session, registry, targets)
        wrong = _not_due(targets, now, {})
        governing = governors(registry, {cell.setting for cell in wrong})
        wrong = _not_due(targets, now, governing)
    left_keys = tuple(_remove_empty(registry, made_keys))
    reasons = tuple(_why(cell, now[cell], targets[cell], refused.get(cell, "")) for cell in wrong)
    governed = [cell for cell in _not_due(targets, now, {}) if cell not in wrong]
    elsewhere = tuple(f"{cell.setting.name} by {governing[cell.setting.name]}" for cell in governed)
    return Restoration(reasons, elsewhere, left_keys)


def _remove_empty(registry: Registry, keys: Sequence[str]) -> Iterator[str]:
    """Remove the keys that are empty. Gives a sentence for each that stays: it decides nothing, so it is no failure."""
    for key in keys:
        # Twice, because no later run comes back for a key that a passing fault left.
        refused = _remove_if_empty(registry, key) and _remove_if_empty(registry, key)
        if refused:
            yield f"The empty policy key HKLM\\{key} may be there still; it decides nothing. {refused}"


def _remove_if_empty(registry: Registry, key: str) -> HostError | None:
    """Remove a key without values and subkeys; return what kept it. Raises HostUnreachable.

    Its values are looked at last: they go with it, and a policy may arrive at any moment.
    """
    try:
        if not registry.subkeys(key) and not registry.value_types(key):
            registry.delete_key(key)
    except HostUnreachable:
        raise
    except HostError as error:
        return error
    return None


def _not_due(
    targets: Mapping[Cell, CellValue], now: Mapping[Cell, CellValue], governing: Collection[str]
) -> list[Cell]:
    """Cells that are not as they should be. What runs proves nothing where it is not known or decided elsewhere."""
    return [
        cell
        for cell, target in targets.items()
        if now[cell].stored != target.stored
        or (cell.setting.name not in governing and _runs_otherwise(now[cell], target))
    ]


def _runs_otherwise(now: CellValue, target: CellValue) -> bool:
    return None not in (target.to_run, now.running) and now.running != target.to_run


def _why(cell: Cell, now: CellValue, target: CellValue, refused: str) -> str:
    if now.stored != target.stored:
        return f"{cell.location} is {now} and should be {target}. {refused}".rstrip()
    return f"{cell.location} is as it was, but the running value of {cell.setting.name} is not. {refused}".rstrip()


def _undoing_order(
    cells: Collection[Cell], targets: Mapping[Cell, CellValue], now: Mapping[Cell, CellValue]
) -> list[Cell]:
    """Closing before opening, as for a change; within that policy before local."""

    def key(cell: Cell) -> tuple[bool, int, bool, int]:
        opens = Change(cell, now[cell].stored, targets[cell].to_run).opens
        group, rank = safest_first(cell, opens=opens)
        return cell.in_local_gpo, group, cell.is_local, rank

    return sorted(cells, key=key)


def _write_back(
    session: Session, registry: Registry, work: Mapping[Cell, tuple[CellValue, CellValue]]
) -> dict[Cell, str]:
    """Write each cell; what runs first, since that stores a value of its own. Gives why a cell was refused."""
    refused: dict[Cell, str] = {}
    for (_scope, side), group in groupby(work, key=_together):
        cells = list(group)
        if side is None:
            refused |= _write_files_back(session, {cell: work[cell][1].stored for cell in cells})
            continue
        running = {
            cell.setting.cim_property: to_run
            for cell in cells
            if _runs_otherwise(*work[cell]) and (to_run := work[cell][1].to_run) is not None
        }
        try:
            if running:
                set_configuration(session, side, running)
        except HostUnreachable:
            raise
        except HostError as error:
            refused |= dict.fromkeys(cells, str(error))
        for cell in cells:
            stored = work[cell][1].stored
            if (
                cell.setting.cim_property in running
                and cell not in refused
                and stored == dword(bool(work[cell][1].to_run))
            ):
                continue  # SetConfiguration has stored it
            try:
                if stored is None:
                    registry.delete_value(cell.key, cell.name)
                else:
                    registry.set_value(cell.key, cell.name, stored)
            except HostUnreachable:
                raise
            except HostError as error:
                refused[cell] = str(error)
    return refused


def _write_files_back(session: Session, wanted: Mapping[Cell, Stored]) -> dict[Cell, str]:
    """The cells of the local GPO: all of them, or none and why."""
    try:
        write_values(session, {_place(cell): stored for cell, stored in wanted.items()})
    except HostUnreachable:
        raise
    except HostError as error:
        return dict.fromkeys(wanted, str(error))
    return {}
