# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which SMB events a host should be expected to write in its present state. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tables.events import EVENTS
from ..tables.settings import AUDITS, GUEST, SETTINGS
from .guest_access import GuestAccess
from .state import SettingState


def expected_events(states: Mapping[str, SettingState], access: GuestAccess) -> list[dict[str, Any]]:
    """What the host will write in its present state: `{id, channel, meaning}` each, by id.

    A guest logon that fails for signing or encryption leaves no event at all, so nothing is promised for it.
    """
    ids = [number for row in AUDITS if states[row.name].effective for number in row.events]
    if states[GUEST.name].effective is False:
        ids.append(31017)
    elif states[GUEST.name].effective:
        ids += [31018, 31022] if access.allowed else [31018]
    is_24h2 = states["audit_insecure_guest_logons"].observed.supported
    return [
        {"id": number, "channel": EVENTS[number].channel, "meaning": EVENTS[number].meaning}
        for number in sorted(ids)
        if is_24h2 or not EVENTS[number].since_24h2
    ]


def audit_facts(states: Mapping[str, SettingState], access: GuestAccess) -> dict[str, Any]:
    """The `audit` facts: whether the host can audit, why not, and which events to look for."""
    missing = [row.name for row in AUDITS if not states[row.name].observed.supported]
    if not missing:
        reason = "every audit setting is supported"
    elif len(missing) == len(AUDITS):
        reason = f"SMB auditing came with {SETTINGS['audit_insecure_guest_logons'].first_release}"
    else:
        reason = "not supported on this Windows: " + ", ".join(missing)
    return {
        "supported": len(missing) < len(AUDITS),
        "reason": reason,
        "events_to_expect": expected_events(states, access),
    }
