"""pywinrm alone and pypsrp alone reach a host by every way of authentication, and nobody else does."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import requests
from pypsrp.exceptions import AuthenticationError
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol

from simulated_windows.peer import SMB_CLIENT, WIN32, WMI, Host, Peer, envelope, method_input

CHANNEL = "Microsoft-Windows-SmbClient/Audit"
PYWINRM = [("http", "plaintext"), ("http", "ntlm"), ("https", "basic"), ("https", "ntlm")]
PYPSRP = [("http", "basic"), ("http", "ntlm"), ("http", "negotiate"), ("https", "basic"), ("https", "negotiate")]


@pytest.fixture(scope="module")
def tls_host(make_host: Any) -> Host:
    host: Host = make_host(https=True)
    return host


def pywinrm(host: Host, scheme: str, transport: Any, user: str = "Administrator", **options: Any) -> Protocol:
    options = {"server_cert_validation": "ignore", "password": host.password(user), **options}
    return Protocol(endpoint=host.url(scheme), transport=transport, username=user, **options)


def pypsrp(host: Host, scheme: str, auth: str, user: str = "Administrator", **options: Any) -> WSMan:
    options = {"cert_validation": False, "password": host.password(user), **options}
    port = host.ready[f"{scheme}_port"]
    # pypsrp refuses Basic over HTTP unless encryption is switched off.
    encryption = "never" if (scheme, auth) == ("http", "basic") else "auto"
    address = host.ready["address"]
    return WSMan(address, ssl=scheme == "https", port=port, auth=auth, username=user, encryption=encryption, **options)


@pytest.mark.parametrize(("scheme", "transport"), PYWINRM)
def test_pywinrm_calls_methods_and_enumerates(tls_host: Host, scheme: str, transport: str) -> None:
    tls_host.control.reset_counters(tls_host.name)
    protocol = pywinrm(tls_host, scheme, transport)
    peer = tls_host.peer(send=lambda message: (200, protocol.transport.send_message(message)))
    assert peer.configuration()["EnableInsecureGuestLogons"] == "false"
    assert peer.outputs(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=False)["ReturnValue"] == "0"
    assert peer.query("SELECT Caption FROM Win32_OperatingSystem") == [{"Caption": "Microsoft Windows 11 Pro"}]
    encrypted = scheme == "http" and transport == "ntlm"
    rows = tls_host.control.requests(tls_host.name)
    assert [row["method"] for row in rows] == ["GetConfiguration", "SetConfiguration", "Enumerate"]
    assert [row["encrypted"] for row in rows] == [encrypted] * 3


@pytest.mark.parametrize(("scheme", "transport"), PYWINRM)
def test_pywinrm_runs_a_command(tls_host: Host, scheme: str, transport: str) -> None:
    protocol = pywinrm(tls_host, scheme, transport)
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "wevtutil", ["gl", CHANNEL])
    stdout, stderr, code = protocol.get_command_output(shell, command)
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)
    assert (stderr, code) == (b"", 0)
    assert f"name: {CHANNEL}\r\nenabled: true\r\n".encode() in stdout


@pytest.mark.parametrize(("scheme", "auth"), PYPSRP)
def test_pypsrp_calls_methods_and_runs_a_command(tls_host: Host, scheme: str, auth: str) -> None:
    tls_host.control.reset_counters(tls_host.name)
    with pypsrp(tls_host, scheme, auth) as wsman:
        peer = tls_host.peer(send=lambda message: (200, wsman.transport.send(message)))
        assert peer.configuration()["RequireSecuritySignature"] == "true"
        encrypted = tls_host.control.requests(tls_host.name)[-1]["encrypted"]
        assert encrypted == (scheme == "http" and auth != "basic")
        wsman.update_max_payload_size()
        assert wsman.max_envelope_size == 512000
        with WinRS(wsman) as shell:
            process = Process(shell, "wevtutil", ["gl", "No-Such/Channel"])
            process.invoke()
            process.signal(SignalCode.CTRL_C)
        assert process.rc == 15007
        assert b"could not be found" in process.stderr


def test_ntlm_costs_three_requests_before_the_first_message(make_host: Any) -> None:
    host = make_host()
    protocol = pywinrm(host, "http", "ntlm")
    host.peer(send=lambda message: (200, protocol.transport.send_message(message))).configuration()
    counters = host.counters()
    assert (counters["requests"], counters["requests_after_auth"], counters["connections"]) == (4, 1, 1)


@pytest.mark.parametrize("transport", ["plaintext", "ntlm"])
@pytest.mark.parametrize("user", ["Administrator", "nobody"])
def test_wrong_credentials_are_refused(host: Host, transport: str, user: str) -> None:
    with pytest.raises(InvalidCredentialsError):
        pywinrm(host, "http", transport, user, password="wrong").open_shell()
    with pytest.raises(AuthenticationError):
        pypsrp(host, "http", "negotiate", user, password="wrong").get(f"{WMI}{WIN32}/Win32_OperatingSystem")
    assert host.counters()["requests_after_auth"] == 0


@pytest.mark.parametrize("name", [r"{computer}\Administrator", r".\administrator"])
def test_names_may_carry_the_computer(host: Host, name: str) -> None:
    user = name.format(computer=host.name.upper())
    for transport in ("plaintext", "ntlm"):
        protocol = pywinrm(host, "http", transport, user, password=host.password("Administrator"))
        protocol.close_shell(protocol.open_shell())


def test_clear_text_is_refused_where_the_host_says_so(make_host: Any) -> None:
    host = make_host(allow_unencrypted=False)
    with pytest.raises(WinRMTransportError) as caught:
        pywinrm(host, "http", "plaintext").open_shell()
    assert (caught.value.code, caught.value.response_text) == (500, "")
    assert host.counters()["requests_after_auth"] == 0
    encrypted = pywinrm(host, "http", "ntlm")
    encrypted.close_shell(encrypted.open_shell())


def test_no_credentials_get_the_challenges(host: Host) -> None:
    response = requests.post(host.url("http"), data=b"", timeout=10)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Negotiate, Basic realm="WSMAN"'


def test_other_paths_and_verbs_are_not_served(host: Host) -> None:
    assert requests.post(host.url("http") + "x", timeout=10).status_code == 404
    assert requests.get(host.url("http"), timeout=10).status_code == 405


def test_a_message_that_does_not_decrypt_is_refused(host: Host) -> None:
    protocol = pywinrm(host, "http", "ntlm")
    protocol.transport.build_session()
    session = protocol.transport.session
    assert session is not None
    session.post(host.url("http"), timeout=10)
    body = (
        b"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
        b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=4\r\n--Encrypted Boundary\r\n"
        b"\tContent-Type: application/octet-stream\r\n\x10\x00\x00\x00" + bytes(20) + b"--Encrypted Boundary--\r\n"
    )
    protocol_name = "application/HTTP-SPNEGO-session-encrypted"
    content_type = f'multipart/encrypted;protocol="{protocol_name}";boundary="Encrypted Boundary"'
    assert (
        session.post(host.url("http"), data=body, headers={"Content-Type": content_type}, timeout=10).status_code == 400
    )
    assert host.counters()["requests_after_auth"] == 0


@pytest.mark.parametrize(("stated", "status"), [(0, 200), (1, 400), (-1, 400)])
def test_the_stated_length_has_to_be_the_real_one(host: Host, stated: int, status: int) -> None:
    transport = pywinrm(host, "http", "ntlm").transport
    session = transport.build_session()
    assert transport.encryption is not None
    uri = WMI + SMB_CLIENT
    message = envelope(uri, f"{uri}/GetConfiguration")
    request = transport.encryption.prepare_encrypted_request(session, host.url("http"), message)
    assert isinstance(request.body, bytes)
    request.body = request.body.replace(f"Length={len(message)}".encode(), f"Length={len(message) + stated}".encode())
    assert session.send(request, timeout=10).status_code == status


@pytest.mark.parametrize(("padding", "counted", "status"), [(3, 0, 200), (3, 3, 200), (3, 4, 400), (3, -1, 400)])
def test_an_encrypted_message_may_be_padded_with_nuls(host: Host, padding: int, counted: int, status: int) -> None:
    transport = pywinrm(host, "http", "ntlm").transport
    session = transport.build_session()
    assert transport.encryption is not None
    uri = WMI + SMB_CLIENT
    message = envelope(uri, f"{uri}/GetConfiguration")
    request = transport.encryption.prepare_encrypted_request(session, host.url("http"), message + b"\0" * padding)
    assert isinstance(request.body, bytes)
    stated, wanted = (f"Length={len(message) + extra}".encode() for extra in (padding, counted))
    request.body = request.body.replace(stated, wanted)
    assert session.send(request, timeout=10).status_code == status


def test_the_certificate_is_trusted_by_its_file_and_names_the_address(tls_host: Host) -> None:
    protocol = pywinrm(
        tls_host, "https", "basic", server_cert_validation="validate", ca_trust_path=tls_host.ready["ca_file"]
    )
    protocol.close_shell(protocol.open_shell())
    with pytest.raises(requests.exceptions.SSLError):
        requests.post(tls_host.url("https"), timeout=10)


def test_an_expired_certificate_is_refused(make_host: Any) -> None:
    host = make_host(https=True, certificate="expired")
    with pytest.raises(requests.exceptions.SSLError, match="expired"):
        requests.post(host.url("https"), verify=host.ready["ca_file"], timeout=10)


# Rights

WQL_OS = "SELECT * FROM Win32_OperatingSystem"


@pytest.mark.parametrize("user", ["ops", "user"])
def test_callers_without_rights_get_an_access_denied_fault(host: Host, user: str) -> None:
    before = host.state()
    peer = host.peer(user)
    uri = WMI + SMB_CLIENT
    for reply in (
        peer.invoke(SMB_CLIENT, "GetConfiguration"),
        peer.invoke(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True),
        peer.enumerate(f"{WIN32}/*", WQL_OS),
        peer.send(envelope(uri, "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get")),
    ):
        assert (reply.status, reply.fault_codes, reply.subcode) == (500, [5], "w:AccessDenied")
    assert host.state() == before


def test_the_token_filter_is_lifted_by_the_registry(host: Host) -> None:
    key = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
    host.control.set_registry(host.name, key, "LocalAccountTokenFilterPolicy", 1)
    assert host.peer("ops").configuration()["EnableInsecureGuestLogons"] == "false"
    assert host.peer("user").invoke(SMB_CLIENT, "GetConfiguration").status == 500


def test_access_denied_may_be_a_return_value(make_host: Any) -> None:
    host = make_host(quirks={"access_denied": "return_value"})
    peer = host.peer("ops")
    assert peer.outputs(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True) == {"ReturnValue": "5"}
    assert peer.get_dword(r"SOFTWARE\X", "a")["ReturnValue"] == "5"
    assert peer.query(WQL_OS) == []
    assert host.running()["EnableInsecureGuestLogons"] is False


def test_access_denied_may_be_an_hresult(make_host: Any) -> None:
    host = make_host(quirks={"access_denied": "fault_hresult"})
    assert host.peer("user").invoke(SMB_CLIENT, "GetConfiguration").fault_codes == [2147942405]


def test_each_message_is_basic_authenticated_anew(host: Host) -> None:
    peer = Peer(host)
    peer.configuration()
    peer.session.auth = None
    uri = WMI + SMB_CLIENT
    message = envelope(uri, f"{uri}/GetConfiguration", method_input(uri, "GetConfiguration", {}))
    assert peer.post(message).status_code == 401
    peer.session.headers["Authorization"] = "Basic " + base64.b64encode(b"no colon").decode()
    assert peer.post(message).status_code == 401
