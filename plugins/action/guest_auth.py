# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""guest_auth: allow or block insecure guest logons."""

from __future__ import annotations

from ..plugin_utils.actions.options import JOURNAL_OPTIONS, SCOPE_OPTIONS, setting_options
from ..plugin_utils.actions.settings_action import SettingsAction


class ActionModule(SettingsAction):
    """`state` is the setting insecure_guest_logons."""

    OPTIONS = {"state": "insecure_guest_logons"}
    ARGUMENT_SPEC = {
        "state": {**setting_options(OPTIONS)["state"], "required": True},
        **SCOPE_OPTIONS,
        **JOURNAL_OPTIONS,
    }


main = ActionModule.lint
