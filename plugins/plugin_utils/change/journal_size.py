# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a journal may hold. Pure.

A list of the journal is one registry value, and so one request when it is written and one answer when it is read. Both
are bounded by the host: 500 KiB as installed, less where somebody lowered it (MS-WSMV 2.2.4.10). A list that cannot be
read any more would end everything that is journaled, reverting included. So:

- A change is refused before its first write where the changes that stand would not fit with it. What a line will
  become is counted, not what it is while the change is `pending`.
- A `pending` line is written as long as it will become. So a host whose limit is lower refuses that write, which comes
  before the first setting, and takes every later one.
- Ended changes are dropped by their bytes as well as by their number. Where the host takes less, more are dropped.

A request is longer than the answer that reads the same list: it escapes quotation marks, and has the longer header.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..core.errors import RequestError, SmbGuestError
from ..core.text import in_short

MAX_STANDING = 450_000
"""Bytes that the changes that stand may take in a request of at most 500 KiB; the rest is for notes and the header."""
MAX_ENDED = 200_000
KEEP_ENDED = 50
"""How many ended changes are kept unless the task says otherwise."""
_ELEMENT = 30
"""A line is an element of its own in a request."""
ROOM = 300
"""Kept free in a `pending` line: for a note, and for an expiry that it may get later."""
_ESCAPED = (("&", 4), ('"', 5), ("<", 3), (">", 3))
"""How many bytes more XML takes for a character."""


def wire_size(lines: Iterable[str]) -> int:
    """Bytes that lines take in a request, at least as many as in an answer."""
    return sum(
        _ELEMENT + len(line.encode()) + sum(line.count(character) * more for character, more in _ESCAPED)
        for line in lines
    )


def refuse_if_full(lines: Collection[str], standing: Sequence[str]) -> None:
    """Raise RequestError where the changes that stand take more than a request can carry.

    Args:
        lines: of the list, the new change and damaged lines included.
        standing: names of the changes that stand, oldest first.
    """
    size = wire_size(lines)
    if size > MAX_STANDING:
        raise RequestError(
            f"The journal of this host is full: with this change it would have {size} bytes, and WinRM carries "
            f"{MAX_STANDING}. {advice(standing)}"
        )


def fullness_warning(lines: Collection[str], standing: Sequence[str]) -> str | None:
    """A warning from the half on. Parameters as above."""
    size = wire_size(lines)
    if size <= MAX_STANDING // 2:
        return None
    return f"The journal of this host is {size * 100 // MAX_STANDING} % full ({size} bytes). {advice(standing)}"


def advice(standing: Sequence[str]) -> str:
    """What to revert, oldest first: it is most likely that nobody needs it any more."""
    return f"Revert changes that you no longer need. Oldest first: {in_short(standing, 8) or 'none'}."


def is_too_large(error: SmbGuestError) -> bool:
    """Whether a request was refused for its size: by the session, by WinRM, or by HTTP 413."""
    return error.kind in ("envelope_limit", "request_is_too_large")
