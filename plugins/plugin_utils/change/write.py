# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out a plan: write in its order, read back, and fail where a write did not stick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import UnexpectedState
from ..state import Reading, SettingState, as_bool
from ..tables.settings import KEYS, Layer
from ..windows.registry import Registry
from ..windows.smb_configuration import set_configuration
from ..winrm.session import Session
from .plan import Change


def write(session: Session, registry: Registry, change: Change) -> None:
    """One write: CIM for the local layer (it takes effect at once and is kept), StdRegProv for the policy layer."""
    setting = change.setting
    if change.layer is Layer.LOCAL:
        if change.after is None:
            raise AssertionError("a local value is never deleted: on old builds its absence means something else")
        set_configuration(session, setting, change.after)
        return
    key, name = KEYS[setting.side][change.layer], setting.names[change.layer]
    if change.after is None:
        registry.delete_value(key, name)
    else:
        registry.set_dword(key, name, int(change.after))


def verify(changes: Sequence[Change], after: Mapping[str, SettingState]) -> None:
    """Raise UnexpectedState for every change that the host does not hold, naming what it holds and who wins."""
    lost = [sentence for change in changes if (sentence := _lost(change, after[change.setting.name]))]
    if lost:
        raise UnexpectedState(" ".join(lost))


def _lost(change: Change, state: SettingState) -> str | None:
    seen = state.observed
    held = seen.layer(change.layer)
    wanted = "absent" if change.after is None else int(change.after)
    governed = any(state.governed(layer) for layer in (Layer.POLICY, Layer.MDM))
    local = change.layer is Layer.LOCAL
    # SetConfiguration may store a value equal to the default by storing none: then what runs decides.
    by_running = local and held is Reading.ABSENT and not governed
    if as_bool(held) is not change.after and not by_running:
        is_now = held.value if isinstance(held, Reading) else held
        return (
            f"{change.location} was written as {wanted} and is {is_now}. Something on the host writes it back: "
            f"look for a policy or a management agent (winner: {state.winner.value})."
        )
    if local and not governed and seen.running is not change.after:
        return (
            f"{change.setting.name} was set to {change.setting.words.word(bool(change.after))}, and the host took it, "
            f"but still runs with {seen.running}. Restart the service "
            f"{'LanmanWorkstation' if change.setting.side.value == 'client' else 'LanmanServer'}, or look for a policy."
        )
    return None
