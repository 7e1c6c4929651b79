# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A protected LDAP connection to a domain controller: socket, TLS, authentication, sealing.

Nothing but binds ever goes over it in the clear. Either TLS protects it, then the authentication is bound to the
server's certificate (channel binding, tls-server-end-point of RFC 5929) and adds no layer of its own, which Active
Directory refuses inside TLS; or the authentication seals every message (GSS-SPNEGO, MS-ADTS 5.1.1.1.2).
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..core.errors import HostState
from ..core.hostile_bytes import HOSTILE_BYTES
from .deadline import Deadline, connect, send_all
from .domain_controller import DomainController
from .errors import ConnectionLost, DomainError, LibraryMissing, UnreadableAnswer, clean
from .ldap_messages import MAX_BEFORE_BIND, MAX_MESSAGE, message_length
from .tls import channel_bindings, tls_context

if TYPE_CHECKING:
    import sansldap

PORT, TLS_PORT = 389, 636
MAX_SEALED = 8 * 1024 * 1024
"""Bytes of a sealed block; several messages may stand in one."""
MAX_LEGS = 8
"""Messages of one authentication: NTLM takes two, Kerberos at most three."""
_SUCCESS, _BIND_IN_PROGRESS = 0, 14
_WRONG_CREDENTIALS, _STRONGER_AUTH = 49, 8
_INVALID_PARAMETER = "data 57,"
_BAD_BINDINGS = "80090346"  # SEC_E_BAD_BINDINGS (MS-ERREF 2.1)


class LdapConnection:
    """One connection. `send` and `receive` move whole messages; anything that fails closes it for good."""

    def __init__(self, controller: DomainController) -> None:
        """Connect and authenticate. Raises DomainError, LibraryMissing."""
        try:
            import sansldap
        except ImportError as error:
            raise LibraryMissing("sansldap", "talking LDAP to a domain controller", error) from error
        self.controller = controller
        self.deadline = Deadline(controller.server, controller.timeout)
        self.protocol: sansldap.LDAPClient = sansldap.LDAPClient()
        self._security: Any = None  # pyspnego's context, once it seals
        self._buffer = bytearray()
        self._longest = MAX_BEFORE_BIND
        self._socket: socket.socket | None = self._connect()
        try:
            self._authenticate(self._protect())
        except BaseException:
            self.close()
            raise
        self._longest = MAX_MESSAGE

    def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def send(self, message: bytes) -> None:
        """Send a whole LDAP message, and start the time limit of its answer. Raises ConnectionLost."""
        self.deadline.next_message()
        if self._security is not None:
            sealed = self._security.wrap(message, encrypt=True).data
            message = struct.pack(">I", len(sealed)) + sealed
        if self._socket is None:
            raise self._lost("it is closed")
        try:
            send_all(self._socket, message, self.deadline)
        except OSError as error:
            self.close()
            raise self._lost(error) from error
        except ConnectionLost:
            self.close()
            raise

    def receive(self) -> bytes:
        """The next whole LDAP message. Raises ConnectionLost, also for what is too long or takes too long."""
        try:
            self.deadline.left()  # what was taken apart meanwhile counts, too
            while (length := message_length(self._buffer, self._longest)) is None or len(self._buffer) < length:
                self._buffer += self._unseal(self._read())
        except BaseException:
            self.close()
            raise
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        return message

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Where bytes of the server are taken apart: what they make a parser raise leaves as a ConnectionLost."""
        import sansldap
        from sansldap.asn1 import NotEnougData

        try:
            yield
        except sansldap.LDAPError as error:
            self.close()
            raise ConnectionLost(
                f"{clean(self.controller.server)} ended the LDAP session: {self.controller.foreign(error)}."
            ) from error
        except (*HOSTILE_BYTES, NotEnougData) as error:
            self.close()
            raise UnreadableAnswer(
                f"{clean(self.controller.server)} sent an LDAP message that cannot be read. Check that it is a domain "
                "controller, and what stands between it and this machine."
            ) from error

    def _read(self, size: int = 65536) -> bytes:
        if self._socket is None:
            raise self._lost("it is closed")
        try:
            self._socket.settimeout(self.deadline.left())
            data = self._socket.recv(size)
        except TimeoutError as error:
            self.deadline.left()  # raises with the limit that was exceeded
            raise self._lost(error) from error
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
        block = bytearray(data)
        while block:
            while len(block) < 4:
                block += self._read(4 - len(block))
            size = int.from_bytes(block[:4], "big")
            if size > MAX_SEALED:
                raise UnreadableAnswer(f"The LDAP server sent a sealed block of {size} bytes, more than {MAX_SEALED}.")
            while len(block) < 4 + size:
                block += self._read()
            try:
                clear += self._security.unwrap(bytes(block[4 : 4 + size])).data
            except Exception as error:  # pyspnego, gssapi and cryptography raise many classes
                raise UnreadableAnswer("The LDAP server sent a message whose seal does not fit.") from error
            del block[: 4 + size]
        return clear

    def _lost(self, why: object) -> ConnectionLost:
        return ConnectionLost(f"The LDAP connection to {self.controller.server} broke: {self.controller.foreign(why)}.")

    def _connect(self) -> socket.socket:
        port = TLS_PORT if self.controller.tls == "ldaps" else PORT
        try:
            return connect(self.controller.server, port, self.deadline)
        except (OSError, UnicodeError) as error:  # the latter: a name that no name can be
            raise DomainError(
                f"No LDAP connection to {clean(self.controller.server)}, port {port}: "
                f"{self.controller.foreign(error)}.",
                host_state=HostState.NOTHING_WRITTEN,
            ) from error

    def _protect(self) -> Any:
        """Set TLS up where it is asked for; return the channel bindings of the connection, or None without TLS."""
        if self.controller.tls == "none":
            return None
        if self.controller.tls == "starttls":
            self._start_tls()
        where = f"TLS with {clean(self.controller.server)}"
        self.deadline.next_message()
        try:
            context = tls_context(self.controller.ca_certs)
            if self._socket is None:
                raise DomainError(f"{where}: not connected")  # cannot be: __init__ connects
            self._socket.settimeout(self.deadline.left())  # for the handshake as a whole
            secured = context.wrap_socket(self._socket, server_hostname=self.controller.server)
        except ssl.SSLCertVerificationError as error:
            raise DomainError(
                f"{where}: the certificate is not trusted for this name "
                f"({self.controller.foreign(error.verify_message)}). Name the authority that issued it in the option "
                "ca_certs, and the server as the certificate does.",
                host_state=HostState.NOTHING_WRITTEN,
            ) from error
        except OSError as error:
            raise DomainError(
                f"{where} failed: {self.controller.foreign(error)}.", host_state=HostState.NOTHING_WRITTEN
            ) from error
        self._socket = secured
        with self.reading():
            return channel_bindings(secured.getpeercert(binary_form=True) or b"")

    def _start_tls(self) -> None:
        import sansldap

        self.protocol.extended_request(sansldap.ExtendedOperations.LDAP_START_TLS.value)
        answer = self._exchange(sansldap.ExtendedResponse)
        if answer.result.result_code != _SUCCESS:
            raise DomainError(
                f"{clean(self.controller.server)} refuses StartTLS: "
                f"{self.controller.foreign(answer.result.diagnostics_message)}. Set tls to ldaps, or to none (sealed "
                "by the authentication).",
                host_state=HostState.NOTHING_WRITTEN,
            )

    def _exchange(self, kind: type[Any]) -> Any:
        """Send what the protocol object has to say and return its one answer, of that class. Raises ConnectionLost."""
        self.send(self.protocol.data_to_send())
        message = self.receive()
        with self.reading():
            answer = self.protocol.receive(message)[0]
            if not isinstance(answer, kind):
                raise TypeError(f"{type(answer).__name__} answers another question")
        self.deadline.end_message()
        return answer

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
        except HOSTILE_BYTES as error:
            raise UnreadableAnswer(
                f"{clean(self.controller.server)} sent a token of its authentication that cannot be read. Check that "
                "it is a domain controller."
            ) from error
        if channel_bindings is None:
            if not context.context_attr & spnego.ContextReq.confidentiality:
                raise DomainError(
                    f"{clean(self.controller.server)} would not seal the LDAP connection, and it is never used in the "
                    "clear. Say tls: ldaps or tls: starttls.",
                    host_state=HostState.NOTHING_WRITTEN,
                )
            self._security = context

    def _bind(self, context: Any, channel_bindings: Any) -> None:
        """Authenticate: token after token until both sides are done. Raises ConnectionLost where they never are."""
        import sansldap

        token: bytes | None = None
        for _leg in range(MAX_LEGS):
            if context.complete:
                return
            out = context.step(in_token=token, channel_bindings=channel_bindings)
            if not out:
                break
            self.protocol.bind_sasl("GSS-SPNEGO", cred=out)
            answer = self._exchange(sansldap.BindResponse)
            code = int(answer.result.result_code)
            if code not in (_SUCCESS, _BIND_IN_PROGRESS):
                raise self._bind_refused(code, answer.result.diagnostics_message)
            token = answer.server_sasl_creds
        if not context.complete:
            raise UnreadableAnswer(f"{clean(self.controller.server)} did not end its authentication.")

    def _bind_refused(self, code: int, diagnostics: str) -> DomainError:
        if code == _WRONG_CREDENTIALS and _INVALID_PARAMETER in diagnostics and self.controller.tls != "none":
            # Samba wants a key exchange of NTLM that pyspnego leaves out where there is nothing to sign.
            return DomainError(
                f"{clean(self.controller.server)} cannot take NTLM inside TLS, as Samba cannot. Say auth_protocol: "
                "kerberos, or tls: none, which seals.",
                host_state=HostState.NOTHING_WRITTEN,
            )
        inside_tls = self.controller.tls != "none"
        words = self.controller.foreign(diagnostics)
        if inside_tls and (code == _STRONGER_AUTH or (code == _WRONG_CREDENTIALS and _BAD_BINDINGS in diagnostics)):
            return DomainError(
                f"{clean(self.controller.server)} refused {self.controller.auth_protocol} inside TLS "
                f"({words}): it requires an authentication that is bound to its certificate and seals "
                "nothing itself. Check that nothing between ends TLS, such as a load balancer. Kerberos needs MIT's "
                "library and python -m pip install 'pyspnego[kerberos]' for that. Or set tls to none, which seals.",
                host_state=HostState.NOTHING_WRITTEN,
            )
        if code == _WRONG_CREDENTIALS:
            return self._not_authenticated(diagnostics)
        if code == _STRONGER_AUTH:
            return DomainError(
                f"{clean(self.controller.server)} wants a stronger protection of LDAP than tls: {self.controller.tls} "
                f"({words}). Say tls: ldaps, or tls: none, which seals.",
                host_state=HostState.NOTHING_WRITTEN,
            )
        return DomainError(
            f"{clean(self.controller.server)} refused the LDAP bind, result {code}: {words}.",
            host_state=HostState.NOTHING_WRITTEN,
        )

    def _not_authenticated(self, why: object) -> DomainError:
        words = self.controller.foreign(why)
        return DomainError(
            f"{clean(self.controller.server)} did not accept {clean(self.controller.account)} "
            f"({self.controller.auth_protocol}): {words}. Check username and password, or the Kerberos ticket; "
            "Kerberos needs the server by its DNS name and python -m pip install 'pyspnego[kerberos]'.",
            host_state=HostState.NOTHING_WRITTEN,
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
