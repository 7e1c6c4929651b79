# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undo journaled changes exactly: every value, its type, and its absence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import NOTHING_WRITTEN, RequestError, stating
from ..state import as_bool
from .host import Host
from .journal import Entry, Status
from .plan import Change
from .recovery import Recovery, changed_since, close, recover
from .snapshot import Held, restore


@dataclass(frozen=True)
class Selection:
    """Which changes to undo: one by its id, the latest that still stands, those that wait for their expiry, or all."""

    change_id: str | None = None
    latest: bool = False
    expiring: bool = False


@dataclass(frozen=True)
class Reverted:
    """What was undone, or in check mode would be, newest change first.

    changes: the writes that this takes. damaged: a sentence for each journal entry that could not be used.
    """

    entries: tuple[Entry, ...]
    changes: tuple[Change, ...]
    damaged: tuple[str, ...] = ()
    recovery: Recovery | None = None


def revert(host: Host, selection: Selection, *, force: bool, check_mode: bool) -> Reverted:
    """Undo the selected changes, newest first. Raises RequestError where somebody changed a value since (not forced).

    A change that was undone already is no error and no change.
    """
    if check_mode:
        return _plan(host, selection, force)
    with stating(NOTHING_WRITTEN):
        selected, damaged = _select(host, selection)
    if not selected:
        return Reverted((), (), damaged)
    with host.held():
        recovery = recover(host)
        with stating(NOTHING_WRITTEN):
            planned = _plan(host, selection, force)
        undone: list[Entry] = []
        for entry in planned.entries:
            with stating("Some values may have been put back already: run it again to finish.", changed=True):
                restore(host.session, host.registry, entry.before)
                undone.append(close(host, entry, Status.REVERTED, "reverted"))
    return replace(planned, entries=tuple(undone), recovery=recovery)


def _select(host: Host, selection: Selection) -> tuple[list[Entry], tuple[str, ...]]:
    """The changes to undo, newest first (none where nothing is left to undo), and what of the journal is damaged."""
    if selection.change_id is not None:
        entry = host.journal.read(selection.change_id)
        if entry is None:
            known = ", ".join(sorted(host.journal.change_ids())) or "none"
            raise RequestError(
                f"This host's journal has no change {selection.change_id}. It has: {known}. Nothing was written."
            )
        return ([entry] if entry.revertible else []), ()
    entries, damaged = host.journal.entries()
    standing = [entry for entry in reversed(entries) if entry.revertible]
    if selection.expiring:
        standing = [entry for entry in standing if entry.expires_at]
    return (standing[:1] if selection.latest else standing), tuple(damaged)


def _plan(host: Host, selection: Selection, force: bool) -> Reverted:
    """What undoing will write, seen from what the host holds now."""
    entries, damaged = _select(host, selection)
    now: dict[str, bool | None] = {}
    changes: list[Change] = []
    overlaid: set[str] = set()
    for entry in entries:
        _refuse_foreign(host, entry, overlaid, force)
        for item in entry.before.held:
            if item.location not in now:
                value = host.registry.value(item.key, item.name)
                now[item.location] = _boolean(replace(item, value=value))
            target = _boolean(item)
            if now[item.location] != target:
                changes.append(Change(item.setting, item.layer, now[item.location], target))
            now[item.location] = target
            overlaid.add(item.location)
    return Reverted(tuple(entries), tuple(changes), damaged)


def _refuse_foreign(host: Host, entry: Entry, overlaid: set[str], force: bool) -> None:
    """Stop where somebody else set a value since. What a newer change in the same run puts back is not foreign."""
    foreign = {where: what for where, what in changed_since(host, entry).items() if where not in overlaid}
    if foreign and not force:
        found = "; ".join(f"{where} is now {what}" for where, what in sorted(foreign.items()))
        raise RequestError(
            f"Somebody changed a value since the change {entry.change_id}: {found}. Undo that first, or say "
            "force: true to restore what the journal recorded all the same. Nothing was written."
        )


def _boolean(item: Held) -> bool | None:
    data = item.value.data if item.value else None
    return as_bool(data) if isinstance(data, int) else None


def as_result(reverted: Reverted) -> Mapping[str, Any]:
    """The part of the module's result that the journal knows."""
    return {
        "changed": bool(reverted.entries) or bool(reverted.recovery and reverted.recovery.changed),
        "reverted": [entry.as_dict() for entry in reverted.entries],
        "changes": [change.as_dict() for change in reverted.changes],
        "reboot_required": False,
        "reconnect_required": any(change.setting.secure is not None for change in reverted.changes),
    }
