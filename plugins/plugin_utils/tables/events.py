# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of SMB events and channels.

Sources: provider manifests of Windows 10 1507 to Windows 11 26H1 (ids, fields, task names; field names of 31013 and
31014 from that of 1507 to 21H2); Microsoft Learn on insecure guest logons and SMB auditing. The manifest puts 3023 into
Operational, a Learn page into Security, and its siblings are in Audit: look in all three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

FIRST_BUILD_OF_24H2 = 26100
"""Windows 11 24H2 and Windows Server 2025."""

CLIENT_SECURITY = "Microsoft-Windows-SmbClient/Security"
CLIENT_AUDIT = "Microsoft-Windows-SmbClient/Audit"
SERVER_AUDIT = "Microsoft-Windows-SMBServer/Audit"
SERVER_OPERATIONAL = "Microsoft-Windows-SMBServer/Operational"
SERVER_SECURITY = "Microsoft-Windows-SMBServer/Security"

# Enabled by default, each 8388608 bytes and circular (two public listings).
CHANNELS = (
    CLIENT_AUDIT,
    "Microsoft-Windows-SmbClient/Connectivity",
    CLIENT_SECURITY,
    "Microsoft-Windows-SMBClient/Operational",
    SERVER_AUDIT,
    "Microsoft-Windows-SMBServer/Connectivity",
    SERVER_OPERATIONAL,
    SERVER_SECURITY,
)


@dataclass(frozen=True)
class Event:
    """An event id of Microsoft-Windows-SMBClient or -SMBServer.

    Attributes:
        name: Its task in 24H2 (older releases have none).
        kind: What it counts as for the peer that it names.
        fields: Its EventData.
        since_24h2: Not in the manifests before that build.
        elsewhere: More channels where it may be.
    """

    channel: str
    name: str
    kind: str
    meaning: str
    fields: tuple[str, ...]
    since_24h2: bool = True
    elsewhere: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """The provider's name; letter case means nothing (`SmbClient` in channels, `SMBClient` in the provider)."""
        return self.channel.partition("/")[0]

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel to look in."""
        return (self.channel, *self.elsewhere)

    def is_known_to(self, build: int | None) -> bool:
        """Whether a Windows of this build can write it; an unknown build may."""
        return build is None or build >= FIRST_BUILD_OF_24H2 or not self.since_24h2


_REGISTRY = ("RegName", "RegValue")
_SERVER = ("ServerNameLength", "ServerName")
_USER = ("UserNameLength", "UserName")
_CLIENT = ("ClientNameLength", "ClientName")
_MESSAGE = ("Smb2Command", "MessageId", "SessionId", "TreeId", *_SERVER, "Status")

EVENTS: Mapping[int, Event] = MappingProxyType(
    {
        31013: Event(
            CLIENT_SECURITY,
            "SigningFailure",
            "signing_failed",
            "the signature of a message of a server was wrong",
            (*_MESSAGE, "MessageSize", "FragmentOffset", "FragmentSize", "FragmentData"),
            since_24h2=False,
        ),
        31014: Event(
            CLIENT_SECURITY,
            "EncryptionFailure",
            "encryption_failed",
            "the encryption of a message to a server failed",
            (*_MESSAGE, "InstanceNameLength", "InstanceName", "RetryCount", "ElapsedTimeInMs"),
            since_24h2=False,
        ),
        31016: Event(
            CLIENT_SECURITY,
            "EnableSecuritySignatureNonDefault",
            "configuration",
            "signing is not enabled as it is by default",
            _REGISTRY,
            since_24h2=False,
        ),
        31017: Event(
            CLIENT_SECURITY,
            "RejectedInsecureGuestAuth",
            "guest_refused",
            "an insecure guest logon was refused",
            (*_USER, *_SERVER),
            since_24h2=False,
        ),
        31018: Event(
            CLIENT_SECURITY,
            "InsecureGuestAuthEnabled",
            "configuration",
            "insecure guest logons are found allowed",
            _REGISTRY,
            since_24h2=False,
        ),
        31022: Event(
            CLIENT_SECURITY,
            "AllowedInsecureGuestAuth",
            "guest_allowed",
            "an insecure guest logon was allowed",
            (*_USER, *_SERVER),
        ),
        31023: Event(CLIENT_SECURITY, "NTLMBlocked", "ntlm_blocked", "NTLM to a server was blocked", _SERVER),
        31997: Event(
            CLIENT_AUDIT, "InsecureGuestLogon", "guest_audited", "a server logged this client on as guest", _SERVER
        ),
        31998: Event(
            CLIENT_AUDIT,
            "ServerDoesNotSupportSigning",
            "without_signing",
            "a server does not support signing",
            (*_SERVER, "ClientRequireSigning"),
        ),
        31999: Event(
            CLIENT_AUDIT,
            "ServerDoesNotSupportEncryption",
            "without_encryption",
            "a server does not support encryption",
            (*_SERVER, "ClientRequireEncryption"),
        ),
        3021: Event(
            SERVER_AUDIT,
            "Smb2ClientDoesNotSupportSigning",
            "without_signing",
            "a client does not support signing",
            (*_CLIENT, *_USER, "ServerRequiresSigning"),
        ),
        3022: Event(
            SERVER_AUDIT,
            "Smb2ClientDoesNotSupportEncryption",
            "without_encryption",
            "a client does not support encryption",
            (*_CLIENT, "ServerRequiresEncryption", "SmbClientDoesNotSupportEncryptionType"),
        ),
        3023: Event(
            SERVER_OPERATIONAL,
            "InsecureGuestLogon",
            "guest_audited",
            "a client logged on as guest",
            _CLIENT,
            elsewhere=(SERVER_SECURITY, SERVER_AUDIT),
        ),
    }
)

LEVELS: Mapping[int, str] = MappingProxyType(
    {1: "Critical", 2: "Error", 3: "Warning", 4: "Informational", 5: "Verbose"}
)

GUEST_USED = (31022, 31997)
"""The events of a guest session of this host as a client."""


def channels_of(ids: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """The channels to read for these ids, each with the ids to look for in it."""
    wanted: dict[str, list[int]] = {}
    for number in ids:
        for channel in EVENTS[number].channels:
            wanted.setdefault(channel, []).append(number)
    return {channel: tuple(numbers) for channel, numbers in wanted.items()}
