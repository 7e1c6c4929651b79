# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""client_config: every managed setting of the SMB client and server."""

from __future__ import annotations

from ..plugin_utils.actions.options import JOURNAL_OPTIONS, SCOPE_OPTIONS, setting_options
from ..plugin_utils.actions.settings_action import SettingsAction
from ..plugin_utils.tables.settings import SETTINGS


class ActionModule(SettingsAction):
    """Each option is the setting of the same name."""

    OPTIONS = {name: name for name in SETTINGS}
    ARGUMENT_SPEC = {**setting_options(OPTIONS), **SCOPE_OPTIONS, **JOURNAL_OPTIONS}
    REQUIRED_ONE_OF = [list(OPTIONS)]


main = ActionModule.lint
