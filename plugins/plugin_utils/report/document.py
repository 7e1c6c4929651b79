# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole report as one JSON document: what `report.json` holds, and what page and tables are made from. Pure.

Its schema is docs/report.schema.json; a change that old readers cannot bear raises SCHEMA_VERSION.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .baseline import Baseline, baseline_part, hosts_that_differ
from .blind_spots import blind_spot_rows
from .comparison import compare, history
from .compliance import compliance_tables, judge_host
from .exceptions import Accepted, of_journal
from .host_posture import HostPosture, HostStatus, Row, read_host
from .rows import REMARKS, change_rows, drift_rows, exception_rows, host_row, inbound_rows, state_counts
from .servers import server_rows
from .shape import DOORS, PROBE, shaped
from .shared_values import SharedValues
from .text import cleaned, line

SCHEMA_VERSION = 3


@dataclass(frozen=True)
class ReportTerms:
    """What the report is made with, beside what hosts answered.

    now: aware. previous: an earlier document. probes: rows of server_info. provenance: who made it, and how.
    baseline: what policy files say.
    """

    now: datetime
    title: str = "SMB guest logons"
    collection_version: str = ""
    exceptions: Sequence[Accepted] = ()
    previous: Mapping[str, Any] | None = None
    probes: Sequence[Row] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    baseline: Baseline | None = None


def build_document(results: Mapping[str, Any], terms: ReportTerms) -> dict[str, Any]:
    """The document. results: each host of the inventory with its registered result of `posture_info`, in any state."""
    now = terms.now.astimezone(UTC)
    shared = SharedValues()
    hosts = sorted((read_host(name, result, shared) for name, result in results.items()), key=_order)
    accepted = [*terms.exceptions, *(item for host in hosts for item in of_journal(host))]
    judged = {host.name: shared.share(judge_host(host, accepted, now)) for host in hosts}
    probes = sorted(shaped(cleaned(terms.probes), [PROBE]), key=lambda row: json.dumps(row, sort_keys=True))
    servers = server_rows(hosts, accepted, probes, now)
    guest_at: dict[str, list[str]] = {}
    for row in servers:
        for name in row["guest_clients"]:
            guest_at.setdefault(name, []).append(row["name"])
    changes, drift = change_rows(hosts, now), drift_rows(hosts)
    exceptions = exception_rows(accepted, hosts, judged, servers, now)
    baseline = baseline_part(terms.baseline, hosts)
    summary = _summary(hosts, servers, changes, drift, exceptions, judged)
    summary["differ_from_baseline"] = len(hosts_that_differ(baseline))
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "title": line(terms.title),
        "generated_at": stamp,
        "collection_version": line(terms.collection_version),
        "events_since": min((host.events["since"] for host in hosts if host.events["since"]), default=None),
        "summary": summary,
        "hosts": [shared.share(host_row(host, guest_at.get(host.name, ()), judged[host.name])) for host in hosts],
        "servers": servers,
        "inbound": inbound_rows(hosts),
        "changes": changes,
        "drift": drift,
        "compliance": compliance_tables(hosts, judged),
        "baseline": baseline,
        "exceptions": exceptions,
        "blind_spots": blind_spot_rows(hosts),
        "provenance": cleaned(dict(terms.provenance)),
    }
    previous = _usable(terms.previous)
    document["history"] = history(previous, stamp, summary)
    document["comparison"] = compare(previous, document) if previous else None
    return document


def _order(host: HostPosture) -> str:
    return host.name.casefold()


def _usable(previous: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not isinstance(previous, Mapping) or previous.get("schema_version") != SCHEMA_VERSION:
        return None
    shared = SharedValues()
    return {
        line(name): [shared.share(cleaned(row)) for row in value] if isinstance(value, list) else cleaned(value)
        for name, value in previous.items()
    }


def _summary(
    hosts: Sequence[HostPosture],
    servers: Sequence[Row],
    changes: Sequence[Row],
    drift: Sequence[Row],
    exceptions: Sequence[Row],
    judged: Mapping[str, Mapping[str, Row]],
) -> dict[str, int]:
    """The numbers at the top. Each counts hosts, unless its name says what else."""
    statuses = Counter(host.status for host in hosts)
    guest_servers = [row for row in servers if row["guest"]]
    return {
        "hosts": len(hosts),
        **{status.value: statuses[status] for status in HostStatus},
        "partly_read": sum(host.status is HostStatus.READ and bool(host.problems) for host in hosts),
        **state_counts(hosts),
        "guest_servers": len(guest_servers),
        "guest_clients": len({name for row in guest_servers for name in row["guest_clients"]}),
        "open_changes": len(changes),
        "overdue_changes": sum(row["overdue"] for row in changes),
        "endless_changes": sum(row["expires_at"] is None and row["opens_guest"] for row in changes),
        "drift": len({row["host"] for row in drift}),
        "exceptions": sum(row["valid"] for row in exceptions),
        "expired_exceptions": sum(not row["valid"] for row in exceptions),
        **{f"exceptions_{remark}": sum(remark in row["remarks"] for row in exceptions) for remark in REMARKS},
        "failing_in_force": _failing(judged, "in_force"),
        "failing_scanner": _failing(judged, "scanner"),
        **{f"open_{door}": sum(host.doors[door]["state"] in ("open", "idle") for host in hosts) for door in DOORS},
        "judged": sum(bool(found) for found in judged.values()),
    }


def _failing(judged: Mapping[str, Mapping[str, Row]], view: str) -> int:
    return sum(any(found[view] == "fail" for found in of_host.values()) for of_host in judged.values())
