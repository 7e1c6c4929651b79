"""WinRS: shells and the commands in them. A command finishes at once, or when its input has come to its end.

Understands what commands.Interpreter understands, and the PowerShell scripts that copy files (file_transfer.py); any
other PowerShell answers ``{"changed": false}``, which is enough for an Ansible module of another collection.
"""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from . import file_transfer
from . import namespaces as ns
from .cmd_shell import Result
from .commands import Interpreter
from .wsman_faults import FaultKind, WsmanFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree import ElementTree as ET

    from .host import SimulatedHost
    from .host_spec import User
    from .soap import Request

_RSP = f"{{{ns.SHELL}}}"
COMMAND_GONE = FaultKind(
    2150858843,
    "w:InvalidSelectors",
    "The WS-Management service cannot process the request because the request contained invalid selectors for the "
    "resource. ",
    fault_detail="UnexpectedSelectors",
    inner_text="The Windows Remote Shell received a request to perform an operation on a command identifier that "
    "does not exist. Either the command has completed execution or the client specified an invalid command "
    "identifier. ",
)


def _describe(resource: str, shell_id: str, owner: str) -> str:
    return (
        f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId><rsp:ResourceUri>{resource}</rsp:ResourceUri>"
        f"<rsp:Owner>{escape(owner)}</rsp:Owner><rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
        "<rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
        "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams><rsp:ShellRunTime>P0DT0H0M1S</rsp:ShellRunTime>"
        "<rsp:ShellInactivity>P0DT0H0M1S</rsp:ShellInactivity></rsp:Shell>"
    )


def resource_created(host: str, resource: str, shell_id: str, owner: str) -> str:
    """The body that answers the Create of a shell of any kind."""
    return (
        f"<x:ResourceCreated><a:Address>http://{host}:5985/wsman</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{resource}</w:ResourceURI><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
        f"</x:ResourceCreated>{_describe(resource, shell_id, owner)}"
    )


def receive_response(command_id: str | None, streams: dict[str, bytes], exit_code: int | None) -> str:
    """The body that answers a Receive: all there is, then the end. ``exit_code`` None: nothing has ended."""
    attribute = f' CommandId="{command_id}"' if command_id else ""
    out = ""
    for name in ("stdout", "stderr"):
        if data := streams.get(name):
            out += f'<rsp:Stream Name="{name}"{attribute}>{base64.b64encode(data).decode()}</rsp:Stream>'
        if exit_code is not None:
            out += f'<rsp:Stream Name="{name}"{attribute} End="true"/>'
    if exit_code is None:
        return f"<rsp:ReceiveResponse>{out}</rsp:ReceiveResponse>"
    # An exit code is a signed 32-bit number on the wire.
    code = exit_code - 2**32 if exit_code >= 2**31 else exit_code
    state = f'<rsp:CommandState{attribute} State="{ns.SHELL}/CommandState/Done"><rsp:ExitCode>{code}</rsp:ExitCode>'
    return f"<rsp:ReceiveResponse>{out}{state}</rsp:CommandState></rsp:ReceiveResponse>"


@dataclass
class Command:
    """A command line; ``result`` is None while it waits for more of its ``stdin``."""

    line: str
    result: Result | None = None
    stdin: bytes = b""
    left: dict[str, bytes] | None = None  # what no Receive has fetched yet; None before the first


@dataclass
class Shell:
    shell_id: str
    owner: str
    commands: dict[str, Command] = field(default_factory=dict)


def room_for_output(max_envelope_size: int) -> int:
    """Bytes of output that fit into an answer: base64 of them, beside an envelope."""
    return (max_envelope_size - 4096) // 4 * 3


def _identifier() -> str:
    return str(uuid.uuid4()).upper()


def interpreter(host: SimulatedHost, user: User) -> Interpreter:
    """The command interpreter of somebody who opened a shell."""
    return Interpreter(
        host.registry,
        host.log,
        host.scheduler,
        host.is_elevated(user),
        files=host.files,
        refresh_policy=lambda: host.refresh_policy({}),
    )


class ShellService:
    """The shells of one host. ``handle`` answers one request with (action suffix, body)."""

    def __init__(self, host: SimulatedHost, count: Callable[[str], None]) -> None:
        """``count`` is called with ``shells`` and ``processes`` as they start."""
        self._host = host
        self._count = count
        self._shells: dict[str, Shell] = {}

    def handle(self, request: Request, user: User) -> tuple[str, str]:
        """The response action and the SOAP body; WsmanFault for unknown shells and commands."""
        self._room = request.max_envelope_size
        if request.action == f"{ns.TRANSFER}/Create":
            return f"{ns.TRANSFER}/CreateResponse", self._create(request, user)
        shell = self._shells.get(request.selectors.get("ShellId", "").upper())
        if shell is None or shell.owner != user.name:
            raise WsmanFault("unexpected_selectors")
        if request.action == f"{ns.TRANSFER}/Delete":
            del self._shells[shell.shell_id]
            return f"{ns.TRANSFER}/DeleteResponse", ""
        if request.action == f"{ns.TRANSFER}/Get":
            return f"{ns.TRANSFER}/GetResponse", _describe(ns.SHELL_CMD, shell.shell_id, shell.owner)
        if request.action == f"{ns.SHELL}/Command" and request.body is not None:
            waits = request.options.get("WINRS_CONSOLEMODE_STDIN", "TRUE").upper() == "FALSE"
            return f"{request.action}Response", self._command(shell, request.body, user, waits)
        handler = {
            f"{ns.SHELL}/Send": self._send,
            f"{ns.SHELL}/Receive": self._receive,
            f"{ns.SHELL}/Signal": self._signal,
        }.get(request.action)
        if handler is None or request.body is None:
            raise WsmanFault("not_supported", detail=request.action)
        return f"{request.action}Response", handler(shell, request.body, user)

    def _create(self, request: Request, user: User) -> str:
        if request.resource_uri.lower() != ns.SHELL_CMD.lower():
            raise WsmanFault("resource_not_found")
        wanted = request.body.get("ShellId") if request.body is not None else None
        shell = Shell((wanted or _identifier()).upper(), user.name)
        self._shells[shell.shell_id] = shell
        self._count("shells")
        return resource_created(self._host.spec.name, ns.SHELL_CMD, shell.shell_id, shell.owner)

    def _command(self, shell: Shell, body: ET.Element, user: User, waits: bool) -> str:
        """``waits``: for the end of the input; a command without a pipe as its input gets none."""
        program = body.findtext(f"{_RSP}Command") or ""
        arguments = [item.text or "" for item in body.findall(f"{_RSP}Arguments")]
        command_id = (body.get("CommandId") or _identifier()).upper()
        self._count("processes")
        command = Command(" ".join([program, *arguments]).strip())
        if not waits:
            self._run(command, user)
        shell.commands[command_id] = command
        return f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"

    def _run(self, command: Command, user: User) -> None:
        name = command.line.strip('"').partition(" ")[0].strip('"').rpartition("\\")[2].lower().removesuffix(".exe")
        if name in ("powershell", "pwsh"):
            command.result = self._run_powershell(command, user)
        else:
            command.result = interpreter(self._host, user).run_cmd_line(command.line)

    def _run_powershell(self, command: Command, user: User) -> Result:
        encoded = re.search(r"-EncodedCommand\s+\"?([A-Za-z0-9+/=]+)", command.line, re.IGNORECASE)
        if encoded:
            text = base64.b64decode(encoded[1]).decode("utf-16-le", errors="replace")
            script = file_transfer.Script(text, lines=re.split(r"\r?\n", command.stdin.decode().rstrip("\r\n")))
            output = file_transfer.run(script, self._host.files, self._host.is_elevated(user))
            if output is not None:
                return Result(output.exit_code, output.stdout, output.stderr)
        return Result(0, '{"changed": false}\r\n')

    def _find(self, shell: Shell, command_id: str | None) -> tuple[str, Command]:
        key = (command_id or "").upper()
        if key not in shell.commands:
            raise WsmanFault(COMMAND_GONE)
        return key, shell.commands[key]

    def _send(self, shell: Shell, body: ET.Element, user: User) -> str:
        for stream in body.findall(f"{_RSP}Stream"):
            _key, command = self._find(shell, stream.get("CommandId"))
            command.stdin += base64.b64decode(stream.text or "")
            if stream.get("End", "").lower() == "true" and command.result is None:
                self._run(command, user)
        return "<rsp:SendResponse/>"

    def _receive(self, shell: Shell, body: ET.Element, _user: User) -> str:
        stream = body.find(f"{_RSP}DesiredStream")
        command_id, command = self._find(shell, stream.get("CommandId") if stream is not None else None)
        result = command.result
        if result is None:
            return (
                f'<rsp:ReceiveResponse><rsp:CommandState CommandId="{command_id}" '
                f'State="{ns.SHELL}/CommandState/Running"/></rsp:ReceiveResponse>'
            )
        if command.left is None:
            encoding = self._host.quirks.console_encoding
            texts = {"stdout": result.stdout, "stderr": result.stderr}
            command.left = {name: text.encode(encoding, "replace") for name, text in texts.items()}
        streams, room = {}, room_for_output(self._room)
        for name, data in command.left.items():
            streams[name], command.left[name] = data[:room], data[room:]
            room -= len(streams[name])
        done = not any(command.left.values())
        return receive_response(command_id, streams, result.exit_code if done else None)

    def _signal(self, shell: Shell, body: ET.Element, _user: User) -> str:
        command_id, _command = self._find(shell, body.get("CommandId"))
        code = (body.findtext(f"{_RSP}Code") or "").lower()
        if code.endswith(("/terminate", "ctrl_c")):
            del shell.commands[command_id]
        return "<rsp:SignalResponse/>"
