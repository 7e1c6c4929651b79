# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_info: the work of the modules that a report needs, over one session. A part that fails hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.actions.options import read_since
from ..plugin_utils.core.errors import HostError, HostUnreachable, RequestError
from ..plugin_utils.events.event_summary import utc
from ..plugin_utils.winrm.session import Session
from .client_facts import ActionModule as ClientFacts
from .connections_info import ActionModule as ConnectionsInfo
from .guest_events_info import ActionModule as GuestEventsInfo

PARTS = ("settings", "changes", "events", "connections")


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "default": list(PARTS)},
        "since": {"type": "str", "default": "30d"},
        "max_events": GuestEventsInfo.ARGUMENT_SPEC["max_events"],
        "way": GuestEventsInfo.ARGUMENT_SPEC["way"],
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        wanted = [part for part in PARTS if part in options["parts"]]
        if not wanted:
            raise RequestError(f"parts is empty: say at least one of {', '.join(PARTS)}.")
        read_since(options["since"])
        result: dict[str, Any] = {"changed": False}
        posture: dict[str, Any] = {"problems": []}
        failures: list[HostError] = []
        for part in wanted:
            try:
                posture |= getattr(self, f"_{part}")(session, options, result)
            except HostUnreachable:
                raise
            except HostError as error:
                failures.append(error)
                posture["problems"].append({"part": part, "message": self.words(error)})
        if len(failures) == len(wanted):
            raise failures[0]
        return result | {"posture": posture}

    def _settings(self, session: Session, options: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        return self._facts(session, result, "os", "settings", "policy_source")

    def _changes(self, session: Session, options: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        return self._facts(session, result, "changes")

    def _events(self, session: Session, options: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        given = {name: options[name] for name in ("since", "max_events", "way")}
        found = self._run(GuestEventsInfo, session, result, list_events=0, **given)
        since = read_since(options["since"])
        moment = since if isinstance(since, datetime) else datetime.now(UTC).replace(microsecond=0) - since
        return {
            "servers": found["servers"],
            "clients": found["clients"],
            "events": {"since": utc(moment), "read": found["read"], "channels": found["channels"]},
        }

    def _connections(self, session: Session, options: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        return {"connections": self._run(ConnectionsInfo, session, result, sides=["client"])["connections"]}

    def _facts(self, session: Session, result: dict[str, Any], *subset: str) -> dict[str, Any]:
        found = self._run(ClientFacts, session, result, gather_subset=list(subset))
        facts: dict[str, Any] = found["ansible_facts"]["smb_guest"]
        return facts

    def _run(self, module: type[HostAction], session: Session, result: dict[str, Any], **given: Any) -> dict[str, Any]:
        """What another module returns for these options in this session; its warnings become ours."""
        action = module(
            self._task, self._connection, self._play_context, self._loader, self._templar, self._shared_loader_obj
        )
        action._variables = {}  # what earlier tasks found is no part of this posture
        options = {name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()} | given
        found = action.work(session, options)
        self._warn(result, *found.pop("warnings", ()))
        return found
