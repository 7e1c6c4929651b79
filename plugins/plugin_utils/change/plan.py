# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted and what was observed to an ordered list of changes. Pure: no I/O; nothing is decided later.

Order: the client is closed first, then the server is dealt with, and the client is opened last; guest logons first
and last of all. Cut off anywhere, a host is never more open than it was or was meant to become. Within that order
local settings of one side stand next to each other, so that one SetConfiguration carries them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..core.errors import RequestError
from ..core.registry_value import as_bool, as_text
from ..posture.state import SettingState
from ..tables.settings import DEFAULT, Layer, Scope, Setting
from .cell import Cell, Change, holds, seen
from .write_order import in_order


@dataclass(frozen=True)
class DesiredSetting:
    """What the task asks of one setting. value: None is `default`."""

    setting: Setting
    value: bool | None

    @property
    def word(self) -> str:
        return DEFAULT if self.value is None else self.setting.words.word(self.value)


@dataclass(frozen=True)
class Rules:
    """How the desired settings are to come true.

    scopes: where to write. tolerate_managed: a stronger layer that decides otherwise is a warning and no error.
    skip_unsupported: leave out what this Windows does not have. optional: settings that are left out, with a warning,
    where they are not supported or something stronger decides otherwise.
    """

    scopes: Collection[Scope] = (Scope.LOCAL,)
    tolerate_managed: bool = False
    skip_unsupported: bool = False
    optional: Collection[str] = ()


@dataclass(frozen=True)
class Plan:
    """changes: in order. skipped: names of settings that were left out."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def plan(
    desired_settings: Sequence[DesiredSetting], states: Mapping[str, SettingState], rules: Rules, *, system: str
) -> Plan:
    """The changes that make every desired setting true, or RequestError with all that stands against it.

    system: the host's Windows, in words, for the errors.
    """
    found = _Findings()
    for desired in desired_settings:
        _consider(desired, states[desired.setting.name], rules, system, found)
    if not rules.tolerate_managed:
        found.problems += found.conflicts
    if found.problems:
        raise RequestError(" ".join(found.problems))
    warnings = (*found.conflicts, *found.warnings)
    return Plan(in_order(found.changes), warnings, tuple(found.skipped))


def _consider(desired: DesiredSetting, state: SettingState, rules: Rules, system: str, found: _Findings) -> None:
    name = desired.setting.name
    unsupported = state.observed.supported is False
    problem = _impossible(desired, state, rules.scopes, system)
    conflicts = [] if problem else list(_conflicts(desired, state, rules.scopes))
    if name in rules.optional and (problem or conflicts):
        found.skipped.append(name)
        found.warnings += [f"{name} was left as it is. {why}" for why in conflicts]
    elif unsupported and rules.skip_unsupported:
        found.skipped.append(name)
    elif problem:
        found.problems.append(problem)
    else:
        found.conflicts += conflicts
        found.changes += [
            change for scope in Scope if scope in rules.scopes for change in _changes(desired, state, scope)
        ]


def _impossible(desired: DesiredSetting, state: SettingState, scopes: Collection[Scope], system: str) -> str | None:
    setting = desired.setting
    if state.observed.supported is False:
        return (
            f"{setting.name}={desired.word} is not supported before {setting.first_release} "
            f"(build {setting.first_build}); this host runs {system}. Leave the option out for it, or say "
            f"unsupported: skip; smb_guest.settings.{setting.name}.supported of client_facts tells."
        )
    if not any(setting.has(scope.layer) for scope in scopes):
        return (
            f"{setting.name} has no policy value in Windows, only {setting.location(Layer.LOCAL)}. Add local to scope."
        )
    for scope in scopes:
        held = state.observed.layer(scope.layer)
        if held is not None and not held.restorable:
            where = setting.location(scope.layer)
            return f"{where} holds a value of {held}, which could not be put back. Clean it up first."
    if Scope.LOCAL in scopes and desired.value is None and _default_unknown(state):
        default = state.default
        return (
            f"{setting.name}=default cannot be written: the default of {system} is not known "
            f"({default.note or default.confidence}). Say {setting.words.true} or {setting.words.false}."
        )
    return None


def _default_unknown(state: SettingState) -> bool:
    """An unknown default only matters where something would have to be written over a local value."""
    return state.default.value is None and state.observed.layer(Layer.LOCAL) is not None


def _conflicts(desired: DesiredSetting, state: SettingState, scopes: Collection[Scope]) -> Iterator[str]:
    """Values of a stronger source that would override the desired setting, or write over it again."""
    setting = desired.setting
    for layer in (Layer.POLICY, Layer.MDM):
        held = state.observed.layer(layer)
        value = as_bool(held)
        ours = any(scope.layer is layer for scope in scopes)
        if held is None or ours or (value is not None and value is _target(desired, state)):
            continue
        source = "policy" if layer is Layer.POLICY else "MDM (Intune)"
        way_out = ", or add policy to scope." if layer is Layer.POLICY else "."
        if layer is Layer.POLICY and state.policy_source:
            source = f"policy ({state.policy_source})"
            if state.policy_source.guid:
                way_out = ": a value written over it lasts until that GPO is applied again."
        word = "" if value is None else f" ({setting.words.word(value)})"
        yield (
            f"{setting.name}={desired.word} would be overridden: {source} sets {setting.location(layer)} = "
            f"{as_text(held)}{word}. Change it there{way_out}"
        )


def in_conflict(
    desired_settings: Sequence[DesiredSetting], states: Mapping[str, SettingState], rules: Rules
) -> list[Setting]:
    """The settings that a policy value contradicts: those for which it is worth asking who wrote it."""
    return [
        desired.setting
        for desired in desired_settings
        if (state := states[desired.setting.name]).observed.supported is not False
        and state.observed.layer(Layer.POLICY) is not None
        and any(_conflicts(desired, state, rules.scopes))
    ]


def _target(desired: DesiredSetting, state: SettingState) -> bool | None:
    return state.default.value if desired.value is None else desired.value


def _changes(desired: DesiredSetting, state: SettingState, scope: Scope) -> list[Change]:
    if not desired.setting.has(scope.layer):
        return []
    cell = Cell(desired.setting, scope)
    target = _target(desired, state) if cell.is_local else desired.value
    stored = state.observed.layer(scope.layer)
    if holds(cell, seen(cell, state), target, governed=state.observed.governed()):
        return []
    if cell.is_local and _good_enough(desired, state, target):
        return []
    return [Change(cell, stored, target)]


def _good_enough(desired: DesiredSetting, state: SettingState, target: bool | None) -> bool:
    """Local values that need no write although they are not what a write would leave."""
    stored = state.observed.layer(Layer.LOCAL)
    if target is None:
        return True
    if stored is None:
        is_default = desired.value is None and not state.default.stored
        return is_default or (desired.value is not None and state.effective is target)
    return as_bool(stored) is target and state.observed.running is None
