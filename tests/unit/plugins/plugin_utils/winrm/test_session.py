# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A conversation over a transport that answers by script: what becomes of answers, faults and errors."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import requests
from pypsrp.exceptions import WSManFaultError as PsrpFault
from winrm.exceptions import InvalidCredentialsError
from winrm.exceptions import WSManFaultError as WinrmFault

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    AccessDenied,
    HostError,
    HostFault,
    HostUnreachable,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import Peer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import CommandResult
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, CimType, Field, Method
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import RemoteProtocolError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.limits import MAX_ANSWER_BYTES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import (
    ENUMERATION,
    MAX_PAGES,
    Delete,
    Enumerate,
    Invoke,
)

ENDPOINT = "http://host.example:5985/wsman"
THING = CimClass(
    "root/Test",
    "TEST_Thing",
    {"Label": Field(CimType.STRING)},
    {f"{verb}Thing": Method() for verb in ("Set", "Delete", "Create", "Register")} | {"Poke": Method()},
)
POKE = Invoke(THING, "Poke")


class Transport:
    """A connection that answers by script: bytes, or an error to raise."""

    peer = Peer(ENDPOINT, "winrm")
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
    transport = Transport(fault(code))
    with pytest.raises(expected) as caught:
        Session(transport).call(POKE)
    assert caught.value.__class__ is expected
    assert transport.resets == 0, "a fault is an answer"
    if isinstance(caught.value, HostFault):
        assert caught.value.code == code
        assert "Some text" in str(caught.value)
        assert f"0x{code:08X}" in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "writing"),
    [
        (POKE, False),
        (Invoke(THING, "SetThing"), True),
        (Invoke(THING, "DeleteThing"), True),
        (Invoke(THING, "CreateThing"), True),
        (Invoke(THING, "RegisterThing"), True),
        (Delete(THING, {"Label": "x"}), True),
    ],
    ids=str,
)
def test_a_denial_says_whether_it_was_a_write(operation: Invoke | Delete, writing: bool) -> None:
    with pytest.raises(AccessDenied) as caught:
        Session(Transport(fault(5))).call(operation)  # type: ignore[arg-type]  # either has an answer
    assert caught.value.writing is writing


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
    (b" " * (MAX_ANSWER_BYTES + 1), HostError),
    (envelope("<Poke_OUTPUT><ReturnValue>many</ReturnValue></Poke_OUTPUT>"), HostError),
]


@pytest.mark.parametrize(("answer", "expected"), STRANGE)
def test_a_strange_first_answer(answer: bytes, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught:
        Session(Transport(answer)).call(POKE)
    assert caught.value.__class__ is expected
    assert ENDPOINT in str(caught.value)
    assert "Check" in str(caught.value)
    assert "boom" not in str(caught.value)


@pytest.mark.parametrize("answer", [answer for answer, _unused in STRANGE])
@pytest.mark.parametrize("first", [OK, fault(87)])
def test_a_strange_later_answer_is_no_unreachable_host(first: bytes, answer: bytes) -> None:
    session = Session(Transport(first, answer))
    try:
        session.call(POKE)
    except HostFault:
        assert first is not OK
    with pytest.raises(HostError) as caught:
        session.call(POKE)
    assert caught.value.__class__ is HostError


def test_a_broken_connection_is_forgotten_and_explained() -> None:
    transport = Transport(requests.ConnectionError("Connection aborted."), OK)
    session = Session(transport)
    with pytest.raises(HostUnreachable, match="closed the connection"):
        session.call(POKE)
    assert transport.resets == 1
    assert session.call(POKE).return_value == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_the_users_interrupt_is_no_error_of_the_host(error: BaseException) -> None:
    transport = Transport()
    transport.send = lambda message: (_unused for _unused in ()).throw(error)  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        Session(transport).call(POKE)


# --- queries ---


def page(kind: str, *labels: str, context: str | None) -> bytes:
    items = "".join(f"<TEST_Thing><Label>{label}</Label></TEST_Thing>" for label in labels)
    more = f"<n:EnumerationContext>{context}</n:EnumerationContext>" if context else "<n:EndOfSequence/>"
    return envelope(f"<n:{kind}>{more}<n:Items>{items}</n:Items></n:{kind}>")


QUERY = Enumerate(THING, "SELECT * FROM TEST_Thing")


def test_a_query_is_run_to_its_end() -> None:
    transport = Transport(page("EnumerateResponse", "a", context="one"), page("PullResponse", "b", "c", context=None))
    assert [instance["Label"] for instance in Session(transport).query(QUERY)] == ["a", "b", "c"]
    assert len(transport.sent) == 2


@pytest.mark.parametrize(
    ("second", "expected"),
    [(fault(5), AccessDenied), (fault(87), HostFault), (b"garbage", HostError)],
)
def test_a_query_that_breaks_off_is_released(second: bytes, expected: type[Exception]) -> None:
    transport = Transport(page("EnumerateResponse", "a", context="one"), second, envelope(""))
    with pytest.raises(expected) as caught:
        Session(transport).query(QUERY)
    assert caught.value.__class__ is expected
    assert b"<n:Release" in transport.sent[-1]
    assert b"one" in transport.sent[-1]


def test_a_query_without_end_is_the_hosts_fault_not_ours() -> None:
    pages = [page("PullResponse", "b", context="more") for _unused in range(MAX_PAGES)]
    transport = Transport(page("EnumerateResponse", "a", context="one"), *pages, envelope(""))
    with pytest.raises(HostError, match="did not end"):
        Session(transport).query(QUERY)
    assert len(transport.sent) == MAX_PAGES + 1


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
        (_winrm_fault(0x803381A5), HostError, "0x803381A5"),
        (_winrm_fault(None), HostError, "refused a shell: Shells are out"),
        (InvalidCredentialsError("rejected"), HostUnreachable, "rejected the credentials"),
    ],
)
def test_a_shell_that_is_refused(error: Exception, expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said) as caught:
        Session(Transport(error)).run([("wevtutil.exe", "gl", "x")])
    assert caught.value.__class__ is expected


def test_commands_and_their_results() -> None:
    results = Session(Transport(b"0", b"5")).run([("a",), ("b", "c")])
    assert [result.exit_code for result in results] == [0, 5]


def test_an_answer_beyond_the_cap_becomes_one_sentence() -> None:
    transport = Transport(RemoteProtocolError("too_large", "it is larger than 1 MiB"))
    with pytest.raises(HostError, match="larger than 1 MiB") as caught:
        Session(transport).call(POKE)
    assert caught.value.__class__ is HostError
    assert transport.resets == 1, "half of the answer is still on its way"
