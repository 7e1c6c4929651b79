# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server's answer to a logon means. FOR INTERNAL COLLECTION USE ONLY.

Numbers and names: MS-ERREF 2.3.1. The meanings are this collection's reading of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class LogonStatus:
    """looked_up: the server says so only after it has looked for the account, so it has accounts."""

    name: str
    looked_up: bool = False


ACCESS_DENIED = 0xC0000022

LOGON_STATUSES: Mapping[int, LogonStatus] = MappingProxyType(
    {
        0x00000000: LogonStatus("STATUS_SUCCESS"),
        0xC000000D: LogonStatus("STATUS_INVALID_PARAMETER"),
        ACCESS_DENIED: LogonStatus("STATUS_ACCESS_DENIED"),
        0xC0000064: LogonStatus("STATUS_NO_SUCH_USER", looked_up=True),
        0xC000006A: LogonStatus("STATUS_WRONG_PASSWORD", looked_up=True),
        0xC000006D: LogonStatus("STATUS_LOGON_FAILURE", looked_up=True),
        0xC000006E: LogonStatus("STATUS_ACCOUNT_RESTRICTION", looked_up=True),
        0xC000006F: LogonStatus("STATUS_INVALID_LOGON_HOURS", looked_up=True),
        0xC0000070: LogonStatus("STATUS_INVALID_WORKSTATION", looked_up=True),
        0xC0000071: LogonStatus("STATUS_PASSWORD_EXPIRED", looked_up=True),
        0xC0000072: LogonStatus("STATUS_ACCOUNT_DISABLED", looked_up=True),
        0xC000009A: LogonStatus("STATUS_INSUFFICIENT_RESOURCES"),
        0xC00000BB: LogonStatus("STATUS_NOT_SUPPORTED"),
        0xC00000D0: LogonStatus("STATUS_REQUEST_NOT_ACCEPTED"),
        0xC000015B: LogonStatus("STATUS_LOGON_TYPE_NOT_GRANTED", looked_up=True),
        0xC000018D: LogonStatus("STATUS_TRUSTED_RELATIONSHIP_FAILURE"),
        0xC0000193: LogonStatus("STATUS_ACCOUNT_EXPIRED", looked_up=True),
        0xC0000224: LogonStatus("STATUS_PASSWORD_MUST_CHANGE", looked_up=True),
        0xC0000234: LogonStatus("STATUS_ACCOUNT_LOCKED_OUT", looked_up=True),
        0xC0000418: LogonStatus("STATUS_NTLM_BLOCKED"),
    }
)


def status_name(status: int) -> str:
    """The name of an NTSTATUS that is in the table, with its number; else the number alone."""
    known = LOGON_STATUSES.get(status)
    return f"{known.name} (0x{status:08X})" if known else f"0x{status:08X}"
