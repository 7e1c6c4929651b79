# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of somebody else, made fit for a terminal, a log or a report: the one answer to that, for every layer."""

from __future__ import annotations

import re
from collections.abc import Sequence

# They shape words of Persian, of Indian scripts and emoji, and move nothing.
_JOINERS = "\u200c\u200d"
_BLANKS = re.compile(r"\s+")


def one_line(text: str, limit: int | None = None) -> str:
    """The text on one line, with nothing in it that steers whatever shows it.

    White space other than plain blanks becomes one blank. Control characters, bidirectional overrides and marks,
    lone surrogates and whatever else Unicode does not print are written as Python escapes, such as `\\x1b`. limit:
    characters that the result has at most; what exceeds that becomes `...`.
    """
    if not text.isprintable():
        text = _BLANKS.sub(lambda run: run[0] if run[0].strip(" ") == "" else " ", text)
        text = "".join(each if each.isprintable() or each in _JOINERS else _escaped(each) for each in text)
    text = text.strip()
    return text if limit is None or len(text) <= limit else text[: limit - 3].rstrip() + "..."


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def in_short(names: Sequence[str], limit: int = 12) -> str:
    """Names with commas between them; of a long list the first `limit`, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def counted(number: int, noun: str) -> str:
    """A number with its noun in the plural where it needs one, such as `1 host` and `2 hosts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def quoted(text: str | None) -> str:
    """Text of a peer in single quotes, for the middle of an error message: printable, at most 60 characters."""
    return f"'{one_line(text or '', 60)}'"
