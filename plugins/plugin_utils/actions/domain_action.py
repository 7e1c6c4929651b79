# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions on a domain share: the options that say which controller and account, and both doors opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from ..core.errors import HostState, RequestError, leaving
from ..domain.directory import Directory
from ..domain.dns_records import find_domain_controller
from ..domain.domain_controller import DomainController, check_name
from ..domain.errors import DomainError, clean
from ..domain.rights import Right, needing
from ..domain.sysvol import Sysvol
from ..domain_gpo.gpo_reader import GpoReader
from .action import Action

CONNECTION_OPTIONS: Mapping[str, Any] = {
    "domain": {"type": "str", "required": True},
    "server": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "auth_protocol": {"type": "str", "choices": ["negotiate", "kerberos", "ntlm"], "default": "negotiate"},
    "tls": {"type": "str", "choices": ["none", "starttls", "ldaps"], "default": "none"},
    "ca_certs": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
}
MAX_TIMEOUT = 600


class DomainAction(Action):
    """An action that talks LDAP and SMB to one domain controller. A subclass does its work in `work`."""

    ARGUMENT_SPEC: ClassVar[Mapping[str, Any]]

    def work(self, reader: GpoReader, options: Mapping[str, Any]) -> dict[str, Any]:
        """Do the task and give its result. Raises SmbGuestError."""
        raise NotImplementedError

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        with opened(controller_of(options), options["domain"]) as reader:
            return self.work(reader, options)


def controller_of(options: Mapping[str, Any]) -> DomainController:
    """Raises RequestError for options that contradict each other, DomainError where DNS names no controller."""
    if not 1 <= options["timeout"] <= MAX_TIMEOUT:
        raise RequestError(f"timeout is a number of seconds from 1 to {MAX_TIMEOUT}.")
    # Half of a pair would silently become the ticket of whoever runs the task.
    if (options["username"] is None) != (options["password"] is None):
        raise RequestError(
            "username and password go together; without both, the Kerberos ticket of the user that runs the task is "
            "taken."
        )
    for name in ("domain", "server"):
        check_name(name, options[name])
    return DomainController(
        options["server"] or find_domain_controller(options["domain"]),
        options["username"],
        options["password"],
        options["auth_protocol"],
        options["tls"],
        options["ca_certs"],
        options["timeout"],
    )


@contextmanager
def opened(controller: DomainController, domain: str) -> Iterator[GpoReader]:
    """Both doors of a controller, closed in the end. Raises DomainError, also for a controller of another domain."""
    with leaving(HostState.NOTHING_WRITTEN):
        directory = Directory(controller)
    try:
        served = ".".join(part.partition("=")[2] for part in directory.domain_dn.split(","))
        if served.casefold() != domain.casefold():
            raise DomainError(
                f"{clean(controller.server)} is a controller of {clean(served)}, not of {clean(domain)}.",
                host_state=HostState.NOTHING_WRITTEN,
            )
        with leaving(HostState.NOTHING_WRITTEN):
            sysvol = Sysvol(controller)
        try:
            with needing(Right.OTHER):
                yield GpoReader(directory, sysvol, served)
        finally:
            sysvol.close()
    finally:
        directory.close()
