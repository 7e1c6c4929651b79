# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every action plugin of the collection shares: options in, errors to results, result out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from .change.configure import Outcome, configure
from .change.plan import Wish
from .errors import AccessDenied, HostUnreachable, RequestError, SmbGuestError
from .options import read_terms
from .tables.settings import SETTINGS, Layer
from .winrm.session import Session, open_session
from .winrm.wires import SUPPORTED
from .wsman.errors import WsmanError


class Action(ActionBase):  # type: ignore[misc]  # ansible-core ships no type information
    """An action that runs on the controller, whatever the connection. A subclass says its options and does its work."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    ARGUMENT_SPEC: ClassVar[Mapping[str, Any]]
    REQUIRED_ONE_OF: ClassVar[list[list[str]] | None] = None

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do the task and give its result. Raises SmbGuestError."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(
            argument_spec=dict(self.ARGUMENT_SPEC), required_one_of=self.REQUIRED_ONE_OF
        )
        try:
            self._warn(result, *self.reservations())
            result.update(self.act(options))
        except HostUnreachable as error:
            result.update(unreachable=True, changed=error.changed, msg=self.words(error))
        except SmbGuestError as error:
            result.update(failed=True, changed=error.changed, msg=self.words(error))
        except WsmanError as error:
            result.update(failed=True, changed=False, msg=f"A bug in winops.smb_guest: {self.words(error)}")
        return result

    def reservations(self) -> list[str]:
        """Warnings about how the task is run."""
        return []

    def words(self, error: Exception) -> str:
        """What the user reads of an error."""
        return str(error)

    @staticmethod
    def _warn(result: dict[str, Any], *warnings: str) -> None:
        if warnings:
            result.setdefault("warnings", []).extend(warnings)


class HostAction(Action):
    """An action that talks to the host over a session."""

    _requires_connection = True

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do the task and give its result. Raises SmbGuestError."""
        raise NotImplementedError

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return self.work(open_session(self._connection), options)

    def reservations(self) -> list[str]:
        if getattr(self._connection, "become", None) is None:
            return []
        told = "become has no effect: winops.smb_guest starts no process whose user could change. It works with the "
        return [f"{told}rights of ansible_user."]

    def words(self, error: Exception) -> str:
        """No library's error text is trusted to keep a secret."""
        connects = getattr(self._connection, "transport", None) in SUPPORTED
        password = self._connection.get_option("remote_password") if connects else None
        text = str(error).replace(password, "********") if password else str(error)
        if isinstance(error, AccessDenied):
            text += " " + AccessDenied.advice(self._connection.get_option("remote_user"))
        return text


class SettingsAction(HostAction):
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
