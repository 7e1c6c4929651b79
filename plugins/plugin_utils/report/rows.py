# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the answers of hosts to the rows of the report: hosts, their changes, their drift, their exceptions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..posture.state import Winner
from ..tables.settings import GUEST, SETTINGS
from .exceptions import OPEN, Accepted, moment
from .host_posture import GuestState, HostPosture, Row
from .servers import counted

WINNERS = frozenset(winner.value for winner in Winner)
LATEST = "9"  # after every time in ISO 8601
COVERAGE = ("name", "enabled", "events", "oldest", "newest", "log_begins", "log_is_empty")
"""Members of a channel that say how much of its log was read."""


def host_row(host: HostPosture, servers: Sequence[str], judged: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One host. servers: those where it is a guest. judged: as `judge_host` gives it."""
    return {
        "name": host.name,
        "status": host.status.value,
        "message": host.message,
        "problems": [{"part": row["part"] or "", "message": row["message"] or ""} for row in host.problems],
        "windows": host.windows or None,
        "product": host.product,
        "os": dict(host.os),
        "guest": {
            "state": host.guest_state.value,
            "blocked_by": host.access["blocked_by"],
            "decided_by": decider(host.settings.get(GUEST.name)),
            "advice": host.access["advice"],
        },
        "settings": {
            name: {
                **host.settings[name],
                "winner": winner(host.settings[name]),
                "policy_source": policy_source(host.settings[name]),
            }
            for name in SETTINGS
            if name in host.settings
        },
        "drift": host.drift,
        "open_changes": [change["change_id"] or "" for change in host.changes if change["status"] in OPEN],
        "servers": list(servers),
        "compliance": {topic: dict(found) for topic, found in judged.items()},
        "events": {
            "read_by": host.events["read"]["way"],
            "since": host.events["since"],
            "truncated": bool(host.events["read"]["capped"]),
            "unavailable_channels": [
                row["name"] for row in host.events["channels"] if row["available"] is False and row["name"]
            ],
            "max_events": host.events["max_events"],
            "coverage": [
                {member: row[member] for member in COVERAGE}
                for row in host.events["channels"]
                if row["name"] and row["available"] is not False
            ],
        },
        "identity": dict(host.identity),
        "doors": door_states(host),
    }


def winner(state: Row) -> str | None:
    """What decides, of the words that there are."""
    return state["winner"] if state["winner"] in WINNERS else None


def policy_source(state: Row) -> dict[str, Any] | None:
    """The Group Policy object that decides, where it is known."""
    name = state["policy_source"]["gpo"]
    return {"name": name} if name and winner(state) == Winner.POLICY.value else None


def decider(state: Row | None) -> dict[str, Any]:
    """`{winner, name, location}`: what decides a setting. name: of the Group Policy object, where it is known."""
    if state is None:
        return {"winner": None, "name": None, "location": None}
    source = policy_source(state)
    return {"winner": winner(state), "name": source and source["name"], "location": state["location"]}


def inbound_rows(hosts: Iterable[HostPosture]) -> list[dict[str, Any]]:
    """The clients that hosts, as servers, saw as guests or without signing or encryption. The most recent first."""
    rows = [
        {
            "host": host.name,
            "client": row["name"] or "",
            "counts": counted(row["counts"]),
            "first_seen": row["first_seen"],
            "last_seen": row["last_seen"],
        }
        for host in hosts
        for row in host.clients
    ]
    return sorted(rows, key=lambda row: (row["last_seen"] or "", row["host"], row["client"]), reverse=True)


def change_rows(hosts: Iterable[HostPosture], now: datetime) -> list[dict[str, Any]]:
    """Every change that stands, or may stand: those past their end first, then by their end, endless ones last."""
    rows = [_change(host, change, now) for host in hosts for change in host.changes if change["status"] in OPEN]
    return sorted(
        rows, key=lambda row: (not row["overdue"], row["expires_at"] or LATEST, row["host"], row["change_id"])
    )


def _change(host: HostPosture, change: Row, now: datetime) -> dict[str, Any]:
    end = moment(change["expires_at"])
    return {
        "host": host.name,
        "change_id": change["change_id"] or "",
        "status": change["status"],
        "reason": change["reason"] or "",
        "created_at": change["created_at"],
        "expires_at": change["expires_at"],
        "overdue": end is not None and end <= now,
        "controller": change["controller"] or "",
        "note": change["note"] or "",
        "opens_guest": any(row["setting"] == GUEST.name and row["to"] is True for row in change["changes"]),
        "changes": [{**row, "setting": row["setting"] or "", "scope": row["scope"] or ""} for row in change["changes"]],
    }


def drift_rows(hosts: Iterable[HostPosture]) -> list[dict[str, Any]]:
    """Every setting of which another value runs than the one that is configured."""
    return [
        {
            "host": host.name,
            "setting": name,
            "configured": SETTINGS[name].words.word(bool(state["effective"])),
            "running": SETTINGS[name].words.word(bool(state["running"])),
            "location": state["location"],
            "decided_by": decider(state),
        }
        for host in hosts
        for name in host.drift
        if (state := host.settings[name])
    ]


def exception_rows(
    accepted: Iterable[Accepted],
    hosts: Sequence[HostPosture],
    judged: Mapping[str, Mapping[str, Mapping[str, Any]]],
    servers: Sequence[Mapping[str, Any]],
    now: datetime,
) -> list[dict[str, Any]]:
    """Every exception with the hosts that it speaks of, and whether it still holds; those that ended first."""
    rows = []
    for item in accepted:
        clients = {name for row in servers if item.covers_server(row["name"]) for name in row["guest_clients"]}
        covered = {
            host.name
            for host in hosts
            if item.covers_host(host.name) and not item.topics.isdisjoint(judged.get(host.name, ()))
        }
        rows.append(
            {
                "source": item.source,
                "host": item.host or None,
                "server": item.server or None,
                "topics": sorted(item.topics),
                "reason": item.reason,
                "expires_at": item.expires_at.isoformat().replace("+00:00", "Z") if item.expires_at else None,
                "valid": item.valid(now),
                "approved_by": item.approved_by,
                "ticket": item.ticket,
                "change_id": item.change_id or None,
                "hosts": sorted(covered | clients),
                "remarks": _remarks(item, covered | clients, servers, now),
            }
        )
    return sorted(rows, key=lambda row: (row["valid"], row["expires_at"] or LATEST, str(row["host"])))


ENDS_SOON = timedelta(days=30)
REMARKS = ("ends_soon", "without_match", "without_approver", "without_end")
"""What of an exception asks for attention, beside its end."""


def _remarks(item: Accepted, hosts: Iterable[str], servers: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """Words of REMARKS. A change of a journal has no approver, and its open end is shown with the changes."""
    matches = any(hosts) or any(item.covers_server(row["name"]) for row in servers)
    from_file = item.source == "file"
    found = {
        "ends_soon": item.expires_at is not None and now < item.expires_at <= now + ENDS_SOON and from_file,
        "without_match": not matches,
        "without_approver": from_file and not item.approved_by,
        "without_end": from_file and item.expires_at is None,
    }
    return [word for word in REMARKS if found[word]]


DOOR_STATES = ("open", "idle", "closed", "unknown", "not_asked", "not_read")


def door_states(host: HostPosture) -> dict[str, dict[str, Any]]:
    """`{state, confidence, reason, scanner, installed}` of each door; `not_read` where the host was not asked."""
    return {
        name: {
            "state": door["state"] if door["state"] in DOOR_STATES else "not_read",
            "confidence": door["confidence"] or "none",
            "reason": door["reason"] or "",
            "scanner": door["scanner"] if door["scanner"] in ("pass", "fail") else "unknown",
            "installed": door["installed"],
        }
        for name, door in host.doors.items()
    }


def state_counts(hosts: Iterable[HostPosture]) -> dict[str, int]:
    counts = {state.value: 0 for state in GuestState}
    for host in hosts:
        counts[host.guest_state.value] += 1
    return counts
