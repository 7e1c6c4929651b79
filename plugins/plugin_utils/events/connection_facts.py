# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB connections and sessions of a host as facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..core.errors import HostError, HostUnreachable, RequestError
from ..core.gathered_facts import GatheredFacts
from ..tables.settings import GUEST, GUEST_BLOCKERS, Side
from ..windows.smb_configuration import get_configuration
from ..winrm.session import Session
from .connections import GuestLogons, JudgedConnection, judge_connection
from .guest_events import guest_logons
from .smb_connections import read_connections, read_sessions

_JUDGEMENTS = ("guest", "unprotected", "must_reconnect")


Running = Mapping[str, bool | None]
"""What the client runs with, by setting: GUEST and GUEST_BLOCKERS."""


def gather_connections(
    session: Session, sides: Collection[Side], *, read_events: bool = True, running: Running | None = None
) -> GatheredFacts:
    """`{connections, sessions, counts}`; a side that was not read is None. Raises HostError if no side can be read.

    Args:
        session: of the host.
        sides: client for connections of this host, server for sessions with it.
        read_events: whether the event log is read to find out which connections are guest sessions.
        running: where it was read already.
    """
    if not sides:
        raise RequestError("sides is empty: say client, server, or both.")
    facts: dict[str, Any] = {"connections": None, "sessions": None, "counts": {}}
    warnings: list[str] = []

    def read_client() -> None:
        judged, reservations = _judged_connections(session, running, read_events=read_events)
        warnings.extend(reservations)
        facts["connections"] = [each.as_dict() for each in judged]
        facts["counts"].update(_counts(judged))

    def read_server() -> None:
        sessions = read_sessions(session)
        facts["sessions"] = [asdict(each) for each in sessions]
        facts["counts"]["sessions"] = len(sessions)

    readers: dict[Side, Callable[[], None]] = {Side.CLIENT: read_client, Side.SERVER: read_server}
    failures: list[HostError] = []
    for side, read in readers.items():
        if side in sides:
            try:
                read()
            except HostUnreachable:
                raise
            except HostError as error:
                failures.append(error)
    if len(failures) == len(sides):
        raise failures[0]
    return GatheredFacts(facts, (*warnings, *map(str, failures)))


def _read_running(session: Session) -> Running:
    configuration = get_configuration(session, Side.CLIENT)
    values = {row.name: configuration.get(row.cim_property) for row in (GUEST, *GUEST_BLOCKERS)}
    return {name: value if isinstance(value, bool) else None for name, value in values.items()}


def _judged_connections(
    session: Session, running: Running | None, *, read_events: bool
) -> tuple[list[JudgedConnection], list[str]]:
    """The connections of the host as a client, and warnings."""
    # First, because an account without rights sees an empty list of connections, but cannot call this.
    running = _read_running(session) if running is None else running
    connections = read_connections(session)
    warnings: list[str] = []
    logons: GuestLogons | None = None
    if read_events and any(not each.protected for each in connections):
        try:
            logons = guest_logons(session)
        except HostUnreachable:
            raise
        except HostError as error:
            warnings.append(f"The event log was not read, so nothing shows which connections are guest: {error}")
    return [judge_connection(each, running, logons) for each in connections], warnings


def _counts(judged: Sequence[JudgedConnection]) -> dict[str, int]:
    rows = [each.as_dict() for each in judged]
    found = Counter(name for row in rows for name in _JUDGEMENTS if row[name])
    return {"connections": len(rows), **{name: found[name] for name in _JUDGEMENTS}}
