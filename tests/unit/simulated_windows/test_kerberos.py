"""Kerberos with a realm of its own. Skipped where k5test, gssapi, krb5 or MIT's KDC is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from pypsrp.wsman import WSMan
from winrm.protocol import Protocol

from simulated_windows.client import Fleet
from simulated_windows.peer import Host

k5test = pytest.importorskip("k5test")
pytest.importorskip("gssapi")
pytest.importorskip("krb5")
pytestmark = pytest.mark.skipif(shutil.which("krb5kdc") is None, reason="no krb5kdc program")

REALM, SERVICE_HOST = "CORP.EXAMPLE", "ws.corp.example"
USER = f"Administrator@{REALM}"


@pytest.fixture
def realm() -> Iterator[Any]:
    library = {"dns_lookup_kdc": "false", "rdns": "false", "dns_canonicalize_hostname": "false"}
    running = k5test.K5Realm(realm=REALM, krb5_conf={"libdefaults": library})
    try:
        running.addprinc(USER, "realm-Password-1")
        running.addprinc(f"HTTP/{SERVICE_HOST}")
        running.extract_keytab(f"HTTP/{SERVICE_HOST}", running.keytab)
        yield running
    finally:
        running.stop()


@pytest.fixture
def domain_host(realm: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host that holds the keytab, and this process with a ticket."""
    for name, value in realm.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRB5_KTNAME", realm.keytab)
    preset = "windows_11_24h2_enterprise"
    with Fleet({"hosts": [{"name": "ws", "preset": preset, "part_of_domain": True}]}) as fleet:
        realm.kinit(USER, "realm-Password-1")
        yield Host("ws", fleet.hosts["ws"], fleet.control)


def test_kerberos_with_both_clients_and_ntlm_beside_it(domain_host: Host) -> None:
    host = domain_host
    service: dict[str, Any] = {"negotiate_hostname_override": SERVICE_HOST, "negotiate_service": "HTTP"}
    ticket: dict[str, Any] = {"kerberos_hostname_override": SERVICE_HOST, "server_cert_validation": "ignore"}
    sends: list[Any] = []
    for scheme in ("http", "https"):
        port = host.ready[f"{scheme}_port"]
        wsman = WSMan(
            host.ready["address"], ssl=scheme == "https", port=port, auth="kerberos", cert_validation=False, **service
        )
        kerberos = Protocol(host.url(scheme), "kerberos", USER, "", **ticket)
        ntlm = Protocol(
            host.url(scheme), "ntlm", "Administrator", host.password("Administrator"), server_cert_validation="ignore"
        )
        sends += [wsman.transport.send, kerberos.transport.send_message, ntlm.transport.send_message]
    for send in sends:

        def exchange(message: bytes, send: Any = send) -> tuple[int, bytes]:
            return 200, send(message)

        assert host.peer(send=exchange).configuration()["EnableInsecureGuestLogons"] == "false"
    rows = host.control.requests(host.name)
    assert [row["encrypted"] for row in rows] == [True] * 3 + [False] * 3
    assert {row["user"] for row in rows} == {"Administrator"}
