# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's session onto a simulated Windows host in this process: no socket, no authentication."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from winrm.exceptions import WinRMTransportError
from winrm.protocol import Protocol

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import Peer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import CommandResult
from simulated_windows.in_process import BareAnswer, InProcessHost

ENDPOINT = "http://in-process:5985/wsman"
_UTF8 = 65001
_PUT = "begin {{\n$path = '{path}'\n$fd = [IO.File]::Create($path) }} process {{ [Convert]::FromBase64String($input) }}"
_FETCH = (
    "$path = '{path}'\n$buffer_size = 1000000\n$offset = 0\n[IO.FileStream]::new($path)\n[Convert]::ToBase64String($b)"
)


class InProcessWire:
    """A Transport that hands each message to the host. Processes are started by pywinrm's own messages.

    Files are copied by scripts that do the same as those of Ansible's connections, in the fewest words.
    """

    peer = Peer(ENDPOINT, "winrm")
    operation_timeout = 20.0

    def __init__(self, host: InProcessHost) -> None:
        self._host = host

    def send(self, message: bytes) -> bytes:
        try:
            return self._host.answer(message)
        except BareAnswer as bare:
            raise WinRMTransportError("http", bare.status) from bare

    def reset(self) -> None:
        """There is no connection to forget."""

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        return self._run(commands, None)

    def put_file(self, content: bytes, path: str) -> None:
        self._powershell(_PUT.format(path=path), base64.b64encode(content))

    def fetch_file(self, path: str) -> bytes:
        return base64.b64decode(self._powershell(_FETCH.format(path=path), None))

    def _powershell(self, script: str, stdin: bytes | None) -> str:
        encoded = base64.b64encode(script.encode("utf-16-le")).decode()
        (result,) = self._run([("powershell", "-EncodedCommand", encoded)], stdin)
        if result.exit_code:
            raise HostError(f"The host failed when copying: {result.stderr.strip()}")
        return result.stdout

    def _run(self, commands: Sequence[Sequence[str]], stdin: bytes | None) -> list[CommandResult]:
        protocol = Protocol(ENDPOINT, username="Administrator", password="x")
        protocol.transport = _Transport(self._host)
        shell = protocol.open_shell(codepage=_UTF8)
        try:
            results = []
            for program, *arguments in commands:
                command = protocol.run_command(shell, program, arguments, console_mode_stdin=stdin is None)
                if stdin is not None:
                    protocol.send_command_input(shell, command, stdin, end=True)
                stdout, stderr, code = protocol.get_command_output(shell, command)
                protocol.cleanup_command(shell, command)
                results.append(CommandResult(code, stdout.decode(errors="replace"), stderr.decode(errors="replace")))
            return results
        finally:
            protocol.close_shell(shell)


class _Transport:
    """What pywinrm's transport does, onto the host."""

    endpoint = ENDPOINT

    def __init__(self, host: InProcessHost) -> None:
        self._host = host
        self.encryption: Any = None

    def send_message(self, message: bytes | str) -> bytes:
        body = self._host.answer(message if isinstance(message, bytes) else message.encode())
        if self._host.messages[-1]["status"] == 500:
            raise WinRMTransportError("http", 500, body.decode())
        return body

    def close_session(self) -> None:
        """Nothing is kept open."""


def session(host: InProcessHost) -> Session:
    """The session of a task whose host is `host`."""
    return Session(InProcessWire(host))
