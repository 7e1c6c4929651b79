# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""harden: blocks insecure guest logons, and requires what else is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.options import JOURNAL_OPTIONS, SCOPE_OPTIONS
from ..plugin_utils.actions.safeguards import hardening_settings, without_empty
from ..plugin_utils.actions.settings_action import SettingsAction
from ..plugin_utils.change.result import Outcome
from ..plugin_utils.core.errors import HostError
from ..plugin_utils.posture.doors import complete_advice, gather_doors, open_doors
from ..plugin_utils.tables.hardening import PARTS
from ..plugin_utils.tables.settings import SETTINGS
from ..plugin_utils.winrm.session import Session


class ActionModule(SettingsAction):
    """Each option is a part of hardening."""

    OPTIONS = {name: name for name in SETTINGS}
    ARGUMENT_SPEC = {
        **{name: {"type": "bool", "default": part.by_default} for name, part in PARTS.items()},
        **SCOPE_OPTIONS,
        **JOURNAL_OPTIONS,
        "scope": {**SCOPE_OPTIONS["scope"], "default": ["local", "policy"]},
        "managed": {**SCOPE_OPTIONS["managed"], "default": "warn"},
        "confirm": {**SCOPE_OPTIONS["confirm"], "default": True},
        "reason": {**JOURNAL_OPTIONS["reason"], "default": "harden"},
        "doors": {"type": "bool", "default": True},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._task.args = without_empty(self._task.args, self.ARGUMENT_SPEC)
        return super().run(tmp, task_vars)

    def configure(self, session: Session, options: Mapping[str, Any]) -> Outcome:
        # A part has the name of a setting, whose word takes the place of the boolean.
        return super().configure(session, {**options, **dict.fromkeys(PARTS), **hardening_settings(options)})

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        result = super().work(session, options)
        if options["doors"] and not result.get("failed"):
            try:
                result |= gather_doors(session, for_scanners=False).facts
            except HostError as error:
                # The host is hardened, whatever can be read besides.
                self._warn(result, f"The other doors of a guest could not be read: {self.words(error)}")
                return result
            complete_advice(result)
            lines = [f"Still open, and not changed: {reason}" for reason in open_doors(result["doors"])]
            result["summary"] = [*result["summary"], *lines]
        return result


main = ActionModule.lint
