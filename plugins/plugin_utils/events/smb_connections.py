# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a host is connected to as an SMB client, and who is connected to it as a server.

Source: Microsoft Learn, MSFT_SmbConnection and MSFT_SmbSession. Signed came with Windows 10 and Server 2016; it is
false where Encrypted is true. A session says neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.text import one_line
from ..tables.settings import SMB_NAMESPACE as NAMESPACE
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimType, CimValue, Field
from ..wsman.operations import Enumerate

_LIMIT = 512

_S, _B, _U32, _U64 = (Field(kind) for kind in (CimType.STRING, CimType.BOOLEAN, CimType.UINT32, CimType.UINT64))
# Member of SmbConnection or SmbSession to the CIM property that it comes from.
_OF_CONNECTION = {
    "server": ("ServerName", _S),
    "share": ("ShareName", _S),
    "user": ("UserName", _S),
    "credential": ("Credential", _S),
    "dialect": ("Dialect", _S),
    "opens": ("NumOpens", _U64),
    "continuously_available": ("ContinuouslyAvailable", _B),
    "signed": ("Signed", _B),
    "encrypted": ("Encrypted", _B),
}
_OF_SESSION = {
    "session_id": ("SessionId", _U64),
    "client": ("ClientComputerName", _S),
    "user": ("ClientUserName", _S),
    "dialect": ("Dialect", _S),
    "opens": ("NumOpens", _U64),
    "seconds_exists": ("SecondsExists", _U32),
    "seconds_idle": ("SecondsIdle", _U32),
}
CONNECTION = CimClass(NAMESPACE, "MSFT_SmbConnection", dict(_OF_CONNECTION.values()))
SESSION = CimClass(NAMESPACE, "MSFT_SmbSession", dict(_OF_SESSION.values()))


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
    found = [SmbConnection(**row) for row in _rows(session, CONNECTION, _OF_CONNECTION)]
    return sorted(found, key=lambda row: (row.server.lower(), row.share.lower(), row.user.lower()))


def read_sessions(session: Session) -> list[SmbSession]:
    """Every session with this host, by client and user."""
    found = [SmbSession(**row) for row in _rows(session, SESSION, _OF_SESSION)]
    return sorted(found, key=lambda row: (row.client.lower(), row.user.lower(), row.session_id or 0))


def _rows(session: Session, cls: CimClass, members: Mapping[str, tuple[str, Field]]) -> Iterator[dict[str, Any]]:
    """Without a query: one that names a property which this Windows does not have would be refused."""
    for each in session.query(Enumerate(cls)):
        yield {member: _value(each.get(name), field) for member, (name, field) in members.items()}


def _value(value: CimValue, field: Field) -> str | int | bool | None:
    """The value if it is of the type that the class has; else an empty text, or None."""
    if field is _S:
        return one_line(value, _LIMIT) if isinstance(value, str) else ""
    if isinstance(value, bool):
        return value if field is _B else None
    return value if isinstance(value, int) and field is not _B else None
