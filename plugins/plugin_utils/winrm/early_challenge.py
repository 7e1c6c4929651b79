# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begins Negotiate with the first request, instead of asking the host first which authentication it offers.

requests_ntlm and pypsrp send a request without credentials, read `WWW-Authenticate` of the refusal, and begin then.
WinRM offers Negotiate (MS-WSMV 3.1.4.1), so that round trip tells nothing. Here the libraries are given that refusal
without asking; everything that follows is theirs, as before. A host that does not take up what they begin with is asked
in full: the exchange is repeated as the library would have done it.

Only where the first request is empty, as where messages are encrypted: repeating it does nothing to the host. Over TLS
messages are not encrypted a second time, and the first answer shows the certificate that the credentials are bound to.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

_HANDLERS = frozenset({"HttpNtlmAuth", "HTTPNegotiateAuth"})
"""Classes of requests_ntlm and pypsrp. Kerberos of pywinrm needs no challenge, CredSSP and Basic have a scheme of their
own."""
_SCHEME = "Negotiate"
_REFUSED = 401


class _NotTakenUp(Exception):
    """The host answered the first message of an authentication with something else than a challenge."""


def begin_at_once(session: Any) -> None:
    """Let the first exchange of a `requests` session begin with Negotiate. Once is enough, twice does no harm."""
    if type(session.auth).__name__ not in _HANDLERS or getattr(session, "smb_guest_begins", False):
        return
    session.smb_guest_begins = True
    send = session.send

    def send_first(request: Any, **kwargs: Any) -> Any:
        session.send = send
        if request.body or not str(request.url).lower().startswith("http://"):
            return send(request, **kwargs)
        adapter = session.get_adapter(request.url)
        asking = adapter.send
        adapter.send = _Opening(adapter).send
        try:
            return send(request.copy(), **kwargs)
        except _NotTakenUp:
            getattr(session.auth, "contexts", {}).clear()  # pypsrp looks for what it has begun
        finally:
            adapter.send = asking
        return send(request, **kwargs)

    session.send = send_first


class _Opening:
    """Stands for an adapter until the host has answered the first message of an authentication."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._send = adapter.send
        self._begun = False

    def send(self, request: Any, **kwargs: Any) -> Any:
        if not self._begun:
            self._begun = True
            return _refusal(request, self._adapter)
        self._adapter.send = self._send
        response = self._send(request, **kwargs)
        if not _holds_token(response.headers.get("WWW-Authenticate") or ""):
            response.close()
            raise _NotTakenUp
        return response


def _holds_token(header: str) -> bool:
    """Whether one of the schemes in it is ours, with a token: a challenge of NTLM, or what ends Kerberos."""
    for offer in header.split(","):
        scheme, _space, token = offer.strip().partition(" ")
        if scheme.lower() == _SCHEME.lower() and token.strip():
            try:
                return bool(base64.b64decode(token.strip(), validate=True))
            except binascii.Error:
                return False
    return False


def _refusal(request: Any, adapter: Any) -> Any:
    """What a host that offers Negotiate answers to a request without credentials."""
    from requests import Response
    from urllib3 import HTTPResponse

    raw: Any = HTTPResponse(body=b"", status=_REFUSED, preload_content=False)
    raw._fp = _NoSocket()
    response: Any = Response()
    response.status_code = _REFUSED
    response.headers["WWW-Authenticate"] = _SCHEME
    response.request, response.url = request, request.url
    response.raw, response._content = raw, b""
    response.connection = adapter
    return response


class _NoSocket:
    """Where the libraries look for the certificate of a TLS connection: there is none."""

    def __init__(self) -> None:
        self.fp = self.raw = self
        self._sock = None

    def close(self) -> None:
        """Nothing is open."""
