# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""audit: SMB auditing of the client and the server, and the event channels that it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import SettingsAction
from ..plugin_utils.actions.options import JOURNAL_OPTIONS, SCOPE_OPTIONS, setting_options
from ..plugin_utils.change import summary
from ..plugin_utils.core.errors import SmbGuestError
from ..plugin_utils.events.event_channels import Channel, ensure_channels, read_channels, read_sizes
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
        asked = read_sizes(options["channels"] or ())
        before = read_channels(session, list(asked)) if asked else {}
        wanted = {name: Channel(True, max(before[name].max_size, size)) for name, size in asked.items()}
        changes = {name: channel for name, channel in wanted.items() if channel != before[name]}
        result = super().work(session, options)
        if asked and any(options[name] is not None for name in ("reason", "expires_in", "change_id")):
            self._warn(result, "Channels are not journaled: nothing undoes them, neither an expiry nor revert_change.")
        after = wanted
        if changes and not self._task.check_mode:
            try:
                after = ensure_channels(session, changes, asked)
            except SmbGuestError as error:
                error.changed = True
                raise
        result["changed"] = result["changed"] or bool(changes)
        result["verified"] = result["verified"] and not (changes and self._task.check_mode)
        result["channels"] = [
            {"name": name, "before": before[name].as_dict(), "after": after[name].as_dict()} for name in asked
        ]
        if changes and "summary" in result:
            did = summary.did_write(check_mode=bool(self._task.check_mode))
            lines = [line for line in result["summary"] if line != summary.nothing_to_change(self.host_name)]
            lines += [f"{did}: event channel {name}: enabled, {after[name].max_size} bytes" for name in changes]
            result["summary"] = lines
        for when, channels in (("before", before), ("after", after)):
            result.setdefault("diff", {"before": "", "after": ""})[when] += "".join(
                f"{name}:\n  enabled: {channel.enabled}\n  max_size: {channel.max_size}\n"
                for name, channel in channels.items()
            )
        return result
