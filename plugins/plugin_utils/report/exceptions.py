# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody accepted, until when and why: entries of a file, and open changes that say a reason. Pure.

An exception never hides a finding. It stands beside it, and ends with its day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Any

from ..core.errors import RequestError
from ..core.stack import ChangeStatus
from ..tables.benchmarks import BENCHMARKS
from ..tables.compliance import TOPICS
from .host_posture import HostPosture
from .text import cleaned, line

OPEN = frozenset(status.value for status in ChangeStatus if status.is_open)
"""Statuses of a change that stands, or may stand, on its host, as the journal has them."""


@dataclass(frozen=True)
class Accepted:
    """One exception. host, server: patterns, one of them empty. topics: what it accepts, none for a server.
    expires_at: aware; None where it has no end. change_id: of the journal."""

    source: str
    reason: str
    host: str = ""
    server: str = ""
    topics: frozenset[str] = frozenset(TOPICS)
    expires_at: datetime | None = None
    approved_by: str = ""
    ticket: str = ""
    change_id: str = ""

    def valid(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now

    def covers_host(self, host: str) -> bool:
        """A change of the journal is about its own host, whatever letters that has; an entry of a file is a pattern."""
        return self.host == host if self.source == "journal" else bool(self.host) and _matches(host, self.host)

    def covers_server(self, server: str) -> bool:
        return bool(self.server) and _matches(server, self.server)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


ENTRY_MEMBERS = frozenset({"host", "server", "control", "reason", "expires", "approved_by", "ticket"})


def read_exceptions(rows: Any, place: str = "the exceptions") -> list[Accepted]:
    """Those that somebody wrote down.

    Args:
        rows: A list of mappings; None where the file is empty.
        place: Where they stand, for errors.

    Raises RequestError, which says what is wrong with which entry.
    """
    if rows is None:
        return []
    if not isinstance(rows, list):
        kind = "a mapping" if isinstance(rows, Mapping) else f"a {type(rows).__name__}"
        raise RequestError(f"{place} holds {kind}, not a list. Begin each entry with a dash.")
    return [_read(f"Entry {number} of {place}", row) for number, row in enumerate(rows, 1)]


def _read(where: str, entry: Any) -> Accepted:
    if not isinstance(entry, Mapping):
        raise RequestError(f"{where} is {line(entry)!r}, not a mapping with host or server, and reason.")
    row = cleaned(entry)
    unknown = sorted(set(row) - ENTRY_MEMBERS)
    if unknown:
        raise RequestError(f"{where} has {', '.join(unknown)}. It can have {', '.join(sorted(ENTRY_MEMBERS))}.")
    host, server, reason = (line(row.get(key) or "").strip() for key in ("host", "server", "reason"))
    if bool(host) == bool(server):
        raise RequestError(f"{where} must name either a host or a server, by name or by a pattern such as ws-scan-*.")
    if not reason:
        raise RequestError(f"{where} says no reason. An exception without one cannot be judged by anybody.")
    return Accepted(
        "file",
        reason,
        host,
        server,
        frozenset() if server else _topics(where, row.get("control")),
        _end(where, row.get("expires")),
        str(row.get("approved_by") or ""),
        str(row.get("ticket") or ""),
    )


def _topics(where: str, control: Any) -> frozenset[str]:
    if not control:
        return frozenset(TOPICS)
    named = {name for name, topic in TOPICS.items() if control in (name, topic.setting)}
    named |= {
        row.topic
        for benchmark in BENCHMARKS
        for row in benchmark.controls
        if control == row.control_id or control in row.vulnerability.replace("(", "").replace(")", "").split()
    }
    if not named:
        raise RequestError(
            f"{where}: control {control!r} is no id of a benchmark, no setting and none of {', '.join(TOPICS)}."
        )
    return frozenset(named)


def _end(where: str, text: Any) -> datetime | None:
    """A day lasts until it is over, in UTC."""
    if not text:
        return None
    try:
        if len(str(text)) == len("2026-12-31"):
            return datetime.combine(date.fromisoformat(str(text)) + timedelta(days=1), time(), UTC)
        moment = datetime.fromisoformat(str(text))
    except (ValueError, OverflowError):
        raise RequestError(f"{where}: expires {str(text)!r} is no day such as 2026-12-31.") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def of_journal(host: HostPosture) -> list[Accepted]:
    """The open changes of a host that made something less secure and say why."""
    return [
        Accepted(
            "journal",
            change["reason"],
            host.name,
            topics=topics,
            expires_at=moment(change["expires_at"]),
            change_id=change["change_id"] or "",
        )
        for change in host.changes
        if change["status"] in OPEN and change["reason"] and (topics := _relaxed(change["changes"]))
    ]


def _relaxed(changes: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The topics that a change turned away from what benchmarks ask for."""
    return frozenset(
        name
        for name, topic in TOPICS.items()
        for change in changes
        if change["setting"] and change["setting"] == topic.setting and change["to"] is not topic.wanted
    )


def moment(text: str | None) -> datetime | None:
    """A time of a host, aware; None where it says none that can be read."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
