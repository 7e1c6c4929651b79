# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""audit: SMB auditing of the client and the server, and the event channels that it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.options import JOURNAL_OPTIONS, SCOPE_OPTIONS, setting_options
from ..plugin_utils.actions.settings_action import SettingsAction
from ..plugin_utils.change import summary
from ..plugin_utils.events.channel_configuration import plan_channels, read_sizes
from ..plugin_utils.tables.events import CHANNELS
from ..plugin_utils.tables.settings import AUDITS
from ..plugin_utils.winrm.session import Session


class ActionModule(SettingsAction):
    """Options are the audit settings by name, and `channels`."""

    OPTIONS = {row.name: row.name for row in AUDITS}
    ARGUMENT_SPEC = {
        **setting_options(OPTIONS),
        "channels": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "choices": list(CHANNELS), "required": True},
                "min_size": {"type": "int"},
            },
        },
        **SCOPE_OPTIONS,
        **JOURNAL_OPTIONS,
    }
    REQUIRED_ONE_OF = [[*OPTIONS, "channels"]]

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        channels = plan_channels(session, read_sizes(options["channels"] or ()))
        result = super().work(session, options)
        check_mode = bool(self._task.check_mode)
        if channels.asked and any(options[name] is not None for name in ("reason", "expires_in", "change_id")):
            self._warn(result, "Channels are not journaled: neither an expiry nor revert_change reverts them.")
        if not check_mode:
            channels.apply(session)
        result["changed"] = result["changed"] or bool(channels.changes)
        result["verified"] = result["verified"] and not (channels.changes and check_mode)
        result["channels"] = channels.as_rows()
        if channels.changes and "summary" in result:
            did = summary.did_write(check_mode=check_mode)
            lines = [line for line in result["summary"] if line != summary.nothing_to_change(self.host_name)]
            result["summary"] = lines + [f"{did}: {line}" for line in channels.descriptions()]
        for when, text in channels.diff().items():
            result.setdefault("diff", {"before": "", "after": ""})[when] += text
        return result


main = ActionModule.lint
