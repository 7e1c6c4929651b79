# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other end of a conversation as the user wrote it down: the variables of each connection, the address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from ..core.errors import NOTHING_ASKED, RequestError
from ..core.text import one_line

# What the user's own connection calls a thing. Sources: the documentation of ansible.builtin.winrm and .psrp.
VARIABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "winrm": {
            "auth": "ansible_winrm_transport",
            "ca": "ansible_winrm_ca_trust_path",
            "certificate": "ansible_winrm_cert_pem",
            "certificate_key": "ansible_winrm_cert_key_pem",
            "encryption": "ansible_winrm_message_encryption",
            "operation_timeout": "ansible_winrm_operation_timeout_sec",
            "package": "pywinrm",
            "path": "ansible_winrm_path",
            "proxy": "ansible_winrm_proxy",
            "read_timeout": "ansible_winrm_read_timeout_sec",
            "scheme": "ansible_winrm_scheme",
            "validation": "ansible_winrm_server_cert_validation",
        },
        "psrp": {
            "auth": "ansible_psrp_auth",
            "ca": "ansible_psrp_ca_cert",
            "certificate": "ansible_psrp_certificate_pem",
            "certificate_key": "ansible_psrp_certificate_key_pem",
            "encryption": "ansible_psrp_message_encryption",
            "operation_timeout": "ansible_psrp_operation_timeout",
            "package": "pypsrp",
            "path": "ansible_psrp_path",
            "proxy": "ansible_psrp_proxy",
            "read_timeout": "ansible_psrp_read_timeout",
            "scheme": "ansible_psrp_protocol",
            "validation": "ansible_psrp_cert_validation",
        },
    }
)

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
MAX_NAME = 253


@dataclass(frozen=True)
class Peer:
    """Who is spoken to, and how. endpoint: the URL, or what is known of it. connection: a key of VARIABLES.

    auth: the authentication in use, such as basic. secrets: texts that no message may show. plain_account: whether
    account and password are ASCII. tried: authentications that the host refused before this one.
    """

    endpoint: str
    connection: str
    auth: str = ""
    secrets: tuple[str, ...] = ()
    plain_account: bool = True
    tried: tuple[str, ...] = ()

    @property
    def variables(self) -> Mapping[str, str]:
        return VARIABLES[self.connection]

    def foreign(self, words: str, limit: int = 160) -> str:
        """Words of a library, fit to be shown. All of them are held back if they hold a secret: a hole in a sentence
        that is known would show it."""
        if any(secret in words for secret in self.secrets):
            return "words not shown"
        return one_line(words, limit) or "no reason given"


def secrets_of(password: str | None, proxies: Iterable[str | None]) -> tuple[str, ...]:
    """The password, and those in proxy URLs, as written and decoded."""
    found = [password or ""]
    for proxy in proxies:
        if isinstance(proxy, str) and "@" in proxy:
            try:
                inside = urlsplit(proxy).password or ""
            except ValueError:
                inside = proxy.rpartition("@")[0].rpartition(":")[2]
            found += [inside, unquote(inside)]
    return tuple(dict.fromkeys(each for each in found if each))


def check_address(host: str, port: int | None, variables: Mapping[str, str]) -> None:
    """Raises RequestError for a host or a port that cannot be called, saying what is wrong with it."""
    problem = _problem_of_host(host, variables)
    if problem:
        raise RequestError(f"ansible_host is '{one_line(host, 80)}': {problem}. {NOTHING_ASKED}")
    if port is not None and not 1 <= port <= 65535:
        raise RequestError(f"ansible_port is {port}: a port is 1 to 65535. {NOTHING_ASKED}")


def _problem_of_host(host: str, variables: Mapping[str, str]) -> str | None:
    if "/" in host or "\\" in host:
        return (
            f"a name or an address alone belongs there; the scheme goes into {variables['scheme']}, the path into "
            + (variables["path"])
        )
    if host != host.strip():
        return "there is white space before or after it"
    if host != "".join(host.split()) or not host.isprintable():
        return "there is white space or a control character in it"
    if "@" in host:
        return "the account belongs in ansible_user"
    if ":" in host:
        return _problem_of_colons(host)
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return "this is no host name"
    labels = name.removesuffix(".").split(".")
    if len(name) > MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        return "this is no host name: between dots are 1 to 63 letters, digits and hyphens"
    return None


def _problem_of_colons(host: str) -> str | None:
    try:
        ipaddress.IPv6Address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        one = host.count(":") == 1 or host.startswith("[")
        return "the port belongs in ansible_port" if one else "this is no IPv6 address"
    return None
