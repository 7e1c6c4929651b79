# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An LDAP server that takes binds and nothing else, and is strict where Samba is not: channel bindings inside TLS.

Its own libraries judge: sansldap's server, pyspnego's NTLM, MIT Kerberos with a key of the real domain.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import sansldap
import spnego

_NTLM_FLAGS = struct.Struct("<20xI")
_NTLM_SEAL = 0x20
_REFUSED = sansldap.LDAPResultCode.INVALID_CREDENTIALS


@dataclass
class Acceptor:
    """One connection after the other. tls: a context that speaks for the server; `at_once` for LDAPS, else by StartTLS.

    bindings: what the authentication has to be bound to. unwilling: an NTLM server that will not seal.
    """

    address: str
    protocol: str
    tls: ssl.SSLContext | None = None
    at_once: bool = False
    bindings: Any = None
    unwilling: bool = False
    accepted: list[str] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[int]:
        """The port, while it serves."""
        with socket.create_server((self.address, 0)) as listener:
            thread = threading.Thread(target=self._serve, args=(listener,))
            thread.start()
            try:
                yield listener.getsockname()[1]
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _peer = listener.accept()
                with suppress(OSError):
                    self._talk(connection)
                connection.close()

    def _talk(self, connection: socket.socket) -> None:
        session = sansldap.LDAPServer()
        context = spnego.server(self.address, "ldap", channel_bindings=self.bindings, protocol=self.protocol)
        if self.at_once and self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True)
        while data := connection.recv(65536):
            for message in session.receive(data):
                if isinstance(message, sansldap.ExtendedRequest):
                    session.extended_response(message.message_id)
                    connection.sendall(session.data_to_send())
                    assert self.tls
                    connection = self.tls.wrap_socket(connection, server_side=True)
                elif isinstance(message, sansldap.BindRequest):
                    self._bind(session, context, message)
                    connection.sendall(session.data_to_send())

    def _bind(self, session: sansldap.LDAPServer, context: Any, message: Any) -> None:
        try:
            token = context.step(message.authentication.credentials)
        except (
            spnego.exceptions.SpnegoError,
            AttributeError,
        ) as error:  # the latter: pyspnego after MIT Kerberos refused
            # What an unwilling one changed, the client's integrity code shows; it would let anybody in.
            code = sansldap.LDAPResultCode.SUCCESS if self.unwilling else _REFUSED
            session.bind_response(message.message_id, result_code=code, diagnostics_message=str(error))
            return
        if self.unwilling and token:
            (flags,) = _NTLM_FLAGS.unpack_from(token)
            token = token[:20] + struct.pack("<I", flags & ~_NTLM_SEAL) + token[24:]
        if context.complete:
            self.accepted.append(context.client_principal)
            session.bind_response(message.message_id, token)
        else:
            code = sansldap.LDAPResultCode.SASL_BIND_IN_PROGRESS
            session.bind_response(message.message_id, token, result_code=code)
