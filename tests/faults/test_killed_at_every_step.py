"""The process that makes a change is killed while each of its requests is under way: the next run ends what it began.

The journal tells the story afterwards, the lock is free, and undoing all of it restores the registry bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from changes import CHANGES, REVERT_ALL, Change
from courses import Course, Verdicts, prepare, undisturbed
from crew import SECONDS, Worker
from subjects import Look, Subject, difference

KILLED = ("opening", "closing", "reverting")


def kill_at(subject: Subject, change: Change, at: int) -> None:
    """Let the host sit on the request `at`, and kill the process that waits for its answer.

    The request is not carried out: that it was is the same for the host as being killed at the next one.
    """
    subject.control.add_fault(subject.name, "delay", at=[at], times=1, seconds=2.0 * SECONDS)
    worker = Worker(change.act, subject.endpoint()).go()
    deadline = time.monotonic() + SECONDS
    while not any("fault" in row for row in subject.control.requests(subject.name)):
        assert time.monotonic() < deadline, f"request {at} never came"
        time.sleep(0.02)
    worker.kill()
    subject.control.clear_faults(subject.name)


def killed(subject: Subject, change: Change, course: Course, at: int, verdicts: Verdicts) -> Iterator[str]:
    """What is wrong after a process was killed at the request `at`, in words."""
    prepare(subject, change)
    kill_at(subject, change, at)
    left = subject.look()
    in_between = left.settings not in (course.old.settings, course.new.settings)
    if in_between and change.act.module != "revert_change" and not left.is_journaled_as_pending:
        yield "half-way and not journaled"
    if left.essence not in verdicts:
        verdicts[left.essence] = list(_followed_up(subject, change, course, left))
    yield from verdicts[left.essence]


def _followed_up(subject: Subject, change: Change, course: Course, left: Look) -> Iterator[str]:
    """The same task again, by another process; then undo everything."""
    again = Worker(change.act, subject.endpoint()).go().result()
    after = subject.look()
    if "failed" in again or "unreachable" in again:
        yield f"the next run failed: {again['msg']}"
    if after.settings != left.settings and not again["changed"]:
        yield "the next run says changed=false, and changed something"
    if left.is_journaled_as_pending and left.pending not in str(again.get("warnings")):
        yield f"the next run does not speak of {left.pending}"
    yield from (f"after the next run: {line}" for line in difference(course.new.settings, after.settings))
    yield from (f"after the next run: {line}" for line in after.untidy(lock=bool(again["changed"])))
    undone = REVERT_ALL.on(subject.endpoint())
    last = subject.look()
    if "failed" in undone or "unreachable" in undone:
        yield f"reverting failed: {undone['msg']}"
    yield from (f"after reverting: {line}" for line in difference(course.pristine.settings, last.settings))
    yield from (f"after reverting: {line}" for line in last.untidy(lock=bool(undone["changed"])))


@pytest.mark.parametrize("name", KILLED)
def test_the_process_is_killed(subject_of: Callable[[Change], Subject], tell: Callable[..., None], name: str) -> None:
    change = CHANGES[name]
    subject = subject_of(change)
    course = undisturbed(subject, change)
    verdicts: Verdicts = {}
    wrong = [
        f"request {at}: {line}"
        for at in range(1, course.requests + 1)
        for line in killed(subject, change, course, at, verdicts)
    ]
    tell(requests=course.requests, kills=course.requests, states_left=len(verdicts), violations=len(wrong))
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
