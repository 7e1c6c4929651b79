# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change reads of a host before it decides."""

from __future__ import annotations

from ..core.errors import HostError
from ..posture.observe import Depth
from ..tables.settings import GUEST, GUEST_BLOCKERS, Side
from ..windows.computer import read_product_type
from ..windows.operating_system import read_operating_system
from .host_view import HostView, read_states
from .journal import Host
from .request import Request


def look(host: Host, request: Request) -> HostView:
    """Read the settings that a task names, those that decide whether guest logons work, and no more than is needed.

    Raises HostError where a side of SMB whose setting the task names gives no configuration.
    """
    asked = [desired.setting for desired in request.desired_settings]
    depths = dict.fromkeys(asked, Depth.WHOLE)
    if any(setting.side is Side.CLIENT for setting in asked):
        # Where guest is to be opened, what governs the settings that may block it matters; else what runs is enough.
        for setting in (GUEST, *GUEST_BLOCKERS):
            may_write = request.opens_guest and setting.name in (request.relax or ())
            beside = Depth.GOVERNING if request.opens_guest else Depth.RUNNING
            depths.setdefault(setting, Depth.WHOLE if may_write else beside)
    system = None
    if request.in_local_gpo or any(desired.value is None for desired in request.desired_settings):
        system = read_operating_system(host.session, host.registry)
    states, silent = read_states(host, depths, system, local_gpo=request.in_local_gpo)
    for setting in asked:
        if setting.side in silent:
            raise HostError(f"{setting.name} cannot be set: {silent[setting.side]}")
    if system is None and not all(states[setting.name].observed.supported for setting in asked):
        system = read_operating_system(host.session, host.registry)
    product_type = None
    if request.refuse_domain_controllers:
        product_type = system.product_type if system else read_product_type(host.session)
    return HostView(host, depths, request.in_local_gpo, states, system, product_type)
