# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which SMB connections are guest sessions, which have no protection, and which still live by an older setting. Pure.

No property says that a session is a guest's. It never is where the connection is signed or encrypted (a guest session
has no key); it is where the event log names server and user in an event of an allowed guest logon; else nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ..tables.settings import GUEST, GUEST_BLOCKERS, Setting
from .event_summary import named, utc
from .event_xml import EventRecord
from .smb_connections import SmbConnection

_SIGNING, _ENCRYPTION = GUEST_BLOCKERS


@dataclass(frozen=True)
class GuestLogon:
    """A guest logon in the event log. user: lower case, without a domain; None where the event has none."""

    event: int
    user: str | None
    time: datetime | None

    def __str__(self) -> str:
        return f"event {self.event} of {utc(self.time) or 'an unknown time'}"


class GuestLogons:
    """The newest guest logon at each server, by user."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str | None, GuestLogon]] = {}

    def add(self, records: Iterable[EventRecord]) -> None:
        """records: of the ids in GUEST_USED, oldest first."""
        for record in records:
            server = named(record, "ServerName")
            if server is not None:
                user = record.fields.get("UserName")
                logon = GuestLogon(record.id, None if user is None else _account(user), record.time)
                self._known.setdefault(server.lower(), {})[logon.user] = logon

    def of(self, connection: SmbConnection) -> GuestLogon | None:
        """The logon behind a connection, if it names the same server, and the same user or none."""
        known = self._known.get(connection.server.strip("\\").lower(), {})
        return known.get(_account(connection.user)) or known.get(None)


def _account(user: str) -> str:
    """The account without its domain, for comparison."""
    return user.rpartition("\\")[2].partition("@")[0].lower()


@dataclass(frozen=True)
class JudgedConnection:
    """A connection and the remarks on it. contradicts: the settings in force that it does not meet."""

    connection: SmbConnection
    guest: bool | None
    evidence: str
    contradicts: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        protected = self.connection.protected
        return {
            **asdict(self.connection),
            "guest": self.guest,
            "guest_evidence": self.evidence,
            "unprotected": None if protected is None else not protected,
            "must_reconnect": bool(self.contradicts),
            "contradicts": list(self.contradicts),
        }


def judge_connection(
    connection: SmbConnection, running: Mapping[str, bool | None], logons: GuestLogons | None
) -> JudgedConnection:
    """running: what the client does at present, by setting name; None or absent where this Windows has no such setting.

    logons: None where the event log was not read.
    """
    protected = connection.protected
    logon = logons.of(connection) if logons is not None and not protected else None
    if protected:
        guest, evidence = False, "it is signed or encrypted, which a guest session cannot be"
    elif logon is not None:
        guest, evidence = True, str(logon)
    else:
        guest, evidence = None, "no event tells" if logons is not None else "the event log was not read"
    contradicts = []
    if running.get(GUEST.name) is False and guest:
        contradicts.append(GUEST)
    if running.get(_SIGNING.name) and protected is False:
        contradicts.append(_SIGNING)
    if running.get(_ENCRYPTION.name) and connection.encrypted is False:
        contradicts.append(_ENCRYPTION)
    return JudgedConnection(connection, guest, evidence, _names(contradicts))


def _names(settings: Iterable[Setting]) -> tuple[str, ...]:
    return tuple(setting.name for setting in settings)
