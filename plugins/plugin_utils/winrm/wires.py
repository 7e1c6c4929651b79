# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wires of a conversation: one message each way over ansible's winrm or psrp connection, no shell, no runspace.

This file alone touches what ansible-core, pywinrm and pypsrp do not promise to keep: the winrm connection builds its
`protocol` without opening a shell while `shell_id` is set; the psrp connection's `_psrp_conn_kwargs` make a `WSMan`
that opens no runspace. Every supported ansible-core is tested against exactly this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ..errors import HostUnreachable, RequestError
from ..wsman.errors import RemoteProtocolError
from ..wsman.xml import MAX_BYTES

SUPPORTED = ("winrm", "psrp")

_NO_SHELL = "winops.smb_guest opens no shell"
_UTF8 = 65001


@dataclass(frozen=True)
class CommandResult:
    """What a process on the host left behind."""

    exit_code: int
    stdout: str
    stderr: str


class Wire(Protocol):
    """What a session needs of a connection: one message each way, and a process where nothing else will do."""

    endpoint: str
    operation_timeout: float

    def send(self, message: bytes) -> bytes: ...

    def reset(self) -> None:
        """Forget a broken connection, so that the next message authenticates anew."""

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]: ...


def open_wire(connection: Any) -> Wire:
    """The wire behind a task's connection. Nothing is sent yet.

    Raises RequestError for a connection that is neither winrm nor psrp, HostUnreachable where Kerberos gives no ticket.
    """
    kind = getattr(connection, "transport", type(connection).__name__)
    if kind not in SUPPORTED:
        raise RequestError(
            f"winops.smb_guest speaks WinRM and works through the connections winrm and psrp; this host uses '{kind}'. "
            "Set ansible_connection to winrm or psrp."
        )
    try:
        return _WinrmWire(connection) if kind == "winrm" else _PsrpWire(connection)
    except AnsibleConnectionFailure as error:
        raise HostUnreachable(str(error)) from error
    except AnsibleError as error:
        raise RequestError(str(error)) from error


def _cap_answers(session: Any) -> None:
    """Let the answers of a `requests` session end with an error where the parser would refuse them for their size.

    At the adapter, because the authentication handlers send through it without asking the session, and lazily,
    because they look at the socket of an answer before anybody reads it.
    """
    if getattr(session, "answers_are_capped", False):
        return
    session.answers_are_capped = True
    for adapter in session.adapters.values():
        adapter.send = _capped(adapter.send)


def _capped(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_capped(*args: Any, **kwargs: Any) -> Any:
        response = send(*args, **kwargs)
        read = response.iter_content

        def iter_content(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            size = 0
            for chunk in read(*args, **kwargs):
                size += len(chunk)
                if size > MAX_BYTES:
                    response.close()
                    raise RemoteProtocolError("too_large", f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
                yield chunk

        response.iter_content = iter_content
        return response

    return send_capped


class _WinrmWire:
    """ansible.builtin.winrm through pywinrm, with every transport that it has."""

    def __init__(self, connection: Any) -> None:
        if not connection.protocol:
            connection.shell_id = _NO_SHELL
            try:
                connection._connect()
            finally:
                connection.shell_id = None
        self._protocol = connection.protocol
        self._transport = connection.protocol.transport
        self.endpoint: str = self._transport.endpoint
        self.operation_timeout: float = self._protocol.operation_timeout_sec
        self._cap_every_session()

    def _cap_every_session(self) -> None:
        """pywinrm makes its session when the first message goes out, and uses it at once to set up encryption."""
        if getattr(self._transport, "answers_are_capped", False):
            return
        self._transport.answers_are_capped = True
        exchange = self._transport._send_message_request

        def exchange_capped(session: Any, request: Any) -> Any:
            _cap_answers(session)
            return exchange(session, request)

        self._transport._send_message_request = exchange_capped

    def send(self, message: bytes) -> bytes:
        from winrm.exceptions import WinRMTransportError

        try:
            answer: bytes = self._transport.send_message(message)
        except WinRMTransportError as error:
            return _fault_body(error)
        return answer

    def reset(self) -> None:
        self._transport.close_session()
        self._transport.encryption = None

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        shell = self._protocol.open_shell(codepage=_UTF8)
        try:
            return [self._run_one(shell, command) for command in commands]
        finally:
            self._protocol.close_shell(shell)

    def _run_one(self, shell: str, command: Sequence[str]) -> CommandResult:
        command_id = self._protocol.run_command(shell, command[0], command[1:])
        try:
            stdout, stderr, exit_code = self._protocol.get_command_output(shell, command_id)
        finally:
            self._protocol.cleanup_command(shell, command_id)
        return CommandResult(exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


class _PsrpWire:
    """ansible.builtin.psrp through pypsrp."""

    def __init__(self, connection: Any) -> None:
        try:
            from pypsrp.wsman import WSMan
        except ImportError as error:
            raise RequestError(
                "ansible_connection is psrp, but the Python package pypsrp is missing on the controller. "
                "Install it beside ansible-core: pip install pypsrp"
            ) from error

        connection._build_kwargs()
        try:
            self._wsman = WSMan(**connection._psrp_conn_kwargs)
            self._transport = self._wsman.transport
            self._open()
        except ValueError as error:
            raise RequestError(f"The psrp connection cannot be made from these variables: {error}") from error
        self.endpoint: str = self._transport.endpoint
        self.operation_timeout: float = self._wsman.operation_timeout

    def _open(self) -> None:
        self._transport.session = self._transport._build_session()
        _cap_answers(self._transport.session)

    def send(self, message: bytes) -> bytes:
        from pypsrp.exceptions import WinRMTransportError

        try:
            answer: bytes = self._transport.send(message)
        except WinRMTransportError as error:
            return _fault_body(error)
        return answer

    def reset(self) -> None:
        self._transport.close()
        self._transport.encryption = None
        self._open()

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        from pypsrp.shell import WinRS

        with WinRS(self._wsman, codepage=_UTF8) as shell:
            return [self._run_one(shell, command) for command in commands]

    @staticmethod
    def _run_one(shell: Any, command: Sequence[str]) -> CommandResult:
        from pypsrp.shell import Process, SignalCode

        process = Process(shell, command[0], list(command[1:]))
        process.invoke()
        process.signal(SignalCode.CTRL_C)
        stdout, stderr = process.stdout.decode(errors="replace"), process.stderr.decode(errors="replace")
        return CommandResult(-1 if process.rc is None else process.rc, stdout, stderr)


def _fault_body(error: Any) -> bytes:
    """The SOAP fault that came with HTTP 500; any other status is no answer of WS-Management."""
    if error.code == 500 and error.response_text:
        return str(error.response_text).encode()
    raise error
