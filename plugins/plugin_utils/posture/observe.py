# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a host's settings, layer by layer, in as few requests as the layers allow.

Every request is a round trip, and StdRegProv reads one value per request. So a key is listed first where that can
save reads: the keys of policy and MDM are mostly absent, and the local key is mostly silent about our settings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from enum import IntEnum

from ..core.errors import AccessDenied, HostError, HostUnreachable
from ..core.registry_value import Stored
from ..tables.settings import KEYS, MDM_CONFLICT_KEY, MDM_CONFLICT_VALUE, Layer, Setting, Side
from ..windows.local_policy import LocalPolicy, stored
from ..windows.registry import FEW, Registry, WrongType
from ..windows.smb_configuration import get_configuration
from ..winrm.session import Session
from .client_limits import read_client_limits
from .state import Observation, Observed


class Depth(IntEnum):
    """How much of a setting is read."""

    RUNNING = 0
    """What runs, and no registry value."""
    GOVERNING = 1
    """What policy and MDM hold as well."""
    WHOLE = 2
    """The local value as well."""


def observe(
    session: Session, registry: Registry, depths: Mapping[Setting, Depth], *, local_gpo: bool = False
) -> Observation:
    """Look at settings, each as deep as asked. A side whose configuration cannot be read is silent, not an error.

    local_gpo: read what the files of the local GPO say as well, which starts PowerShell on the host.
    """
    running, silent = _read_running(session, depths)
    # None where the side did not answer: then nothing shows what this Windows has.
    known = {s: s.cim_property in running[s.side] if s.side in running else None for s in depths}
    layers: dict[Setting, dict[Layer, Stored]] = {setting: {} for setting in depths}
    # A value of a setting that this Windows does not have decides nothing, so it is not read.
    readable = [setting for setting in depths if known[setting] is not False]
    for layer in (Layer.POLICY, Layer.MDM):
        wanted = [s for s in readable if depths[s] >= Depth.GOVERNING and s.has(layer)]
        for side in _present(registry, layer, {setting.side for setting in wanted}):
            _read_listed(registry, layer, [s for s in wanted if s.side is side], layers)
    for side in Side:
        local = [s for s in readable if depths[s] is Depth.WHOLE and s.side is side]
        # Local keys are mostly silent about our settings: one list saves a request for each.
        if len(local) > FEW:
            _read_listed(registry, Layer.LOCAL, local, layers)
            continue
        for setting in local:
            layers[setting][Layer.LOCAL] = _read(registry, setting, Layer.LOCAL)
    if local_gpo:
        _read_local_gpo(session, layers)
    mdm_wins = _mdm_wins(registry) if any(map(_is_contested, layers.values())) else None
    observed = {}
    for setting in depths:
        seen = _seen(setting, running)
        looked = depths[setting] > Depth.RUNNING
        observed[setting.name] = Observed(known[setting], seen, layers[setting], looked, mdm_wins)
    return Observation(observed, silent, read_client_limits(running.get(Side.CLIENT, {})))


def _is_contested(layers: Mapping[Layer, Stored]) -> bool:
    """Whether Group Policy and MDM contradict each other about a setting."""
    policy, mdm = layers.get(Layer.POLICY), layers.get(Layer.MDM)
    return policy is not None and mdm is not None and policy != mdm


def _mdm_wins(registry: Registry) -> bool:
    """What MDMWinsOverGP says: one request, only where it matters."""
    try:
        return registry.dword(MDM_CONFLICT_KEY, MDM_CONFLICT_VALUE) == 1
    except WrongType:
        return False


def observe_again(
    session: Session,
    registry: Registry,
    earlier: Mapping[Setting, Observed],
    written: Collection[tuple[Setting, Layer]],
) -> Observation:
    """Look again at settings of which a few registry values were written: at what runs, and at those values.

    One request for each side and one for each value, without a listing. Everything else is as an earlier look saw it.
    So this look proves a write; where what runs is not as expected, something else decides, and `observe` is due.
    """
    running, silent = _read_running(session, earlier)
    observed = {}
    for setting, seen in earlier.items():
        layers = {**seen.layers, **{at: _read(registry, each, at) for each, at in written if each is setting}}
        observed[setting.name] = replace(seen, running=_seen(setting, running), layers=layers)
    return Observation(observed, silent, read_client_limits(running.get(Side.CLIENT, {})))


def _read_running(
    session: Session, settings: Iterable[Setting]
) -> tuple[Mapping[Side, Mapping[str, object]], dict[Side, str]]:
    """What each side concerned runs with; a sentence for each side that gave no configuration."""
    running: dict[Side, Mapping[str, object]] = {}
    silent: dict[Side, str] = {}
    concerned = {setting.side for setting in settings}
    for side in Side:
        if side in concerned:
            try:
                running[side] = get_configuration(session, side).values
            except (AccessDenied, HostUnreachable):
                raise
            except HostError as error:
                silent[side] = str(error)
    return running, silent


def _seen(setting: Setting, running: Mapping[Side, Mapping[str, object]]) -> bool | None:
    value = running.get(setting.side, {}).get(setting.cim_property)
    return value if isinstance(value, bool) else None


def _present(registry: Registry, layer: Layer, sides: Iterable[Side]) -> list[Side]:
    """The sides whose key may exist. With two keys to look for, their common parent shows."""
    wanted = [side for side in Side if side in sides]
    if len(wanted) <= 1:
        return wanted
    parent = KEYS[wanted[0]][layer].rpartition("\\")[0]
    present = {name.lower() for name in registry.subkeys(parent)}
    return [side for side in wanted if KEYS[side][layer].rpartition("\\")[2].lower() in present]


def _read_listed(
    registry: Registry, layer: Layer, settings: list[Setting], found: Mapping[Setting, dict[Layer, Stored]]
) -> None:
    key = KEYS[settings[0].side][layer]
    types = registry.value_types(key)
    for setting in settings:
        number = types.get(setting.names[layer].lower())
        if number is not None:
            found[setting][layer] = registry.value_of_type(key, setting.names[layer], number)


def _read_local_gpo(session: Session, found: Mapping[Setting, dict[Layer, Stored]]) -> None:
    gpo = LocalPolicy(session).read()
    for setting, layers in found.items():
        name = setting.names.get(Layer.LOCAL_GPO)
        layers[Layer.LOCAL_GPO] = stored(gpo, KEYS[setting.side][Layer.LOCAL_GPO], name) if name else None


def _read(registry: Registry, setting: Setting, layer: Layer) -> Stored:
    return registry.probably_dword(KEYS[setting.side][layer], setting.names[layer])
