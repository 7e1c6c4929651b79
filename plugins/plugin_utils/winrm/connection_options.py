# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user gave an Ansible connection: which plugin it is, its options, and the other end as they describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.request import getproxies

from .peer import VARIABLES, Peer, check_address, check_proxy, is_secret_url, secrets_of


def connection_kind(connection: Any) -> str | None:
    """`winrm` or `psrp` for those connections and what is derived from them, whatever it calls itself, else None."""
    for base in type(connection).__mro__:
        parent, _dot, name = base.__module__.rpartition(".")
        theirs = parent.endswith(("ansible.plugins.connection", "ansible.builtin.plugins.connection"))
        if theirs and name in VARIABLES and base.__name__ == "Connection":
            return name
    return None


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
    """pywinrm without a proxy in the variables; pypsrp unless it is told to ignore them."""
    return proxy == "legacy_requests" or (
        connection_kind(connection) == "psrp" and not option_of(connection, "ignore_proxy")
    )


def peer_before(connection: Any, kind: str, proxy: object = None) -> Peer:
    """What is known of the other end before the connection is set up: what no message may show."""
    account, password = option_of(connection, "remote_user"), option_of(connection, "remote_password")
    secrets = secrets_of(str(account or ""), None if password is None else str(password))
    extras = getattr(connection, "_extras", None) or option_of(connection, "_extras") or {}
    given = (
        *(proxy, option_of(connection, "proxy"), option_of(connection, "remote_addr"), *getproxies().values()),
        *(extras.values() if isinstance(extras, Mapping) else ()),
    )
    return Peer("this host", kind, secrets=secrets, has_secret_url=any(map(is_secret_url, given)))
