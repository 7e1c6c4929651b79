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
from ..plugin_utils.events.guest_events import READING_OPTIONS, check_limits, read_bookmark, read_guest_events, read_way
from ..plugin_utils.tables.events import EVENTS
from ..plugin_utils.winrm.session import Session


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "ids": {"type": "list", "elements": "int", "choices": sorted(EVENTS), "default": sorted(EVENTS)},
        "since": {"type": "str"},
        "bookmark": {"type": "dict"},
        "list_events": {"type": "int", "default": 1_000},
        **READING_OPTIONS,
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        check_limits(options)
        if not options["ids"]:
            raise RequestError("ids is empty: leave it out to read every event.")
        found = read_guest_events(
            session,
            options["ids"],
            since=read_since(options["since"]) if options["since"] else None,
            positions=read_bookmark(options["bookmark"] or {}),
            way=read_way(options["way"]),
            max_events=options["max_events"],
            listed=options["list_events"],
        )
        result = {"changed": False, **found.as_dict()}
        self._warn(result, *found.warnings())
        return result


main = ActionModule.lint
