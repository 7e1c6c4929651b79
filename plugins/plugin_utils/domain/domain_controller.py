# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which domain controller, as whom, and how protected: what `directory` and `sysvol` both need to know."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from ..core.errors import HostState, RequestError
from ..core.secrets import WITHHELD, secrets_of, shows_part
from .errors import clean

_NAME = re.compile(r"[^\s@:/\\]+|[0-9A-Fa-f:.]+(%[^\s@:/\\]+)?")
Protection = Literal["none", "starttls", "ldaps"]
AuthProtocol = Literal["kerberos", "ntlm", "negotiate"]


@dataclass(frozen=True)
class DomainController:
    """A domain controller and the account for it.

    Args:
        server: Its name or address; Kerberos and certificates want the name.
        username: The account, as `user@REALM` or `DOMAIN\\user`.
        password: Its password; None: Kerberos with the ticket that the user of the task holds.
        auth_protocol: How to authenticate.
        tls: How LDAP is protected. `none`: port 389, signed and sealed by the authentication; never in the clear.
        ca_certs: File or folder of the certificate authorities to trust.
        timeout: Seconds for each answer (see `deadline`).
    """

    server: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    auth_protocol: AuthProtocol = "negotiate"
    tls: Protection = "none"
    ca_certs: str | None = None
    timeout: int = 30

    @property
    def account(self) -> str:
        """The account in words."""
        return self.username or "the account of the Kerberos ticket"

    def foreign(self, words: object) -> str:
        """Words of a library or a server, fit to be shown: all of them or none, see `core.secrets`."""
        text = str(words)
        return WITHHELD if shows_part(secrets_of(self.username, self.password), text) else clean(text)


def check_name(option: str, value: str | None) -> None:
    """Refuse what is no name and no address, and may be `user:password@name`. The message does not repeat it.

    Args:
        option: Where the user gave it.
        value: None and "" where nothing is given.

    Raises:
        RequestError: Nothing was asked of any host.
    """
    if value and not (_NAME.fullmatch(value) and value.isprintable()):
        raise RequestError(
            f"{option} is no name and no address. An account belongs in username, its password in password.",
            host_state=HostState.NOT_CONTACTED,
        )
