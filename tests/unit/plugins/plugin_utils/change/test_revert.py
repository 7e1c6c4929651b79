# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undoing: any change, in any order, exactly; what is somebody else's stops it; whatever breaks, it can go on."""

from __future__ import annotations

from itertools import permutations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import lock, process
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import HostBusy, locked
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import reverted_as_dict
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    HostError,
    HostState,
    HostUnreachable,
    RequestError,
    SmbGuestError,
)
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    BOTH,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    LOCAL,
    OURS,
    POLICY,
    SIGNING,
    Died,
    Mistaken,
    change,
    engine,
    entry,
    held,
    meanwhile,
    moved,
    process_gone,
    put,
    runs,
    snapshot,
    status,
    tidy,
    undo,
)

AUDIT_POLICY = Cell.named(AUDIT, "policy")
LAZY = {"running_follows_registry": False}


def stacked(quirks: dict[str, bool] | None = None) -> InProcessHost:
    """Three changes over each other, the first and the last of which end by themselves."""
    host = InProcessHost(quirks=quirks or {})
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, BOTH, name="low", hours=1)
    change(host, {GUEST: "blocked", AUDIT: "enabled"}, BOTH, name="middle", reason="r")
    change(host, {GUEST: "allowed"}, BOTH, name="high", hours=2)
    return host


def test_any_order_comes_to_the_same_and_a_second_run_changes_nothing() -> None:
    for quirks in ({}, LAZY):
        pristine = InProcessHost(quirks=quirks).snapshot()
        host = stacked(quirks)
        saved = host.save()
        for order in permutations(("low", "middle", "high")):
            host.load(saved)
            for name in order:
                foreseen = reverted_as_dict(undo(host, name, check=True))
                done = reverted_as_dict(undo(host, name))
                assert done["changes"] == foreseen["changes"], (order, name)
                assert done["changed"] is foreseen["changed"] is True
                before = host.snapshot()
                again = undo(host, name)
                assert (reverted_as_dict(again)["changed"], differences(before, host.snapshot())) == (False, [])
            assert moved(pristine, host) == [], order


def test_all_at_once_comes_to_the_same_and_is_foreseen() -> None:
    pristine, host = InProcessHost().snapshot(), stacked()
    foreseen = reverted_as_dict(undo(host, check=True))["changes"]
    assert foreseen
    assert reverted_as_dict(undo(host))["changes"] == foreseen
    assert moved(pristine, host) == []


def test_a_plain_undoing_says_nothing_and_asks_nothing_that_it_need_not() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, BOTH, name="x", reason="r")
    host.registry.create_key(OURS + r"\smb_guest\Changes\x~ending")
    host.reset_counters()
    assert undo(host, "x").warnings == ()
    assert host.requests == 24, "a request more is a round trip more: is it needed?"
    assert not any("Task" in message["resource"] for message in host.messages), "it had no end, so no task"
    assert (entry(host, "x").note, snapshot(host).marks) == ("reverted", ())


def test_damaged_lines_and_an_interrupted_run_are_reported_in_undoing_too() -> None:
    host, reference = InProcessHost(), InProcessHost()
    for either in (host, reference):
        change(either, {AUDIT: "enabled"}, name="low", reason="r")
        either.reset_counters()
    change(reference, {GUEST: "allowed"}, name="cut", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "allowed"}, name="cut", reason="r")
    where = OURS + r"\smb_guest"
    lines = host.registry.get(where, "Standing")
    assert lines is not None
    host.edit(where, "Standing", ["no line", *lines.data], "REG_MULTI_SZ")
    assert any("Line 1 of HKLM" in told for told in undo(host, "low", check=True).warnings)
    reverted = undo(host, "low")
    assert any("Line 1 of HKLM" in told for told in reverted.warnings)
    assert reverted.recovery.warnings != ()


def test_the_number_of_ended_changes_to_keep_counts_in_undoing_too() -> None:
    host = InProcessHost()
    for number in range(4):
        change(host, {GUEST: "allowed"}, name=f"x{number}", reason="r")
        revert(engine(host), Selection(f"x{number}"), force=False, check_mode=False, keep=2)
    assert [known.change_id for known in snapshot(host).stack.entries] == ["x2", "x3"]


def test_an_undoing_after_which_the_host_cannot_be_read_has_changed_it() -> None:
    host, reference = InProcessHost(), InProcessHost()
    for either in (host, reference):
        change(either, {GUEST: "allowed"}, name="x", reason="r")
        either.reset_counters()
    undo(reference, "x")
    last = max(at for at, message in enumerate(reference.messages, 1) if message["method"] == "GetConfiguration")
    host.inject("reset_before", at=[last])
    with pytest.raises(HostUnreachable) as caught:
        undo(host, "x")
    assert (caught.value.changed, status(host, "x")) == (True, "reverted")


def test_a_mistake_of_ours_in_undoing_says_that_it_is_one_and_can_be_gone_on_from() -> None:
    host, reference = InProcessHost(), InProcessHost()
    pristine = host.snapshot()
    for either in (host, reference):
        change(either, {GUEST: "allowed"}, BOTH, name="x", reason="r")
        either.reset_counters()
    undo(reference, "x")
    at = [message["method"] for message in reference.messages].index("DeleteValue") + 1
    broken = Host(Mistaken(host, at, acted=True))
    with pytest.raises(HostError, match=r"A bug in winops\.smb_guest: KeyError") as caught:
        revert(broken, Selection("x"), force=False, check_mode=False)
    assert any("run it again to finish" in remark for remark in caught.value.remarks)
    assert (caught.value.changed, status(host, "x")) == (True, "reverting")
    undo(host, "x")
    assert moved(pristine, host) == []


def test_an_end_beneath_that_cannot_be_brought_up_to_date_is_reported() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="low", hours=1)
    change(host, {GUEST: "blocked"}, name="high", reason="r")
    host.inject("access_denied", match="RegisterByXml", times=0)
    assert any("The end of the change low" in told for told in undo(host, "high").warnings)


def test_a_host_that_another_run_holds_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", reason="r")
    monkeypatch.setattr(process.Process, "is_dead", lambda _self: False)
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: None)
    with locked(engine(host)):
        before = host.snapshot()
        with pytest.raises(HostBusy) as caught:
            undo(host, "x")
        assert caught.value.host_state is HostState.NOTHING_WRITTEN
        assert differences(before, host.snapshot()) == []


def test_check_mode_predicts_whether_guest_logons_will_work() -> None:
    opened = {GUEST: "allowed", SIGNING: "not_required"}
    seen = set()
    for preset in ("windows_11_24h2_pro", "windows_10_22h2_pro", "server_2019"):
        for scopes, words in (
            ((LOCAL,), opened),
            ((LOCAL,), {GUEST: "blocked"}),
            ((POLICY,), {GUEST: "allowed"}),
            ((POLICY,), {GUEST: "blocked"}),
            (BOTH, opened),
            (BOTH, {GUEST: "blocked", SIGNING: "required"}),
        ):
            for before in (None, opened):
                host = InProcessHost(preset)
                if before:
                    change(host, before)
                change(host, words, scopes, name="x", reason="r")
                foreseen = undo(host, check=True).access
                done = undo(host).access
                assert foreseen.as_dict() == done.as_dict(), (preset, scopes, words, before)
                seen.add(done.verdict)
    assert {"allowed", "blocked"} <= seen


def test_check_mode_writes_nothing() -> None:
    host = stacked()
    before = host.snapshot()
    undo(host, check=True)
    assert differences(before, host.snapshot()) == []


def test_a_covered_cell_is_not_written_and_that_is_reported() -> None:
    host = stacked()
    before = host.snapshot()
    foreseen = undo(host, "middle", check=True)
    reverted = undo(host, "middle")
    assert foreseen.warnings == reverted.warnings
    facts = reverted_as_dict(reverted)
    assert [row["setting"] for row in facts["changes"]] == [AUDIT, AUDIT]
    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 1)
    assert any("A newer change covers insecure_guest_logons (local)" in told for told in reverted.warnings)
    assert entry(host, "middle").note.startswith("reverted; still covered: insecure_guest_logons (local)")
    assert moved(before, host) != []
    assert facts["reverted"][0]["status"] == "reverted"


def test_a_whole_cover_changes_the_journal_and_no_value() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="low", reason="r")
    change(host, {GUEST: "blocked"}, name="high", reason="r")
    facts = reverted_as_dict(undo(host, "low"))
    assert (facts["changed"], facts["changes"], facts["reconnect_required"]) == (True, [], False)
    assert facts["diff"] == {"before": "", "after": ""}


def test_only_values_that_changed_are_reported() -> None:
    """By force over what somebody has restored already."""
    host = InProcessHost()
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, name="x", reason="r")
    put(host, GUEST_LOCAL, None)
    facts = reverted_as_dict(undo(host, "x", force=True))
    assert [(row["setting"], row["from"], row["to"]) for row in facts["changes"]] == [(SIGNING, False, None)]


def test_selections() -> None:
    for selection, expected in (
        (Selection("MIDDLE"), ["middle"]),
        (Selection(latest=True), ["high"]),
        (Selection(expiring=True), ["high", "low"]),
        (Selection(every=True), ["high", "middle", "low"]),
    ):
        host = stacked()
        for check in (True, False):
            reverted = revert(engine(host), selection, force=False, check_mode=check)
            assert [undoing.entry.change_id for undoing in reverted.undoings] == expected
        assert {status(host, name) for name in expected} == {"reverted"}
    with pytest.raises(AssertionError):
        revert(engine(stacked()), Selection(), force=False, check_mode=True)
    with pytest.raises(RequestError, match=r"no change nobody\. It has: high, middle, low\.") as caught:
        undo(stacked(), "nobody")
    assert caught.value.host_state is HostState.NOTHING_WRITTEN
    with pytest.raises(RequestError, match=r"It has: none\."):
        undo(InProcessHost(), "nobody")


def test_nothing_to_undo_takes_no_lock() -> None:
    host = InProcessHost()
    before = host.snapshot()
    reverted = undo(host)
    assert (reverted.undoings, differences(before, host.snapshot())) == ((), [])
    assert reverted.access.verdict == "blocked"
    change(host, {GUEST: "allowed"}, name="x", reason="r")
    undo(host, "x")
    host.reset_counters()
    assert undo(host, "x").undoings == ()
    assert not any(message["method"] == "CreateKey" for message in host.messages)


# What is somebody else's


def test_what_somebody_set_stops_it_and_force_does_not_mind() -> None:
    for cell in (GUEST_LOCAL, GUEST_POLICY):
        for value in (None, ("REG_DWORD", 0), ("REG_DWORD", 2), ("REG_SZ", "1")):
            host = InProcessHost()
            pristine = host.snapshot()
            change(host, {GUEST: "allowed"}, BOTH, name="x", reason="r")
            put(host, cell, value and value[1], value[0] if value else "REG_DWORD")
            before = host.snapshot()
            for check in (True, False):
                with pytest.raises(RequestError, match=r"Somebody changed a value since the change x") as caught:
                    undo(host, "x", check=check)
                assert cell.location in str(caught.value)
            assert moved(before, host) == [], (str(cell), value)
            assert len(undo(host, "x", check=True, force=True).undoings) == 1
            undo(host, "x", force=True)
            assert moved(pristine, host) == [], (str(cell), value)


def test_what_the_host_was_seen_to_hold_is_the_changes_own() -> None:
    """SetConfiguration may store a default by storing none."""
    host = InProcessHost(quirks={"set_stores_no_default": True}, parameters={"AllowInsecureGuestAuth": 1})
    pristine = host.snapshot()
    change(host, {GUEST: "blocked"}, name="x", reason="r")
    assert held(host, GUEST_LOCAL) is None
    undo(host, "x")
    assert moved(pristine, host) == []


def test_what_an_end_left_alone_stays_somebody_elses() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="low", reason="r")
    change(host, {GUEST: "blocked"}, name="high", hours=1)
    put(host, GUEST_LOCAL, 1)
    host.advance(3601)
    host.run_due_tasks()
    with pytest.raises(RequestError, match="Somebody changed a value since the change low"):
        undo(host, "low")
    undo(host, "low", force=True)
    assert held(host, GUEST_LOCAL) is None


def test_a_value_of_somebody_elses_is_found_behind_one_that_is_covered() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, name="low", reason="r")
    first, second = (part.cell for part in entry(host, "low").parts)
    change(host, {first.setting.name: first.setting.words.word(first.setting.secure is True)}, name="high", reason="r")
    put(host, second, 7)
    with pytest.raises(RequestError, match="Somebody changed a value since the change low"):
        undo(host, "low")


# What breaks


def test_a_policy_that_came_later_keeps_the_running_value_and_not_the_stored_one() -> None:
    for quirks in ({}, {"set_refused_by_policy": True}, LAZY):
        host = InProcessHost(quirks=quirks)
        change(host, {GUEST: "allowed"}, name="x", reason="r")
        put(host, GUEST_POLICY, 1)
        reverted = undo(host, "x")
        assert (held(host, GUEST_LOCAL), status(host, "x")) == (None, "reverted")
        assert any(GUEST_POLICY.location in told for told in reverted.warnings), quirks


def test_warnings_of_each_change_are_warnings_of_all() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="low", reason="r")
    change(host, {AUDIT: "enabled"}, name="high", reason="r")
    put(host, GUEST_POLICY, 1)
    put(host, AUDIT_POLICY, 1)
    told = " ".join(undo(host).warnings)
    assert (GUEST_POLICY.location in told, AUDIT_POLICY.location in told) == (True, True), told


def test_what_cannot_be_restored_stands_and_is_named() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, BOTH, name="x", hours=1)
    host.inject("access_denied", match="DeleteValue", times=0)
    with pytest.raises(HostError, match=r"could not be reverted whole.*AllowInsecureGuestAuth is 1") as caught:
        undo(host, "x")
    assert any("run it again to finish" in remark for remark in caught.value.remarks)
    assert caught.value.changed is True
    assert status(host, "x") == "reverting"
    assert entry(host, "x").note.startswith("could not be reverted whole: ")
    host.clear_faults()
    undo(host, "x")
    assert (moved(pristine, host), status(host, "x")) == ([], "reverted")


def three() -> InProcessHost:
    """Independent changes, and one that covers a part of the oldest."""
    host = InProcessHost()
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, name="low", hours=1)
    change(host, {AUDIT: "enabled"}, name="middle", hours=2)
    change(host, {GUEST: "blocked"}, (POLICY,), name="high", hours=3)
    return host


def test_a_change_that_cannot_be_reverted_keeps_no_other_from_it() -> None:
    host = three()
    pristine = InProcessHost().snapshot()
    host.inject("access_denied", match="DeleteValue", times=2)  # both attempts at the policy value
    for selection in (Selection(every=True), Selection(expiring=True)):
        saved = host.save()
        with pytest.raises(
            HostError, match=r"^1 of 3 changes could not be reverted\. high: .*AllowInsecureGuest"
        ) as caught:
            revert(engine(host), selection, force=False, check_mode=False)
        assert (caught.value.changed, caught.value.host_state) == (True, HostState.PARTLY_WRITTEN)
        assert "Reverted: middle, low." in caught.value.remarks
        assert [status(host, name) for name in ("low", "middle", "high")] == ["reverted", "reverted", "reverting"]
        assert host.tasks == ["\\winops\\smb_guest\\high"]
        host.load(saved)
        host.clear_faults()
        host.inject("access_denied", match="DeleteValue", times=2)
    host.clear_faults()
    undo(host)
    assert moved(pristine, host) == []


def test_what_a_change_that_stays_covers_is_not_written_and_restored_by_the_next_run() -> None:
    host, pristine = InProcessHost(), InProcessHost().snapshot()
    change(host, {GUEST: "allowed"}, BOTH, name="low", reason="r")
    change(host, {AUDIT: "enabled"}, name="middle", reason="r")
    change(host, {GUEST: "blocked"}, BOTH, name="high", reason="r")
    host.inject("access_denied", match="SetDWORDValue", times=0)  # what high covers cannot be written
    with pytest.raises(HostError, match=r"1 of 3 changes could not be reverted\. high"):
        undo(host)
    assert [status(host, name) for name in ("low", "middle", "high")] == ["reverted", "reverted", "reverting"]
    host.clear_faults()
    undo(host)
    assert moved(pristine, host) == []


def test_one_fault_at_every_request_of_reverting_all_and_the_others_are_reverted() -> None:
    host, pristine = three(), InProcessHost().snapshot()
    saved = host.save()
    host.reset_counters()
    undo(host)
    lone, last = 0, host.requests
    began = next(at for at, row in enumerate(host.messages, 1) if row["method"] == "SetMultiStringValue")
    for at in range(began, last + 1, 3):
        host.load(saved)
        host.inject("access_denied", at=[at])
        try:
            undo(host)
        except HostError as error:
            lone += str(error).startswith("1 of 3 changes")
        host.clear_faults()
        assert sum(status(host, name) == "reverted" for name in ("low", "middle", "high")) >= 2, at
        undo(host)
        left = [line for line in moved(pristine, host) if not line.endswith("LanmanWorkstation: absent -> {}")]
        assert left == [], "an empty key that stays is a warning"
    assert lone > 3


def test_an_empty_key_that_stays_is_a_warning() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, (POLICY,), name="x", reason="r")
    host.inject("access_denied", match="DeleteKey", times=2)
    reverted = undo(host, "x")
    assert any("empty policy key" in warning and "decides nothing" in warning for warning in reverted.warnings)
    assert (status(host, "x"), held(host, GUEST_POLICY)) == ("reverted", None)


def test_an_empty_key_is_removed_at_the_second_try() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    change(host, {GUEST: "allowed"}, (POLICY,), name="x", reason="r")
    host.inject("access_denied", match="DeleteKey", times=1)
    assert undo(host, "x").warnings == ()
    assert moved(pristine, host) == []


def test_every_change_that_somebody_else_has_touched_is_named() -> None:
    host = three()
    put(host, GUEST_LOCAL, 7)
    put(host, GUEST_POLICY, 8)
    before = host.snapshot()
    with pytest.raises(RequestError, match=r"since the change high: .*is now REG_DWORD 8.*low: .*is now REG_DWORD 7"):
        undo(host)
    assert moved(before, host) == []


def test_a_change_that_a_recovery_ended_is_no_error_where_no_ended_ones_are_kept() -> None:
    host, reference = InProcessHost(), InProcessHost()
    reference.reset_counters()
    change(reference, {GUEST: "allowed"}, name="cut", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 1
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "allowed"}, name="cut", reason="r")
    for check in (True, False):
        reverted = revert(engine(host), Selection("cut"), force=False, check_mode=check, keep=0)
        assert reverted_as_dict(reverted)["changed"] is (check or reverted.recovery.changed)
    assert snapshot(host).stack.entries == ()


def test_a_fault_or_a_death_at_every_request_and_the_next_run_finishes() -> None:
    for quirks in ({}, LAZY):
        pristine = InProcessHost(quirks=quirks).snapshot()
        host = stacked(quirks)
        saved = host.save()
        host.reset_counters()
        undo(host, "high")
        new, last = host.snapshot(), host.requests
        judged: set[str] = set()
        for at in range(1, last + 1):
            for kind in ("reset_before", "reset_after", "access_denied", "interrupt", "death"):
                host.load(saved)
                old = host.snapshot()
                error: BaseException | None = None
                try:
                    if kind == "death":
                        with process_gone(host, at):
                            undo(host, "high")
                    else:
                        host.interrupt(at, KeyboardInterrupt(), acted=True) if kind == "interrupt" else host.inject(
                            kind, at=[at]
                        )
                        undo(host, "high")
                except (SmbGuestError, KeyboardInterrupt, Died) as raised:
                    error = raised
                host.clear_faults()
                settings = differences(old, host.snapshot(), ignoring=[r"HKLM\SOFTWARE\winops"], parts=("registry",))
                if isinstance(error, SmbGuestError) and settings:
                    assert error.changed, (kind, at, str(error))
                if isinstance(error, KeyboardInterrupt) and settings:
                    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 0), at
                if (left_behind := repr(differences(old, host.snapshot()))) in judged:
                    continue
                judged.add(left_behind)
                undo(host, "high")
                assert status(host, "high") == "reverted"
                left = [line for line in moved(new, host) if not line.startswith("tasks")]
                assert left == [], (kind, at)
                if at % 4 == 0:
                    undo(host)
                    assert moved(pristine, host) == [], (kind, at)


def its_end_comes(host: InProcessHost) -> None:
    host.advance(3601)
    host.run_due_tasks()


def test_an_end_of_the_hosts_own_in_between_changes_what_stands_below() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    change(host, {GUEST: "allowed"}, name="low", hours=1)
    change(host, {GUEST: "blocked"}, name="high", reason="r")
    saved = host.save()
    host.reset_counters()
    undo(host, "high")
    for at in range(1, host.requests):
        host.load(saved)
        with meanwhile(host, at, lambda: its_end_comes(host)):
            undo(host, "high")
        tidy(host)
        assert status(host, "high") == "reverted", at
        for standing in snapshot(host).stack.standing:
            undo(host, standing.change_id, force=True)
        assert (moved(pristine, host), runs(host, GUEST_LOCAL)) == ([], False), at


def test_an_end_of_the_hosts_own_in_between_is_in_the_result() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="low", hours=1)
    change(host, {GUEST: "blocked"}, name="high", reason="r")
    saved = host.save()
    host.reset_counters()
    undo(host, "high")
    written = [message["method"] for message in host.messages].index("SetConfiguration") + 1
    host.load(saved)
    with meanwhile(host, written + 1, lambda: its_end_comes(host)):
        (row,) = reverted_as_dict(undo(host, "high"))["changes"]
    assert (row["from"], row["to"], held(host, GUEST_LOCAL)) == (False, None, None)


def test_keys_and_tasks_go_with_it() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    change(host, {GUEST: "allowed"}, (POLICY,), name="x", hours=1)
    undo(host, "x")
    assert (host.tasks, moved(pristine, host)) == ([], [])
