# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Peers that mean no good: each takes whatever it is sent and answers by one habit, on loopback."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n"
BOMB = gzip.compress(b" " * 50_000_000)

Habit = Callable[[socket.socket], None]


def _for_ever(head: bytes, again: bytes) -> Habit:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(again)

    return answer


def _once(answer: bytes) -> Habit:
    return lambda connection: connection.sendall(answer)


def _with_length(head: bytes, body: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


# What each does once it has been sent a request.
ENDLESS: dict[str, Habit] = {
    "continue for ever": _for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "one header line for ever": _for_ever(OK + b"X: ", b"x"),
    "headers for ever": _for_ever(OK, b"X: x\r\n"),
    "a body for ever": _for_ever(OK + b"\r\n", b" "),
    "a long body for ever": _for_ever(OK + b"Content-Length: 999999999\r\n\r\n", b"x"),
    "small chunks for ever": _for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a chunk size for ever": _for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "a huge chunk": _for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"x" * 4096),
    "trailers for ever": _for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X: x\r\n"),
    "a refusal for ever": _for_ever(b"HTTP/1.1 401 No\r\n\r\n", b"x"),
    "an error for ever": _for_ever(b"HTTP/1.1 500 No\r\n\r\n", b"x"),
}
BOMBS: dict[str, Habit] = {
    "gzip": _once(_with_length(OK + b"Content-Encoding: gzip\r\n", BOMB)),
    "deflate": _once(_with_length(OK + b"Content-Encoding: deflate\r\n", BOMB)),
    "gzip in an error": _once(_with_length(b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\n", BOMB)),
}


class Peer:
    """A listener on loopback. requests: how often it was sent one. connections: how many were made."""

    def __init__(self, habit: Habit) -> None:
        self.habit = habit
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer until the other side has had enough."""
        with connection, suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := _read_request(connection):
                self.requests.append(request)
                self.habit(connection)

    def close(self) -> None:
        """Let nobody in any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _blank, body = data.partition(b"\r\n\r\n")
    length = next((line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), b"0")
    while len(body) < int(length):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def peer(habit: Habit) -> Iterator[Peer]:
    """A peer for the length of a test."""
    listening = Peer(habit)
    try:
        yield listening
    finally:
        listening.close()
