# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""connections_info: the SMB connections of a host, and which of them are guest, unprotected, or older than a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.core.errors import HostError, HostUnreachable, RequestError
from ..plugin_utils.events.connections import GuestLogons, JudgedConnection, judge_connection
from ..plugin_utils.events.guest_events import guest_logons
from ..plugin_utils.events.smb_connections import read_connections, read_sessions
from ..plugin_utils.tables.settings import GUEST, GUEST_BLOCKERS, Side
from ..plugin_utils.windows.smb_configuration import get_configuration
from ..plugin_utils.winrm.session import Session


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "sides": {
            "type": "list",
            "elements": "str",
            "choices": [side.value for side in Side],
            "default": [side.value for side in Side],
        },
        "read_events": {"type": "bool", "default": True},
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        sides = {Side(side) for side in options["sides"]}
        if not sides:
            raise RequestError("sides is empty: say client, server, or both.")
        result: dict[str, Any] = {"changed": False, "connections": None, "sessions": None, "counts": {}}
        failures: list[HostError] = []
        if Side.CLIENT in sides:
            try:
                judged = self._client(session, result, read_events=options["read_events"])
            except HostUnreachable:
                raise
            except HostError as error:
                failures.append(error)
            else:
                result["connections"] = [each.as_dict() for each in judged]
                result["counts"].update(_counts(judged))
        if Side.SERVER in sides:
            try:
                sessions = read_sessions(session)
            except HostUnreachable:
                raise
            except HostError as error:
                failures.append(error)
            else:
                result["sessions"] = [asdict(each) for each in sessions]
                result["counts"]["sessions"] = len(sessions)
        if len(failures) == len(sides):
            raise failures[0]
        self._warn(result, *map(str, failures))
        return result

    def _client(self, session: Session, result: dict[str, Any], *, read_events: bool) -> list[JudgedConnection]:
        # First, because an account without rights sees an empty list of connections, but cannot call this.
        configuration = get_configuration(session, Side.CLIENT)
        running = {}
        for row in (GUEST, *GUEST_BLOCKERS):
            value = configuration.get(row.cim_property)
            running[row.name] = value if isinstance(value, bool) else None
        connections = read_connections(session)
        logons: GuestLogons | None = None
        if read_events and any(not each.protected for each in connections):
            try:
                logons = guest_logons(session)
            except HostUnreachable:
                raise
            except HostError as error:
                self._warn(result, f"The event log was not read, so nothing tells which connections are guest: {error}")
        return [judge_connection(each, running, logons) for each in connections]


def _counts(judged: list[JudgedConnection]) -> dict[str, int]:
    rows = [each.as_dict() for each in judged]
    found = Counter(name for row in rows for name in ("guest", "unprotected", "must_reconnect") if row[name])
    return {"connections": len(rows), **{name: found[name] for name in ("guest", "unprotected", "must_reconnect")}}
