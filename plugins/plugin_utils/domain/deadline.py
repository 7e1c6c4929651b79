# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time limits of a conversation with a domain controller.

A limit for each read of a socket bounds nothing: a peer that sends a byte now and then, that answers "pending", or that
always has one more page, keeps a task for ever. So there are two limits. One is for each message: from the first byte
of a question to the end of its answer, taking it apart included. The other is for the conversation: the sum of that,
without what the task does in between. Every write starts the conversation's limit anew: the task, not the server,
decides how many writes there are, and the limit must not fall between a write and its rollback.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from .errors import TookTooLong, clean

CONVERSATION = 10
"""How many times the option timeout a conversation may take without a write."""


class Deadline:
    """The limits of one connection."""

    def __init__(self, server: str, seconds: float) -> None:
        """Start the conversation.

        Args:
            server: The domain controller, for messages.
            seconds: The option timeout: how long a message may take.
        """
        self._server = server
        self._seconds = seconds
        self._waited = 0.0  # for messages that are complete
        self._began: float | None = None  # when the message began that is not

    def restart(self) -> None:
        """Start the limit of the conversation anew."""
        self._waited, self._began = 0.0, None

    def next_message(self) -> None:
        """Start the limit of a message."""
        self.end_message()
        self._began = time.monotonic()

    def end_message(self) -> None:
        """The message is complete: what the task does next is no waiting."""
        if self._began is not None:
            self._waited += time.monotonic() - self._began
            self._began = None

    def left(self) -> float:
        """Seconds that are left for the message, more than 0. Raises TookTooLong."""
        if self._began is None:
            self.next_message()
        waited = time.monotonic() - (self._began or 0)
        whole = CONVERSATION * self._seconds
        if self._waited + waited >= whole:
            raise TookTooLong(
                f"The conversation with {clean(self._server)} took more than {whole:g} seconds, {CONVERSATION} times "
                "the option timeout. Check the domain controller, or raise timeout."
            )
        if waited >= self._seconds:
            raise TookTooLong(
                f"{clean(self._server)} gave no whole answer within {self._seconds:g} seconds, the option timeout. "
                "Check the domain controller, or raise timeout."
            )
        return min(self._seconds - waited, whole - self._waited - waited)


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection to the first address of a name that takes it, within one limit for all of them.

    An address that does not answer costs its share of the time, not all of it: a name often has an IPv6 address that
    leads nowhere. Resolving the name is bounded by the machine's resolver. Raises OSError, TookTooLong.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem: OSError = OSError("the name has no address")
    for number, (family, kind, protocol, _name, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.left() / (len(addresses) - number))
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise problem


def send_all(connection: socket.socket, data: bytes, deadline: Deadline) -> None:
    """Send everything within the limit of the message, also over TLS. Raises OSError, TookTooLong."""
    rest: Any = memoryview(data)
    while rest:
        connection.settimeout(deadline.left())
        rest = rest[connection.send(rest) :]
