# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A conversation with a host: typed operations over a wire, and every error of it as one sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import AccessDenied, HostError, HostFault, HostUnreachable
from ..wsman.cim import CimInstance
from ..wsman.envelope import RequestContext
from ..wsman.errors import RemoteProtocolError
from ..wsman.fault import WsmanFault
from ..wsman.operations import Enumerate, Operation, drive, walk
from .transport_errors import explain, explain_shell_fault
from .wires import CommandResult, Wire, open_wire

T = TypeVar("T")

# What a web page, or any other service, looks like to a reader of SOAP.
_NOT_WINRM = ("not_xml", "doctype", "unexpected_shape")


class Session:
    """A conversation with one host: typed operations in, typed answers out. Errors are of the HostError family."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._answered = False

    def call(self, operation: Operation[T]) -> T:
        """Send one operation and decode its answer: one request."""
        return self._translated(str(operation), lambda: self._exchange(operation))

    def query(self, enumerate_: Enumerate) -> list[CimInstance]:
        """Run a query to its end, page by page."""
        return self._translated(str(enumerate_), lambda: drive(walk(enumerate_), self._exchange))

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        """Run commands (program and arguments each), one after the other: the only thing here that opens a shell."""
        return self._through_library(lambda: self._wire.run(commands))

    def _exchange(self, operation: Operation[T]) -> T:
        context = RequestContext(to=self._wire.endpoint, operation_timeout=self._wire.operation_timeout)
        message = operation.encode(context)
        answer = self._through_library(lambda: self._wire.send(message))
        try:
            result = operation.decode(answer, context)
        except WsmanFault:
            self._answered = True
            raise
        self._answered = True
        return result

    def _translated(self, what: str, exchange: Callable[[], T]) -> T:
        try:
            return exchange()
        except WsmanFault as error:
            if error.fault.kind == "access_denied":
                raise AccessDenied(f"calling {what}") from error
            fault = error.fault
            raise HostFault(f"The host refused {what}: {error}", kind=fault.kind, code=fault.code) from error
        except RemoteProtocolError as error:
            if error.problem in _NOT_WINRM and not self._answered:
                raise HostUnreachable(
                    f"{self._wire.endpoint} answers, but not as WinRM does ({error}). Check ansible_port and "
                    "ansible_winrm_path, and what else listens there."
                ) from error
            raise HostError(
                f"The answer of {self._wire.endpoint} to {what} was not used: {error}. "
                "Check for a proxy or another program between here and the host."
            ) from error

    def _through_library(self, exchange: Callable[[], T]) -> T:
        try:
            return exchange()
        except RemoteProtocolError:
            self._wire.reset()
            raise
        except UnicodeDecodeError as error:
            raise RemoteProtocolError("not_xml", "it is no text") from error
        except Exception as error:  # whatever the libraries below raise becomes one sentence
            self._wire.reset()
            raise explain_shell_fault(error) or explain(error, self._wire.endpoint, answered=self._answered) from error


def open_session(connection: Any) -> Session:
    """The session behind a task's connection. Nothing is sent yet. Raises what `open_wire` raises."""
    return Session(open_wire(connection))
