# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""smbprotocol's connection with limits of time and size: what `sysvol` talks over.

The library waits without a limit when it sets a session up, connects to a share or logs off. It waits on for every
answer "pending". It reserves what the first four bytes of a frame claim, 1.2 GB where a web server answers `HTTP`. It
reads in a thread of its own, which ends with the first bytes that it cannot read, whatever their error is. No option
changes any of that, so two of its classes are extended where they read. The library is imported when a connection is
opened, so the extensions are mixins here and become classes there.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any
from uuid import uuid4

from .deadline import Deadline, connect, send_all
from .errors import UnreadableAnswer

MAX_FRAME = 256 * 1024
"""Bytes of one frame: an answer brings 64 KiB of a file or a listing, and the headers of a chain."""
MAX_FRAMES = 16
"""Frames for one request: the answers of a chain, each of which may be "pending" before."""


def open_connection(server: str, port: int, deadline: Deadline) -> Any:
    """A `smbprotocol.connection.Connection` that signs, negotiated within the limits.

    Raises ImportError where the library is missing, and what the library raises.
    """
    # Without a handler of its own the library's log goes to the terminal, tracebacks included.
    logging.getLogger("smbprotocol").addHandler(logging.NullHandler())
    connection = _classes()[0](uuid4(), server, port, require_signing=True)
    connection.deadline = deadline
    try:
        connection.connect()
    except BaseException:
        connection.drop()
        raise
    return connection


class _Receiving:
    """For smbprotocol's Connection: every answer comes within the deadline, or not at all."""

    deadline: Deadline
    signed = False
    """Whether every answer must be signed from now on. The library checks signatures, not that there is one."""
    _transport: Any = None
    _t_exc: Exception | None

    @property
    def transport(self) -> Any:
        return self._transport

    @transport.setter
    def transport(self, made: Any) -> None:
        """The library makes its own transport in `connect`; ours takes its place before it is used."""
        if made is not None:
            made = _classes()[1](made.server, made.port)
            made.deadline = self.deadline
        self._transport = made

    def receive(
        self, request: Any, wait: bool = True, timeout: float | None = None, resolve_symlinks: bool = False
    ) -> Any:
        """The answer to a request, in place of the library's `receive`, whose `timeout` bounds no "pending".

        Raises TookTooLong, and what the library or its thread raises.
        """
        try:
            while not self._has_answer(request, wait):
                request.response_event.wait(self.deadline.left())
            if self.signed and request.response is not None:
                self._check_signed(request.response)
            receive: Any = super().receive  # type: ignore[misc]  # of the class that this is mixed into
            return receive(request, wait=wait, timeout=1, resolve_symlinks=False)
        finally:
            self.deadline.end_message()

    def _has_answer(self, request: Any, wait: bool) -> bool:
        """Whether nothing is left to wait for: the answer is there, or the thread that reads has ended."""
        from smbprotocol.header import NtStatus

        if self._t_exc is not None or not self.transport.connected:
            return True
        with request.response_event_lock:
            if not request.response_event.is_set():
                return False
            # The thread sets the event without an answer where it ends, just before it says so.
            if request.response is None:
                return True
            if wait and request.response["status"].get_value() == NtStatus.STATUS_PENDING:
                request.response_event.clear()
                return False
        return True

    def _check_signed(self, answer: Any) -> None:
        """Raises UnreadableAnswer: whoever stands between could have written it (MS-SMB2 3.2.5.1.3)."""
        from smbprotocol.header import Smb2Flags

        if not answer["flags"].has_flag(Smb2Flags.SMB2_FLAGS_SIGNED):
            raise UnreadableAnswer(
                "The SMB server sent an answer without a signature. Check what stands between it and this machine."
            )

    def drop(self) -> None:
        """End the connection without another word: the server ends its session with it (MS-SMB2 3.3.7.1)."""
        if self.transport:
            self.disconnect(False)  # type: ignore[attr-defined]  # of the class that this is mixed into


class _Transport:
    """For smbprotocol's Tcp: connects and sends within the deadline, and reserves only what an answer can have."""

    deadline: Deadline
    server: str
    port: int
    connected: bool
    _sock: Any
    _sock_lock: Any
    _recv: Any
    _frames = 0

    def connect(self) -> None:
        self.deadline.next_message()
        self._sock = connect(self.server, self.port, self.deadline)
        self._sock.settimeout(None)  # the thread that reads waits for frames; `receive` bounds that
        self.connected = True

    def send(self, header: bytes) -> None:
        self._frames = 0
        self.deadline.next_message()
        with self._sock_lock:
            send_all(self._sock, len(header).to_bytes(4, "big") + header, self.deadline)

    def recv(self, timeout: float) -> bytes:
        """The next frame; empty where the connection ended. Raises UnreadableAnswer."""
        head, timeout = self._recv(4, timeout)
        if not head:
            return b""
        size = int.from_bytes(head, "big")
        self._frames += 1
        if size > MAX_FRAME or self._frames > MAX_FRAMES:
            raise UnreadableAnswer(
                f"{self.server} sent a frame of {size} bytes, or more than {MAX_FRAMES} frames for one request. Check "
                "that it is a domain controller and that no other service answers on its port."
            )
        return self._recv(size, timeout)[0] or b""


@cache
def _classes() -> tuple[type[Any], type[Any]]:
    """The connection and the transport. Raises ImportError."""
    from smbprotocol.connection import Connection
    from smbprotocol.transport import Tcp

    return type("BoundedConnection", (_Receiving, Connection), {}), type("BoundedTcp", (_Transport, Tcp), {})
