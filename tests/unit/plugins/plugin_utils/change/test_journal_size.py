# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a journal may hold: a change that does not fit is refused before its first write; all can be reverted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import journal_size
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import pruned
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_format import decode, encode
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_size import wire_size
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, RequestError, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS
from simulated_windows.in_process import InProcessHost, differences

from ..engine import BOTH, GUEST, Died, change, engine, entry, moved, process_gone, snapshot, status, tidy, undo

CYRILLIC = "\u0416" * 1000
EVERYTHING = {
    word: {name: getattr(setting.words, word) for name, setting in SETTINGS.items()} for word in ("true", "false")
}


def refused(host: InProcessHost, words: dict[str, str], name: str) -> HostError | RequestError | None:
    try:
        change(host, words, BOTH, name=name, reason=CYRILLIC)
    except (HostError, RequestError) as error:
        return error
    return None


def fill(host: InProcessHost, most: int = 200) -> tuple[int, HostError | RequestError]:
    """Changes of all settings in both scopes, until one is refused; how many stand, and the refusal."""
    for number in range(most):
        before = host.snapshot()
        words = EVERYTHING["true" if number % 2 else "false"]
        refusal = refused(host, words, f"c{number}")
        if refusal is not None:
            assert (refusal.changed, moved(before, host)) == (False, []), "it was refused before its first write"
            return number, refusal
    raise AssertionError("it never ends")


@pytest.mark.parametrize(("limit", "least"), [(500, 40), (150, 10), (32, 2)])
def test_a_journal_is_filled_and_emptied_whatever_the_host_takes(limit: int, least: int) -> None:
    host = InProcessHost(quirks={"max_envelope_kb": limit})
    pristine = host.snapshot()
    number, error = fill(host)
    assert number >= least
    assert "Revert changes that you no longer need. Oldest first: c0, c1" in worded(error)
    assert len(snapshot(host).stack.standing) == number, "it can still be read"
    undo(host, "c0")
    undo(host)
    assert moved(pristine, host) == []
    assert change(host, {GUEST: "allowed"}, name="again", reason="r").plan.changes


def test_a_full_journal_is_found_in_check_mode_and_told_from_the_half_on(monkeypatch: pytest.MonkeyPatch) -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", reason=CYRILLIC)
    size = wire_size(snapshot(host).lines)
    monkeypatch.setattr(journal_size, "MAX_STANDING", 2 * size)
    assert not any("% full" in text for text in change(host, {GUEST: "allowed"}, reason="r").warnings)
    monkeypatch.setattr(journal_size, "MAX_STANDING", 2 * size - 2)
    (warning,) = [text for text in change(host, {GUEST: "allowed"}, reason="r").warnings if "full" in text]
    assert warning.startswith("The journal of this host is 50 % full")
    before = host.snapshot()
    for check in (True, False):
        with pytest.raises(RequestError, match="is full: with this change it would have"):
            change(host, {GUEST: "blocked"}, name="y", reason=CYRILLIC, check=check)
    assert differences(before, host.snapshot()) == []


def test_ended_changes_are_dropped_by_their_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    host = InProcessHost()
    for number in range(4):
        change(host, {GUEST: "allowed"}, name=f"x{number}", reason=CYRILLIC)
        undo(host, f"x{number}")
    assert len(snapshot(host).stack.entries) == 4
    line = wire_size([encode(entry(host, "x3"))])
    stack = snapshot(host).stack
    assert [each.change_id for each in pruned(stack, 50, 2 * line).entries] == ["x2", "x3"]
    assert pruned(stack, 0).entries == ()
    assert pruned(stack, 3).entries == stack.entries[1:]


def test_an_ended_change_that_a_standing_one_needs_stays_whatever_its_size() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="low", reason=CYRILLIC)
    change(host, {GUEST: "blocked"}, name="high", reason="r")
    undo(host, "low")
    assert [each.change_id for each in pruned(snapshot(host).stack, 50, 0).entries] == ["low", "high"]


def test_letters_take_their_bytes_and_come_back() -> None:
    host = InProcessHost()
    awkward = "\u0416\u4e2d\U0001f600 a\u2028b"
    change(host, {GUEST: "allowed"}, name="x", reason="r")
    known = replace(entry(host, "x"), reason=awkward, note="\ud800 \x85")
    line = encode(known)
    assert "\u0416\u4e2d\U0001f600" in line
    assert not set("\ud800\u2028\x85") & set(line)
    assert decode(line).reason.startswith("\u0416\u4e2d\U0001f600 a")
    assert (
        len(encode(replace(known, reason=CYRILLIC)).encode()) < len(encode(replace(known, reason="")).encode()) + 2020
    )


def test_a_pending_line_is_as_long_as_it_will_become() -> None:
    """So what a host takes at the beginning it takes at the end."""
    host, reference = InProcessHost(), InProcessHost()
    reference.reset_counters()
    change(reference, EVERYTHING["true"], BOTH, name="x", hours=1)
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 1
    with pytest.raises(Died), process_gone(host, at):
        change(host, EVERYTHING["true"], BOTH, name="x", hours=1)
    pending = wire_size(snapshot(host).lines)
    assert 0 < pending - wire_size(snapshot(reference).lines) < 400
    tidy(host)
    assert status(host, "x") == "rolled_back"


def test_a_note_that_does_not_fit_is_left_out() -> None:
    host = InProcessHost(quirks={"max_envelope_kb": 32})
    number, _error = fill(host)
    journal, known = snapshot(host), entry(host, "c0")
    noisy = journal.stack.with_(replace(known, note="\u0416" * 1000))
    engine(host).journal.write(journal, noisy)
    assert len(snapshot(host).stack.standing) == number


def test_the_size_is_that_of_the_request() -> None:
    host = InProcessHost()
    change(host, EVERYTHING["true"], BOTH, name="x", reason=CYRILLIC)
    host.reset_counters()
    undo(host, "x")
    sizes = [row["bytes"] for row in host.messages if row["method"] == "SetMultiStringValue"]
    (line,) = [encode(each) for each in snapshot(host).stack.entries]
    assert 0 < max(sizes) - wire_size([line]) < 3000
