# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other end of a conversation as the user wrote it down: the variables of each connection, the address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from ..core.errors import HostState, RequestError
from ..core.secrets import WITHHELD, may_hold_credentials, secrets_of, shows_part
from ..core.text import one_line

# What the user's own connection calls a thing. Sources: the documentation of ansible.builtin.winrm and .psrp.
_VARIABLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "auth": ("ansible_winrm_transport", "ansible_psrp_auth"),
        "ca": ("ansible_winrm_ca_trust_path", "ansible_psrp_ca_cert"),
        "certificate": ("ansible_winrm_cert_pem", "ansible_psrp_certificate_pem"),
        "certificate_key": ("ansible_winrm_cert_key_pem", "ansible_psrp_certificate_key_pem"),
        "encryption": ("ansible_winrm_message_encryption", "ansible_psrp_message_encryption"),
        "operation_timeout": ("ansible_winrm_operation_timeout_sec", "ansible_psrp_operation_timeout"),
        "package": ("pywinrm", "pypsrp"),
        "path": ("ansible_winrm_path", "ansible_psrp_path"),
        "proxy": ("ansible_winrm_proxy", "ansible_psrp_proxy"),
        "read_timeout": ("ansible_winrm_read_timeout_sec", "ansible_psrp_read_timeout"),
        "scheme": ("ansible_winrm_scheme", "ansible_psrp_protocol"),
        "validation": ("ansible_winrm_server_cert_validation", "ansible_psrp_cert_validation"),
    }
)
VARIABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {kind: {what: names[at] for what, names in _VARIABLES.items()} for at, kind in enumerate(("winrm", "psrp"))}
)
"""What a sentence calls a variable, to its name, for each connection."""

_PROXY_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
MAX_NAME = 253


@dataclass(frozen=True)
class Peer:
    """Who is spoken to, and how.

    Attributes:
        endpoint: The URL, or what is known of it.
        connection: A key of VARIABLES.
        auth: The authentication in use, such as basic.
        secrets: Texts that no message may show, and no part of them; see `core.secrets`.
        has_secret_url: The user gave a text that holds credentials and that a library takes apart, such as the URL of
            a proxy. Nobody knows where it is cut, so no words of a library are shown at all.
        plain_account: Whether account and password are ASCII.
        tried: Authentications that the host refused before this one.
    """

    endpoint: str
    connection: str
    auth: str = ""
    secrets: tuple[str, ...] = ()
    has_secret_url: bool = False
    plain_account: bool = True
    tried: tuple[str, ...] = ()

    @property
    def variables(self) -> Mapping[str, str]:
        return VARIABLES[self.connection]

    def foreign(self, words: str, limit: int = 160) -> str:
        """Words of a library, fit to be shown: all of them or none, see `core.secrets`."""
        if self.has_secret_url or shows_part(self.secrets, words):
            return WITHHELD
        return one_line(words, limit) or "no reason given"


def check_proxy(proxy: object, variable: str) -> None:
    """Refuse the URL of a proxy that a library would take apart wrongly.

    `http://user:pa#ss@proxy:3128` is a valid URL, of the host `user`: the library would ask a name server for the name
    and repeat the beginning of the password as a port.

    Args:
        proxy: What the user gave. Anything but text means that there is no proxy.
        variable: Where the user gave it.

    Raises:
        RequestError: Nothing was asked of any host. The message does not repeat the URL.
    """
    if not isinstance(proxy, str):
        return
    scheme, found, rest = proxy.rpartition("://") if proxy.count("://") == 1 else ("", "", proxy)
    # The last @ ends the account, as a password may hold more of them.
    account, _at, address = rest.rpartition("@")
    try:
        parts = urlsplit(f"http://{address}")
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    is_known = not found or scheme.lower() in _PROXY_SCHEMES
    if not is_whole or not is_known or not proxy.isprintable() or set(account) & set("/?#[]\\ "):
        raise RequestError(
            f"{variable} is no URL of a proxy such as http://user:password@proxy.example:3128. Write characters such "
            f"as / ? # [ ] of user and password in percent encoding, such as %2F.",
            host_state=HostState.NOT_CONTACTED,
        )


def check_address(host: str, port: int | None, variables: Mapping[str, str]) -> None:
    """Refuse a host or a port that cannot be called, saying what is wrong with it.

    A value that may hold credentials (`user:secret@host`, `user:secret`, a URL) is not repeated.
    """
    problem = _problem_of_host(host, variables)
    if problem:
        shown = "cannot be used" if set(host) & set("@:/\\") else f"is '{one_line(host, 80)}'"
        raise RequestError(f"ansible_host {shown}: {problem}.", host_state=HostState.NOT_CONTACTED)
    if port is not None and not 1 <= port <= 65535:
        raise RequestError(f"ansible_port is {port}: a port is 1 to 65535.", host_state=HostState.NOT_CONTACTED)


def _problem_of_host(host: str, variables: Mapping[str, str]) -> str | None:
    if "@" in host:
        return "the account belongs in ansible_user, its password in ansible_password"
    if "/" in host or "\\" in host:
        return (
            f"a name or an address alone belongs there; the scheme goes into {variables['scheme']}, the path into "
            + (variables["path"])
        )
    if host != host.strip():
        return "there is white space before or after it"
    if host != "".join(host.split()) or not host.isprintable():
        return "there is white space or a control character in it"
    if ":" in host:
        return _problem_of_colons(host)
    try:
        # As the resolver does it: the limits are those of the encoded name.
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


def connection_kind(connection: Any) -> str | None:
    """`winrm` or `psrp` for those connections and what is derived from them, whatever it calls itself, else None."""
    # A plugin of somebody else that is derived from winrm works as winrm does.
    for base in type(connection).__mro__:
        parent, _dot, name = base.__module__.rpartition(".")
        theirs = parent.endswith(("ansible.plugins.connection", "ansible.builtin.plugins.connection"))
        if theirs and name in VARIABLES and base.__name__ == "Connection":
            return name
    return None


def check_before_connecting(connection: Any, kind: str) -> None:
    """Refuse an address or a path with an account in it before the connection logs it, as it does with `-vvv`.

    A connection that makes a tunnel may have something else than a host in its address: the rest is checked in
    `peer_of`, once the endpoint is known. Raises RequestError.
    """
    if may_hold_credentials(option_of(connection, "path")):
        raise RequestError(
            f"{VARIABLES[kind]['path']} is no path such as wsman: the account belongs in ansible_user, its password in "
            "ansible_password.",
            host_state=HostState.NOT_CONTACTED,
        )
    host = str(option_of(connection, "remote_addr") or "")
    if may_hold_credentials(host) or ":" in host:
        check_address(host, None, VARIABLES[kind])


def option_of(connection: Any, name: str) -> Any:
    """An option of the connection, None where it has none of that name."""
    try:
        return connection.get_option(name)
    except KeyError:
        return None


def peer_of(connection: Any, kind: str, endpoint: str, auth: str, proxy: object, tried: tuple[str, ...] = ()) -> Peer:
    """The other end of a connection that is set up. Raises RequestError for an address or a proxy that cannot be used.

    Args:
        connection: Ansible's connection.
        kind: `winrm` or `psrp`.
        endpoint: The URL that messages go to.
        auth: The authentication in use.
        proxy: What the library has as its proxy.
        tried: Authentications that the host refused before.
    """
    host, port = str(option_of(connection, "remote_addr") or ""), option_of(connection, "port")
    if host and host in endpoint:  # a connection that makes a tunnel has an endpoint of its own
        check_address(host, port if isinstance(port, int) else None, VARIABLES[kind])
    if proxy in ("legacy_requests", None):
        from requests.utils import get_environ_proxies, select_proxy

        # What requests takes from the environment for this URL, no_proxy considered.
        theirs = select_proxy(endpoint, get_environ_proxies(endpoint)) if _uses_environment(connection, proxy) else None
        check_proxy(theirs, "The environment variable http_proxy, https_proxy or all_proxy")
    else:
        check_proxy(proxy, VARIABLES[kind]["proxy"])
    before = peer_before(connection, kind, proxy)
    account, password = option_of(connection, "remote_user"), option_of(connection, "remote_password")
    plain = f"{account or ''}{password or ''}".isascii()
    return replace(before, endpoint=endpoint, auth=auth, plain_account=plain, tried=tried)


def _uses_environment(connection: Any, proxy: object) -> bool:
    """pywinrm without a proxy in the variables; pypsrp unless `ignore_proxy` is set."""
    return proxy == "legacy_requests" or (
        connection_kind(connection) == "psrp" and not option_of(connection, "ignore_proxy")
    )


def peer_before(connection: Any, kind: str, proxy: object = None) -> Peer:
    """What is known of the other end before the connection is set up: what no message may show.

    Args:
        connection: Ansible's connection.
        kind: `winrm` or `psrp`.
        proxy: What the library has as its proxy, if it is set up.
    """
    account, password = option_of(connection, "remote_user"), option_of(connection, "remote_password")
    secrets = secrets_of(str(account or ""), None if password is None else str(password))
    found = getattr(connection, "_extras", None) or option_of(connection, "_extras")
    extras = found if isinstance(found, Mapping) else {}
    # pypsrp takes the password of a certificate's key as a variable that Ansible's connection does not know.
    secrets += tuple(str(value) for name, value in extras.items() if "password" in str(name).lower() and value)
    options = (option_of(connection, name) for name in ("proxy", "remote_addr", "path"))
    given = (proxy, *options, *extras.values(), *getproxies().values())
    return Peer("this host", kind, secrets=secrets, has_secret_url=any(map(may_hold_credentials, given)))
