# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door to ansible's connections, with stubs behind it: what it refuses, caps, and translates.

The real connections against a real server are tested elsewhere; here nothing opens a socket.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from pypsrp.exceptions import WSManFaultError as PsrpFault
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.exceptions import WSManFaultError as WinrmFault

from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import (
    AccessDenied,
    HostError,
    HostFault,
    HostUnreachable,
    RequestError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.session import (
    CommandResult,
    Session,
    _cap_answers,
    open_session,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, CimType, Field, Method
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import RemoteProtocolError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import (
    ENUMERATION,
    MAX_PAGES,
    Enumerate,
    Invoke,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.xml import MAX_BYTES

ENDPOINT = "http://host.example:5985/wsman"
THING = CimClass("root/Test", "TEST_Thing", {"Label": Field(CimType.STRING)}, {"Poke": Method()})
POKE = Invoke(THING, "Poke")

Script = Sequence[bytes | Exception | Callable[[bytes], bytes]]


class Wire:
    """A connection that answers by script: bytes, or an error to raise."""

    endpoint = ENDPOINT
    operation_timeout = 20.0

    def __init__(self, *script: bytes | Exception) -> None:
        self.script = list(script)
        self.sent: list[bytes] = []
        self.resets = 0

    def send(self, message: bytes) -> bytes:
        self.sent.append(message)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def reset(self) -> None:
        self.resets += 1

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        return [CommandResult(int(self.send(" ".join(command).encode())), "", "") for command in commands]


def envelope(body: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:n="{ENUMERATION}">'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


OK = envelope("<Poke_OUTPUT><ReturnValue>0</ReturnValue></Poke_OUTPUT>")


def fault(code: int, text: str = "Some text") -> bytes:
    return envelope(
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>"
        f'<s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}">'
        f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )


# --- which connections ---


@pytest.mark.parametrize("kind", ["ssh", "local", "paramiko", "community.docker.docker"])
def test_other_connections_are_told_the_supported_ones(kind: str) -> None:
    with pytest.raises(RequestError, match=rf"winrm and psrp; this host uses '{kind}'\. Set ansible_connection"):
        open_session(SimpleNamespace(transport=kind))


def test_a_connection_without_a_name_is_called_by_its_type() -> None:
    with pytest.raises(RequestError, match="this host uses 'SimpleNamespace'"):
        open_session(SimpleNamespace())


def test_psrp_without_pypsrp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypsrp.wsman", None)
    with pytest.raises(RequestError, match=r"pypsrp is missing on the controller.*pip install pypsrp"):
        open_session(SimpleNamespace(transport="psrp"))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (AnsibleConnectionFailure("no Kerberos ticket"), HostUnreachable),
        (AnsibleError("pywinrm missing"), RequestError),
    ],
)
def test_what_ansible_raises_before_the_first_message(raised: Exception, expected: type[Exception]) -> None:
    def connect() -> None:
        assert connection.shell_id, "the placeholder keeps ansible from opening a shell"
        raise raised

    connection = SimpleNamespace(transport="winrm", protocol=None, shell_id=None, _connect=connect)
    with pytest.raises(expected, match=str(raised)) as caught:
        open_session(connection)
    assert caught.value.__class__ is expected
    assert connection.shell_id is None, "else ansible would close a shell that never was"


class Transport:
    """pywinrm's transport, as far as it is used."""

    endpoint = ENDPOINT

    def __init__(self, *script: bytes | Exception) -> None:
        self.wire = Wire(*script)
        self.encryption: object | None = "a context"
        self.closed = 0

    def send_message(self, message: bytes) -> bytes:
        return self.wire.send(message)

    def _send_message_request(self, session: Any, request: Any) -> Any:
        return session

    def close_session(self) -> None:
        self.closed += 1


def winrm(*script: bytes | Exception) -> SimpleNamespace:
    """A winrm connection that is not connected yet."""
    transport = Transport(*script)

    def connect() -> None:
        assert connection.shell_id
        connection.protocol = SimpleNamespace(transport=transport, operation_timeout_sec=20)

    connection = SimpleNamespace(transport="winrm", protocol=None, shell_id=None, _connect=connect, wire=transport)
    return connection


def test_winrm_without_a_shell() -> None:
    connection = winrm(OK, OK)
    session = open_session(connection)
    assert session.call(POKE).return_value == 0
    assert connection.shell_id is None
    # The next task of the same host finds the connection as it was left.
    connection._connect = None
    assert open_session(connection).call(POKE).return_value == 0


def test_a_soap_fault_comes_with_http_500() -> None:
    with pytest.raises(AccessDenied):
        open_session(winrm(WinRMTransportError("http", 500, fault(5).decode()))).call(POKE)


@pytest.mark.parametrize(("status", "text"), [(404, "<html/>"), (503, ""), (500, "")])
def test_any_other_status_is_no_answer(status: int, text: str) -> None:
    connection = winrm(WinRMTransportError("http", status, text))
    with pytest.raises(HostUnreachable, match=f"HTTP {status}"):
        open_session(connection).call(POKE)
    assert connection.wire.closed == 1
    assert connection.wire.encryption is None, "the next message authenticates anew"


# --- faults and broken answers ---


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (5, AccessDenied),
        (0x80070005, AccessDenied),
        (0x80041003, AccessDenied),
        (0x80041010, HostFault),
        (87, HostFault),
    ],
)
def test_faults(code: int, expected: type[Exception]) -> None:
    wire = Wire(fault(code))
    with pytest.raises(expected) as caught:
        Session(wire).call(POKE)
    assert caught.value.__class__ is expected
    assert wire.resets == 0, "a fault is an answer"
    if isinstance(caught.value, HostFault):
        assert caught.value.fault.code == code
        assert "Some text" in str(caught.value)
        assert f"0x{code:08X}" in str(caught.value)


HTML = b"<!DOCTYPE html><html><body>It works!</body></html>"
ENTITY = (
    b'<!DOCTYPE x [<!ENTITY e "boom">]><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">&e;</s:Envelope>'
)
STRANGE = [
    (b"", HostUnreachable),
    (b"It works!", HostUnreachable),
    (b"<html/>", HostUnreachable),
    (HTML, HostUnreachable),
    (ENTITY, HostUnreachable),
    (OK[:-10], HostUnreachable),
    (b"<x>" * 100, HostError),
    (b" " * (MAX_BYTES + 1), HostError),
    (envelope("<Poke_OUTPUT><ReturnValue>many</ReturnValue></Poke_OUTPUT>"), HostError),
]


@pytest.mark.parametrize(("answer", "expected"), STRANGE)
def test_a_strange_first_answer(answer: bytes, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught:
        Session(Wire(answer)).call(POKE)
    assert caught.value.__class__ is expected
    assert ENDPOINT in str(caught.value)
    assert "Check" in str(caught.value)
    assert "boom" not in str(caught.value)


@pytest.mark.parametrize("answer", [answer for answer, _unused in STRANGE])
@pytest.mark.parametrize("first", [OK, fault(87)])
def test_a_strange_later_answer_is_no_unreachable_host(first: bytes, answer: bytes) -> None:
    session = Session(Wire(first, answer))
    try:
        session.call(POKE)
    except HostFault:
        assert first is not OK
    with pytest.raises(HostError) as caught:
        session.call(POKE)
    assert caught.value.__class__ is HostError


def test_a_broken_connection_is_forgotten_and_explained() -> None:
    wire = Wire(requests.ConnectionError("Connection aborted."), OK)
    session = Session(wire)
    with pytest.raises(HostUnreachable, match="closed the connection"):
        session.call(POKE)
    assert wire.resets == 1
    assert session.call(POKE).return_value == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_the_users_interrupt_is_no_error_of_the_host(error: BaseException) -> None:
    wire = Wire()
    wire.send = lambda message: (_unused for _unused in ()).throw(error)  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        Session(wire).call(POKE)


# --- queries ---


def page(kind: str, *labels: str, context: str | None) -> bytes:
    items = "".join(f"<TEST_Thing><Label>{label}</Label></TEST_Thing>" for label in labels)
    more = f"<n:EnumerationContext>{context}</n:EnumerationContext>" if context else "<n:EndOfSequence/>"
    return envelope(f"<n:{kind}>{more}<n:Items>{items}</n:Items></n:{kind}>")


QUERY = Enumerate(THING, "SELECT * FROM TEST_Thing")


def test_a_query_is_run_to_its_end() -> None:
    wire = Wire(page("EnumerateResponse", "a", context="one"), page("PullResponse", "b", "c", context=None))
    assert [instance["Label"] for instance in Session(wire).query(QUERY)] == ["a", "b", "c"]
    assert len(wire.sent) == 2


@pytest.mark.parametrize(
    ("second", "expected"),
    [(fault(5), AccessDenied), (fault(87), HostFault), (b"garbage", HostError)],
)
def test_a_query_that_breaks_off_is_released(second: bytes, expected: type[Exception]) -> None:
    wire = Wire(page("EnumerateResponse", "a", context="one"), second, envelope(""))
    with pytest.raises(expected) as caught:
        Session(wire).query(QUERY)
    assert caught.value.__class__ is expected
    assert b"<n:Release" in wire.sent[-1]
    assert b"one" in wire.sent[-1]


def test_a_query_without_end_is_the_hosts_fault_not_ours() -> None:
    pages = [page("PullResponse", "b", context="more") for _unused in range(MAX_PAGES)]
    wire = Wire(page("EnumerateResponse", "a", context="one"), *pages, envelope(""))
    with pytest.raises(HostError, match="did not end"):
        Session(wire).query(QUERY)
    assert len(wire.sent) == MAX_PAGES + 1


# --- shells ---


def _winrm_fault(code: int | None) -> WinrmFault:
    return WinrmFault(500, "Bad HTTP response", "<xml/>", "Shells are out.", wsman_fault_code=code)


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (_winrm_fault(5), AccessDenied, "opening a shell"),
        (PsrpFault(5, "machine", "Access is denied.", None, None, None, None), AccessDenied, "opening a shell"),
        (_winrm_fault(0x803381A5), HostError, "refused a shell: Shells are out"),
        (PsrpFault(0x803381A5, "machine", "Shells are out.", None, None, None, None), HostError, "Shells are out"),
        (_winrm_fault(None), HostError, "refused a shell: Shells are out"),
        (InvalidCredentialsError("rejected"), HostUnreachable, "rejected the credentials"),
    ],
)
def test_a_shell_that_is_refused(error: Exception, expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said) as caught:
        Session(Wire(error)).run([("wevtutil.exe", "gl", "x")])
    assert caught.value.__class__ is expected


def test_commands_and_their_results() -> None:
    results = Session(Wire(b"0", b"5")).run([("a",), ("b", "c")])
    assert [result.exit_code for result in results] == [0, 5]


# --- the cap on answers ---


class Adapter(requests.adapters.BaseAdapter):
    """A `requests` adapter whose answers have a given size, made as they are read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.served = 0

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        adapter = self

        class Body(io.RawIOBase):
            def read(self, amount: int | None = -1) -> bytes:
                left = adapter.size - adapter.served
                amount = left if amount is None or amount < 0 else min(left, amount)
                adapter.served += amount
                return b"x" * amount

        response = requests.Response()
        response.status_code, response.raw, response.request, response.url = 200, Body(), request, request.url
        return response

    def close(self) -> None:
        pass


def _fetch(size: int, *, caps: int = 1) -> tuple[Adapter, Callable[[], bytes]]:
    session, adapter = requests.Session(), Adapter(size)
    session.trust_env = False
    session.adapters.clear()
    session.mount("http://", adapter)
    for _unused in range(caps):
        _cap_answers(session)
    return adapter, lambda: session.post(ENDPOINT, data=b"x").content


@pytest.mark.parametrize("size", [0, 1, 1000, MAX_BYTES - 1, MAX_BYTES])
def test_an_answer_up_to_the_cap(size: int) -> None:
    _unused, fetch = _fetch(size)
    assert fetch() == b"x" * size


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 50 * 1024 * 1024])
@pytest.mark.parametrize("caps", [1, 3])
def test_an_answer_beyond_the_cap_is_not_read_to_its_end(size: int, caps: int) -> None:
    adapter, fetch = _fetch(size, caps=caps)
    with pytest.raises(RemoteProtocolError, match="larger than 4 MiB") as caught:
        fetch()
    assert caught.value.problem == "too_large"
    assert adapter.served <= MAX_BYTES + 64 * 1024


def test_capping_twice_is_capping_once() -> None:
    session = requests.Session()
    _cap_answers(session)
    once = [adapter.send for adapter in session.adapters.values()]
    _cap_answers(session)
    assert [adapter.send for adapter in session.adapters.values()] == once


def test_an_answer_beyond_the_cap_becomes_one_sentence() -> None:
    wire = Wire(RemoteProtocolError("too_large", "it is larger than 4 MiB"))
    with pytest.raises(HostError, match="larger than 4 MiB") as caught:
        Session(wire).call(POKE)
    assert caught.value.__class__ is HostError
    assert wire.resets == 1, "half of the answer is still on its way"
