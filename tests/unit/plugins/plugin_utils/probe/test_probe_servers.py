# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many servers: what a task may call them, how long they take together, and how often an account is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe import peer, servers
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.logon import LogonAccount
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import (
    Report,
    Target,
    opening,
    probe_servers,
    read_target,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.probe.peers import (
    RECORDED,
    Clock,
    Peers,
    Replayed,
    Silent,
    samba,
)

SECONDS = 5.0
ACCOUNT = LogonAccount("scans", "Correct-Horse-7")


def _targets(hosts: Sequence[str]) -> list[Target]:
    return [Target(host, host, 445) for host in hosts]


def _in_virtual_time(hosts: dict[str, list[Replayed] | None]) -> tuple[list[Report], float]:
    """The reports, and how many seconds were waited for them."""
    peers = Peers(hosts)
    with asyncio.Runner(loop_factory=Clock) as runner:
        reports = runner.run(servers.probe(_targets(list(hosts)), SECONDS, None, 1, peers.dial))
        clock: Any = runner.get_loop()
        return reports, clock.now


def _hundred() -> dict[str, list[Replayed] | None]:
    """Every second address is silent: some take no connection, some take it and say nothing."""
    kinds = [lambda: samba("guest", 0.02), lambda: [Silent()], lambda: samba("accounts", 0.02), lambda: None]
    return {f"192.0.2.{number}": kinds[number % 4]() for number in range(100)}


def test_a_hundred_addresses_half_of_them_silent_cost_one_time_out() -> None:
    reports, waited = _in_virtual_time(_hundred())
    verdicts = [report.verdict.name for report in reports]
    assert [verdicts.count(name) for name in ("guest_only_suspected", "accounts_only", "no_answer", "unreachable")] == [
        25,
        25,
        25,
        25,
    ]
    assert waited == pytest.approx(SECONDS)


def test_that_waiting_is_really_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With less room the silent ones come one after the other, and the same count shows it."""
    monkeypatch.setattr(servers, "AT_ONCE", 10)
    _reports, waited = _in_virtual_time(_hundred())
    assert waited >= 5 * SECONDS


def test_a_server_that_falls_silent_is_asked_nothing_more() -> None:
    """Whatever it had said by then is used."""
    recorded = RECORDED["guest"]
    for spoken in range(1, len(recorded)):
        talk = [*samba("guest")[:spoken], Silent(), *samba("guest")[spoken + 1 :]]
        peers = Peers({"nas": talk})
        with asyncio.Runner(loop_factory=Clock) as runner:
            (report,) = runner.run(servers.probe(_targets(["nas"]), SECONDS, None, 1, peers.dial))
            clock: Any = runner.get_loop()
            assert clock.now == pytest.approx(SECONDS)
        assert len(peers.dialled) == spoken + 1
        assert report.verdict.name == "guest_only_suspected"
        assert report.as_dict()["incomplete"] == "it takes the connection and does not answer in time"
        assert all(each.closed for each in talk[: spoken + 1])


def test_a_server_that_falls_silent_in_the_middle_of_a_logon() -> None:
    """That it did not answer the unknown user is said, and nothing is concluded from it."""
    negotiated, challenge, _final = RECORDED["guest"][0]
    for answers in ([negotiated], [negotiated, challenge]):
        peers = Peers({"nas": [Silent(*answers)]})
        with asyncio.Runner(loop_factory=Clock) as runner:
            (report,) = runner.run(servers.probe(_targets(["nas"]), SECONDS, None, 1, peers.dial))
        assert report.verdict.name == "unclear"
        assert report.as_dict()["evidence"][0].startswith("It does not answer the logon of an unknown user")
        assert len(peers.dialled) == 1


def test_a_server_that_pauses_in_the_middle_of_a_logon() -> None:
    """STATUS_PENDING is followed by the real answer on its own."""
    negotiated, challenge, final = RECORDED["guest"][0]
    pending = challenge[:16] + "03010000" + challenge[24:]
    talk = samba("guest")
    talk[0] = Replayed([negotiated, pending, challenge, final])
    (report,) = probe_servers(_targets(["nas"]), SECONDS, dial=Peers({"nas": talk}).dial)
    assert report.as_dict()["guest"]["accepted"] is True
    assert len(talk[0].asked) == 3


ACCEPTED = [*RECORDED["guest"][0][:2], RECORDED["guest"][1][2]]
REFUSED = RECORDED["accounts"][0]
MADE_GUEST = RECORDED["guest"][0]


@pytest.mark.parametrize(
    ("answers", "at_most", "tried"),
    [
        ([ACCEPTED, ACCEPTED, ACCEPTED], 1, 3),
        ([REFUSED, ACCEPTED, ACCEPTED], 1, 1),
        ([ACCEPTED, REFUSED, ACCEPTED], 1, 2),
        ([MADE_GUEST, ACCEPTED, ACCEPTED], 1, 1),
        ([["SILENT"], ACCEPTED, ACCEPTED], 1, 1),
        ([REFUSED, REFUSED, ACCEPTED], 2, 2),
        ([REFUSED, ACCEPTED, REFUSED], 3, 3),
    ],
)
def test_an_account_fails_no_more_often_than_it_may(answers: list[list[str]], at_most: int, tried: int) -> None:
    hosts: dict[str, list[Replayed] | None] = {
        f"nas{number}": samba("guest", account=answer) for number, answer in enumerate(answers)
    }
    peers = Peers(hosts)
    reports = probe_servers(_targets(list(hosts)), SECONDS, ACCOUNT, at_most, peers.dial)
    assert [peers.dialled.count(host) > len(RECORDED["guest"]) for host in hosts] == [
        number < tried for number in range(len(answers))
    ]
    assert [report.as_dict()["account"]["accepted"] is True for report in reports] == [
        answer is ACCEPTED and number < tried for number, answer in enumerate(answers)
    ]


def test_an_account_is_not_tried_on_what_answers_no_logons() -> None:
    peers = Peers({"old": samba("smb1_only"), "gone": []})
    probe_servers(_targets(["old", "gone"]), SECONDS, ACCOUNT, dial=peers.dial)
    assert [peers.dialled.count(host) for host in ("old", "gone")] == [len(RECORDED["smb1_only"]), 1]


def test_a_server_that_is_named_twice_is_asked_once() -> None:
    peers = Peers({"nas": samba("guest")})
    assert len(probe_servers(_targets(["nas", "nas"]), SECONDS, dial=peers.dial)) == 1
    assert len(peers.dialled) == len(RECORDED["guest"])


def test_every_kind_of_server_has_its_say_on_opening() -> None:
    hosts: dict[str, list[Replayed] | None] = {name: samba(name) for name in RECORDED} | {"gone": []}
    said = opening(probe_servers(_targets(list(hosts)), SECONDS, dial=Peers(hosts).dial))
    assert [line.split()[0] for line in said["objections"]] == ["accounts", "smb1_only"]
    assert [line.split()[0] for line in said["doubts"]] == ["gone"]


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ("nas01", "nas01", 445),
        (" nas01.example.com ", "nas01.example.com", 445),
        ("nas01:1445", "nas01", 1445),
        ("192.0.2.7", "192.0.2.7", 445),
        ("192.0.2.7:1445", "192.0.2.7", 1445),
        ("2001:db8::7", "2001:db8::7", 445),
        ("fe80::1%eth0", "fe80::1%eth0", 445),
        ("[2001:db8::7]", "2001:db8::7", 445),
        ("[2001:db8::7]:1445", "2001:db8::7", 1445),
        ("\\\\nas01\\scans\\in", "nas01", 445),
        ("//nas01/scans", "nas01", 445),
        ("smb://nas01:1445/scans", "nas01", 1445),
        ("büro-nas", "büro-nas", 445),
    ],
)
def test_a_server_can_be_called(given: str, host: str, port: int) -> None:
    assert read_target(given, 445) == Target(given, host, port)


NO_SERVERS = ["", " ", "\\\\", "nas 01", "nas01:", "nas01:0", "nas01:65536", "nas01:x", "[nas01]", "[192.0.2.7]:445"]


@pytest.mark.parametrize("given", [*NO_SERVERS, "a:b:c", "2001:db8:::7", "nas\x1b[2J", "n\u202eas"])
def test_what_is_no_server_is_reported(given: str) -> None:
    with pytest.raises(RequestError, match="is no server: say a name or an address") as error:
        read_target(given, 445)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(RequestError, match="is no server"):
        read_target("nas01", port)


def test_the_library_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "smbprotocol.session", None)
    with pytest.raises(RequestError, match="pip install smbprotocol"):
        probe_servers(_targets(["nas"]), SECONDS)


def test_an_account_does_not_show_its_password() -> None:
    assert "Correct" not in repr(ACCOUNT)


def test_spellings_of_one_server_are_asked_once() -> None:
    given = [
        "NAS01",
        r"\\nas01\scans",
        "nas01.",
        "nas01:445",
        "nas01:1445",
        "[2001:DB8::7]",
        "2001:db8:0::7",
        "192.0.2.7",
    ]
    targets = servers.read_targets(given, 445)
    assert [target.given for target in targets] == ["NAS01", "nas01:1445", "[2001:DB8::7]", "192.0.2.7"]


def _dial(monkeypatch: pytest.MonkeyPatch, rows: list[tuple[int, str]], dead: set[str]) -> tuple[str, list[str], float]:
    """Which address was connected to, which were tried, and the seconds that it took. rows: family and address."""
    tried: list[str] = []

    async def connected(_family: int, address: str) -> Any:
        tried.append(address)
        if address in dead:
            await asyncio.Event().wait()
        if address == "refuses":
            raise ConnectionRefusedError
        return address

    async def addresses(_host: str, _port: int) -> list[tuple[int, str]]:
        return rows

    async def opened(*, sock: str, limit: int) -> tuple[str, None]:
        return sock, None

    monkeypatch.setattr(peer, "_addresses", addresses)
    monkeypatch.setattr(peer, "_connected", connected)
    monkeypatch.setattr(peer.asyncio, "open_connection", opened)
    with asyncio.Runner(loop_factory=Clock) as runner:
        conversation: Any = runner.run(peer.dial("nas", 445))
        clock: Any = runner.get_loop()
        return conversation._reader, tried, clock.now


def test_an_ipv6_address_that_leads_nowhere_costs_its_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(10, "v6 one"), (10, "v6 two"), (2, "v4")]
    taken, tried, waited = _dial(monkeypatch, rows, {"v6 one", "v6 two"})
    assert (taken, tried) == ("v4", ["v6 one", "v4"])
    assert waited == pytest.approx(peer.HEAD_START)


def test_an_address_that_refuses_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, tried, waited = _dial(monkeypatch, [(10, "refuses"), (2, "v4"), (2, "never")], set())
    assert (taken, tried, waited) == ("v4", ["refuses", "v4"], 0)


def test_no_address_that_takes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    for rows, failure in (([], peer.Failure.UNRESOLVED), ([(10, "refuses"), (2, "refuses")], peer.Failure.REFUSED)):
        with pytest.raises(peer.NoAnswer) as caught:
            _dial(monkeypatch, rows, set())
        assert caught.value.failure is failure
