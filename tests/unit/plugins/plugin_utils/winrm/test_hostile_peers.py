# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Peers without end, over ansible's real connections and real sockets: every one ends, and how soon is counted.

The clock of the deadlines goes on by a second with each look at it, and each read looks at it once: a peer that is read
from more often than its deadline has seconds fails the test, however fast this machine is.
"""

from __future__ import annotations

import base64
import itertools
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, HostFault, HostUnreachable
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.deadlines import Deadlines
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import open_transport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, CimType, Field, Method
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.limits import MAX_COMMAND_BYTES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import Enumerate, Invoke
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.winrm.connections import (
    BASIC,
    NTLM,
    connection,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.winrm.peers import (
    BOMBS,
    ENDLESS,
    OK,
    Peer,
    peer,
)
from simulated_windows.hostile_xml import HOSTILE_XML

MESSAGE, TASK = 60, 600
MEGABYTE = 1_000_000
THING = CimClass("root/Test", "TEST_Thing", {"Label": Field(CimType.STRING)}, {"Poke": Method()})
POKE = Invoke(THING, "Poke")


class Looked:
    """A clock of deadlines: each look is a second. looks: how often it was looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return float(self.looks)


def session_with(kind: str, there: Peer, clock: Callable[[], float], **more: Any) -> Session:
    transport: Any = open_transport(connection(kind, ansible_port=there.port, **{**BASIC[kind], **more}))
    transport._limits.deadlines = Deadlines(MESSAGE, TASK, clock)
    return Session(transport)


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("mode", ENDLESS)
def test_a_peer_without_end_ends_within_its_deadline(mode: str, kind: str) -> None:
    clock = Looked()
    with peer(ENDLESS[mode]) as there:
        tracemalloc.start()
        try:
            with pytest.raises(HostError) as caught:
                session_with(kind, there, clock).call(POKE)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert clock.looks <= MESSAGE + 5
    assert peak < 40 * MEGABYTE
    assert there.connections <= 2
    assert f"127.0.0.1:{there.port}" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("kind", BASIC)
def test_a_peer_that_says_continue_for_ever_is_recognised(kind: str) -> None:
    with peer(ENDLESS["continue for ever"]) as there, pytest.raises(HostUnreachable) as caught:
        session_with(kind, there, Looked()).call(POKE)
    assert "took longer than the 60 seconds that one message may take" in str(caught.value)


HTTPS = {
    "winrm": {"ansible_winrm_scheme": "https", "ansible_winrm_server_cert_validation": "ignore"},
    "psrp": {"ansible_psrp_protocol": "https", "ansible_psrp_cert_validation": "ignore"},
}


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize(
    "mode", ["headers for ever", "one header line for ever", "continue for ever", "a body for ever"]
)
def test_a_proxy_without_end(mode: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for a tunnel before anything is asked of the host."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    clock = Looked()
    with peer(ENDLESS[mode]) as there:
        proxy = {f"ansible_{kind}_proxy": f"http://127.0.0.1:{there.port}", "ansible_host": "host.example"}
        session = session_with(kind, there, clock, **HTTPS[kind], **proxy)
        with pytest.raises(HostError) as caught:
            session.call(POKE)
    assert there.requests[0].startswith(b"CONNECT host.example:")
    assert clock.looks <= MESSAGE + 5
    assert "https://host.example" in str(caught.value)


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_compressed_answer_is_not_unpacked(bomb: str, kind: str) -> None:
    tracemalloc.start()
    try:
        with peer(BOMBS[bomb]) as there, pytest.raises(HostError, match="compressed"):
            session_with(kind, there, Looked()).call(POKE)
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert b"accept-encoding: identity" in there.requests[0].lower()


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("transport", [BASIC, NTLM], ids=["basic", "ntlm"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed(status: int, transport: dict[str, dict[str, Any]], kind: str) -> None:
    """Neither our message nor our credentials go where a peer points to."""
    with peer(lambda taken: taken.sendall(OK + b"Content-Length: 0\r\n\r\n")) as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.port}/wsman"
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        with peer(lambda taken: taken.sendall(answer)) as there, pytest.raises(HostUnreachable) as caught:
            session_with(kind, there, Looked(), **transport[kind]).call(POKE)
        assert elsewhere.connections == 0
    assert f"answered HTTP {status} and points to {target}: this is not a WinRM listener" in str(caught.value)
    assert len(there.requests) == 1


@pytest.mark.parametrize("kind", NTLM)
def test_a_handshake_without_end(kind: str) -> None:
    """401 with one challenge after the other."""
    answer = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate %s\r\nContent-Length: 0\r\n\r\n"
    with peer(lambda taken: taken.sendall(answer % (b"TlRMTVNTUAACAAAA" * 3))) as there, pytest.raises(HostError):
        session_with(kind, there, Looked(), **NTLM[kind]).call(POKE)
    assert len(there.requests) <= 5


@pytest.mark.parametrize("kind", NTLM)
def test_a_peer_does_not_say_how_long_we_sleep(kind: str) -> None:
    """`Retry-After: 86400`, with a connection that is set to try again."""
    answer = b"HTTP/1.1 503 Busy\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n"
    more = {"ansible_psrp_reconnection_retries": 2, "ansible_psrp_reconnection_backoff": 0} if kind == "psrp" else {}
    with peer(lambda taken: taken.sendall(answer)) as there, pytest.raises(HostUnreachable):
        session_with(kind, there, Looked(), **more).call(POKE)
    assert len(there.requests) <= 3


FAULT = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Detail>'
    '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="87"><f:Message>Größe falsch'
    "</f:Message></f:WSManFault></s:Detail></s:Fault></s:Body></s:Envelope>"
)
RIGHT = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><Poke_OUTPUT><ReturnValue>7</ReturnValue>'
    "</Poke_OUTPUT></s:Body></s:Envelope>"
)


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("charset", ["", ";charset=UTF-8", ";charset=UTF-16"])
def test_a_fault_is_read_in_the_encodings_of_xml_as_a_right_answer_is(kind: str, encoding: str, charset: str) -> None:
    """Whatever the header says, which the libraries go by where the status is 500."""
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    for status, text in ((200, RIGHT), (500, FAULT)):
        body = (mark + text).encode(encoding)
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/soap+xml{charset}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = head.encode() + body
        with peer(lambda taken, answer=answer: taken.sendall(answer)) as there:
            session = session_with(kind, there, Looked())
            if status == 200:
                assert session.call(POKE).return_value == 7
            else:
                with pytest.raises(HostFault, match="Größe falsch") as caught:
                    session.call(POKE)
                assert (caught.value.kind, caught.value.code) == ("invalid_parameter", 87)


DOORS: dict[str, Callable[[Session], object]] = {
    "a method": lambda session: session.call(POKE),
    "a query": lambda session: session.query(Enumerate(THING)),
    "a command": lambda session: session.run([("whoami",)]),
}


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_grows_when_it_is_built(status: int, door: str, kind: str) -> None:
    """Ours, and those of shells, which the libraries parse."""
    for mode, make in HOSTILE_XML.items():
        body = make(180_000)
        head = b"HTTP/1.1 %d X\r\nContent-Type: application/soap+xml\r\nContent-Length: %d\r\n\r\n"
        answer = head % (status, len(body)) + body
        with peer(lambda taken, answer=answer: taken.sendall(answer)) as there:
            tracemalloc.start()
            try:
                with pytest.raises(HostError) as caught:
                    DOORS[door](session_with(kind, there, Looked()))
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        assert peak < 20 * MEGABYTE, mode
        assert len(str(caught.value)) < 500, mode


def _shell_answer(request: bytes) -> bytes:
    """A shell whose command writes for ever: 100 kB with each Receive."""
    shell = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
    found = re.search(rb"MessageID[^>]*>(.*?)<", request)
    assert found is not None
    text = request.decode()
    if "shell/Receive" in text:
        stream = base64.b64encode(b"x" * 100_000).decode()
        inner = (
            f'<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="1">{stream}</rsp:Stream>'
            f'<rsp:CommandState CommandId="1" State="{shell}/CommandState/Running"/></rsp:ReceiveResponse>'
        )
    elif "shell/Command" in text:
        inner = "<rsp:CommandResponse><rsp:CommandId>1</rsp:CommandId></rsp:CommandResponse>"
    elif "transfer/Create" in text:
        inner = '<rsp:Shell><rsp:ShellId>1</rsp:ShellId></rsp:Shell><x><w:Selector Name="ShellId">1</w:Selector></x>'
    else:
        inner = ""
    body = (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:rsp="{shell}" '
        'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>'
        f"<a:RelatesTo>{found[1].decode()}</a:RelatesTo></s:Header><s:Body>{inner}</s:Body></s:Envelope>"
    ).encode()
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("kind", BASIC)
def test_a_command_that_writes_for_ever(kind: str) -> None:
    answered: list[bytes] = []

    def habit(taken: Any) -> None:
        answered.append(_shell_answer(there.requests[-1]))
        taken.sendall(answered[-1])

    tracemalloc.start()
    try:
        with peer(habit) as there, pytest.raises(HostError, match="larger together than this may take"):
            session_with(kind, there, lambda: 0.0).run([("type", "x")])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 80 * MEGABYTE
    assert sum(map(len, answered)) < MAX_COMMAND_BYTES + MEGABYTE


def _page(number: int) -> bytes:
    name = "EnumerateResponse" if number == 0 else "PullResponse"
    space = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
    body = (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:n="{space}"><s:Body><n:{name}>'
        f"<n:EnumerationContext>{number}</n:EnumerationContext><n:Items/></n:{name}></s:Body></s:Envelope>"
    ).encode()
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("seconds", [1, 20])
def test_pages_without_end(seconds: int, kind: str) -> None:
    """Every page comes within its message's time; the task's time, or the number of pages, ends it."""
    number = itertools.count()
    clock = Looked()
    slow: Callable[[], float] = clock

    def looked() -> float:
        clock.looks += seconds - 1
        return slow()

    with peer(lambda taken: taken.sendall(_page(next(number)))) as there:
        transport: Any = open_transport(connection(kind, ansible_port=there.port, **BASIC[kind]))
        transport._limits.deadlines = Deadlines(MESSAGE * seconds, TASK, looked)
        with pytest.raises(HostError, match=r"did not end after 50 pages|took longer than the 600 seconds"):
            Session(transport).query(Enumerate(THING, "SELECT * FROM TEST_Thing"))
    assert len(there.requests) <= (51 if seconds == 1 else TASK / seconds)
