"""What the changes are for: on Windows 11 24H2 a guest logon works once allowed, and not after a block or a revert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from changes import CHANGES, CLOSE, OPEN, REVERT_ALL, Change
from subjects import Act, Subject

SERVER = {"name": "nas", "guest": True, "signing": False, "encryption": False}
ALLOWED, REFUSED = 31022, 31017


@pytest.fixture
def subject(subject_of: Callable[[Change], Subject]) -> Subject:
    return subject_of(CHANGES["opening"])


def meet(subject: Subject) -> tuple[bool, list[int]]:
    """Connect to a guest server: whether it worked, and the new events about guest logons."""
    before = _events(subject)
    answer: dict[str, Any] = subject.control.connect(subject.name, **SERVER)
    return answer["connected"], _events(subject)[len(before) :]


def _events(subject: Subject) -> list[int]:
    ids = [event["id"] for event in subject.look().state["events"]]
    return [number for number in ids if number in (ALLOWED, REFUSED)]


def test_an_untouched_24h2_lets_no_guest_in(subject: Subject) -> None:
    assert meet(subject)[0] is False


def test_opened_means_open(subject: Subject) -> None:
    assert OPEN.on(subject.endpoint())["changed"]
    assert meet(subject) == (True, [ALLOWED])


@pytest.mark.parametrize("act", [CLOSE, REVERT_ALL], ids=["hardened", "reverted"])
def test_closed_means_closed(subject: Subject, act: Act) -> None:
    assert OPEN.on(subject.endpoint())["changed"]
    assert act.on(subject.endpoint())["changed"]
    assert meet(subject)[0] is False


def test_blocked_guest_is_what_closes_it(subject: Subject) -> None:
    """With signing left open, so that nothing but the guest setting refuses: Windows logs 31017."""
    assert OPEN.on(subject.endpoint())["changed"]
    close = Act("guest_auth", {"state": "blocked", "scope": ["local", "policy"], "reason": "test"})
    assert close.on(subject.endpoint())["changed"]
    assert meet(subject) == (False, [REFUSED])


def test_expired_means_closed(subject: Subject) -> None:
    assert OPEN.on(subject.endpoint())["changed"]
    subject.control.advance_clock(subject.name, 9 * 3600)
    assert meet(subject)[0] is False
