# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts and ports as people write them, and what may be shown of a library's words."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.secrets import secrets_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import (
    VARIABLES,
    Peer,
    check_address,
)

GOOD = [
    *("ws01", "ws01.corp.example", "ws01.corp.example.", "ws_01.invalid", "-ws.invalid", "WS01", "10.0.0.1", "1"),
    *("::1", "[::1]", "fe80::1%eth9", "2001:db8::1", "müller-pc.invalid", "xn--mller-pc-75a", "w" * 63 + ".example"),
]
BAD = {
    "http://127.0.0.1": "the scheme goes into ansible_winrm_scheme",
    "ws01/wsman": "the path into ansible_winrm_path",
    "\\\\ws01": "a name or an address alone",
    "127.0.0.1:5985": "the port belongs in ansible_port",
    "[::1]:5985": "the port belongs in ansible_port",
    "ws01 ": "white space before or after it",
    " ws01": "white space",
    "ws 01": "white space",
    "ws01\n": "white space",
    "ws\x0001": "control character",
    "ws\u202e01": "control character",
    "user@127.0.0.1": "the account belongs in ansible_user, its password in ansible_password",
    "ws..invalid": "no host name",
    "w" * 64 + ".invalid": "no host name",
    "ü" * 70: "no host name",
    "*": "no host name",
    ".": "no host name",
    "{{ host }}": "white space",
    "a:b:c": "no IPv6 address",
    ".".join(["w" * 60] * 5): "no host name",
}


@pytest.mark.parametrize("host", GOOD)
@pytest.mark.parametrize("port", [None, 1, 5985, 65535])
def test_addresses_that_can_be_called(host: str, port: int | None) -> None:
    check_address(host, port, VARIABLES["winrm"])


@pytest.mark.parametrize("host", BAD)
def test_hosts_that_cannot_be_called(host: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_address(host, 5985, VARIABLES["winrm"])
    text = worded(caught.value)
    assert text.startswith(("ansible_host is '", "ansible_host cannot be used: "))
    assert BAD[host] in text
    assert text.endswith("Nothing was asked of any host.")
    assert text.isprintable()
    assert len(text) < 300


@pytest.mark.parametrize("port", [0, -1, 65536, 99999])
def test_ports_that_cannot_be_called(port: int) -> None:
    with pytest.raises(RequestError, match=f"ansible_port is {port}: a port is 1 to 65535"):
        check_address("ws01", port, VARIABLES["psrp"])


def test_every_connection_has_every_variable() -> None:
    winrm, psrp = VARIABLES["winrm"], VARIABLES["psrp"]
    assert set(winrm) == set(psrp)
    for connection, variables in VARIABLES.items():
        named = [value for name, value in variables.items() if name != "package"]
        assert all(value.startswith(f"ansible_{connection}_") for value in named)


@pytest.mark.parametrize("host", ["user:hunter2", "user:hunter2@ws", "http://user:hunter2@ws/", "hunter2@ws", "a:1234"])
def test_a_host_that_may_hold_credentials_is_not_repeated(host: str) -> None:
    with pytest.raises(RequestError, match=r"^ansible_host cannot be used: ") as caught:
        check_address(host, 5985, VARIABLES["winrm"])
    assert "hunter2" not in str(caught.value)
    assert "1234" not in str(caught.value)


@pytest.mark.parametrize(
    ("password", "secrets"),
    [
        (None, ()),
        ("", ()),
        ("x", ("x", "dXNlcjp4")),
        ("p@ss", ("p@ss", "p%40ss", "dXNlcjpwQHNz")),
        ("ä", ("ä", "%C3%A4", "dXNlcjrDpA==", "dXNlcjrk")),
        ("a\\", ("a\\", "a\\\\", "a%5C", "dXNlcjphXA==")),
    ],
)
def test_secrets(password: str | None, secrets: tuple[str, ...]) -> None:
    """As they are, as an error quotes them, and as they go out."""
    assert secrets_of("user", password) == secrets


@pytest.mark.parametrize(
    "words", ["for hunter2.", "for HUNTER", "unte", "%68unter2", "Failed to parse: http://user:hunt"]
)
def test_words_with_a_part_of_a_secret_are_held_back(words: str) -> None:
    assert Peer("http://host.example", "winrm", secrets=("hunter2",)).foreign(words) == "words not shown"
    assert Peer("http://host.example", "winrm", secrets=("other",)).foreign(words) == words


def test_no_words_are_shown_where_a_library_takes_credentials_apart() -> None:
    assert Peer("http://host.example", "winrm", has_secret_url=True).foreign("harmless") == "words not shown"


def test_words_of_others_are_shown_on_one_short_line() -> None:
    peer = Peer("http://host.example", "winrm", secrets=("hunter2",))
    assert peer.foreign("first\nsecond \x1b[0m") == "first second \\x1b[0m"
    assert peer.foreign("") == "no reason given"
    assert len(peer.foreign("x" * 1000)) == 160
    assert peer.foreign("for hunter2.") == "words not shown"
