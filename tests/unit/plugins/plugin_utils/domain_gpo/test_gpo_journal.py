# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a GPO: what a revert restores where changes overlap, in any order of their ends."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.stack import ChangeStatus
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import MAX_FILE
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_journal import (
    KEPT_ENDED,
    MAX_BYTES,
    GpoChange,
    GpoChangeKind,
    GpoJournal,
)

GUID = "{00000000-0000-0000-0000-000000000001}"
CELL = "wmi_filter"


def changed(journal: GpoJournal, change_id: str, found: str | None, written: str | None) -> GpoJournal:
    """The journal with one more change of the cell, applied."""
    cells = journal.with_over({CELL: {"found": found, "written": written}})
    return journal.with_entry(GpoChange(change_id, GpoChangeKind.EDIT, ChangeStatus.APPLIED, cells=cells))


def ended(journal: GpoJournal, change_id: str, status: ChangeStatus = ChangeStatus.REVERTED) -> GpoJournal:
    entry = journal.get(change_id)
    assert entry
    return journal.with_entry(replace(entry, status=status))


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_whatever_ends_first_the_last_one_restores_the_ground(order: tuple[str, ...]) -> None:
    journal = GpoJournal(GUID, "x")
    held: str | None = "ground"
    for name in "abc":
        journal = changed(journal, name, held, name)
        held = name
    for name in order:
        entry = journal.get(name)
        assert entry
        written = journal.to_restore(entry)
        if written:
            held = written[CELL]["found"]
        journal = ended(journal, name)
        journal = GpoJournal.parse(GUID, journal.to_bytes(), "a file")
    assert held == "ground"


def test_a_value_of_somebody_else_is_a_new_ground() -> None:
    journal = changed(changed(GpoJournal(GUID, "x"), "a", "ground", "a"), "b", "foreign", "b")
    top = journal.get("b")
    assert top
    assert top.cells[CELL]["over"] is None
    assert journal.to_restore(top)[CELL]["found"] == "foreign"


def test_a_change_lies_over_nothing_where_an_end_left_the_cell_to_somebody_else() -> None:
    journal = changed(changed(GpoJournal(GUID, "x"), "a", "ground", "a"), "b", "a", "b")
    entry = journal.get("b")
    assert entry
    journal = journal.with_entry(replace(entry, status=ChangeStatus.ROLLED_BACK, left_alone=(CELL,)))
    journal = changed(journal, "c", "a", "c")  # the same value, and it is theirs
    top = journal.get("c")
    assert top
    assert top.cells[CELL]["over"] is None


def test_the_change_below_that_is_being_reverted_counts_for_nothing() -> None:
    journal = changed(changed(GpoJournal(GUID, "x"), "a", "ground", "a"), "b", "a", "b")
    journal = ended(journal, "a", ChangeStatus.REVERTING)
    top = journal.get("b")
    assert top
    assert journal.to_restore(top)[CELL]["found"] == "ground"


def test_ended_changes_are_kept_while_a_standing_one_lies_over_them() -> None:
    journal = changed(changed(GpoJournal(GUID, "x"), "a", "ground", "a"), "b", "a", "b")
    journal = ended(journal, "a")
    for number in range(KEPT_ENDED + 5):
        name = f"later-{number}"
        journal = ended(changed(journal, name, "b", name), name)
    read = GpoJournal.parse(GUID, journal.to_bytes(), "a file")
    top = read.get("b")
    assert top
    assert read.get("a")
    assert len(read.entries) == KEPT_ENDED + 2
    assert read.to_restore(top)[CELL]["found"] == "ground"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "failed"),
        ("status", "sideways"),
        ("cells", {"machine\\anything": {"found": None, "written": None, "over": None}}),
        ("cells", {CELL: {"found": None, "written": None}}),
        ("kept_in", r"..\..\scripts"),
        ("files", ["x"]),
    ],
)
def test_what_this_collection_would_not_write_is_not_read(field: str, value: object) -> None:
    journal = changed(GpoJournal(GUID, "x"), "a", "ground", "a")
    data = json.loads(journal.to_bytes())
    data["entries"][0][field] = value
    with pytest.raises(DomainError, match="cannot be used"):
        GpoJournal.parse(GUID, json.dumps(data).encode(), "a file")


def test_a_change_that_is_compared_again_does_not_lie_over_itself() -> None:
    """Its cells are made again where another administrator changed the GPO between reading and writing."""
    journal = changed(GpoJournal(GUID, "x"), "a", "ground", "a")
    cells = {CELL: {"found": "a", "written": "b"}}
    pending = GpoChange("b", GpoChangeKind.EDIT, ChangeStatus.PENDING, cells=journal.with_over(cells))
    journal = journal.with_entry(pending)
    assert [entry.change_id for entry in journal.without(pending).entries] == ["a"]
    assert journal.without(pending).with_over(cells)[CELL]["over"] == "a"


@pytest.mark.parametrize(("share", "warns"), [(0.4, False), (0.6, True)])
def test_a_journal_warns_from_the_half_on(share: float, warns: bool) -> None:
    journal = changed(GpoJournal(GUID, "SMB hardening"), "a", "x" * int(MAX_BYTES * share), "b")
    warning = journal.fullness_warning()
    assert bool(warning) is warns
    assert not warns or "Oldest first: a" in warning


def test_a_change_that_would_not_fit_is_refused_and_ends_find_room() -> None:
    journal = changed(GpoJournal(GUID, "SMB hardening"), "a", "x" * MAX_BYTES, "b")
    with pytest.raises(RequestError, match="Oldest first: a") as caught:
        journal.fullness_warning()
    assert caught.value.host_state is HostState.NOTHING_WRITTEN
    assert len(ended(journal, "a").to_bytes()) < MAX_FILE
