# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logons by NTLM inside SPNEGO, and what the server says about itself meanwhile. Sans-IO.

NTLM, because guest is what a server makes of an NTLM logon that it cannot verify. Never Kerberos as well, so that a
logon is one try, even where the control node has a Kerberos library. Sources: MS-NLMP 2.2.1 (messages) and 3.2.5.1.2
(anonymous), RFC 4178 and MS-SPNG (SPNEGO).
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from ..core.errors import RequestError
from ..core.hostile_bytes import HOSTILE_BYTES
from ..core.text import one_line
from .peer import Failure, NoAnswer

# 1.3.6.1.4.1.311.2.2.10; 1.2.840.113554.1.2.2 and, as old Windows has it, 1.2.840.48018.1.2.2; 1.3.6.1.4.1.311.2.2.30.
MECHANISMS: Mapping[bytes, str] = MappingProxyType(
    {
        bytes.fromhex("060a2b06010401823702020a"): "NTLM",
        bytes.fromhex("06092a864886f712010202"): "Kerberos",
        bytes.fromhex("06092a864882f712010202"): "Kerberos",
        bytes.fromhex("060a2b06010401823702021e"): "NEGOEX",
    }
)
_NTLM_OID = next(iter(MECHANISMS))
_SPNEGO_OID = bytes.fromhex("06062b0601050502")
_SIGNATURE = b"NTLMSSP\x00"
# Unicode, OEM, request target, NTLM, always sign, extended session security, version, 128 bits, key exchange, 56 bits.
_FLAGS = 0xE2088207
_ANONYMOUS, _KEY_EXCHANGE, _HAS_VERSION = 0x00000800, 0x40000000, 0x02000000
_VERSION = bytes((6, 1, 0, 0, 0, 0, 0, 15))


def _by_ntlm_alone(context: Any) -> Any:
    """Where gssapi is installed, pyspnego asks for a Kerberos ticket with the password first: a second try of the same
    logon, which counts where accounts are locked. It has no option to leave that out."""
    mechanisms = context._preferred_mech_list
    context._preferred_mech_list = lambda: [each for each in mechanisms() if each.name == "ntlm"]
    return context


class Logon(Protocol):
    """One attempt to log on."""

    def step(self, token: bytes | None) -> bytes | None:
        """The server's last token (none at first) to ours; None where nothing is left to say. Raises NoAnswer."""


@dataclass(frozen=True)
class LogonAccount:
    """Whom to log on as. A domain may stand in the name: DOMAIN\\user or user@domain."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"LogonAccount({self.name!r})"


def unknown_account() -> LogonAccount:
    """A name that nobody has, recognisable in a server's log, and a password that nobody knows."""
    return LogonAccount(f"guest-probe-{secrets.token_hex(4)}", secrets.token_urlsafe(18))


class UserLogon:
    """A logon with a name and a password."""

    def __init__(self, account: LogonAccount, host: str) -> None:
        """Raises RequestError where no logon can be made of the account; the message repeats no word of the library."""
        import spnego
        from spnego.exceptions import SpnegoError

        refused: tuple[type[Exception], ...] = (SpnegoError, *HOSTILE_BYTES)
        try:
            context = spnego.client(
                spnego.Password(account.name, account.password),
                hostname=host,
                service="cifs",
                protocol="negotiate",
                options=spnego.NegotiateOptions.use_negotiate,
            )
        except refused as error:
            raise RequestError(
                f"username and password cannot be used for a logon by NTLM ({type(error).__name__}). Check both."
            ) from error
        self._context = _by_ntlm_alone(context)

    def step(self, token: bytes | None) -> bytes | None:
        from spnego.exceptions import SpnegoError

        hostile: tuple[type[Exception], ...] = (SpnegoError, *HOSTILE_BYTES)
        # A server may ask on after a logon that is complete to us: there is nothing to answer.
        if self._context.complete:
            return None
        try:
            answer: bytes | None = self._context.step(token)
        except hostile as error:
            raise NoAnswer(Failure.FOREIGN) from error
        return answer


class AnonymousLogon:
    """A logon without a name, which pyspnego cannot do."""

    def __init__(self) -> None:
        self._first = True

    def step(self, token: bytes | None) -> bytes | None:
        if self._first:
            self._first = False
            hello = _SIGNATURE + struct.pack("<LL16s8s", 1, _FLAGS, b"", _VERSION)
            body = _der(0xA0, _der(0x30, _NTLM_OID)) + _der(0xA2, _der(0x04, hello))
            return _der(0x60, _SPNEGO_OID + _der(0xA0, _der(0x30, body)))
        if not token or _SIGNATURE not in token:
            return None
        return _der(0xA1, _der(0x30, _der(0xA2, _der(0x04, _anonymous_authenticate()))))


def _anonymous_authenticate() -> bytes:
    """AUTHENTICATE_MESSAGE with an LM response of one zero byte and everything else empty."""
    size = 72
    fields = b"".join(
        struct.pack("<HHL", length, length, size + offset)
        for length, offset in ((1, 0), (0, 1), (0, 1), (0, 1), (0, 1), (0, 1))
    )
    tail = struct.pack("<L8sB", _FLAGS & ~_KEY_EXCHANGE | _ANONYMOUS, _VERSION, 0)
    return _SIGNATURE + struct.pack("<L", 3) + fields + tail


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def mechanisms(token: bytes) -> list[str]:
    """The known ones of the mechanisms that the server's first SPNEGO token lists; empty if it lists none."""
    return list(dict.fromkeys(name for oid, name in MECHANISMS.items() if oid in token))


# MS-NLMP 2.2.2.1, AvId.
_NAMES = {1: "netbios_name", 2: "netbios_domain", 3: "dns_name", 4: "dns_domain", 5: "dns_forest"}


@dataclass(frozen=True)
class Identity:
    """What an NTLM challenge says about the server; not verified, and safe to show. None: it does not say."""

    netbios_name: str | None = None
    netbios_domain: str | None = None
    dns_name: str | None = None
    dns_domain: str | None = None
    dns_forest: str | None = None
    version: str | None = None


def read_challenge(token: bytes) -> Identity | None:
    """The names and the version in a token that carries a CHALLENGE_MESSAGE; None if there is none."""
    start = token.find(_SIGNATURE)
    message = token[start:] if start >= 0 else b""
    if len(message) < 48 or struct.unpack_from("<L", message, 8)[0] != 2:
        return None
    names: dict[str, str] = {}
    length, _allocated, offset = struct.unpack_from("<HHL", message, 40)
    pairs = message[offset : offset + length]
    # AV pairs: a type, a length, a value; type 0 ends the list. The bounds are those of the slice.
    while len(pairs) >= 4:
        kind, size = struct.unpack_from("<HH", pairs)
        if kind in _NAMES and size:
            names[_NAMES[kind]] = one_line(pairs[4 : 4 + size].decode("utf-16-le", "replace"), 255)
        pairs = pairs[4 + size :] if kind else b""
    version = None
    flags = struct.unpack_from("<L", message, 20)[0]
    if flags & _HAS_VERSION and len(message) >= 56:
        version = "{}.{}.{}".format(*struct.unpack_from("<BBH", message, 48))
    return Identity(**names, version=version)
