# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened from day to day and from report to report, as charts of the page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from . import charts


def _by_day(days: Iterable[Mapping[str, Any]], member: str, wanted: Sequence[str]) -> list[int]:
    found: dict[str, int] = {}
    for row in days:
        found[row["day"]] = found.get(row["day"], 0) + row[member]
    return [found.get(day, 0) for day in wanted]


def server_with_trend(number: int, row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A server with what the page adds. listed: among the guest servers, a possible one included."""
    listed = bool(row["guest"] or row["possible_clients"])
    return {"number": number, "row": row, "listed": listed, "trend": _trend(row["days"], now)}


def _trend(days: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """The sparkline of a server: guest clients by day."""
    clients = _by_day(days, "clients", charts.last_days(now.date()))
    recent, before = sum(clients[-7:]), sum(clients[-14:-7])
    return {
        "path": charts.bars(clients, 12, charts.peak(clients)),
        "peak": max(clients),
        "recent": recent,
        "words": "none"
        if not any(clients)
        else "rising"
        if recent > before
        else "falling"
        if recent < before
        else "steady",
    }


def logons_by_day(servers: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """Insecure guest logons of the fleet by day, allowed and refused."""
    days = charts.last_days(now.date())
    rows = [day for server in servers for day in server["days"]]
    allowed, refused = (_by_day(rows, member, days) for member in ("allowed", "refused"))
    top = charts.peak(a + r for a, r in zip(allowed, refused, strict=True))
    return {
        "days": days,
        "allowed": allowed,
        "refused": refused,
        "top": top,
        "allowed_path": charts.bars(allowed, 10, top),
        "refused_path": charts.bars(refused, 10, top, base=allowed),
    }


def course_of(history: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Hosts that allow insecure guest logons and guest servers, by report. None until there are two reports."""
    if len(history) < 2:
        return None
    series = {
        name: [point[name] for point in history] for name in ("allowed", "held_back", "guest_servers", "not_read")
    }
    top = charts.peak(value for values in series.values() for value in values)
    return {
        "points": history,
        "top": top,
        "lines": {name: charts.line(values, 100, 40, top) for name, values in series.items()},
    }
