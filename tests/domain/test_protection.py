# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What protects the two doors, judged by others: channel bindings, sealing, signing; never in the clear."""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest
from acceptor import Acceptor
from conftest import Domain
from spnego.channel_bindings import GssChannelBindings

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain import ldap_connection, smb_connection
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.deadline import Deadline
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.domain_controller import DomainController
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_connection import LdapConnection

SMB_SIGNED = 0x8
SMB_HEADER = struct.Struct("<12xHxxII")
"""Command, flags, and where in a compound the next message begins (MS-SMB2 2.2.1)."""
SMB_BEFORE_THE_KEY = (0, 1)
"""NEGOTIATE and SESSION_SETUP."""


def bindings(certificate: bytes) -> GssChannelBindings:
    """tls-server-end-point of a certificate that is signed with SHA-256 (RFC 5929)."""
    return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(certificate).digest())


@pytest.fixture
def accounts(domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the acceptor knows: the administrator's password for NTLM, the controller's key for Kerberos."""
    (tmp_path / "users").write_text(f"{domain.dc.netbios}:Administrator:{domain.dc.password}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
    keytab = tmp_path / "keytab"
    domain.dc.local_tool("domain", "exportkeytab", str(keytab), f"--principal=ldap/{domain.dc.address}")
    monkeypatch.setenv("KRB5_KTNAME", str(keytab))


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
@pytest.mark.parametrize("protocol", ["ntlm", "kerberos"])
def test_channel_bindings(domain: Domain, monkeypatch: pytest.MonkeyPatch, protocol: Any, tls: Any) -> None:
    """A strict server takes the authentication that is bound to its certificate, and refuses one bound to another."""
    dc = domain.dc
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(dc.folder / "tls" / "cert.pem", dc.folder / "tls" / "key.pem")
    own = ssl.PEM_cert_to_DER_cert((dc.folder / "tls" / "cert.pem").read_text())
    other = ssl.PEM_cert_to_DER_cert((dc.folder / "tls" / "ca.pem").read_text())
    user = f"{dc.netbios}\\Administrator" if protocol == "ntlm" else dc.administrator
    controller = DomainController(dc.address, user, dc.password, protocol, tls, str(dc.ca_certs), timeout=5)
    for certificate in (own, other):
        server = Acceptor(dc.address, protocol, context, tls == "ldaps", bindings(certificate))
        with server.listening() as port, monkeypatch.context() as patched:
            patched.setattr(ldap_connection, "PORT", port)
            patched.setattr(ldap_connection, "TLS_PORT", port)
            if certificate == own:
                LdapConnection(controller).close()
            else:
                with pytest.raises(DomainError, match="did not accept"):
                    LdapConnection(controller)
        assert bool(server.accepted) == (certificate == own)


@pytest.mark.usefixtures("accounts")
def test_server_that_will_not_seal_is_refused(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    dc = domain.dc
    controller = DomainController(dc.address, f"{dc.netbios}\\Administrator", dc.password, "ntlm", "none")
    for unwilling in (False, True):
        server = Acceptor(dc.address, "ntlm", unwilling=unwilling)
        with server.listening() as port, monkeypatch.context() as patched:
            patched.setattr(ldap_connection, "PORT", port)
            if unwilling:
                with pytest.raises(DomainError, match="would not seal the LDAP connection"):
                    LdapConnection(controller)
            else:
                LdapConnection(controller).close()


def test_every_smb_message_is_signed(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    send_all = smb_connection.send_all

    def sending(connection: socket.socket, data: bytes, deadline: Deadline) -> None:
        sent.append(data[4:])
        send_all(connection, data, deadline)

    monkeypatch.setattr(smb_connection, "send_all", sending)
    with domain.reader(auth_protocol="kerberos") as reader:
        assert reader.sysvol.items(domain.dc.domain)
        assert reader.sysvol.read(rf"{domain.dc.domain}\Policies\nothing") is None
    commands = []
    for message in sent:
        at, following = 0, -1
        while following:
            command, flags, following = SMB_HEADER.unpack_from(message, at)
            at += following
            if command not in SMB_BEFORE_THE_KEY:
                commands.append(command)
                assert flags & SMB_SIGNED, command
    assert len(commands) > 4
