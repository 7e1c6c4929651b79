# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From observed values to what is in force and who decided it. Pure: no I/O.

Order of the client driver (24H2 or later, from its published analysis; the policy over the local value is also what
Microsoft's support page says for older ones): Policies key, then Parameters key, then a licence value that cannot be
read. The running value stands beside them: it is the only witness of that licence value, and of whether the driver has
taken what is configured. Published listings show the keys read when the driver starts and at few other moments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ..core.registry_value import Stored, as_bool, value_as_fact
from ..tables.os_defaults import NOT_KNOWN, OsDefault
from ..tables.settings import Layer, Setting, Side
from .client_limits import ClientLimits
from .policy_source import DecidingGpo, PolicyResults


class Winner(Enum):
    """What decides the effective value."""

    POLICY = "policy"
    MDM = "mdm"
    LOCAL = "local"
    OS_DEFAULT = "os_default"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Observed:
    """What one host answered about one setting.

    Attributes:
        supported: The configuration class has the property; None where its side did not answer.
        running: The property's value (None: not known).
        layers: The registry value of each layer that was read.
        looked: Whether any was.
        mdm_wins: Whether MDMWinsOverGP is 1; None where that was not read, as no setting has contradicting values.
    """

    supported: bool | None
    running: bool | None
    layers: Mapping[Layer, Stored]
    looked: bool = True
    mdm_wins: bool | None = None

    def layer(self, layer: Layer) -> Stored:
        return self.layers.get(layer)

    @property
    def shown(self) -> tuple[Layer, ...]:
        """The layers that users are shown: the local GPO only where it was read."""
        return tuple(layer for layer in Layer if layer is not Layer.LOCAL_GPO or layer in self.layers)

    def governed(self) -> bool:
        """Whether a source above the local value is configured."""
        return any(self.layer(layer) is not None for layer in (Layer.POLICY, Layer.MDM))


@dataclass(frozen=True)
class Observation:
    """What one look at a host saw.

    Args:
        silent: A sentence for each side of SMB that gave no configuration.
        limits: What else the running client asks of servers.
    """

    settings: Mapping[str, Observed]
    silent: Mapping[Side, str]
    limits: ClientLimits = field(default_factory=ClientLimits)


@dataclass(frozen=True)
class SettingState:
    """One setting of one host, judged. `drift`: the running value contradicts the value that should decide it.

    Attributes:
        policy_source: The GPO that wrote the value that decides.
        policy_source_reason: Why none is named where one may be; both are None where nobody asked.
    """

    setting: Setting
    observed: Observed
    default: OsDefault
    effective: bool | None
    winner: Winner
    location: str | None
    drift: bool = False
    policy_source: DecidingGpo | None = None
    policy_source_reason: str | None = None

    @property
    def in_force(self) -> bool | None:
        """What a connection meets now: what runs, or where that is not known what is configured."""
        return self.effective if self.observed.running is None else self.observed.running

    def as_dict(self) -> dict[str, Any]:
        """The shape that modules return; see the RETURN blocks."""
        seen = self.observed
        return {
            "effective": self.effective,
            "winner": self.winner.value,
            "running": seen.running,
            **{layer.value: value_as_fact(seen.layer(layer)) for layer in seen.shown},
            "os_default": self.default.value,
            "os_default_confidence": self.default.confidence,
            "supported": seen.supported,
            "drift": self.drift,
            "location": self.location,
            "group_policy": self.setting.title,
        }

    def named(self) -> dict[str, Any]:
        """The part of that shape which names the GPO."""
        source = self.policy_source
        return {
            "policy_source": None if source is None else source.as_dict(),
            "policy_source_reason": self.policy_source_reason,
        }


States = Mapping[str, SettingState]


def judge_all(
    observation: Observation,
    settings: Mapping[str, Setting],
    default: Callable[[Setting], OsDefault],
    results: PolicyResults | None = None,
) -> States:
    """Every observed setting, judged."""
    return {
        name: judge(settings[name], seen, default(settings[name]), results)
        for name, seen in observation.settings.items()
    }


def decides(observed: Observed, layer: Layer) -> bool:
    """Whether a value in this layer can decide. Facts and tasks both ask this function.

    The driver never reads the key of MDM: a value there counts where what runs agrees with it, or is not known. It then
    counts more than a policy value only where MDMWinsOverGP is 1. Without that, Microsoft documents a race between the
    two, and the policy value is the one that the driver reads.
    """
    if layer is Layer.MDM:
        value = observed.layer(Layer.MDM)
        return value is not None and observed.running in (as_bool(value), None)
    if layer is Layer.POLICY:
        return observed.layer(layer) is not None and not (observed.mdm_wins and decides(observed, Layer.MDM))
    return observed.layer(layer) is not None


def judge(
    setting: Setting, observed: Observed, default: OsDefault = NOT_KNOWN, results: PolicyResults | None = None
) -> SettingState:
    """The effective value of one setting, and who won.

    results: what RSoP says, None where nobody asked. A local value that a GPO's security option wrote is policy's.

    A value of the wrong type makes the outcome unknown: what the driver does with it is not documented, so the
    running value is all that is known.
    """
    running = observed.running
    if observed.supported is False:
        return SettingState(setting, observed, default, None, Winner.UNSUPPORTED, None)
    for layer in (Layer.POLICY, Layer.MDM, Layer.LOCAL):
        if not decides(observed, layer):
            continue
        decided = as_bool(observed.layer(layer))
        # A value of a wrong type: whatever the driver makes of it, the layers below do not decide.
        if decided is None:
            return SettingState(setting, observed, default, running, Winner.UNKNOWN, setting.location(layer))
        # MDM writes mapped policies into the Policies key too: where both agree, MDM is the place to change it.
        source = Layer.MDM if layer is Layer.POLICY and as_bool(observed.layer(Layer.MDM)) is decided else layer
        drift = running is not None and running != decided
        location = setting.location(source)
        state = SettingState(setting, observed, default, decided, Winner(source.value), location, drift)
        return state if results is None else _attributed(state, source, results)
    if running is not None:
        # Without a look at the registry nobody knows whether a value or the default is running.
        nobody = Winner.OS_DEFAULT if observed.looked else Winner.UNKNOWN
        return SettingState(setting, observed, default, running, nobody, None)
    winner = Winner.UNKNOWN if default.value is None else Winner.OS_DEFAULT
    return SettingState(setting, observed, default, default.value, winner, None)


def _is_for_gpos(setting: Setting, layer: Layer) -> bool:
    """Whether a GPO may have written this layer: as a policy, or, where there is none, as a security option."""
    option = layer is Layer.LOCAL and not setting.has(Layer.POLICY) and setting.group_policy is not None
    return layer is Layer.POLICY or option


def may_come_from_a_gpo(state: SettingState) -> bool:
    """Whether RSoP can say anything about what decides on this setting; else nobody needs to ask for it."""
    layers = {Winner.POLICY: Layer.POLICY, Winner.LOCAL: Layer.LOCAL}
    return state.winner in layers and _is_for_gpos(state.setting, layers[state.winner])


def _attributed(state: SettingState, layer: Layer, results: PolicyResults) -> SettingState:
    """With the GPO that wrote the value of this layer, or with the reason why none is named."""
    if not _is_for_gpos(state.setting, layer):
        return state
    held = state.observed.layer(layer)
    source = results.source(state.setting, layer, held)
    winner = Winner.POLICY if source else state.winner
    reason = None if source else results.why_none(state.setting, layer, held)
    return replace(state, winner=winner, policy_source=source, policy_source_reason=reason)
