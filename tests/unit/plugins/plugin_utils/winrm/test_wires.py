# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wires over ansible's connections, with stubs behind them: what they refuse and cap.

The real connections against a real server are tested elsewhere; here nothing opens a socket.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from winrm.exceptions import WinRMTransportError

from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import HostUnreachable, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.wires import _cap_answers, open_wire
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import RemoteProtocolError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.xml import MAX_BYTES

ENDPOINT = "http://host.example:5985/wsman"
ANSWER, FAULT = b"<an answer/>", "<a fault/>"


# --- which connections ---


@pytest.mark.parametrize("kind", ["ssh", "local", "paramiko", "community.docker.docker"])
def test_other_connections_are_told_the_supported_ones(kind: str) -> None:
    with pytest.raises(RequestError, match=rf"winrm and psrp; this host uses '{kind}'\. Set ansible_connection"):
        open_wire(SimpleNamespace(transport=kind))


def test_a_connection_without_a_name_is_called_by_its_type() -> None:
    with pytest.raises(RequestError, match="this host uses 'SimpleNamespace'"):
        open_wire(SimpleNamespace())


def test_psrp_without_pypsrp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypsrp.wsman", None)
    with pytest.raises(RequestError, match=r"pypsrp is missing on the controller.*pip install pypsrp"):
        open_wire(SimpleNamespace(transport="psrp"))


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
        open_wire(connection)
    assert caught.value.__class__ is expected
    assert connection.shell_id is None, "else ansible would close a shell that never was"


class Transport:
    """pywinrm's transport, as far as it is used: answers by script, bytes or an error to raise."""

    endpoint = ENDPOINT

    def __init__(self, *script: bytes | Exception) -> None:
        self.script = list(script)
        self.encryption: object | None = "a context"
        self.closed = 0

    def send_message(self, message: bytes) -> bytes:
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

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

    connection = SimpleNamespace(transport="winrm", protocol=None, shell_id=None, _connect=connect, pywinrm=transport)
    return connection


def test_winrm_without_a_shell() -> None:
    connection = winrm(ANSWER, ANSWER)
    assert open_wire(connection).send(b"<x/>") == ANSWER
    assert connection.shell_id is None
    # The next task of the same host finds the connection as it was left.
    connection._connect = None
    assert open_wire(connection).send(b"<x/>") == ANSWER


def test_a_soap_fault_comes_with_http_500() -> None:
    assert open_wire(winrm(WinRMTransportError("http", 500, FAULT))).send(b"<x/>") == FAULT.encode()


@pytest.mark.parametrize(("status", "text"), [(404, "<html/>"), (503, ""), (500, "")])
def test_any_other_status_is_no_answer(status: int, text: str) -> None:
    connection = winrm(WinRMTransportError("http", status, text))
    wire = open_wire(connection)
    with pytest.raises(WinRMTransportError):
        wire.send(b"<x/>")
    wire.reset()
    assert connection.pywinrm.closed == 1
    assert connection.pywinrm.encryption is None, "the next message authenticates anew"


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
