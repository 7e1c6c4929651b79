# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with hosts of an Ansible inventory outside of a play, for a program that keeps them open.

Variables are gathered, decrypted and templated as for a task: group and host
variables beside the inventory, vault passwords from Ansible's own configuration.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any

from ansible import constants
from ansible.cli import CLI
from ansible.errors import AnsibleError
from ansible.inventory.host import Host
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

from ..core.errors import RequestError
from ..core.secrets import WITHHELD, shows_part
from ..core.text import one_line
from ..winrm.session import Session, open_session
from ..winrm.transports import Timeouts
from .accounts import Account, account_of


@cache
def _vault_secrets() -> Any:
    """Those of Ansible's configuration. A process may set them up once only."""
    vault_ids = list(constants.DEFAULT_VAULT_IDENTITY_LIST)
    return CLI.setup_vault_secrets(DataLoader(), vault_ids=vault_ids, auto_prompt=False)


def _words(error: AnsibleError) -> str:
    """The first line of what Ansible says: the lines after it may quote a file, with the passwords in it."""
    own = str(next(iter(error.args), type(error).__name__))
    return one_line(own.partition("\n")[0]).rstrip(".")


class InventorySessions:
    """The hosts of an inventory that a pattern selects. inventory: paths or host lists, as for `ansible -i`.

    Raises RequestError for an inventory that cannot be read, and for a pattern that selects nothing.
    """

    def __init__(self, inventory: Sequence[str], pattern: str = "all") -> None:
        # Ansible loads plugins and templates variables for one thread at a time.
        self._one_at_a_time = Lock()
        self._inventory, self._pattern = list(inventory), pattern
        self._read()
        if not self._hosts:
            raise RequestError(f"No host of the inventory {', '.join(inventory)} matches {pattern!r}.")

    def _read(self) -> None:
        loader = DataLoader()
        try:
            loader.set_vault_secrets(_vault_secrets())
            manager = InventoryManager(loader=loader, sources=self._inventory)
            variables = VariableManager(loader=loader, inventory=manager)
            hosts: dict[str, Host] = {host.name: host for host in manager.get_hosts(self._pattern)}
        except AnsibleError as error:
            raise RequestError(f"The inventory cannot be read: {_words(error)}.") from error
        self._loader, self._variables, self._hosts = loader, variables, hosts

    @property
    def names(self) -> list[str]:
        """The hosts, as the inventory names them."""
        return list(self._hosts)

    def read_again(self) -> None:
        """Read the inventory anew, from any thread. One that cannot be read, or has lost a host, changes nothing."""
        with self._one_at_a_time:
            former = self._loader, self._variables, self._hosts
            try:
                self._read()
            except RequestError:
                return
            if not former[2].keys() <= self._hosts.keys():
                self._loader, self._variables, self._hosts = former

    def open(self, name: str) -> Session:
        """A session with one host, from any thread. Nothing is sent yet. Raises RequestError or HostUnreachable.

        A conversation may last for ever: it has a deadline for each message and none for the whole.
        """
        try:
            with self._one_at_a_time:
                return open_session(self._connection(self._hosts[name]), Timeouts(task=math.inf))
        except AnsibleError as error:
            raise RequestError(f"The connection variables of {name} cannot be used: {_words(error)}.") from error

    def account(self, name: str) -> Account:
        """The account that the inventory gives for a host by now, from any thread. Raises RequestError."""
        try:
            with self._one_at_a_time:
                connection = self._connection(self._hosts[name])
                user, password = (connection.get_option(option) for option in ("remote_user", "remote_password"))
        except AnsibleError as error:
            raise RequestError(f"The connection variables of {name} cannot be used: {_words(error)}.") from error
        return account_of(name, str(user or ""), str(password or ""))

    def _connection(self, host: Host) -> Any:
        variables = self._variables.get_vars(host=host)
        templar = Templar(loader=self._loader, variables=variables)
        kind = str(templar.template(variables.get("ansible_connection", "ssh"))).removeprefix("ansible.builtin.")
        connection = connection_loader.get(kind, PlayContext())
        if connection is None:
            raise AnsibleError(f"there is no connection plugin {kind}")
        names = {*constants.config.get_plugin_vars("connection", kind)}
        options = {name: self._templated(templar, name, variables[name]) for name in names if name in variables}
        # What the plugin hands on to its library as it is, such as ansible_winrm_server_cert_validation.
        prefix = f"ansible_{getattr(connection, 'extras_prefix', kind)}_"
        options["_extras"] = {
            name: self._templated(templar, name, value)
            for name, value in variables.items()
            if name.startswith(prefix) and name not in names
        }
        connection.set_options(var_options=options)
        return connection

    @staticmethod
    def _templated(templar: Templar, name: str, value: Any) -> Any:
        """A variable of the connection. Raises RequestError, without words that may be a part of a password."""
        try:
            return templar.template(value)
        except AnsibleError as error:
            words = _words(error)
            shown = WITHHELD if shows_part([str(value)], words) else words
            raise RequestError(
                f"The variable {name} is no template that can be used: {shown}. Mark a password that holds {{{{, {{% "
                "or {# as !unsafe."
            ) from error
