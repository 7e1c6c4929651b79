# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transports of a conversation: one message each way over the winrm or psrp connection, no shell, no runspace.

Commands open a shell of their own, and files go through the connection's own transfer; both only where asked for.
This file alone touches what ansible-core, pywinrm and pypsrp do not promise to keep: the winrm connection builds its
`protocol` without opening a shell while `shell_id` is set; the psrp connection's `_psrp_conn_kwargs` make a `WSMan`
that opens no runspace. Every supported ansible-core is tested against exactly this file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ..core.errors import RequestError, SmbGuestError
from ..wsman.errors import RemoteProtocolError
from ..wsman.xml import parse
from .before_fork import make_ready
from .deadlines import Deadlines, deadlines_from
from .early_challenge import begin_at_once
from .file_transfer import fetch_file, put_file
from .library_errors import is_refusal_of_transport
from .peer import Peer, check_before_connecting, connection_kind, peer_before, peer_of
from .response_limits import ResponseLimits
from .transport_errors import explain

make_ready()

T = TypeVar("T")

_NO_SHELL = "winops.smb_guest opens no shell"
_UTF8 = 65001
CLOSING_SECONDS = 5.0
"""What closing a shell may take once something has gone wrong in it."""


@dataclass(frozen=True)
class CommandResult:
    """What a process on the host left behind."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Timeouts:
    """What the user says of time, in seconds; None leaves it to the operation timeout of the connection."""

    message: float | None = None
    task: float | None = None


class Transport(Protocol):
    """What a session needs of a connection: one message each way, and a process where nothing else will do."""

    peer: Peer
    operation_timeout: float

    def send(self, message: bytes) -> bytes:
        """The answer to one request, decrypted."""

    def reset(self) -> None:
        """Forget a broken connection, so that the next message authenticates anew."""

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        """Run commands one after the other, each given by its words."""

    def put_file(self, content: bytes, path: str) -> None:
        """Write a file, which starts PowerShell on the host. Raises HostError where the host refuses it."""

    def fetch_file(self, path: str) -> bytes:
        """Read a file, which starts PowerShell on the host. Raises HostError where the host refuses it."""


def open_transport(connection: Any, timeouts: Timeouts | None = None) -> Transport:
    """The transport behind a task's connection. Nothing is sent yet.

    Raises RequestError for a connection that is neither winrm nor psrp nor derived from one of them, and for variables
    that it cannot work with; HostUnreachable where Kerberos gives no ticket.
    """
    kind = connection_kind(connection)
    if kind is None:
        name = getattr(connection, "transport", type(connection).__name__)
        raise RequestError(
            f"winops.smb_guest speaks WinRM and works through the connections winrm and psrp; this host uses '{name}'. "
            "Set ansible_connection to winrm or psrp."
        )
    timeouts = timeouts or Timeouts()
    return _WinrmTransport(connection, timeouts) if kind == "winrm" else _PsrpTransport(connection, timeouts)


@contextmanager
def _explained(peer: Peer) -> Iterator[None]:
    """Explain what a connection raises before the first message."""
    try:
        yield
    except SmbGuestError:
        raise
    except Exception as error:  # whatever the libraries below raise
        raise explain(error, peer, answered=False) from error


class _WinrmTransport:
    """ansible.builtin.winrm through pywinrm, with every transport that it has.

    Transports are tried in their order, as ansible's own connection does: the next one where the host refuses one
    before it answered anything.
    """

    def __init__(self, connection: Any, timeouts: Timeouts) -> None:
        self._connection = connection
        self._timeouts = timeouts
        self._answered = False
        self._connect()

    def _connect(self, tried: tuple[str, ...] = (), deadlines: Deadlines | None = None) -> None:
        connection = self._connection
        with _explained(peer_before(connection, "winrm")):
            check_before_connecting(connection, "winrm")
            if not connection.protocol:
                # `_connect` opens a shell, which is a process on the host, unless the connection seems to have one.
                connection.shell_id = _NO_SHELL
                try:
                    connection._connect()
                finally:
                    connection.shell_id = None
        self._protocol = connection.protocol
        self._transport = transport = connection.protocol.transport
        self.operation_timeout: float = self._protocol.operation_timeout_sec
        self.peer = peer_of(connection, "winrm", transport.endpoint, transport.auth_method, transport.proxy, tried)
        wanted, read = self._timeouts, self._protocol.read_timeout_sec
        deadlines = deadlines or deadlines_from(self.operation_timeout, read, wanted.message, wanted.task)
        # A loop runs its tasks over one connection: it is watched once, and gets the deadlines of the present task.
        known = getattr(transport, "smb_guest_limits", None)
        self._limits: ResponseLimits = known or ResponseLimits(deadlines)
        self._limits.deadlines = deadlines
        if known is None:
            self._watch_every_session()

    def _watch_every_session(self) -> None:
        """pywinrm makes its session when the first message goes out, and uses it at once to set up encryption."""
        self._transport.smb_guest_limits = self._limits
        # It would warn once about a proxy of the environment, and repeat its URL with the password in it.
        sys.modules[type(self._transport).__module__].DISPLAYED_PROXY_WARNING = True  # type: ignore[attr-defined]
        exchange = self._transport._send_message_request

        def exchange_watched(session: Any, request: Any) -> Any:
            # Here, and not at the beginning: the session does not exist before.
            self._limits.watch(session)
            begin_at_once(session)
            return exchange(session, request)

        self._transport._send_message_request = exchange_watched
        text_of = self._transport._get_message_response_text

        def checked_text_of(response: Any) -> bytes:
            text: bytes = text_of(response)
            if self._limits.faults_are_answers:
                return text
            return _checked(text) if response.status_code < 400 else _checked_error(text)

        self._transport._get_message_response_text = checked_text_of

    def send(self, message: bytes) -> bytes:
        return self._by_some_transport(lambda: _answer(self._limits, self._transport.send_message, message))

    def _by_some_transport(self, exchange: Callable[[], T]) -> T:
        """Do it with the transport in use, or with the next one that is not refused."""
        while True:
            self._limits.delivered = False
            try:
                result = exchange()
            except Exception as error:
                # Once the host has answered, the message may have been carried out: it must not be sent twice.
                done = self._answered or self._limits.delivered
                if done or not is_refusal_of_transport(error) or not self._next_transport():
                    raise
            else:
                self._answered = True
                return result

    def _next_transport(self) -> bool:
        """Go over to the next transport in the list; False where there is none."""
        names = list(getattr(self._connection, "_winrm_transport", None) or ())
        used = self._transport.auth_method
        left = names[names.index(used) + 1 :] if used in names else []
        if not left:
            return False
        self.reset()
        self._connection.set_option("transport", left)
        # Makes `_connect` build a protocol for the transports that are left.
        self._connection.protocol = None
        self._connect((*self.peer.tried, used), self._limits.deadlines)
        return True

    def reset(self) -> None:
        self._transport.close_session()
        # It has the keys of the old session, with which the host could not read the next message.
        self._transport.encryption = None

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        self._limits.begin()
        shell: str = self._by_some_transport(lambda: self._protocol.open_shell(codepage=_UTF8))
        with _closing(self, self._limits, lambda: self._protocol.close_shell(shell)):
            return [self._run_one(shell, command) for command in commands]

    def _run_one(self, shell: str, command: Sequence[str]) -> CommandResult:
        self._limits.begin("command")
        command_id = self._protocol.run_command(shell, command[0], command[1:])
        stdout, stderr, exit_code = self._protocol.get_command_output(shell, command_id)
        self._protocol.cleanup_command(shell, command_id)
        return CommandResult(exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    def put_file(self, content: bytes, path: str) -> None:
        self._in_their_shell(lambda: put_file(self._connection, content, path))

    def fetch_file(self, path: str) -> bytes:
        return self._in_their_shell(lambda: fetch_file(self._connection, path))

    def _in_their_shell(self, transfer: Callable[[], T]) -> T:
        """The connection's transfers need a shell of its own, which it closes at the end of the task."""
        self._limits.begin("transfer")
        try:
            # The transfer reuses a shell of an earlier transfer of this task.
            if not self._connection.shell_id:
                shell: str = self._by_some_transport(lambda: self._protocol.open_shell(codepage=_UTF8))
                self._connection.shell_id = shell
            return transfer()
        finally:
            self._limits.end()


class _PsrpTransport:
    """ansible.builtin.psrp through pypsrp."""

    def __init__(self, connection: Any, timeouts: Timeouts) -> None:
        try:
            from pypsrp.wsman import WSMan
        except ImportError as error:
            raise RequestError(
                "ansible_connection is psrp, but the Python package pypsrp is missing on the control node. "
                "Install it beside ansible-core: pip install pypsrp"
            ) from error

        self._connection = connection
        with _explained(peer_before(connection, "psrp")):
            check_before_connecting(connection, "psrp")
            connection._build_kwargs()
            self._wsman = WSMan(**connection._psrp_conn_kwargs)
        self._transport = transport = self._wsman.transport
        self.operation_timeout: float = self._wsman.operation_timeout
        self.peer = peer_of(connection, "psrp", transport.endpoint, transport.auth, transport.proxy)
        self._limits = ResponseLimits(
            deadlines_from(self.operation_timeout, transport.read_timeout, timeouts.message, timeouts.task)
        )
        with _explained(self.peer):
            self._open()

    def _open(self) -> None:
        self._transport.session = self._transport._build_session()
        self._limits.watch(self._transport.session)
        begin_at_once(self._transport.session)
        self._check_answers_of(self._transport)

    def _check_answers_of(self, transport: Any) -> None:
        """Look at what pypsrp will parse itself, for shells and runspaces, before it does."""
        # Replaced before: the transport of a runspace lives as long as the connection.
        if "send" in vars(transport):
            return
        send = transport.send

        def send_checked(*args: Any, **kwargs: Any) -> bytes:
            try:
                answer: bytes = send(*args, **kwargs)
            except Exception as error:
                # pypsrp parses the body of an error as well, before it raises it again.
                text = getattr(error, "response_text", None)
                if isinstance(text, str | bytes) and not self._limits.faults_are_answers:
                    data = text.encode(errors="replace") if isinstance(text, str) else text
                    error.response_text = _checked_error(data).decode(errors="replace")  # type: ignore[attr-defined]
                raise
            return answer if self._limits.faults_are_answers else _checked(answer)

        transport.send = send_checked

    def send(self, message: bytes) -> bytes:
        try:
            return _answer(self._limits, self._transport.send, message)
        except UnicodeDecodeError as error:
            # pypsrp makes text of what it decrypted before it hands on the bytes; UTF-16 is XML all the same.
            return bytes(error.object)

    def reset(self) -> None:
        self._transport.close()
        self._transport.encryption = None
        self._open()

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        from pypsrp.shell import WinRS

        self._limits.begin()
        shell = WinRS(self._wsman, codepage=_UTF8)
        shell.open()
        with _closing(self, self._limits, shell.close):
            return [self._run_one(shell, command) for command in commands]

    def _run_one(self, shell: Any, command: Sequence[str]) -> CommandResult:
        from pypsrp.shell import Process, SignalCode

        self._limits.begin("command")
        process = Process(shell, command[0], list(command[1:]))
        process.invoke()
        # As in pypsrp's own examples: the signal makes the host forget the command.
        process.signal(SignalCode.CTRL_C)
        stdout, stderr = process.stdout.decode(errors="replace"), process.stderr.decode(errors="replace")
        return CommandResult(-1 if process.rc is None else process.rc, stdout, stderr)

    def put_file(self, content: bytes, path: str) -> None:
        self._in_their_runspace(lambda: put_file(self._connection, content, path))

    def fetch_file(self, path: str) -> bytes:
        return self._in_their_runspace(lambda: fetch_file(self._connection, path))

    def _in_their_runspace(self, transfer: Callable[[], T]) -> T:
        """The connection's transfers need a runspace of its own, which it closes at the end of the task."""
        self._limits.begin("transfer")
        try:
            self._connection._connect()
            # The runspace has a WSMan of its own, whose session nobody has seen yet.
            theirs = self._connection.runspace.connection.transport
            self._limits.watch(theirs.session)
            self._check_answers_of(theirs)
            return transfer()
        finally:
            self._limits.end()


@contextmanager
def _closing(transport: Transport, limits: ResponseLimits, close: Callable[[], object]) -> Iterator[None]:
    """Close a shell at the end of the block, with which the host ends what runs in it.

    Where the block failed the connection may be in the middle of an exchange: it is made anew, and what comes of
    closing hides nothing.
    """
    try:
        yield
    except BaseException:
        with suppress(Exception):
            transport.reset()
            limits.begin(at_most=CLOSING_SECONDS)
            close()
        raise
    else:
        close()
    finally:
        limits.end()


def _answer(limits: ResponseLimits, send: Callable[[bytes], bytes], message: bytes) -> bytes:
    """Send one message; a SOAP fault, which comes with HTTP 500, is an answer."""
    limits.begin()
    limits.faults_are_answers = True
    try:
        return send(message)
    finally:
        limits.faults_are_answers = False
        limits.end()


def _checked(answer: bytes) -> bytes:
    """An answer that pywinrm or pypsrp parses: its parser has no bounds, so ours reads it first and throws it away."""
    parse(answer)
    return answer


def _checked_error(answer: bytes) -> bytes:
    """The same for the text of an HTTP error, which need not be XML; then the libraries go by the status alone."""
    try:
        return _checked(answer)
    except RemoteProtocolError as error:
        if error.problem == "not_xml":
            return b""
        raise
