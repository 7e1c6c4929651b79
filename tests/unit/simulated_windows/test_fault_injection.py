"""Every kind of fault is seen by a peer as what it says, at the message it was posted for, and nowhere else."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.protocol import Protocol

from simulated_windows.client import ControlError
from simulated_windows.fault_injection import KINDS
from simulated_windows.peer import SMB_CLIENT, WMI, Host, Peer, Reply, envelope, method_input

GUEST = "EnableInsecureGuestLogons"
URI = WMI + SMB_CLIENT
SET = envelope(URI, f"{URI}/SetConfiguration", method_input(URI, "SetConfiguration", {GUEST: True}))


def post(host: Host, kind: str, **options: Any) -> None:
    host.control.add_fault(host.name, kind, **options)


def is_set(host: Host) -> bool:
    return bool(host.running()[GUEST])


def fresh(host: Host) -> Peer:
    """A peer on a new connection."""
    return host.peer()


@pytest.mark.parametrize(("kind", "applied"), [("refuse", False), ("reset_before", False), ("reset_after", True)])
def test_connections_that_break(host: Host, kind: str, applied: bool) -> None:
    post(host, kind)
    with pytest.raises(requests.ConnectionError):
        fresh(host).post(SET)
    assert is_set(host) is applied
    assert fresh(host).send(SET).status == 200


def test_a_refused_connection_is_never_read(host: Host) -> None:
    post(host, "refuse", times=2)
    for _attempt in range(2):
        with pytest.raises(requests.ConnectionError):
            fresh(host).post(SET)
    counters = host.counters()
    assert (counters["connections"], counters["requests"], counters["bytes_received"]) == (2, 0, 0)


def test_delay(host: Host) -> None:
    post(host, "delay", seconds=0.3)
    started = time.monotonic()
    assert fresh(host).send(SET).outputs() == {"ReturnValue": "0"}
    assert time.monotonic() - started >= 0.3
    assert is_set(host)


def test_timeout_is_a_fault_and_nothing_happened(host: Host) -> None:
    post(host, "timeout")
    reply = fresh(host).send(SET)
    assert (reply.fault_codes, reply.subcode) == ([2150858793], "w:TimedOut")
    assert not is_set(host)


@pytest.mark.parametrize("processed", [False, True])
def test_hang_until_the_caller_gives_up(host: Host, processed: bool) -> None:
    post(host, "hang", processed=processed)
    with pytest.raises(requests.ReadTimeout):
        fresh(host).post(SET, timeout=1)
    assert is_set(host) is processed


@pytest.mark.parametrize("status", [401, 500, 503])
def test_bare_http_errors(host: Host, status: int) -> None:
    post(host, f"http_{status}")
    response = fresh(host).post(SET)
    assert (response.status_code, response.content) == (status, b"")
    assert not is_set(host)


DETAILS = {
    "no_detail": [],
    "wsman": [2150858843],
    "provider_text": [2150858843],
    "provider_wsman": [2150858843, 2150858843],
    "extended": [2150858843, 2150858843],
    "wmi_error": [2150858843],
}


@pytest.mark.parametrize("shape", sorted(DETAILS))
def test_soap_faults_in_every_shape(host: Host, shape: str) -> None:
    post(host, "soap_fault", shape=shape, code=2150858843, subcode="w:InvalidSelectors", text="Some <text>")
    reply = fresh(host).send(SET)
    assert (reply.status, reply.fault_codes, reply.subcode) == (500, DETAILS[shape], "w:InvalidSelectors")
    assert b"Some &lt;text&gt;" in reply.content
    assert (b"ExtendedStatus" in reply.content) is (shape == "extended")
    assert (b"MSFT_WmiError" in reply.content) is (shape == "wmi_error")
    assert not is_set(host)


def test_access_denied(host: Host) -> None:
    post(host, "access_denied")
    reply = fresh(host).send(SET)
    assert (reply.fault_codes, reply.subcode) == ([5], "w:AccessDenied")


@pytest.mark.parametrize(
    ("kind", "content_type", "part"),
    [
        ("garbage", "application/soap+xml", b"not XML"),
        ("html", "text/html", b"<!DOCTYPE html>"),
        ("doctype", "application/soap+xml", b"<!ENTITY"),
    ],
)
def test_answers_that_are_something_else(host: Host, kind: str, content_type: str, part: bytes) -> None:
    post(host, kind)
    response = fresh(host).post(SET)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith(content_type)
    assert part in response.content
    assert not is_set(host)


def test_hostile_xml_by_name_and_size(host: Host) -> None:
    post(host, "hostile_xml", text="many elements", size=5000)
    response = fresh(host).post(SET)
    assert response.status_code == 200
    assert response.content.count(b"<a/>") > 1000
    assert 4990 < len(response.content) <= 5000
    assert not is_set(host)


def test_cut_in_the_middle(host: Host) -> None:
    post(host, "cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        fresh(host).post(SET)
    assert is_set(host)


def test_huge(host: Host) -> None:
    post(host, "huge", size=3_000_000)
    response = fresh(host).post(SET)
    assert len(response.content) == 3_000_000
    assert response.content.endswith(b"aaaa")


def test_relations_that_are_wrong_or_missing(host: Host) -> None:
    post(host, "wrong_relates_to")
    post(host, "missing_relates_to")
    peer = fresh(host)
    wrong = peer.send(SET).header("RelatesTo")
    assert wrong is not None
    assert wrong.encode() not in SET
    assert peer.send(SET).header("RelatesTo") is None
    assert (peer.send(SET).header("RelatesTo") or "").encode() in SET


def test_return_value_and_silent_drop(host: Host) -> None:
    peer = fresh(host)
    post(host, "return_value", value=2147749889)
    assert peer.send(SET).outputs() == {"ReturnValue": "2147749889"}
    post(host, "silent_drop")
    assert peer.send(SET).outputs() == {"ReturnValue": "0"}
    assert not is_set(host)


def test_every_kind_has_a_test() -> None:
    tested = {
        "refuse", "reset_before", "reset_after", "delay", "timeout", "hang", "http_401", "http_500", "http_503",
        "soap_fault", "access_denied", "garbage", "html", "cut", "huge", "doctype", "hostile_xml",
        "wrong_relates_to", "missing_relates_to", "return_value", "silent_drop",
    }  # fmt: skip
    assert tested == set(KINDS)


# Where faults strike


def statuses(peer: Peer, count: int, message: bytes = SET) -> list[int]:
    return [peer.post(message).status_code for _number in range(count)]


def test_by_index(host: Host) -> None:
    post(host, "http_503", at=[2, 4])
    assert statuses(fresh(host), 5) == [200, 503, 200, 503, 200]
    host.control.reset_counters(host.name)
    assert statuses(fresh(host), 3) == [200, 503, 200]


def test_by_action(host: Host) -> None:
    post(host, "http_503", match="getconfig", times=2)
    get = envelope(URI, f"{URI}/GetConfiguration")
    peer = fresh(host)
    assert statuses(peer, 2) == [200, 200]
    assert statuses(peer, 3, get) == [503, 503, 200]


def test_without_end_until_cleared(host: Host) -> None:
    post(host, "http_503", times=0)
    peer = fresh(host)
    assert statuses(peer, 4) == [503] * 4
    host.control.clear_faults(host.name)
    assert statuses(peer, 1) == [200]


def test_the_ledger_names_the_fault(host: Host) -> None:
    post(host, "timeout", at=2)
    statuses(fresh(host), 2)
    rows = host.control.requests(host.name)
    assert [(row["index"], row["method"], row["status"], row.get("fault")) for row in rows] == [
        (1, "SetConfiguration", 200, None),
        (2, "SetConfiguration", 500, "timeout"),
    ]
    assert rows[0]["bytes"] == len(SET)
    assert rows[0]["action"] == f"{URI}/SetConfiguration"
    assert rows[0]["resource"] == URI


@pytest.mark.parametrize(
    "document", [{"kind": "nonsense"}, {"kind": "delay", "secs": 1}, {"kind": "soap_fault", "shape": "x"}]
)
def test_bad_faults_are_refused(host: Host, document: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="400"):
        host.control.add_fault(host.name, **document)


def test_faults_under_ntlm_encryption(host: Host) -> None:
    """Wrong answers are encrypted like right ones, so that they reach the caller's parser."""
    user, password = "Administrator", host.password("Administrator")
    protocol = Protocol(host.url("http"), "ntlm", user, password)
    protocol.transport.send_message(SET)
    post(host, "garbage")
    assert b"not XML" in protocol.transport.send_message(SET)
    post(host, "soap_fault", code=2150859174)
    with pytest.raises(WinRMTransportError) as caught:
        protocol.transport.send_message(SET)
    assert Reply(500, caught.value.response_text.encode()).fault_codes == [2150859174]
    post(host, "http_401")
    with pytest.raises(InvalidCredentialsError):
        protocol.transport.send_message(SET)
