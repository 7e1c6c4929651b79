"""WinRS: shells and the commands in them. Every command finishes at once.

Understands what commands.Interpreter understands; a PowerShell command line answers ``{"changed": false}``, which is
enough for an Ansible module of another collection to run against the host.
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from . import namespaces as ns
from .commands import Interpreter, Result
from .wsman_faults import FaultKind, WsmanFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree import ElementTree as ET

    from .host import SimulatedHost
    from .host_spec import User
    from .soap import Request

_RSP = f"{{{ns.SHELL}}}"
_COMMAND_GONE = FaultKind(
    2150858843,
    "w:InvalidSelectors",
    "The WS-Management service cannot process the request because the request contained invalid selectors for the "
    "resource. ",
    fault_detail="UnexpectedSelectors",
    inner_text="The Windows Remote Shell received a request to perform an operation on a command identifier that "
    "does not exist. Either the command has completed execution or the client specified an invalid command "
    "identifier. ",
)


@dataclass
class Command:
    result: Result
    received: bool = False


@dataclass
class Shell:
    shell_id: str
    owner: str
    commands: dict[str, Command] = field(default_factory=dict)


def _identifier() -> str:
    return str(uuid.uuid4()).upper()


class ShellService:
    """The shells of one host. ``handle`` answers one request with (action suffix, body)."""

    def __init__(self, host: SimulatedHost, count: Callable[[str], None]) -> None:
        """``count`` is called with ``shells`` and ``processes`` as they start."""
        self._host = host
        self._count = count
        self._shells: dict[str, Shell] = {}

    def handle(self, request: Request, user: User) -> tuple[str, str]:
        """The response action and the SOAP body; WsmanFault for unknown shells and commands."""
        if request.action == f"{ns.TRANSFER}/Create":
            return f"{ns.TRANSFER}/CreateResponse", self._create(request, user)
        shell = self._shells.get(request.selectors.get("ShellId", "").upper())
        if shell is None or shell.owner != user.name:
            raise WsmanFault("unexpected_selectors")
        if request.action == f"{ns.TRANSFER}/Delete":
            del self._shells[shell.shell_id]
            return f"{ns.TRANSFER}/DeleteResponse", ""
        if request.action == f"{ns.TRANSFER}/Get":
            return f"{ns.TRANSFER}/GetResponse", self._describe(shell)
        handler = {
            f"{ns.SHELL}/Command": self._command,
            f"{ns.SHELL}/Send": self._send,
            f"{ns.SHELL}/Receive": self._receive,
            f"{ns.SHELL}/Signal": self._signal,
        }.get(request.action)
        if handler is None or request.body is None:
            raise WsmanFault("not_supported", detail=request.action)
        return f"{request.action}Response", handler(shell, request.body, user)

    def _describe(self, shell: Shell) -> str:
        return (
            f"<rsp:Shell><rsp:ShellId>{shell.shell_id}</rsp:ShellId><rsp:ResourceUri>{ns.SHELL_CMD}</rsp:ResourceUri>"
            f"<rsp:Owner>{escape(shell.owner)}</rsp:Owner><rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
            "<rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams><rsp:ShellRunTime>P0DT0H0M1S</rsp:ShellRunTime>"
            "<rsp:ShellInactivity>P0DT0H0M1S</rsp:ShellInactivity></rsp:Shell>"
        )

    def _create(self, request: Request, user: User) -> str:
        if request.resource_uri.lower() != ns.SHELL_CMD.lower():
            raise WsmanFault("resource_not_found")
        wanted = request.body.get("ShellId") if request.body is not None else None
        shell = Shell((wanted or _identifier()).upper(), user.name)
        self._shells[shell.shell_id] = shell
        self._count("shells")
        return (
            f"<x:ResourceCreated><a:Address>http://{self._host.spec.name}:5985/wsman</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{ns.SHELL_CMD}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell.shell_id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated>{self._describe(shell)}"
        )

    def _command(self, shell: Shell, body: ET.Element, user: User) -> str:
        program = body.findtext(f"{_RSP}Command") or ""
        arguments = [item.text or "" for item in body.findall(f"{_RSP}Arguments")]
        command_id = (body.get("CommandId") or _identifier()).upper()
        self._count("processes")
        shell.commands[command_id] = Command(self._run(program, arguments, user))
        return f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"

    def _run(self, program: str, arguments: list[str], user: User) -> Result:
        line = " ".join([program, *arguments]).strip()
        name = line.strip('"').partition(" ")[0].strip('"').rpartition("\\")[2].lower().removesuffix(".exe")
        if name in ("powershell", "pwsh"):
            return Result(0, '{"changed": false}\r\n')
        host = self._host
        interpreter = Interpreter(host.registry, host.log, host.scheduler, host.is_elevated(user))
        return interpreter.run_cmd_line(line)

    def _find(self, shell: Shell, command_id: str | None) -> tuple[str, Command]:
        key = (command_id or "").upper()
        if key not in shell.commands:
            raise WsmanFault(_COMMAND_GONE)
        return key, shell.commands[key]

    def _send(self, shell: Shell, body: ET.Element, _user: User) -> str:
        stream = body.find(f"{_RSP}Stream")
        self._find(shell, stream.get("CommandId") if stream is not None else None)
        return "<rsp:SendResponse/>"

    def _receive(self, shell: Shell, body: ET.Element, _user: User) -> str:
        stream = body.find(f"{_RSP}DesiredStream")
        command_id, command = self._find(shell, stream.get("CommandId") if stream is not None else None)
        out = ""
        for name, text in (("stdout", command.result.stdout), ("stderr", command.result.stderr)):
            if text and not command.received:
                data = base64.b64encode(text.encode()).decode()
                out += f'<rsp:Stream Name="{name}" CommandId="{command_id}">{data}</rsp:Stream>'
            out += f'<rsp:Stream Name="{name}" CommandId="{command_id}" End="true"/>'
        command.received = True
        # An exit code is a signed 32-bit number on the wire.
        code = command.result.exit_code
        code = code - 2**32 if code >= 2**31 else code
        return (
            f'<rsp:ReceiveResponse>{out}<rsp:CommandState CommandId="{command_id}" '
            f'State="{ns.SHELL}/CommandState/Done"><rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>'
            "</rsp:ReceiveResponse>"
        )

    def _signal(self, shell: Shell, body: ET.Element, _user: User) -> str:
        command_id, _command = self._find(shell, body.get("CommandId"))
        code = (body.findtext(f"{_RSP}Code") or "").lower()
        if code.endswith(("/terminate", "ctrl_c")):
            del shell.commands[command_id]
        return "<rsp:SignalResponse/>"
