# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# FOR INTERNAL COLLECTION USE ONLY: nothing outside this collection may import it.
"""Which domain controller, as whom, and how protected: what `directory` and `sysvol` both need to know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from .errors import DomainError, LibraryMissing, said

Protection = Literal["none", "starttls", "ldaps"]
AuthProtocol = Literal["kerberos", "ntlm", "negotiate"]

# The PDC emulator first: it is the one that GPMC addresses, so that two editors meet on one controller.
SRV_RECORDS = ("_ldap._tcp.pdc._msdcs.{domain}", "_ldap._tcp.dc._msdcs.{domain}")


@dataclass(frozen=True)
class Controller:
    """A domain controller and the account for it.

    server: its name or address; Kerberos and certificates want the name. tls `none`: LDAP on port 389, signed and
    sealed by the authentication; it is never in the clear. timeout: seconds for connecting and for each answer.
    password None: Kerberos with the ticket that the user of the task holds.
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


def find_server(domain: str) -> str:
    """A controller of a domain by DNS: the PDC emulator, else the one that comes first. Raises DomainError."""
    try:
        import dns.exception
        import dns.resolver
    except ImportError as error:
        raise LibraryMissing("dnspython", "finding a domain controller without the option server", error) from error
    problems = []
    for record in SRV_RECORDS:
        name = record.format(domain=domain)
        try:
            found = sorted(dns.resolver.resolve(name, "SRV"), key=lambda srv: (srv.priority, -srv.weight))
        except dns.exception.DNSException as error:
            problems.append(f"{name}: {said(error)}")
            continue
        for answer in found:
            return str(answer.target).rstrip(".")
    raise DomainError(
        f"DNS names no domain controller of {said(domain)} ({'; '.join(problems)}). Say the option server, or let "
        "the machine that runs this task ask a DNS server of the domain. Nothing was written."
    )


def dn_of_domain(domain: str) -> str:
    """`DC=ad,DC=example` of `ad.example`."""
    return ",".join(f"DC={label}" for label in domain.split("."))


def dn_parts(dn: str) -> list[str]:
    """The relative names of a distinguished name, the object's own first; escaped commas and quotes kept."""
    return list(_split_dn(dn))


def _split_dn(dn: str) -> Iterator[str]:
    part, escaped = "", False
    for character in dn:
        if character == "," and not escaped:
            yield part
            part = ""
            continue
        escaped = character == "\\" and not escaped
        part += character
    yield part


def same_dn(one: str, other: str) -> bool:
    """Whether two spellings name the same object: case and blanks around the parts do not matter."""
    return dn_key(one) == dn_key(other)


def dn_key(dn: str) -> str:
    """A spelling to compare distinguished names by."""
    keys = []
    for part in dn_parts(dn):
        kind, _equals, value = part.partition("=")
        keys.append(f"{kind.strip()}={value.strip()}".casefold())
    return ",".join(keys)


def parent_dn(dn: str) -> str:
    """The container of an object; empty for a root."""
    return ",".join(dn_parts(dn)[1:])
