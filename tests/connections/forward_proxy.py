"""A forward proxy on loopback, in a thread: absolute URIs for http, CONNECT for https. Counts what went through it."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

_HEAD_LIMIT = 65536


class ForwardProxy:
    """Inside the context ``url`` answers; ``seen`` counts connections by (method, target host, target port)."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str, int]] = Counter()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> ForwardProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        with suppress(OSError), client:
            while b"\r\n\r\n" not in head and len(head) < _HEAD_LIMIT:
                received = client.recv(4096)
                if not received:
                    return
                head += received
            line, rest = head.split(b"\r\n", 1)
            method, target, version = line.decode("latin-1").split(" ")
            parts = urlsplit(target if "//" in target else f"//{target}")
            assert parts.hostname is not None
            assert parts.port is not None
            self.seen[method, parts.hostname, parts.port] += 1
            with socket.create_connection((parts.hostname, parts.port)) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    # The connection belongs to this target from here on: later requests pass with their absolute URI.
                    server.sendall(f"{method} {parts.path} {version}\r\n".encode() + rest)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
