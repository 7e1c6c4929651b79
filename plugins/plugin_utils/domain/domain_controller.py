# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which domain controller, as whom, and how protected: what `directory` and `sysvol` both need to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

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

    def without_password(self, text: str) -> str:
        """No library's error text is trusted to keep a secret."""
        return text.replace(self.password, "********") if self.password else text
