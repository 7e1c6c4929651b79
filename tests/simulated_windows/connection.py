"""One TCP connection of a listener: counts its bytes, may be closed at once, and can be reset (TCP RST)."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.web_protocol import RequestHandler

    from .authentication import ConnectionAuthenticator
    from .counters import Counters


class _CountingTransport:
    """A transport that counts what is written; everything else goes to the real one."""

    def __init__(self, transport: asyncio.Transport, counters: Counters) -> None:
        self._transport = transport
        self._counters = counters

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._counters.bytes_sent += len(data)
        self._transport.write(data)

    def writelines(self, chunks: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(chunks))


class Connection(asyncio.Protocol):
    """Passes everything on to aiohttp's protocol ``inner``, unless the connection is refused."""

    def __init__(
        self,
        inner: RequestHandler | None,
        authenticator: ConnectionAuthenticator,
        counters: Counters,
        registry: dict[Any, Connection],
    ) -> None:
        """``inner`` None refuses: the connection is closed before anything is read. ``registry`` maps inner to this."""
        self.inner = inner
        self.authenticator = authenticator
        self._counters = counters
        self._registry = registry
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._counters.connections += 1
        if self.inner is None:
            self.reset()
            return
        self._registry[self.inner] = self
        self.inner.connection_made(cast("asyncio.Transport", _CountingTransport(self._transport, self._counters)))

    def data_received(self, data: bytes) -> None:
        if self.inner is not None:
            self._counters.bytes_received += len(data)
            self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        if self.inner is not None:
            self.inner.eof_received()
        return None

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.inner is not None:
            self._registry.pop(self.inner, None)
            self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self.inner is not None:
            self.inner.pause_writing()

    def resume_writing(self) -> None:
        if self.inner is not None:
            self.inner.resume_writing()

    def reset(self) -> None:
        """Send a TCP reset."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def cut(self) -> None:
        """Close after what has been written."""
        if self._transport is not None:
            self._transport.close()
