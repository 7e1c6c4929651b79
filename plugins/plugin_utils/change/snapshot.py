# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change found before it wrote, exactly enough to put it back bit for bit: types and absent values included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import UnexpectedState
from ..state import Reading, SettingState
from ..tables.settings import KEYS, Layer, Setting, Side
from ..windows.registry import Registry, RegistryType, RegistryValue
from ..windows.smb_configuration import get_configuration, set_configuration
from ..winrm.session import Session
from .plan import Change

_POLICIES = r"SOFTWARE\Policies"


@dataclass(frozen=True)
class Held:
    """One registry value behind a setting (None: absent), and for the local layer what ran beside it."""

    setting: Setting
    layer: Layer
    value: RegistryValue | None
    running: bool | None = None

    @property
    def key(self) -> str:
        return KEYS[self.setting.side][self.layer]

    @property
    def name(self) -> str:
        return self.setting.names[self.layer]

    @property
    def location(self) -> str:
        return self.setting.location(self.layer)

    @property
    def as_change(self) -> Change:
        """Putting it back, as a change: what its order among others is decided by."""
        value = self.running if self.layer is Layer.LOCAL else None
        if value is None and self.value is not None and isinstance(self.value.data, int):
            value = bool(self.value.data)
        return Change(self.setting, self.layer, None, value)


@dataclass(frozen=True)
class Snapshot:
    """held: in the order in which they are put back. missing_keys: policy keys that did not exist, deepest first."""

    held: tuple[Held, ...]
    missing_keys: tuple[str, ...] = ()


def take(registry: Registry, changes: Sequence[Change], states: Mapping[str, SettingState]) -> Snapshot:
    """Remember what the changes will overwrite. No request where the states tell it all already."""
    held = tuple(_hold(registry, change, states[change.setting.name]) for change in changes)
    keys = {item.key for item in held if item.layer is Layer.POLICY and item.value is None}
    missing = [key for policy_key in sorted(keys) for key in _missing(registry, policy_key)]
    return Snapshot(tuple(sorted(held, key=lambda item: item.as_change.safest_first())), tuple(missing))


def _hold(registry: Registry, change: Change, state: SettingState) -> Held:
    seen = state.observed.layer(change.layer)
    running = state.observed.running if change.layer is Layer.LOCAL else None
    if isinstance(seen, int):
        return Held(change.setting, change.layer, RegistryValue(RegistryType.REG_DWORD, seen), running)
    key, name = (KEYS[change.setting.side][change.layer], change.setting.names[change.layer])
    value = registry.value(key, name) if seen is Reading.WRONG_TYPE else None
    return Held(change.setting, change.layer, value, running)


def _missing(registry: Registry, key: str) -> list[str]:
    """The key and those of its parents that do not exist, deepest first."""
    missing: list[str] = []
    while key != _POLICIES:
        parent, _unused, name = key.rpartition("\\")
        if name.lower() in {found.lower() for found in registry.subkeys(parent)}:
            break
        missing.append(key)
        key = parent
    return missing


def restore(session: Session, registry: Registry, snapshot: Snapshot) -> None:
    """Put everything back, then prove it. Raises UnexpectedState for what is not as it was."""
    for item in snapshot.held:
        if item.running is not None and _running(session, item.setting) != item.running:
            set_configuration(session, item.setting, item.running)
        if registry.value(item.key, item.name) == item.value:
            continue
        if item.value is None:
            registry.delete_value(item.key, item.name)
        else:
            registry.set_value(item.key, item.name, item.value)
    for key in snapshot.missing_keys:
        if not registry.value_types(key) and not registry.subkeys(key):
            registry.delete_key(key)
    _prove(session, registry, snapshot)


def _running(session: Session, setting: Setting) -> object:
    return get_configuration(session, setting.side).get(setting.cim_property)


def _prove(session: Session, registry: Registry, snapshot: Snapshot) -> None:
    sides = {item.setting.side for item in snapshot.held if item.layer is Layer.LOCAL}
    running = {side: get_configuration(session, side) for side in Side if side in sides}
    wrong = []
    for item in snapshot.held:
        now = registry.value(item.key, item.name)
        if now != item.value:
            wrong.append(f"{item.location} is {now or 'absent'} and was {item.value or 'absent'}.")
        elif item.running is not None and running[item.setting.side].get(item.setting.cim_property) != item.running:
            wrong.append(f"{item.location} is as it was, but the running value of {item.setting.name} is not.")
    if wrong:
        raise UnexpectedState(" ".join(wrong))
