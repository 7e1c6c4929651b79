# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a report: what some hosts answered, kept as a file, so that several runs make one report. Pure.

A run of a slice, a `--limit` or a worker writes a part. `merge_parts` gives the results as one run would have had them:
a host that several parts have counts once, as the newest part has it. The order of the parts changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .exceptions import moment
from .shape import POSTURE, PROBE, shaped
from .text import cleaned, line

PART_VERSION = 1
PART_FILES = "part-*.json"
"""The names that `part_name` gives."""


@dataclass(frozen=True)
class MergedParts:
    """hosts: to results as registered. probes: rows of server_info."""

    hosts: Mapping[str, Any]
    probes: list[Any]


def build_part(hosts: Mapping[str, Any], probes: Iterable[Any], now: datetime) -> dict[str, Any]:
    """What a later merge needs of these hosts; one without a result was not asked and is left out."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "part_version": PART_VERSION,
        "generated_at": stamp,
        "hosts": {
            line(name): _entry(result, stamp)
            for name, result in sorted(hosts.items(), key=lambda item: str(item[0]))
            if isinstance(result, Mapping) and result
        },
        "servers": shaped(cleaned(list(probes)), [PROBE]),
    }


def part_name(part: Mapping[str, Any]) -> str:
    """The file's name: the same for the same hosts, so that a slice replaces its own part and no other."""
    names = json.dumps(sorted(part["hosts"]))
    return f"part-{hashlib.sha256(names.encode()).hexdigest()[:16]}.json"


def is_part(document: Mapping[str, Any]) -> bool:
    return document.get("part_version") == PART_VERSION and isinstance(document.get("hosts"), Mapping)


def merge_parts(inventory: Iterable[str], parts: Iterable[Mapping[str, Any]]) -> MergedParts:
    """The results of all parts. inventory: the hosts that belong to the report; one in no part was not asked."""
    newest: dict[str, tuple[tuple[str, bool, str], Any]] = {}
    probes: dict[str, Any] = {}
    for part in parts:
        for name, entry in part["hosts"].items():
            if not isinstance(entry, Mapping) or not isinstance(entry.get("result"), Mapping):
                continue
            result = entry["result"]
            age = (_time(entry.get("read_at")), "posture" in result, _canonical(result))
            if name not in newest or newest[name][0] < age:
                newest[name] = (age, result)
        rows = part.get("servers")
        for row in rows if isinstance(rows, list) else ():
            probes[_canonical(row)] = row
    hosts = {str(name): {} for name in inventory} | {name: result for name, (_age, result) in newest.items()}
    return MergedParts(hosts, [probes[key] for key in sorted(probes)])


def _entry(result: Mapping[str, Any], stamp: str) -> dict[str, Any]:
    kept: dict[str, Any] = {
        member: bool(result[member]) for member in ("unreachable", "failed") if result.get(member) is not None
    }
    if result.get("msg"):
        kept["msg"] = line(result["msg"])
    read_at = stamp
    if isinstance(result.get("posture"), Mapping):
        kept["posture"] = shaped(cleaned(result["posture"]), POSTURE)
        read_at = kept["posture"]["identity"]["read_at"] or stamp
    return {"read_at": read_at, "result": kept}


def _time(text: Any) -> str:
    time = moment(text if isinstance(text, str) else None)
    return time.isoformat() if time else ""


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
