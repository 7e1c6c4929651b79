# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""client_config: every managed setting of the SMB client and server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import SettingsAction
from ..plugin_utils.actions.options import (
    HARDEN_OPTION,
    JOURNAL_OPTIONS,
    SAFEGUARD_OPTIONS,
    SCOPE_OPTIONS,
    setting_options,
    with_hardening,
)
from ..plugin_utils.change.result import Outcome
from ..plugin_utils.tables.settings import SETTINGS
from ..plugin_utils.winrm.session import Session


class ActionModule(SettingsAction):
    """Each option is the setting of the same name; `harden` stands for several."""

    OPTIONS = {name: name for name in SETTINGS}
    ARGUMENT_SPEC = {
        **setting_options(OPTIONS),
        **HARDEN_OPTION,
        **SCOPE_OPTIONS,
        **SAFEGUARD_OPTIONS,
        **JOURNAL_OPTIONS,
    }
    REQUIRED_ONE_OF = [[*OPTIONS, "harden"]]

    def configure(self, session: Session, options: Mapping[str, Any]) -> Outcome:
        return super().configure(session, with_hardening(options))
