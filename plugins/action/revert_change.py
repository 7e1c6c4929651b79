# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""revert_change: undo what client_config and its narrower doors have journaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.change import summary
from ..plugin_utils.change.journal import Host
from ..plugin_utils.change.journal_format import checked_change_id
from ..plugin_utils.change.journal_size import KEEP_ENDED
from ..plugin_utils.change.result import reverted_as_dict
from ..plugin_utils.change.revert import Selection, revert
from ..plugin_utils.core.errors import HostState, RequestError
from ..plugin_utils.core.user_names import assignment, option
from ..plugin_utils.winrm.session import Session

CHOICES = ("latest", "expiring", "all")


class ActionModule(HostAction):
    """One of change_id, latest, expiring and all says what; force says against whom."""

    ARGUMENT_SPEC = {
        "change_id": {"type": "str"},
        **{name: {"type": "bool", "default": False} for name in CHOICES},
        "force": {"type": "bool", "default": False},
        "keep_ended": {"type": "int", "default": KEEP_ENDED},
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        check_mode = bool(self._task.check_mode)
        if options["keep_ended"] < 0:
            raise RequestError("keep_ended must be 0 or more: it is the number of ended changes that are kept.")
        reverted = revert(
            Host(session),
            self._selection(options),
            force=options["force"],
            check_mode=check_mode,
            keep=options["keep_ended"],
        )
        result = reverted_as_dict(reverted)
        result["host"] = self.host_name
        result["summary"] = list(summary.of_undoing(reverted, self.host_name, check_mode=check_mode))
        self._warn(result, *reverted.warnings, *reverted.recovery.warnings)
        return result

    def _selection(self, options: Mapping[str, Any]) -> Selection:
        change_id = options["change_id"]
        chosen = [name for name in CHOICES if options[name]]
        if change_id is None and not chosen and "change_id" in self._task.args:
            raise RequestError(
                f"{option('change_id')} is null: the task that it was taken from changed nothing, or did not journal "
                "its change. There is nothing to revert. Skip this task with: when: x.change_id is not none.",
                host_state=HostState.NOT_CONTACTED,
            )
        if (change_id is not None) + len(chosen) != 1:
            ways = [option("change_id"), *filter(None, (assignment(name, "true") for name in CHOICES))]
            raise RequestError(
                f"Set exactly one of {', '.join(ways[:-1])} and {ways[-1]}.", host_state=HostState.NOT_CONTACTED
            )
        if change_id is not None:
            return Selection(checked_change_id(change_id))
        return Selection(latest=chosen == ["latest"], expiring=chosen == ["expiring"], every=chosen == ["all"])


main = ActionModule.lint
