# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""guest_events_info: which servers a host uses as a guest, who does, and what its event log says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.actions.options import read_since
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.events.event_records import Way
from ..plugin_utils.events.guest_events import read_bookmark, read_guest_events
from ..plugin_utils.tables.events import EVENTS
from ..plugin_utils.winrm.session import Session

MOST = {"max_events": 1_000_000, "list_events": 10_000}


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "ids": {"type": "list", "elements": "int", "choices": sorted(EVENTS), "default": sorted(EVENTS)},
        "since": {"type": "str"},
        "bookmark": {"type": "dict"},
        "max_events": {"type": "int", "default": 20_000},
        "list_events": {"type": "int", "default": 1_000},
        "way": {"type": "str", "choices": ["auto", *(way.value for way in Way)], "default": "auto"},
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        for name, most in MOST.items():
            if not 0 <= options[name] <= most:
                raise RequestError(f"{name} is {options[name]}: say a number from 0 to {most}.")
        if not options["ids"]:
            raise RequestError("ids is empty: leave it out to read every event.")
        found = read_guest_events(
            session,
            options["ids"],
            since=read_since(options["since"]) if options["since"] else None,
            positions=read_bookmark(options["bookmark"] or {}),
            way=None if options["way"] == "auto" else Way(options["way"]),
            max_events=options["max_events"],
            listed=options["list_events"],
        )
        result = {"changed": False, **found.as_dict()}
        self._warn(result, *found.warnings())
        return result
