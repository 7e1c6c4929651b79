# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed since an earlier document of the same schema, and the history that documents hand on. Pure.

An earlier document is a file that anybody may have edited: it is cleaned like what hosts say, and what does not fit is
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .server_names import plain_name

MAX_HISTORY = 200
POINT_MEMBERS = (
    "hosts",
    "allowed",
    "held_back",
    "blocked",
    "unknown",
    "not_read",
    "guest_servers",
    "open_changes",
    "drift",
    "failing_in_force",
    "failing_scanner",
)
COMPARED = ("effective", "running", "winner", "drift")
"""Members of a setting that are compared."""


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is new, gone and different in `after`. Both as `build_document` makes them."""
    old_hosts, new_hosts = (_by_name(document.get("hosts")) for document in (before, after))
    old_servers, new_servers = (_guest_servers(document) for document in (before, after))
    old_changes, new_changes = (_changes(document) for document in (before, after))
    asked_again = {name for name, row in new_hosts.items() if row.get("status") == "read"}
    return {
        "previous": before.get("generated_at"),
        "hosts_added": sorted(new_hosts.keys() - old_hosts.keys()),
        "hosts_gone": sorted(old_hosts.keys() - new_hosts.keys()),
        "guest_state": [
            {"host": name, "from": was, "to": now}
            for name in sorted(old_hosts.keys() & new_hosts.keys())
            if (was := _state(old_hosts[name])) != (now := _state(new_hosts[name]))
        ],
        "settings": list(_differences(old_hosts, new_hosts, _setting_values)),
        "controls": list(_differences(old_hosts, new_hosts, _control_values)),
        "servers_added": _servers_missing_in(old_servers, new_servers),
        "servers_gone": _servers_missing_in(new_servers, old_servers),
        "changes_opened": [_named(key) for key in sorted(new_changes - old_changes)],
        # Of a host that did not answer nothing is known, so none of its changes has ended.
        "changes_ended": [_named(key) for key in sorted(old_changes - new_changes) if key[0] in asked_again],
    }


Values = Mapping[tuple[str, str], Any]


def _differences(
    old_hosts: Mapping[str, Mapping[str, Any]],
    new_hosts: Mapping[str, Mapping[str, Any]],
    values: Callable[[Mapping[str, Any]], Values],
) -> Iterator[dict[str, Any]]:
    """`{host, name, member, from, to}` of every value that differs on a host that both reports have read."""
    for host in sorted(old_hosts.keys() & new_hosts.keys()):
        old, new = old_hosts[host], new_hosts[host]
        if old.get("status") == new.get("status") == "read":
            before, after = values(old), values(new)
            for key in sorted(before.keys() | after.keys()):
                if before.get(key) != after.get(key):
                    name, member = key
                    yield {"host": host, "name": name, "member": member, "from": before.get(key), "to": after.get(key)}


def _members_of(row: Mapping[str, Any], part: str, members: Iterable[str]) -> Values:
    """`(name, member)` to the value, for every setting or control of a host."""
    rows = row.get(part)
    if not isinstance(rows, Mapping):
        return {}
    return {
        (str(name), member): value
        for name, its in rows.items()
        if isinstance(its, Mapping)
        for member in members
        if isinstance(value := its.get(member), str | bool | None)
    }


def _setting_values(row: Mapping[str, Any]) -> Values:
    return _members_of(row, "settings", COMPARED)


def _control_values(row: Mapping[str, Any]) -> Values:
    return _members_of(row, "compliance", ("in_force", "scanner"))


def history(before: Mapping[str, Any] | None, generated_at: str, summary: Mapping[str, int]) -> list[dict[str, Any]]:
    """The points of earlier reports and of this one, oldest first."""
    points = [point for row in _rows(before.get("history") if before else None) if (point := _point(row))]
    earlier = [point for point in points if point["generated_at"] < generated_at]
    now = {"generated_at": generated_at, **{member: summary[member] for member in POINT_MEMBERS}}
    return [*earlier, now][-MAX_HISTORY:]


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _point(row: Mapping[str, Any]) -> dict[str, Any] | None:
    numbers = {member: row.get(member) for member in POINT_MEMBERS}
    if not isinstance(row.get("generated_at"), str) or not all(map(_is_number, numbers.values())):
        return None
    return {"generated_at": row["generated_at"], **numbers}


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _by_name(value: Any) -> dict[str, Mapping[str, Any]]:
    return {str(row["name"]): row for row in _rows(value) if row.get("name")}


def _state(row: Mapping[str, Any]) -> str:
    guest = row.get("guest")
    return str(guest.get("state")) if isinstance(guest, Mapping) else "unknown"


def _guest_servers(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Each guest server by the name that its row shows, with all its names as they are compared.

    A row shows the spelling that was met first, which differs from report to report.
    """
    return {
        name: frozenset(plain_name(str(each)) for each in (name, *_texts(row.get("aliases"))))
        for name, row in _by_name(document.get("servers")).items()
        if row.get("guest") is True
    }


def _servers_missing_in(other: Mapping[str, frozenset[str]], servers: Mapping[str, frozenset[str]]) -> list[str]:
    known = frozenset().union(*other.values())
    return sorted(name for name, names in servers.items() if known.isdisjoint(names))


def _texts(value: Any) -> Sequence[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _changes(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(str(row.get("host")), str(row.get("change_id"))) for row in _rows(document.get("changes"))}


def _named(key: tuple[str, str]) -> dict[str, str]:
    return {"host": key[0], "change_id": key[1]}
