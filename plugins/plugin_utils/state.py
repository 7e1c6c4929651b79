# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From observed values to what is in force and who decided it. Pure: no I/O.

Order of the client driver (24H2 or later, from its published analysis; the policy over the local value is also what
Microsoft's support page says for older ones): Policies key, then Parameters key, then a licence value that cannot be
read. The running value stands beside them: it is the only witness of that licence value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .tables.os_defaults import NOT_KNOWN, OsDefault
from .tables.settings import Layer, Setting


class Winner(Enum):
    """What decides the effective value."""

    POLICY = "policy"
    MDM = "mdm"
    LOCAL = "local"
    OS_DEFAULT = "os_default"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


class Reading(Enum):
    """A registry value that is no DWORD of 0 or 1."""

    ABSENT = "absent"
    WRONG_TYPE = "wrong type"


LayerValue = int | Reading
"""A REG_DWORD as it stands, or why there is none."""


def as_bool(value: LayerValue) -> bool | None:
    """The boolean that Windows makes of a layer's value: any DWORD but 0 is on; None where there is no DWORD."""
    return bool(value) if isinstance(value, int) else None


@dataclass(frozen=True)
class Observed:
    """What one host said about one setting.

    supported: the configuration class has the property. running: its value (None: unsupported or NULL).
    layers: the registry value per layer that can carry the setting.
    """

    supported: bool
    running: bool | None
    layers: Mapping[Layer, LayerValue]
    default: OsDefault = NOT_KNOWN

    def layer(self, layer: Layer) -> LayerValue:
        return self.layers.get(layer, Reading.ABSENT)


@dataclass(frozen=True)
class SettingState:
    """One setting of one host, judged. `drift`: the running value contradicts the value that should decide it."""

    setting: Setting
    observed: Observed
    effective: bool | None
    winner: Winner
    location: str | None
    drift: bool

    def governed(self, by: Layer) -> bool:
        return isinstance(self.observed.layer(by), int)

    def as_dict(self) -> dict[str, Any]:
        """The shape that modules return; see the RETURN blocks."""
        seen = self.observed
        return {
            "effective": self.effective,
            "winner": self.winner.value,
            "running": seen.running,
            "policy": as_bool(seen.layer(Layer.POLICY)),
            "mdm": as_bool(seen.layer(Layer.MDM)),
            "local": as_bool(seen.layer(Layer.LOCAL)),
            "os_default": seen.default.value,
            "os_default_confidence": seen.default.confidence,
            "supported": seen.supported,
            "drift": self.drift,
            "location": self.location,
        }


def judge(setting: Setting, observed: Observed) -> SettingState:
    """The effective value of one setting, and who won.

    A value of the wrong type makes the outcome unknown: what the driver does with it is not documented, so the
    running value is all that can be said.
    """
    if not observed.supported:
        return SettingState(setting, observed, None, Winner.UNSUPPORTED, None, False)
    for layer in (Layer.POLICY, Layer.MDM, Layer.LOCAL):
        value = observed.layer(layer)
        decided = as_bool(value)
        if value is Reading.ABSENT or (layer is Layer.MDM and observed.running not in (decided, None)):
            continue  # the driver never reads the MDM key itself: it counts where what runs agrees with it
        if decided is None:
            return SettingState(setting, observed, observed.running, Winner.UNKNOWN, setting.location(layer), False)
        # MDM writes mapped policies into the Policies key too: where both agree, MDM is the place to change it.
        source = Layer.MDM if layer is Layer.POLICY and as_bool(observed.layer(Layer.MDM)) is decided else layer
        drift = observed.running is not None and observed.running != decided
        return SettingState(setting, observed, decided, Winner(source.value), setting.location(source), drift)
    if observed.running is not None:
        return SettingState(setting, observed, observed.running, Winner.OS_DEFAULT, None, False)
    if observed.default.value is not None:
        return SettingState(setting, observed, observed.default.value, Winner.OS_DEFAULT, None, False)
    return SettingState(setting, observed, None, Winner.UNKNOWN, None, False)
