# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cells of a host hold right now: the one place that reads it for undoing and proving."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..core.errors import AccessDenied, HostError, HostUnreachable
from ..core.registry_value import Stored
from ..tables.settings import KEYS, Layer, Scope, Setting, Side
from ..windows import local_policy
from ..windows.local_policy import LocalPolicy
from ..windows.registry import Registry
from ..windows.smb_configuration import get_configuration
from ..winrm.session import Session
from .cell import Cell, CellValue

POLICIES = r"SOFTWARE\Policies"


def read_places(session: Session, registry: Registry, cells: Collection[Cell]) -> dict[Cell, CellValue]:
    """What each cell holds. A request for each side with a local cell, one for each key, one for each value there;
    the files of the local GPO once.

    A side that gives no configuration runs with nothing that is known.
    """
    running = {side: _running(session, side) for side in Side if any(_is_local(cell, side) for cell in cells)}
    stored: dict[Cell, Stored] = {}
    in_registry = [cell for cell in cells if not cell.in_local_gpo]
    for key in dict.fromkeys(cell.key for cell in in_registry):
        types = registry.value_types(key)
        for cell in in_registry:
            if cell.key == key:
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
