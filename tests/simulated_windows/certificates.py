"""TLS certificates for simulated hosts, self-signed or of the fleet's own authority, and certificates of their users.

One key per process, one certificate per address; the authority is made when the first host asks for it.
"""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("valid", "expired", "ca_signed")
_AUTHORITY = "Simulated Windows authority"


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class CertificateMaker:
    """Writes certificates into ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._key_file = folder / "tls-key.pem"
        self._key_file.touch(mode=0o600)
        self._key_file.write_bytes(
            self._key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def _builder(self, subject: str, issuer: str, expired: bool = False) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        first, last = (
            (now - timedelta(days=400), now - timedelta(days=35))
            if expired
            else (now - timedelta(days=1), now + timedelta(days=365))
        )
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(first)
            .not_valid_after(last)
        )

    def _write(self, builder: x509.CertificateBuilder, file_name: str) -> Path:
        path = self._folder / file_name
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    @cached_property
    def authority(self) -> Path:
        """The certificate of the fleet's own authority."""
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        builder = self._builder(_AUTHORITY, _AUTHORITY).add_extension(constraints, critical=True)
        return self._write(builder, "authority.pem")

    def make(self, name: str, address: str, kind: str, client_certificates: bool) -> tuple[ssl.SSLContext, Path]:
        """A server context for ``address`` and the file that a client has to trust. ``kind`` is one of KINDS.

        With ``client_certificates`` a client may show one of the fleet's authority.
        """
        signed = kind == "ca_signed"
        names = [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName(name)]
        builder = self._builder(address, _AUTHORITY if signed else address, expired=kind == "expired")
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=not signed, path_length=None if signed else 0), critical=True
        )
        path = self._write(builder, f"{name}.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, self._key_file)
        if client_certificates:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self.authority)
        return context, self.authority if signed else path

    def make_for_user(self, user: str) -> tuple[Path, Path]:
        """Certificate and key of ``user``; the host knows them by the common name."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = self._builder(user, _AUTHORITY).add_extension(usage, critical=False)
        assert self.authority.exists()
        return self._write(builder, f"user-{user}.pem"), self._key_file
