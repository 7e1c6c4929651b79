# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every action plugin of the collection shares: options in, errors to results, result out."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from types import MappingProxyType
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..core.errors import AccessDenied, HostState, HostUnreachable, RequestError, SmbGuestError, worded
from ..core.text import one_line
from ..core.user_names import UserNames, naming
from ..winrm.session import Session, open_session
from ..winrm.transports import Timeouts
from ..wsman.errors import WsmanError
from .lint import lint_options
from .role_variables import check_role_variables, role_of, variables_of_options

MESSAGE_TIMEOUT = "winops_smb_guest_message_timeout"
TASK_TIMEOUT = "winops_smb_guest_task_timeout"
MAX_SECONDS = 86_400
"""Variables of a host: seconds that one message and one task may take."""


class Action(ActionBase):  # type: ignore[misc]  # ansible-core ships no type information
    """An action that runs on the control node, whatever the connection. A subclass has its options and its work."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    ARGUMENT_SPEC: ClassVar[Mapping[str, Any]]
    REQUIRED_ONE_OF: ClassVar[list[list[str]] | None] = None
    ASSIGNMENTS: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What the engine calls `option: value`, and the boolean option of this module that stands for it."""

    NULL_ON_FAILURE: ClassVar[tuple[str, ...]] = ()
    """Return values that a failure has as well, as null, so that a `when:` of an `always:` section can read them."""

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do the task and give its result. Raises SmbGuestError."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        try:
            options = self._options()
            check_role_variables(self._variables)
            self._warn(result, *self.reservations())
            with naming(self._user_names()):
                done = self.act(options)
            self._warn(result, *done.pop("warnings", ()))
            result.update(done)
        except HostUnreachable as error:
            result.update(dict.fromkeys(self.NULL_ON_FAILURE))
            result.update(unreachable=True, changed=error.changed, msg=self.words(error))
        except SmbGuestError as error:
            result.update(dict.fromkeys(self.NULL_ON_FAILURE))
            result.update(failed=True, changed=error.changed, msg=self.words(error))
        except WsmanError as error:
            result.update(failed=True, changed=False, msg=f"A bug in winops.smb_guest: {self.words(error)}")
        # Ansible prints the exception, but not its notes, which say what the host holds.
        except BaseException as interruption:
            for note in getattr(interruption, "__notes__", ()):
                Display().warning(f"{self.host_name}: {note}" if self.host_name else note)
            raise
        if self.host_name and "warnings" in result:
            # Ansible shows equal warnings of several hosts once.
            result["warnings"] = [f"{self.host_name}: {each}" for each in result["warnings"]]
        return result

    def _options(self) -> dict[str, Any]:
        """What the user gives, checked and with defaults. Raises RequestError in Ansible's words."""
        try:
            _validated, options = self.validate_argument_spec(
                argument_spec=dict(self.ARGUMENT_SPEC), required_one_of=self.REQUIRED_ONE_OF
            )
        except AnsibleActionFail as error:
            # Ansible names the Python module of the action here, which no user knows.
            named = str(error).replace(self._load_name, self._task.resolved_action or self._task.action)
            raise RequestError(f"{named.rstrip('. ')}.", host_state=HostState.NOT_CONTACTED) from error
        return dict(options)

    @classmethod
    def lint(cls) -> None:
        """What ansible-lint calls as `main` of an action plugin."""
        lint_options(cls.ARGUMENT_SPEC)

    def reservations(self) -> list[str]:
        """Warnings about how the task is run."""
        return []

    def words(self, error: Exception) -> str:
        """What the user reads of an error."""
        return worded(error)

    def _user_names(self) -> UserNames:
        """What the user calls the options: variables in a role of this collection."""
        variables = variables_of_options(self._variables, [*self.ARGUMENT_SPEC, *self.ASSIGNMENTS.values()])
        assignments = {short: f"{variables.get(option) or option}: true" for short, option in self.ASSIGNMENTS.items()}
        return UserNames(variables, assignments, self._reverting(), role_of(self._variables))

    def _reverting(self) -> str:
        """The playbook that reverts changes of the host, with the inventory of this run."""
        host, sources = self.host_name or "HOST", self._variables.get("ansible_inventory_sources") or ["INVENTORY"]
        inventories = " ".join(f"-i {quote(str(source))}" for source in sources)
        # The playbook looks in the group windows where there is one; a host elsewhere must be named to it.
        named = host in self._variables.get("groups", {}).get("windows", [host])
        elsewhere = "" if named else f" -e smb_guest_hosts={quote(host)}"
        return f"ansible-playbook winops.smb_guest.revert {inventories} --limit {quote(host)}{elsewhere}"

    @property
    def host_name(self) -> str:
        """The inventory's name of the host that the task is about; empty where it is about none."""
        return ""

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
        return self.work(open_session(self._connection, self._timeouts()), options)

    def _timeouts(self) -> Timeouts:
        """What the user says of time. Raises RequestError."""
        return Timeouts(*(self._seconds(name) for name in (MESSAGE_TIMEOUT, TASK_TIMEOUT)))

    def _seconds(self, name: str) -> float | None:
        given = self._variables.get(name)
        if given is None:
            return None
        # Ansible templates options, not variables that an action reads by itself.
        value = self._templar.template(given)
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = 0.0
        if not 1 <= seconds <= MAX_SECONDS:
            raise RequestError(
                f"{name} is {one_line(repr(value), 40)}: it must be a number of seconds, 1 to {MAX_SECONDS}. "
            )
        return seconds

    @property
    def host_name(self) -> str:
        """The inventory's name of the host that the task is carried out on, delegated to or not."""
        return str(self._task.delegate_to or self._named)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._named = (task_vars or {}).get("inventory_hostname", "")
        return super().run(tmp, task_vars)

    def reservations(self) -> list[str]:
        if getattr(self._connection, "become", None) is None:
            return []
        text = "become has no effect: winops.smb_guest starts no process whose user could change. "
        return [f"{text}It works with the rights of ansible_user."]

    def words(self, error: Exception) -> str:
        if not isinstance(error, AccessDenied):
            return super().words(error)
        account, host = (self._connection.get_option(name) for name in ("remote_user", "remote_addr"))
        names = [host, self._variables.get("inventory_hostname")]
        return worded(error, error.advice(account, [str(name) for name in names if name]))
