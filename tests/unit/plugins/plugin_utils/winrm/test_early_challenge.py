# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Negotiate begins with the first request, and a host that does not offer it is asked as the library would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import Side
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.smb_configuration import get_configuration
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm import early_challenge, transports
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import open_session
from simulated_windows.client import Fleet

from .connections import NTLM, connection
from .peers import Peer

ENCRYPTED = {
    "winrm": NTLM["winrm"],
    "psrp": {**NTLM["psrp"], "ansible_psrp_message_encryption": "always"},
    "psrp by negotiate": {
        **NTLM["psrp"],
        "ansible_psrp_auth": "negotiate",
        "ansible_psrp_message_encryption": "always",
    },
}
PORT = {"winrm": "ansible_port", "psrp": "ansible_psrp_port"}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet({"hosts": [{"name": "ws", "preset": "windows_11_24h2_pro"}]}) as started:
        yield started


@pytest.mark.parametrize("name", ENCRYPTED)
def test_two_requests_authenticate_and_a_broken_connection_does_so_again(fleet: Fleet, name: str) -> None:
    host = fleet.hosts["ws"]
    kind = name.partition(" ")[0]
    address = {
        "ansible_host": host["address"],
        f"ansible_{'port' if kind == 'winrm' else 'psrp_port'}": host["http_port"],
    }
    account = {"ansible_user": "Administrator", "ansible_password": host["users"][0]["password"]}
    session = open_session(connection(kind, **ENCRYPTED[name], **address, **account))
    for _round in range(2):
        fleet.control.reset_counters("ws")
        get_configuration(session, Side.CLIENT)
        counters = fleet.control.counters("ws")
        assert (counters["requests"], counters["requests_after_auth"]) == (3, 1)
        get_configuration(session, Side.CLIENT)
        assert fleet.control.counters("ws")["requests"] == 4
        session.reset()


@pytest.mark.parametrize("name", ENCRYPTED)
def test_the_environment_is_searched_for_proxies_once(fleet: Fleet, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    resolve = requests.utils.resolve_proxies

    def counted(request: Any, proxies: Any, trust_env: bool = True) -> dict[str, str]:
        searched.append(request.url)
        found: dict[str, str] = resolve(request, proxies, trust_env)
        return found

    for module in (requests.utils, requests.sessions):
        monkeypatch.setattr(module, "resolve_proxies", counted)
    host = fleet.hosts["ws"]
    kind = name.partition(" ")[0]
    account = {"ansible_user": "Administrator", "ansible_password": host["users"][0]["password"]}
    address = {"ansible_host": host["address"], PORT[kind]: host["http_port"]}
    session = open_session(connection(kind, **ENCRYPTED[name], **address, **account))
    for _request in range(3):
        get_configuration(session, Side.CLIENT)
    assert len(searched) == 1
    session.reset()
    get_configuration(session, Side.CLIENT)
    assert len(searched) == 2


OTHERS = {
    "Basic alone": b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
    "no scheme": b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
    "a token that is none": b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate !!\r\nContent-Length: 0\r\n\r\n",
    "a proxy": b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
    "no such page": b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "a page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>",
}


@pytest.mark.parametrize("name", ["winrm", "psrp"])
@pytest.mark.parametrize("answer", OTHERS)
def test_a_host_that_offers_something_else_fails_as_without_it(
    answer: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = []
    for begin in (early_challenge.begin_at_once, lambda _session: None):
        monkeypatch.setattr(transports, "begin_at_once", begin)
        peer = Peer(lambda sock: sock.sendall(OTHERS[answer]))
        try:
            port = {PORT[name]: peer.port}
            with pytest.raises(SmbGuestError) as caught:
                get_configuration(open_session(connection(name, **ENCRYPTED[name], **port)), Side.CLIENT)
        finally:
            peer.close()
        errors.append((type(caught.value), caught.value.kind, re.sub(r":\d+", "", str(caught.value))))
    assert errors[0] == errors[1]
