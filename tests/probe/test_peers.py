# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Peers on real sockets that are no SMB servers, or poor ones: silent, dripping, garbled, closing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.peer import MAX_FRAME
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import Report, probe_servers, read_target

# Short, as the silent ones are waited for; nothing is timed.
SECONDS = 0.5

Behaviour = Callable[[socket.socket, threading.Event], None]


class Peer:
    """A listener that gives every connection to a behaviour, and counts them."""

    def __init__(self, behaviour: Behaviour, address: str = "127.0.0.1", port: int = 0) -> None:
        self._behaviour = behaviour
        self._lock = threading.Lock()
        self._open = 0
        self.taken = 0
        self.most_at_once = 0
        self.over = threading.Event()
        self._listener = socket.create_server((address, port), backlog=200)
        self.address, self.port = self._listener.getsockname()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.taken += 1
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            with closing(connection):
                self._behaviour(connection, self.over)
        except OSError:
            pass  # the probe has hung up
        finally:
            with self._lock:
                self._open -= 1

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # an accept under way would take one more connection
        self._listener.close()


def silent(connection: socket.socket, _over: threading.Event) -> None:
    """Takes everything, until the other side hangs up."""
    while connection.recv(4096):
        pass


def dripping(connection: socket.socket, over: threading.Event) -> None:
    """One byte of a never ending answer at a time."""
    connection.recv(4096)
    connection.sendall((200).to_bytes(4, "big") + b"\xfeSMB")
    while not over.wait(0.02):
        connection.sendall(b"\x00")


def closing_at_once(connection: socket.socket, _over: threading.Event) -> None:
    connection.recv(4096)


def saying(words: bytes) -> Behaviour:
    def say(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(4096)
        connection.sendall(words)
        over.wait(30)

    return say


def _frame(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
GARBAGE = {
    "a web server, whose first bytes claim 1.2 GB": HTTP,
    "a secure shell": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "noise": bytes(range(255, -1, -1)) * 8,
    "an empty frame": _frame(b""),
    "a frame that is too long": (MAX_FRAME + 1).to_bytes(4, "big") + b"\xfeSMB" + b"\x00" * MAX_FRAME,
    "the header of SMB2 and noise": _frame(b"\xfeSMB" + bytes(range(200))),
    "half a header": _frame(b"\xfeSMB" + b"\x00" * 20),
    "an answer to NEGOTIATE that is nothing but zeros": _frame(b"\xfeSMB\x40\x00" + b"\x00" * 200),
    "thousands of contexts": _frame(
        b"\xfeSMB\x40\x00" + b"\x00" * 58 + b"\x41\x00\x01\x00\x11\x03\xff\xff" + b"\x01\x00\x00\x00" * 3900
    ),
}


@pytest.fixture
def peer() -> Iterator[Callable[[Behaviour], Peer]]:
    peers: list[Peer] = []

    def start(behaviour: Behaviour) -> Peer:
        peers.append(Peer(behaviour))
        return peers[-1]

    yield start
    for each in peers:
        each.close()


def _probe(*ports: int) -> list[Report]:
    return probe_servers([read_target(f"127.0.0.1:{port}", 445) for port in ports], SECONDS)


@pytest.mark.parametrize(
    ("behaviour", "verdict", "connections", "evidence"),
    [
        (silent, "no_answer", 1, "It takes the connection and does not answer in time."),
        (dripping, "no_answer", 1, "It takes the connection and does not answer in time."),
        (closing_at_once, "no_answer", 2, "It closes the connection instead of an answer."),
    ],
    ids=["silent", "dripping", "closing"],
)
def test_a_peer_without_an_answer(
    peer: Callable[[Behaviour], Peer], behaviour: Behaviour, verdict: str, connections: int, evidence: str
) -> None:
    """What costs a time-out is tried once; what closes may speak SMB1, and is asked that as well."""
    poor = peer(behaviour)
    (report,) = _probe(poor.port)
    assert (report.verdict.name, report.as_dict()["evidence"]) == (verdict, [evidence])
    assert poor.taken == connections


@pytest.mark.parametrize("words", GARBAGE.values(), ids=GARBAGE)
def test_a_peer_that_speaks_something_else(peer: Callable[[Behaviour], Peer], words: bytes) -> None:
    (report,) = _probe(peer(saying(words)).port)
    assert report.verdict.name == "not_smb", report.as_dict()["evidence"]


def test_a_closed_port() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # held, and nothing listens: nobody else can take it meanwhile
        (report,) = _probe(bound.getsockname()[1])
    assert report.as_dict()["evidence"] == ["It refuses the connection: nothing listens on that port."]
    assert report.verdict.name == "unreachable"


def test_a_name_that_nobody_has() -> None:
    (report,) = probe_servers([read_target("nas.invalid", 445)], 30.0)
    assert (report.verdict.name, report.as_dict()["evidence"]) == ("unreachable", ["Its name cannot be resolved."])


def test_a_hundred_addresses_half_of_them_silent_wait_together() -> None:
    """All silent ones are connected at the same moment: together they cost the time-out of one."""
    crowd = Peer(silent, "0.0.0.0")  # every loopback address is one of its addresses
    try:
        targets = [read_target(f"127.0.2.{number}:{crowd.port}", 445) for number in range(1, 51)]
        targets += [read_target(f"127.0.3.{number}:1", 445) for number in range(1, 51)]
        reports = probe_servers(targets, 3.0)
    finally:
        crowd.close()
    assert [report.verdict.name for report in reports] == ["no_answer"] * 50 + ["unreachable"] * 50
    assert (crowd.taken, crowd.most_at_once) == (50, 50)
