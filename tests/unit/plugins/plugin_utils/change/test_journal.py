# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal on a host: two lists, the marks of expiries beside them, and what version 0.1 wrote."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Held
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import (
    CHANGES,
    ENDED,
    ROOT,
    STANDING,
    Mark,
    mark_name,
    noted,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, HostState, SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import dword
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.stack import ChangeStatus
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, Layer, Side
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    BOTH,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    POLICY,
    SIGNING,
    book,
    change,
    engine,
    entry,
    held,
    moved,
    put,
    runs,
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
    found = book(host)
    assert (found.stack.entries, found.damaged, found.marks, found.v1, found.unfinished) == ((), (), (), (), ())
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
    assert [found.change_id for found in book(host).stack.entries] == ["a", "b", "c"]
    undo(host)
    assert host.registry.get(LIST, STANDING) is None, "an empty list is no value"


def test_a_long_journal_costs_no_more_requests() -> None:
    host = InProcessHost()
    flip(host, "a")
    host.reset_counters()
    book(host)
    few = host.requests
    for number in range(20):
        flip(host, f"c{number}")
    host.reset_counters()
    book(host)
    assert host.requests == few == 3
    host.reset_counters()
    engine(host).journal.peek()
    assert host.requests == 2


def test_found_in_both_lists_it_has_ended() -> None:
    """Cut off between the two writes of an end."""
    host = InProcessHost()
    flip(host, "a")
    standing = lines(host, STANDING)
    undo(host, "a")
    host.registry.set(LIST, STANDING, "REG_MULTI_SZ", standing)
    assert status(host, "a") == "reverted"
    flip(host, "b")
    assert [json.loads(line)["change_id"] for line in lines(host, STANDING)] == ["b"]


def test_damaged_lines_are_told_not_used_and_kept() -> None:
    host = InProcessHost()
    flip(host, "a")
    foreign = ["nonsense", lines(host, STANDING)[0].replace("insecure_guest_logons", "../\u202e")]
    host.registry.set(LIST, STANDING, "REG_MULTI_SZ", [foreign[0], *lines(host, STANDING), foreign[1]])
    host.registry.set(LIST, ENDED, "REG_MULTI_SZ", ["{}"])
    found = book(host)
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
    assert len(book(host).stack.entries) == 6, "undoing keeps 50"
    host.inject("access_denied", match="SetConfiguration")
    with pytest.raises(HostError):
        flip(host, "failing", keep=3)
    assert [each.change_id for each in book(host).stack.entries] == ["c4", "c5", "failing"]


def test_what_stands_is_never_pruned() -> None:
    host = InProcessHost()
    for name in ("a", "b", "c"):
        flip(host, name)
    undo(host, "c")
    found = book(host)
    written = engine(host).journal.write(found, found.stack, keep=0, ended=True)
    for each in (written, book(host)):
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
    assert [each.change_id for each in book(host).stack.entries] == ["c0", "c1", "c2", "c3"]
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
        assert book(host).unsettled is unsettled, words


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
    assert any("low" in told for told in tidy(host).told)
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == ["high~reverted"]
    host.clear_faults()
    assert tidy(host).told == ()
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


# Version 0.1

NOON = "2026-03-02T12:00:00+00:00"


def old_entry(host: InProcessHost, name: str, wanted: bool, found: Any, **texts: str) -> None:
    """A change of insecure_guest_logons in both scopes, as version 0.1 wrote it."""
    kind, data = found or (None, None)
    row = {"setting": GUEST, "type": kind, "data": data}
    before = {
        "values": [{**row, "scope": "local", "running": bool(data)}, {**row, "scope": "policy", "running": None}],
        "missing_keys": [KEYS[Side.CLIENT][Layer.POLICY]],
    }
    fields = {
        "ChangeStatus": "applied",
        "Before": json.dumps(before),
        "Wanted": json.dumps([{"setting": GUEST, "scope": scope, "value": wanted} for scope in ("local", "policy")]),
        "Reason": "old",
        "CreatedAt": NOON,
        "ExpiresAt": "",
        "Controller": "ops.example",
        "Note": "",
        **texts,
    }
    for field, text in fields.items():
        host.registry.set(f"HKLM\\{CHANGES}\\{name}", field, "REG_SZ", text)


def test_changes_of_version_0_1_are_read_in_the_order_of_their_times_and_lie_over_each_other() -> None:
    host = InProcessHost()
    old_entry(host, "first", True, None)
    old_entry(host, "second", False, ("REG_DWORD", 1), CreatedAt="2026-03-02T12:00:01+00:00")
    old_entry(host, "earlier", True, None, CreatedAt="2026-03-01T12:00:00+00:00", ChangeStatus="reverted")
    put(host, GUEST_LOCAL, 0)
    put(host, GUEST_POLICY, 0)
    found = book(host)
    assert [each.change_id for each in found.stack.entries] == ["earlier", "first", "second"]
    assert [each.seq for each in found.stack.entries] == [-3, -2, -1]
    assert [each.parts[0].over for each in found.stack.entries] == [None, None, "first"]
    assert found.stack.entries[1].controller.host == "ops.example"
    assert found.stack.entries[1].made_keys == (KEYS[Side.CLIENT][Layer.POLICY],)
    assert found.unsettled
    assert sorted(found.v1) == ["earlier", "first", "second"]
    assert [each.expires_at for each in found.stack.entries] == [None, None, None]


def test_the_end_of_a_change_of_version_0_1_is_known_and_what_ran() -> None:
    host = InProcessHost()
    old_entry(host, "x", True, ("REG_DWORD", 2), ExpiresAt="2026-03-02T15:00:00+02:00")
    assert entry(host, "x").expires_at == datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert [part.found for part in entry(host, "x").parts] == [Held(dword(2), True), Held(dword(2))]


def test_what_version_0_1_did_not_say_is_empty() -> None:
    host = InProcessHost()
    old_entry(host, "x", True, None)
    for field in ("Reason", "ExpiresAt", "Controller", "Note"):
        host.edit(f"HKLM\\{CHANGES}\\x", field, None)
    found = entry(host, "x")
    assert (found.reason, found.expires_at, found.controller.host, found.note) == ("", None, "", "")


def test_a_change_of_version_0_1_is_older_than_all_that_the_lists_have() -> None:
    """Also where some were taken over before, and an old controller has written again."""
    host = InProcessHost()
    old_entry(host, "first", True, None)
    change(host, {AUDIT: "enabled"}, name="new")
    old_entry(host, "late", True, None, ChangeStatus="reverted")
    assert [(each.change_id, each.seq) for each in book(host).stack.entries] == [
        ("late", -2),
        ("first", -1),
        ("new", 1),
    ]


def test_changes_of_version_0_1_are_taken_over_and_can_be_undone() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    old_entry(host, "first", True, None)
    old_entry(host, "second", False, ("REG_DWORD", 1), CreatedAt="2026-03-02T12:00:01+00:00")
    host.registry.set(LIST, "Pending", "REG_SZ", "first")
    put(host, GUEST_LOCAL, 0)
    put(host, GUEST_POLICY, 0)
    change(host, {GUEST: "allowed"}, BOTH, name="third")
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == []
    assert host.registry.get(LIST, "Pending") is None
    assert [json.loads(line)["change_id"] for line in lines(host, STANDING)] == ["first", "second", "third"]
    undo(host, "first")
    undo(host, "third")
    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 0)
    undo(host, "second")
    assert moved(pristine, host) == []


def test_a_pending_change_of_version_0_1_is_dealt_with() -> None:
    host = InProcessHost()
    old_entry(host, "cut", True, None, ChangeStatus="pending")
    put(host, GUEST_LOCAL, 1)
    recovery = tidy(host)
    assert recovery.changed
    assert (status(host, "cut"), held(host, GUEST_LOCAL)) == ("rolled_back", None)


def test_damaged_entries_of_version_0_1_are_told_and_left() -> None:
    bad = {
        "status": {"ChangeStatus": "done"},
        "before": {"Before": "nonsense"},
        "keys": {"Before": json.dumps({"values": [], "missing_keys": ["SYSTEM"]})},
        "wanted": {"Wanted": json.dumps([{"setting": "x", "scope": "local", "value": True}])},
        "number": {"Wanted": json.dumps([{"setting": GUEST, "scope": "local", "value": 1}])},
        "time": {"CreatedAt": "yesterday"},
    }
    host = InProcessHost()
    for name, texts in bad.items():
        old_entry(host, name, True, None, **texts)
    host.registry.create_key(f"HKLM\\{CHANGES}\\not ours")
    host.registry.set(f"HKLM\\{CHANGES}\\typed", "ChangeStatus", "REG_DWORD", 1)
    found = book(host)
    assert found.stack.entries == ()
    assert len(found.damaged) == len(bad) + 2
    assert not found.v1
    flip(host, "x")
    assert len(host.registry.subkeys(f"HKLM\\{CHANGES}")) == len(bad) + 2


def test_what_version_0_1_is_said_to_have_written_cannot_steer_a_terminal() -> None:
    host = InProcessHost()
    old_entry(host, "old", True, None, Reason="all\u2066\nwell", Note="a\u202eb", Controller="ops\r\nfailed")
    (entry,) = book(host).stack.entries
    assert (entry.reason, entry.note, entry.controller.host) == ("all\\u2066 well", "a\\u202eb", "ops failed")


def test_an_entry_of_version_0_1_that_never_led_to_a_write_goes() -> None:
    host = InProcessHost()
    host.registry.set(f"HKLM\\{CHANGES}\\begun", "Before", "REG_SZ", "{")
    assert (book(host).stack.entries, book(host).v1, book(host).damaged) == ((), ("begun",), ())
    tidy(host)
    assert host.registry.subkeys(f"HKLM\\{CHANGES}") == []


def test_taking_over_that_is_cut_off_loses_nothing() -> None:
    host = InProcessHost()
    old_entry(host, "first", True, None)
    put(host, GUEST_LOCAL, 1)
    put(host, GUEST_POLICY, 1)
    saved = host.save()
    host.reset_counters()
    tidy(host)
    for at in range(1, host.requests + 1):
        for kind in ("reset_before", "reset_after"):
            host.load(saved)
            host.inject(kind, at=[at])
            with suppress(SmbGuestError):
                tidy(host)
            host.clear_faults()
            tidy(host)
            assert status(host, "first") == "applied", at
            assert [json.loads(line)["seq"] for line in lines(host, STANDING)] == [-1]


def test_over_the_same_ground_in_two_forms() -> None:
    """New changes lie over those of version 0.1."""
    host = InProcessHost()
    old_entry(host, "first", True, None)
    put(host, GUEST_LOCAL, 1)
    put(host, GUEST_POLICY, 1)
    change(host, {GUEST: "blocked", SIGNING: "not_required"}, BOTH, name="new")
    part = entry(host, "new").part(GUEST_POLICY)
    assert part is not None
    assert part.over == "first"
    assert (entry(host, "new").seq, entry(host, "first").seq) == (1, -1)
    change(host, {AUDIT: "enabled"}, (POLICY,), name="newer")
    assert entry(host, "newer").seq == 2
