# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether hosts meet benchmark controls, judged twice: by what is in force, and by what a scanner reads. Pure.

They differ. A host whose default blocks guests is safe and fails every scan, since the policy value is absent; one
whose running client has not taken a policy over passes the scan and is open. A host without SMB1 is closed, and fails a
CIS scan that asks for two registry values whether or not SMB1 is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from ..tables.benchmarks import benchmarks_of
from ..tables.compliance import TOPICS, Benchmark, Topic
from ..tables.settings import SETTINGS, Layer
from .exceptions import Accepted
from .host_posture import NOTHING, HostPosture, HostStatus, Row


class Finding(Enum):
    """Where a host stands with a control."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    UNSUPPORTED = "unsupported"
    """This Windows does not have the setting."""


VIEWS = ("in_force", "scanner")


def judge_host(host: HostPosture, accepted: Iterable[Accepted], now: datetime) -> dict[str, dict[str, Any]]:
    """`{topic: {in_force, scanner, accepted}}` of each control that a benchmark asks and we read."""
    if host.status is not HostStatus.READ or host.product is None:
        return {}
    asked = {control.topic for benchmark in benchmarks_of(host.product) for control in benchmark.controls}
    standing = [exception for exception in accepted if exception.valid(now) and exception.covers_host(host.name)]
    return {
        name: {
            "in_force": _in_force(host, topic).value,
            "scanner": _scanned(host, topic).value,
            "accepted": any(name in exception.topics for exception in standing),
        }
        for name, topic in TOPICS.items()
        if name in asked and topic.is_read
    }


def _in_force(host: HostPosture, topic: Topic) -> Finding:
    if topic.doors:
        return _of_doors(host, topic, _door_in_force)
    value = host.in_force(topic.setting or "")
    if value is None and host.settings.get(topic.setting or "", NOTHING)["supported"] is False:
        return Finding.UNSUPPORTED
    return Finding.UNKNOWN if value is None else _finding(value is topic.wanted)


def _scanned(host: HostPosture, topic: Topic) -> Finding:
    """A value that is absent, or of a wrong type, is a finding: so the check texts say."""
    if topic.doors:
        # The rules on both sides of SMB1 are alternatives: a scan passes where the feature is removed.
        removed = len(topic.doors) > 1 and all(host.doors[door]["installed"] is False for door in topic.doors)
        return Finding.PASS if removed else _of_doors(host, topic, _door_as_scanned)
    state = host.settings.get(topic.setting or "")
    return Finding.UNKNOWN if state is None else _finding(state[topic.looks_at] is topic.wanted)


def _of_doors(host: HostPosture, topic: Topic, judge: Callable[[Row], Finding]) -> Finding:
    """The worst of the doors."""
    found = {judge(host.doors[door]) for door in topic.doors}
    return next(finding for finding in (Finding.FAIL, Finding.UNKNOWN, Finding.PASS) if finding in found)


def _door_in_force(door: Row) -> Finding:
    """A door that opens when a driver is started next is not disabled."""
    found = {"open": Finding.FAIL, "idle": Finding.FAIL, "closed": Finding.PASS}
    return found.get(door["state"] or "", Finding.UNKNOWN)


def _door_as_scanned(door: Row) -> Finding:
    found = {"pass": Finding.PASS, "fail": Finding.FAIL}
    return found.get(door["scanner"] or "", Finding.UNKNOWN)


def _finding(good: bool) -> Finding:
    return Finding.PASS if good else Finding.FAIL


def compliance_tables(
    hosts: Sequence[HostPosture], judged: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """One table for each framework and product of the fleet. judged: host name to what `judge_host` gave."""
    tables = []
    products = sorted({host.product for host in hosts if host.status is HostStatus.READ and host.product})
    for product in products:
        members = [judged[host.name] for host in hosts if host.product == product and host.name in judged]
        benchmarks = benchmarks_of(product)
        for framework in dict.fromkeys(row.framework for row in benchmarks):
            versions = [row for row in benchmarks if row.framework == framework]
            tables.append(
                {
                    "framework": framework,
                    "product": product,
                    "hosts": len(members),
                    "controls": [_control(topic, versions, members) for topic in _topics(versions)],
                }
            )
    return sorted(tables, key=lambda table: (table["framework"], table["product"]))


def failing_controls(tables: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The controls that fail, on most hosts first: `{control, title, in_force, scanner}`, numbers of hosts.

    Args:
        tables: of `compliance_tables`. A control that several frameworks ask for counts once for a product.
    """
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for table in tables:
        for row in table["controls"]:
            found = worst.setdefault(
                (row["topic"], table["product"]), dict.fromkeys(VIEWS, 0) | {"title": row["title"]}
            )
            found |= {view: max(found[view], row[view][Finding.FAIL.value]) for view in VIEWS}
    failing: dict[str, dict[str, Any]] = {}
    for (topic, _product), found in worst.items():
        row = failing.setdefault(topic, {"control": topic, "title": found["title"], **dict.fromkeys(VIEWS, 0)})
        row |= {view: row[view] + found[view] for view in VIEWS}
    rows = [row for row in failing.values() if any(row[view] for view in VIEWS)]
    return sorted(rows, key=lambda row: (*(-row[view] for view in VIEWS), row["control"]))


def _topics(versions: Sequence[Benchmark]) -> list[str]:
    """Those judged first, as in the table of topics."""
    asked = {control.topic for benchmark in versions for control in benchmark.controls}
    return sorted(asked, key=lambda name: (not TOPICS[name].is_read, list(TOPICS).index(name)))


def _control(name: str, versions: Sequence[Benchmark], members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    topic = TOPICS[name]
    setting = SETTINGS[topic.setting] if topic.setting else None
    findings = [judged[name] for judged in members if name in judged]
    return {
        "topic": name,
        "title": topic.title,
        "setting": topic.setting,
        "wanted": setting.words.word(topic.wanted) if setting else None,
        "doors": list(topic.doors),
        "looks_at": f"{setting.location(Layer(topic.looks_at))} = {int(topic.wanted)}"
        if setting
        else topic.value or None,
        "ids": [
            {
                "versions": list(benchmark.versions),
                "id": control.control_id,
                "vulnerability": control.vulnerability or None,
                "confidence": control.confidence,
            }
            for benchmark in versions
            for control in benchmark.controls
            if control.topic == name
        ],
        **{view: _counts(found[view] for found in findings) for view in VIEWS},
        "accepted": sum(
            found["accepted"] and any(found[view] == Finding.FAIL.value for view in VIEWS) for found in findings
        ),
    }


def _counts(findings: Iterable[str]) -> dict[str, int]:
    counts = {finding.value: 0 for finding in Finding}
    for finding in findings:
        counts[finding] += 1
    return counts
