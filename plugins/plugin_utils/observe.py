# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a host's settings, layer by layer, in as few requests as the layers allow.

Every request is a round trip, and StdRegProv reads one value per request. So a key is listed first where that can
save reads: the keys of policy and MDM are mostly absent, and the local key is mostly silent about our settings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .state import LayerValue, Observed, Reading, SettingState, judge
from .tables.os_defaults import NOT_KNOWN
from .tables.settings import KEYS, Layer, Setting, Side
from .windows.operating_system import OperatingSystem
from .windows.registry import Registry, RegistryType, WrongType
from .windows.smb_configuration import get_configuration
from .winrm.session import Session

# Up to so many values of one key are read straight away: listing the key would cost as much as it can save.
_FEW = 3


class Observer:
    """Observes one host. The operating system is known only where the caller read it; defaults need it."""

    def __init__(self, session: Session, registry: Registry, system: OperatingSystem | None = None) -> None:
        self._session = session
        self._registry = registry
        self.system = system

    def observe(
        self, settings: Collection[Setting], governing: Collection[Setting] = (), beside: Collection[Setting] = ()
    ) -> dict[str, SettingState]:
        """The state of each setting, by name.

        governing: more settings, without their local layer. beside: more settings, by their running value alone. Both
        tell whether guest access works, at the price of the values that policy or MDM hold, and of nothing.
        """
        local, layered = settings, [*settings, *governing]
        settings = [*layered, *beside]
        running = {
            side: get_configuration(self._session, side) for side in Side if any(s.side is side for s in settings)
        }
        supported = [setting for setting in settings if setting.cim_property in running[setting.side]]
        layers: dict[str, dict[Layer, LayerValue]] = {setting.name: {} for setting in settings}
        for layer in (Layer.POLICY, Layer.MDM):
            self._read_governing(layer, [s for s in supported if s in layered and s.has(layer)], layers)
        for side in Side:
            self._read_local(side, [s for s in supported if s.side is side and s in local], layers)
        states = {}
        for setting in settings:
            value = running[setting.side].get(setting.cim_property)
            observed = Observed(
                supported=setting in supported,
                running=value if isinstance(value, bool) else None,
                layers=layers[setting.name],
                default=self.system.default(setting) if self.system else NOT_KNOWN,
            )
            states[setting.name] = judge(setting, observed)
        return states

    def _read_governing(
        self, layer: Layer, settings: list[Setting], found: Mapping[str, dict[Layer, LayerValue]]
    ) -> None:
        """Policy or MDM of both sides. With two keys to look for, their common parent tells which of them exist."""
        sides = [side for side in Side if any(setting.side is side for setting in settings)]
        if len(sides) > 1:
            parent = KEYS[sides[0]][layer].rpartition("\\")[0]
            present = {name.lower() for name in self._registry.subkeys(parent)}
            sides = [side for side in sides if KEYS[side][layer].rpartition("\\")[2].lower() in present]
        for side in sides:
            self._read_listed(KEYS[side][layer], layer, [s for s in settings if s.side is side], found)

    def _read_local(self, side: Side, settings: list[Setting], found: Mapping[str, dict[Layer, LayerValue]]) -> None:
        key = KEYS[side][Layer.LOCAL]
        if len(settings) > _FEW:
            self._read_listed(key, Layer.LOCAL, settings, found)
            return
        for setting in settings:
            found[setting.name][Layer.LOCAL] = self._read(key, setting.names[Layer.LOCAL])

    def _read_listed(
        self, key: str, layer: Layer, settings: list[Setting], found: Mapping[str, dict[Layer, LayerValue]]
    ) -> None:
        types = self._registry.value_types(key)
        for setting in settings:
            kind = types.get(setting.names[layer].lower())
            if kind == RegistryType.REG_DWORD:
                found[setting.name][layer] = self._read(key, setting.names[layer])
            elif kind is not None:
                found[setting.name][layer] = Reading.WRONG_TYPE

    def _read(self, key: str, name: str) -> LayerValue:
        try:
            value = self._registry.dword(key, name)
        except WrongType:
            return Reading.WRONG_TYPE
        return Reading.ABSENT if value is None else value
