# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""connections_info: the SMB connections of a host, and which of them are guest, unprotected, or older than a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.events.connection_facts import gather_connections
from ..plugin_utils.tables.settings import Side
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
        gathered = gather_connections(session, sides, read_events=options["read_events"])
        result = {"changed": False, **gathered.facts}
        self._warn(result, *gathered.warnings)
        return result


main = ActionModule.lint
