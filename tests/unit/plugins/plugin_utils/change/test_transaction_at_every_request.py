# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change is whole or not at all, whatever happens at whichever of its requests, and says truly which."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError, worded
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    BOTH,
    CLOSE,
    ENCRYPTION,
    GUEST,
    LOCAL,
    OPEN,
    OURS,
    SIGNING_LOCAL,
    Died,
    Mistaken,
    change,
    moved,
    process_gone,
    put,
    snapshot,
    status,
    tidy,
    undo,
)


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
EVERY = int(os.environ.get("FAULTS_EVERY", "3"))
"""Each request goes wrong in every third way, and the ways begin at different ones, for each subject anew: so each way
strikes each kind of request. FAULTS_EVERY=1: each request in all ten."""
SETTINGS_PARTS = ("registry", "smb_client", "smb_server")
SAYS = ("Nothing was written", "Every value was restored", "was made and verified", "left is not dealt with yet")


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
    if isinstance(error, SmbGuestError) and not any(word in worded(error) for word in SAYS):
        yield f"it does not say what the host holds: {worded(error)}"
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
        while standing := snapshot(host).stack.standing:
            undo(host, standing[-1].change_id, force=True)
        if left := moved(course.pristine, host):
            yield f"after undoing everything: {left}"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_fault_at_every_request_leaves_the_old_or_the_new(subject: str) -> None:
    course = Course.of(SUBJECTS[subject])
    begin = list(SUBJECTS).index(subject)
    wrong = [
        f"{fault} at {at} ({method}): {sentence}"
        for way, fault in enumerate(FAULTS, begin)
        for at, method in enumerate(course.methods, 1)
        if (way + at) % EVERY == 0
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
        with pytest.raises(Died), process_gone(host, at):
            SUBJECTS[subject].run(host)
        was = host.snapshot()
        recovery = tidy(host)
        now = "old" if not moved(course.old, host) else "new" if not moved(course.new, host) else "neither"
        ends.add((now, status(host, "new")))
        assert snapshot(host).unfinished == ()
        assert recovery.changed is bool(differences(was, host.snapshot(), ignoring=[OURS], parts=("registry",))), at
        assert tidy(host).warnings == (), "a second run has nothing to do"
    assert ends == {("old", None), ("old", "rolled_back"), ("new", "applied")}
