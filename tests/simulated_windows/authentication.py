"""Who is on the other end of a connection: Basic, Negotiate (NTLM, Kerberos), CredSSP, client certificates.

Negotiate and CredSSP bring WinRM message encryption (MS-WSMV 2.2.9.1).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import spnego
import spnego.exceptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .host_spec import HostSpec, User

SPNEGO_PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
KERBEROS_PROTOCOL = "application/HTTP-Kerberos-session-encrypted"
CREDSSP_PROTOCOL = "application/HTTP-CredSSP-session-encrypted"
# What a client sends as Authorization when its certificate speaks for it
CERTIFICATE_SCHEME = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
_BOUNDARY = b"--Encrypted Boundary"
_CREDSSP_CHUNK = 16384
_METADATA = re.compile(
    rb"[\t ]*Content-Type: *[^\r\n]+\r\n[\t ]*OriginalContent:[^\r\n]*Length=(\d+)[^\r\n]*\r\n", re.IGNORECASE
)
_PAYLOAD = re.compile(rb"[\t ]*Content-Type: *application/octet-stream\r\n", re.IGNORECASE)


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
    challenges: tuple[str, ...] = ()
    token: str = ""


class ConnectionAuthenticator:
    """The authentication state of one TCP connection; all but Basic and certificates authenticate the connection."""

    def __init__(self, spec: HostSpec, ntlm_user_file: Path) -> None:
        self._spec = spec
        self._users = {user.name.lower(): user for user in spec.users}
        self._ntlm_user_file = ntlm_user_file
        self._context: spnego.ContextProxy | None = None
        self._user: User | None = None
        self._rejecting = False
        self.challenges = ("Negotiate", 'Basic realm="WSMAN"', *(("CredSSP",) if spec.credssp else ()))

    def _forget(self) -> None:
        self._context = self._user = None

    def reject(self) -> None:
        """Accept nobody any more on this connection; a handshake still runs to its end, as with a wrong password."""
        self._forget()
        self._rejecting = True

    def authenticate(self, authorization: str | None, certificate: Mapping[str, Any] | None) -> Outcome:
        """Take one request's Authorization header; ``certificate`` is the client's, as ssl shows it."""
        if not authorization:
            return Outcome(self._user, self.challenges)
        if authorization.lower() == CERTIFICATE_SCHEME:
            return Outcome(self._certified(certificate or {}), self.challenges)
        scheme, _space, value = authorization.partition(" ")
        try:
            data = base64.b64decode(value.strip(), validate=True)
        except binascii.Error:
            return Outcome(None, self.challenges)
        if scheme.lower() == "basic":
            return Outcome(self._basic(data), self.challenges)
        if scheme.lower() in ("negotiate", "kerberos") or (scheme.lower() == "credssp" and self._spec.credssp):
            return self._negotiate(data, scheme)
        return Outcome(None, self.challenges)

    def _certified(self, certificate: Mapping[str, Any]) -> User | None:
        """The user whom the certificate's common name names; Windows has a table of mappings for that."""
        if not self._spec.client_certificates or self._rejecting:
            return None
        names = [value for pairs in certificate.get("subject", ()) for name, value in pairs if name == "commonName"]
        return self._find_user(names[0]) if names else None

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
                self._context = spnego.server(protocol="credssp" if scheme.lower() == "credssp" else "negotiate")
            answer = self._context.step(data)
        except spnego.exceptions.SpnegoError:
            self._forget()
            return Outcome(None, self.challenges)
        token = f"{scheme} {base64.b64encode(answer).decode()}" if answer else ""
        if not self._context.complete:
            return Outcome(None, (token,) if token else self.challenges)
        self._user = self._find_user(self._context.client_principal or "")
        if self._user is None or self._rejecting:
            self._forget()
        return Outcome(self._user, self.challenges, token)

    # Message encryption

    @property
    def can_encrypt(self) -> bool:
        return self._context is not None and self._context.complete

    def decrypt(self, body: bytes) -> bytes:
        """The plaintext of an encrypted body; part headers with or without a leading tab.

        A long message over CredSSP is several pairs of parts (multipart/x-multi-encrypted).
        """
        parts = re.split(re.escape(_BOUNDARY) + rb"(?:--(?:\r\n)?\Z|\r\n)", body)
        if len(parts) < 4 or len(parts) % 2 or parts[0] or parts[-1] or self._context is None:
            raise EncryptionError("not an encrypted message")
        return b"".join(
            self._decrypt_part(metadata, payload)
            for metadata, payload in zip(parts[1:-1:2], parts[2:-1:2], strict=True)
        )

    def _decrypt_part(self, metadata: bytes, payload: bytes) -> bytes:
        assert self._context is not None
        stated, head = _METADATA.fullmatch(metadata), _PAYLOAD.match(payload)
        if stated is None or head is None or len(payload) < head.end() + 4:
            raise EncryptionError("not an encrypted message")
        data = payload[head.end() :]
        header_length = struct.unpack("<I", data[:4])[0]
        try:
            plain = self._context.unwrap_winrm(data[4 : 4 + header_length], data[4 + header_length :])
        except spnego.exceptions.SpnegoError as error:
            raise EncryptionError("the message does not decrypt") from error
        # Microsoft's client pads with NULs, which Length may or may not count.
        message = plain.rstrip(b"\0")
        if not len(message) <= int(stated[1]) <= len(plain):
            raise EncryptionError(f"Length says {stated[1].decode()}, the message has {len(message)} bytes")
        return message

    def encrypt(self, plain: bytes, protocol: str) -> tuple[str, bytes]:
        """(Content-Type, body) of an encrypted answer."""
        size = _CREDSSP_CHUNK if protocol == CREDSSP_PROTOCOL else max(1, len(plain))
        chunks = [plain[start : start + size] for start in range(0, len(plain), size)]
        kind = "multipart/x-multi-encrypted" if len(chunks) > 1 else "multipart/encrypted"
        body = b"".join(self._encrypt_part(chunk, protocol) for chunk in chunks) + _BOUNDARY + b"--\r\n"
        return f'{kind};protocol="{protocol}";boundary="Encrypted Boundary"', body

    def _encrypt_part(self, plain: bytes, protocol: str) -> bytes:
        assert self._context is not None
        sealed = self._context.wrap_winrm(plain)
        return (
            _BOUNDARY
            + f"\r\n\tContent-Type: {protocol}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;"
            f"Length={len(plain) + sealed.padding_length}\r\n".encode()
            + _BOUNDARY
            + b"\r\n\tContent-Type: application/octet-stream\r\n"
            + struct.pack("<I", len(sealed.header))
            + sealed.header
            + sealed.data
        )


def encryption_protocol(content_type: str) -> str | None:
    """The protocol of an encrypted request, or None if the request is not encrypted."""
    lowered = content_type.lower()
    if not lowered.startswith(("multipart/encrypted", "multipart/x-multi-encrypted")):
        return None
    named = (item for item in (KERBEROS_PROTOCOL, CREDSSP_PROTOCOL) if item.lower() in lowered)
    return next(named, SPNEGO_PROTOCOL)
