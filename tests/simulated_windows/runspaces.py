"""PowerShell Remoting (MS-PSRP 2.2), as far as copying files needs it: runspace pools that run one script at a time.

A pool opens at once. A pipeline runs when its input has come to its end: the scripts of file_transfer.py copy files,
any other script answers ``{"changed": false}``, as in a shell. No key exchange, no host calls, no other objects than
strings; the older psrp connections keep a file open in the pool between two scripts, and so does this.
"""

from __future__ import annotations

import base64
import re
import struct
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from . import file_transfer
from . import namespaces as ns
from .file_transfer import LeftOpen, Output, Script
from .shell import COMMAND_GONE, receive_response, resource_created, room_for_output
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from .host import SimulatedHost
    from .host_spec import User
    from .soap import Request

_RSP = f"{{{ns.SHELL}}}"
_CLIENT = 1
# Types of messages, MS-PSRP 2.2.1.
_SESSION_CAPABILITY, _RUNSPACEPOOL_STATE = 0x00010002, 0x00021005
_CREATE_PIPELINE, _PIPELINE_INPUT, _END_OF_PIPELINE_INPUT = 0x00021006, 0x00041002, 0x00041003
_PIPELINE_OUTPUT, _ERROR_RECORD, _PIPELINE_STATE = 0x00041004, 0x00041005, 0x00041006
_OPENED, _COMPLETED, _FAILED = 2, 4, 5
_CAPABILITY = (
    '<Obj RefId="0"><MS><Version N="protocolversion">2.3</Version><Version N="PSVersion">2.0</Version>'
    '<Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>'
)
_ERROR = (
    '<Obj RefId="0"><ToString>{text}</ToString><MS><S N="FullyQualifiedErrorId">Simulated</S>'
    '<I32 N="ErrorCategory_Category">0</I32><B N="SerializeExtendedInfo">false</B></MS></Obj>'
)
_FRAGMENT = struct.Struct(">QQBI")
_PIECE = 16_384


def _state(name: str, number: int) -> str:
    return f'<Obj RefId="0"><MS><I32 N="{name}">{number}</I32></MS></Obj>'


def _written(text: str) -> str:
    """Text as CLIXML writes it: what XML cannot say becomes _xHHHH_."""
    text = re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
    return escape(re.sub("[\0-\x1f]", lambda match: f"_x{ord(match[0]):04X}_", text))


def _read(text: str | None) -> str:
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text or "")


@dataclass
class Pipeline:
    """One script; ``result`` is None while it waits for its input."""

    pipeline_id: bytes
    script: str = ""
    arguments: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    result: Output | None = None
    left: bytes | None = None  # fragments that no Receive has fetched yet; None before the first


@dataclass
class Pool:
    """A runspace pool. ``left_open`` is the file that a script left open for the next one."""

    pool_id: str
    owner: str
    outgoing: list[bytes] = field(default_factory=list)
    pieces: dict[int, bytes] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    left_open: LeftOpen = field(default_factory=LeftOpen)
    sent: int = 0

    def message(self, type_: int, pipeline_id: bytes, data: str) -> bytes:
        """One message to the client, in as many fragments as it takes."""
        self.sent += 1
        head = struct.pack("<II", _CLIENT, type_) + uuid.UUID(self.pool_id).bytes_le + pipeline_id
        body = head + b"\xef\xbb\xbf" + data.encode()
        pieces = [body[at : at + _PIECE] for at in range(0, len(body), _PIECE)]
        last = len(pieces) - 1
        return b"".join(
            _FRAGMENT.pack(self.sent, number, (number == 0) | (number == last) << 1, len(piece)) + piece
            for number, piece in enumerate(pieces)
        )

    def whole_messages(self, data: bytes) -> list[tuple[int, bytes, bytes]]:
        """(type, pipeline id, data) of every message that these fragments bring to its end."""
        messages = []
        while data:
            object_id, _number, flags, size = _FRAGMENT.unpack_from(data)
            piece, data = data[_FRAGMENT.size : _FRAGMENT.size + size], data[_FRAGMENT.size + size :]
            self.pieces[object_id] = (b"" if flags & 1 else self.pieces.get(object_id, b"")) + piece
            if flags & 2:
                message = self.pieces.pop(object_id)
                messages.append((struct.unpack_from("<I", message, 4)[0], message[24:40], message[40:]))
        return messages


def _end_of_fragments(data: bytes, room: int) -> int:
    """Where the last whole fragment ends that fits."""
    end = 0
    while end < len(data):
        _object_id, _number, _flags, size = _FRAGMENT.unpack_from(data, end)
        if end and end + _FRAGMENT.size + size > room:
            break
        end += _FRAGMENT.size + size
    return end


class RunspaceService:
    """The runspace pools of one host. ``handle`` answers one request with (action suffix, body)."""

    def __init__(self, host: SimulatedHost, count: Callable[[str], None]) -> None:
        """``count`` is called with ``shells`` and ``processes`` as a pool starts: it is a process on the host."""
        self._host = host
        self._count = count
        self._pools: dict[str, Pool] = {}

    def handle(self, request: Request, user: User) -> tuple[str, str]:
        """The response action and the SOAP body; WsmanFault for unknown pools and pipelines."""
        self._room = request.max_envelope_size
        if request.action == f"{ns.TRANSFER}/Create":
            return f"{ns.TRANSFER}/CreateResponse", self._create(request, user)
        pool = self._pools.get(request.selectors.get("ShellId", "").upper())
        if pool is None or pool.owner != user.name:
            raise WsmanFault("unexpected_selectors")
        if request.action == f"{ns.TRANSFER}/Delete":
            del self._pools[pool.pool_id]
            return f"{ns.TRANSFER}/DeleteResponse", ""
        handler = {
            f"{ns.SHELL}/Command": self._command,
            f"{ns.SHELL}/Send": self._send,
            f"{ns.SHELL}/Receive": self._receive,
            f"{ns.SHELL}/Signal": self._signal,
        }.get(request.action)
        if handler is None or request.body is None:
            raise WsmanFault("not_supported", detail=request.action)
        return f"{request.action}Response", handler(pool, request.body, user)

    def _create(self, request: Request, user: User) -> str:
        wanted = request.body.get("ShellId") if request.body is not None else None
        pool = Pool((wanted or str(uuid.uuid4())).upper(), user.name)
        self._pools[pool.pool_id] = pool
        self._count("shells")
        self._count("processes")
        none = bytes(16)
        pool.outgoing += [
            pool.message(_SESSION_CAPABILITY, none, _CAPABILITY),
            pool.message(_RUNSPACEPOOL_STATE, none, _state("RunspaceState", _OPENED)),
        ]
        return resource_created(self._host.spec.name, request.resource_uri, pool.pool_id, pool.owner)

    def _command(self, pool: Pool, body: ET.Element, user: User) -> str:
        command_id = (body.get("CommandId") or str(uuid.uuid4())).upper()
        pool.pipelines[command_id] = Pipeline(uuid.UUID(command_id).bytes_le)
        for arguments in body.findall(f"{_RSP}Arguments"):
            self._take(pool, pool.pipelines[command_id], base64.b64decode(arguments.text or ""), user)
        return f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"

    def _find(self, pool: Pool, command_id: str | None) -> Pipeline:
        pipeline = pool.pipelines.get((command_id or "").upper())
        if pipeline is None:
            raise WsmanFault(COMMAND_GONE)
        return pipeline

    def _send(self, pool: Pool, body: ET.Element, user: User) -> str:
        for stream in body.findall(f"{_RSP}Stream"):
            pipeline = self._find(pool, stream.get("CommandId"))
            self._take(pool, pipeline, base64.b64decode(stream.text or ""), user)
        return "<rsp:SendResponse/>"

    def _take(self, pool: Pool, pipeline: Pipeline, fragments: bytes, user: User) -> None:
        for type_, _pipeline_id, data in pool.whole_messages(fragments):
            if type_ == _CREATE_PIPELINE:
                document = ET.fromstring(data.decode("utf-8-sig"))
                pipeline.script = "\n".join(_read(item.text) for item in document.iterfind('.//S[@N="Cmd"]'))
                pipeline.arguments = [_read(item.text) for item in document.iterfind('.//*[@N="Args"]//*[@N="V"]')]
                if document.findtext('.//B[@N="NoInput"]') == "true":
                    self._run(pool, pipeline, user)
            elif type_ == _PIPELINE_INPUT:
                pipeline.lines.append(_read(ET.fromstring(data.decode("utf-8-sig")).text))
            elif type_ == _END_OF_PIPELINE_INPUT:
                self._run(pool, pipeline, user)

    def _run(self, pool: Pool, pipeline: Pipeline, user: User) -> None:
        script = Script(pipeline.script, lines=pipeline.lines, arguments=pipeline.arguments)
        output = file_transfer.run(script, self._host.files, self._host.is_elevated(user), pool.left_open)
        pipeline.result = output or Output(0, '{"changed": false}\r\n')

    def _receive(self, pool: Pool, body: ET.Element, _user: User) -> str:
        stream = body.find(f"{_RSP}DesiredStream")
        command_id = stream.get("CommandId") if stream is not None else None
        if command_id is None:
            if not pool.outgoing:
                raise WsmanFault("timed_out")
            fragments, pool.outgoing = b"".join(pool.outgoing), []
            return receive_response(None, {"stdout": fragments}, None)
        pipeline = self._find(pool, command_id)
        if pipeline.result is None or pipeline.left == b"":
            raise WsmanFault("timed_out")
        if pipeline.left is None:
            pipeline.left = self._results(pool, pipeline, pipeline.result)
        end = _end_of_fragments(pipeline.left, room_for_output(self._room))
        fragments, pipeline.left = pipeline.left[:end], pipeline.left[end:]
        return receive_response(command_id, {"stdout": fragments}, None if pipeline.left else 0)

    @staticmethod
    def _results(pool: Pool, pipeline: Pipeline, result: Output) -> bytes:
        messages = [(_PIPELINE_OUTPUT, f"<S>{_written(line)}</S>") for line in result.stdout.splitlines()]
        if result.exit_code:
            messages.append((_ERROR_RECORD, _ERROR.format(text=_written(result.stderr.strip()))))
        messages.append((_PIPELINE_STATE, _state("PipelineState", _FAILED if result.exit_code else _COMPLETED)))
        return b"".join(pool.message(type_, pipeline.pipeline_id, data) for type_, data in messages)

    def _signal(self, pool: Pool, body: ET.Element, _user: User) -> str:
        pool.pipelines.pop((body.get("CommandId") or "").upper(), None)
        return "<rsp:SignalResponse/>"
