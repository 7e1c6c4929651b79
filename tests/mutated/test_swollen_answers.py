"""Answers that are right but for their size: no action takes more memory than a task may, whatever it asks for.

The simulated host answers as it should, and every answer is then made as large as a client takes it: more items and
always one page more, more values of the last member, or one long text. What is built is counted by tracemalloc, which
sees what Python, its XML parser and expat allocate.
"""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from in_process import InProcessWire

from ansible_collections.winops.smb_guest.plugins.action import (
    client_facts,
    connections_info,
    guest_events_info,
    posture_info,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from simulated_windows.in_process import InProcessHost

MANY = 100_000
LARGEST = 1024 * 1024
MEGABYTES = 70
"""What a task may take beside Ansible itself, which has some 75 MB: 150 MB together."""
ITEMS = re.compile(rb"(<(?:\w+:)?Items>)(.*)(</(?:\w+:)?Items>)", re.DOTALL)
FIRST = re.compile(rb"<((?:\w+:)?\w+)[\s>].*?</\1>", re.DOTALL)
END = re.compile(rb"<(?:\w+:)?EndOfSequence\s*/>")
LEAF = re.compile(rb"<((?:\w+:)?\w+)((?:\s[^<>]*)?)>([^<>]+)</\1>")


def swollen_items(answer: bytes) -> bytes:
    """As many items as fit, and never the last page."""
    found = ITEMS.search(answer)
    first = FIRST.search(found[2]) if found else None
    if found is None or first is None:
        return answer
    item = first.group()
    elements = max(1, item.count(b"</"))
    room = min((LARGEST - len(answer)) // len(item), 55_000 // elements)
    swollen = answer[: found.start(2)] + found[2] + item * max(0, room) + answer[found.end(2) :]
    return END.sub(b"", swollen)


def swollen_members(answer: bytes) -> bytes:
    """The last member of the answer as often as it fits, each with a text of its own."""
    body = answer.find(b"Body>")
    leaves = list(LEAF.finditer(answer, max(0, body)))
    if body < 0 or not leaves:
        return answer
    last = leaves[-1]
    name, attributes, text = last.groups()
    room = min((LARGEST - len(answer)) // (len(last.group()) + 6), 50_000)
    more = b"".join(b"<%s%s>%s%d</%s>" % (name, attributes, text, number, name) for number in range(room))
    return answer[: last.end()] + more + answer[last.end() :]


def swollen_text(answer: bytes) -> bytes:
    """Its last text as long as it can be, with one wide character in it."""
    leaves = list(LEAF.finditer(answer, max(0, answer.find(b"Body>"))))
    if not leaves:
        return answer
    last = leaves[-1]
    return answer[: last.end(3)] + "\U0001f600".encode() + b"x" * (LARGEST - len(answer) - 16) + answer[last.end(3) :]


SWELLINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "items": swollen_items,
    "members": swollen_members,
    "text": swollen_text,
}


class SwellingWire(InProcessWire):
    """A transport whose answers swell, from the one with a number on."""

    def __init__(self, host: InProcessHost, swell: Callable[[bytes], bytes], first: int) -> None:
        super().__init__(host)
        self._swell = swell
        self._first = first
        self.sent = 0

    def send(self, message: bytes) -> bytes:
        self.sent += 1
        answer = super().send(message)
        return self._swell(answer) if self.sent > self._first else answer


def act(module: Any, session: Session, **options: Any) -> None:
    action = module.ActionModule.__new__(module.ActionModule)
    action._variables = {}
    action._task = SimpleNamespace(delegate_to=None)
    action._connection = SimpleNamespace(get_option=lambda _name: None)
    action.work(session, options)


READING = {"max_events": 20_000, "way": "auto"}
ACTIONS: Mapping[str, Callable[[Session], None]] = {
    "client_facts": lambda session: act(client_facts, session, gather_subset=["all", "doors"]),
    "posture_info": lambda session: act(
        posture_info,
        session,
        parts=["settings", "changes", "events", "connections", "doors"],
        since="30d",
        **READING,
    ),
    "guest_events_info": lambda session: act(
        guest_events_info, session, ids=[31017, 31022], since=None, bookmark=None, list_events=1000, **READING
    ),
    "connections_info": lambda session: act(connections_info, session, sides=["client", "server"], read_events=True),
}


@contextmanager
def measured() -> Iterator[list[int]]:
    """The peak of what is built in the block, in bytes."""
    found: list[int] = []
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield found
        found.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


def host() -> InProcessHost:
    made = InProcessHost("windows_11_24h2_pro", policy={"AllowInsecureGuestAuth": 0})
    for number in range(5):
        made.log.write(31017, UserName="guest", ServerName=f"nas{number}")
    return made


BEGINNINGS: Mapping[str, tuple[int, ...]] = {
    "client_facts": (4,),
    "posture_info": (12,),
    "guest_events_info": (0,),
    "connections_info": (0, 1),
}
"""The answers from which on they swell: a few of all, since each costs a second and more."""
ALL_BEGINNINGS = tuple(range(0, 24, 2))


@pytest.mark.parametrize("swelling", SWELLINGS)
@pytest.mark.parametrize("action", ACTIONS)
def test_no_action_takes_more_than_it_may(action: str, swelling: str, pytestconfig: pytest.Config) -> None:
    """All beginnings with `--answers` of a hundred thousand and more."""
    many = int(pytestconfig.getoption("--answers")) >= MANY
    for first in ALL_BEGINNINGS if many else BEGINNINGS[action]:
        wire = SwellingWire(host(), SWELLINGS[swelling], first)
        with measured() as peak, suppress(SmbGuestError):
            ACTIONS[action](Session(wire))
        assert peak[0] < MEGABYTES * 1024 * 1024, (first, wire.sent, peak[0] // 1024 // 1024)
        if wire.sent <= first:
            break


def test_a_host_that_behaves_takes_little() -> None:
    for action in ACTIONS.values():
        with measured() as peak:
            action(Session(SwellingWire(host(), lambda answer: answer, 0)))
        assert peak[0] < 8 * 1024 * 1024
