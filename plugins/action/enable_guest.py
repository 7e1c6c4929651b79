# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""enable_guest: allows insecure guest logons for a time, if every safeguard agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.options import JOURNAL_OPTIONS, SCOPE_OPTIONS
from ..plugin_utils.actions.safeguards import OPENING_ASSIGNMENTS, check_opening, opening_settings, without_empty
from ..plugin_utils.actions.settings_action import SettingsAction
from ..plugin_utils.change.result import Outcome
from ..plugin_utils.tables.settings import SETTINGS
from ..plugin_utils.winrm.session import Session


class ActionModule(SettingsAction):
    """The safeguards are checked here, by the task that writes, whatever a role has checked before."""

    OPTIONS = {name: name for name in SETTINGS}
    ASSIGNMENTS = OPENING_ASSIGNMENTS
    ARGUMENT_SPEC = {
        "accept_risk": {"type": "bool", "default": False},
        "permanent": {"type": "bool", "default": False},
        "max_hosts": {"type": "int", "default": 5},
        "servers": {"type": "list", "elements": "str", "default": []},
        "probed": {"type": "dict"},
        "despite_accounts": {"type": "bool", "default": False},
        "allow_domain_controllers": {"type": "bool", "default": False},
        "relax_signing": {"type": "bool", "default": False},
        "relax_encryption": {"type": "bool", "default": False},
        "audit": {"type": "bool", "default": True},
        **SCOPE_OPTIONS,
        **JOURNAL_OPTIONS,
        "confirm": {**SCOPE_OPTIONS["confirm"], "default": True},
        "expires_in": {**JOURNAL_OPTIONS["expires_in"], "default": "8h"},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._task.args = without_empty(self._task.args, self.ARGUMENT_SPEC)
        return super().run(tmp, task_vars)

    def configure(self, session: Session, options: Mapping[str, Any]) -> Outcome:
        check_opening(options, self._variables.get("ansible_play_hosts_all"))
        return super().configure(session, {**options, **opening_settings(options)})


main = ActionModule.lint
