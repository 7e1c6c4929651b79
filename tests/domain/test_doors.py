# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two doors: every way to authenticate and to protect, pages, large files, locks, other people's locks."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain import directory as directory_module
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain import smb_messages as smb
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import SearchScope
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import AlreadyThere, DomainError, NotFound
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_connection import LdapConnection
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import InUse, NotEmpty


@pytest.mark.parametrize("tls", ["none", "starttls", "ldaps"])
@pytest.mark.parametrize("protocol", ["kerberos", "negotiate", "ntlm"])
def test_every_way_in(domain: Domain, tls: str, protocol: str) -> None:
    """Samba cannot take NTLM inside TLS; Windows can. What cannot be is said."""
    changes: dict[str, Any] = {"tls": tls, "auth_protocol": protocol}
    if protocol == "ntlm" and tls != "none":
        with pytest.raises(DomainError, match="cannot take NTLM inside TLS"), domain.directory(**changes):
            pass
        return
    with domain.reader(**changes) as reader:
        assert reader.directory.domain_dn == domain.dc.dn
        assert reader.sysvol.items(domain.dc.domain)


def test_nothing_is_sent_in_the_clear(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    """What leaves the socket after the bind does not show what is asked."""
    sent: list[bytes] = []
    connect = LdapConnection._connect

    class Wire:
        def __init__(self, sock: Any) -> None:
            self.sock = sock

        def send(self, data: bytes) -> int:
            sent.append(bytes(data))
            return int(self.sock.send(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.sock, name)

    monkeypatch.setattr(LdapConnection, "_connect", lambda self: Wire(connect(self)))
    for protocol in ("ntlm", "kerberos"):
        sent.clear()
        with domain.directory(auth_protocol=protocol) as directory:
            assert directory.read(domain.dc.dn, ["objectSid"])
        assert sent
        assert not any(b"objectSid" in data or domain.dc.dn.encode() in data for data in sent)


def test_server_is_checked_by_its_certificate(domain: Domain) -> None:
    with (
        pytest.raises(DomainError, match="certificate is not trusted"),
        domain.directory(tls="ldaps", auth_protocol="kerberos", ca_certs=None),
    ):
        pass


def test_wrong_server_and_wrong_domain(domain: Domain) -> None:
    from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.domain_action import opened

    with pytest.raises(DomainError, match="No LDAP connection"), domain.directory(server="127.0.0.1", timeout=2):
        pass
    with pytest.raises(DomainError, match=r"not of other\.example"), opened(domain.admin, "other.example"):
        pass


def test_pages(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "PAGE", 7)
    with domain.directory(auth_protocol="ntlm") as directory:
        whole = [entry.dn for entry in directory.search(domain.dc.dn, SearchScope.SUBTREE, "(objectClass=*)", ["1.1"])]
        requests = directory.requests
        assert len(whole) > 200
        assert len(whole) / 7 <= requests <= len(whole) / 7 + 5
        assert len(set(whole)) == len(whole)


def test_files(domain: Domain) -> None:
    top = rf"{domain.dc.domain}\Policies\{domain.name('files')}"
    with domain.reader(auth_protocol="kerberos") as reader, domain.reader(auth_protocol="ntlm") as other:
        sysvol = reader.sysvol
        sysvol.make_folder(top)
        with pytest.raises(AlreadyThere):
            sysvol.make_folder(top)
        assert sysvol.read(rf"{top}\none") is None
        assert sysvol.read(rf"{top}\none\none") is None
        for content in (b"", b"x", bytes(range(256)) * 256, b"large" * 100_000, b"small"):
            sysvol.replace(rf"{top}\file", content)
            assert sysvol.read(rf"{top}\file") == content
        for number in range(400):
            sysvol.make_folder(rf"{top}\a rather long name of a folder to fill more than one answer {number:04}")
        assert len(sysvol.items(top)) == 401
        with pytest.raises(NotEmpty):
            sysvol.delete_folder(top)
        writing = sysvol._open(rf"{top}\beside", smb.WRITE_NEW, "writing")
        sysvol.call([smb.rename(rf"{top}\file", replace=True, file=writing)], "writing")
        assert other.sysvol.read(rf"{top}\file") == b"", "renamed into place, and not closed yet"
        sysvol.call([smb.close(writing)], "writing")
        held = sysvol.hold(rf"{top}\lock", "the first")
        with pytest.raises(InUse, match="the first"):
            other.sysvol.hold(rf"{top}\lock", "the second")
        sysvol.let_go(held)
        other.sysvol.let_go(other.sysvol.hold(rf"{top}\lock", "the second"))
        assert not any(item.name == "lock" for item in sysvol.items(top))
        with pytest.raises(NotFound):
            sysvol.delete_file(rf"{top}\none")
        for item in sysvol.items(top):
            (sysvol.delete_folder if item.is_folder else sysvol.delete_file)(rf"{top}\{item.name}")
        sysvol.delete_folder(top)
