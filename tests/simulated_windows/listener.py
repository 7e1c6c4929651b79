"""The HTTP(S) listener of one host: authentication and encryption around the messages that exchange.py answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .authentication import ConnectionAuthenticator, EncryptionError, encryption_protocol
from .connection import Connection
from .exchange import HUGE_HEAD, Messages, Outcome

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from .counters import Ledger
    from .fault_injection import FaultPlan
    from .host import SimulatedHost

SOAP_TYPE = "application/soap+xml;charset=UTF-8"
_SERVER = {"Server": "Microsoft-HTTPAPI/2.0"}
_CHUNK = 65536


class Listener:
    """Serves one SimulatedHost on one address with an HTTP port and, if a context is given, an HTTPS port."""

    def __init__(self, host: SimulatedHost, ledger: Ledger, faults: FaultPlan, ntlm_user_file: Path) -> None:
        self._host = host
        self._ledger = ledger
        self._faults = faults
        self._ntlm_user_file = ntlm_user_file
        self._messages = Messages(host, ledger, faults)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Any, Connection] = {}
        self._web: web.Server | None = None
        self._closed_port: socket.socket | None = None

    def restart_service(self) -> None:
        """Drop shells and enumerations, as after a reset of the host."""
        self._messages.restart_service()

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
        outcome = connection.authenticator.authenticate(
            request.headers.get("Authorization"), request.get_extra_info("peercert")
        )
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
        exchange = self._messages.begin(message, outcome.user, protocol is not None)
        if exchange.delay:
            await asyncio.sleep(exchange.delay)
        result = exchange.finish()
        if result.delay:
            await asyncio.sleep(result.delay)
        return await self._send(_Channel(request, connection, protocol, headers), result)

    def _unauthorized(self, challenges: tuple[str, ...]) -> web.Response:
        response = web.Response(status=401, headers=_SERVER)
        for challenge in challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    # What becomes of a message

    async def _send(self, channel: _Channel, outcome: Outcome) -> web.StreamResponse:
        """Answer, or not, as ``outcome`` says."""
        if outcome.kind == "hang":
            await asyncio.Event().wait()
        if outcome.kind == "reset":
            channel.connection.reset()
            return web.Response(status=500)
        if outcome.kind == "unauthorized":
            channel.connection.authenticator.reject()
            return self._unauthorized(channel.connection.authenticator.challenges)
        if outcome.kind == "bare":
            return web.Response(status=outcome.status, headers=channel.headers)
        if outcome.kind == "huge":
            return await self._huge(channel, outcome.size)
        if outcome.kind == "html":
            headers = {**channel.headers, "Content-Type": "text/html"}
            return web.Response(status=outcome.status, body=outcome.body, headers=headers)
        whole = self._encrypted(channel, outcome)
        return await self._cut(channel, whole) if outcome.kind == "cut" else whole

    @staticmethod
    def _encrypted(channel: _Channel, outcome: Outcome) -> web.Response:
        content_type, body = SOAP_TYPE, outcome.body
        if channel.protocol is not None:
            content_type, body = channel.connection.authenticator.encrypt(body, channel.protocol)
        return web.Response(status=outcome.status, body=body, headers={**channel.headers, "Content-Type": content_type})

    @staticmethod
    async def _cut(channel: _Channel, whole: web.Response) -> web.StreamResponse:
        """Announce the whole answer, send half of it, close."""
        body = whole.body
        assert isinstance(body, bytes)
        response = web.StreamResponse(status=whole.status, headers=whole.headers)
        response.content_length = len(body)
        await response.prepare(channel.request)
        await response.write(body[: len(body) // 2])
        channel.connection.cut()
        return response

    @staticmethod
    async def _huge(channel: _Channel, size: int) -> web.StreamResponse:
        """Stream ``size`` bytes of one endless text in clear."""
        response = web.StreamResponse(headers={**channel.headers, "Content-Type": SOAP_TYPE})
        response.content_length = size
        await response.prepare(channel.request)
        with contextlib.suppress(ConnectionError):
            await response.write(HUGE_HEAD)
            left = size - len(HUGE_HEAD)
            while left > 0:
                await response.write(b"a" * min(_CHUNK, left))
                left -= _CHUNK
            await response.write_eof()
        return response


@dataclass
class _Channel:
    """What sending an answer needs."""

    request: web.BaseRequest
    connection: Connection
    protocol: str | None
    headers: dict[str, str]
