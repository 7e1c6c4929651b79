# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of SMB events and channels.

Source: provider manifests of Windows 10 1507 to Windows 11 26H1; Microsoft Learn on insecure guest logons and SMB
auditing. The manifest puts 3023 into Operational, a Learn page into Security: look in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

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
