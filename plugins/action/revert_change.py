# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""revert_change: undo what client_config and its narrower doors have journaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.action import HostAction
from ..plugin_utils.change.host import Host
from ..plugin_utils.change.journal import checked_change_id
from ..plugin_utils.change.revert import Selection, as_result, revert
from ..plugin_utils.errors import RequestError
from ..plugin_utils.winrm.session import Session


class ActionModule(HostAction):
    """One of change_id, latest, expiring and all says what; force says against whom."""

    ARGUMENT_SPEC = {
        "change_id": {"type": "str"},
        "latest": {"type": "bool", "default": False},
        "expiring": {"type": "bool", "default": False},
        "all": {"type": "bool", "default": False},
        "force": {"type": "bool", "default": False},
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        if sum(bool(options[name]) for name in ("change_id", "latest", "expiring", "all")) != 1:
            raise RequestError(
                "Say exactly one of change_id, latest: true, expiring: true and all: true. Nothing was written."
            )
        change_id = options["change_id"]
        selection = Selection(
            checked_change_id(change_id) if change_id else None, options["latest"], options["expiring"]
        )
        reverted = revert(Host(session), selection, force=options["force"], check_mode=bool(self._task.check_mode))
        result = dict(as_result(reverted))
        result["diff"] = {
            when: "".join(f"{c.location}: {'absent' if value is None else int(value)}\n" for c, value in pairs)
            for when, pairs in (
                ("before", [(c, c.before) for c in reverted.changes]),
                ("after", [(c, c.after) for c in reverted.changes]),
            )
        }
        self._warn(result, *reverted.damaged, *([reverted.recovery.told] if reverted.recovery else []))
        return result
