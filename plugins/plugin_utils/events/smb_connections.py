# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a host is connected to as an SMB client, and who is connected to it as a server.

Source: Microsoft Learn, MSFT_SmbConnection and MSFT_SmbSession. Signed came with Windows 10 and Server 2016; it is
false where Encrypted is true. A session says neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.text import one_line
from ..tables.settings import SMB_NAMESPACE as NAMESPACE
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimInstance, CimType, CimValue, Field
from ..wsman.operations import Enumerate

_LIMIT = 512

_S, _B, _U32, _U64 = (Field(kind) for kind in (CimType.STRING, CimType.BOOLEAN, CimType.UINT32, CimType.UINT64))
CONNECTION = CimClass(
    NAMESPACE,
    "MSFT_SmbConnection",
    {
        "ServerName": _S,
        "ShareName": _S,
        "UserName": _S,
        "Credential": _S,
        "Dialect": _S,
        "NumOpens": _U64,
        "ContinuouslyAvailable": _B,
        "Encrypted": _B,
        "Signed": _B,
    },
)
SESSION = CimClass(
    NAMESPACE,
    "MSFT_SmbSession",
    {
        "SessionId": _U64,
        "ClientComputerName": _S,
        "ClientUserName": _S,
        "Dialect": _S,
        "NumOpens": _U64,
        "SecondsExists": _U32,
        "SecondsIdle": _U32,
    },
)


@dataclass(frozen=True)
class SmbConnection:
    """A connection of this host to a share. signed, encrypted: None where this Windows does not say."""

    server: str
    share: str
    user: str
    credential: str
    dialect: str
    opens: int | None
    continuously_available: bool | None
    signed: bool | None
    encrypted: bool | None

    @property
    def protected(self) -> bool | None:
        """Whether it is signed or encrypted; a guest session is neither."""
        if self.signed or self.encrypted:
            return True
        return None if self.signed is None or self.encrypted is None else False


@dataclass(frozen=True)
class SmbSession:
    """A session of a client with this host. seconds_exists, seconds_idle: how long."""

    session_id: int | None
    client: str
    user: str
    dialect: str
    opens: int | None
    seconds_exists: int | None
    seconds_idle: int | None


def read_connections(session: Session) -> list[SmbConnection]:
    """Every connection that the host shows to this account, by server and share."""
    found = [
        SmbConnection(
            server=_text(each.get("ServerName")),
            share=_text(each.get("ShareName")),
            user=_text(each.get("UserName")),
            credential=_text(each.get("Credential")),
            dialect=_text(each.get("Dialect")),
            opens=_number(each.get("NumOpens")),
            continuously_available=_boolean(each.get("ContinuouslyAvailable")),
            signed=_boolean(each.get("Signed")),
            encrypted=_boolean(each.get("Encrypted")),
        )
        for each in _instances(session, CONNECTION)
    ]
    return sorted(found, key=lambda row: (row.server.lower(), row.share.lower(), row.user.lower()))


def read_sessions(session: Session) -> list[SmbSession]:
    """Every session with this host, by client and user."""
    found = [
        SmbSession(
            session_id=_number(each.get("SessionId")),
            client=_text(each.get("ClientComputerName")),
            user=_text(each.get("ClientUserName")),
            dialect=_text(each.get("Dialect")),
            opens=_number(each.get("NumOpens")),
            seconds_exists=_number(each.get("SecondsExists")),
            seconds_idle=_number(each.get("SecondsIdle")),
        )
        for each in _instances(session, SESSION)
    ]
    return sorted(found, key=lambda row: (row.client.lower(), row.user.lower(), row.session_id or 0))


def _instances(session: Session, cls: CimClass) -> list[CimInstance]:
    """Without a query: one that names a property which this Windows does not have would be refused."""
    return session.query(Enumerate(cls))


def _text(value: CimValue) -> str:
    return one_line(value, _LIMIT) if isinstance(value, str) else ""


def _number(value: CimValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _boolean(value: CimValue) -> bool | None:
    return value if isinstance(value, bool) else None
