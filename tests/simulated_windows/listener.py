"""The HTTP(S) listener of one host: authentication, encryption, the service, and the faults asked for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .authentication import ConnectionAuthenticator, EncryptionError, encryption_protocol
from .connection import Connection
from .fault_injection import FaultPlan, InjectedFault
from .service import WsmanService
from .soap import Answer, Request, parse_request
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from .counters import Ledger
    from .host import SimulatedHost
    from .host_spec import User

SOAP_TYPE = "application/soap+xml;charset=UTF-8"
_SERVER = {"Server": "Microsoft-HTTPAPI/2.0"}
_CHUNK = 65536
_HTML = (
    b"<!DOCTYPE html><html><head><title>It works!</title></head><body><h1>It works!</h1><p>This is the default web "
    b"page of some other server.</p></body></html>"
)
_DOCTYPE = (
    b'<?xml version="1.0"?><!DOCTYPE s:Envelope [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>&b;</s:Body></s:Envelope>'
)
_HUGE_HEAD = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body><x>'


class Listener:
    """Serves one SimulatedHost on one address with an HTTP port and, if a context is given, an HTTPS port."""

    def __init__(self, host: SimulatedHost, ledger: Ledger, faults: FaultPlan, ntlm_user_file: Path) -> None:
        self._host = host
        self._ledger = ledger
        self._faults = faults
        self._ntlm_user_file = ntlm_user_file
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Any, Connection] = {}
        self._web: web.Server | None = None
        self._closed_port: socket.socket | None = None
        self.restart_service()

    def restart_service(self) -> None:
        """Drop shells and enumerations, as after a reset of the host."""
        self._service = WsmanService(self._host, self._ledger.count)

    async def start(self, address: str, tls: ssl.SSLContext | None) -> tuple[int, int | None]:
        """Listen on ephemeral ports of ``address``; returns (HTTP port, HTTPS port)."""
        if not self._host.spec.listening:
            # Bound but not listening: the port is nobody else's, and connecting to it is refused.
            self._closed_port = socket.socket()
            self._closed_port.bind((address, 0))
            return self._closed_port.getsockname()[1], None
        self._web = web.Server(self._handle, handler_cancellation=True, access_log=None)
        http_port = await self._listen(address, None)
        return http_port, None if tls is None else await self._listen(address, tls)

    async def _listen(self, address: str, tls: ssl.SSLContext | None) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._connected, address, 0, ssl=tls, backlog=256)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def _connected(self) -> Connection:
        assert self._web is not None
        refused = self._faults.refuses_connection(self._ledger.next_index())
        authenticator = ConnectionAuthenticator(self._host.spec, self._ntlm_user_file)
        inner = None if refused else self._web()
        return Connection(inner, authenticator, self._ledger.counters, self._connections)

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._connections.values()):
            connection.reset()
        if self._web is not None:
            await self._web.shutdown(timeout=0)
        if self._closed_port is not None:
            self._closed_port.close()

    # One HTTP request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._ledger.counters.requests += 1
        connection = self._connections[request.protocol]
        body = await request.content.read()
        if request.path.rstrip("/").lower() != "/wsman":
            return web.Response(status=404, headers=_SERVER)
        if request.method != "POST":
            return web.Response(status=405, headers={**_SERVER, "Allow": "POST"})
        outcome = connection.authenticator.authenticate(request.headers.get("Authorization"))
        if outcome.user is None:
            return self._unauthorized(outcome.challenges)
        headers = {**_SERVER, **({"WWW-Authenticate": outcome.token} if outcome.token else {})}
        if not body:
            return web.Response(status=200, headers=headers)
        protocol = encryption_protocol(request.headers.get("Content-Type", ""))
        if protocol is None:
            if not request.secure and not self._host.spec.allow_unencrypted:
                # Windows refuses clear text with an empty 500.
                return web.Response(status=500, headers=headers)
            message = body
        else:
            try:
                message = connection.authenticator.decrypt(body)
            except EncryptionError:
                return web.Response(status=400, headers=headers)
        exchange = _Exchange(request, connection, outcome.user, protocol, headers)
        return await self._message(exchange, message)

    def _unauthorized(self, challenges: tuple[str, ...]) -> web.Response:
        response = web.Response(status=401, headers=_SERVER)
        for challenge in challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    async def _message(self, exchange: _Exchange, message: bytes) -> web.StreamResponse:
        index = self._ledger.next_index()
        self._ledger.counters.requests_after_auth += 1
        row: dict[str, Any] = {
            "index": index,
            "action": "",
            "resource": "",
            "method": "",
            "status": None,
            "bytes": len(message),
            "user": exchange.user.name,
            "encrypted": exchange.protocol is not None,
        }
        self._ledger.messages.append(row)
        try:
            request = parse_request(message)
        except WsmanFault as fault:
            return self._respond(exchange, self._service.fault(fault, ""), row)
        row.update(action=request.action, resource=request.resource_uri, method=request.method)
        injected = self._faults.take(index, request.action)
        if injected is not None:
            row["fault"] = injected.kind
            if injected.kind != "delay":
                return await self._go_wrong(injected, request, exchange, row)
            await asyncio.sleep(injected.seconds)
        return self._respond(exchange, self._service.answer(request, exchange.user), row)

    def _respond(self, exchange: _Exchange, answer: Answer, row: dict[str, Any]) -> web.Response:
        row["status"] = answer.status
        return self._bytes(exchange, answer.render(), answer.status)

    def _bytes(self, exchange: _Exchange, body: bytes, status: int = 200, encrypt: bool = True) -> web.Response:
        content_type = SOAP_TYPE
        if exchange.protocol is not None and encrypt:
            content_type, body = exchange.connection.authenticator.encrypt(body, exchange.protocol)
        return web.Response(status=status, body=body, headers={**exchange.headers, "Content-Type": content_type})

    # Faults

    async def _go_wrong(
        self, fault: InjectedFault, request: Request, exchange: _Exchange, row: dict[str, Any]
    ) -> web.StreamResponse:
        """Answer, or not, as ``fault`` says."""
        kind, connection = fault.kind, exchange.connection
        answer: Answer | None = None
        if kind in ("return_value", "silent_drop"):
            value = fault.value if kind == "return_value" else 0
            return self._respond(exchange, self._service.answer(request, exchange.user, value), row)
        if fault.processed or kind in ("reset_after", "cut", "wrong_relates_to", "missing_relates_to"):
            answer = self._service.answer(request, exchange.user)
        if kind in ("reset_before", "reset_after"):
            connection.reset()
            return web.Response(status=500)
        if kind == "hang":
            await asyncio.Event().wait()
        if kind in ("timeout", "soap_fault", "access_denied"):
            await asyncio.sleep(fault.seconds)
            wrong = self._service.access_denied() if kind == "access_denied" else fault.soap_fault()
            return self._respond(exchange, self._service.fault(wrong, request.message_id), row)
        if answer is not None and kind in ("cut", "wrong_relates_to", "missing_relates_to"):
            if kind == "cut":
                return await self._cut(exchange, answer, row)
            answer.relates_to = None if kind == "missing_relates_to" else "uuid:00000000-0000-0000-0000-000000000000"
            return self._respond(exchange, answer, row)
        return await self._wrong_http(fault, exchange, row)

    async def _wrong_http(self, fault: InjectedFault, exchange: _Exchange, row: dict[str, Any]) -> web.StreamResponse:
        """The kinds whose answer is no SOAP answer to the request at all."""
        row["status"] = int(fault.kind[5:]) if fault.kind.startswith("http_") else 200
        if fault.kind == "http_401":
            exchange.connection.authenticator.reject()
            return self._unauthorized(("Negotiate", 'Basic realm="WSMAN"'))
        if fault.kind.startswith("http_"):
            return web.Response(status=row["status"], headers=exchange.headers)
        if fault.kind == "huge":
            return await self._huge(exchange, fault.size)
        if fault.kind == "html":
            return web.Response(status=200, body=_HTML, headers={**exchange.headers, "Content-Type": "text/html"})
        return self._bytes(exchange, _DOCTYPE if fault.kind == "doctype" else b"\x00\xff this is not XML at all <<<")

    async def _cut(self, exchange: _Exchange, answer: Answer, row: dict[str, Any]) -> web.StreamResponse:
        """Announce the whole answer, send half of it, close."""
        row["status"] = answer.status
        whole = self._bytes(exchange, answer.render(), answer.status)
        body = whole.body
        assert isinstance(body, bytes)
        response = web.StreamResponse(status=answer.status, headers=whole.headers)
        response.content_length = len(body)
        await response.prepare(exchange.request)
        await response.write(body[: len(body) // 2])
        exchange.connection.cut()
        return response

    async def _huge(self, exchange: _Exchange, size: int) -> web.StreamResponse:
        """Stream ``size`` bytes of one endless text in clear."""
        response = web.StreamResponse(headers={**exchange.headers, "Content-Type": SOAP_TYPE})
        response.content_length = size
        await response.prepare(exchange.request)
        with contextlib.suppress(ConnectionError):
            await response.write(_HUGE_HEAD)
            left = size - len(_HUGE_HEAD)
            while left > 0:
                await response.write(b"a" * min(_CHUNK, left))
                left -= _CHUNK
            await response.write_eof()
        return response


class _Exchange:
    """What answering one authenticated message needs."""

    def __init__(
        self,
        request: web.BaseRequest,
        connection: Connection,
        user: User,
        protocol: str | None,
        headers: dict[str, str],
    ) -> None:
        self.request = request
        self.connection = connection
        self.user = user
        self.protocol = protocol
        self.headers = headers
