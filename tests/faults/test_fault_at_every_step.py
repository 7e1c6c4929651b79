"""Each request of each change goes wrong, in several ways: the host is never in a state that nobody can name.

Whatever breaks: the settings are the old ones, the new ones, or a change that is journaled as pending; the result says
so; the same task run again makes exactly the wanted state; undoing all of it restores the registry bit for bit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from changes import CHANGES, REVERT_ALL, Change
from courses import Course, Verdicts, prepare, undisturbed
from subjects import Look, Subject, difference

KINDS = ("reset_before", "reset_after", "timeout", "http_401", "http_500", "soap_fault", "garbage")
EVERY = int(os.environ.get("FAULTS_EVERY", "3"))
"""Each kind strikes every third request, and the kinds begin at different ones: two kinds at least for each request.
FAULTS_EVERY=1 strikes every one. Without a wire there are ten ways: test_transaction_at_every_request.py."""
SAMPLE = 5
"""Every how many requests where a kind of fault or of authentication is costly."""

NAMES_THE_STATE = re.compile(
    r"nothing (else )?was written|every value was restored and verified|was made and verified|next journaled run"
    r"|some values on the host have changed"
    r"|may hold some of the new values|run (it )?again",
    re.IGNORECASE,
)


def broken(
    subject: Subject, change: Change, course: Course, kind: str, at: int, transport: str, verdicts: Verdicts
) -> Iterator[str]:
    """What is wrong after the request `at` went wrong, in words."""
    prepare(subject, change)
    subject.control.add_fault(subject.name, kind, at=[at], times=1)
    result = change.act.on(subject.endpoint(transport), hang_at=at if kind == "hang" else None)
    subject.control.clear_faults(subject.name)
    rows = subject.control.requests(subject.name)
    assert sum("fault" in row for row in rows) == 1, rows
    left = subject.look()
    yield from _judged(result, left, course, change)
    if left.essence not in verdicts:
        verdicts[left.essence] = list(_followed_up(subject, change, course, left, transport))
    yield from verdicts[left.essence]


def _followed_up(subject: Subject, change: Change, course: Course, left: Look, transport: str) -> Iterator[str]:
    """The same task again, then undo everything."""
    again = change.act.on(subject.endpoint(transport))
    after = subject.look()
    if "failed" in again or "unreachable" in again:
        yield f"the next run failed: {again['msg']}"
    yield from (f"after the next run: {line}" for line in difference(course.new.settings, after.settings))
    yield from (f"after the next run: {line}" for line in after.untidy(lock=bool(again["changed"])))
    if again["changed"] is False and after.settings != left.settings:
        yield "the next run says changed=false, and changed something"
    if not change.journaled and not change.before:
        return
    undone = REVERT_ALL.on(subject.endpoint(transport))
    last = subject.look()
    if "failed" in undone or "unreachable" in undone:
        yield f"reverting failed: {undone['msg']}"
    yield from (f"after reverting: {line}" for line in difference(course.pristine.settings, last.settings))
    yield from (f"after reverting: {line}" for line in last.untidy(lock=bool(undone["changed"])))


def _judged(result: dict[str, Any], left: Look, course: Course, change: Change) -> Iterator[str]:
    failed = "failed" in result or "unreachable" in result
    message = str(result.get("msg", ""))
    # A revert that is interrupted in the middle leaves the change standing in the journal, to be reverted again.
    in_between = left.settings not in (course.old.settings, course.new.settings)
    if in_between and not left.is_journaled_as_pending and change.act.module != "revert_change":
        yield f"half-way and not journaled: {message}"
    if left.settings != course.old.settings and result.get("changed") is not True:
        yield f"changed is {result.get('changed')}, and the settings changed: {message}"
    if failed and not NAMES_THE_STATE.search(message):
        yield f"the error does not say what state the host is in: {message}"
    if not failed and left.settings != course.new.settings:
        yield "no error, and the host is not as wanted"


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdicts]:
    """By change."""
    return {name: {} for name in CHANGES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CHANGES)
def test_each_request_breaks(
    subject_of: Callable[[Change], Subject],
    tell: Callable[..., None],
    verdicts: dict[str, Verdicts],
    name: str,
    kind: str,
) -> None:
    change = CHANGES[name]
    subject = subject_of(change)
    course = undisturbed(subject, change)
    steps = range(1 + KINDS.index(kind) % EVERY, course.requests + 1, EVERY)
    _break_all(subject, change, course, kind, steps, "basic", verdicts[name], tell)


@pytest.mark.parametrize("name", CHANGES)
def test_no_answer_comes(
    subject_of: Callable[[Change], Subject], tell: Callable[..., None], verdicts: dict[str, Verdicts], name: str
) -> None:
    """The connection stays open and silent. A sample, as each costs its waiting time."""
    change = CHANGES[name]
    subject = subject_of(change)
    course = undisturbed(subject, change)
    _break_all(subject, change, course, "hang", range(3, course.requests + 1, SAMPLE), "basic", verdicts[name], tell)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "http_401"])
@pytest.mark.parametrize("name", ["opening", "reverting"])
def test_the_connection_authenticates_anew(
    subject_of: Callable[[Change], Subject], tell: Callable[..., None], name: str, kind: str
) -> None:
    """The same over NTLM with encrypted messages: what follows a broken connection needs a new handshake."""
    change = CHANGES[name]
    subject = subject_of(change)
    course = undisturbed(subject, change, "ntlm")
    _break_all(subject, change, course, kind, range(4, course.requests + 1, SAMPLE), "ntlm", {}, tell)


def _break_all(
    subject: Subject,
    change: Change,
    course: Course,
    kind: str,
    steps: range,
    transport: str,
    verdicts: Verdicts,
    tell: Callable[..., None],
) -> None:
    wrong: dict[str, list[int]] = {}
    for at in steps:
        for line in broken(subject, change, course, kind, at, transport, verdicts):
            wrong.setdefault(line, []).append(at)
    tell(requests=course.requests, faults=len(steps), violations=sum(map(len, wrong.values())))
    if wrong:
        pytest.fail("\n".join(f"requests {at}: {line}" for line, at in wrong.items()), pytrace=False)
