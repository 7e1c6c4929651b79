# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_info: everything that a report needs from a host, in one session. A part that fails hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.actions.options import read_since
from ..plugin_utils.change.journal_facts import gather_changes
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.core.gathered_facts import GatheredFacts
from ..plugin_utils.events.connection_facts import Running, gather_connections
from ..plugin_utils.events.event_facts import gather_events
from ..plugin_utils.events.guest_events import READING_OPTIONS, check_limits, read_way
from ..plugin_utils.posture.doors import complete_advice, gather_doors
from ..plugin_utils.posture.facts import IDENTITY, OS, POLICY_SOURCE, SETTINGS_PART, gather_settings
from ..plugin_utils.posture.parts import gather_parts
from ..plugin_utils.tables.settings import GUEST, GUEST_BLOCKERS, Side
from ..plugin_utils.winrm.session import Session

PARTS = ("settings", "changes", "events", "connections", "doors")


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "default": list(PARTS)},
        **READING_OPTIONS,
        "since": {"type": "str", "default": "30d"},
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        if not options["parts"]:
            raise RequestError(f"parts is empty: say at least one of {', '.join(PARTS)}.")
        check_limits(options)
        reading = {
            "since": read_since(options["since"]),
            "max_events": options["max_events"],
            "way": read_way(options["way"]),
        }
        seen: dict[str, Any] = {"os": {}, "settings": {}}

        def read_settings() -> GatheredFacts:
            gathered = gather_settings(session, (OS, IDENTITY, SETTINGS_PART, POLICY_SOURCE))
            seen.update(gathered.facts)
            return gathered

        readers = {
            "settings": read_settings,
            "changes": lambda: gather_changes(session),
            "events": lambda: gather_events(session, **reading, build=seen["os"].get("build")),
            "connections": lambda: _connections(session, _running(seen["settings"])),
            "doors": lambda: gather_doors(session, seen["os"].get("product_type")),
        }
        gathered = gather_parts({part: readers[part] for part in PARTS if part in options["parts"]}, self.words)
        posture = dict(gathered.facts)
        complete_advice(posture)
        if "identity" in posture:
            posture["identity"] = {**posture["identity"], "account": self._account()}
        result: dict[str, Any] = {"changed": False, "posture": posture}
        self._warn(result, *gathered.warnings)
        return result

    def _account(self) -> str | None:
        """The account of the task on the host."""
        account = self._connection.get_option("remote_user")
        return str(account) if account else None


def _running(settings: Mapping[str, Mapping[str, Any]]) -> Running | None:
    """What the client runs with, from the part `settings`; None where that part did not read it."""
    if not settings or settings[GUEST.name]["supported"] is None:
        return None
    return {each.name: settings[each.name]["running"] for each in (GUEST, *GUEST_BLOCKERS)}


def _connections(session: Session, running: Running | None) -> GatheredFacts:
    """The connections alone: the report has no use for sessions."""
    gathered = gather_connections(session, {Side.CLIENT}, running=running)
    return GatheredFacts({"connections": gathered.facts["connections"]}, gathered.warnings)


main = ActionModule.lint
