# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which events a host should be expected to write, and what the facts say of auditing."""

from __future__ import annotations

from collections.abc import Set

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.expected_events import (
    audit_facts,
    expected_events,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.guest_access import guest_access
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.state import SettingState
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import CHANNELS, EVENTS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import AUDITS, SETTINGS

from ..states import state_of

NEW = {"client_encryption", *(row.name for row in AUDITS)}


def host(
    *, on: tuple[str, ...] = (), missing: Set[str] = frozenset(), unknown: tuple[str, ...] = ()
) -> dict[str, SettingState]:
    return {
        name: state_of(name, supported=name not in missing, running=None if name in unknown else name in on)
        for name in SETTINGS
    }


def ids(states: dict[str, SettingState]) -> list[int]:
    return [event["id"] for event in expected_events(states, guest_access(states))]


GUEST, SIGNING = "insecure_guest_logons", "client_signing"


@pytest.mark.parametrize(
    ("on", "old", "expected"),
    [
        ((), False, [31017]),
        ((), True, [31017]),
        ((GUEST,), False, [31018, 31022]),
        ((GUEST,), True, [31018]),
        # Blocked by signing: the logon fails without an event.
        ((GUEST, SIGNING), False, [31018]),
        (("audit_insecure_guest_logons", "server_audit_insecure_guest_logons"), False, [3023, 31017, 31997]),
        (("audit_server_without_signing",), False, [31017, 31998]),
        (("audit_server_without_encryption",), False, [31017, 31999]),
        (("server_audit_client_without_signing",), False, [3021, 31017]),
        (("server_audit_client_without_encryption",), False, [3022, 31017]),
    ],
)
def test_expected_events(on: tuple[str, ...], old: bool, expected: list[int]) -> None:
    assert ids(host(on=on, missing=NEW if old else set())) == expected


def test_nothing_is_promised_where_nothing_is_known() -> None:
    assert ids(host(unknown=(GUEST,))) == []


@pytest.mark.parametrize("number", EVENTS)
def test_every_channel_of_an_event_is_in_the_table(number: int) -> None:
    assert set(EVENTS[number].channels) <= set(CHANNELS)


def test_every_event_of_a_setting_is_in_the_table() -> None:
    of_settings = {number for row in SETTINGS.values() for number in row.events}
    # No managed setting makes Windows write these: failures, and values that are not managed here.
    assert set(EVENTS) - of_settings == {31013, 31014, 31016, 31023}
    assert of_settings <= set(EVENTS)


@pytest.mark.parametrize(
    ("missing", "supported", "reason"),
    [
        (set(), True, "every audit setting is supported"),
        (NEW, False, "SMB auditing came with Windows 11 24H2 and Windows Server 2025"),
        (
            {"server_audit_insecure_guest_logons"},
            True,
            "not supported on this Windows: server_audit_insecure_guest_logons",
        ),
    ],
)
def test_audit_facts(missing: set[str], supported: bool, reason: str) -> None:
    states = host(missing=missing)
    facts = audit_facts(states, guest_access(states))
    assert (facts["supported"], facts["reason"]) == (supported, reason)
    assert facts["events_to_expect"] == [
        {"id": 31017, "channel": "Microsoft-Windows-SmbClient/Security", "meaning": EVENTS[31017].meaning}
    ]
