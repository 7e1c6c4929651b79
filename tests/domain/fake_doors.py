# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Peers that are no domain controller, on loopback: LDAP and SMB2 answers made here byte for byte, to be made hostile.

Written from RFC 4511 and MS-SMB2, and from nothing below `plugins/`.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from smbprotocol.session import Session, SMB2SessionSetupRequest
from smbprotocol.session import SMB2SessionSetupResponse as SetUp

SUCCESS, PENDING, NO_MORE_FILES, END_OF_FILE = 0, 0x103, 0x80000006, 0xC0000011
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE, CLOSE, READ, WRITE, QUERY_DIRECTORY, QUERY_INFO, SET_INFO = (
    *(0, 1, 3, 5, 6, 8, 9, 14, 16, 17),
)


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that talks so to one client after the other."""
    stop = threading.Event()

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while not stop.is_set():
                connection, _peer = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def silent(connection: socket.socket) -> None:
    """Take what comes and say nothing."""
    while connection.recv(65536):
        pass


def saying(data: bytes) -> Callable[[socket.socket], None]:
    """The same bytes to everybody at once, then silence."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(data)
        silent(connection)

    return talk


def dripping(data: bytes) -> Callable[[socket.socket], None]:
    """The same bytes again and again, one at a time."""

    def talk(connection: socket.socket) -> None:
        pause = threading.Event()
        while True:
            for byte in data:
                connection.sendall(bytes([byte]))
                pause.wait(0.02)

    return talk


def ber(tag: int, content: bytes) -> bytes:
    """Tag, length and content."""
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes(4, "big")
    return bytes([tag, 0x84]) + size + content


def integer(number: int, tag: int = 2) -> bytes:
    return ber(tag, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def ldap(message_id: int, operation: int, content: bytes, controls: bytes = b"") -> bytes:
    """An LDAPMessage."""
    return ber(0x30, integer(message_id) + ber(operation, content) + (ber(0xA0, controls) if controls else b""))


def result(code: int = 0, text: bytes = b"") -> bytes:
    """LDAPResult: code, matchedDN, diagnosticMessage."""
    return integer(code, 10) + ber(4, b"") + ber(4, text)


def bind_response(message_id: int, code: int, token: bytes = b"") -> bytes:
    return ldap(message_id, 0x61, result(code) + (ber(0x87, token) if token else b""))


def found(message_id: int, dn: bytes, **attributes: list[bytes]) -> bytes:
    """A SearchResultEntry."""
    rows = (
        ber(0x30, ber(4, name.encode()) + ber(0x31, b"".join(ber(4, value) for value in values)))
        for name, values in attributes.items()
    )
    return ldap(message_id, 0x64, ber(4, dn) + ber(0x30, b"".join(rows)))


def search_done(message_id: int, code: int = 0, cookie: bytes | None = None) -> bytes:
    """A SearchResultDone; with a cookie there is one page more (RFC 2696)."""
    controls = b""
    if cookie is not None:
        value = ber(0x30, integer(0) + ber(4, cookie))
        controls = ber(0x30, ber(4, b"1.2.840.113556.1.4.319") + ber(4, value))
    return ldap(message_id, 0x65, result(code), controls)


def message_id_of(request: bytes) -> int:
    """The id of an LDAP request: the integer that its sequence begins with."""
    at = 2 + (request[1] & 0x7F if request[1] & 0x80 else 0)
    return int.from_bytes(request[at + 2 : at + 2 + request[at + 1]], "big")


def frame(message: bytes) -> bytes:
    """Direct TCP (MS-SMB2 2.1)."""
    return len(message).to_bytes(4, "big") + message


def smb2(command: int, message_id: int, status: int, body: bytes, session: int = 7, tree: int = 9) -> bytes:
    """An SMB2 answer (2.2.1.2), not signed."""
    fields = (b"\xfeSMB", 64, 1, status, command, 64, 1, 0, message_id, 0, tree, session, b"")
    return struct.pack("<4sHHIHHIIQIIQ16s", *fields) + body


def listing(*names: str, folder: bool = False) -> bytes:
    """FileDirectoryInformation (MS-FSCC 2.4.10)."""
    made = b""
    for number, name in enumerate(names):
        text = name.encode("utf-16-le")
        size = (64 + len(text) + 7) // 8 * 8
        following = 0 if number == len(names) - 1 else size
        row = struct.pack("<I52xII", following, 0x10 if folder else 0x80, len(text)) + text
        made += row.ljust(size, b"\0")
    return made


BODIES: dict[int, bytes] = {
    NEGOTIATE: struct.pack("<HHHH16sIIIIQQHHI", 65, 1, 0x0311, 0, b"g" * 16, 0, 65536, 65536, 65536, 0, 0, 128, 0, 0)
    + b"\0",
    SESSION_SETUP: struct.pack("<HHHH", 9, 0, 72, 0) + b"\0",
    TREE_CONNECT: struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1FF),
    CREATE: struct.pack("<HBBI6QII16sII", 89, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 0, b"F" * 16, 0, 0),
    CLOSE: struct.pack("<HHI6QI", 60, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    SET_INFO: struct.pack("<H", 2),
}


def read_body(data: bytes) -> bytes:
    return struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data


def output_body(data: bytes) -> bytes:
    """Of QUERY_DIRECTORY and QUERY_INFO."""
    return struct.pack("<HHI", 9, 72, len(data)) + data


class SmbServer:
    """Answers each request as its table says; `answer` may say something else for one of them."""

    def __init__(self, answer: Callable[[int, int], bytes | None] = lambda _command, _message_id: None) -> None:
        self.answer = answer
        self.request = b""
        self.listed = False

    def talk(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        while head := reader.read(4):
            request = reader.read(int.from_bytes(head, "big"))
            following = -1
            while following:
                command, following, message_id = struct.unpack_from("<12xH6xIQ", request)
                self.request, request = request, request[following:]
                answer = self.answer(command, message_id)
                data = self.usual(command, message_id) if answer is None else answer
                connection.sendall(data)

    def usual(self, command: int, message_id: int) -> bytes:
        status = SUCCESS
        body = BODIES.get(command, b"")
        if command == WRITE:
            (size,) = struct.unpack_from("<I", self.request, 68)
            body = struct.pack("<HHIIHH", 17, 0, size, 0, 0, 0)
        elif command == READ:
            body = read_body(b"content")
        elif command == QUERY_INFO:
            body = output_body(struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 0))
        elif command == QUERY_DIRECTORY:
            self.listed = not self.listed
            status = SUCCESS if self.listed else NO_MORE_FILES
            body = output_body(listing(".", "..", "a file", "another")) if self.listed else output_body(b"")
        return frame(smb2(command, message_id, status, body))


def log_on_without_proof(self: Session) -> None:
    """In place of smbprotocol's `Session.connect`: a session that nobody authenticated, so that nothing is signed."""
    request = self.connection.send(SMB2SessionSetupRequest(), sid=0, credit_request=64)
    response = self.connection.receive(request)
    setup = SetUp()
    setup.unpack(response["data"].get_value())
    self.session_id = response["session_id"].get_value()
    self.connection.session_table[self.session_id] = self
    self.signing_required = self.encrypt_data = False
    self.signing_key = b"k" * 16
    self._connected = True


def ldap_answers(request: bytes, answers: Callable[[int, int], bytes]) -> bytes:
    """The answer to a request: by its operation and message id."""
    number = message_id_of(request)
    at = 2 + (request[1] & 0x7F if request[1] & 0x80 else 0)
    operation = request[at + 2 + request[at + 1]]
    return answers(operation, number)


def usual_ldap(operation: int, number: int) -> bytes:
    """What a domain controller answers to each kind of request."""
    responses = {0x60: bind_response(number, 0), 0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B}
    if operation == 0x63:
        root = {
            "defaultNamingContext": [b"DC=ad,DC=example"],
            "configurationNamingContext": [b"CN=Configuration,DC=ad,DC=example"],
            "dnsHostName": [b"dc.ad.example"],
            "objectSid": [b"\x01\x01\0\0\0\0\0\x05\x0b\0\0\0"],
            "versionNumber": [b"7"],
            "objectGUID": [b"g" * 16],
        }
        return found(number, b"CN=a,DC=ad,DC=example", **root) + search_done(number, 0, b"")
    response: Any = responses.get(operation, 0x78)
    return response if isinstance(response, bytes) else ldap(number, response, result())


def ldap_server(answers: Callable[[int, int], bytes] = usual_ldap) -> Callable[[socket.socket], None]:
    """A server that answers so, whole requests in one piece."""

    def talk(connection: socket.socket) -> None:
        while request := connection.recv(65536):
            connection.sendall(ldap_answers(request, answers))

    return talk
