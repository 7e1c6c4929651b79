# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""server_info: what SMB servers ask of their clients, seen from the control node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import Action
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.probe.logon import LogonAccount
from ..plugin_utils.probe.servers import opening, probe_servers, read_targets
from ..plugin_utils.probe.verdict import VERDICTS

LONGEST = 60.0


class ActionModule(Action):
    """Reads only, and never talks to the host of the task."""

    ARGUMENT_SPEC = {
        "servers": {"type": "list", "elements": "str", "required": True},
        "port": {"type": "int", "default": 445},
        "timeout": {"type": "float", "default": 5.0},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "max_failed_logons": {"type": "int", "default": 1},
    }

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        if not 0 < options["timeout"] <= LONGEST:
            raise RequestError(f"timeout is {options['timeout']}: say seconds, more than 0 and at most {LONGEST:.0f}.")
        if options["max_failed_logons"] < 1:
            raise RequestError(f"max_failed_logons is {options['max_failed_logons']}: say 1 or more.")
        targets = read_targets(options["servers"], options["port"])
        reports = probe_servers(targets, options["timeout"], _account(options), options["max_failed_logons"])
        servers = [report.as_dict() for report in reports]
        verdicts: dict[str, list[str]] = {name: [] for name in VERDICTS}
        for server in servers:
            verdicts[server["verdict"]].append(server["server"])
        guest_opening = {"asked": list(options["servers"]), **opening(reports)}
        return {"changed": False, "servers": servers, "verdicts": verdicts, "guest_opening": guest_opening}


def _account(options: Mapping[str, Any]) -> LogonAccount | None:
    name, password = options["username"], options["password"]
    if bool(name) != bool(password):
        raise RequestError("username and password belong together: say both, or neither.")
    return LogonAccount(name, password) if name else None


main = ActionModule.lint
