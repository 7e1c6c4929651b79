# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which controls benchmarks have on SMB and its guest doors, and what each looks at. Their ids: `benchmarks.py`.

A topic without a setting and without a door is a control that this collection does not read: it is listed, so that
nobody takes the list for the whole benchmark, and never judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

POLICY, LOCAL = "policy", "local"
"""Where a scanner reads: the Policies key, or the Parameters key that a security option writes."""


@dataclass(frozen=True)
class Topic:
    """What a control asks for.

    <<<<<<< HEAD
        Args:
            setting: The setting that it is about; None where it is about doors, or not read.
            wanted: Value of the setting.
            looks_at: The layer whose value a scanner reads; a value that is absent there is a finding.
            doors: Members of the part `doors`, all of which have to be closed.
            value: What a scanner looks at for a door, in words.
    =======
        Attributes:
            setting: The setting that it is about, None where it is not read.
            wanted: Its value.
            looks_at: The layer whose value a scanner reads; a value that is absent there is a finding.
    >>>>>>> 954cc7e (Docstrings: one parameter a line)
    """

    title: str
    setting: str | None = None
    wanted: bool = True
    looks_at: str = POLICY
    doors: tuple[str, ...] = ()
    value: str = ""

    @property
    def is_read(self) -> bool:
        """Whether hosts are judged by it."""
        return bool(self.setting or self.doors)


_CLIENT_DRIVER = r"HKLM\SYSTEM\CurrentControlSet\Services\mrxsmb10\Start = 4"
_SERVER_VALUE = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters\SMB1 = 0"


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "insecure_guest_disabled": Topic("Insecure guest logons disabled", "insecure_guest_logons", wanted=False),
        "client_signing_always": Topic("Client signing always", "client_signing", looks_at=LOCAL),
        "client_signing_if_server_agrees": Topic("Client signing if server agrees"),
        "no_plaintext_password": Topic("No unencrypted password to SMB servers"),
        "server_signing_always": Topic("Server signing always", "server_signing", looks_at=LOCAL),
        "server_signing_if_client_agrees": Topic("Server signing if client agrees"),
        "client_encryption": Topic("Client requires encryption", "client_encryption"),
        "audit_insecure_guest": Topic("Client audits insecure guest logons", "audit_insecure_guest_logons"),
        "audit_server_encryption": Topic("Client audits servers without encryption", "audit_server_without_encryption"),
        "audit_server_signing": Topic("Client audits servers without signing", "audit_server_without_signing"),
        "server_audit_insecure_guest": Topic(
            "Server audits insecure guest logons", "server_audit_insecure_guest_logons"
        ),
        "server_audit_client_encryption": Topic(
            "Server audits clients without encryption", "server_audit_client_without_encryption"
        ),
        "server_audit_client_signing": Topic(
            "Server audits clients without signing", "server_audit_client_without_signing"
        ),
        "client_mailslots": Topic("Client mailslots off"),
        "client_minimum_dialect": Topic("Client minimum SMB version"),
        "server_mailslots": Topic("Server mailslots off"),
        "server_minimum_dialect": Topic("Server minimum SMB 3.1.1"),
        "authentication_rate_limiter": Topic("Authentication rate limiter on"),
        "authentication_rate_limiter_delay": Topic("Authentication rate limiter delay"),
        "smb1_client_disabled": Topic("SMB1 client driver disabled", doors=("smb1_client",), value=_CLIENT_DRIVER),
        "smb1_server_disabled": Topic("SMB1 server disabled", doors=("smb1_server",), value=_SERVER_VALUE),
        # The three STIG rules are alternatives: removed, or both values.
        "smb1_removed_or_disabled": Topic(
            "SMB1 removed, or disabled in client and server",
            doors=("smb1_client", "smb1_server"),
            value=f"SMB1 not installed, or {_CLIENT_DRIVER} and {_SERVER_VALUE}",
        ),
        "guest_account_disabled": Topic(
            "Guest account disabled", doors=("guest_account",), value="the account of RID 501 is disabled"
        ),
        "force_guest_classic": Topic(
            "Local accounts log on as themselves",
            doors=("force_guest",),
            value=r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\ForceGuest = 0",
        ),
        "guest_account_renamed": Topic("Guest account renamed"),
        "guests_denied_network": Topic("Deny access to this computer from the network: Guests"),
        "anonymous_accounts": Topic("No anonymous listing of accounts"),
        "anonymous_shares": Topic("No anonymous listing of accounts and shares"),
        "everyone_without_anonymous": Topic("Everyone does not include anonymous"),
        "null_session_pipes": Topic("Named pipes open to null sessions"),
        "null_session_restricted": Topic("Null sessions reach only listed pipes and shares"),
        "null_session_shares": Topic("Shares open to null sessions"),
        "null_session_fallback": Topic("No null session fallback of LocalSystem"),
    }
)


CONFIRMED, SINGLE_SOURCE, CONFLICT = "confirmed", "single_source", "conflict"
"""How sure an id is."""


@dataclass(frozen=True)
class Product:
    """What benchmarks call a Windows. kind: `client` or `server`, as `os.product` of client_facts. Builds inclusive."""

    name: str
    kind: str
    first_build: int
    last_build: int


PRODUCTS = (
    Product("Windows 10", "client", 10240, 19045),
    Product("Windows 11", "client", 22000, 28000),
    Product("Windows Server 2016", "server", 14393, 14393),
    Product("Windows Server 2019", "server", 17763, 17763),
    Product("Windows Server 2022", "server", 20348, 20348),
    Product("Windows Server 2025", "server", 26100, 26100),
)


@dataclass(frozen=True)
class Control:
    """The id of a topic in one benchmark.

    Args:
        vulnerability: The STIG's V-number, and the one before it if there is one.
        confidence: `confirmed`, `single_source`, or `conflict` where public lists differ.
    """

    topic: str
    control_id: str
    vulnerability: str = ""
    confidence: str = CONFIRMED


@dataclass(frozen=True)
class Benchmark:
    """Versions of one benchmark that number the same way, newest first."""

    framework: str
    product: str
    versions: tuple[str, ...]
    controls: tuple[Control, ...]


def product_of(kind: str, build: int) -> str | None:
    """What benchmarks call this Windows; None where none of the table is for it."""
    return next((row.name for row in PRODUCTS if row.kind == kind and row.first_build <= build <= row.last_build), None)
