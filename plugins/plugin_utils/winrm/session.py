# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A conversation with a host: typed operations over a transport, and every error of it as one sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..core.errors import AccessDenied, HostError, HostFault, HostUnreachable, SmbGuestError
from ..core.hostile_bytes import HOSTILE_BYTES
from ..wsman.cim import CimInstance
from ..wsman.errors import RemoteProtocolError, RequestTooLarge
from ..wsman.limits import MAX_QUERY_BYTES, MAX_REQUEST_BYTES
from ..wsman.operations import Delete, Enumerate, Invoke, WsmanOperation, drive, walk
from ..wsman.soap import RequestContext, WsmanFault
from .transport_errors import explain, explain_shell_fault
from .transports import CommandResult, Timeouts, Transport, open_transport

T = TypeVar("T")

_RAISE_THE_LIMIT = (
    "Requests and answers are bounded by MaxEnvelopeSizekb of WinRM on the host: 500 as installed; winrm get "
    "winrm/config shows it."
)

# What a web page, or any other service, looks like to a reader of SOAP.
_NOT_WINRM = ("not_xml", "doctype", "unexpected_shape")


class Session:
    """A conversation with one host: typed operations in, typed answers out. Errors are of the HostError family."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._answered = False
        self._latest_size = 0

    def through(self, wrap: Callable[[Transport], Transport]) -> Session:
        """The same conversation, over what is put around its transport."""
        return Session(wrap(self._transport))

    def call(self, operation: WsmanOperation[T]) -> T:
        """Send one operation and decode its answer: one request."""
        return self._translated(str(operation), lambda: self._exchange(operation), writing=_writes(operation))

    def query(self, enumerate_: Enumerate) -> list[CimInstance]:
        """Run a query to its end, page by page."""
        budget = MAX_QUERY_BYTES

        def exchange(operation: WsmanOperation[T]) -> T:
            nonlocal budget
            result = self._exchange(operation)
            # Each page is bounded by itself; all of them together are held in memory.
            budget -= self._latest_size
            if budget < 0:
                raise RemoteProtocolError("too_large", f"its pages have more than {MAX_QUERY_BYTES} bytes together")
            return result

        return self._translated(str(enumerate_), lambda: drive(walk(enumerate_), exchange))

    def reset(self) -> None:
        """Forget the connection, which an interruption may have left in the middle of an exchange."""
        self._transport.reset()

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        """Run commands (program and arguments each), one after the other, in one shell."""
        return self._translated("a command", lambda: self._through_library(lambda: self._transport.run(commands)))

    def put_file(self, content: bytes, path: str) -> None:
        """Write a file by the connection's own transfer, which starts PowerShell; its folder must be there."""
        self._translated("a file", lambda: self._through_library(lambda: self._transport.put_file(content, path)))

    def fetch_file(self, path: str) -> bytes:
        """Read a file by the connection's own transfer, which starts PowerShell."""
        return self._translated("a file", lambda: self._through_library(lambda: self._transport.fetch_file(path)))

    def _exchange(self, operation: WsmanOperation[T]) -> T:
        context = RequestContext(to=self._transport.peer.endpoint, operation_timeout=self._transport.operation_timeout)
        message = operation.encode(context)
        answer = self._through_library(lambda: self._transport.send(message))
        self._latest_size = len(answer)
        try:
            result = operation.decode(answer, context)
        # A fault is an answer too: only WinRM makes one.
        except WsmanFault:
            self._answered = True
            raise
        except HOSTILE_BYTES as error:
            # The decoders raise errors of their own; this is for what nobody thought of.
            raise RemoteProtocolError("unexpected_shape", f"it cannot be read ({type(error).__name__})") from error
        self._answered = True
        return result

    def _translated(self, what: str, exchange: Callable[[], T], *, writing: bool = False) -> T:
        try:
            return exchange()
        except WsmanFault as error:
            if error.fault.kind == "access_denied":
                raise AccessDenied(f"calling {what}", writing=writing) from error
            fault = error.fault
            refused = HostFault(f"The host refused {what}: {error}", kind=fault.kind, code=fault.code)
            if fault.kind == "envelope_limit":
                refused.remark(_RAISE_THE_LIMIT)
            raise refused from error
        except RequestTooLarge as error:
            raise HostError(
                f"A request has {error.size} bytes ({what}), and WinRM takes at most {MAX_REQUEST_BYTES} as installed. "
                "It was not sent.",
                kind="envelope_limit",
                subject=what,
            ) from error
        except RemoteProtocolError as error:
            # After a good answer the same problem is damage on the way, not another program.
            if error.problem in _NOT_WINRM and not self._answered:
                raise HostUnreachable(
                    f"{self._transport.peer.endpoint} answers, but not as WinRM does ({error}). Check ansible_port and "
                    f"{self._transport.peer.variables['path']}, and what else listens there."
                ) from error
            raise HostError(
                f"The answer of {self._transport.peer.endpoint} to {what} was not used: {error}. "
                "Check for a proxy or another program between here and the host."
            ) from error

    def _through_library(self, exchange: Callable[[], T]) -> T:
        try:
            return exchange()
        except RemoteProtocolError:
            self._transport.reset()
            raise
        except SmbGuestError:
            raise
        except Exception as error:  # whatever the libraries below raise becomes one sentence
            # It may be in the middle of an exchange, whose answer would be taken for that of the next message.
            peer = self._transport.peer
            self._transport.reset()
            raise explain_shell_fault(error, peer) or explain(error, peer, answered=self._answered) from error


def _writes(operation: WsmanOperation[Any]) -> bool:
    # Decides only what an error advises: who may read but not write lacks another right.
    verbs = ("Set", "Create", "Delete", "Register")
    return isinstance(operation, Delete) or (isinstance(operation, Invoke) and operation.method.startswith(verbs))


def open_session(connection: Any, timeouts: Timeouts | None = None) -> Session:
    """The session behind a task's connection. Nothing is sent yet. Raises what `open_transport` raises."""
    return Session(open_transport(connection, timeouts))
