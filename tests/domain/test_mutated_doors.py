# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of a domain controller that are damaged anywhere: each conversation ends in a value or in an error of ours.

The answers are those of `fake_doors`, and of a real NTLM server for the authentication. `--answers` says how many are
damaged, `--seed` repeats a run; the header of pytest's output shows both.
"""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fake_doors as fake
import pytest
import smbprotocol.session
import spnego

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain import ldap_connection, smb_connection
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.accounts import name_of, sid_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import Directory, SearchScope
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.domain_controller import DomainController
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_connection import LdapConnection
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import Sysvol
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.security_descriptor import (
    SecurityDescriptor,
)

Damage = Callable[[bytes], bytes]
MAX_TEXT = 1500
USER, PASSWORD = "AD\\admin", "a-password-that-must-not-show"
PIECES = (
    *(b"\0", b"\xff", b"\x30\x80", b"\x84\xff\xff\xff\xff", b"\x7f", b"\xa0\x84", b"\0" * 8, b"\xff" * 8, b"\x30" * 40),
    *(
        b"\x02\x01\x01",
        b"\x0a\x01\x00",
        b"NTLMSSP\0",
        b"\xfeSMB",
        b"\xfdSMB",
        b"\xed\xa0\x80",
        b"\x1b[31m",
        b"\xff" * 64,
    ),
)


def damaged(chance: random.Random, data: bytes) -> bytes:
    """One to three damages: a piece put in or over, a bit turned, the end dropped, a part twice or gone."""
    for _each in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 1, 2, 4, 16, 64)))
        kind = chance.randrange(6)
        if kind == 0:
            data = data[:at] + chance.choice(PIECES) + data[at:]
        elif kind == 1:
            data = data[:at] + chance.choice(PIECES) + data[end:]
        elif kind == 2 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        elif kind == 3:
            data = data[:at]
        elif kind == 4:
            data = data[:end] + data[at:end] * chance.choice((1, 30)) + data[end:]
        else:
            data = data[:at] + data[end:]
    return data


class LdapPeer:
    """In place of a socket: answers whole requests, the one with a number damaged; then it closes."""

    def __init__(self, answers: Callable[[int, int], bytes], struck: int, damage: Damage) -> None:
        self._answers, self._struck, self._damage = answers, struck, damage
        self._pending = b""

    def settimeout(self, _seconds: float) -> None:
        """It never waits."""

    def send(self, data: Any) -> int:
        answer = fake.ldap_answers(bytes(data), self._answers)
        self._pending += self._damage(answer) if self._struck == 0 else answer
        self._struck -= 1
        return len(data)

    def recv(self, size: int) -> bytes:
        part, self._pending = self._pending[:size], self._pending[size:]
        return part

    def close(self) -> None:
        """Nothing is open."""


def use_directory(directory: Directory) -> None:
    """Every kind of request, and what is made of the attributes."""
    assert directory.domain_dn is not None
    for entry in directory.search("DC=ad,DC=example", SearchScope.SUBTREE, "(objectClass=*)", ["versionNumber"]):
        entry.number("versionNumber")
        entry.texts("dnsHostName")
    directory.modify("CN=a", [Modification.replace("description", "x")])
    directory.add("CN=b", {"objectClass": ["container"]})
    directory.delete("CN=b")
    sid_of(directory, "a group")
    name_of(directory, "S-1-5-21-1-2-3-4")


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """The challenge of a real NTLM server."""
    users = tmp_path_factory.mktemp("ntlm") / "users"
    users.write_text(f"AD:admin:{PASSWORD}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NTLM_USER_FILE", str(users))
        server = spnego.server("127.0.0.1", "ldap", protocol="ntlm")
        yield bytes(server.step(spnego.client(USER, PASSWORD, protocol="ntlm").step()) or b"")


def bind(chance: random.Random, challenge: bytes) -> None:
    """An authentication in which the challenge is damaged, or the message around it."""
    inside = chance.random() < 0.5
    token = damaged(chance, challenge) if inside else challenge
    damage: Damage = (lambda data: data) if inside else (lambda data: damaged(chance, data))
    peer = LdapPeer(lambda _operation, number: fake.bind_response(number, 14, token), 0, damage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ldap_connection, "connect", lambda *_arguments: peer)
        LdapConnection(DomainController("127.0.0.1", USER, PASSWORD, "ntlm"))


def directory(chance: random.Random, _challenge: bytes) -> None:
    """A session in which one answer is damaged."""
    peer = LdapPeer(fake.usual_ldap, chance.randrange(7), lambda data: damaged(chance, data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LdapConnection, "_authenticate", lambda _self, _bindings: None)
        patch.setattr(ldap_connection, "connect", lambda *_arguments: peer)
        use_directory(Directory(DomainController("127.0.0.1", USER, PASSWORD, "ntlm")))


def use_sysvol(door: Sysvol) -> None:
    """Every kind of request."""
    door.items("folder")
    door.read("file")
    door.replace("file", b"content")
    door.make_folder("folder")
    SecurityDescriptor.parse(door.security("file"))
    door.set_security("file", b"descriptor", owner=True)
    door.move("file", "other")
    door.delete_file("file")
    door.let_go(door.hold("lock", "holder"))


@contextmanager
def smb_peer(struck: int, damage: Damage) -> Iterator[socket.socket]:
    """A connection to a server whose answer of that number is damaged, in its frame or frame and all."""
    ours, theirs = socket.socketpair()
    asked = iter(range(1_000_000))
    server = fake.SmbServer()

    def answer(command: int, message_id: int) -> bytes | None:
        if next(asked) != struck:
            return None
        whole = damage(server.usual(command, message_id))
        return whole if len(whole) % 2 else fake.frame(whole[4:])

    server.answer = answer
    thread = threading.Thread(target=talk, args=(server, theirs), daemon=True)
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join()


def talk(server: fake.SmbServer, connection: socket.socket) -> None:
    with connection:
        try:
            server.talk(connection)
        except OSError:
            return


def files(chance: random.Random, _challenge: bytes, *, timeout: float = 0.1) -> None:
    """A session with SYSVOL in which one answer is damaged. What never comes is waited for shortly."""
    with (
        smb_peer(chance.randrange(40), lambda data: damaged(chance, data)) as peer,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(smbprotocol.session.Session, "connect", fake.log_on_without_proof)
        patch.setattr(smb_connection, "connect", lambda *_arguments: peer)
        door = Sysvol(DomainController("127.0.0.1", USER, PASSWORD, "ntlm", timeout=timeout))  # type: ignore[arg-type]
        try:
            use_sysvol(door)
        finally:
            door.close()


CONVERSATIONS: dict[str, tuple[Callable[[random.Random, bytes], None], int]] = {
    "bind": (bind, 5),
    "directory": (directory, 5),
    "files": (files, 1),
}
"""And how many of ten damaged answers are theirs, or nearly so: one with files costs as much as thirty of LDAP."""


def wrong_with(error: SmbGuestError) -> str | None:
    text = str(error)
    if PASSWORD in text:
        return "it shows the password"
    if one_line(text) != text:
        return "it is not one line of printable text"
    return f"it has {len(text)} characters" if len(text) > MAX_TEXT else None


def test_undamaged_conversations_are_understood(challenge: bytes) -> None:
    class Whole(random.Random):
        def randrange(self, *_arguments: Any) -> int:
            return 1_000

    directory(Whole(), challenge)
    files(Whole(), challenge, timeout=60.0)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_damaged_answers(name: str, answers: int, seed: int, challenge: bytes, capfd: Any) -> None:
    conversation, tenths = CONVERSATIONS[name]
    errors = 0
    number_of = answers * tenths // 10
    for number in range(number_of):
        try:
            conversation(random.Random(f"{seed} {name} {number}"), challenge)
        except SmbGuestError as error:
            errors += 1
            wrong = wrong_with(error)
            if wrong:
                pytest.fail(f"{wrong}: {error!r} ({name}, seed {seed}, number {number})")
        except Exception as error:  # noqa: BLE001  (which one is what the test looks for)
            pytest.fail(f"{error!r} ({name}, seed {seed}, number {number})")
    assert errors > number_of / 10
    assert capfd.readouterr() == ("", ""), "no library says anything on the terminal"
