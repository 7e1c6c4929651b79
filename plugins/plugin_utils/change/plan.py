# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted and what was observed to an ordered list of changes. Pure: no I/O; nothing is decided later.

Order: the client is closed first, then the server is dealt with, and the client is opened last; guest logons first
and last of all. Interrupted anywhere, a host is never more open than it was or was meant to become. Within that order
local settings of one side stand next to each other, so that one SetConfiguration carries them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ..core.errors import RequestError
from ..core.registry_value import as_bool, as_text
from ..core.user_names import assignment, option, revert_command
from ..posture.state import SettingState, decides
from ..tables.settings import DEFAULT, Layer, Scope, Setting
from .cell import Cell, Change, holds, seen
from .stack import Entry, stamp
from .write_order import in_order

NOT_SUPPORTED = "this Windows does not have it"
POLICY_DECIDES = "a policy or MDM decides otherwise"
NO_SUCH_SCOPE = "it cannot be written there"
"""Why a setting is left out."""


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
    """How the desired settings are to be reached.

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
    """changes: in order. left_out: names of settings that were left out, each with the reason, in words."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Names of settings that were left out."""
        return tuple(self.left_out)


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


def plan(
    desired_settings: Sequence[DesiredSetting],
    states: Mapping[str, SettingState],
    rules: Rules,
    *,
    system: str,
    authors: Mapping[str, Entry] = MappingProxyType({}),
) -> Plan:
    """The changes that make every desired setting true.

    Args:
        desired_settings: what the task asks.
        states: every setting that the host was asked about, by name.
        rules: how the desired settings are to be reached.
        system: the host's Windows, in words, for the errors.
        authors: the standing change that wrote the policy value of a setting, by its name.

    Raises:
        RequestError: all that contradicts the desired settings.
    """
    found = _Findings()
    for desired in desired_settings:
        name = desired.setting.name
        _consider(desired, states[name], rules, system, found, authors.get(name))
    if not rules.tolerate_managed:
        found.problems += found.conflicts
    if found.problems:
        raise RequestError(" ".join(found.problems))
    warnings = (*found.conflicts, *found.warnings)
    return Plan(in_order(found.changes), warnings, found.left_out)


def _consider(
    desired: DesiredSetting, state: SettingState, rules: Rules, system: str, found: _Findings, author: Entry | None
) -> None:
    name = desired.setting.name
    unsupported = state.observed.supported is False
    problem = _impossible(desired, state, rules.scopes, system)
    conflicts = [] if problem else list(_conflicts(desired, state, rules.scopes, author))
    if name in rules.optional and (problem or conflicts):
        found.left_out[name] = NOT_SUPPORTED if unsupported else POLICY_DECIDES if conflicts else NO_SUCH_SCOPE
        found.warnings += [f"{name} was left as it is. {why}" for why in conflicts]
    elif unsupported and rules.skip_unsupported:
        found.left_out[name] = NOT_SUPPORTED
    elif problem:
        found.problems.append(problem)
    else:
        found.conflicts += conflicts
        found.warnings += _ineffective_mdm(desired, state)
        found.changes += [
            change for scope in Scope if scope in rules.scopes for change in _changes(desired, state, scope)
        ]


def _impossible(desired: DesiredSetting, state: SettingState, scopes: Collection[Scope], system: str) -> str | None:
    setting = desired.setting
    if state.observed.supported is False:
        return (
            f"{setting.name}={desired.word} is not supported before {setting.first_release} "
            f"(build {setting.first_build}): this host runs {system}. {_without(setting)} The fact "
            f"smb_guest.settings.{setting.name}.supported shows which hosts have it."
        )
    if not any(setting.has(scope.layer) for scope in scopes):
        return (
            f"{setting.name} has no policy value in Windows, only {setting.location(Layer.LOCAL)}. Add local to "
            f"{option('scope')}."
        )
    for scope in scopes:
        held = state.observed.layer(scope.layer)
        if held is not None and not held.restorable:
            where = setting.location(scope.layer)
            return f"{where} holds a value of {held}, which no revert could restore. Delete or correct it first."
    if Scope.LOCAL in scopes and desired.value is None and _default_unknown(state):
        default = state.default
        return (
            f"{setting.name}=default cannot be written: the default of {system} is not known "
            f"({default.note or default.confidence}). Ask for {setting.words.true} or {setting.words.false}."
        )
    return None


def _default_unknown(state: SettingState) -> bool:
    """An unknown default only matters where something would have to be written over a local value."""
    return state.default.value is None and state.observed.layer(Layer.LOCAL) is not None


def _without(setting: Setting) -> str:
    """How the user leaves out a setting that a host does not have."""
    skip = assignment("unsupported", "skip")
    if skip is None:
        return f"Set {option(setting.name)}: false for such hosts."
    return f"Leave it out for such hosts, or set {skip}."


def _conflicts(
    desired: DesiredSetting, state: SettingState, scopes: Collection[Scope], author: Entry | None = None
) -> Iterator[str]:
    """Values of a stronger source that would override the desired setting, or write over it again.

    author: the standing change that wrote the policy value.
    """
    for layer in (Layer.POLICY, Layer.MDM):
        ours = any(scope.layer is layer for scope in scopes)
        if not ours and decides(state.observed, layer) and _contradicts(desired, state, layer):
            source, way_out = _policy(state, author) if layer is Layer.POLICY else _mdm(state)
            where = _configured(desired.setting, state, layer)
            yield f"{desired.setting.name}={desired.word} would be overridden: {source} sets {where}. {way_out}"


def _contradicts(desired: DesiredSetting, state: SettingState, layer: Layer) -> bool:
    """Whether the value of a layer is something else than what the task asks for."""
    held = state.observed.layer(layer)
    value = as_bool(held)
    return held is not None and (value is None or value is not _target(desired, state))


def _configured(setting: Setting, state: SettingState, layer: Layer) -> str:
    """A registry value with what it holds, such as `HKLM\\...\\AllowInsecureGuestAuth = 0 (blocked)`."""
    held = state.observed.layer(layer)
    value = as_bool(held)
    word = "" if value is None else f" ({setting.words.word(value)})"
    return f"{setting.location(layer)} = {as_text(held)}{word}"


def _policy(state: SettingState, author: Entry | None) -> tuple[str, str]:
    """Who wrote a policy value that contradicts, and what to do about it."""
    if author is not None:
        ends = f", expires at {stamp(author.expires_at)}" if author.expires_at else ""
        way_out = (
            f"To cover that value by this change, add policy to {option('scope')}. To revert that change, run "
            f"'{revert_command(author.change_id)}'."
        )
        return f"the change {author.change_id} of this collection ({author.reason or 'no reason'}{ends})", way_out
    if state.policy_source is None:
        return "policy", f"Change it there, or add policy to {option('scope')}."
    lasts = ": a value written over it lasts until that GPO is applied again"
    covered = lasts if state.policy_source.guid else f", or add policy to {option('scope')}"
    return f"policy ({state.policy_source})", f"Change it there{covered}."


def _mdm(state: SettingState) -> tuple[str, str]:
    wins = ", which wins over Group Policy here (MDMWinsOverGP is 1)," if state.observed.mdm_wins else ""
    return f"MDM (Intune){wins}", "Change it there."


def _ineffective_mdm(desired: DesiredSetting, state: SettingState) -> Iterator[str]:
    """What to know of an MDM value that contradicts and does not decide."""
    if _contradicts(desired, state, Layer.MDM) and not decides(state.observed, Layer.MDM):
        yield (
            f"MDM (Intune) sets {_configured(desired.setting, state, Layer.MDM)}, and what runs contradicts it: it "
            "does not decide now. It may decide after the next synchronization. Change it there as well."
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
