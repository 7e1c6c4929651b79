# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe against real Samba servers, each started for the test with a row of the table."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.logon import LogonAccount
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import (
    Report,
    Target,
    opening,
    probe_servers,
    read_target,
)
from ansible_collections.winops.smb_guest.tests.probe.samba_server import Samba
from ansible_collections.winops.smb_guest.tests.probe.variants import GUEST, PASSWORD, USER, VARIANTS, Variant

# Long enough that no busy machine runs into it: nothing here waits for it.
SECONDS = 60.0

Start = Callable[[Any], Samba]


def _probe(ports: list[int], password: str | None = None, **options: int) -> list[Report]:
    account = LogonAccount(USER, password) if password else None
    return probe_servers([read_target(f"127.0.0.1:{port}", 445) for port in ports], SECONDS, account, **options)


def _found(result: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        result = result[int(key)] if isinstance(result, list) else result[key]
    return result


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_variant(start: Start, variant: Variant) -> None:
    (report,) = _probe([start(variant.settings).port], variant.password)
    result = report.as_dict()
    assert {dotted: _found(result, dotted) for dotted in variant.finds} == dict(variant.finds)
    assert result["verdict"] == variant.verdict, result["evidence"]
    assert result["evidence"]
    assert all(sentence.endswith(".") for sentence in result["evidence"])


def _logons(server: Samba) -> list[str]:
    return [line for line in (server.folder / "log").read_text().splitlines() if "Auth: [SMB2" in line]


def test_one_try_of_a_name_that_nobody_has(start: Start) -> None:
    """What the server itself has recorded: a nameless logon, and one of a random name."""
    server = start({"log level": "1 auth_audit:3"})
    _probe([server.port])
    names = [line.partition("user [")[2].partition("]\\[")[2].partition("]")[0] for line in _logons(server)]
    assert sorted(name[:12] for name in names) == ["", "guest-probe-"]


def test_a_wrong_password_is_tried_once(start: Start) -> None:
    servers = [start({"log level": "1 auth_audit:3"}) for _number in range(3)]
    ports = [server.port for server in servers]
    reports = _probe(ports, "wrong")
    assert [sum(USER in line for line in _logons(server)) for server in servers] == [1, 0, 0]
    assert [report.as_dict()["account"]["accepted"] for report in reports] == [False, None, None]
    _probe(ports, "wrong", max_failed_logons=2)
    assert [sum(USER in line for line in _logons(server)) for server in servers] == [2, 1, 0]


def test_a_right_password_is_tried_everywhere(start: Start) -> None:
    reports = _probe([start(GUEST).port, start({}).port], PASSWORD)
    assert [report.as_dict()["account"]["accepted"] for report in reports] == [True, True]
    assert [report.verdict.name for report in reports] == ["guest_offered", "accounts_only"]


def test_a_server_that_is_asked_by_many_names_at_once(start: Start) -> None:
    """Each probe has the whole answer: they are not in each other's way on the server."""
    port = start(GUEST).port
    reports = probe_servers([Target(f"nas{number}", "127.0.0.1", port) for number in range(40)], SECONDS)
    assert {(report.verdict.name, report.seen.failure) for report in reports} == {("guest_only_suspected", None)}


def test_nothing_is_opened_or_written(start: Start) -> None:
    """Every request that smbd has carried out belongs to these three."""
    server = start(GUEST | {"log level": "1 smb2:10"})
    before = sorted((server.folder / "share").rglob("*"))
    _probe([server.port], PASSWORD)
    log = (server.folder / "log").read_text()
    opcodes = {line.partition("opcode[")[2].partition("]")[0] for line in log.splitlines() if "opcode[" in line}
    assert opcodes == {"SMB2_OP_NEGPROT", "SMB2_OP_SESSSETUP"}
    assert sorted((server.folder / "share").rglob("*")) == before


def test_a_name_with_an_address_where_nothing_listens(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next address is tried: localhost is often ::1 first, and the server listens on 127.0.0.1 alone."""
    port = start(GUEST).port
    rows = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: rows)
    (report,) = probe_servers([read_target("nas.example.com", port)], SECONDS)
    assert report.verdict.name == "guest_only_suspected"


def test_what_enable_guest_learns(start: Start) -> None:
    said = opening(_probe([start(GUEST).port, start({}).port, 1]))
    assert [line.split()[2].rstrip(":") for line in said["objections"]] == ["accounts_only"]
    assert [line.split()[2].rstrip(":") for line in said["doubts"]] == ["unreachable"]
