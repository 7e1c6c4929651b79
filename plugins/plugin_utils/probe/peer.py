# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One TCP connection to what may be an SMB server: one frame out, one frame in.

Framing: MS-SMB2 2.1 (Direct TCP: a zero byte and three bytes of length).
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from itertools import chain, zip_longest
from typing import Any, Protocol

# The longest answer that is read here is a SESSION_SETUP with a security token: real ones stay below 3 kB.
MAX_FRAME = 16 * 1024
# RFC 1002 4.3.4: what Samba sends to an address that it does not serve.
_NEGATIVE_SESSION_RESPONSE = 0x83
# RFC 8305, section 5: how long an address has to take the connection before the next one is tried beside it.
HEAD_START = 0.25
SMB1, SMB2 = b"\xffSMB", b"\xfeSMB"


class Failure(Enum):
    """Why a question got no answer. The words are part of a result."""

    UNRESOLVED = "its name cannot be resolved"
    REFUSED = "it refuses the connection: nothing listens on that port"
    NO_ROUTE = "no route leads to it, or the network refuses"
    NO_CONNECTION = "it does not take the connection in time"
    SILENT = "it takes the connection and does not answer in time"
    CLOSED = "it closes the connection instead of an answer"
    FOREIGN = "it answers, but not as an SMB server does"
    DENIED = "it refuses to talk to the address of the control node"
    NO_DIALECT = "it speaks none of the SMB dialects that were offered"


class NoAnswer(Exception):
    """The peer gave no answer that can be used."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class Conversation(Protocol):
    """What the questions need of a connection."""

    async def ask(self, message: bytes) -> bytes:
        """Send one SMB message and give the next one of the peer. Raises NoAnswer."""

    async def hear(self) -> bytes:
        """The next SMB message of the peer. Raises NoAnswer."""

    def close(self) -> None:
        """Drop the connection; the server ends its session with it (MS-SMB2 3.3.7.1)."""


Dial = Callable[[str, int], Awaitable[Conversation]]
"""Host and port to an open conversation; raises NoAnswer. Tests put peers of their own here."""


@asynccontextmanager
async def talking(dial: Dial, host: str, port: int, seconds: float) -> AsyncIterator[Conversation]:
    """A conversation that takes at most so long as a whole, connecting included. Raises NoAnswer."""
    conversation: Conversation | None = None
    try:
        async with asyncio.timeout(seconds):
            conversation = await dial(host, port)
            yield conversation
    except TimeoutError as error:
        raise NoAnswer(Failure.SILENT if conversation else Failure.NO_CONNECTION) from error
    finally:
        if conversation:
            conversation.close()


class TcpConversation:
    """Frames over a TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, message: bytes) -> bytes:
        self._writer.write(len(message).to_bytes(4, "big") + message)
        return await self.hear()

    async def hear(self) -> bytes:
        try:
            head = await self._reader.readexactly(4)
            length = int.from_bytes(head, "big")
            if head[0] == _NEGATIVE_SESSION_RESPONSE:
                raise NoAnswer(Failure.DENIED)
            # Before anything is read: a web server that answers `HTTP` announces 1.2 GB here.
            if not len(SMB2) <= length <= MAX_FRAME:
                raise NoAnswer(Failure.FOREIGN)
            answer = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise NoAnswer(Failure.CLOSED) from error
        if not answer.startswith((SMB1, SMB2)):
            raise NoAnswer(Failure.FOREIGN)
        return answer

    def close(self) -> None:
        # Not `close`, which waits to send what is buffered to a peer that may never read it.
        self._writer.transport.abort()


async def dial(host: str, port: int) -> Conversation:
    """Connect by TCP, to the address of the name that takes the connection first. Raises NoAnswer.

    The addresses are tried one after the other, each with a head start, and side by side from then on ("happy
    eyeballs", RFC 8305): a name often has an IPv6 address that leads nowhere beside an IPv4 address that works, and
    waiting for the first would take all the time that the server has.
    """
    attempts: set[asyncio.Task[socket.socket]] = set()
    failure = Failure.UNRESOLVED
    waiting = _alternating(await _addresses(host, port))
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connected(*waiting.pop(0))))
            # The last address has no successor to wait for: now any of them may take its time.
            head_start = HEAD_START if waiting else None
            ended, attempts = await asyncio.wait(attempts, timeout=head_start, return_when=asyncio.FIRST_COMPLETED)
            for attempt in ended:
                error = attempt.exception()
                if error is None:
                    return TcpConversation(*await asyncio.open_connection(sock=attempt.result(), limit=MAX_FRAME))
                if not isinstance(error, OSError):
                    raise error
                failure = _failure(error)
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_close)
            attempt.cancel()
    raise NoAnswer(failure)


async def _connected(family: int, address: Any) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """A connection that came a moment after another one was taken."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _alternating(addresses: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """The addresses with their families in turn, the first family first (RFC 8305, section 4)."""
    first = [row for row in addresses if row[0] == addresses[0][0]]
    others = [row for row in addresses if row[0] != addresses[0][0]]
    return [row for row in chain.from_iterable(zip_longest(first, others)) if row]


def _failure(error: OSError) -> Failure:
    if isinstance(error, ConnectionRefusedError):
        return Failure.REFUSED
    return Failure.NO_CONNECTION if isinstance(error, TimeoutError) else Failure.NO_ROUTE


async def _addresses(host: str, port: int) -> list[tuple[int, Any]]:
    """Family and socket address of a name. The thread is a daemon: nobody waits for a resolver that hangs."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[tuple[int, Any]]] = loop.create_future()

    def settle(addresses: list[tuple[int, Any]]) -> None:
        if not found.done():
            found.set_result(addresses)

    def look_up() -> None:
        addresses = []
        with suppress(OSError, UnicodeError):
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [(int(row[0]), row[4]) for row in rows]
        with suppress(RuntimeError):  # the loop did not wait and is closed
            loop.call_soon_threadsafe(settle, addresses)

    threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
    return await found
