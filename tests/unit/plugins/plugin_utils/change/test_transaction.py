# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes as transactions: what is journaled when, and what becomes of a run that was cut off at any request."""

from __future__ import annotations

import copy
import itertools
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import Outcome, configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.host import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import (
    CHANGE_ID,
    CHANGES,
    PENDING,
    ROOT,
    DamagedEntry,
    Status,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import LOCK
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Wish
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.recovery import Recovery, recover
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.transaction import Terms, new_change_id
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import HostError, HostUnreachable, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer

from ..fakes import CLIENT_LOCAL, CLIENT_POLICY, unreachable_at
from ..remembering import NOW, RememberingHost, remembering_24h2

OPEN = [Wish(SETTINGS["insecure_guest_logons"], True), Wish(SETTINGS["client_signing"], False)]
TERMS = Terms(change_id="nas", reason="the old NAS", expires_in=timedelta(hours=8))
KEY = f"{CHANGES}\\nas"


class Killed(BaseException):
    """The controller is gone: no line of its code runs any more, as if by SIGKILL."""


@pytest.fixture
def host() -> RememberingHost:
    return remembering_24h2()


def open_guest(host: RememberingHost, terms: Terms = TERMS, *, check_mode: bool = False) -> Outcome:
    session: Any = host
    return configure(
        session, OPEN, [Layer.LOCAL, Layer.POLICY], tolerate_managed=False, check_mode=check_mode, terms=terms
    )


def recovered(host: RememberingHost) -> Recovery | None:
    session: Any = host
    return recover(Host(session))


def kill_at(host: RememberingHost, number: int) -> None:
    """Let the process die just before the request `number`, and everything after it."""
    count = itertools.count(1)

    def hook(_unused: str) -> None:
        if next(count) >= number:
            raise Killed

    host.hook = hook


def revive(host: RememberingHost) -> None:
    host.hook = lambda _: None


# What is journaled.


@pytest.mark.parametrize(
    ("terms", "journaled"),
    [
        (Terms(), False),
        (Terms(change_id="x"), True),
        (Terms(reason="x"), True),
        (Terms(expires_in=timedelta(hours=1)), True),
    ],
)
def test_a_change_is_journaled_when_the_task_asks_for_anything(
    host: RememberingHost, terms: Terms, journaled: bool
) -> None:
    outcome = open_guest(host, terms)
    assert terms.journaled is journaled
    assert (outcome.entry is not None) is journaled
    assert any(key.startswith(ROOT) for key in host.keys) is journaled


def test_the_order_of_a_change(host: RememberingHost) -> None:
    """Claim, journal, expiry, writes, verdict: nothing is written that nobody could undo."""
    open_guest(host)
    requests = host.requests
    claim = next(n for n, name in enumerate(requests) if LOCK in name)
    status = next(n for n, name in enumerate(requests) if name.endswith("\\Status"))
    task = requests.index("RegisterByXml")
    first = next(n for n, name in enumerate(requests) if "SetConfiguration" in name)
    policy = next(n for n, name in enumerate(requests) if "SetDWORDValue" in name and CLIENT_POLICY in name)
    applied = max(n for n, name in enumerate(requests) if name.endswith("\\Status"))
    assert claim < status < task < min(first, policy) < max(first, policy) < applied


def test_what_a_change_leaves(host: RememberingHost) -> None:
    outcome = open_guest(host)
    assert outcome.entry is not None
    assert (outcome.entry.status, outcome.entry.expires_at) == (Status.APPLIED, NOW + timedelta(hours=8))
    values = host.keys[KEY]
    assert (values["Status"], values["Reason"]) == ("applied", "the old NAS")
    assert values["ExpiresAt"] == "2026-03-01T20:00:00Z"
    assert list(host.tasks) == ["nas"]
    assert PENDING not in host.keys[ROOT]
    assert not [key for key in host.keys if key.startswith(LOCK + "\\")]


def test_check_mode_writes_nothing(host: RememberingHost) -> None:
    before = copy.deepcopy(host.keys)
    assert open_guest(host, check_mode=True).plan.changes
    assert (host.keys, host.tasks, host.writes) == (before, {}, [])


def test_nothing_to_change_writes_nothing(host: RememberingHost) -> None:
    open_guest(host)
    before = copy.deepcopy(host.keys)
    host.requests.clear()
    outcome = open_guest(host, Terms(change_id="again", reason="x"))
    assert (outcome.entry, outcome.as_dict()["changed"]) == (None, False)
    assert (host.keys, host.writes) == (before, [])


def test_the_name_of_a_change_that_was_rolled_back_is_free_again(host: RememberingHost) -> None:
    """A playbook with a fixed change_id must survive a run that failed once."""
    host.hook = unreachable_at("SetConfiguration")
    with pytest.raises(HostError, match="Everything was put back"):
        open_guest(host)
    host.hook = lambda name: None
    assert Host(host).journal.read("nas").status is Status.ROLLED_BACK
    done = open_guest(host)
    assert (done.entry and done.entry.change_id) == "nas"
    assert Host(host).journal.read("nas").status is Status.APPLIED


def test_a_name_is_given_once(host: RememberingHost) -> None:
    open_guest(host)
    host.put(CLIENT_LOCAL, "AllowInsecureGuestAuth", 0)
    before = copy.deepcopy(host.keys)
    with pytest.raises(RequestError, match=r"has a change NAS already.*Nothing was written"):
        open_guest(host, Terms(change_id="NAS"))
    assert host.keys == before


def test_new_names_are_good_names_that_sort_by_time() -> None:
    names = [new_change_id(NOW + timedelta(seconds=n)) for n in range(3)]
    assert names == sorted(names)
    assert all(CHANGE_ID.fullmatch(name) for name in names)
    assert len({new_change_id(NOW) for _unused in range(50)}) == 50


# What fails is put back.


@pytest.mark.parametrize("wanted", ["RegisterByXml", "SetConfiguration", f"SetDWORDValue {CLIENT_POLICY}"])
def test_what_fails_is_put_back_and_the_journal_says_why(host: RememberingHost, wanted: str) -> None:
    before = host.settings
    host.hook = unreachable_at(wanted)
    with pytest.raises(HostError, match=r"the line went dead.*put back"):
        open_guest(host)
    assert host.settings == before
    assert (host.keys[KEY]["Status"], host.tasks) == ("rolled_back", {})
    assert "the line went dead" in host.keys[KEY]["Note"]
    assert PENDING not in host.keys[ROOT]


def test_a_write_that_does_not_stick_is_put_back(host: RememberingHost) -> None:
    before = host.settings
    host.hook = lambda name: "drop" if f"SetDWORDValue {CLIENT_POLICY}" in name else None
    with pytest.raises(HostError, match="put back"):
        open_guest(host)
    assert host.settings == before


def test_what_cannot_be_put_back_is_said(host: RememberingHost) -> None:
    """The connection is gone for good: the journal holds the change for the next run."""

    def dead_after_the_first_write(_unused: str) -> None:
        if any("SetConfiguration" in done for done in host.requests[:-1]):
            raise HostUnreachable("the line went dead.")

    host.hook = dead_after_the_first_write
    with pytest.raises(HostError, match=r"Undoing it failed as well.*next run undoes it") as caught:
        open_guest(host)
    assert caught.value.changed
    assert host.keys[ROOT][PENDING] == "nas"
    revive(host)
    result = open_guest(host, Terms(reason="again"))
    assert result.recovery is not None
    assert result.recovery.changed
    assert host.keys[KEY]["Status"] == "rolled_back"


# What was cut off.


def test_cut_off_at_every_request(host: RememberingHost) -> None:
    """Whenever the controller dies, the next run with the same wish ends with it fulfilled and nothing pending."""
    whole = remembering_24h2()
    open_guest(whole)
    for number in range(1, len(whole.requests) + 1):
        host = remembering_24h2()
        kill_at(host, number)
        with pytest.raises(Killed):
            open_guest(host)
        revive(host)
        host.requests.clear()
        open_guest(host, Terms(reason="again"))
        assert host.settings == whole.settings, number
        assert PENDING not in host.keys.get(ROOT, {}), number
        statuses = {values["Status"] for key, values in host.keys.items() if key.startswith(CHANGES + "\\")}
        assert "pending" not in statuses, number
        assert "applied" in statuses, number
        claimed = any(key.startswith(LOCK + "\\") for key in host.keys)
        assert not (claimed and host.writes), number  # a run without anything to do leaves the dead their claim


@pytest.fixture
def cut_off(host: RememberingHost) -> RememberingHost:
    """A host whose change stands, and is not signed off."""
    open_guest(host)
    host.keys[KEY]["Status"] = "pending"
    host.put(ROOT, PENDING, "nas")
    return host


def test_nothing_pending_is_nothing_to_do(host: RememberingHost) -> None:
    assert recovered(host) is None
    assert host.writes == []


def test_what_was_complete_is_signed_off(cut_off: RememberingHost) -> None:
    before = cut_off.settings
    recovery = recovered(cut_off)
    assert recovery is not None
    assert (recovery.changed, "nas" in recovery.told) == (False, True)
    assert (cut_off.settings, cut_off.keys[KEY]["Status"], list(cut_off.tasks)) == (before, "applied", ["nas"])


def test_what_was_half_is_undone(cut_off: RememberingHost) -> None:
    cut_off.keys[CLIENT_LOCAL].pop("AllowInsecureGuestAuth")
    recovery = recovered(cut_off)
    assert recovery is not None
    assert (recovery.changed, "nas" in recovery.told) == (True, True)
    assert (cut_off.settings, cut_off.tasks) == (remembering_24h2().settings, {})
    assert cut_off.keys[KEY]["Status"] == "rolled_back"


def test_what_somebody_else_set_is_left(cut_off: RememberingHost) -> None:
    """An administrator repaired it by hand meanwhile, with a value of his own."""
    cut_off.put(CLIENT_POLICY, "AllowInsecureGuestAuth", "mine")
    recovery = recovered(cut_off)
    assert recovery is not None
    assert "AllowInsecureGuestAuth" in recovery.told
    assert cut_off.held(CLIENT_POLICY, "AllowInsecureGuestAuth") == "mine"
    assert cut_off.held(CLIENT_LOCAL, "RequireSecuritySignature") is None
    assert "somebody else" in cut_off.keys[KEY]["Note"]


def test_an_entry_without_a_status_is_removed(cut_off: RememberingHost) -> None:
    del cut_off.keys[KEY]["Status"]
    before = cut_off.settings
    recovery = recovered(cut_off)
    assert recovery is not None
    assert (recovery.changed, cut_off.settings) == (False, before)
    assert KEY not in cut_off.keys
    assert PENDING not in cut_off.keys[ROOT]


@pytest.mark.parametrize("status", ["applied", "reverted", "rolled_back"])
def test_a_mark_that_was_left_is_removed(cut_off: RememberingHost, status: str) -> None:
    """Such as when the host's own expiry ended the change."""
    cut_off.keys[KEY]["Status"] = status
    before = cut_off.settings
    recovered(cut_off)
    assert (cut_off.settings, cut_off.keys[KEY]["Status"]) == (before, status)
    assert PENDING not in cut_off.keys[ROOT]


@pytest.mark.parametrize("name", ["Before", "Wanted", "CreatedAt"])
def test_a_damaged_entry_is_said_and_never_used(cut_off: RememberingHost, name: str) -> None:
    cut_off.keys[KEY][name] = '{"values": "$(calc)"}'
    before, entry = cut_off.settings, dict(cut_off.keys[KEY])
    recovery = recovered(cut_off)
    assert recovery is not None
    assert (recovery.changed, "nas" in recovery.told) == (False, True)
    assert "cannot be undone" in recovery.told
    assert (cut_off.settings, cut_off.keys[KEY]) == (before, entry)
    assert PENDING not in cut_off.keys[ROOT]


def test_a_mark_that_is_no_name_stops(cut_off: RememberingHost) -> None:
    cut_off.put(ROOT, PENDING, "..\\..\\Policies")
    before = copy.deepcopy(cut_off.keys)
    with pytest.raises(DamagedEntry, match=PENDING):
        recovered(cut_off)
    assert cut_off.keys == before


def test_check_mode_only_tells_of_what_was_cut_off(cut_off: RememberingHost) -> None:
    before = copy.deepcopy(cut_off.keys)
    outcome = open_guest(cut_off, Terms(reason="x"), check_mode=True)
    assert any("nas" in warning for warning in outcome.warnings())
    assert cut_off.keys == before
