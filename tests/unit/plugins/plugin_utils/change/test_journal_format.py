# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change as one line: nothing is lost, and nothing that is damaged is used."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell, CellValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_format import (
    MAX_TEXT,
    checked_change_id,
    checked_text,
    decode,
    encode,
    exact,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.process import ControlNode
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import ChangePart, Entry
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.hostile_bytes import HOSTILE_BYTES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    dword,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.stack import ChangeStatus
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, SETTINGS, Layer, Scope, Side

from ..engine import GUEST_LOCAL, GUEST_POLICY

KEY = KEYS[Side.CLIENT][Layer.POLICY]
CELLS = [Cell(setting, scope) for setting in SETTINGS.values() for scope in Scope if setting.has(scope.layer)]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Whole and unharmed

texts = st.text(max_size=20)
printed = texts.map(one_line)
names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9_-])?", fullmatch=True)
moments = st.integers(0, 2**52).map(lambda micros: EPOCH + timedelta(microseconds=micros))
values = st.one_of(
    st.none(),
    st.builds(RegistryValue, st.just(RegistryType.REG_DWORD), st.integers(0, 2**32 - 1)),
    st.builds(RegistryValue, st.just(RegistryType.REG_QWORD), st.integers(0, 2**64 - 1)),
    st.builds(RegistryValue, st.sampled_from((RegistryType.REG_SZ, RegistryType.REG_EXPAND_SZ)), texts),
    st.builds(RegistryValue, st.just(RegistryType.REG_BINARY), st.binary(max_size=20)),
    st.builds(RegistryValue, st.just(RegistryType.REG_MULTI_SZ), st.lists(texts, max_size=3).map(tuple)),
)
words = st.sampled_from((None, True, False))


@st.composite
def parts(draw: st.DrawFn) -> ChangePart:
    cell = draw(st.sampled_from(CELLS))

    def some_held() -> CellValue:
        return CellValue(draw(values), draw(words) if cell.is_local else None)

    left = some_held() if draw(st.booleans()) else None
    return ChangePart(cell, some_held(), draw(words), left, draw(st.none() | names))


entries = st.builds(
    Entry,
    seq=st.integers(-(2**40), 2**40),
    change_id=names,
    status=st.sampled_from(ChangeStatus),
    reason=printed,
    created_at=moments,
    expires_at=st.none() | moments,
    parts=st.lists(parts(), min_size=1, max_size=4).map(tuple),
    made_keys=st.sampled_from(((), (KEY,), (KEY, KEY.rpartition("\\")[0]))),
    controller=st.builds(ControlNode, st.text("abc.-", max_size=60), st.text("123", max_size=10)),
    registered_as=texts,
    note=printed,
    left_alone=st.lists(st.sampled_from(CELLS), max_size=2).map(tuple),
)


@given(entries)
def test_nothing_is_lost(entry: Entry) -> None:
    line = encode(entry)
    assert decode(line) == entry
    assert line.isprintable(), "one line of a REG_MULTI_SZ, and fit for XML"


def test_times_are_kept_to_the_microsecond_and_in_utc() -> None:
    moment = datetime(2026, 3, 2, 12, 0, 0, 123456, timezone(timedelta(hours=2)))
    assert exact(moment) == "2026-03-02T10:00:00.123456+00:00"


def test_what_could_not_be_restored_is_never_journaled() -> None:
    part = ChangePart(GUEST_POLICY, CellValue(RegistryValue(99, b"")), True)
    with pytest.raises(AssertionError):
        encode(Entry(1, "x", ChangeStatus.PENDING, "", datetime(2026, 1, 1, tzinfo=UTC), None, (part,)))


# Damaged

WHOLE = Entry(
    1,
    "c1",
    ChangeStatus.APPLIED,
    "why",
    datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
    datetime(2026, 3, 2, 13, 0, tzinfo=UTC),
    (
        ChangePart(GUEST_LOCAL, CellValue(dword(0), False), True, CellValue(dword(1), True), "c0"),
        ChangePart(GUEST_POLICY, CellValue(None), None),
    ),
    (KEY,),
    ControlNode("ops.example", "4026531836"),
    "f00",
    "note",
    (GUEST_POLICY,),
)

# Where in the line, and what stands there instead.
DAMAGE: list[tuple[tuple[Any, ...], list[Any]]] = [
    (("seq",), [None, "1", 1.5, True, [], {}]),
    (("change_id",), [None, "", "a b", "..\\x", "a" * 65, 7, ["a"], "a\n", ".a", "a."]),
    (("status",), [None, "done", 1, "APPLIED"]),
    (("reason",), [1, {}, ["x"], True]),
    (("note",), [1, {}, ["x"]]),
    (("registered_as",), [1, {}, ["x"]]),
    (("created_at",), [None, "", "yesterday", "2026-03-02T12:00:00", 5, "9" * 5000]),
    (("expires_at",), ["soon", 5, "2026-03-02T12:00:00", ["x"]]),
    (("controller",), [[], ["a"], ["a", "b", "c"], [1, "b"], ["a", None], 5]),
    (("made_keys",), [["SOFTWARE"], ["SOFTWARE\\Policies"], [KEY + "\\x"], ["SYSTEM\\x"], [5], [None], [KEY, "x"]]),
    (("left_alone",), [[["x", "local"]], [["client_signing", "policy"]], ["x"], [5], [["a", "b", "c"]]]),
    (("parts",), [None, 5, [5], [{}], "x", [None]]),
    (("parts", 0, "setting"), [None, "nonsense", 5, [], "insecure_guest_logons "]),
    (("parts", 0, "scope"), [None, "mdm", "Local", 5, []]),
    (("parts", 0, "wanted"), [1, 0, "true", [], 2]),
    (("parts", 0, "over"), ["a b", 5, ["x"], "..\\x"]),
    (("parts", 0, "left"), [5, [1], ["REG_DWORD", 1], ["REG_DWORD", 1, True, 0], "abc", {"a": 1}]),
    (("parts", 0, "found"), [None, [], ["REG_DWORD"], 5, "ab", [None, None], [None, None, 5], [None, None, "no"]]),
    (("parts", 0, "found", 0), ["REG_LINK", "reg_dword", 4, [], ""]),
    (("parts", 0, "found", 1), [None, -1, 2**32, "1", 1.0, True, [1]]),
    (("parts", 0, "found"), [["REG_QWORD", 2**64, None], ["REG_QWORD", True, None], ["REG_BINARY", "0", None]]),
    (("parts", 0, "found"), [["REG_BINARY", 5, None], ["REG_BINARY", "zz", None], ["REG_MULTI_SZ", "ab", None]]),
    (("parts", 0, "found"), [["REG_MULTI_SZ", [1], None], ["REG_SZ", 1, None], ["REG_EXPAND_SZ", ["a"], None]]),
]


def damaged() -> Iterator[str]:
    whole = json.loads(encode(WHOLE))
    for path, replacements in DAMAGE:
        for replacement in replacements:
            row = copy.deepcopy(whole)
            place: Any = row
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = replacement
            yield json.dumps(row)
    for name in ("seq", "change_id", "status", "created_at", "parts"):
        yield json.dumps({key: value for key, value in whole.items() if key != name})
    for name in ("setting", "scope", "wanted", "found"):
        row = copy.deepcopy(whole)
        del row["parts"][0][name]
        yield json.dumps(row)
    yield from ("", "null", "[]", "5", '"x"', "{}", "{", "nonsense", "[" * 100_000, encode(WHOLE)[:-1])


def test_every_damaged_line_is_refused_in_a_way_that_the_journal_expects() -> None:
    assert decode(encode(WHOLE)) == WHOLE
    accepted = []
    for line in damaged():
        try:
            decode(line)
        except HOSTILE_BYTES:
            continue
        accepted.append(line[:300])
    assert accepted == []


@given(st.integers(0, len(encode(WHOLE)) - 1), st.characters())
def test_one_wrong_character_never_breaks_the_reader(at: int, character: str) -> None:
    line = encode(WHOLE)
    try:
        entry = decode(line[:at] + character + line[at + 1 :])
    except HOSTILE_BYTES:
        return
    assert {part.cell for part in entry.parts} <= set(CELLS)
    assert entry.made_keys in ((), (KEY,)), "only keys of ours can ever be deleted"


def test_what_may_be_missing() -> None:
    row = json.loads(encode(WHOLE))
    for name in ("reason", "expires_at", "controller", "registered_as", "note", "made_keys", "left_alone"):
        del row[name]
    entry = decode(json.dumps(row))
    assert (entry.reason, entry.expires_at, entry.made_keys, entry.left_alone) == ("", None, (), ())
    assert (entry.controller, entry.registered_as, entry.note) == (ControlNode(), "", "")


def test_a_running_value_of_a_policy_cell_means_nothing() -> None:
    row = json.loads(encode(WHOLE))
    row["parts"][1]["found"][2] = True
    assert decode(json.dumps(row)).parts[1].found == CellValue(None, None)


def test_a_name_of_a_controller_is_cut() -> None:
    row = json.loads(encode(WHOLE))
    row["controller"] = ["h" * 500, "n" * 500]
    assert decode(json.dumps(row)).controller == ControlNode("h" * 60, "n" * 60)


def test_what_reports_quote_cannot_steer_a_terminal() -> None:
    row = json.loads(encode(WHOLE))
    row.update(reason="\x1b[2Jall well\n", note="fdp.exe\u202e", controller=["ops\r\nfailed", "\x9b31m"])
    entry = decode(json.dumps(row))
    assert (entry.reason, entry.note) == ("\\x1b[2Jall well", "fdp.exe\\u202e")
    assert entry.controller == ControlNode("ops failed", "\\x9b31m")


# What a task may say


def test_names_of_changes() -> None:
    good = [
        "a",
        "1",
        "Ticket-4711.b_c",
        "a-",
        "a_",
        "a" * 64,
        "console",
        "com",
        "com10",
        "lpt",
        "nul0",
        "x.nul",
        "CONx",
    ]
    assert [checked_change_id(name) for name in good] == good
    bad = ["", " ", ".a", "-a", "_a", "a.", "a b", "a" * 65, "a\\b", "a/b", "a~b", "\u00e4", "a\n", "a:b", "a*"]
    bad += ["CON", "con", "PRN", "AUX", "NUL", "nul.txt", "Aux.a.b", *(f"COM{n}" for n in range(10)), "lpt0", "LPT9.x"]
    for name in bad:
        with pytest.raises(RequestError, match=r"cannot name a change: 1 to 64 letters") as caught:
            checked_change_id(name)
        assert caught.value.host_state is HostState.NOTHING_WRITTEN


def test_reasons() -> None:
    table = {
        "why": "why",
        " \t why \n": "why",
        "a\u00a0b\u2007c\u202fd\u3000e": "a b c d e",
        "\u00a0 x \u00a0": "x",
        "\u00e4\u4e2d\U0001f600": "\u00e4\u4e2d\U0001f600",
        "x" * MAX_TEXT: "x" * MAX_TEXT,
    }
    assert {given_: checked_text("reason", given_) for given_ in table} == table
    bad = {
        "a\nb": r"U\+000A",
        "a\x00b": r"U\+0000",
        "a\u202eb": r"U\+202E",
        "a\u2028b": r"U\+2028",
        "a\u200bb": r"U\+200B",
        "a\ud800b": r"U\+D800",
        "a\U000e0001b": r"U\+E0001",
        "x" * (MAX_TEXT + 1): "it has 1001",
        "": "reason is empty",
        " \u00a0": "reason is empty",
    }
    for text, why in bad.items():
        with pytest.raises(RequestError, match=why) as caught:
            checked_text("reason", text)
        assert str(caught.value).isprintable()
