"""A change ends by itself when its time is up, although no controller ever comes back: bit for bit what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from changes import EXPIRING, OPEN, REVERT_ALL, Change
from courses import Course, prepare, undisturbed
from subjects import Subject, difference
from test_killed_at_every_step import kill_at

HOURS = 3600


@pytest.fixture(params=EXPIRING)
def change(request: pytest.FixtureRequest) -> Change:
    return EXPIRING[request.param]


def ended(subject: Subject, course: Course) -> Iterator[str]:
    """What is wrong on a host whose change should have ended by itself, in words."""
    look = subject.look()
    yield from difference(course.pristine.settings, look.settings)
    if look.tasks:
        yield f"the task is still there: {look.tasks}"
    if look.statuses != ["reverted"]:
        yield f"the journal says {look.statuses}"
    if not any("expired" in values.get("note", "") for values in look.journal.values()):
        yield "the journal does not say why"


@pytest.mark.parametrize("powered_off", [False, True], ids=["running", "powered off"])
def test_the_host_restores_itself(subject_of: Callable[[Change], Subject], change: Change, powered_off: bool) -> None:
    """powered off: it starts the task when it is on again."""
    subject = subject_of(change)
    course = undisturbed(subject, change)
    subject.control.advance_clock(subject.name, 9 * HOURS, powered_off=powered_off)
    assert list(ended(subject, course)) == []
    again = REVERT_ALL.on(subject.endpoint())
    assert (again["changed"], "failed" in again) == (False, False), again
    assert list(ended(subject, course)) == []


def test_nothing_ends_before_its_time(subject_of: Callable[[Change], Subject], change: Change) -> None:
    subject = subject_of(change)
    course = undisturbed(subject, change)
    subject.control.advance_clock(subject.name, 8 * HOURS - 120)
    assert subject.look().settings == course.new.settings
    assert subject.look().statuses == ["applied"]
    subject.control.advance_clock(subject.name, 180)
    assert list(ended(subject, course)) == []


def test_reverting_early_removes_the_task(subject_of: Callable[[Change], Subject], change: Change) -> None:
    subject = subject_of(change)
    course = undisturbed(subject, change)
    assert len(course.new.tasks) == 1
    assert REVERT_ALL.on(subject.endpoint())["changed"]
    early = subject.look()
    assert (early.tasks, early.statuses) == ([], ["reverted"])
    assert difference(course.pristine.settings, early.settings) == []
    # Whatever is written from then on stays.
    assert OPEN.on(subject.endpoint())["changed"]
    opened = subject.look()
    REVERT_ALL.on(subject.endpoint())
    subject.control.set_registry(subject.name, r"HKLM\SOFTWARE\somebody", "Else", 1)
    mine = subject.look().settings
    subject.control.advance_clock(subject.name, 9 * HOURS)
    assert subject.look().settings == mine
    assert sorted(opened.statuses) == ["applied", "reverted"]


def test_the_controller_was_killed(
    subject_of: Callable[[Change], Subject], tell: Callable[..., None], change: Change
) -> None:
    """In the middle, once the task was registered: the host ends it, and the next run finds nothing left to do."""
    subject = subject_of(change)
    course = undisturbed(subject, change)
    rows = _requests(subject, change)
    registered = rows.index("RegisterByXml") + 1
    steps = range(registered + 1, course.requests + 1, 2)
    wrong = []
    for at in steps:
        prepare(subject, change)
        kill_at(subject, change, at)
        subject.control.advance_clock(subject.name, 9 * HOURS)
        wrong += [f"request {at}: {line}" for line in ended(subject, course)]
        result = change.act.on(subject.endpoint())
        if "failed" in result:
            wrong.append(f"request {at}: the next run failed: {result['msg']}")
        wrong += [f"request {at}: {line}" for line in difference(course.new.settings, subject.look().settings)]
        wrong += [f"request {at}: {line}" for line in subject.look().untidy()]
    tell(kills=len(steps), violations=len(wrong))
    assert wrong == []


def _requests(subject: Subject, change: Change) -> list[str]:
    prepare(subject, change)
    change.act.on(subject.endpoint())
    return [row["method"] for row in subject.control.requests(subject.name)]
