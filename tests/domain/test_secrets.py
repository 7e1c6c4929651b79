# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random passwords through the options of the domain modules, failing in every way: no part of one comes out.

Each library in turn repeats everything that it was given, as libraries do, at each place where it is asked something.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.resolver
import fake_doors as fake
import pytest
import sansldap
import smbprotocol.exceptions
import smbprotocol.session
import smbprotocol.tree
import spnego
from random_passwords import random_passwords, shown_parts

from ansible_collections.winops.smb_guest.plugins.action import domain_policy_info
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain import ldap_connection, smb_connection
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_connection import LdapConnection

OPTIONS: dict[str, Any] = {
    "domain": "ad.example",
    "server": "dc.ad.example",
    "username": r"AD\admin",
    "password": "x",
    "auth_protocol": "ntlm",
    "tls": "none",
    "ca_certs": None,
    "timeout": 30,
    "gpo": None,
    "computer": None,
    "organizational_unit": None,
    "site": None,
    "changes": False,
}
DOORS: dict[str, Callable[[str], dict[str, Any]]] = {
    "password": lambda secret: {"password": secret},
    "server": lambda secret: {"server": f"admin:{secret}@dc.ad.example"},
    "server as a URL": lambda secret: {"server": f"ldap://admin:{secret}@dc.ad.example"},
    "domain": lambda secret: {"domain": f"admin:{secret}@ad.example", "server": None},
}


def failing(make: Callable[[str], Exception], *given: object) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise make(f"could not {arguments} {options} {given}")

    return fail


class Peer:
    """In place of a socket: answers LDAP requests, and repeats the password where it refuses one."""

    def __init__(self, answers: Callable[[int, int], bytes]) -> None:
        self._answers = answers
        self._pending = b""

    def settimeout(self, _seconds: float) -> None:
        """It never waits."""

    def send(self, data: Any) -> int:
        self._pending += fake.ldap_answers(bytes(data), self._answers)
        return len(data)

    def recv(self, size: int) -> bytes:
        part, self._pending = self._pending[:size], self._pending[size:]
        return part

    def close(self) -> None:
        """Nothing is open."""


Way = Callable[[pytest.MonkeyPatch, str], None]


def ldap_peer(patch: pytest.MonkeyPatch, answers: Callable[[int, int], bytes], *, bound: bool = False) -> None:
    patch.setattr(ldap_connection, "connect", lambda *_arguments: Peer(answers))
    if bound:
        patch.setattr(LdapConnection, "_authenticate", lambda _self, _bindings: None)


def past_ldap(patch: pytest.MonkeyPatch) -> None:
    ldap_peer(patch, fake.usual_ldap, bound=True)


def refusing_to_bind(patch: pytest.MonkeyPatch, secret: str) -> None:
    ldap_peer(patch, lambda _op, number: fake.ldap(number, 0x61, fake.result(49, f"no: {secret}".encode())))


def refusing_a_search(patch: pytest.MonkeyPatch, secret: str) -> None:
    text = f"no: {secret}".encode()
    ldap_peer(patch, lambda _op, number: fake.ldap(number, 0x65, fake.result(1, text)), bound=True)


def ending_ldap(patch: pytest.MonkeyPatch, secret: str) -> None:
    past_ldap(patch)
    patch.setattr(sansldap.LDAPClient, "receive", failing(sansldap.LDAPError, secret))


def authenticating(make: Callable[[str], Exception]) -> Way:
    def way(patch: pytest.MonkeyPatch, secret: str) -> None:
        ldap_peer(patch, fake.usual_ldap)
        patch.setattr(spnego, "client", failing(make, secret))

    return way


def smb(place: Any, name: str, make: Callable[[str], Exception]) -> Way:
    """What the SMB library says at a place of its own; LDAP works."""

    def way(patch: pytest.MonkeyPatch, secret: str) -> None:
        past_ldap(patch)
        patch.setattr(smb_connection, "open_connection", lambda *_arguments: None)
        patch.setattr("ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol.open_connection", _open)
        patch.setattr(place, name, failing(make, secret))

    def _open(*_arguments: Any) -> Any:
        return type("Connection", (), {"drop": lambda _self: None, "session_table": {}, "preauth": None})()

    return way


WAYS: dict[str, Way] = {
    "the name": lambda patch, secret: patch.setattr(
        ldap_connection, "connect", failing(lambda text: socket.gaierror(-2, text), secret)
    ),
    "connecting": lambda patch, secret: patch.setattr(ldap_connection, "connect", failing(OSError, secret)),
    "a refused bind": refusing_to_bind,
    "a refused search": refusing_a_search,
    "the end of a session": ending_ldap,
    "spnego": authenticating(lambda text: spnego.exceptions.SpnegoError(context_msg=text)),
    "spnego, a value": authenticating(ValueError),
    "spnego, a bug": authenticating(KeyError),
    "logging on to SMB": smb(smbprotocol.session.Session, "connect", smbprotocol.exceptions.SMBException),
    "logging on to SMB, a value": smb(smbprotocol.session.Session, "connect", ValueError),
    "logging on to SMB, a bug": smb(smbprotocol.session.Session, "connect", KeyError),
    "logging on to SMB, spnego": smb(
        smbprotocol.session.Session, "connect", lambda text: spnego.exceptions.SpnegoError(context_msg=text)
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", DOORS)
def test_no_part_of_a_password_comes_out(
    door: str,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(dns.resolver, "resolve", failing(dns.exception.DNSException))
    action = domain_policy_info.ActionModule.__new__(domain_policy_info.ActionModule)
    for secret in random_passwords():
        with monkeypatch.context() as patch:
            WAYS[way](patch, secret)
            with pytest.raises(SmbGuestError) as caught:
                action.act({**OPTIONS, **DOORS[door](secret)})
        text = action.words(caught.value)
        assert text == worded(caught.value)
        assert shown_parts(secret, text) == [], (secret, text)
        assert shown_parts(secret, caplog.text + "".join(capfd.readouterr())) == [], secret


def test_each_way_fails_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways above are not one and the same: each has words of its own, or words that are not shown."""
    action = domain_policy_info.ActionModule.__new__(domain_policy_info.ActionModule)
    texts = set()
    for way in WAYS.values():
        with monkeypatch.context() as patch:
            way(patch, "amber-Falcon-7731")
            with pytest.raises(SmbGuestError) as caught:
                action.act({**OPTIONS, "password": "amber-Falcon-7731"})
        texts.add(str(caught.value))
    assert len(texts) == 7
    assert sum("words not shown" in text for text in texts) == 4
