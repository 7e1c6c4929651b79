# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session of `requests` may do under limits, with adapters that make their answers up."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests

from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.deadlines import ClearText, Deadlines, Redirected
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.response_limits import ResponseLimits
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import RemoteProtocolError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.limits import MAX_ANSWER_BYTES

ENDPOINT = "http://host.example:5985/wsman"
ENCRYPTED = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
SOAP = "application/soap+xml;charset=UTF-8"


def limits() -> ResponseLimits:
    return ResponseLimits(Deadlines(60, 600, lambda: 0.0))


class Adapter(requests.adapters.BaseAdapter):
    """A `requests` adapter whose answers are made as they are read: a size, a status, headers."""

    def __init__(self, size: int, status: int = 200, **headers: str) -> None:
        super().__init__()
        self.size, self.status, self.headers = size, status, headers
        self.served = 0
        self.timeouts: list[Any] = []

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        self.timeouts.append(options.get("timeout"))
        adapter = self

        class Body(io.RawIOBase):
            def read(self, amount: int | None = -1) -> bytes:
                left = adapter.size - adapter.served
                amount = left if amount is None or amount < 0 else min(left, amount)
                adapter.served += amount
                return b"x" * amount

        response = requests.Response()
        response.status_code, response.raw, response.request, response.url = self.status, Body(), request, request.url
        response.headers.update({name.replace("_", "-"): value for name, value in self.headers.items()})
        return response

    def close(self) -> None:
        pass


def watched(adapter: Adapter, *, watcher: ResponseLimits | None = None, times: int = 1) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("http://", adapter)
    watcher = watcher or limits()
    for _unused in range(times):
        watcher.watch(session)
    return session


def post(session: requests.Session, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return session.post(ENDPOINT, data=b"x", headers=named, timeout=30)


@pytest.mark.parametrize("size", [0, 1, 1000, MAX_ANSWER_BYTES - 1, MAX_ANSWER_BYTES])
def test_an_answer_up_to_the_cap(size: int) -> None:
    assert post(watched(Adapter(size))).content == b"x" * size


@pytest.mark.parametrize("size", [MAX_ANSWER_BYTES + 1, 50 * 1024 * 1024])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_an_answer_beyond_the_cap_is_not_read_to_its_end(size: int, times: int, status: int) -> None:
    adapter = Adapter(size, status)
    with pytest.raises(RemoteProtocolError, match="larger than 1 MiB") as caught:
        post(watched(adapter, times=times))
    assert caught.value.problem == "too_large"
    assert adapter.served <= MAX_ANSWER_BYTES + 64 * 1024


def test_watching_twice_is_watching_once() -> None:
    session, watcher = requests.Session(), limits()
    watcher.watch(session)
    once = [session.send, *(adapter.send for adapter in session.adapters.values())]
    watcher.watch(session)
    assert [session.send, *(adapter.send for adapter in session.adapters.values())] == once


def test_a_redirect_ends_it() -> None:
    adapter = Adapter(9, 302, Location="https://elsewhere.example/")
    with pytest.raises(Redirected, match=r"HTTP 302 to https://elsewhere\.example/"):
        post(watched(adapter))
    assert len(adapter.timeouts) == 1
    assert adapter.served == 0
    with pytest.raises(Redirected, match="HTTP 304 to nowhere"):
        post(watched(Adapter(0, 304)))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "whatever"])
def test_a_compressed_answer_is_refused_unread(encoding: str) -> None:
    adapter = Adapter(1000, Content_Encoding=encoding)
    with pytest.raises(RemoteProtocolError, match="compressed"):
        post(watched(adapter))
    assert adapter.served == 0


def test_identity_is_no_compression() -> None:
    assert post(watched(Adapter(3, Content_Encoding="identity"))).content == b"xxx"


@pytest.mark.parametrize(("kind", "refused"), [(SOAP, True), ("text/html", True), ("", True), (ENCRYPTED, False)])
@pytest.mark.parametrize("status", [200, 500])
def test_clear_text_after_an_encrypted_message(status: int, kind: str, refused: bool) -> None:
    session = watched(Adapter(9, status, Content_Type=kind))
    if refused:
        with pytest.raises(ClearText):
            post(session, Content_Type=ENCRYPTED)
    else:
        assert post(session, Content_Type=ENCRYPTED).content == b"x" * 9
    assert post(session, Content_Type=SOAP).status_code == status


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_a_status_that_comes_from_below_winrm_is_never_encrypted(status: int) -> None:
    assert post(watched(Adapter(9, status)), Content_Type=ENCRYPTED).status_code == status


@pytest.mark.parametrize(
    ("status", "size", "handed_on"), [(500, 9, 200), (500, 0, 500), (503, 9, 503), (401, 9, 401), (200, 9, 200)]
)
def test_a_fault_is_an_answer_while_a_message_is_under_way(status: int, size: int, handed_on: int) -> None:
    watcher = limits()
    session = watched(Adapter(size, status), watcher=watcher)
    assert post(session).status_code == status
    watcher.faults_are_answers = True
    session = watched(Adapter(size, status), watcher=watcher)
    assert post(session).status_code == handed_on


@pytest.mark.parametrize(
    ("status", "size", "delivered"), [(200, 9, True), (500, 9, True), (500, 0, False), (200, 0, False), (401, 9, False)]
)
def test_what_counts_as_delivered(status: int, size: int, delivered: bool) -> None:
    watcher = limits()
    post(watched(Adapter(size, status), watcher=watcher))
    assert watcher.delivered is delivered


def test_text_without_a_charset_is_not_guessed() -> None:
    """To guess, requests reads all of it with a library that takes its time."""
    assert post(watched(Adapter(9, Content_Type="application/soap+xml"))).encoding == "utf-8"
    adapter = Adapter(9, Content_Type=SOAP)
    assert post(watched(adapter)).encoding == "utf-8"


@pytest.mark.parametrize(
    ("wanted", "given"), [(30, 30), (90, 60.0), (None, 60.0), ((30, 90), (30, 60.0)), ((None, 1), (60.0, 1))]
)
def test_no_wait_is_longer_than_what_is_left(wanted: Any, given: Any) -> None:
    adapter = Adapter(1)
    watcher = limits()
    watcher.deadlines.begin()
    watched(adapter, watcher=watcher).post(ENDPOINT, data=b"x", timeout=wanted)
    assert adapter.timeouts == [given]
