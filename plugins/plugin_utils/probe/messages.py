# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few SMB messages of the probe: bytes <-> typed. Sans-IO.

Sources: MS-SMB2 2.2.1 (header), 2.2.3 and 2.2.4 (NEGOTIATE), 2.2.5 and 2.2.6 (SESSION_SETUP); MS-CIFS 2.2.4.52
(NEGOTIATE of SMB1). smbprotocol's structures do the SMB2 part and are imported when they are used.
"""

from __future__ import annotations

import secrets
import struct
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from ..core.errors import RequestError
from ..core.hostile_bytes import HOSTILE_BYTES
from .peer import SMB1, SMB2, Failure, NoAnswer

DIALECTS: Mapping[int, str] = MappingProxyType(
    {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
)
CIPHERS: Mapping[int, str] = MappingProxyType({1: "AES-128-CCM", 2: "AES-128-GCM", 3: "AES-256-CCM", 4: "AES-256-GCM"})

IS_GUEST, IS_NULL, ENCRYPT_DATA = 0x0001, 0x0002, 0x0004
SUCCESS, MORE_PROCESSING_REQUIRED, PENDING = 0x00000000, 0xC0000016, 0x00000103

_SIGNING_ENABLED, _SIGNING_REQUIRED = 0x0001, 0x0002
_CAPABILITY_ENCRYPTION = 0x00000040
_CONTEXT_ENCRYPTION = 0x0002
_HEADER = 64
_CLIENT_GUID = _HEADER + 12

_Parsed = TypeVar("_Parsed")


def require_smbprotocol() -> None:
    """Raises RequestError where the library is missing."""
    try:
        import smbprotocol.session  # noqa: F401
    except ImportError as error:
        raise RequestError(
            "Probing SMB servers needs the Python package smbprotocol, which is missing on the control node. Install "
            "it beside ansible-core: pip install smbprotocol"
        ) from error


@dataclass(frozen=True)
class Negotiated:
    """An answer to NEGOTIATE. token: SPNEGO's list of mechanisms."""

    dialect: str
    signing_enabled: bool
    signing_required: bool
    encryption: bool
    cipher: str | None
    server_guid: str
    token: bytes


@dataclass(frozen=True)
class SessionAnswer:
    """An answer to SESSION_SETUP.

    Attributes:
        status: NTSTATUS.
        flags: Of the session.
        token: SPNEGO's.
    """

    status: int
    session_id: int
    flags: int
    token: bytes


def _parsed(parse: Callable[[], _Parsed]) -> _Parsed:
    try:
        return parse()
    except HOSTILE_BYTES as error:
        raise NoAnswer(Failure.FOREIGN) from error


def _packed(message: Any, message_id: int, session_id: int = 0) -> bytes:
    from smbprotocol.header import SMB2HeaderRequest

    header = SMB2HeaderRequest()
    header["command"] = message.COMMAND
    header["credit_request"] = 1
    header["message_id"] = message_id
    header["session_id"] = session_id
    header["data"] = message.pack()
    return bytes(header.pack())


def negotiate_request(*offered: int) -> bytes:
    """NEGOTIATE that offers these dialects, oldest first, signing enabled, and encryption where a dialect has it.

    Each request says that another client sends it: connections of one client belong together to a server. With one GUID
    for all, Samba 4.17 left three logons of a hundred without an answer when a server was asked by several at once.
    """
    request = _negotiate_request(*offered)
    if offered[-1] < 0x0210:
        return request
    return request[:_CLIENT_GUID] + uuid.uuid4().bytes_le + request[_CLIENT_GUID + 16 :]


@cache
def _negotiate_request(*offered: int) -> bytes:
    """The same, made once: nothing that follows depends on its salt."""
    from smbprotocol.connection import (
        Capabilities,
        Ciphers,
        HashAlgorithms,
        NegotiateContextType,
        SecurityMode,
        SMB2EncryptionCapabilities,
        SMB2NegotiateContextRequest,
        SMB2NegotiateRequest,
        SMB2PreauthIntegrityCapabilities,
        SMB3NegotiateRequest,
    )

    newest = offered[-1]
    message = SMB3NegotiateRequest() if newest >= 0x0311 else SMB2NegotiateRequest()
    message["dialects"] = list(offered)
    message["security_mode"] = SecurityMode.SMB2_NEGOTIATE_SIGNING_ENABLED
    if newest >= 0x0300:
        message["capabilities"] = Capabilities.SMB2_GLOBAL_CAP_ENCRYPTION
    if newest >= 0x0311:
        integrity = SMB2NegotiateContextRequest()
        integrity["context_type"] = NegotiateContextType.SMB2_PREAUTH_INTEGRITY_CAPABILITIES
        integrity["data"] = SMB2PreauthIntegrityCapabilities()
        integrity["data"]["hash_algorithms"] = [HashAlgorithms.SHA_512]
        integrity["data"]["salt"] = secrets.token_bytes(32)
        encryption = SMB2NegotiateContextRequest()
        encryption["context_type"] = NegotiateContextType.SMB2_ENCRYPTION_CAPABILITIES
        encryption["data"] = SMB2EncryptionCapabilities()
        encryption["data"]["ciphers"] = [
            Ciphers.AES_128_GCM,
            Ciphers.AES_128_CCM,
            Ciphers.AES_256_GCM,
            Ciphers.AES_256_CCM,
        ]
        encryption["padding"].size = 0  # the last of the list has none
        encryption["padding"] = b""
        message["negotiate_context_list"] = [integrity, encryption]
    return _packed(message, 0)


def _unpacked(answer: bytes) -> tuple[int, int, bytes]:
    """Status, session id and body of an SMB2 answer."""
    from smbprotocol.header import SMB2HeaderResponse

    if len(answer) < _HEADER or not answer.startswith(SMB2):
        raise NoAnswer(Failure.FOREIGN)
    header = SMB2HeaderResponse()
    header.unpack(answer)
    return header["status"].get_value(), header["session_id"].get_value(), header["data"].get_value()


def read_negotiated(answer: bytes, offered: Iterable[int]) -> Negotiated:
    """The answer to NEGOTIATE with these dialects. Raises NoAnswer."""
    return _parsed(lambda: _negotiated(answer, set(offered)))


def _negotiated(answer: bytes, offered: set[int]) -> Negotiated:
    from smbprotocol.connection import SMB2NegotiateResponse

    status, _session_id, body = _unpacked(answer)
    if status != SUCCESS:
        raise NoAnswer(Failure.NO_DIALECT)
    message = SMB2NegotiateResponse()
    message.unpack(body)
    dialect = message["dialect_revision"].get_value()
    if dialect not in offered:
        raise NoAnswer(Failure.FOREIGN)
    mode = message["security_mode"].get_value()
    cipher = None
    if dialect >= 0x0311:
        for context in message["negotiate_context_list"].get_value():
            if context["context_type"].get_value() == _CONTEXT_ENCRYPTION:
                cipher = CIPHERS.get(context["data"]["ciphers"].get_value()[0])
    capable = bool(message["capabilities"].get_value() & _CAPABILITY_ENCRYPTION)
    return Negotiated(
        dialect=DIALECTS[dialect],
        signing_enabled=bool(mode & (_SIGNING_ENABLED | _SIGNING_REQUIRED)),
        signing_required=bool(mode & _SIGNING_REQUIRED),
        encryption=cipher is not None if dialect >= 0x0311 else dialect >= 0x0300 and capable,
        cipher=cipher,
        server_guid=str(message["server_guid"].get_value()),
        token=message["buffer"].get_value(),
    )


def session_setup_request(token: bytes, message_id: int, session_id: int) -> bytes:
    """SESSION_SETUP with a security token, signing enabled and not required: a guest session could not sign."""
    from smbprotocol.connection import SecurityMode
    from smbprotocol.session import SMB2SessionSetupRequest

    message = SMB2SessionSetupRequest()
    message["security_mode"] = SecurityMode.SMB2_NEGOTIATE_SIGNING_ENABLED
    message["buffer"] = token
    return _packed(message, message_id, session_id)


def read_session_setup(answer: bytes) -> SessionAnswer:
    """The answer to SESSION_SETUP. Raises NoAnswer."""
    return _parsed(lambda: _session_setup(answer))


def _session_setup(answer: bytes) -> SessionAnswer:
    from smbprotocol.session import SMB2SessionSetupResponse

    status, session_id, body = _unpacked(answer)
    # An error has a body of another shape.
    if status not in (SUCCESS, MORE_PROCESSING_REQUIRED):
        return SessionAnswer(status, session_id, 0, b"")
    message = SMB2SessionSetupResponse()
    message.unpack(body)
    flags, token = message["session_flags"].get_value(), message["buffer"].get_value()
    return SessionAnswer(status, session_id, flags, token)


@dataclass(frozen=True)
class Smb1Negotiated:
    """What an SMB1 server says of signing."""

    signing_enabled: bool
    signing_required: bool


# Command, status, flags (case-insensitive, canonical paths), flags2 (Unicode, NTSTATUS, extended security, long names).
_SMB1_HEADER = struct.pack("<4sBLBH12sHHHH", SMB1, 0x72, 0, 0x18, 0xC801, b"", 0xFFFF, 0xFEFF, 0, 0)
_SMB1_DIALECT = b"\x02NT LM 0.12\x00"
_SMB1_NONE = 0xFFFF


def smb1_negotiate_request() -> bytes:
    """NEGOTIATE of SMB1 that offers NT LM 0.12 alone, so that no answer in SMB2 is possible."""
    return _SMB1_HEADER + struct.pack("<BH", 0, len(_SMB1_DIALECT)) + _SMB1_DIALECT


def read_smb1_negotiated(answer: bytes) -> Smb1Negotiated:
    """The answer to that. Raises NoAnswer."""
    if not answer.startswith(SMB1):
        raise NoAnswer(Failure.FOREIGN)
    return _parsed(lambda: _smb1_negotiated(answer))


def _smb1_negotiated(answer: bytes) -> Smb1Negotiated:
    command, status = struct.unpack_from("<BL", answer, 4)
    words = answer[32]
    chosen = struct.unpack_from("<H", answer, 33)[0] if words else _SMB1_NONE
    if command != 0x72 or status != SUCCESS or chosen == _SMB1_NONE:
        raise NoAnswer(Failure.NO_DIALECT)
    # 17 words are the form of NT LM 0.12, which was offered; the bits of another form are not read.
    mode = answer[35] if words == 17 else 0
    return Smb1Negotiated(bool(mode & 0x04), bool(mode & 0x08))
