# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of somebody else on one line: whatever comes in, nothing that steers a terminal comes out."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line

ANYTHING = st.text(st.characters())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("Zugriff verweigert.", "Zugriff verweigert."),
        ("two  blanks stay", "two  blanks stay"),
        (" \r\n  first\r\n\tsecond \n", "first second"),
        ("name\u00a0: value", "name : value"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x9b31mred", "\\x9b31mred"),
        ("bell\x07 null\x00", "bell\\x07 null\\x00"),
        ("evil\u202etxt.exe\u2066", "evil\\u202etxt.exe\\u2066"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half \ud800", "half \\ud800"),
        ("क्\u200dष", "क्\u200dष"),
        ("Администратор 管理者", "Администратор 管理者"),
    ],
)
def test_lines(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [("12345", 5, "12345"), ("123456", 5, "12..."), ("12 456789", 6, "12..."), ("\x1b" * 9, 6, "\\x1...")],
)
def test_limits(text: str, limit: int, line: str) -> None:
    assert one_line(text, limit) == line


def test_every_character_of_unicode() -> None:
    """Of all that Unicode calls control, format, surrogate or line break, the two joiners alone come through."""
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    steering = {each for each in every if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert set(one_line(every)) & steering == {"\u200c", "\u200d"}
    assert "".join(one_line(every).splitlines()) == one_line(every)


@given(ANYTHING)
def test_a_line_stays_as_it_is(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


@given(ANYTHING, st.integers(4, 40))
def test_no_line_is_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(one_line(text, limit)) <= limit
