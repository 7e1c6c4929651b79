# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS of an LDAP connection: whom to trust, and what the authentication is bound to."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Any

from ..core.errors import HostState
from .errors import DomainError, clean


def tls_context(ca_certs: str | None) -> ssl.SSLContext:
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
                f"ca_certs {clean(ca_certs)} cannot be used: {clean(error)}.", host_state=HostState.NOTHING_WRITTEN
            ) from error
    return context


def channel_bindings(certificate: bytes) -> Any:
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
