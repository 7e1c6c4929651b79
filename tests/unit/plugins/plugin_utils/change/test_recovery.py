# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the next journaled run does about an interrupted run, and about an expiry that failed on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import locked
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.marks import CHANGES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.recovery import read_and_recover
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostUnreachable, SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import Scope
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    BOTH,
    ENCRYPTION,
    ENCRYPTION_LOCAL,
    ENCRYPTION_POLICY,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    LOCAL,
    OURS,
    POLICY,
    SIGNING,
    Died,
    change,
    engine,
    entry,
    held,
    moved,
    process_gone,
    put,
    runs,
    snapshot,
    status,
    tidy,
    undo,
)

LAZY = {"running_follows_registry": False}


def cut(
    make: Callable[[], InProcessHost], words: Mapping[str, str], scopes: Iterable[Scope], after: str
) -> InProcessHost:
    """A host on which the run that makes the change x died at the request after the first `after`."""
    host, reference = make(), make()
    reference.reset_counters()
    change(reference, words, scopes, name="x", reason="r")
    at = [message["method"] for message in reference.messages].index(after) + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, words, scopes, name="x", reason="r")
    assert status(host, "x") == "pending"
    return host


def test_what_was_complete_is_signed_off_with_what_the_host_holds() -> None:
    """SetConfiguration stores a default by storing none, so what was left is not what was wanted."""
    quirks = {"set_stores_no_default": True}
    host = cut(
        lambda: InProcessHost(quirks=quirks, parameters={"AllowInsecureGuestAuth": 1}),
        {GUEST: "blocked"},
        (LOCAL,),
        "SetConfiguration",
    )
    recovery = tidy(host)
    assert recovery.warnings == ("An interrupted run had made the change x: it is recorded as applied now.",)
    assert recovery.changed is False
    signed = entry(host, "x")
    assert (signed.status.value, signed.note) == ("applied", "completed by the run after the interrupted one")
    assert [part.left and part.left.stored for part in signed.parts] == [None]
    undo(host, "x")
    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 1)


def test_what_was_not_complete_is_restored() -> None:
    quirks = {"set_stores_no_default": True}
    host = cut(
        lambda: InProcessHost(quirks=quirks, parameters={"AllowInsecureGuestAuth": 1}),
        {GUEST: "blocked"},
        BOTH,
        "SetConfiguration",
    )
    assert held(host, GUEST_LOCAL) is None
    recovery = tidy(host)
    assert recovery.warnings == ("An interrupted run left the change x: it was rolled back.",)
    assert recovery.changed is True
    assert (status(host, "x"), entry(host, "x").note) == ("rolled_back", "interrupted; rolled back by the next run.")
    assert (held(host, GUEST_LOCAL), held(host, GUEST_POLICY)) == (("REG_DWORD", 1), None)


def test_an_end_that_failed_on_the_host_is_finished() -> None:
    host = InProcessHost(quirks=LAZY)
    before = host.snapshot()
    change(host, {GUEST: "allowed"}, BOTH, name="x", hours=1)
    host.set_service("LanmanWorkstation", "stopped")
    host.advance(3601)
    host.run_due_tasks()
    host.set_service("LanmanWorkstation", "running")
    assert status(host, "x") == "failed"
    recovery = tidy(host)
    assert recovery.warnings == ("The expiry of the change x had failed on the host: it was reverted.",)
    assert (status(host, "x"), entry(host, "x").note) == (
        "reverted",
        "its expiry failed on the host; reverted by the next run.",
    )
    assert moved(before, host) == []


def test_what_could_not_be_restored_and_was_covered_since_is_left_to_the_cover() -> None:
    host = cut(InProcessHost, {GUEST: "allowed", ENCRYPTION: "not_required"}, (POLICY,), "SetDWORDValue")
    (cell,) = (cell for cell in (GUEST_POLICY, ENCRYPTION_POLICY) if held(host, cell))
    host.inject("silent_drop", match="DeleteValue", times=0)
    tidy(host)
    assert status(host, "x") == "failed"
    assert entry(host, "x").note.startswith(f"interrupted, and could not be recovered: {cell.location} is 0")
    change(host, {ENCRYPTION: "required"}, (POLICY,), name="cover", reason="r")
    host.clear_faults()
    recovery = tidy(host)
    assert (status(host, "x"), held(host, cell), recovery.changed) == ("rolled_back", ("REG_DWORD", 1), False)
    undo(host, "cover")
    assert held(host, cell) is None


def two_unfinished() -> InProcessHost:
    """The run after x could not roll it back, and y was interrupted after it had written."""
    host = cut(InProcessHost, {GUEST: "allowed", ENCRYPTION: "not_required"}, (POLICY,), "SetDWORDValue")
    host.inject("silent_drop", match="DeleteValue", times=0)
    tidy(host)
    saved = host.save()
    host.reset_counters()
    change(host, {AUDIT: "enabled", SIGNING: "not_required"}, BOTH, name="y", reason="r")
    at = [message["method"] for message in host.messages].index("SetConfiguration") + 2
    host.load(saved)
    host.inject("silent_drop", match="DeleteValue", times=0)
    with pytest.raises(Died), process_gone(host, at):
        change(host, {AUDIT: "enabled", SIGNING: "not_required"}, BOTH, name="y", reason="r")
    assert (status(host, "x"), status(host, "y")) == ("failed", "pending")
    return host


def test_of_two_runs_that_were_interrupted_either_counts_as_a_change() -> None:
    host = two_unfinished()
    for cell in (GUEST_POLICY, ENCRYPTION_POLICY):
        put(host, cell, None)
    recovery = tidy(host)
    assert recovery.changed is True, "y was rolled back, and of x there was nothing left to restore"
    assert (status(host, "x"), status(host, "y"), len(recovery.warnings)) == ("rolled_back", "rolled_back", 2)


def test_what_was_restored_before_the_host_was_gone_is_a_change() -> None:
    host = two_unfinished()
    saved = host.save()
    host.reset_counters()
    tidy(host)
    written = max(at for at, row in enumerate(host.messages, 1) if row["method"] == "SetConfiguration")
    for at in range(written + 1, host.requests):  # the last one only gives the host back
        host.load(saved)
        host.inject("reset_before", at=[at])
        with pytest.raises(HostUnreachable) as caught:
            tidy(host)
        assert caught.value.changed is True, at


KINDS = ("reset_before", "reset_after", "access_denied", "soap_fault")


@pytest.mark.parametrize("quirks", [{}, LAZY], ids=["follows", "lazy"])
def test_a_fault_at_every_request_of_a_recovery(quirks: Mapping[str, bool]) -> None:
    def make() -> InProcessHost:
        host = InProcessHost(quirks=dict(quirks))
        change(host, {GUEST: "blocked", AUDIT: "enabled"}, BOTH, name="beneath", hours=5)
        return host

    before = make().snapshot()
    host = cut(make, {GUEST: "allowed", SIGNING: "not_required"}, BOTH, "SetConfiguration")
    saved, half = host.save(), host.snapshot()
    host.reset_counters()
    tidy(host)
    last = host.requests
    writes = [at for at, row in enumerate(host.messages, 1) if row["method"] == "SetConfiguration"]
    assert [line for line in moved(before, host) if not line.startswith("tasks")] == []
    wrong, judged = [], set()
    for at in range(1, last + 1):
        for kind in KINDS:
            host.load(saved)
            host.inject(kind, at=[at])
            said = None
            try:
                said = tidy(host).changed
            except SmbGuestError as error:
                said = error.changed
            host.clear_faults()
            wrote = bool(differences(half, host.snapshot(), ignoring=[OURS], parts=("registry", "smb_client")))
            # Whether a host that fell silent at the write has taken it cannot be known.
            if said is not (wrote or (kind == "reset_before" and at == writes[0])):
                wrong.append(f"{kind} at {at}: changed is {said}")
            if (now := repr(differences(half, host.snapshot()))) in judged:
                continue
            judged.add(now)
            tidy(host)
            left = [line for line in moved(before, host) if not line.startswith("tasks")]
            if left or status(host, "x") != "rolled_back" or snapshot(host).unfinished or runs(host, GUEST_LOCAL):
                wrong.append(f"{kind} at {at}: {status(host, 'x')}, {left}")
    assert wrong == [], "\n".join(wrong)


def test_recovery_does_not_sign_off_what_does_not_run() -> None:
    host, reference = InProcessHost(quirks=LAZY), InProcessHost(quirks=LAZY)
    for either in (host, reference):
        change(either, {GUEST: "allowed"}, name="other", reason="r")
        undo(either, "other")
        either.reset_counters()
    change(reference, {GUEST: "allowed"}, name="x", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 1
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "allowed"}, name="x", reason="r")
    put(host, GUEST_LOCAL, 1, apply=False)  # stored as wanted, and not running
    assert runs(host, GUEST_LOCAL) is False
    tidy(host)
    assert status(host, "x") == "rolled_back"
    assert held(host, GUEST_LOCAL) is None


def test_recovery_leaves_what_somebody_set_since_and_says_so() -> None:
    host = InProcessHost()
    reference = InProcessHost()
    change(reference, {GUEST: "allowed"}, BOTH, name="x", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "allowed"}, BOTH, name="x", reason="r")
    put(host, GUEST_POLICY, "mine", "REG_SZ")
    (told,) = tidy(host).warnings
    assert "Kept, because somebody else has set it since: insecure_guest_logons (policy)" in told
    assert held(host, GUEST_POLICY) == ("REG_SZ", "mine")
    assert held(host, GUEST_LOCAL) is None
    assert status(host, "x") == "rolled_back"


def test_recovery_leaves_a_policy_value_that_somebody_deleted_since() -> None:
    host, reference = (InProcessHost(policy={"AllowInsecureGuestAuth": 0}) for _each in range(2))
    change(reference, {GUEST: "allowed"}, BOTH, name="x", reason="r")
    at = [message["method"] for message in reference.messages].index("SetDWORDValue") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "allowed"}, BOTH, name="x", reason="r")
    assert held(host, GUEST_POLICY) == ("REG_DWORD", 1)
    put(host, GUEST_POLICY, None)
    (told,) = tidy(host).warnings
    assert "Kept, because somebody else has set it since: insecure_guest_logons (policy)" in told
    assert held(host, GUEST_POLICY) is None


def test_what_recovery_cannot_finish_keeps_no_other_change_from_its_due() -> None:
    host = InProcessHost(quirks=LAZY)
    reference = InProcessHost(quirks=LAZY)
    change(reference, {GUEST: "allowed"}, BOTH, name="x", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "allowed"}, BOTH, name="x", reason="r")
    host.inject("access_denied", match="SetConfiguration", times=0)
    outcome = change(host, {AUDIT: "enabled"}, (POLICY,), name="y", reason="r")
    assert status(host, "x") == "failed"
    assert any("could not be recovered" in told for told in outcome.recovery.warnings)
    assert not any("it is recovered first" in told for told in outcome.warnings), "this is one"
    assert status(host, "y") == "applied"


def test_what_blocks_after_it_is_not_guessed() -> None:
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 0}, parameters={"RequireSecuritySignature": 0})
    change(host, {GUEST: "allowed"}, BOTH, name="x")
    access = undo(host, "x").access
    assert access.verdict == "blocked"
    assert "default of this Windows" not in access.advice
    assert "state=allowed" not in access.advice
    assert "client_facts shows" in access.advice


def test_a_task_that_the_interrupted_run_had_renewed_is_renewed_again() -> None:
    """Else the end of `low` would be one of a change that is covered for good: an opening without an end."""
    host, reference = InProcessHost(), InProcessHost()
    for either in (host, reference):
        change(either, {GUEST: "allowed"}, name="low", hours=1)
        either.reset_counters()
    change(reference, {GUEST: "blocked", AUDIT: "enabled"}, BOTH, name="x", reason="r")
    at = [message["method"] for message in reference.messages].index("RegisterByXml") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "blocked", AUDIT: "enabled"}, BOTH, name="x", reason="r")
    put(host, Cell.named(AUDIT, "policy"), 0)
    tidy(host)
    assert (status(host, "x"), runs(host, GUEST_LOCAL)) == ("rolled_back", True)
    host.advance(3601)
    host.run_due_tasks()
    assert (status(host, "low"), runs(host, GUEST_LOCAL)) == ("reverted", False)


def test_the_number_of_ended_changes_to_keep_counts_in_tidying_too() -> None:
    host = InProcessHost()
    for name in ("a", "b", "c"):
        change(host, {GUEST: "allowed"}, name=name, hours=1)
        host.advance(3601)
        host.run_due_tasks()
        of_host = engine(host)
        with locked(of_host) as now:
            read_and_recover(of_host, now, 2)
    assert [known.change_id for known in snapshot(host).stack.entries] == ["b", "c"]


def test_what_was_complete_beneath_a_policy_is_signed_off() -> None:
    """What runs there is the policy's, and proves nothing."""
    host, reference = (InProcessHost(policy={"AllowInsecureGuestAuth": 0}) for _each in range(2))
    rules = {"tolerate_managed": True}
    change(reference, {GUEST: "allowed"}, name="x", rules=rules)
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, {GUEST: "allowed"}, name="x", rules=rules)
    tidy(host)
    assert (status(host, "x"), held(host, GUEST_LOCAL), runs(host, GUEST_LOCAL)) == ("applied", ("REG_DWORD", 1), False)


def test_an_expiry_that_failed_before_it_restored_anything_is_finished() -> None:
    """Every value stands as wanted, and is not wanted any more."""
    for covered in (None, 0, 1):
        host = InProcessHost()
        change(host, {GUEST: "allowed", AUDIT: "enabled"}, (POLICY,), name="x", hours=1)
        cells = [part.cell for part in entry(host, "x").parts]
        if covered is not None:
            setting = cells[covered].setting
            change(host, {setting.name: setting.words.false}, (POLICY,), name="cover", reason="r")
        host.registry.create_key(OURS + r"\smb_guest\Changes\x~failed")
        assert tidy(host).changed is True
        assert status(host, "x") == "reverted"
        expected = [("REG_DWORD", 0) if number == covered else None for number in range(2)]
        assert [held(host, cell) for cell in cells] == expected


def test_a_value_that_somebody_set_on_a_cover_is_no_matter_of_what_lies_beneath() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, (POLICY,), name="x", hours=1)
    change(host, {GUEST: "blocked"}, (POLICY,), name="cover", reason="r")
    put(host, GUEST_POLICY, 1)  # which is what x had left
    host.registry.create_key(OURS + r"\smb_guest\Changes\x~failed")
    assert tidy(host).changed is False
    assert (status(host, "x"), held(host, GUEST_POLICY)) == ("reverted", ("REG_DWORD", 1))


def test_a_host_that_cannot_say_whether_a_task_is_gone_is_told_once() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    change(host, {GUEST: "allowed"}, name="short", hours=1)
    host.advance(3700)
    host.run_due_tasks()
    saved = host.save()
    host.reset_counters()
    tidy(host)
    marks_go = [message["method"] for message in host.messages].index("DeleteKey") + 1
    host.load(saved)
    with pytest.raises(Died), process_gone(host, marks_go):  # the lists say by then that the change has ended
        tidy(host)
    (warning,) = tidy(host).warnings
    assert "Whether the scheduled task" in warning
    assert tidy(host).warnings == ()
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == []


def test_what_was_signed_off_beneath_a_policy_leaves_what_is_stored() -> None:
    """The policy made another value run. What lies over it is reverted when the policy has gone."""
    host = InProcessHost()
    change(host, {ENCRYPTION: "required"}, (POLICY,), name="policy", reason="r")
    with pytest.raises(Died), process_gone(host, writes_of(host, {ENCRYPTION: "not_required"})):
        change(host, {ENCRYPTION: "not_required"}, name="low", reason="r", rules={"tolerate_managed": True})
    tidy(host)
    assert status(host, "low") == "applied"
    undo(host, "policy")
    change(host, {ENCRYPTION: "required"}, name="high", reason="r")
    undo(host, "high")
    assert (held(host, ENCRYPTION_LOCAL), runs(host, ENCRYPTION_LOCAL)) == (("REG_DWORD", 0), False)


def writes_of(host: InProcessHost, words: Mapping[str, str]) -> int:
    """The request after the write of a local value."""
    saved = host.save()
    host.reset_counters()
    change(host, words, name="low", reason="r", rules={"tolerate_managed": True})
    at = [message["method"] for message in host.messages].index("SetConfiguration") + 2
    host.load(saved)
    return at
