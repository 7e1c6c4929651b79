# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that an examination could touch, read before and after: the proof that it left nothing."""

from __future__ import annotations

from ..change.marks import CHANGES, ROOT
from ..core.errors import HostError, HostUnreachable
from ..core.registry_value import as_text
from ..tables.settings import KEYS, Layer, Side, on_side
from ..windows.scheduled_task import FOLDER, task_exists
from ..windows.smb_configuration import get_configuration
from .examination import Examination
from .registry_writes import KEY
from .service_writes import server_state
from .smb_writes import HARMLESS, running
from .task_writes import NAME

Look = dict[str, str]
"""Place to what it holds, in words."""


def look(exam: Examination) -> Look:
    """What the host holds now."""
    found: Look = {f"HKLM\\{path}": _exists(exam, path) for path in _keys()}
    for side in Side:
        for layer in (Layer.LOCAL, Layer.POLICY):
            key = KEYS[side][layer]
            names = [row.names[layer] for row in on_side(side) if row.has(layer)]
            names += [HARMLESS] if layer is Layer.LOCAL else []
            types = exam.registry.value_types(key)
            for name in names:
                number = types.get(name.lower())
                value = None if number is None else exam.registry.value_of_type(key, name, number)
                found[f"HKLM\\{key}\\{name}"] = as_text(value)
        found |= _runs(exam, side)
    found[f"{HARMLESS} of the client"] = str(running(exam, HARMLESS))
    found[f"the service {Side.SERVER.service}"] = server_state(exam)
    found[f"the scheduled task {FOLDER}{NAME}"] = str(task_exists(exam.session, NAME))
    return found


def _keys() -> list[str]:
    policies = [KEYS[side][Layer.POLICY] for side in Side]
    return [ROOT.rpartition("\\")[0], ROOT, CHANGES, f"{CHANGES}\\{NAME}~reverted", KEY, *policies]


def _exists(exam: Examination, path: str) -> str:
    parent, _unused, name = path.rpartition("\\")
    return "there" if name.lower() in {known.lower() for known in exam.registry.subkeys(parent)} else "absent"


def _runs(exam: Examination, side: Side) -> Look:
    try:
        values = get_configuration(exam.session, side).values
    except HostUnreachable:
        raise
    except HostError:
        return {f"the running {side.value}": "not readable"}
    return {f"{name} of the running {side.value}": str(value) for name, value in sorted(values.items())}


def differences(before: Look, after: Look) -> list[str]:
    """What is not as it was, a sentence each."""
    return [
        f"{place} was {before.get(place, 'absent')} and is {after.get(place, 'absent')}."
        for place in sorted(before.keys() | after.keys())
        if before.get(place) != after.get(place)
    ]
