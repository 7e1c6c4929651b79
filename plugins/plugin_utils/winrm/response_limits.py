# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a `requests` session of pywinrm or pypsrp may do: no answer without end, no redirect, no sudden clear text.

Everything is done to the session's own objects, at the adapter, because the authentication handlers send through it
without asking the session; and lazily, because they look at the socket of an answer before anybody reads it.
"""

from __future__ import annotations

import http.client
import io
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from ..wsman.errors import RemoteProtocolError
from ..wsman.limits import MAX_ANSWER_BYTES, MAX_COMMAND_BYTES, MAX_TRANSFER_BYTES
from .deadlines import ClearText, Deadlines, Redirected

_ENCRYPTED = "multipart/"

Doing = Literal["message", "command", "task", "transfer"]
# A message of ours has one answer, besides what its authentication needs.
_BYTES: Mapping[str, int] = {
    "message": 2 * MAX_ANSWER_BYTES,
    "command": MAX_COMMAND_BYTES,
    "task": MAX_TRANSFER_BYTES,
    "transfer": MAX_TRANSFER_BYTES,
}


class ResponseLimits:
    """Watches over the sessions of one connection.

    Args:
        deadlines: Those of the task under way.
        faults_are_answers: HTTP 500 with a body is handed on as an answer, bytes as they are; the libraries would
            decode it first, and as UTF-8 only.
        delivered: Whether a message got an answer that is not about the way to it, since somebody set it to False.
    """

    def __init__(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self.faults_are_answers = False
        self.delivered = False
        self._allowed = MAX_TRANSFER_BYTES

    def begin(self, what: Doing = "message", at_most: float = math.inf) -> None:
        """A message, a command or a file transfer starts: time and bytes are counted from now on."""
        self._allowed = _BYTES[what]
        self.deadlines.begin("message" if what == "transfer" else what, at_most)

    def end(self) -> None:
        """It is over. What else goes over the connection is bounded for each answer, and by the task's deadline."""
        self._allowed = MAX_TRANSFER_BYTES
        self.deadlines.end()

    def count(self, size: int) -> None:
        """Bytes of an answer came. Raises RemoteProtocolError where they are more than what is under way may take."""
        self._allowed -= size
        if self._allowed < 0:
            raise RemoteProtocolError("too_large", "its answers are larger together than this may take")

    def watch(self, session: Any) -> None:
        """Watch over a session from now on; once is enough, twice does no harm."""
        if getattr(session, "smb_guest_limits", None) is self:
            return
        session.smb_guest_limits = self
        session.send = _with_proxies(session, self._judging(session.send))
        for adapter in session.adapters.values():
            self._watch_adapter(adapter)

    def _watch_adapter(self, adapter: Any) -> None:
        adapter.send = self._limiting(adapter.send)
        if hasattr(adapter, "max_retries"):
            # A peer may not say how long we sleep before we ask it again.
            adapter.max_retries = adapter.max_retries.new(respect_retry_after_header=False)
        if hasattr(adapter, "poolmanager"):
            self._watch_pools(adapter.poolmanager)
            adapter.proxy_manager_for = self._watching(adapter.proxy_manager_for)

    def _watching(self, proxy_manager_for: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            manager = proxy_manager_for(*args, **kwargs)
            self._watch_pools(manager)
            return manager

        return watched

    def _watch_pools(self, manager: Any) -> None:
        """Let all connections of a urllib3 pool manager read through our reader."""
        if getattr(manager, "smb_guest_limits", None) is self:
            return
        manager.smb_guest_limits = self
        manager.pool_classes_by_scheme = {
            scheme: self._watched_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _watched_pool(self, make_pool: Callable[..., Any]) -> Callable[..., Any]:
        """A pool class, or what stands for one (pypsrp wraps them), whose connections read as we want."""
        # The response class is where status line and headers are read: no other hook comes before them.
        response_class = _response_class(self)

        def make_watched(*args: Any, **kwargs: Any) -> Any:
            pool = make_pool(*args, **kwargs)
            make_connection = pool.ConnectionCls

            def connection(*args: Any, **kwargs: Any) -> Any:
                made = make_connection(*args, **kwargs)
                made.response_class = response_class
                return made

            pool.ConnectionCls = connection
            return pool

        return make_watched

    def _limiting(self, send: Callable[..., Any]) -> Callable[..., Any]:
        """One HTTP exchange, of which a message may need several: handshakes come first."""

        def send_limited(request: Any, *args: Any, **kwargs: Any) -> Any:
            # A compressed answer can become a thousand times its size, and its bytes are counted before that.
            request.headers["Accept-Encoding"] = "identity"
            # Connecting counts as well: a name with many addresses has a timeout for each.
            if "timeout" in kwargs:
                kwargs["timeout"] = _at_most(kwargs["timeout"], self.deadlines.left())
            response = send(request, *args, **kwargs)
            # requests would follow it and send the message, perhaps with credentials, to wherever the peer says.
            if 300 <= response.status_code < 400:
                target = response.headers.get("Location") or ""
                response.close()
                raise Redirected(response.status_code, target)
            if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                response.close()
                raise RemoteProtocolError("not_xml", "it is compressed, which was not asked for")
            # Else requests guesses by reading all of it, which takes long and is wrong for XML.
            response.encoding = response.encoding or "utf-8"
            response.iter_content = self._capped(response, response.iter_content)
            return response

        return send_limited

    def _capped(self, response: Any, read: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        """Let an answer end with an error where the parser would refuse it for its size."""

        def iter_content(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            size = 0
            for chunk in read(*args, **kwargs):
                size += len(chunk)
                try:
                    self.count(len(chunk))
                    if size > MAX_ANSWER_BYTES:
                        raise RemoteProtocolError(
                            "too_large", f"it is larger than {MAX_ANSWER_BYTES // 1024 // 1024} MiB"
                        )
                except RemoteProtocolError:
                    response.close()
                    raise
                yield chunk

        return iter_content

    def _judging(self, send: Callable[..., Any]) -> Callable[..., Any]:
        """The answer that a message got in the end."""

        def send_judged(request: Any, **kwargs: Any) -> Any:
            response = send(request, **kwargs)
            # Any other status is about the way to WinRM. An empty 500 is how Windows refuses clear text.
            if response.status_code in (200, 500) and response.content:
                self.delivered = True
                if _is_encrypted(request) and not _is_encrypted(response):
                    raise ClearText
                # pywinrm and pypsrp would raise errors of their own, which do not keep all of the fault.
                if self.faults_are_answers:
                    response.status_code = 200
            return response

        return send_judged


def _with_proxies(session: Any, send: Callable[..., Any]) -> Callable[..., Any]:
    """Find the session's proxies once. requests looks through the whole environment three times for each request, which
    is a tenth of what a task costs. A session has one URL, and the environment of a task does not change."""
    found: list[Any] = []

    def send_by_proxies(request: Any, **kwargs: Any) -> Any:
        if "proxies" not in kwargs:
            from requests.utils import resolve_proxies

            if not found:
                found.append(resolve_proxies(request, session.proxies, session.trust_env))
            kwargs["proxies"] = found[0]
        return send(request, **kwargs)

    return send_by_proxies


def _is_encrypted(message: Any) -> bool:
    return str(message.headers.get("Content-Type") or "").strip().lower().startswith(_ENCRYPTED)


def _at_most(timeout: Any, left: float) -> Any:
    """A timeout as `requests` takes it (None, seconds, or a pair for connecting and reading), cut to what is left."""
    if isinstance(timeout, tuple):
        return tuple(_at_most(each, left) for each in timeout)
    return left if timeout is None else min(timeout, left)


def _response_class(limits: ResponseLimits) -> type[http.client.HTTPResponse]:
    class Response(http.client.HTTPResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.fp = io.BufferedReader(_Reader(self.fp.detach(), limits))

    return Response


class _Reader(io.RawIOBase):
    """Reads from a socket, status line, headers and body alike, never beyond the deadline."""

    def __init__(self, raw: Any, limits: ResponseLimits) -> None:
        super().__init__()
        self._raw = raw
        self._limits = limits

    @property
    def _sock(self) -> Any:
        """The authentication handlers ask it for the certificate."""
        return self._raw._sock

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        # The timeout of a socket begins anew with each byte, so it is cut before each read.
        left = self._limits.deadlines.left()
        sock = self._raw._sock
        if sock is not None:
            sock.settimeout(_at_most(sock.gettimeout(), left))
        try:
            size: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            self._limits.deadlines.left()
            raise
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()
