# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""audit: SMB auditing of the client and the server, and the event channels that it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.action import JOURNAL_OPTIONS, SCOPE_OPTIONS, SettingsAction, setting_options
from ..plugin_utils.errors import SmbGuestError, UnexpectedState
from ..plugin_utils.events import CHANNELS
from ..plugin_utils.settings import AUDITS
from ..plugin_utils.windows.event_log import Channel, read_channels, write_channels
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
        asked = {row["name"]: row["min_size"] or 0 for row in options["channels"] or ()}
        before = read_channels(session, list(asked)) if asked else {}
        wanted = {name: Channel(True, max(before[name].max_size, size)) for name, size in asked.items()}
        changes = {name: channel for name, channel in wanted.items() if channel != before[name]}
        result = super().work(session, options)
        after = wanted
        if changes and not self._task.check_mode:
            try:
                after = _write(session, changes, asked)
            except SmbGuestError as error:
                error.changed = True
                raise
        result["changed"] = result["changed"] or bool(changes)
        result["verified"] = result["verified"] and not (changes and self._task.check_mode)
        result["channels"] = [
            {"name": name, "before": before[name].as_dict(), "after": after[name].as_dict()} for name in asked
        ]
        for when, channels in (("before", before), ("after", after)):
            result["diff"][when] += "".join(
                f"{name}:\n  enabled: {channel.enabled}\n  max_size: {channel.max_size}\n"
                for name, channel in channels.items()
            )
        return result


def _write(session: Session, changes: Mapping[str, Channel], asked: Mapping[str, int]) -> dict[str, Channel]:
    """Configure channels and read all of them back. asked: the least size in bytes of each channel."""
    write_channels(session, changes)
    after = read_channels(session, list(asked))
    lost = [name for name in changes if not (after[name].enabled and after[name].max_size >= asked[name])]
    if lost:
        raise UnexpectedState(f"wevtutil reported success, but the channels {', '.join(lost)} did not change.")
    return after
