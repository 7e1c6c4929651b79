# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sentence for every way in which a connection fails, from the errors that the libraries really raise.

requests and urllib3 build their own chains here: only the socket and TLS calls under them are made to fail.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import requests
import urllib3
from ansible.errors import AnsibleError
from pypsrp.exceptions import AuthenticationError
from pypsrp.exceptions import WinRMTransportError as PsrpTransportError
from winrm.exceptions import InvalidCredentialsError, WinRMError
from winrm.exceptions import WinRMTransportError as WinrmTransportError

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    HostError,
    HostUnreachable,
    RequestError,
    worded,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.deadlines import (
    ClearText,
    DeadlinePassed,
    Redirected,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.library_errors import is_refusal_of_transport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import VARIABLES, Peer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transport_errors import explain

HTTP, HTTPS = "http://host.example:5985/wsman", "https://host.example:5986/wsman"
PASSWORD = "Corr3ct-Horse"

Fail = Callable[[pytest.MonkeyPatch], None]


def _raising(error: BaseException) -> Callable[..., Any]:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


def _connecting(error: BaseException) -> Fail:
    return lambda patch: patch.setattr(urllib3.util.connection, "create_connection", _raising(error))


def _connected(patch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    patch.setattr(urllib3.util.connection, "create_connection", lambda *args, **kwargs: here)
    patch.setattr(urllib3.connection.HTTPConnection, "_keep_open", there, raising=False)


def _handshaking(error: BaseException) -> Fail:
    def arrange(patch: pytest.MonkeyPatch) -> None:
        _connected(patch)
        patch.setattr(urllib3.connection, "_ssl_wrap_socket_and_match_hostname", _raising(error))

    return arrange


def _answering(error: BaseException) -> Fail:
    def arrange(patch: pytest.MonkeyPatch) -> None:
        _connected(patch)
        patch.setattr(urllib3.connection.HTTPConnection, "getresponse", _raising(error))

    return arrange


def _reading(headers: str, *, timeout: float = 5) -> Fail:
    """The peer sends this much and hangs up, or falls silent if there is a short `timeout`."""

    def arrange(patch: pytest.MonkeyPatch) -> None:
        here, there = socket.socketpair()
        here.settimeout(timeout)
        there.sendall(headers.encode())
        if timeout == 5:
            there.shutdown(socket.SHUT_WR)
        patch.setattr(urllib3.util.connection, "create_connection", lambda *args, **kwargs: here)
        patch.setattr(urllib3.connection.HTTPConnection, "_keep_open", there, raising=False)

    return arrange


def _certificate(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {message} (_ssl.c:1016)")
    error.verify_code, error.verify_message = code, message
    return error


def library_error(arrange: Fail, endpoint: str, timeout: float = 5) -> requests.RequestException:
    """What `requests` raises for a message to the endpoint."""
    with pytest.MonkeyPatch.context() as patch:
        arrange(patch)
        session = requests.Session()
        session.trust_env = False
        with pytest.raises(requests.RequestException) as caught:
            session.post(endpoint, data=b"<x/>", timeout=timeout, auth=("user", PASSWORD))
    return caught.value


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
PARTIAL = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<s:Env"
CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n<s:Env"
NOT_TLS = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1016)")

FAILURES = {
    "refused": (_connecting(REFUSED), HTTP, "refused the connection", "ansible_port"),
    "refused-tls": (_connecting(REFUSED), HTTPS, "refused the connection", "ansible_port"),
    "no-such-name": (
        _connecting(socket.gaierror(socket.EAI_NONAME, "Name or service not known")),
        HTTP,
        "cannot be resolved",
        "ansible_host",
    ),
    "connect-timeout": (_connecting(TimeoutError("timed out")), HTTP, "did not answer the connection", "firewall"),
    "syn-timeout": (
        _connecting(TimeoutError(errno.ETIMEDOUT, "Connection timed out")),
        HTTP,
        "did not answer the connection",
        "firewall",
    ),
    "read-timeout": (_answering(TimeoutError("timed out")), HTTP, "gave no answer in time", "read_timeout"),
    "reset": (
        _answering(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")),
        HTTP,
        "closed the connection without an answer",
        "WinRM listener",
    ),
    "hung-up": (
        _answering(http.client.RemoteDisconnected("Remote end closed connection without response")),
        HTTP,
        "closed the connection without an answer",
        "WinRM listener",
    ),
    "interrupted": (_reading(PARTIAL), HTTP, "was interrupted", "proxy"),
    "interrupted-chunks": (_reading(CHUNKED), HTTP, "was interrupted", "proxy"),
    "not-tls": (_handshaking(NOT_TLS), HTTPS, "does not complete a TLS handshake (", "HTTPS listener"),
    "tls-drip": (
        _handshaking(TimeoutError("_ssl.c:989: The handshake operation timed out")),
        HTTPS,
        "does not complete a TLS handshake in time",
        "HTTPS listener",
    ),
    "tls-hang-up": (
        _handshaking(ssl.SSLEOFError(8, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred")),
        HTTPS,
        "does not complete a TLS handshake (",
        "HTTPS listener",
    ),
    "self-signed": (
        _handshaking(_certificate(18, "self-signed certificate")),
        HTTPS,
        "is self-signed",
        "ansible_winrm_ca_trust_path",
    ),
    "expired": (_handshaking(_certificate(10, "certificate has expired")), HTTPS, "has expired", "Renew it"),
    "not-yet": (_handshaking(_certificate(9, "not yet valid")), HTTPS, "is not valid yet", "clocks"),
    "unknown-root": (
        _handshaking(_certificate(19, "x")),
        HTTPS,
        "root that is not trusted",
        "ansible_winrm_ca_trust_path",
    ),
    "unknown-issuer": (_handshaking(_certificate(20, "x")), HTTPS, "issuer that is not trusted", "ca_trust_path"),
    "other-name": (_handshaking(_certificate(62, "mismatch")), HTTPS, "for another host name", "ansible_host"),
    "other-address": (_handshaking(_certificate(64, "mismatch")), HTTPS, "for another address", "ansible_host"),
    "revoked": (_handshaking(_certificate(23, "certificate revoked")), HTTPS, "(certificate revoked)", "on the host"),
}


def checked(error: BaseException, endpoint: str, *, answered: bool = False, connection: str = "winrm") -> str:
    """The sentence, after the checks that every sentence must pass."""
    explained_error = explain(error, Peer(endpoint, connection, secrets=(PASSWORD,)), answered=answered)
    assert isinstance(explained_error, HostUnreachable)
    text = str(explained_error)
    assert endpoint in text
    assert PASSWORD not in text
    for sign_of_raw_error in ("Traceback", "object at 0x", "\n", "Max retries", "{"):
        assert sign_of_raw_error not in text
    assert len(text) < 450
    return text


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_has_a_sentence_of_its_own(name: str) -> None:
    arrange, endpoint, found, cure = FAILURES[name]
    text = checked(library_error(arrange, endpoint), endpoint)
    assert found in text
    assert cure in text
    others = {row[2] for row in FAILURES.values()} - {found}
    assert not [other for other in others if other in text]


def test_silence_in_the_middle_of_an_answer_is_a_time_out() -> None:
    text = checked(library_error(_reading(PARTIAL, timeout=0.05), HTTP, timeout=0.05), HTTP)
    assert "gave no answer in time" in text


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_no_route_is_not_a_closed_connection(number: int) -> None:
    """There was no connection that anybody could have closed."""
    text = checked(library_error(_connecting(OSError(number, "No route to host")), HTTP), HTTP)
    assert "closed the connection" not in text
    assert "Check address" in text


@pytest.mark.parametrize(
    "error",
    [
        InvalidCredentialsError("the specified credentials were rejected by the server"),
        AuthenticationError(f"Failed to authenticate the user admin with negotiate {PASSWORD}"),
    ],
    ids=["pywinrm", "pypsrp"],
)
@pytest.mark.parametrize("answered", [False, True])
def test_rejected_credentials(error: Exception, answered: bool) -> None:
    text = checked(error, HTTP, answered=answered)
    assert "rejected the credentials (HTTP 401)" in text
    assert "ansible_password" in text


BUSY, NOT_WINRM, UNENCRYPTED = "busy or restarting", "not a WinRM listener", "refuses unencrypted messages"
# status, endpoint, answered before -> what is said
STATUSES = [
    (404, HTTP, False, NOT_WINRM),
    (403, HTTPS, False, NOT_WINRM),
    (405, HTTP, False, NOT_WINRM),
    (302, HTTP, False, NOT_WINRM),
    (404, HTTP, True, BUSY),
    (503, HTTP, False, BUSY),
    (503, HTTPS, True, BUSY),
    (500, HTTP, False, UNENCRYPTED),
    (500, HTTPS, False, BUSY),
    (500, HTTP, True, BUSY),
    (500, HTTPS, True, BUSY),
]


@pytest.mark.parametrize("kind", [WinrmTransportError, PsrpTransportError], ids=["pywinrm", "pypsrp"])
@pytest.mark.parametrize(("status", "endpoint", "answered", "said"), STATUSES)
def test_statuses(kind: type[Exception], status: int, endpoint: str, answered: bool, said: str) -> None:
    text = checked(kind("http", status, f"<html>{PASSWORD}</html>"), endpoint, answered=answered)
    assert f"HTTP {status}" in text
    assert [part for part in (BUSY, NOT_WINRM, UNENCRYPTED) if part in text] == [said]


def test_what_nobody_foresaw_is_still_one_short_sentence() -> None:
    text = checked(WinRMError("first line\nsecond  line " + "x" * 500), HTTP)
    assert "the WinRM library gave up (WinRMError: first line second  line xxx" in text
    assert "no reason given" in checked(RuntimeError(), HTTP)


def test_the_innermost_reason_is_the_one_that_is_reported() -> None:
    error = WinRMError("something failed")
    error.__cause__ = ValueError("bad ticket cache")
    assert "bad ticket cache" in checked(error, HTTP)


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, other = WinRMError("one"), WinRMError("other")
    one.__cause__, other.__cause__ = other, one
    assert "gave up" in checked(one, HTTP)


# --- to the right party ---

OTHERS = {"winrm": "ansible_psrp_", "psrp": "ansible_winrm_"}


def explained(error: BaseException, connection: str, endpoint: str = HTTP, **more: Any) -> tuple[type[Exception], str]:
    explained_error = explain(error, Peer(endpoint, connection, **more), answered=False)
    return type(explained_error), worded(explained_error)


WRAPPED = [
    *(WinrmTransportError("http", status, "") for status in (404, 407, 413, 429, 500, 502, 503, 504)),
    InvalidCredentialsError("rejected"),
    requests.ReadTimeout("slow"),
    requests.exceptions.ProxyError("down"),
    requests.exceptions.SSLError("no TLS"),
    _certificate(19, "x"),
    DeadlinePassed("message", 60),
    DeadlinePassed("task", 600),
    Redirected(302, "https://portal.example/"),
    ClearText(),
    WinRMError("whatever"),
]


@pytest.mark.parametrize("connection", VARIABLES)
@pytest.mark.parametrize("error", WRAPPED, ids=lambda error: f"{type(error).__name__} {error}"[:40])
def test_only_variables_of_the_users_own_connection_are_named(error: Exception, connection: str) -> None:
    kind, text = explained(error, connection)
    assert kind is HostUnreachable
    assert OTHERS[connection] not in text


@pytest.mark.parametrize(
    ("status", "party"),
    [
        (407, "A proxy"),
        (413, "of this size"),
        (429, "fewer requests"),
        (502, "A gateway"),
        (504, "A gateway"),
    ],
)
def test_statuses_of_those_on_the_way(status: int, party: str) -> None:
    for error in (
        WinrmTransportError("http", status, "<html/>"),
        requests.exceptions.ProxyError(OSError(f"Tunnel connection failed: {status} Whatever")),
    ):
        kind, text = explained(error, "winrm", HTTPS)
        assert kind is HostUnreachable
        assert party in text
        assert f"HTTP {status}" in text
        assert "not a WinRM listener" not in text


def test_a_redirect_is_named_and_not_followed() -> None:
    kind, text = explained(Redirected(302, "https://evil.example/\x1b[31m" + "x" * 500), "winrm")
    assert kind is HostUnreachable
    assert "points to https://evil.example/\\x1b[31mxxx" in text
    assert "It was not followed" in text
    assert len(text) < 500


def test_deadlines_name_the_variables_that_move_them() -> None:
    assert "winops_smb_guest_message_timeout" in explained(DeadlinePassed("message", 60), "winrm")[1]
    assert explained(DeadlinePassed("command", 60), "winrm")[0] is HostError
    assert "winops_smb_guest_message_timeout" in explained(DeadlinePassed("command", 60), "winrm")[1]
    assert "the 600 seconds" in explained(DeadlinePassed("task", 600), "psrp")[1]
    assert "winops_smb_guest_task_timeout" in explained(DeadlinePassed("task", 600), "psrp")[1]


SOCKS = requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")
# What a library refuses before anything is sent, and what the user reads instead.
REFUSALS: list[tuple[BaseException, str, str, str]] = [
    (
        WinRMError("read_timeout_sec must exceed operation_timeout_sec, and both must be non-zero"),
        *("winrm", "ansible_winrm_read_timeout_sec", "must be larger than ansible_winrm_operation_timeout_sec"),
    ),
    (
        WinRMError("invalid server_cert_validation mode: False"),
        "winrm",
        "ansible_winrm_server_cert_validation",
        "ignore",
    ),
    (InvalidCredentialsError("auth method ntlm requires a username"), "winrm", "set ansible_user", "No account"),
    (InvalidCredentialsError("auth method ntlm requires a password"), "winrm", "set ansible_password", "No password"),
    (ValueError("For basic auth, the username must be specified"), "psrp", "set ansible_user", "No account"),
    (InvalidCredentialsError("cert_pem file not found (/x)"), "winrm", "ansible_winrm_cert_pem", "does not exist"),
    (ValueError("For certificate auth, SSL must be used"), "psrp", "ansible_psrp_protocol", "HTTPS"),
    (
        WinRMError("requested auth method is kerberos, but pykerberos is not installed"),
        *("winrm", "pip install pywinrm[kerberos]", "Kerberos"),
    ),
    (ImportError("No module named 'gssapi'"), "psrp", "pip install pypsrp[kerberos]", "Kerberos"),
    (
        WinRMError("requests auth method is credssp, but requests-credssp is not installed"),
        "winrm",
        "[credssp]",
        "CredSSP",
    ),
    (
        WinRMError("message encryption is set to 'always' but the selected auth method basic does not support it"),
        *("winrm", "ansible_winrm_message_encryption", "ansible_winrm_transport"),
    ),
    (ValueError("Cannot use message encryption with auth 'basic'"), "psrp", "ansible_psrp_message_encryption", "ntlm"),
    (SOCKS, "psrp", "pip install pysocks", "ansible_psrp_proxy"),
    (SOCKS, "winrm", "pip install pysocks", "ansible_winrm_proxy"),
    (
        requests.exceptions.InvalidProxyURL("Please check proxy URL. It is malformed and could be missing the host."),
        *("winrm", "ansible_winrm_proxy", "no URL of a proxy"),
    ),
    (
        OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /nowhere.pem"),
        *("psrp", "ansible_psrp_ca_cert", "does not exist"),
    ),
    (UnicodeEncodeError("latin-1", "Пользователь", 0, 12, "ordinal not in range"), "psrp", "ntlm or kerberos", "Basic"),
    (
        AnsibleError("winrm or requests is not installed: No module named 'x'"),
        "winrm",
        "pip install pywinrm",
        "missing",
    ),
    (AnsibleError("pypsrp or dependencies are not installed: x"), "psrp", "pip install pypsrp.", "missing"),
    (requests.exceptions.InvalidURL("URL has an invalid label."), "winrm", "ansible_host", "cannot be called"),
]


@pytest.mark.parametrize(("error", "connection", "cure", "found"), REFUSALS)
def test_what_was_refused_before_anything_was_sent(error: Exception, connection: str, cure: str, found: str) -> None:
    kind, text = explained(error, connection)
    assert kind is RequestError
    assert cure in text
    assert found in text
    assert OTHERS[connection] not in text
    assert text.endswith("Nothing was asked of any host.")


def test_words_of_a_host_are_no_refusal_of_the_library() -> None:
    error = WinrmTransportError("http", 404, "auth method ntlm requires a username")
    assert explained(error, "winrm")[0] is HostUnreachable
    assert explained(http.client.BadStatusLine("requires a username"), "winrm")[0] is HostUnreachable


def test_names_outside_ascii_over_basic() -> None:
    rejected = InvalidCredentialsError("rejected")
    hint = "use ntlm or kerberos"
    assert hint in explained(rejected, "winrm", auth="basic", plain_account=False)[1]
    assert hint not in explained(rejected, "winrm", auth="ntlm", plain_account=False)[1]
    assert hint not in explained(rejected, "winrm", auth="basic")[1]


# --- secrets ---


@pytest.mark.parametrize("password", ["password", "e", "WinRM", "username", "HTTP 401"])
def test_a_password_that_is_a_word_of_ours_leaves_our_words_alone(password: str) -> None:
    rejected = InvalidCredentialsError("rejected")
    assert explained(rejected, "winrm", secrets=(password,)) == explained(rejected, "winrm")


@pytest.mark.parametrize("password", ["ticket", "e", "bad ticket cache"])
def test_words_of_a_library_with_the_password_in_them_are_held_back_whole(password: str) -> None:
    text = explained(WinRMError("bad ticket cache"), "winrm", secrets=(password,))[1]
    assert "(WinRMError: words not shown)" in text
    assert "*" not in text
    assert "(WinRMError: bad ticket cache)" in explained(WinRMError("bad ticket cache"), "winrm", secrets=("other",))[1]


# --- the next transport ---


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (InvalidCredentialsError("rejected"), True),
        (WinrmTransportError("http", 500, ""), True),
        (
            WinRMError("message encryption is set to 'always' but the selected auth method basic does not support it"),
            True,
        ),
        (WinrmTransportError("http", 404, ""), False),
        (WinrmTransportError("http", 503, ""), False),
        (requests.ConnectionError("refused"), False),
        (requests.ReadTimeout("slow"), False),
        (DeadlinePassed("message", 1), False),
        (Redirected(302, "x"), False),
        (ClearText(), False),
    ],
    ids=lambda value: f"{type(value).__name__} {value}"[:40],
)
def test_what_the_next_transport_may_cure(error: Exception, again: bool) -> None:
    assert is_refusal_of_transport(error) is again


def test_a_rejection_that_an_http_error_lies_under() -> None:
    """pywinrm raises its error while it handles that of requests, which is an OSError."""
    error = InvalidCredentialsError("rejected")
    response = requests.Response()
    response.status_code = 401
    error.__context__ = requests.HTTPError("401", response=response)
    assert is_refusal_of_transport(error)


def test_transports_that_were_tried_before_are_named() -> None:
    text = explained(InvalidCredentialsError("rejected"), "winrm", auth="ntlm", tried=("basic", "certificate"))[1]
    assert text.endswith("The host refused basic, certificate before.")
