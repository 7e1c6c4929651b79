# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change is whole or not at all, whatever happens at whichever of its requests, and says truly which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import configure as configure_file
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.arming import rearm
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_format import checked_change_id
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Change
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import Entry, Stack
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.transaction import Terms, new_change_id
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.write import write
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import (
    AccessDenied,
    HostError,
    RequestError,
    SmbGuestError,
    UnexpectedState,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows import scheduled_task
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    BOTH,
    ENCRYPTION,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    HOUR,
    LOCAL,
    OURS,
    POLICY,
    SIGNING,
    SIGNING_LOCAL,
    Died,
    Mistaken,
    book,
    change,
    engine,
    entry,
    held,
    moved,
    process_gone,
    put,
    runs,
    status,
    tidy,
    undo,
)

OPEN = {GUEST: "allowed", SIGNING: "not_required"}
CLOSE = {GUEST: "blocked", SIGNING: "required"}


# At every request


@dataclass(frozen=True)
class Subject:
    """A change to be broken. before: changes that stand by then. ground: what somebody has written by hand."""

    task: Mapping[str, Any]
    before: tuple[Mapping[str, Any], ...] = ()
    quirks: Mapping[str, Any] = field(default_factory=dict)

    def prepared(self) -> InProcessHost:
        host = InProcessHost(quirks=dict(self.quirks))
        put(host, SIGNING_LOCAL, 7)
        for earlier in self.before:
            change(host, **earlier)
        host.reset_counters()
        return host

    def run(self, host: InProcessHost, **more: Any) -> Any:
        return change(host, **self.task, **more)


BENEATH = (
    {"words": OPEN, "scopes": (LOCAL,), "name": "beneath", "hours": 1},
    {"words": {GUEST: "allowed", AUDIT: "enabled"}, "scopes": BOTH, "name": "between", "hours": 2},
)
SUBJECTS = {
    "opening, not journaled": Subject({"words": OPEN, "scopes": BOTH}),
    "opening until": Subject({"words": OPEN, "scopes": BOTH, "name": "new", "hours": 3}),
    "closing over what ends": Subject({"words": CLOSE, "scopes": BOTH, "name": "new", "reason": "r"}, BENEATH),
    "closing over what ends, not journaled": Subject({"words": CLOSE, "scopes": BOTH}, BENEATH),
    "opening over what ends, until": Subject(
        {"words": {GUEST: "allowed", ENCRYPTION: "not_required"}, "scopes": BOTH, "name": "new", "hours": 1.5},
        ({"words": {GUEST: "blocked"}, "scopes": BOTH, "name": "beneath", "hours": 2},),
        {"running_follows_registry": False},
    ),
}


def _injected(kind: str, **options: Any) -> Callable[[InProcessHost, int], Mapping[str, Any]]:
    def inject(host: InProcessHost, at: int) -> Mapping[str, Any]:
        host.inject(kind, at=[at], **options)
        return {}

    return inject


def _interrupted(*, acted: bool) -> Callable[[InProcessHost, int], Mapping[str, Any]]:
    def interrupt(host: InProcessHost, at: int) -> Mapping[str, Any]:
        host.interrupt(at, KeyboardInterrupt(), acted=acted)
        return {}

    return interrupt


def _mistaken(*, acted: bool) -> Callable[[InProcessHost, int], Mapping[str, Any]]:
    return lambda host, at: {"via": Mistaken(host, at, acted=acted)}


FAULTS: Mapping[str, Callable[[InProcessHost, int], Mapping[str, Any]]] = {
    "the line is cut before": _injected("reset_before"),
    "the line is cut after": _injected("reset_after"),
    "access is denied": _injected("access_denied"),
    "the provider fails": _injected("soap_fault"),
    "the provider fails late": _injected("soap_fault", processed=True),
    "a number that is not 0": _injected("return_value", value=1450),
    "interrupted before": _interrupted(acted=False),
    "interrupted after": _interrupted(acted=True),
    "a mistake before": _mistaken(acted=False),
    "a mistake after": _mistaken(acted=True),
}
SETTINGS_PARTS = ("registry", "smb_client", "smb_server")
SAYS = ("Nothing was written", "Everything was put back", "was made and verified", "left is not dealt with yet")


@dataclass(frozen=True)
class Course:
    """A host before the change, and what it is without anything, before and after it."""

    host: InProcessHost
    saved: Mapping[str, Any]
    pristine: Mapping[str, Any]
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    methods: tuple[str, ...]
    judged: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, subject: Subject) -> Course:
        ground = Subject({}, quirks=subject.quirks).prepared()
        host = subject.prepared()
        saved, old = host.save(), host.snapshot()
        subject.run(host)
        methods = tuple(message["method"] for message in host.messages)
        assert len(methods) > 10
        return cls(host, saved, ground.snapshot(), old, host.snapshot(), methods)


def _broken(subject: Subject, course: Course, fault: str, at: int) -> Iterator[str]:
    """What is wrong after request `at` went wrong, in words."""
    host, old, new = course.host, course.old, course.new
    host.load(course.saved)
    arguments = FAULTS[fault](host, at)
    error: BaseException | None = None
    try:
        subject.run(host, **arguments)
    except (SmbGuestError, KeyError, KeyboardInterrupt) as raised:
        error = raised
    host.clear_faults()
    # The task of another change may be out of date, which is a warning: see below.
    is_new = not differences(new, host.snapshot(), ignoring=[OURS], parts=SETTINGS_PARTS)
    is_old = not moved(old, host)
    if not is_old and not is_new:
        yield f"neither old nor new: {moved(old, host)}"
    settings = differences(old, host.snapshot(), ignoring=[OURS], parts=SETTINGS_PARTS)
    yield from _judged(error, settings, is_new=is_new, complete=at == len(course.methods))
    yield from _followed_up(subject, course)


def _judged(error: BaseException | None, settings: list[str], *, is_new: bool, complete: bool) -> Iterator[str]:
    """Whether it says truly what the host holds. complete: only the lock was left behind."""
    if error is None and not is_new:
        yield "no error, and the host is not as wanted"
    if isinstance(error, SmbGuestError) and error.changed is not bool(settings):
        yield f"changed is {error.changed}: {error}; {settings}"
    if isinstance(error, SmbGuestError) and not any(word in str(error) for word in SAYS):
        yield f"it does not say what the host holds: {error}"
    if isinstance(error, KeyboardInterrupt) and settings and not complete and not getattr(error, "__notes__", None):
        yield "interrupted, and not said what the host holds"
    if isinstance(error, KeyError) and settings and not complete:
        yield "a mistake of ours was not answered"


def _followed_up(subject: Subject, course: Course) -> Iterator[str]:
    """The next run finishes, and everything can be undone."""
    host, old, new = course.host, course.old, course.new
    left_behind = repr(differences(old, host.snapshot()))
    if left_behind in course.judged:
        return
    course.judged.add(left_behind)
    subject.run(host)
    if left := differences(new, host.snapshot(), ignoring=[OURS], parts=SETTINGS_PARTS):
        yield f"the next run: {left}"
    if "name" in subject.task:
        if status(host, "new"):
            undo(host, "new")
        if left := moved(old, host):
            yield f"after undoing: {left}"
        while standing := book(host).stack.standing:
            undo(host, standing[-1].change_id, force=True)
        if left := moved(course.pristine, host):
            yield f"after undoing everything: {left}"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_fault_at_every_request_leaves_the_old_or_the_new(subject: str) -> None:
    course = Course.of(SUBJECTS[subject])
    wrong = [
        f"{fault} at {at} ({method}): {sentence}"
        for fault in FAULTS
        for at, method in enumerate(course.methods, 1)
        for sentence in _broken(SUBJECTS[subject], course, fault, at)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("subject", [name for name, subject in SUBJECTS.items() if "name" in subject.task])
def test_a_process_that_dies_at_any_request_is_finished_by_the_next_journaled_run(subject: str) -> None:
    course = Course.of(SUBJECTS[subject])
    host = course.host
    ends = set()
    for at in range(1, len(course.methods) + 1):
        host.load(course.saved)
        with suppress(Died), process_gone(host, at):
            SUBJECTS[subject].run(host)
        was = host.snapshot()
        recovery = tidy(host)
        now = "old" if not moved(course.old, host) else "new" if not moved(course.new, host) else "neither"
        ends.add((now, status(host, "new")))
        assert book(host).unfinished == ()
        assert recovery.changed is bool(differences(was, host.snapshot(), ignoring=[OURS], parts=("registry",))), at
        assert tidy(host).told == (), "a second run has nothing to do"
    assert ends == {("old", None), ("old", "rolled_back"), ("new", "applied")}


# What a change leaves


def test_a_change_is_journaled_when_the_task_asks_for_anything() -> None:
    table = [(Terms(), False), (Terms("x"), True), (Terms(reason="r"), True), (Terms(expires_in=HOUR), True)]
    assert [terms.journaled for terms, _wanted in table] == [wanted for _terms, wanted in table]
    assert Terms(keep_ended=3).journaled is False


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
    assert list(host.registry.subkeys(OURS + r"\smb_guest\Lock")) == []


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
    assert [e.reason for e in book(host).stack.entries] == ["second"]
    with pytest.raises(RequestError, match=r"has a change X already \(applied\).*Nothing was written\.$"):
        change(host, CLOSE, name="x", reason="third")
    undo(host, "x")
    with pytest.raises(RequestError, match=r"already \(reverted\)"):
        change(host, OPEN, name="x", reason="fourth")


def test_a_name_that_was_given_back_has_no_marks_of_its_former_life() -> None:
    host = InProcessHost()
    host.registry.create_key(OURS + r"\smb_guest\Changes\x~reverted")
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(AccessDenied):
        change(host, OPEN, name="x", reason="first")
    for word in ("failed", "ending"):  # the next run takes over the one and leaves the other
        host.registry.create_key(OURS + rf"\smb_guest\Changes\x~{word}")
    change(host, OPEN, name="x", reason="second")
    assert (status(host, "x"), book(host).marks) == ("applied", ())


def test_new_names_are_good_names_that_sort_by_time() -> None:
    start = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    names = [new_change_id(start + timedelta(seconds=n)) for n in range(20)]
    assert names == sorted(names)
    assert len({new_change_id(start) for _number in range(20)}) == 20
    assert [checked_change_id(name) for name in names] == names


# What goes wrong in earnest


def test_what_is_written_back_by_something_on_the_host_is_put_back_and_named() -> None:
    host = InProcessHost()
    before = host.snapshot()
    host.inject("silent_drop", match="SetDWORDValue", times=0)
    with pytest.raises(HostError, match=r"AllowInsecureGuestAuth was written as 1 and is absent.*put back") as caught:
        change(host, {GUEST: "allowed"}, (POLICY,), name="x", reason="r")
    assert isinstance(caught.value.__cause__, UnexpectedState)
    assert caught.value.changed is False
    assert moved(before, host) == []
    assert "put back" in entry(host, "x").note
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
        assert (f"beneath the policy that governs {GUEST_POLICY.location}. Change it there." in str(caught.value)) is (
            expected is HostError
        )
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
    with pytest.raises(HostError, match="still runs with False"):
        change(host, {GUEST: "allowed"}, name="x", reason="r")
    assert moved(before, host) == []


def test_what_cannot_be_put_back_is_said_and_undone_by_the_next_run() -> None:
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
        with pytest.raises(HostError, match=r"Undoing it failed as well.*may hold some of the new values") as caught:
            change(host, OPEN, BOTH, name=name, reason="r" if name else "")
        assert caught.value.changed is True
        host.clear_faults()
        if name:
            assert status(host, "x") == "failed"
            assert entry(host, "x").note.startswith("failed, and undoing it failed: ")
            assert f"{GUEST_LOCAL.location} is 1" in entry(host, "x").note
            assert "the next journaled run undoes it" in str(caught.value)
            assert tidy(host).changed is True
            assert status(host, "x") == "rolled_back"
            assert moved(before, host) == []


def test_a_mistake_of_ours_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    host = InProcessHost()
    before = host.snapshot()
    monkeypatch.setattr(configure_file._View, "again", lambda _self: {})
    with pytest.raises(HostError, match=r"A bug in winops\.smb_guest: KeyError.*put back as it was") as caught:
        change(host, OPEN, name="x", reason="r")
    assert (caught.value.changed, moved(before, host), status(host, "x")) == (False, [], "rolled_back")


def test_changed_is_not_lost_where_two_contexts_nest() -> None:
    """A run first undoes what was cut off, then is refused: something changed."""
    host = InProcessHost()
    reference = InProcessHost()
    change(reference, OPEN, BOTH, name="cut", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 2
    with suppress(Died), process_gone(host, at):
        change(host, OPEN, BOTH, name="cut", reason="r")
    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 1)
    host.inject("access_denied", match="RegisterByXml")
    with pytest.raises(SmbGuestError) as caught:
        change(host, OPEN, (LOCAL,), name="next", hours=1)
    assert caught.value.changed is True
    assert held(host, GUEST_LOCAL) is None


# The scheduler


def entry_of(stack: Stack, name: str) -> Entry:
    found = stack.get(name)
    assert found is not None
    return found


def test_a_scheduler_that_refuses_leaves_nothing() -> None:
    host = InProcessHost(quirks={"registration_refused": True})
    before = host.snapshot()
    with pytest.raises(AccessDenied, match=r"RegisterByXml\. Everything was put back") as caught:
        change(host, OPEN, name="x", hours=1)
    assert (caught.value.changed, moved(before, host), status(host, "x")) == (False, [], "rolled_back")
    change(host, OPEN, name="y", reason="no end: no task, no fault")
    assert status(host, "y") == "applied"


def test_a_task_that_was_taken_and_is_not_there_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    host = InProcessHost()
    before = host.snapshot()
    monkeypatch.setattr(scheduled_task, "task_exists", lambda *_: False)
    with pytest.raises(HostError, match="does not have it"):
        change(host, OPEN, name="x", hours=1)
    monkeypatch.undo()
    assert [line for line in moved(before, host) if not line.startswith("tasks")] == []


def test_a_task_that_stays_though_deleted_is_said_and_blocks_nobody() -> None:
    host = InProcessHost(quirks={"delete_task_lies": True})
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(HostError, match=r"is still there.*next journaled run tries again"):
        change(host, OPEN, name="x", hours=1)
    assert host.tasks == ["\\winops\\smb_guest\\x"]
    assert status(host, "x") == "failed"
    outcome = change(host, OPEN, name="y", hours=2)
    assert any("x" in told for told in outcome.recovery.told)
    assert (status(host, "y"), held(host, GUEST_LOCAL)) == ("applied", ("REG_DWORD", 1))
    host.set_quirks(delete_task_lies=False)
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is True, "the task that stayed has nothing to undo"
    tidy(host)
    undo(host, "y")
    assert held(host, GUEST_LOCAL) is None


def test_a_corrupt_task_cache_hinders_nothing() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    before = host.snapshot()
    change(host, OPEN, name="x", hours=1)
    reverted = undo(host, "x")
    assert any("could not be told: look, and delete it by hand" in told for told in reverted.told)
    assert moved(before, host) == []


def test_a_change_that_fails_says_that_its_task_may_be_there_still() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(AccessDenied, match=r"put back.*could not be told: look, and delete it by hand"):
        change(host, OPEN, name="x", hours=1)
    assert status(host, "x") == "rolled_back"


def test_a_change_that_the_host_ended_meanwhile_does_not_end_a_second_time() -> None:
    for lies in (False, True):
        host = InProcessHost()
        change(host, OPEN, name="Low", hours=1)
        change(host, {AUDIT: "enabled"}, name="other", hours=5)
        before = book(host).stack
        host.advance(3601)
        host.run_due_tasks()
        host.set_quirks(delete_task_lies=lies)
        out_of_date = before.with_(replace(entry_of(before, "Low"), armed=""))
        stack, told = rearm(engine(host), out_of_date)
        assert entry_of(stack, "other") == entry_of(before, "other"), "its task is as it should be"
        assert [("Low is still there" in sentence) for sentence in told] == [True] * lies
        assert len(host.tasks) == 1 + lies


def test_a_task_of_another_change_that_cannot_be_renewed_is_a_warning() -> None:
    host = InProcessHost()
    change(host, OPEN, name="low", hours=1)
    host.inject("access_denied", match="RegisterByXml", times=0)
    outcome = change(host, CLOSE, name="high", reason="r")
    assert any("The end of the change low" in told for told in outcome.told)
    host.clear_faults()
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is False, "a task that is out of date opens nothing"
    tidy(host)
    undo(host, "high")
    assert runs(host, GUEST_LOCAL) is False


def test_a_task_of_which_it_is_not_known_whether_it_was_taken_is_registered_again() -> None:
    """Else the one that takes its cell for covered for good would stay: an opening without an end."""
    host = InProcessHost()
    change(host, OPEN, name="low", hours=1)
    host.inject("access_denied", match="GetInfoByName", times=0)
    assert change(host, CLOSE, name="high", reason="r").told
    host.clear_faults()
    undo(host, "high")
    assert runs(host, GUEST_LOCAL) is True
    host.advance(3700)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is False


def test_prolonging_that_fails_or_is_cut_off_leaves_an_end_that_the_journal_knows() -> None:
    host = InProcessHost()
    change(host, OPEN, name="x", hours=1)
    saved, first = host.save(), entry(host, "x").expires_at
    host.reset_counters()
    assert change(host, OPEN, name="x", hours=5).prolonged
    ends: set[timedelta] = set()
    for at in range(1, host.requests + 1):
        for kind in ("reset_before", "reset_after", "access_denied"):
            host.load(saved)
            host.inject(kind, at=[at])
            with suppress(SmbGuestError):
                change(host, OPEN, name="x", hours=5)
            host.clear_faults()
            assert status(host, "x") == "applied"
            said = entry(host, "x").expires_at
            change(host, {AUDIT: "enabled"}, name="y", reason="the next journaled run")
            end = entry(host, "x").expires_at
            assert first is not None
            assert end is not None
            assert end == said, (kind, at)
            ends.add(end - first)
            host.clock = end - timedelta(seconds=1)
            assert host.run_due_tasks() == [], (kind, at)
            host.advance(1)
            assert host.run_due_tasks() == ["\\winops\\smb_guest\\x"], (kind, at)
            assert runs(host, GUEST_LOCAL) is False
    assert ends == {timedelta(0), 4 * HOUR}
