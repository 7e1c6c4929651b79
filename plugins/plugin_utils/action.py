# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every action plugin of the collection shares: options in, session open, errors to results, result out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from .configure import Outcome, configure
from .errors import AccessDenied, HostUnreachable, RequestError, SmbGuestError
from .journal import checked_change_id, checked_text
from .plan import Wish
from .settings import SETTINGS, Layer
from .transaction import Terms
from .winrm.session import Session, open_session
from .winrm.wires import SUPPORTED
from .wsman.errors import WsmanError

SCOPE_OPTIONS: Mapping[str, Any] = {
    "scope": {
        "type": "list",
        "elements": "str",
        "choices": [Layer.LOCAL.value, Layer.POLICY.value],
        "default": [Layer.LOCAL.value],
    },
    "managed": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
}

JOURNAL_OPTIONS: Mapping[str, Any] = {
    "change_id": {"type": "str"},
    "reason": {"type": "str"},
    "expires_in": {"type": "str"},
}

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MAX_EXPIRY = timedelta(days=366)


def read_terms(options: Mapping[str, Any]) -> Terms:
    """What the task asks of the journal, checked. Raises RequestError."""
    change_id, reason, expires_in = (options.get(name) for name in JOURNAL_OPTIONS)
    lifetime = None
    if expires_in:
        match = _DURATION.fullmatch(expires_in)
        lifetime = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
        if lifetime is None or lifetime > MAX_EXPIRY:
            raise RequestError(
                f"expires_in {expires_in!r} is not a time such as 30m, 8h, 3d or 2w, at most a year. "
                "Nothing was written."
            )
    return Terms(
        checked_change_id(change_id) if change_id else None, checked_text("reason", reason) if reason else "", lifetime
    )


class SmbGuestAction(ActionBase):  # type: ignore[misc]  # ansible-core ships no type information
    """An action that talks to the host over a session. A subclass says its options and does its work."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = True

    ARGUMENT_SPEC: ClassVar[Mapping[str, Any]]
    REQUIRED_ONE_OF: ClassVar[list[list[str]] | None] = None

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do the task and give its result. Raises SmbGuestError."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(
            argument_spec=dict(self.ARGUMENT_SPEC), required_one_of=self.REQUIRED_ONE_OF
        )
        if getattr(self._connection, "become", None) is not None:
            self._warn(
                result,
                "become has no effect: winops.smb_guest starts no process whose user could change. It works "
                "with the rights of ansible_user.",
            )
        try:
            result.update(self.work(open_session(self._connection), options))
        except HostUnreachable as error:
            result.update(unreachable=True, changed=error.changed, msg=self._without_password(error))
        except SmbGuestError as error:
            result.update(failed=True, changed=error.changed, msg=self._without_password(error))
            if isinstance(error, AccessDenied):
                result["msg"] += " " + AccessDenied.advice(self._connection.get_option("remote_user"))
        except WsmanError as error:
            result.update(failed=True, changed=False, msg=f"A bug in winops.smb_guest: {self._without_password(error)}")
        return result

    def _without_password(self, error: Exception) -> str:
        """No library's error text is trusted to keep a secret."""
        connects = getattr(self._connection, "transport", None) in SUPPORTED
        password = self._connection.get_option("remote_password") if connects else None
        text = str(error)
        return text.replace(password, "********") if password else text

    @staticmethod
    def _warn(result: dict[str, Any], *warnings: str) -> None:
        if warnings:
            result.setdefault("warnings", []).extend(warnings)


def setting_options(names: Mapping[str, str]) -> dict[str, Any]:
    """The argument spec of options that are settings. names: option to setting name."""
    return {option: {"type": "str", "choices": list(SETTINGS[name].words.choices)} for option, name in names.items()}


class SettingsAction(SmbGuestAction):
    """An action that is a door to `configure`. OPTIONS: option to the name of the setting that it stands for."""

    OPTIONS: ClassVar[Mapping[str, str]]

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        outcome = self.configure(session, options)
        result = outcome.as_dict()
        self._warn(result, *outcome.warnings())
        return result

    def configure(self, session: Session, options: Mapping[str, Any]) -> Outcome:
        """Turn the options into wishes and make them true."""
        scopes = {Layer(scope) for scope in options["scope"]}
        if not scopes:
            raise RequestError("scope is empty: say local, policy, or both. Nothing was written.")
        wishes = [
            Wish(SETTINGS[name], SETTINGS[name].words.value(options[option]))
            for option, name in self.OPTIONS.items()
            if options.get(option) is not None
        ]
        return configure(
            session,
            wishes,
            scopes,
            tolerate_managed=options["managed"] == "warn",
            check_mode=bool(self._task.check_mode),
            terms=read_terms(options),
        )
