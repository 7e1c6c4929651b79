# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile and broken peers behind both doors: each ends in an error of ours, in bounded time and memory.

No test measures time: a door without its limit never comes back from these peers.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_doors as fake
import pytest
import smbprotocol.session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain import (
    deadline,
    directory,
    ldap_connection,
    smb_connection,
    sysvol,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import Directory, SearchScope
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.domain_controller import DomainController
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import (
    ConnectionLost,
    DomainError,
    TookTooLong,
    UnreadableAnswer,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_connection import LdapConnection
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import MAX_MESSAGE
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import Sysvol

Talk = Callable[[socket.socket], None]
CONTROLLER = DomainController("127.0.0.1", r"AD\admin", "a password", "ntlm", timeout=1)
LARGE = 64 * 1024 * 1024
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second for a message, two for a conversation."""
    monkeypatch.setattr(deadline, "CONVERSATION", 2)


@pytest.fixture
def authenticated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers that have got past the authentication: without a seal and a signature, which they could not make."""
    monkeypatch.setattr(LdapConnection, "_authenticate", lambda _self, _bindings: None)
    monkeypatch.setattr(smbprotocol.session.Session, "connect", fake.log_on_without_proof)


@contextmanager
def peer(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with fake.serving(talk) as port:
        monkeypatch.setattr(ldap_connection, "PORT", port)
        monkeypatch.setattr(ldap_connection, "TLS_PORT", port)
        monkeypatch.setattr(sysvol, "PORT", port)
        yield


def peak(action: Callable[[], object]) -> int:
    """The bytes that the process grows by at most meanwhile, allocations of every library included."""

    def status(name: str) -> int:
        return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024  # type: ignore[index]

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = status("VmRSS")
    action()
    return status("VmHWM") - before


def binding_for_ever(operation: int, number: int) -> bytes:
    return fake.bind_response(number, 14, b"NTLMSSP\0\x02\0\0\0" + b"\0" * 48)


BEFORE_THE_BIND: dict[str, tuple[Talk, type[DomainError]]] = {
    "silent": (fake.silent, TookTooLong),
    "a byte now and then": (fake.dripping(b"\x30\x83\x00\xff\xff" + b"\x04" * 64), TookTooLong),
    "64 MiB announced": (fake.saying(b"\x30\x84\x04\x00\x00\x00" + b"x" * MIB), UnreadableAnswer),
    "a web server": (fake.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), UnreadableAnswer),
    "a length without an end": (fake.saying(b"\x30\x80" + b"\0" * 40), UnreadableAnswer),
    "binding for ever": (fake.ldap_server(binding_for_ever), DomainError),
    "an answer to another question": (fake.ldap_server(lambda _op, number: fake.search_done(number)), ConnectionLost),
    "nesting": (fake.saying(fake.ber(0x30, fake.integer(1) + b"\xa0\x80" * 20_000)), ConnectionLost),
}


@pytest.mark.parametrize("what", BEFORE_THE_BIND)
def test_ldap_before_the_bind(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    talk, kind = BEFORE_THE_BIND[what]
    controller = CONTROLLER if kind is TookTooLong else replace(CONTROLLER, timeout=60)
    with peer(talk, monkeypatch), pytest.raises(kind):
        Directory(controller)


def test_ldap_before_the_bind_holds_little(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        with pytest.raises(UnreadableAnswer):
            Directory(CONTROLLER)

    with peer(BEFORE_THE_BIND["64 MiB announced"][0], monkeypatch):
        refused()  # imports what it needs
        assert peak(refused) < 2 * MIB


@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_tls_handshake_without_an_end(tls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started = fake.ldap(1, 0x78, fake.result())
    record = b"\x16\x03\x03\x40\x00"

    def talk(connection: socket.socket) -> None:
        if tls == "starttls":
            connection.recv(65536)
            connection.sendall(started)
        fake.dripping(record + b"\x02" * 64)(connection)

    controller = DomainController("127.0.0.1", r"AD\admin", "a password", "ntlm", tls, timeout=1)
    with peer(talk, monkeypatch), pytest.raises(DomainError, match=r"TLS with 127\.0\.0\.1"):
        Directory(controller)


def pages_for_ever(operation: int, number: int) -> bytes:
    return fake.search_done(number, 0, b"more")


def entries_for_ever(connection: socket.socket) -> None:
    connection.recv(65536)
    while True:
        connection.sendall(fake.found(1, b"CN=x", description=[b"x" * 60_000]))


def values_for_ever(connection: socket.socket) -> None:
    connection.recv(65536)
    entry = fake.found(1, b"CN=x", description=[b""] * 20_000)
    while True:
        connection.sendall(entry)


AFTER_THE_BIND: dict[str, tuple[Talk, type[DomainError]]] = {
    "silent": (fake.silent, TookTooLong),
    "pages for ever, with nothing in them": (fake.ldap_server(pages_for_ever), TookTooLong),
    "objects for ever": (entries_for_ever, UnreadableAnswer),
    "values for ever": (values_for_ever, UnreadableAnswer),
    "a message that is too long": (fake.saying(b"\x30\x84\x00\x08\x00\x00" + b"x" * MIB), UnreadableAnswer),
    "a byte now and then": (fake.dripping(fake.found(1, b"CN=x", a=[b"x" * 60_000])), TookTooLong),
}


@pytest.mark.usefixtures("authenticated")
@pytest.mark.parametrize("what", AFTER_THE_BIND)
def test_ldap_after_the_bind(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    talk, kind = AFTER_THE_BIND[what]
    monkeypatch.setattr(Directory, "_required", lambda *_arguments: None)
    monkeypatch.setattr(directory, "MAX_SEARCH", 2 * MIB)
    monkeypatch.setattr(directory, "MAX_PARTS", 50_000)

    # Where a size ends it, a slow machine must not be what does.
    controller = CONTROLLER if kind is TookTooLong else replace(CONTROLLER, timeout=60)

    def searched() -> None:
        with pytest.raises(kind):
            list(Directory(controller).search("DC=x", SearchScope.SUBTREE, "(objectClass=*)", ["description"]))

    with peer(talk, monkeypatch):
        assert peak(searched) < 32 * MIB


@pytest.mark.usefixtures("authenticated")
def test_the_largest_message_is_parsed_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest parts are what costs most: each becomes an object."""
    smallest = fake.ber(0x30, b"\x04\0\x31\0") * ((MAX_MESSAGE - 100) // 6)
    message = fake.ldap(1, 0x64, fake.ber(4, b"CN=x") + fake.ber(0x30, smallest)) + fake.search_done(1)

    def read() -> None:
        assert Directory(replace(CONTROLLER, timeout=60)).root.dn == "CN=x"

    with peer(fake.saying(message), monkeypatch):
        assert peak(read) < 64 * MIB


def http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    fake.silent(connection)


def smb(answer: Callable[[int, int], bytes | None]) -> Talk:
    return lambda connection: fake.SmbServer(answer).talk(connection)


def never(command: int) -> Talk:
    return smb(lambda asked, _message_id: b"" if asked == command else None)


def pending(asked: int, message_id: int) -> bytes | None:
    """Pending, as often as a client that does not count would hear it."""
    return fake.frame(fake.smb2(asked, message_id, fake.PENDING, b"")) * 1000 if asked != fake.NEGOTIATE else None


def listing_for_ever(asked: int, message_id: int) -> bytes | None:
    if asked != fake.QUERY_DIRECTORY:
        return None
    body = fake.output_body(fake.listing(*(f"a file {number:040}" for number in range(300))))
    return fake.frame(fake.smb2(asked, message_id, fake.SUCCESS, body))


def listing_nothing(asked: int, message_id: int) -> bytes | None:
    body = fake.output_body(fake.listing(".", ".."))
    return fake.frame(fake.smb2(asked, message_id, 0, body)) if asked == fake.QUERY_DIRECTORY else None


def reading_nothing(asked: int, message_id: int) -> bytes | None:
    """The first part is whole, so that the client reads on."""
    data = b"x" * 65536 if message_id < 10 else b""
    return fake.frame(fake.smb2(asked, message_id, 0, fake.read_body(data))) if asked == fake.READ else None


def reading_for_ever(asked: int, message_id: int) -> bytes | None:
    return fake.frame(fake.smb2(asked, message_id, 0, fake.read_body(b"x" * 65536))) if asked == fake.READ else None


def oversized(asked: int, message_id: int) -> bytes | None:
    return b"\0\xff\xff\xff" + b"x" * 1000 if asked == fake.READ else None


SMB_PEERS: dict[str, tuple[Talk, type[DomainError]]] = {
    "silent": (fake.silent, TookTooLong),
    "a web server": (http, UnreadableAnswer),
    "a byte now and then": (fake.dripping(b"\0\0\x40\0" + b"x" * 64), TookTooLong),
    "closes": (lambda _connection: None, DomainError),
    "no answer to the session": (never(fake.SESSION_SETUP), TookTooLong),
    "no answer to the share": (never(fake.TREE_CONNECT), TookTooLong),
    "no answer to opening": (never(fake.CREATE), TookTooLong),
    "pending for ever": (smb(pending), UnreadableAnswer),
    "a frame of 16 MB": (smb(oversized), UnreadableAnswer),
    "a listing for ever": (smb(listing_for_ever), DomainError),
    "a listing of nothing for ever": (smb(listing_nothing), UnreadableAnswer),
    "a file of nothing for ever": (smb(reading_nothing), UnreadableAnswer),
    "a file for ever": (smb(reading_for_ever), DomainError),
}


@pytest.mark.usefixtures("authenticated")
@pytest.mark.parametrize("what", SMB_PEERS)
def test_smb(what: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    talk, kind = SMB_PEERS[what]

    # Where a size ends it, a slow machine must not be what does.
    controller = CONTROLLER if kind is TookTooLong else replace(CONTROLLER, timeout=60)

    def work() -> None:
        door = Sysvol(controller)
        try:
            door.items("folder")
            door.read("file")
        finally:
            door.close()

    def worked() -> None:
        with pytest.raises(kind):
            work()

    with peer(talk, monkeypatch):
        assert peak(worked) < 64 * MIB
    assert capfd.readouterr() == ("", ""), "the library says nothing on the terminal"


@pytest.mark.usefixtures("authenticated")
def test_smb_that_behaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer that the others are made of is a server that this client can use."""
    with peer(smb(lambda _command, _message_id: None), monkeypatch):
        door = Sysvol(CONTROLLER)
        assert [item.name for item in door.items("folder")] == ["a file", "another"]
        assert door.read("file") == b"content"
        door.close()


@pytest.mark.usefixtures("authenticated")
def test_answers_without_a_signature_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """smbprotocol checks the signatures that are there; an answer that a stranger makes has none."""

    def signing(self: Any) -> None:
        fake.log_on_without_proof(self)
        self.signing_required = True

    monkeypatch.setattr(smbprotocol.session.Session, "connect", signing)
    with (
        peer(smb(lambda _command, _message_id: None), monkeypatch),
        pytest.raises(UnreadableAnswer, match="without a signature"),
    ):
        Sysvol(CONTROLLER)


def test_a_write_starts_the_conversation_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a write and its rollback no limit strikes, as long as each answer comes."""
    now = 0.0
    monkeypatch.setattr(deadline.time, "monotonic", lambda: now)
    limits = deadline.Deadline("dc", 10)
    for _message in range(3):
        limits.next_message()
        now += 6
        assert limits.left() > 0
        limits.end_message()
        now += 1000  # what the task does meanwhile does not count
    limits.restart()
    limits.next_message()
    now += 9
    assert limits.left() == 1
    now += 1
    with pytest.raises(TookTooLong, match="no whole answer within 10 seconds"):
        limits.left()
    limits.end_message()
    now += 5
    limits.next_message()
    now += 9.9
    limits.end_message()
    now += 1
    limits.next_message()
    now += 0.2
    with pytest.raises(TookTooLong, match="more than 20 seconds"):
        limits.left()


@pytest.mark.usefixtures("authenticated")
@pytest.mark.parametrize("door", [Directory, Sysvol])
def test_an_address_that_leads_nowhere_costs_its_share(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two addresses of a name the first is dead: the second is asked before the time is over."""
    real = socket.getaddrinfo
    talk = fake.ldap_server() if door is Directory else smb(lambda _command, _message_id: None)
    with socket.create_server(("127.0.0.2", 0), backlog=0) as dead, peer(talk, monkeypatch):
        fillers = [socket.socket() for _each in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(dead.getsockname())

        def resolve(host: str, port: int, **options: Any) -> Any:
            return [(*row[:4], dead.getsockname()) for row in real(host, port, **options)] + real(host, port, **options)

        monkeypatch.setattr(deadline.socket, "getaddrinfo", resolve)
        door(CONTROLLER).close()
        for filler in fillers:
            filler.close()


def test_bounds_leave_room_for_real_answers() -> None:
    """A chain of answers with 64 KiB of a file in it fits into a frame, a security descriptor into a message."""
    assert smb_connection.MAX_FRAME > 65536 + 4 * 200
    assert MAX_MESSAGE > 2 * 65536


@pytest.mark.parametrize(
    ("code", "diagnostics"),
    [
        (8, "SASL:[GSS-SPNEGO]: Sign or Seal are not allowed if TLS is used"),
        (49, "80090346: LdapErr: DSID-0C0906D8, comment: AcceptSecurityContext error, data 80090346, v4563"),
    ],
    ids=["a layer inside TLS", "channel bindings"],
)
def test_a_strict_server_says_what_is_missing(code: int, diagnostics: str) -> None:
    """Who already uses TLS is not advised to use TLS, and the password is not what is wrong."""
    connection = LdapConnection.__new__(LdapConnection)
    connection.controller = replace(CONTROLLER, auth_protocol="kerberos", tls="ldaps")
    text = str(connection._bind_refused(code, diagnostics))
    assert "requires an authentication that is bound to its certificate" in text
    assert "pyspnego[kerberos]" in text
    assert "ldaps" not in text
    assert "Check username and password" not in text
