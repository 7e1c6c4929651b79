# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted and what was observed to an ordered list of changes. Pure: no I/O; nothing is decided later."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RequestError
from ..state import Reading, SettingState, as_bool
from ..tables.settings import DEFAULT, GUEST, Layer, Setting

SCOPES = (Layer.LOCAL, Layer.POLICY)


@dataclass(frozen=True)
class Wish:
    """What the task asks of one setting. value: None is `default`."""

    setting: Setting
    value: bool | None

    @property
    def word(self) -> str:
        return DEFAULT if self.value is None else self.setting.words.word(self.value)


@dataclass(frozen=True)
class Change:
    """One write. `before`, `after`: the value in that layer, None where absent (so `after` None means delete)."""

    setting: Setting
    layer: Layer
    before: bool | None
    after: bool | None

    @property
    def location(self) -> str:
        return self.setting.location(self.layer)

    @property
    def opens(self) -> bool:
        """Whether the write takes protection away: it sets, or uncovers, something else than the secure value."""
        secure = self.setting.secure
        return secure is not None and (self.after is not secure if self.after is not None else self.before is secure)

    def safest_first(self) -> tuple[int, int]:
        """Sort key: closing before everything, guest first; opening after everything, guest last; then local first."""
        guest = self.setting is GUEST
        if self.opens:
            rank = 4 if guest else 3
        elif self.setting.secure is None:
            rank = 2
        else:
            rank = 0 if guest else 1
        return (rank, SCOPES.index(self.layer))

    def as_dict(self) -> dict[str, Any]:
        return {
            "setting": self.setting.name,
            "scope": self.layer.value,
            "from": self.before,
            "to": self.after,
            "location": self.location,
        }


@dataclass(frozen=True)
class Plan:
    """changes: in the order in which they are safe to be cut off in the middle."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def plan(
    wishes: Sequence[Wish],
    states: Mapping[str, SettingState],
    scopes: Collection[Layer],
    *,
    tolerate_managed: bool,
    system: str,
) -> Plan:
    """The changes that make every wish true, or RequestError with all that stands against it.

    tolerate_managed: a stronger source that contradicts a wish is a warning, no error. system: the host's Windows, in
    words, for the errors.
    """
    problems: list[str] = []
    conflicts: list[str] = []
    changes: list[Change] = []
    for wish in wishes:
        state = states[wish.setting.name]
        problem = _impossible(wish, state, scopes, system)
        if problem:
            problems.append(problem)
            continue
        conflicts += _conflicts(wish, state, scopes)
        changes += [change for layer in SCOPES if layer in scopes for change in _changes(wish, state, layer)]
    if conflicts and not tolerate_managed:
        problems += conflicts
    if problems:
        raise RequestError(" ".join(problems) + " Nothing was written.")
    return Plan(tuple(sorted(changes, key=Change.safest_first)), tuple(conflicts))


def _impossible(wish: Wish, state: SettingState, scopes: Collection[Layer], system: str) -> str | None:
    setting = wish.setting
    if not state.observed.supported:
        return (
            f"{setting.name}={wish.word} is not supported before {setting.first_release} "
            f"(build {setting.first_build}); this host runs {system}. Leave the option out for it: "
            f"smb_guest.settings.{setting.name}.supported of client_facts tells."
        )
    if not any(setting.has(layer) for layer in scopes):
        return (
            f"{setting.name} has no policy value in Windows, only {setting.location(Layer.LOCAL)}. Add local to scope."
        )
    if Layer.LOCAL in scopes and wish.value is None and _default_unknown(state):
        default = state.observed.default
        return (
            f"{setting.name}=default cannot be written: the default of {system} is not known "
            f"({default.note or default.confidence}). Say {setting.words.true} or {setting.words.false}."
        )
    return None


def _default_unknown(state: SettingState) -> bool:
    """An unknown default only matters where something would have to be written over a local value."""
    return state.observed.default.value is None and state.observed.layer(Layer.LOCAL) is not Reading.ABSENT


def _conflicts(wish: Wish, state: SettingState, scopes: Collection[Layer]) -> list[str]:
    """Values of a stronger source that would override the wish, or write over it again."""
    setting, found = wish.setting, []
    for layer in (Layer.POLICY, Layer.MDM):
        value = as_bool(state.observed.layer(layer))
        if value is None or layer in scopes or value is _target(wish, state):
            continue
        source = "policy" if layer is Layer.POLICY else "MDM (Intune)"
        found.append(
            f"{setting.name}={wish.word} would be overridden: {source} sets {setting.location(layer)} = {int(value)} "
            f"({setting.words.word(value)}). Change it there"
            + (", or add policy to scope." if layer is Layer.POLICY else ".")
        )
    return found


def _target(wish: Wish, state: SettingState) -> bool | None:
    return state.observed.default.value if wish.value is None else wish.value


def _changes(wish: Wish, state: SettingState, layer: Layer) -> list[Change]:
    if not wish.setting.has(layer):
        return []
    wanted = _local_target(wish, state) if layer is Layer.LOCAL else _policy_target(wish, state)
    if wanted == _NOTHING:
        return []
    after = None if wanted == _DELETE else bool(wanted)
    return [Change(wish.setting, layer, as_bool(state.observed.layer(layer)), after)]


_NOTHING, _DELETE = "nothing", "delete"


def _policy_target(wish: Wish, state: SettingState) -> bool | str:
    held = state.observed.layer(Layer.POLICY)
    if wish.value is None:
        return _NOTHING if held is Reading.ABSENT else _DELETE
    return _NOTHING if as_bool(held) is wish.value else wish.value


def _local_target(wish: Wish, state: SettingState) -> bool | str:
    """What is stored and what runs must be as wanted. Where a stronger source governs, what runs proves nothing."""
    seen = state.observed
    held = seen.layer(Layer.LOCAL)
    governed = any(isinstance(seen.layer(layer), int) for layer in (Layer.POLICY, Layer.MDM))
    target = _target(wish, state)
    if wish.value is None and held is Reading.ABSENT and not seen.default.stored:
        return _NOTHING
    if target is None:
        return _NOTHING
    if held is Reading.ABSENT and wish.value is None:
        as_wanted = not governed and seen.running is target  # a stored default has to be there
    elif held is Reading.ABSENT:
        as_wanted = state.effective is target
    else:
        as_wanted = as_bool(held) is target and (governed or seen.running in (None, target))
    return _NOTHING if as_wanted else target
