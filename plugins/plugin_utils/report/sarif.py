# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings as SARIF 2.1.0, which vulnerability managers and code platforms import. Pure.

Source: OASIS SARIF 2.1.0. A control is a rule, a host that does not meet it a result; the host is a logical location,
since nothing of it is a file. An exception is a suppression. A host that was not read is a notification, so that an
empty list of results is never taken for a clean fleet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..tables.benchmarks import benchmarks_of
from ..tables.compliance import TOPICS

Row = Mapping[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_DRIFT = "drift"


def as_sarif(document: Row) -> str:
    """The text of the SARIF file."""
    unread = [row for row in document["hosts"] if row["status"] != "read"]
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "winops.smb_guest",
                        "version": document["collection_version"] or "unknown",
                        "rules": [_rule(name, topic.title) for name, topic in TOPICS.items() if topic.is_read]
                        + [_rule(_DRIFT, "The running value differs from the configured one")],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not unread,
                        "endTimeUtc": document["generated_at"],
                        "toolExecutionNotifications": [_not_read(row) for row in unread],
                    }
                ],
                "results": [*_controls(document), *_drifts(document)],
            }
        ],
    }
    return json.dumps(log, indent=1, ensure_ascii=True) + "\n"


def _rule(rule: str, title: str) -> dict[str, Any]:
    return {"id": rule, "shortDescription": {"text": title}}


def _location(host: str) -> dict[str, Any]:
    return {"logicalLocations": [{"name": host, "fullyQualifiedName": host, "kind": "resource"}]}


def _not_read(row: Row) -> dict[str, Any]:
    text = f"{row['name']} was not read ({row['status']}): {row['message'] or 'no reason given'}"
    return {"level": "error", "message": {"text": text}, "locations": [_location(row["name"])]}


def _controls(document: Row) -> Iterator[dict[str, Any]]:
    for host in document["hosts"]:
        for topic, found in host["compliance"].items():
            in_force, scanner = found["in_force"] == "fail", found["scanner"] == "fail"
            if in_force or scanner:
                view = "in force" if in_force else "as a scanner reads the registry, although it is met in force"
                result = {
                    "ruleId": topic,
                    "kind": "fail",
                    "level": "error" if in_force else "warning",
                    "message": {"text": f"{host['name']}: {TOPICS[topic].title} is not met {view}."},
                    "locations": [_location(host["name"])],
                    "properties": {"inForce": found["in_force"], "scanner": found["scanner"], "ids": _ids(host, topic)},
                }
                if found["accepted"]:
                    result["suppressions"] = [{"kind": "external", "status": "accepted"}]
                yield result


def _ids(host: Row, topic: str) -> list[str]:
    """`FRAMEWORK VERSION ID` of every benchmark that asks for the topic on this Windows."""
    return [
        f"{benchmark.framework} {version} {control.control_id}"
        for benchmark in benchmarks_of(host["product"])
        for control in benchmark.controls
        if control.topic == topic
        for version in benchmark.versions
    ]


def _drifts(document: Row) -> Iterator[dict[str, Any]]:
    for row in document["drift"]:
        text = f"{row['host']}: {row['setting']} is configured as {row['configured']} and runs as {row['running']}."
        yield {
            "ruleId": _DRIFT,
            "kind": "fail",
            "level": "warning",
            "message": {"text": text},
            "locations": [_location(row["host"])],
        }
