# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change leaves, and what is reported and restored when it fails."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.host_view import HostView
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_format import checked_change_id
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.new_entry import new_change_id
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Change
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.request import ChangeTerms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.write import verify, write
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    AccessDenied,
    HostError,
    HostState,
    RequestError,
    SmbGuestError,
    UnexpectedState,
    worded,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import dword
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    BOTH,
    CLOSE,
    ENCRYPTION,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    HOUR,
    LOCAL,
    OPEN,
    OURS,
    POLICY,
    SIGNING_LOCAL,
    Died,
    change,
    engine,
    entry,
    held,
    moved,
    process_gone,
    put,
    snapshot,
    status,
    tidy,
    undo,
)
from ..states import state_of

# What a change leaves


def test_a_change_is_journaled_when_the_task_asks_for_anything() -> None:
    table = [
        (ChangeTerms(), False),
        (ChangeTerms("x"), True),
        (ChangeTerms(reason="r"), True),
        (ChangeTerms(expires_in=HOUR), True),
    ]
    assert [terms.journaled for terms, _wanted in table] == [wanted for _terms, wanted in table]
    assert ChangeTerms(keep_ended=3).journaled is False


def test_the_entry_of_a_change() -> None:
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 0})
    put(host, GUEST_LOCAL, "no", "REG_SZ")
    outcome = change(host, OPEN, BOTH, name="Ticket.1", hours=2, reason="a reason")
    made = entry(host, "ticket.1")
    assert outcome.entry == made
    assert (made.change_id, made.reason, made.status.value, made.seq) == ("Ticket.1", "a reason", "applied", 1)
    assert made.created_at == host.clock
    assert made.expires_at == host.clock + 2 * HOUR
    assert made.controller.host
    assert {(str(part.cell), str(part.found), str(part.leaves), part.found.running) for part in made.parts} == {
        ("insecure_guest_logons (local)", "REG_SZ 'no'", "1", None),
        ("insecure_guest_logons (policy)", "0", "1", None),
        ("client_signing (local)", "absent", "0", True),
    }
    assert made.made_keys == ()
    assert held(host, GUEST_LOCAL) == held(host, GUEST_POLICY) == ("REG_DWORD", 1)
    assert host.tasks == ["\\winops\\smb_guest\\Ticket.1"]
    assert list(host.registry.subkeys(OURS + r"\smb_guest\Changes")) == []


def test_keys_that_a_change_made_go_with_it() -> None:
    host = InProcessHost()
    before = host.snapshot()
    change(host, {GUEST: "allowed", "server_audit_insecure_guest_logons": "enabled"}, (POLICY,), name="a")
    change(host, {ENCRYPTION: "required"}, (POLICY,), name="b")
    keys = entry(host, "a").made_keys
    assert [key.rpartition("\\")[2] for key in keys] == ["LanmanServer", "LanmanWorkstation"]
    assert entry(host, "b").made_keys == (keys[1],), "b lies in a key that a made, and may be undone last"
    undo(host, "a")
    undo(host, "b")
    assert moved(before, host) == []


def test_nothing_to_change_writes_nothing_not_even_a_journal() -> None:
    host = InProcessHost(parameters={"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 0})
    before = host.snapshot()
    outcome = change(host, OPEN, name="x", hours=1, reason="r")
    assert (outcome.plan.changes, outcome.entry, outcome.verified) == ((), None, True)
    assert differences(before, host.snapshot()) == []


def test_the_name_of_a_change_that_was_rolled_back_is_free_again_and_no_other() -> None:
    host = InProcessHost()
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(AccessDenied):
        change(host, OPEN, name="x", reason="first")
    assert status(host, "x") == "rolled_back"
    change(host, OPEN, name="X", reason="second")
    assert [e.reason for e in snapshot(host).stack.entries] == ["second"]
    with pytest.raises(RequestError, match=r"has a change X already \(applied\)") as caught:
        change(host, CLOSE, name="x", reason="third")
    assert caught.value.host_state is HostState.NOTHING_WRITTEN
    undo(host, "x")
    with pytest.raises(RequestError, match=r"already \(reverted\)"):
        change(host, OPEN, name="x", reason="fourth")


def test_a_name_that_was_released_has_no_marks_of_its_former_life() -> None:
    host = InProcessHost()
    host.registry.create_key(OURS + r"\smb_guest\Changes\x~reverted")
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(AccessDenied):
        change(host, OPEN, name="x", reason="first")
    for word in ("failed", "ending"):  # the next run takes over the one and leaves the other
        host.registry.create_key(OURS + rf"\smb_guest\Changes\x~{word}")
    change(host, OPEN, name="x", reason="second")
    assert (status(host, "x"), snapshot(host).marks) == ("applied", ())


def test_new_names_are_good_names_that_sort_by_time() -> None:
    start = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    names = [new_change_id(start + timedelta(seconds=n)) for n in range(20)]
    assert names == sorted(names)
    assert len({new_change_id(start) for _number in range(20)}) == 20
    assert [checked_change_id(name) for name in names] == names


# What goes wrong in earnest


def test_what_is_written_back_by_something_on_the_host_is_restored_and_named() -> None:
    host = InProcessHost()
    before = host.snapshot()
    host.inject("silent_drop", match="SetDWORDValue", times=0)
    with pytest.raises(HostError, match=r"AllowInsecureGuestAuth was written as 1 and is absent") as caught:
        change(host, {GUEST: "allowed"}, (POLICY,), name="x", reason="r")
    assert isinstance(caught.value, UnexpectedState)
    assert caught.value.host_state is HostState.RESTORED
    assert moved(before, host) == []
    assert entry(host, "x").note.startswith(f"failed and restored: {GUEST_POLICY.location} was written as 1")
    assert not any("Task" in message["resource"] for message in host.messages), "it had no end, so no task"


def test_a_value_that_comes_back_after_it_was_deleted_is_named() -> None:
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 1})
    host.inject("silent_drop", match="DeleteValue", times=0)
    with pytest.raises(HostError, match=r"AllowInsecureGuestAuth was written as absent and is 1\."):
        change(host, {GUEST: "default"}, (POLICY,), name="x", reason="r")


def test_a_refusal_beneath_a_policy_names_the_policy_and_any_other_does_not() -> None:
    """The policy says the same, so it stands in the way of no plan."""
    for policy, expected in (({"AllowInsecureGuestAuth": 1}, HostError), ({}, AccessDenied)):
        host = InProcessHost(policy=policy, quirks={"running_follows_registry": False})
        host.client.running["EnableInsecureGuestLogons"] = False
        put(host, GUEST_LOCAL, 0, apply=False)
        before = host.snapshot()
        host.inject("access_denied", match="SetConfiguration", times=1)
        with pytest.raises(expected) as caught:
            change(host, {GUEST: "allowed"})
        assert caught.type is expected
        why = f"refused to set {GUEST} beneath the policy that governs {GUEST_POLICY.location}. Change it there."
        assert (why in str(caught.value)) is (expected is HostError)
        assert moved(before, host) == []


def test_a_local_value_is_never_deleted() -> None:
    host = InProcessHost()
    onto = engine(host)
    with pytest.raises(AssertionError, match="never deleted"):
        write(onto.session, onto.registry, [Change(GUEST_LOCAL, None, None)], {})
    assert host.requests == 0


def test_a_default_that_is_stored_by_storing_none_may_lie_beneath_a_policy_of_the_same_change() -> None:
    host = InProcessHost(quirks={"set_stores_no_default": True}, parameters={"AllowInsecureGuestAuth": 1})
    before = host.snapshot()
    assert change(host, {GUEST: "blocked"}, BOTH, name="x", reason="r").verified
    assert (held(host, GUEST_LOCAL), held(host, GUEST_POLICY)) == (None, ("REG_DWORD", 0))
    assert change(host, {GUEST: "blocked"}, BOTH, name="y", reason="r").plan.changes == ()
    undo(host, "x")
    assert moved(before, host) == []


def test_a_local_value_that_was_not_written_beneath_a_policy_of_the_same_change_is_found() -> None:
    """None before and none after: nothing says that SetConfiguration has done anything."""
    host = InProcessHost()
    host.inject("silent_drop", match="SetConfiguration", times=0)
    with pytest.raises(HostError, match="AllowInsecureGuestAuth was written as 1 and is absent"):
        change(host, {GUEST: "allowed"}, BOTH, name="x", reason="r")


def test_what_is_stored_and_does_not_run_is_no_change() -> None:
    host = InProcessHost(quirks={"running_follows_registry": False, "set_rereads_registry": False})
    host.edit(f"HKLM\\{GUEST_LOCAL.key}", GUEST_LOCAL.name, 1, apply=False)
    before = host.snapshot()
    host.inject("silent_drop", match="SetConfiguration", times=1)
    with pytest.raises(HostError, match=r"was set to allowed, and the host took it, but still runs with False"):
        change(host, {GUEST: "allowed"}, name="x", reason="r")
    assert moved(before, host) == []


def test_a_value_that_is_gone_proves_nothing_while_the_old_one_runs() -> None:
    """SetConfiguration may store a default by storing none: what runs tells, and only a policy takes that away."""
    wanted = [Change(GUEST_LOCAL, dword(1), False)]
    verify(wanted, {GUEST: state_of(GUEST, running=False)})
    verify(wanted, {GUEST: state_of(GUEST, running=True, policy=1)})
    with pytest.raises(UnexpectedState, match="was set to blocked, and the host took it, but still runs with True"):
        verify(wanted, {GUEST: state_of(GUEST, running=True)})
    with pytest.raises(UnexpectedState, match="was written as 0 and is 1"):
        verify(wanted, {GUEST: state_of(GUEST, running=True, policy=1, local=1)})
    with pytest.raises(UnexpectedState, match="was written as 0 and is absent"):
        verify([Change(GUEST_POLICY, dword(1), False)], {GUEST: state_of(GUEST, running=True, mdm=1)})


def test_what_cannot_be_restored_is_reported_and_undone_by_the_next_run() -> None:
    for name in (None, "x"):
        host = InProcessHost()
        before = host.snapshot()
        reference = InProcessHost()
        change(reference, OPEN, BOTH, name=name, reason="r" if name else "")
        methods = [message["method"] for message in reference.messages]
        at = methods.index("SetConfiguration") + 1
        host.inject("reset_after", at=[at])
        host.inject("soap_fault", at=range(at + 1, at + 200), match="SetConfiguration")
        host.inject("soap_fault", at=range(at + 1, at + 200), match="DeleteValue")
        with pytest.raises(HostError) as caught:
            change(host, OPEN, BOTH, name=name, reason="r" if name else "")
        assert re.search(r"The rollback failed as well.*may hold some of the new values", worded(caught.value))
        assert caught.value.changed is True
        host.clear_faults()
        if name:
            assert status(host, "x") == "failed"
            assert entry(host, "x").note.startswith("failed, and its rollback failed: ")
            assert f"{GUEST_LOCAL.location} is 1" in entry(host, "x").note
            assert "the next journaled run rolls it back" in worded(caught.value)
            assert tidy(host).changed is True
            assert status(host, "x") == "rolled_back"
            assert moved(before, host) == []


def test_a_host_that_is_gone_for_good_may_hold_the_new_values() -> None:
    for name in (None, "x"):
        host, reference = InProcessHost(), InProcessHost()
        before = host.snapshot()
        change(reference, OPEN, BOTH, name=name)
        at = [message["method"] for message in reference.messages].index("SetConfiguration") + 1
        host.inject("reset_after", at=[at])
        host.inject("reset_before", at=range(at + 1, at + 200))
        with pytest.raises(HostError, match=r"onnection") as caught:
            change(host, OPEN, BOTH, name=name)
        for cell in (SIGNING_LOCAL, GUEST_LOCAL, GUEST_POLICY):
            assert cell.location in worded(caught.value).partition("may hold some of the new values: ")[2]
        assert ("The journal could not be completed: " in worded(caught.value)) is bool(name)
        assert caught.value.changed is True
        host.clear_faults()
        if name:
            assert (status(host, "x"), tidy(host).changed, status(host, "x")) == ("pending", True, "rolled_back")
            assert moved(before, host) == []


def test_a_journal_that_cannot_be_closed_does_not_undo_what_was_verified() -> None:
    host, reference = InProcessHost(), InProcessHost()
    change(reference, OPEN, name="x")
    methods = [message["method"] for message in reference.messages]
    host.inject("access_denied", at=[len(methods) - methods[::-1].index("SetMultiStringValue")])
    with pytest.raises(
        SmbGuestError,
    ) as caught:
        change(host, OPEN, name="x")
    assert caught.value.host_state is HostState.CHANGED
    assert "journal of the change x could not be completed. The next journaled" in worded(caught.value)
    assert (caught.value.changed, status(host, "x"), held(host, GUEST_LOCAL)) == (True, "pending", ("REG_DWORD", 1))
    tidy(host)
    assert status(host, "x") == "applied"


def test_a_mistake_of_ours_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    host = InProcessHost()
    before = host.snapshot()
    monkeypatch.setattr(HostView, "after", lambda _self, _changes: {})
    with pytest.raises(HostError, match=r"A bug in winops\.smb_guest: KeyError") as caught:
        change(host, OPEN, name="x", reason="r")
    assert caught.value.host_state is HostState.RESTORED
    assert (caught.value.changed, moved(before, host), status(host, "x")) == (False, [], "rolled_back")


def test_changed_is_not_lost_where_two_contexts_nest() -> None:
    """A run first rolls back an interrupted one, then is refused: something changed."""
    host = InProcessHost()
    reference = InProcessHost()
    change(reference, OPEN, BOTH, name="cut", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, OPEN, BOTH, name="cut", reason="r")
    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 1)
    host.inject("access_denied", match="RegisterByXml")
    with pytest.raises(SmbGuestError) as caught:
        change(host, OPEN, (LOCAL,), name="next", hours=1)
    assert caught.value.changed is True
    assert held(host, GUEST_LOCAL) is None
