# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections judged: guest, unprotected, or older than a setting in force; and read from a simulated host."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from in_process import session as session_onto

from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.connections import GuestLogons, judge_connection
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_xml import EventRecord
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.guest_events import guest_logons
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.smb_connections import (
    SmbConnection,
    read_connections,
    read_sessions,
)
from simulated_windows.in_process import InProcessHost

PLAIN = SmbConnection("nas01", "scans", "CORP\\alice", "alice", "3.1.1", 1, False, signed=False, encrypted=False)
OPEN = {"insecure_guest_logons": True, "client_signing": False, "client_encryption": False}
HARDENED = {"insecure_guest_logons": False, "client_signing": True, "client_encryption": True}


def logons(number: int = 31022, **fields: str) -> GuestLogons:
    found = GuestLogons()
    found.add([EventRecord(number, time=datetime(2026, 3, 2, tzinfo=UTC), fields=fields)])
    return found


@pytest.mark.parametrize(
    ("fields", "guest"),
    [
        ({"ServerName": "\\NAS01", "UserName": "Alice"}, True),
        ({"ServerName": "\\nas01", "UserName": "alice@corp.example"}, True),
        ({"ServerName": "\\nas01"}, True),
        ({"ServerName": "\\nas01", "UserName": "bob"}, None),
        ({"ServerName": "\\nas02", "UserName": "alice"}, None),
        ({}, None),
    ],
)
def test_guest_is_what_the_event_log_tells(fields: dict[str, str], guest: bool | None) -> None:
    judged = judge_connection(PLAIN, OPEN, logons(**fields))
    assert judged.guest is guest
    assert ("31022" in judged.evidence) == bool(guest)


@pytest.mark.parametrize("change", [{"signed": True}, {"encrypted": True}])
def test_a_protected_connection_is_no_guest_session(change: dict[str, bool]) -> None:
    judged = judge_connection(replace(PLAIN, **change), OPEN, logons(ServerName="\\nas01"))
    assert (judged.guest, judged.as_dict()["unprotected"]) == (False, False)


def test_what_is_not_known_is_null() -> None:
    judged = judge_connection(replace(PLAIN, signed=None), HARDENED, None).as_dict()
    assert (judged["guest"], judged["unprotected"]) == (None, None)
    assert judged["contradicts"] == ["client_encryption"]


def test_settings_that_a_connection_does_not_live_up_to() -> None:
    guest = logons(ServerName="\\nas01")
    everything = ("insecure_guest_logons", "client_signing", "client_encryption")
    assert judge_connection(PLAIN, HARDENED, guest).contradicts == everything
    assert judge_connection(PLAIN, HARDENED, None).contradicts == everything[1:]
    assert judge_connection(replace(PLAIN, signed=True), HARDENED, guest).contradicts == ("client_encryption",)
    assert judge_connection(replace(PLAIN, encrypted=True), HARDENED, guest).contradicts == ()
    assert judge_connection(PLAIN, OPEN, guest).contradicts == ()
    assert judge_connection(PLAIN, {"client_signing": None}, guest).contradicts == ()


def test_read_from_a_host() -> None:
    host = InProcessHost()
    host.client.running.update(EnableInsecureGuestLogons=True, RequireSecuritySignature=False)
    host.host.connect({"name": "nas01", "guest": True, "user": "alice", "share": "scans"})
    host.host.connect({"name": "FS1", "guest": False, "signing": True, "user": "bob", "share": "home"})
    host.host.sessions = [
        {"SessionId": 2, "ClientComputerName": "pc\u202e2", "ClientUserName": "CORP\\bob", "Dialect": "3.1.1"},
        {"SessionId": 1, "ClientComputerName": "192.0.2.1", "ClientUserName": "", "Dialect": "2.1"},
    ]
    session = session_onto(host)
    found = read_connections(session)
    assert [(row.server, row.share, row.user, row.signed) for row in found] == [
        ("FS1", "home", "bob", True),
        ("nas01", "scans", "alice", False),
    ]
    judged = [judge_connection(row, OPEN, guest_logons(session)).guest for row in found]
    assert judged == [False, True]
    assert [(row.client, row.session_id, row.opens) for row in read_sessions(session)] == [
        ("192.0.2.1", 1, None),
        ("pc\\u202e2", 2, None),
    ]
    assert len(host.host.subscriptions) == 0
