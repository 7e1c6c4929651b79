# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The theory: what lies over what, what stands below, and what an end will write."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell, CellValue, holds, seen, written
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_format import exact
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_format import moment as read
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import (
    CellEnd,
    ChangePart,
    ChangeStatus,
    Choice,
    Entry,
    Stack,
    entry_as_fact,
    stamp,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    dword,
)

from ..engine import ENCRYPTION_POLICY, GUEST, GUEST_LOCAL, GUEST_POLICY, SIGNING_LOCAL
from ..states import state_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GROUND = CellValue(RegistryValue(RegistryType.REG_SZ, "found"), False)
KEY = GUEST_POLICY.key
PARENT = KEY.rpartition("\\")[0]


def entry(
    seq: int,
    *parts: ChangePart,
    status: ChangeStatus = ChangeStatus.APPLIED,
    hours: int | None = None,
    left_alone: tuple[Cell, ...] = (),
    made_keys: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        seq,
        f"c{seq}",
        status,
        "",
        NOON,
        NOON + timedelta(hours=hours) if hours else None,
        parts,
        made_keys,
        left_alone=left_alone,
    )


def part(
    wanted: bool | None, over: str | None = None, found: CellValue = GROUND, cell: Cell = GUEST_LOCAL
) -> ChangePart:
    return ChangePart(cell, found, wanted, left=written(cell, wanted), over=over)


def three(*, hours: tuple[int | None, int | None, int | None] = (None, None, None)) -> Stack:
    """c1 wrote 1 over the ground, c2 wrote 0 over that, c3 wrote 1 over that."""
    return Stack(
        (
            entry(1, part(True), hours=hours[0]),
            entry(2, part(False, "c1", CellValue(dword(1), True)), hours=hours[1]),
            entry(3, part(True, "c2", CellValue(dword(0), False)), hours=hours[2]),
        )
    )


def ended(stack: Stack, *names: str, status: ChangeStatus = ChangeStatus.REVERTED) -> Stack:
    for name in names:
        found = stack.get(name)
        assert found
        stack = stack.with_(replace(found, status=status))
    return stack


def below(stack: Stack, name: str) -> str:
    found = stack.get(name)
    assert found
    return str(stack.below(found, GUEST_LOCAL))


def test_what_stands_below() -> None:
    table = {
        # ended -> below c3, c2, c1
        (): ("0", "1", "REG_SZ 'found'"),
        ("c2",): ("1", "1", "REG_SZ 'found'"),
        ("c1",): ("0", "REG_SZ 'found'", "REG_SZ 'found'"),
        ("c1", "c2"): ("REG_SZ 'found'",) * 3,
    }
    for gone, expected in table.items():
        for status in (ChangeStatus.REVERTED, ChangeStatus.ROLLED_BACK):
            stack = ended(three(), *gone, status=status)
            assert tuple(below(stack, name) for name in ("c3", "c2", "c1")) == expected, gone


def test_a_change_over_somebody_elses_value_has_a_ground_of_its_own() -> None:
    stack = Stack((entry(1, part(True)), entry(2, part(False, None, CellValue(dword(5))))))
    assert below(stack, "c2") == "REG_DWORD 5"
    assert below(ended(stack, "c1"), "c2") == "REG_DWORD 5"


def test_what_stands_is_what_the_host_was_seen_to_hold_not_what_was_written() -> None:
    seen = replace(part(False), left=CellValue(None, False))
    stack = Stack((entry(1, seen), entry(2, part(True, "c1", CellValue(None, False)))))
    assert below(stack, "c2") == "absent"
    fresh = ChangePart(GUEST_LOCAL, GROUND, False)
    assert (fresh.leaves, fresh.over) == (CellValue(dword(0), False), None)


def test_an_entry_that_says_to_lie_over_itself_or_a_newer_one_ends_the_search() -> None:
    for over in ("c1", "c2", "nobody"):
        assert below(Stack((entry(1, part(True, over)), entry(2, part(False, "c1")))), "c1") == "REG_SZ 'found'"


def test_an_entry_that_says_to_lie_over_a_change_of_another_cell_ends_the_search() -> None:
    stack = Stack((entry(1, part(True, cell=GUEST_POLICY), hours=1), entry(2, part(False, "c1"), hours=1)))
    assert below(stack, "c2") == "REG_SZ 'found'"
    assert [end.choices for end in stack.ends_of(stack.entries[1])] == [(Choice(GROUND),)]
    assert ended(stack, "c1").needed() == set()


def test_a_cell_that_the_change_never_wrote_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        three().below(three().entries[0], SIGNING_LOCAL)


def test_statuses_that_stand() -> None:
    assert [status.value for status in ChangeStatus if status.is_ended] == ["reverted", "rolled_back"]


def test_over() -> None:
    stack = three()
    assert stack.over(GUEST_LOCAL, CellValue(dword(1), None)) == "c3"
    assert stack.over(GUEST_LOCAL, CellValue(dword(0), None)) is None, "somebody else's value"
    assert stack.over(GUEST_LOCAL, CellValue(None, None)) is None, "an administrator deleted it"
    assert stack.over(GUEST_POLICY, CellValue(dword(1))) is None, "another cell"
    assert ended(stack, "c3").over(GUEST_LOCAL, CellValue(dword(0))) == "c2"
    assert Stack().over(GUEST_LOCAL, CellValue(None)) is None


def test_a_deleted_policy_value_lies_over_a_change_that_deleted_it_and_over_no_other() -> None:
    for wanted, found in ((None, "c1"), (True, None), (False, None)):
        stack = Stack((entry(1, part(wanted, cell=GUEST_POLICY)),))
        assert stack.over(GUEST_POLICY, CellValue(None)) == found


def test_disowned() -> None:
    """c3 ended and left the cell alone: what is there is not c2's any more."""
    stack = ended(three(), "c3")
    stack = stack.with_(replace(stack.entries[2], left_alone=(GUEST_LOCAL,)))
    low, middle, high = stack.entries
    assert stack.belongs_to_others(low, GUEST_LOCAL)
    assert stack.belongs_to_others(middle, GUEST_LOCAL)
    assert not stack.belongs_to_others(high, GUEST_LOCAL), "what it did itself is not above it"
    assert not stack.belongs_to_others(middle, GUEST_POLICY)
    assert stack.over(GUEST_LOCAL, CellValue(dword(0))) is None
    assert stack.ends_of(replace(middle, expires_at=NOON)) == ()
    standing = stack.with_(replace(high, status=ChangeStatus.APPLIED))
    assert not standing.belongs_to_others(middle, GUEST_LOCAL), "only an end leaves anything alone"


def test_covers_and_top() -> None:
    stack = three()
    low, middle, high = stack.entries
    assert stack.covers(low, GUEST_LOCAL) == (middle, high)
    assert stack.covers(high, GUEST_LOCAL) == ()
    assert stack.covers(low, GUEST_POLICY) == ()
    assert ended(stack, "c2").covers(low, GUEST_LOCAL) == (high,)
    assert stack.top(GUEST_LOCAL) == high
    assert ended(stack, "c3").top(GUEST_LOCAL) == middle
    assert stack.top(GUEST_POLICY) is None


ONE, ZERO = CellValue(dword(1), True), CellValue(dword(0), False)


def test_what_an_end_writes() -> None:
    """hours of c1, c2, c3 and who ends -> covers, choices; None: no cell at all."""
    lasting, ending = (Choice(ONE),), Choice(ONE, "c1")
    table: dict[
        tuple[tuple[int | None, int | None, int | None], str], tuple[tuple[str, ...], tuple[Choice, ...]] | None
    ]
    table = {
        ((None, None, 1), "c3"): ((), (Choice(ZERO),)),
        ((None, 1, 1), "c3"): ((), (Choice(ZERO, "c2"), *lasting)),
        ((1, 2, 3), "c3"): ((), (Choice(ZERO, "c2"), ending, Choice(GROUND))),
        ((1, None, 3), "c3"): ((), (Choice(ZERO),)),
        ((None, 1, None), "c2"): None,
        ((1, None, None), "c1"): None,
        ((1, None, 1), "c1"): None,
        ((1, 2, 3), "c1"): (("c2", "c3"), (Choice(GROUND),)),
        ((1, 2, 3), "c2"): (("c3",), (ending, Choice(GROUND))),
    }
    for (hours, name), expected in table.items():
        stack = three(hours=hours)
        who = stack.get(name)
        assert who
        leaves = who.parts[0].leaves
        wanted = (CellEnd(GUEST_LOCAL, leaves, *expected),) if expected else ()
        assert stack.ends_of(who) == wanted, (hours, name)


def test_an_end_does_not_choose_what_has_ended() -> None:
    stack = ended(three(hours=(1, 2, 3)), "c2")
    (end,) = stack.ends_of(stack.entries[2])
    assert end.choices == (Choice(ONE, "c1"), Choice(GROUND))
    stack = ended(three(hours=(1, 2, 3)), "c3")
    (end,) = stack.ends_of(stack.entries[0])
    assert end.covers == ("c2",)


def test_each_cell_ends_on_its_own() -> None:
    stack = Stack(
        (
            entry(1, part(True), part(True, cell=GUEST_POLICY), hours=1),
            entry(2, part(False, "c1", ONE)),
        )
    )
    assert [end.cell for end in stack.ends_of(stack.entries[0])] == [GUEST_POLICY]


def test_made_keys() -> None:
    stack = Stack(
        (
            entry(1, part(True, cell=GUEST_POLICY), made_keys=(KEY, PARENT)),
            entry(2, part(True, cell=ENCRYPTION_POLICY)),
        )
    )
    assert stack.made_keys([ENCRYPTION_POLICY], ()) == (KEY, PARENT), "deepest first"
    assert stack.made_keys([], ("x\\y", "x", "x\\y\\z")) == ("x\\y\\z", "x\\y", "x")
    assert stack.made_keys([GUEST_POLICY], (KEY,)) == (KEY, PARENT)
    server = Cell.named("server_audit_insecure_guest_logons", "policy")
    assert stack.made_keys([server], ()) == (PARENT,), "the parent is the server's as well"
    assert ended(stack, "c1").made_keys([GUEST_POLICY], ()) == ()
    namesake = Stack((entry(1, part(True, cell=GUEST_POLICY), made_keys=(KEY[:-1],)),))
    assert namesake.made_keys([GUEST_POLICY], ()) == (), "a name that begins alike is no parent"


def test_needed() -> None:
    stack = three()
    assert stack.needed() == set()
    assert ended(stack, "c1", "c2").needed() == {1, 2}
    assert ended(stack, "c2", "c3").needed() == set(), "nothing lies over them"
    assert ended(stack, "c1").needed() == {1}
    left = ended(stack, "c3")
    left = left.with_(replace(left.entries[2], left_alone=(GUEST_LOCAL,)))
    assert left.needed() == {3}, "it says that the cell is somebody else's"
    assert ended(left, "c1", "c2").needed() == set()
    assert left.with_(replace(left.entries[2], status=ChangeStatus.APPLIED)).needed() == set(), "only an end disowns"
    for low, high, why in (
        (entry(1, status=ChangeStatus.REVERTED, left_alone=(GUEST_LOCAL,)), entry(2, part(True)), "it is not above"),
        (entry(1, part(True)), entry(2, status=ChangeStatus.REVERTED, left_alone=(GUEST_POLICY,)), "another cell"),
    ):
        assert Stack((low, high)).needed() == set(), why


def test_numbers_and_names() -> None:
    stack = three()
    assert stack.next_seq == 4
    assert Stack().next_seq == 1
    assert stack.get("C2") == stack.entries[1]
    assert stack.get(None) is None
    assert stack.get("c9") is None
    assert [e.seq for e in stack.with_(entry(0)).entries] == [0, 1, 2, 3]
    assert (entry(0).registered_as, entry(0).note) == ("", ""), "no task is registered before it is"
    replaced = stack.with_(replace(stack.entries[1], reason="new"))
    assert [e.reason for e in replaced.entries] == ["", "new", ""]


def test_what_runs_says_nothing_about_a_policy_value() -> None:
    state = state_of(GUEST, running=True, local=1)
    cells = [Cell.named(GUEST, scope) for scope in ("local", "policy", "local_gpo")]
    assert [seen(cell, state) for cell in cells] == [CellValue(dword(1), True), CellValue(None), CellValue(None)]
    assert [written(cell, True).running for cell in cells] == [True, None, None]
    for above in ({"policy": 1}, {"mdm": 1}):
        assert seen(GUEST_LOCAL, state_of(GUEST, running=True, local=0, **above)) == CellValue(dword(0), None), above


def test_holds() -> None:
    """stored, running, wanted, governed -> whether a local cell holds it; the same of a policy cell."""
    text = RegistryValue(RegistryType.REG_SZ, "1")
    table = [
        (dword(1), True, True, False, True, True),
        (dword(1), False, True, False, False, True),
        (dword(1), False, True, True, True, True),
        (dword(5), True, True, False, True, True),
        (dword(0), False, True, False, False, False),
        (None, True, True, False, True, False),  # SetConfiguration has stored a default by storing none
        (None, False, True, False, False, False),
        (None, True, True, True, False, False),
        (text, True, True, False, False, False),
        (None, None, None, False, True, True),
        (None, None, None, True, True, True),
        (dword(0), None, None, True, False, False),
    ]
    for stored, running, wanted, governed, local, policy in table:
        row = (stored, running, wanted, governed)
        assert holds(GUEST_LOCAL, CellValue(stored, running), wanted, governed=governed) is local, row
        assert holds(GUEST_POLICY, CellValue(stored), wanted, governed=governed) is policy, row


def test_a_cell_that_is_none() -> None:
    with pytest.raises(KeyError):
        Cell.named("nonsense", "local")
    for setting, scope in (
        ("insecure_guest_logons", "mdm"),
        ("insecure_guest_logons", "x"),
        ("client_signing", "policy"),
    ):
        with pytest.raises(ValueError, match=scope):
            Cell.named(setting, scope)


def test_what_users_see() -> None:
    fact = entry_as_fact(replace(three(hours=(None, None, 2)).entries[2], reason="why", note="so"))
    assert fact == {
        "change_id": "c3",
        "status": "applied",
        "reason": "why",
        "created_at": "2026-03-02T12:00:00Z",
        "expires_at": "2026-03-02T14:00:00Z",
        "controller": "",
        "note": "so",
        "changes": [
            {
                "setting": "insecure_guest_logons",
                "scope": "local",
                "from": False,
                "to": True,
                "location": GUEST_LOCAL.location,
                "group_policy": "Enable insecure guest logons",
            }
        ],
    }
    assert entry_as_fact(three().entries[0])["expires_at"] is None
    assert entry_as_fact(three().entries[0])["changes"][0]["from"] == "REG_SZ 'found'"


def test_times_are_utc_whatever_the_time_zone_of_the_control_node(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "XXX-5")
            time.tzset()
            for moment in (NOON, NOON.astimezone()):
                assert stamp(moment) == "2026-03-02T12:00:00Z"
                assert exact(moment) == "2026-03-02T12:00:00.000000+00:00"
                assert read(moment.isoformat()).utcoffset() == timedelta()
    finally:
        time.tzset()
