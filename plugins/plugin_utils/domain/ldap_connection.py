# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A protected LDAP connection to a domain controller: socket, TLS, authentication, sealing.

Nothing but binds ever goes over it in the clear. Either TLS protects it, then the authentication is bound to the
server's certificate (channel binding, tls-server-end-point of RFC 5929) and adds no layer of its own, which Active
Directory refuses inside TLS; or the authentication seals every message (GSS-SPNEGO, MS-ADTS 5.1.1.1.2).
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .domain_controller import DomainController
from .errors import ConnectionLost, DomainError, LibraryMissing, said
from .ldap_messages import message_length

if TYPE_CHECKING:
    import sansldap

PORT, TLS_PORT = 389, 636
MAX_SEALED = 64 * 1024 * 1024
_SUCCESS, _BIND_IN_PROGRESS = 0, 14
_WRONG_CREDENTIALS, _STRONGER_AUTH = 49, 8
_INVALID_PARAMETER = "data 57,"


class LdapConnection:
    """One connection. `send` and `receive` move whole messages; anything that fails closes it for good."""

    def __init__(self, controller: DomainController) -> None:
        """Connect and authenticate. Raises DomainError, LibraryMissing."""
        try:
            import sansldap
        except ImportError as error:
            raise LibraryMissing("sansldap", "talking LDAP to a domain controller", error) from error
        self.controller = controller
        self.protocol: sansldap.LDAPClient = sansldap.LDAPClient()
        self._security: Any = None  # pyspnego's context, once it seals
        self._buffer = bytearray()
        self._socket: socket.socket | None = self._connect()
        try:
            self._authenticate(self._protect())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def send(self, message: bytes) -> None:
        """Send a whole LDAP message. Raises ConnectionLost."""
        if self._security is not None:
            sealed = self._security.wrap(message, encrypt=True).data
            message = struct.pack(">I", len(sealed)) + sealed
        if self._socket is None:
            raise self._lost("it is closed")
        try:
            self._socket.sendall(message)
        except OSError as error:
            self.close()
            raise self._lost(error) from error

    def receive(self) -> bytes:
        """The next whole LDAP message. Raises ConnectionLost, DomainError."""
        try:
            while (length := message_length(self._buffer)) is None or len(self._buffer) < length:
                self._buffer += self._unseal(self._read())
        except BaseException:
            self.close()
            raise
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        return message

    def _read(self, size: int = 65536) -> bytes:
        if self._socket is None:
            raise self._lost("it is closed")
        try:
            data = self._socket.recv(size)
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise self._lost("the server closed it")
        return data

    def _unseal(self, data: bytes) -> bytes:
        """The clear text of what was read; reads on to the end of a sealed block. Raises ConnectionLost."""
        if self._security is None:
            return data
        clear = b""
        while data:
            while len(data) < 4:
                data += self._read(4 - len(data))
            size = int.from_bytes(data[:4], "big")
            if size > MAX_SEALED:
                raise DomainError(f"The LDAP server sent a sealed block of {size} bytes, more than {MAX_SEALED}.")
            while len(data) < 4 + size:
                data += self._read()
            try:
                clear += self._security.unwrap(data[4 : 4 + size]).data
            except Exception as error:
                raise DomainError("The LDAP server sent a message whose seal does not fit.") from error
            data = data[4 + size :]
        return clear

    def _lost(self, why: object) -> ConnectionLost:
        return ConnectionLost(f"The LDAP connection to {self.controller.server} broke: {said(why)}.")

    def _connect(self) -> socket.socket:
        port = TLS_PORT if self.controller.tls == "ldaps" else PORT
        address = (self.controller.server, port)
        try:
            return socket.create_connection(address, timeout=self.controller.timeout)
        except OSError as error:
            raise DomainError(
                f"No LDAP connection to {said(self.controller.server)}, port {port}: {said(error)}. "
                "Nothing was written."
            ) from error

    def _protect(self) -> Any:
        """Set TLS up where it is asked for; return the channel bindings of the connection, or None without TLS."""
        if self.controller.tls == "none":
            return None
        if self.controller.tls == "starttls":
            self._start_tls()
        where = f"TLS with {said(self.controller.server)}"
        try:
            context = _tls_context(self.controller.ca_certs)
            if self._socket is None:
                raise DomainError(f"{where}: not connected")  # cannot be: __init__ connects
            secured = context.wrap_socket(self._socket, server_hostname=self.controller.server)
        except ssl.SSLCertVerificationError as error:
            raise DomainError(
                f"{where}: the certificate is not trusted for this name ({said(error.verify_message)}). Name the "
                "authority that issued it in the option ca_certs, and the server as the certificate does. Nothing was "
                "written."
            ) from error
        except OSError as error:
            raise DomainError(f"{where} failed: {said(error)}. Nothing was written.") from error
        self._socket = secured
        return _channel_bindings(secured.getpeercert(binary_form=True) or b"")

    def _start_tls(self) -> None:
        import sansldap

        self.protocol.extended_request(sansldap.ExtendedOperations.LDAP_START_TLS.value)
        answer = self.exchange()
        if answer.result.result_code != _SUCCESS:
            raise DomainError(
                f"{said(self.controller.server)} refuses StartTLS: {said(answer.result.diagnostics_message)}. "
                "Say tls: ldaps or tls: none (sealed by the authentication). Nothing was written."
            )

    def exchange(self) -> Any:
        """Send what the protocol object has to say and return its one answer."""
        import sansldap

        self.send(self.protocol.data_to_send())
        try:
            answers = self.protocol.receive(self.receive())
        except sansldap.ProtocolError as error:
            self.close()
            raise ConnectionLost(f"{said(self.controller.server)} ended the LDAP session: {said(error)}.") from error
        return answers[0]

    def _authenticate(self, channel_bindings: Any) -> None:
        try:
            import spnego
        except ImportError as error:
            raise LibraryMissing("pyspnego", "authenticating to a domain controller", error) from error
        wanted = spnego.ContextReq.mutual_auth
        if channel_bindings is None:
            wanted |= spnego.ContextReq.sequence_detect | spnego.ContextReq.integrity
            wanted |= spnego.ContextReq.confidentiality
        else:
            wanted |= spnego.ContextReq.no_integrity
        try:
            context = spnego.client(
                username=self.controller.username,
                password=self.controller.password,
                hostname=self.controller.server,
                service="ldap",
                context_req=wanted,
                protocol=self.controller.auth_protocol,
            )
            self._bind(context, channel_bindings)
        except (ImportError, ValueError) as error:
            raise self._not_authenticated(error) from error
        except authentication_errors() as error:
            raise self._not_authenticated(error) from error
        if channel_bindings is None:
            if not context.context_attr & spnego.ContextReq.confidentiality:
                raise DomainError(
                    f"{said(self.controller.server)} would not seal the LDAP connection, and it is never used in the "
                    "clear. Say tls: ldaps or tls: starttls. Nothing was written."
                )
            self._security = context

    def _bind(self, context: Any, channel_bindings: Any) -> None:
        token: bytes | None = None
        while not context.complete:
            out = context.step(in_token=token, channel_bindings=channel_bindings)
            if not out:
                break
            self.protocol.bind_sasl("GSS-SPNEGO", cred=out)
            answer = self.exchange()
            code = int(answer.result.result_code)
            if code not in (_SUCCESS, _BIND_IN_PROGRESS):
                raise self._bind_refused(code, answer.result.diagnostics_message)
            token = answer.server_sasl_creds

    def _bind_refused(self, code: int, diagnostics: str) -> DomainError:
        if code == _WRONG_CREDENTIALS and _INVALID_PARAMETER in diagnostics and self.controller.tls != "none":
            # Samba wants a key exchange of NTLM that pyspnego leaves out where there is nothing to sign.
            return DomainError(
                f"{said(self.controller.server)} cannot take NTLM inside TLS, as Samba cannot. Say auth_protocol: "
                "kerberos, or tls: none, which seals. Nothing was written."
            )
        if code == _WRONG_CREDENTIALS:
            return self._not_authenticated(diagnostics)
        if code == _STRONGER_AUTH:
            return DomainError(
                f"{said(self.controller.server)} wants a stronger protection of LDAP than tls: {self.controller.tls} "
                f"({said(diagnostics)}). Say tls: ldaps, or tls: none, which seals. Nothing was written."
            )
        return DomainError(
            f"{said(self.controller.server)} refused the LDAP bind, result {code}: {said(diagnostics)}. Nothing was "
            "written."
        )

    def _not_authenticated(self, why: object) -> DomainError:
        words = self.controller.without_password(said(why))
        return DomainError(
            f"{said(self.controller.server)} did not accept {said(self.controller.account)} "
            f"({self.controller.auth_protocol}): {words}. Check username and password, or the Kerberos ticket; "
            "Kerberos needs the server by its DNS name and python -m pip install 'pyspnego[kerberos]'. Nothing was "
            "written."
        )


def authentication_errors() -> tuple[type[Exception], ...]:
    """What pyspnego raises, and what it lets through from the Kerberos libraries where they are installed."""
    import spnego

    errors: list[type[Exception]] = [spnego.exceptions.SpnegoError]
    with suppress(ImportError):
        import krb5

        errors.append(krb5.Krb5Error)
    with suppress(ImportError):
        import gssapi

        errors.append(gssapi.exceptions.GSSError)
    return tuple(errors)


def _tls_context(ca_certs: str | None) -> ssl.SSLContext:
    """The system's authorities, or those of a file or folder. Raises DomainError."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_certs:
        path = Path(ca_certs).expanduser()
        try:
            context = ssl.create_default_context(
                cafile=None if path.is_dir() else str(path), capath=str(path) if path.is_dir() else None
            )
        except OSError as error:
            raise DomainError(
                f"ca_certs {said(ca_certs)} cannot be used: {said(error)}. Nothing was written."
            ) from error
    return context


def _channel_bindings(certificate: bytes) -> Any:
    """The server certificate, hashed with the algorithm of its signature, SHA-256 in place of MD5 and SHA-1."""
    import spnego
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    name = algorithm.name if algorithm else "sha256"
    digest = hashlib.new("sha256" if name in ("md5", "sha1") else name, certificate).digest()
    return spnego.channel_bindings.GssChannelBindings(application_data=b"tls-server-end-point:" + digest)
