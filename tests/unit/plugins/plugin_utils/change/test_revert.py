# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undoing journaled changes: which ones, against whom, and exactly."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.host import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import CHANGES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Wish
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import (
    Reverted,
    Selection,
    as_result,
    revert,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.transaction import Terms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import HostUnreachable, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer

from ..fakes import CLIENT_LOCAL, CLIENT_POLICY, unreachable_at
from ..remembering import Raw, RememberingHost, remembering_24h2

GUEST, SIGNING, AUDIT = (
    SETTINGS[name] for name in ("insecure_guest_logons", "client_signing", "audit_insecure_guest_logons")
)
LATEST, ALL, EXPIRING = Selection(latest=True), Selection(), Selection(expiring=True)


@pytest.fixture
def host() -> RememberingHost:
    """Three changes, an hour apart: `first` and `third` on the same setting, `second` with an expiry."""
    host = remembering_24h2()
    change(host, "first", Wish(GUEST, True))
    change(host, "second", Wish(SIGNING, False), hours=8)
    change(host, "third", Wish(GUEST, False))
    return host


def change(
    host: RememberingHost, name: str, wish: Wish, hours: int | None = None, after: timedelta = timedelta(hours=1)
) -> None:
    host.now += after
    session: Any = host
    terms = Terms(name, "test", timedelta(hours=hours) if hours else None)
    scopes = [Layer.LOCAL, Layer.POLICY]
    configure(session, [wish], scopes, tolerate_managed=False, check_mode=False, terms=terms)


def undo(host: RememberingHost, selection: Selection, *, force: bool = False, check_mode: bool = False) -> Reverted:
    session: Any = host
    return revert(Host(session), selection, force=force, check_mode=check_mode)


def statuses(host: RememberingHost) -> dict[str, str]:
    return {name: host.keys[f"{CHANGES}\\{name}"]["Status"] for name in ("first", "second", "third")}


def names(reverted: Reverted) -> list[str]:
    return [entry.change_id for entry in reverted.entries]


# Which ones.


def test_all_newest_first(host: RememberingHost) -> None:
    assert names(undo(host, ALL)) == ["third", "second", "first"]
    assert host.settings == remembering_24h2().settings
    assert set(statuses(host).values()) == {"reverted"}
    assert host.tasks == {}


def test_the_latest_that_stands(host: RememberingHost) -> None:
    assert [names(undo(host, LATEST)) for _unused in range(4)] == [["third"], ["second"], ["first"], []]
    assert host.settings == remembering_24h2().settings


def test_one_by_its_name(host: RememberingHost) -> None:
    assert names(undo(host, Selection("second"))) == ["second"]
    assert statuses(host) == {"first": "applied", "second": "reverted", "third": "applied"}
    assert host.running("MSFT_SmbClientConfiguration")["RequireSecuritySignature"] is True


def test_those_that_wait_for_their_expiry(host: RememberingHost) -> None:
    assert names(undo(host, EXPIRING)) == ["second"]
    assert (host.tasks, statuses(host)["third"]) == ({}, "applied")


def test_an_unknown_name_says_which_there_are(host: RememberingHost) -> None:
    before = copy.deepcopy(host.keys)
    with pytest.raises(RequestError, match=r"no change other. It has: first, second, third"):
        undo(host, Selection("other"))
    assert host.keys == before


@pytest.mark.parametrize("selection", [Selection("third"), LATEST, ALL, EXPIRING])
def test_undone_already_is_no_change(host: RememberingHost, selection: Selection) -> None:
    undo(host, ALL)
    before = copy.deepcopy(host.keys)
    host.requests.clear()
    assert as_result(undo(host, selection))["changed"] is False
    assert (host.keys, host.writes) == (before, [])


def test_a_host_without_a_journal() -> None:
    host = remembering_24h2()
    assert as_result(undo(host, ALL))["changed"] is False
    assert host.writes == []


def test_a_damaged_entry_is_said_and_blocks_nothing(host: RememberingHost) -> None:
    host.keys[f"{CHANGES}\\second"]["Before"] = "{"
    reverted = undo(host, ALL)
    assert names(reverted) == ["third", "first"]
    assert len(reverted.damaged) == 1
    assert "second" in reverted.damaged[0]


def test_changes_of_the_same_second_are_undone_newest_first() -> None:
    host = remembering_24h2()
    for name, value in (("b", True), ("a", False)):
        change(host, name, Wish(GUEST, value), after=timedelta(milliseconds=1))
    assert names(undo(host, LATEST, check_mode=True)) == ["a"]
    assert names(undo(host, ALL)) == ["a", "b"]
    assert host.settings == remembering_24h2().settings


# Against whom.


@pytest.mark.parametrize("key", [CLIENT_POLICY, CLIENT_LOCAL])
@pytest.mark.parametrize("value", ["mine", Raw(3, b"\x01")])
def test_somebody_else_is_named(host: RememberingHost, key: str, value: Any) -> None:
    host.put(key, "AllowInsecureGuestAuth", value)
    before = copy.deepcopy(host.keys)
    found = rf"Somebody changed a value since the change third: HKLM.{re.escape(key)}.AllowInsecureGuestAuth is now"
    with pytest.raises(RequestError, match=rf"{found}.*force: true"):
        undo(host, Selection("third"))
    kept = {where: values for where, values in host.keys.items() if "Lock" not in where}
    assert kept == {where: values for where, values in before.items() if "Lock" not in where}


def test_force_restores_all_the_same(host: RememberingHost) -> None:
    host.put(CLIENT_POLICY, "AllowInsecureGuestAuth", "mine")
    undo(host, ALL, force=True)
    assert host.settings == remembering_24h2().settings


def test_what_a_newer_change_of_ours_wrote_is_not_foreign(host: RememberingHost) -> None:
    """`third` wrote over `first`: undoing both together is no conflict; undoing the older alone keeps what it knows."""
    assert names(undo(host, ALL)) == ["third", "second", "first"]


def test_a_value_that_is_back_already_is_no_conflict(host: RememberingHost) -> None:
    undo(host, LATEST)
    host.keys[CLIENT_LOCAL].pop("RequireSecuritySignature")
    assert names(undo(host, Selection("second"))) == ["second"]


@pytest.mark.parametrize("step", range(1, 9))
def test_cut_off_in_the_middle_goes_on(step: int) -> None:
    """What a revert that was cut off has put back is no foreign value: the next one finishes."""
    host = remembering_24h2()
    change(host, "only", Wish(GUEST, True), hours=8)
    count = 0

    def hook(name: str) -> None:
        nonlocal count
        if "SetConfiguration" in name or "Delete" in name or "Set" in name:
            count += 1
            if count > step:
                raise HostUnreachable("the line went dead.")

    host.hook = hook
    with pytest.raises(HostUnreachable, match="the line went dead"):
        undo(host, ALL)
    host.hook = lambda _: None
    undo(host, ALL)
    assert host.settings == remembering_24h2().settings
    assert host.tasks == {}


# What it says.


@pytest.mark.parametrize("selection", [Selection("third"), LATEST, ALL, EXPIRING])
def test_check_mode_says_the_same_and_writes_nothing(host: RememberingHost, selection: Selection) -> None:
    before = copy.deepcopy(host.keys)
    host.requests.clear()
    planned = undo(host, selection, check_mode=True)
    assert (host.keys, host.writes) == (before, [])
    done = undo(host, selection)
    assert (names(planned), planned.changes) == (names(done), done.changes)


def test_check_mode_refuses_as_well(host: RememberingHost) -> None:
    host.put(CLIENT_POLICY, "AllowInsecureGuestAuth", "mine")
    with pytest.raises(RequestError, match="Somebody changed a value"):
        undo(host, LATEST, check_mode=True)


def test_the_result_tells_each_write(host: RememberingHost) -> None:
    result = as_result(undo(host, Selection("second")))
    assert result["changed"] is True
    assert [(row["setting"], row["scope"], row["from"], row["to"]) for row in result["changes"]] == [
        ("client_signing", "local", False, None)
    ]
    assert [row["change_id"] for row in result["reverted"]] == ["second"]
    assert result["reconnect_required"] is True


def test_a_failure_says_changed(host: RememberingHost) -> None:
    host.hook = unreachable_at("DeleteValue")
    with pytest.raises(HostUnreachable) as caught:
        undo(host, ALL)
    assert caught.value.changed
