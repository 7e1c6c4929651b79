# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers to the geometry of small SVG charts: only attributes, so that the page needs no inline style. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DAYS = 30
"""How far back a chart by days reaches."""


@dataclass(frozen=True)
class Segment:
    """A part of a bar. x, width: in hundredths of the bar."""

    key: str
    value: int
    x: float
    width: float


def segments(values: Mapping[str, int]) -> list[Segment]:
    """One bar of the whole, left to right; parts of nothing are left out."""
    total, parts, x = sum(values.values()), [], 0.0
    for key, value in values.items():
        if value:
            width = 100 * value / total
            parts.append(Segment(key, value, round(x, 3), round(width, 3)))
            x += width
    return parts


def last_days(until: date) -> list[str]:
    """ISO days up to `until`."""
    return [(until - timedelta(days=back)).isoformat() for back in range(DAYS - 1, -1, -1)]


def bars(values: Sequence[int], height: int, top: int, base: Sequence[int] | None = None) -> str:
    """The path of one bar for each value, a unit wide. top: the value of a full height. base: what each stands on.

    What is not nothing is at least half a unit high, so that it is seen.
    """
    path = []
    for number, value in enumerate(values):
        if value:
            under = height * base[number] / top if base else 0.0
            tall = max(0.5, height * value / top)
            y = _number(max(0.0, height - under - tall))
            path.append(f"M{_number(number + 0.1)} {y}h.8v{_number(tall)}h-.8z")
    return "".join(path)


def line(values: Sequence[int], width: int, height: int, top: int) -> str:
    """The points of a polyline over the whole width."""
    step = width / max(1, len(values) - 1)
    return " ".join(
        f"{_number(number * step)},{_number(height - height * value / top)}" for number, value in enumerate(values)
    )


def peak(values: Iterable[int]) -> int:
    return max(values, default=0) or 1


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
