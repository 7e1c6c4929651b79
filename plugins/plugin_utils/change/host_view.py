# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host was seen to hold before a change, what it should hold after it, and the look that proves that.

A look after a change costs one request for each side and one for each value that was written. It takes the layers that
were not written from the look before. That is enough where what runs is as predicted. Where it is not, something else
decides: a policy that has just arrived, a driver that waits for a restart. Then everything is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..posture.observe import Depth, observe, observe_again
from ..posture.state import States, judge_all
from ..tables.os_defaults import NOT_KNOWN
from ..tables.settings import SETTINGS, Layer, Setting, Side
from ..windows.operating_system import OperatingSystem
from .cell import Change
from .journal import Host
from .prediction import predict


@dataclass(frozen=True)
class HostView:
    """One look at a host, and how to look again. depths: how much of each setting. system: None where nobody asked."""

    host: Host
    depths: Mapping[Setting, Depth]
    local_gpo: bool
    states: States
    system: OperatingSystem | None
    product_type: str | None

    def again(self) -> States:
        """The same look once more."""
        return read_states(self.host, self.depths, self.system, local_gpo=self.local_gpo)[0]

    def after(self, changes: Sequence[Change]) -> States:
        """A look after these changes were written, each of them read back."""
        # An MDM value contests what is written: which of the two decides has to be read again.
        by_mdm = any(state.observed.layer(Layer.MDM) is not None for state in self.states.values())
        if self.local_gpo or by_mdm:
            return self.again()
        places = [(change.cell.setting, change.cell.scope.layer) for change in changes]
        earlier = {SETTINGS[name]: state.observed for name, state in self.states.items()}
        observation = observe_again(self.host.session, self.host.registry, earlier, places)
        expected = predict(self.states, changes)
        as_expected = all(seen == expected[name].observed for name, seen in observation.settings.items())
        if as_expected or observation.silent:  # a side that does not answer proves nothing, also if asked again
            return judge_all(observation, SETTINGS, lambda setting: self.states[setting.name].default)
        return self.again()


def read_states(
    host: Host, depths: Mapping[Setting, Depth], system: OperatingSystem | None, *, local_gpo: bool
) -> tuple[States, Mapping[Side, str]]:
    """The settings as they are judged, and a sentence for each side of SMB that gave no configuration."""
    observation = observe(host.session, host.registry, depths, local_gpo=local_gpo)
    default = system.default if system else lambda _setting: NOT_KNOWN
    return judge_all(observation, SETTINGS, default), observation.silent
