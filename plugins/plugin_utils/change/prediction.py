# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What check mode says that a host will hold and run with. Pure.

A prediction assumes that the host takes every write, and that its service follows the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..core.registry_value import Stored
from ..posture.state import SettingState, States, judge
from ..tables.settings import Layer
from .cell import Cell, CellValue, Change, written


def predict(states: States, changes: Sequence[Change]) -> States:
    """The states after the changes."""
    predicted = dict(states)
    for change in changes:
        state = predicted[change.cell.setting.name]
        layers = {**state.observed.layers, change.cell.scope.layer: written(change.cell, change.after).stored}
        predicted[change.cell.setting.name] = _held(state, layers, follows=not change.cell.in_local_gpo)
    return predicted


def predict_restored(states: States, targets: Mapping[Cell, CellValue]) -> States:
    """The states once the cells hold their targets. A cell of a setting that was not observed changes nothing."""
    predicted = dict(states)
    for cell, target in targets.items():
        state = predicted.get(cell.setting.name)
        if state is None:
            continue
        layers = {**state.observed.layers, cell.scope.layer: target.stored}
        predicted[cell.setting.name] = _held(state, layers, follows=not cell.in_local_gpo)
    for cell, target in targets.items():
        state = predicted.get(cell.setting.name)
        # What ran beside the stored value is known from the journal: no default has to be guessed.
        if cell.is_local and state is not None and target.to_run is not None and not state.observed.governed():
            observed = replace(state.observed, running=target.to_run)
            predicted[cell.setting.name] = judge(state.setting, observed, state.default)
    return predicted


def _held(state: SettingState, layers: Mapping[Layer, Stored], *, follows: bool) -> SettingState:
    """A setting with other values in its layers. follows: what runs follows them."""
    observed = replace(state.observed, layers=layers)
    if follows:
        # The driver never reads what MDM says: it counts only while a policy value carries it.
        carried = {k: v for k, v in layers.items() if k is not Layer.MDM or layers.get(Layer.POLICY) is not None}
        expected = judge(state.setting, replace(observed, layers=carried, running=None), state.default)
        observed = replace(observed, running=expected.effective)
    return judge(state.setting, observed, state.default)
