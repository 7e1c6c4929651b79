# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs from the earlier report, grouped: one line for each kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..tables.compliance import TOPICS
from ..tables.settings import SETTINGS

Row = Mapping[str, Any]


def difference_key(part: str, row: Row) -> str:
    """The key of the set of hosts that have a difference. part: `settings` or `controls`."""
    return f"diff:{part}:{row['name']}:{row['member']}:{row['from']}:{row['to']}"


def difference_label(part: str, row: Row) -> str:
    """What differs, in words."""
    if part == "controls":
        topic = TOPICS.get(row["name"])
        return topic.title if topic else str(row["name"])
    return str(row["name"]).replace("_", " ").capitalize()


def differences(comparison: Row | None) -> dict[str, list[dict[str, Any]]]:
    """`{settings, controls}`: `{key, label, member, before, after}` of each group, those of most hosts first."""
    return {part: _groups(part, comparison[part] if comparison else ()) for part in ("settings", "controls")}


def _groups(part: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        key = difference_key(part, row)
        group = groups.setdefault(
            key,
            {
                "key": key,
                "label": difference_label(part, row),
                "member": str(row["member"]).replace("_", " "),
                "before": _worded(row, "from"),
                "after": _worded(row, "to"),
                "hosts": 0,
            },
        )
        group["hosts"] += 1
    return sorted(groups.values(), key=lambda group: (-group["hosts"], group["key"]))


def _worded(row: Row, which: str) -> str:
    value, setting = row[which], SETTINGS.get(row["name"])
    if value is None:
        return "not known"
    if isinstance(value, bool):
        if setting is not None and row["member"] in ("effective", "running"):
            return setting.words.word(value).replace("_", " ")
        return "yes" if value else "no"
    return str(value).replace("_", " ")
