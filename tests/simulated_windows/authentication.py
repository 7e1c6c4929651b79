"""Who is on the other end of a connection: Basic, and Negotiate (NTLM, Kerberos) with WinRM message encryption."""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import spnego
import spnego.exceptions

if TYPE_CHECKING:
    from pathlib import Path

    from .host_spec import HostSpec, User

SPNEGO_PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
KERBEROS_PROTOCOL = "application/HTTP-Kerberos-session-encrypted"
CHALLENGES = ("Negotiate", 'Basic realm="WSMAN"')
_BOUNDARY = b"--Encrypted Boundary"


class EncryptionError(ValueError):
    """A multipart/encrypted body that does not follow MS-WSMV 2.2.9.1 or does not decrypt."""


def write_ntlm_users(spec: HostSpec, path: Path) -> None:
    """The file that the NTLM acceptor reads: every spelling of a domain that a client may send."""
    domains = ["", ".", "localhost", spec.name, spec.computer_name]
    if spec.part_of_domain:
        domains += [spec.domain, spec.domain.partition(".")[0]]
    unique = list(dict.fromkeys(domain.upper() for domain in domains))
    lines = [f"{domain}:{user.name}:{user.password}" for user in spec.users for domain in unique]
    lines += [f":{user.name}@{spec.domain}:{user.password}" for user in spec.users]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o600)


@dataclass
class Outcome:
    """``user`` is None while the answer has to be 401 with ``challenges``; ``token`` goes into a 200."""

    user: User | None
    challenges: tuple[str, ...] = CHALLENGES
    token: str = ""


class ConnectionAuthenticator:
    """The authentication state of one TCP connection; NTLM and Kerberos authenticate the connection."""

    def __init__(self, spec: HostSpec, ntlm_user_file: Path) -> None:
        self._spec = spec
        self._users = {user.name.lower(): user for user in spec.users}
        self._ntlm_user_file = ntlm_user_file
        self._context: spnego.ContextProxy | None = None
        self._user: User | None = None
        self._rejecting = False

    def _forget(self) -> None:
        self._context = self._user = None

    def reject(self) -> None:
        """Accept nobody any more on this connection; a handshake still runs to its end, as with a wrong password."""
        self._forget()
        self._rejecting = True

    def authenticate(self, authorization: str | None) -> Outcome:
        """Take one request's Authorization header."""
        if not authorization:
            return Outcome(self._user)
        scheme, _space, value = authorization.partition(" ")
        try:
            data = base64.b64decode(value.strip(), validate=True)
        except binascii.Error:
            return Outcome(None)
        if scheme.lower() == "basic":
            return Outcome(self._basic(data))
        if scheme.lower() in ("negotiate", "kerberos"):
            return self._negotiate(data, scheme)
        return Outcome(None)

    def _find_user(self, name: str) -> User | None:
        return self._users.get(name.rpartition("\\")[2].partition("@")[0].lower())

    def _basic(self, data: bytes) -> User | None:
        name, _colon, password = data.decode("utf-8", "replace").partition(":")
        user = self._find_user(name)
        return user if user is not None and user.password == password and not self._rejecting else None

    def _negotiate(self, data: bytes, scheme: str) -> Outcome:
        if self._context is None or self._context.complete:
            self._forget()
        # pyspnego finds its users by this variable only; the server is single-threaded, so setting it here is safe.
        os.environ["NTLM_USER_FILE"] = str(self._ntlm_user_file)
        try:
            if self._context is None:
                self._context = spnego.server(protocol="negotiate")
            answer = self._context.step(data)
        except spnego.exceptions.SpnegoError:
            self._forget()
            return Outcome(None)
        token = f"{scheme} {base64.b64encode(answer).decode()}" if answer else ""
        if not self._context.complete:
            return Outcome(None, (token,) if token else CHALLENGES)
        self._user = self._find_user(self._context.client_principal or "")
        if self._user is None or self._rejecting:
            self._forget()
        return Outcome(self._user, token=token)

    # Message encryption

    @property
    def can_encrypt(self) -> bool:
        return self._context is not None and self._context.complete

    def decrypt(self, body: bytes) -> bytes:
        """The plaintext of a multipart/encrypted body; part headers with or without a leading tab."""
        pattern = re.compile(
            re.escape(_BOUNDARY)
            + rb"\r\n[\t ]*Content-Type: *[^\r\n]+\r\n[\t ]*OriginalContent:[^\r\n]*Length=(\d+)[^\r\n]*\r\n"
            + re.escape(_BOUNDARY)
            + rb"\r\n[\t ]*Content-Type: *application/octet-stream\r\n",
            re.IGNORECASE,
        )
        match = pattern.match(body)
        ending = re.search(re.escape(_BOUNDARY) + rb"--(?:\r\n)?\Z", body)
        if match is None or ending is None or self._context is None:
            raise EncryptionError("not an encrypted message")
        data = body[match.end() : ending.start()]
        header_length = struct.unpack("<I", data[:4])[0]
        header, sealed = data[4 : 4 + header_length], data[4 + header_length :]
        try:
            plain = self._context.unwrap_winrm(header, sealed)
        except spnego.exceptions.SpnegoError as error:
            raise EncryptionError("the message does not decrypt") from error
        if len(plain) != int(match[1]):
            raise EncryptionError(f"Length says {match[1].decode()}, the message has {len(plain)} bytes")
        return plain

    def encrypt(self, plain: bytes, protocol: str) -> tuple[str, bytes]:
        """(Content-Type, body) of an encrypted answer."""
        assert self._context is not None
        sealed = self._context.wrap_winrm(plain)
        body = (
            _BOUNDARY
            + f"\r\n\tContent-Type: {protocol}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;"
            f"Length={len(plain) + sealed.padding_length}\r\n".encode()
            + _BOUNDARY
            + b"\r\n\tContent-Type: application/octet-stream\r\n"
            + struct.pack("<I", len(sealed.header))
            + sealed.header
            + sealed.data
            + _BOUNDARY
            + b"--\r\n"
        )
        return f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"', body


def encryption_protocol(content_type: str) -> str | None:
    """The protocol of an encrypted request, or None if the request is not encrypted."""
    if not content_type.lower().startswith("multipart/encrypted"):
        return None
    return KERBEROS_PROTOCOL if KERBEROS_PROTOCOL.lower() in content_type.lower() else SPNEGO_PROTOCOL
