# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is special about a change of the local GPO: what it may not do as expected, and gpupdate after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..core.errors import HostError, HostState, HostUnreachable, leaving
from ..posture.state import States
from ..tables.settings import Layer, Scope
from ..windows.local_policy import LocalPolicy
from ..windows.operating_system import OperatingSystem
from ..winrm.session import Session
from .cell import Change, seen, written
from .interruption import noting
from .outcomes import Done

LOCAL_GPO_STAYS = "Nothing on the host removes an entry of Registry.pol by itself."


def reservations_of_local_gpo(
    changes: Sequence[Change], states: States, system: OperatingSystem | None
) -> Iterator[str]:
    """What a change of the local GPO may not do as expected."""
    changes = [change for change in changes if change.cell.in_local_gpo]
    if changes and system and system.edition_group == "home":
        yield (
            f"{system.caption} has no Group Policy editor, and whether it applies the files of the local GPO is "
            "not confirmed. The policy value in the registry is written as well and takes effect in any case."
        )
    alone = [
        change.cell.setting.location(Layer.POLICY)
        for change in changes
        if change.before is None and states[change.cell.setting.name].observed.layer(Layer.POLICY) is not None
    ]
    if alone:
        yield (
            f"The local GPO has no entry for {', '.join(alone)}. Once policy was refreshed after this change, "
            "reverting it restores that value, but the next refresh may delete it, because Group Policy owns it then."
        )


def refreshed(session: Session, changes: Sequence[Change], done: Done, again: Callable[[], States]) -> Done:
    """Let the host apply policy if its local GPO was changed, and look again.

    The change stands already: what goes wrong here is a warning, and rolls nothing back.

    Args:
        changes: what was written.
        done: what came of it.
        again: looks at the host.
    """
    if not any(change.cell.in_local_gpo for change in changes):
        return done
    with leaving(HostState.CHANGED), noting(HostState.CHANGED.value):
        try:
            LocalPolicy(session).refresh()
            after = again()
        except HostUnreachable:
            raise
        except HostError as error:
            return replace(
                done, warnings=(*done.warnings, f"The change stands, but gpupdate did not end well: {error}")
            )
    warnings = []
    for change in changes:
        cell, held = change.cell, seen(change.cell, after[change.cell.setting.name])
        if cell.scope is Scope.POLICY and held.stored != written(cell, change.after).stored:
            warnings.append(
                f"Policy was refreshed, and now {cell.location} is {held}: another Group Policy decides it."
            )
    return replace(done, after=after, warnings=(*done.warnings, *warnings))
