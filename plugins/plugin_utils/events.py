# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of SMB events and channels, and which of them a host should be expected to write.

Source: provider manifests of Windows 10 1507 to Windows 11 26H1; Microsoft Learn on insecure guest logons and SMB
auditing. The manifest puts 3023 into Operational, a Learn page into Security: look in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .settings import AUDITS, GUEST, SETTINGS
from .state import GuestAccess, SettingState

CLIENT_SECURITY = "Microsoft-Windows-SmbClient/Security"
CLIENT_AUDIT = "Microsoft-Windows-SmbClient/Audit"
SERVER_AUDIT = "Microsoft-Windows-SMBServer/Audit"
SERVER_OPERATIONAL = "Microsoft-Windows-SMBServer/Operational"

# Enabled by default, each 8388608 bytes and circular (two public listings).
CHANNELS = (
    CLIENT_AUDIT,
    "Microsoft-Windows-SmbClient/Connectivity",
    CLIENT_SECURITY,
    "Microsoft-Windows-SMBClient/Operational",
    SERVER_AUDIT,
    "Microsoft-Windows-SMBServer/Connectivity",
    SERVER_OPERATIONAL,
    "Microsoft-Windows-SMBServer/Security",
)


@dataclass(frozen=True)
class Event:
    """An event id of Microsoft-Windows-SMBClient or -SMBServer. since_24h2: not in the manifests before 26100."""

    channel: str
    meaning: str
    since_24h2: bool = True


EVENTS: Mapping[int, Event] = MappingProxyType(
    {
        31017: Event(CLIENT_SECURITY, "an insecure guest logon was refused", since_24h2=False),
        31018: Event(CLIENT_SECURITY, "insecure guest logons are found allowed", since_24h2=False),
        31022: Event(CLIENT_SECURITY, "an insecure guest logon was allowed"),
        31997: Event(CLIENT_AUDIT, "a server logged this client on as guest"),
        31998: Event(CLIENT_AUDIT, "a server does not support signing"),
        31999: Event(CLIENT_AUDIT, "a server does not support encryption"),
        3021: Event(SERVER_AUDIT, "a client does not support signing"),
        3022: Event(SERVER_AUDIT, "a client does not support encryption"),
        3023: Event(SERVER_OPERATIONAL, "a client logged on as guest"),
    }
)


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
