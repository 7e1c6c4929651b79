# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""encryption: require SMB encryption of the client, the server, or both."""

from __future__ import annotations

from ..plugin_utils.actions.options import JOURNAL_OPTIONS, SCOPE_OPTIONS, setting_options
from ..plugin_utils.actions.settings_action import SettingsAction


class ActionModule(SettingsAction):
    """`client` is what this host demands of servers, `server` what it demands of clients."""

    OPTIONS = {"client": "client_encryption", "server": "server_encryption"}
    ARGUMENT_SPEC = {**setting_options(OPTIONS), **SCOPE_OPTIONS, **JOURNAL_OPTIONS}
    REQUIRED_ONE_OF = [list(OPTIONS)]


main = ActionModule.lint
