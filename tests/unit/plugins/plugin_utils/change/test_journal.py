# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal on a host: two lists, and the marks of expiries beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import ENDED, STANDING, noted
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.marks import (
    CHANGES,
    ROOT,
    Mark,
    mark_name,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, HostState
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.stack import ChangeStatus
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    BOTH,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    SIGNING,
    change,
    engine,
    entry,
    moved,
    runs,
    snapshot,
    status,
    tidy,
    undo,
)

LIST = f"HKLM\\{ROOT}"


def lines(host: InProcessHost, name: str) -> list[str]:
    value = host.registry.get(LIST, name)
    return list(value.data) if value else []


def flip(host: InProcessHost, name: str, **more: Any) -> None:
    """A change that always writes: guest logons the other way."""
    word = "blocked" if runs(host, GUEST_LOCAL) else "allowed"
    change(host, {GUEST: word}, name=name, **more)


# The lists


def test_no_journal_is_an_empty_one() -> None:
    host = InProcessHost()
    found = snapshot(host)
    assert (found.stack.entries, found.damaged, found.marks, found.unfinished) == ((), (), (), ())
    assert not found.unsettled
    assert host.requests == 3


def test_what_stands_and_what_has_ended_are_two_lists() -> None:
    host = InProcessHost()
    for name in ("a", "b", "c"):
        flip(host, name)
    undo(host, "b")
    assert ([json.loads(line)["change_id"] for line in lines(host, STANDING)]) == ["a", "c"]
    assert ([json.loads(line)["change_id"] for line in lines(host, ENDED)]) == ["b"]
    assert [found.change_id for found in engine(host).journal.peek().stack.entries] == ["a", "c"]
    assert [found.change_id for found in snapshot(host).stack.entries] == ["a", "b", "c"]
    undo(host)
    assert host.registry.get(LIST, STANDING) is None, "an empty list is no value"


def test_a_long_journal_costs_no_more_requests() -> None:
    host = InProcessHost()
    flip(host, "a")
    host.reset_counters()
    snapshot(host)
    few = host.requests
    for number in range(20):
        flip(host, f"c{number}")
    host.reset_counters()
    snapshot(host)
    assert host.requests == few == 3
    for look, requests in ((engine(host).journal.peek, 1), (engine(host).journal.show, 2)):
        host.reset_counters()
        look()
        assert host.requests == requests


def test_a_look_at_a_host_without_a_journal_is_one_request() -> None:
    host = InProcessHost()
    for look in (engine(host).journal.peek, engine(host).journal.show):
        host.reset_counters()
        assert look().stack.entries == ()
        assert host.requests == 1


def test_the_marks_of_a_change_that_can_expire_are_seen_by_every_look() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    host.registry.create_key(f"HKLM\\{CHANGES}\\x~reverted")
    journal = engine(host).journal
    for seen in (journal.read(), journal.peek(), journal.show(), journal.marked(journal.peek())):
        assert [entry.status.value for entry in seen.stack.entries] == ["reverted"]


def test_found_in_both_lists_it_has_ended() -> None:
    """Interrupted between the two writes of an expiry."""
    host = InProcessHost()
    flip(host, "a")
    standing = lines(host, STANDING)
    undo(host, "a")
    host.registry.set(LIST, STANDING, "REG_MULTI_SZ", standing)
    assert status(host, "a") == "reverted"
    flip(host, "b")
    assert [json.loads(line)["change_id"] for line in lines(host, STANDING)] == ["b"]


def test_damaged_lines_are_reported_not_used_and_kept() -> None:
    host = InProcessHost()
    flip(host, "a")
    foreign = ["nonsense", lines(host, STANDING)[0].replace("insecure_guest_logons", "../\u202e")]
    host.registry.set(LIST, STANDING, "REG_MULTI_SZ", [foreign[0], *lines(host, STANDING), foreign[1]])
    host.registry.set(LIST, ENDED, "REG_MULTI_SZ", ["{}"])
    found = snapshot(host)
    assert [each.change_id for each in found.stack.entries] == ["a"]
    assert [text.partition(" is damaged")[0] for text in found.damaged] == [
        rf"Line 1 of HKLM\{ROOT}\Standing",
        rf"Line 3 of HKLM\{ROOT}\Standing",
        rf"Line 1 of HKLM\{ROOT}\Ended",
    ]
    assert all(text.isprintable() for text in found.damaged)
    flip(host, "b")
    undo(host, "a")
    assert [line for line in lines(host, STANDING) if line in foreign] == foreign
    assert lines(host, ENDED)[:1] == ["{}"]
    assert not set(lines(host, ENDED)) & set(foreign), "each stays where it was"


def test_a_list_of_another_type_stops_everything_before_anything_is_written() -> None:
    for name in (STANDING, ENDED):
        host = InProcessHost()
        host.registry.set(LIST, name, "REG_SZ", "mine")
        before = host.snapshot()
        for task in (lambda h: change(h, {GUEST: "allowed"}, name="x"), undo, lambda h: undo(h, check=True)):
            with pytest.raises(HostError, match=rf"{name} is no journal\. Look at it, and delete") as caught:
                task(host)
            assert caught.value.host_state is HostState.NOTHING_WRITTEN
        assert moved(before, host) == []


# Pruning


def test_ended_changes_are_kept_up_to_a_number() -> None:
    host = InProcessHost()
    for number in range(6):
        flip(host, f"c{number}", keep=3)
        undo(host, f"c{number}")
    assert len(snapshot(host).stack.entries) == 6, "undoing keeps 50"
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(HostError):
        flip(host, "failing", keep=3)
    assert [each.change_id for each in snapshot(host).stack.entries] == ["c4", "c5", "failing"]


def test_what_stands_is_never_pruned() -> None:
    host = InProcessHost()
    for name in ("a", "b", "c"):
        flip(host, name)
    undo(host, "c")
    found = snapshot(host)
    written = engine(host).journal.write(found, found.stack, keep=0, ended=True)
    for each in (written, snapshot(host)):
        assert [known.change_id for known in each.stack.entries] == ["a", "b"]


def test_what_a_standing_change_lies_over_is_never_pruned() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    for number in range(4):
        flip(host, f"c{number}")
    for number in range(3):
        undo(host, f"c{number}")
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(HostError):
        change(host, {AUDIT: "enabled"}, name="failing", keep=0)
    assert [each.change_id for each in snapshot(host).stack.entries] == ["c0", "c1", "c2", "c3"]
    undo(host, "c3")
    assert moved(pristine, host) == []


# Marks


def test_marks() -> None:
    table = {
        "a~reverted": ("a", "reverted", None),
        "a.b-c_d~failed": ("a.b-c_d", "failed", None),
        "a~ending": ("a", "ending", None),
        "a~left~insecure_guest_logons~policy": ("a", "left", GUEST_POLICY),
    }
    for name, (change_id, word, cell) in table.items():
        mark = Mark.parse(name)
        assert mark == Mark(name, change_id, word, cell)
        assert mark_name(change_id, word, cell) == name
    for name in (
        "a",
        "a~done",
        "a~left~x~local",
        "a~left~client_signing~policy",
        "~reverted",
        "a~reverted~",
        "a b~failed",
    ):
        assert Mark.parse(name) is None, name


def test_what_the_marks_say() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, BOTH, name="X", hours=1)
    saved = host.save()
    both = "expired: restored by the host itself"
    table = [
        (["ending"], "reverting", "the host is ending it, or was interrupted", False),
        (["ending", "failed"], "failed", "its end failed on the host, which tries again when it starts", True),
        (["failed"], "failed", "its end failed on the host, which tries again when it starts", True),
        (["reverted"], "reverted", both, True),
        (["reverted", "failed", "ending"], "reverted", both, True),
        (["left~insecure_guest_logons~local"], "applied", "", True),
    ]
    for words, expected, note, unsettled in table:
        host.load(saved)
        for word in words:
            host.registry.create_key(f"HKLM\\{CHANGES}\\x~{word}")
        found = entry(host, "x")
        assert (found.status.value, found.note) == (expected, note), words
        assert snapshot(host).unsettled is unsettled, words


def test_what_the_lists_say_of_an_end_counts_more_than_a_mark() -> None:
    host = InProcessHost()
    flip(host, "x")
    undo(host, "x")
    said = entry(host, "x")
    for word in ("ending", "failed", "reverted"):
        host.registry.create_key(f"HKLM\\{CHANGES}\\x~{word}")
        assert entry(host, "x") == said, word


def test_only_what_the_host_says_to_have_ended_has_ended() -> None:
    host = InProcessHost()
    for name in ("x~failed", "y~ending", "Z~reverted", "z~left~insecure_guest_logons~local"):
        host.registry.create_key(f"HKLM\\{CHANGES}\\{name}")
    assert engine(host).journal.ended_by_the_host() == {"z"}


def test_marks_of_other_changes_and_of_an_end_at_work_stay() -> None:
    host = InProcessHost()
    for name, words in (("x", {GUEST: "allowed"}), ("y", {AUDIT: "enabled"}), ("z", {SIGNING: "not_required"})):
        change(host, words, name=name, hours=1)
    for name in ("y~ending", "z~reverted"):
        host.registry.create_key(f"HKLM\\{CHANGES}\\{name}")
    tidy(host)
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == ["y~ending"]
    undo(host, "x")
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == ["y~ending"]
    assert status(host, "y") == "reverting"


def test_what_the_host_has_ended_is_taken_over_and_the_marks_go() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    host.advance(3601)
    host.run_due_tasks()
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == ["x~reverted"]
    assert tidy(host).changed is False
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == []
    assert (lines(host, STANDING), status(host, "x")) == ([], "reverted")
    before = host.snapshot()
    tidy(host)
    assert differences(before, host.snapshot()) == []


def test_marks_stay_while_a_task_may_still_look_for_them() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="low", hours=2)
    change(host, {GUEST: "blocked"}, name="high", hours=1)
    host.advance(3601)
    host.run_due_tasks()
    host.inject("access_denied", match="RegisterByXml", times=0)
    assert any("low" in told for told in tidy(host).warnings)
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == ["high~reverted"]
    host.clear_faults()
    assert tidy(host).warnings == ()
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == []
    host.advance(3600)
    host.run_due_tasks()
    assert runs(host, GUEST_LOCAL) is False


def test_a_note_is_one_line_of_bounded_length() -> None:
    host = InProcessHost()
    flip(host, "x")
    text = noted(entry(host, "x"), ChangeStatus.FAILED, "a\nb\u202ec" + "d" * 5000).note
    assert text.isprintable()
    assert len(text) <= 1000
