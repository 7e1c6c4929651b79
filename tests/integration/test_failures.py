"""Whatever goes wrong before and while a host is read: a sentence of its own, no traceback, no password.

All of it runs at -vvvv, over the winrm and the psrp connection.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from playbooks import Playbooks, Run, host_vars, task
from simulated_windows.client import Fleet

PRESET = "windows_10_22h2_pro"
READ_TIMEOUT = 4
WRONG_PASSWORD = "crimson-Plover-4417"
SHORT = {
    "ansible_winrm_operation_timeout_sec": READ_TIMEOUT - 1,
    "ansible_winrm_read_timeout_sec": READ_TIMEOUT,
    "ansible_psrp_operation_timeout": READ_TIMEOUT - 1,
    "ansible_psrp_read_timeout": READ_TIMEOUT,
}
CONNECTIONS: dict[str, dict[str, Any]] = {
    "winrm": {},
    "psrp": {"ansible_connection": "psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm"},
}
_SECURE = {"ansible_winrm_scheme": "https", "ansible_psrp_protocol": "https"}
_OWN_CA = {"ansible_winrm_ca_trust_path": "{{ ca_file }}", "ansible_psrp_ca_cert": "{{ ca_file }}"}
_BASIC = {"ansible_winrm_transport": "basic", "ansible_psrp_auth": "basic", "ansible_psrp_message_encryption": "never"}


@dataclass(frozen=True)
class Case:
    """status: what the task must be. words: in its message (" | ": or). fault: posted. variables: inventory."""

    status: str
    words: tuple[str, ...]
    fault: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    host: Mapping[str, Any] = field(default_factory=dict)


def _first(kind: str, **options: Any) -> dict[str, Any]:
    """A fault at the first message, and at every other try of it."""
    return {"kind": kind, "times": 0, **options}


def _middle(kind: str, **options: Any) -> dict[str, Any]:
    """A fault after the host has answered."""
    return {"kind": kind, "match": "StdRegProv", "times": 0, **options}


FAULTS = {
    # The reset may arrive while the client still connects, or right after.
    "refuse": Case(
        "unreachable", ("closed the connection without an answer | Connection reset by peer",), _first("refuse")
    ),
    "reset": Case("unreachable", ("closed the connection without an answer",), _first("reset_before")),
    "reset in the middle": Case("unreachable", ("closed the connection without an answer",), _middle("reset_after")),
    "401 in the middle": Case("unreachable", ("rejected the credentials (HTTP 401)",), _middle("http_401")),
    "500": Case("unreachable", ("HTTP 500 without a word", "unencrypted"), _first("http_500")),
    "500 in the middle": Case("unreachable", ("HTTP 500 without a SOAP message", "busy"), _middle("http_500")),
    "503": Case("unreachable", ("HTTP 503", "busy"), _first("http_503")),
    "503 in the middle": Case("unreachable", ("HTTP 503", "busy"), _middle("http_503")),
    "garbage": Case("unreachable", ("not as WinRM does",), _first("garbage")),
    "garbage in the middle": Case("failed", ("was not used",), _middle("garbage")),
    "web page": Case("unreachable", ("an encrypted message in clear text",), _first("html")),
    "cut": Case("unreachable", ("was interrupted",), _first("cut")),
    "cut in the middle": Case("unreachable", ("was interrupted",), _middle("cut")),
    "DTD": Case("unreachable", ("not as WinRM does", "declares a document type"), _first("doctype")),
    "DTD in the middle": Case("failed", ("was not used", "declares a document type"), _middle("doctype")),
    "50 MB": Case("failed", ("was not used", "larger than"), _first("huge")),
    "another RelatesTo": Case("failed", ("was not used", "relates to another request"), _first("wrong_relates_to")),
    "hang": Case("unreachable", ("gave no answer in time",), _first("hang"), SHORT),
    "timed out": Case("failed", ("TimedOut", "OperationTimeout"), _first("timeout")),
    "access denied": Case("failed", ("denied access", "LocalAccountTokenFilterPolicy"), _first("access_denied")),
    **{
        f"fault {shape}": Case("failed", ("The host refused",), _middle("soap_fault", shape=shape))
        for shape in ("no_detail", "wsman", "provider_text", "provider_wsman", "extended", "wmi_error")
    },
    "return value": Case("failed", ("StdRegProv returned 0x000005AA",), _middle("return_value", value=1450)),
}
HOSTS = {
    "wrong password": Case(
        "unreachable", ("rejected the credentials",), variables={"ansible_password": WRONG_PASSWORD}
    ),
    "closed port": Case("unreachable", ("refused the connection", "ansible_port"), host={"listening": False}),
    "no administrator": Case("failed", ("denied access", "Administrators group"), variables={"user": "user"}),
    "filtered administrator": Case(
        "failed", ("denied access", "UAC", "LocalAccountTokenFilterPolicy"), variables={"user": "ops"}
    ),
    "german, no administrator": Case(
        "failed", ("denied access",), variables={"user": "user"}, host={"quirks": {"german": True}}
    ),
    "denied by return value": Case(
        "failed",
        ("denied access",),
        variables={"user": "ops"},
        host={"quirks": {"access_denied": "return_value"}},
    ),
    "denied by HRESULT": Case(
        "failed", ("denied access",), variables={"user": "ops"}, host={"quirks": {"access_denied": "fault_hresult"}}
    ),
    "expired certificate": Case(
        "unreachable",
        ("certificate", "has expired", "Renew it"),
        variables=_SECURE | _OWN_CA,
        host={"certificate": "expired"},
    ),
    "untrusted certificate": Case(
        "unreachable",
        ("certificate", "self-signed", "ansible_winrm_ca_trust_path | ansible_psrp_ca_cert"),
        variables=_SECURE,
    ),
    "HTTPS to an HTTP port": Case(
        "unreachable", ("TLS", "HTTPS listener"), variables=_SECURE | {"ansible_port": "{{ http_port }}"}
    ),
    "unencrypted refused": Case(
        "unreachable", ("HTTP 500", "unencrypted"), variables=_BASIC, host={"allow_unencrypted": False}
    ),
    "no such name": Case("unreachable", ("cannot be resolved",), variables={"ansible_host": "no-such-host.invalid"}),
    "another path": Case(
        "unreachable",
        ("HTTP 404", "not a WinRM listener"),
        variables={"ansible_winrm_path": "/other", "ansible_psrp_path": "/other"},
    ),
}
STRANGERS = {
    "web server": ("not a WinRM listener", "ansible_port"),
    "no HTTP at all": ("not a WinRM listener", "ansible_port"),
}
CASES = FAULTS | HOSTS


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class' name)
        """The test's output is not the place."""


@contextmanager
def _web_server() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _banner_server() -> Iterator[int]:
    """A port that speaks first, as SSH does."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _unused = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
                    connection.recv(65536)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _name(case: str, connection: str) -> str:
    return f"{case}-{connection}".replace(" ", "-").replace(",", "").lower()


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    return start_fleet(
        [
            {"name": _name(case, connection), "preset": PRESET, **CASES[case].host}
            for case in CASES
            for connection in CONNECTIONS
        ]
    )


@pytest.fixture(scope="module")
def run(fleet: Fleet, playbooks: Playbooks) -> Run:
    hosts = {}
    for case, asked in CASES.items():
        for connection, own in CONNECTIONS.items():
            name = _name(case, connection)
            ready = fleet.hosts[name]
            more = {key: ready[key] for key in ("ca_file", "http_port") if key in ready}
            hosts[name] = host_vars(fleet, name, **{**own, **more, **asked.variables})
            if asked.fault:
                fleet.control.add_fault(name, **asked.fault)
    with _web_server() as web, _banner_server() as banner:
        for stranger, port in zip(STRANGERS, (web, banner), strict=True):
            for connection, own in CONNECTIONS.items():
                variables = {**host_vars(fleet, next(iter(hosts)), **own), "ansible_host": "127.0.0.1"}
                hosts[_name(stranger, connection)] = variables | {"ansible_port": port}
        return playbooks.run(fleet, [task("facts", "client_facts")], hosts, verbosity=4)


@pytest.mark.parametrize("connection", CONNECTIONS)
@pytest.mark.parametrize("case", CASES)
def test_a_sentence_of_its_own(run: Run, case: str, connection: str) -> None:
    record = run.record(_name(case, connection), "facts")
    assert record.status == CASES[case].status, record
    for words in CASES[case].words:
        assert any(word in record.message for word in words.split(" | ")), record
    assert record.result.get("changed") is False


@pytest.mark.parametrize("connection", CONNECTIONS)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_port_that_is_no_winrm(run: Run, stranger: str, connection: str) -> None:
    record = run.record(_name(stranger, connection), "facts")
    assert record.status == "unreachable", record
    for word in STRANGERS[stranger]:
        assert word in record.message, record


def test_no_traceback_and_no_password(fleet: Fleet, run: Run) -> None:
    passwords = {user["password"] for ready in fleet.hosts.values() for user in ready["users"]} | {WRONG_PASSWORD}
    assert len(passwords) == 4
    everything = run.output + "".join(f"{record.result}" for record in run.records)
    assert "<127.1.0.1> " in run.output, "this is not the output of -vvvv"
    assert [password for password in passwords if password in everything] == []
    assert "traceback" not in run.output.lower()
    # ansible-core 2.19 puts "(traceback unavailable)" into every failed result.
    assert "Traceback (most recent call last)" not in everything


def test_messages_differ(run: Run) -> None:
    """A message is the case's own: no two of these say the same (but for the address in it)."""
    cases = [
        "wrong password",
        "closed port",
        "expired certificate",
        "untrusted certificate",
        "cut",
        "DTD",
        "50 MB",
        "hang",
    ]
    cases += ["garbage", "500", "503", "reset", "filtered administrator", "no such name", "HTTPS to an HTTP port"]
    for connection in CONNECTIONS:
        messages = {run.record(_name(case, connection), "facts").message for case in cases}
        assert len(messages) == len(cases)
