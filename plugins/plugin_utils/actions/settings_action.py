# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the actions that change settings; apart, so that actions that only read do not import the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..change import summary
from ..change.configure import configure
from ..change.journal import Host
from ..change.plan import DesiredSetting, Rules
from ..change.request import Request
from ..change.result import Outcome
from ..tables.settings import SETTINGS
from ..winrm.session import Session
from .action import HostAction
from .options import read_scopes, read_terms


class SettingsAction(HostAction):
    """An action that is a door to `configure`. OPTIONS: option to the name of the setting that it stands for."""

    OPTIONS: ClassVar[Mapping[str, str]]
    NULL_ON_FAILURE = ("change_id",)

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        outcome = self.configure(session, options)
        result = outcome.as_dict()
        result["host"] = self.host_name
        if not result.get("failed"):
            check_mode = bool(self._task.check_mode)
            result["summary"] = list(summary.of_changes(outcome, self.host_name, check_mode=check_mode))
        self._warn(result, *outcome.all_warnings())
        return result

    def configure(self, session: Session, options: Mapping[str, Any]) -> Outcome:
        """Turn the options into desired settings and make them true."""
        desired_settings = [
            DesiredSetting(SETTINGS[name], SETTINGS[name].words.value(options[option]))
            for option, name in self.OPTIONS.items()
            if options.get(option) is not None
        ]
        rules = Rules(
            read_scopes(options),
            tolerate_managed=options["managed"] == "warn",
            skip_unsupported=options["unsupported"] == "skip",
            optional=options.get("optional") or (),
        )
        request = Request(
            desired_settings,
            rules,
            read_terms(options),
            relax=options.get("relax"),
            risk_refused=options.get("accept_risk") is False,
            refuse_domain_controllers=options.get("domain_controllers") == "refuse",
            confirm=options["confirm"],
            gpupdate=options["gpupdate"],
        )
        return configure(Host(session), request, check_mode=bool(self._task.check_mode))
