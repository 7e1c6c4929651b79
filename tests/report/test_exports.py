# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other tools import: SARIF by the schema of OASIS, JSON lines one object a line; nothing hostile survives; and
every file of a report that was merged of parts."""

from __future__ import annotations

import copy
import json
import random
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.csv_tables import csv_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.files import as_json
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.html import page_pieces
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.json_lines import json_lines
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.page_data import host_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.parts import build_part, merge_parts
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.sarif import as_sarif
from ansible_collections.winops.smb_guest.tests.report.hostile import HOSTILE, hostile_results
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import NOW, results

SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))


def _hostile() -> dict[str, Any]:
    good = next(result for _name, result in results(300) if (its := result.get("posture")) and its["servers"])
    return hostile_results(good)


@pytest.fixture(params=["fleet", "hostile", "empty"])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    hosts = {"fleet": lambda: dict(results(60)), "hostile": _hostile, "empty": dict}[request.param]()
    return build_document(hosts, ReportTerms(NOW))


def test_sarif_has_the_schema_of_oasis_and_every_finding(document: dict[str, Any]) -> None:
    log = json.loads(as_sarif(document))
    jsonschema.Draft7Validator(SCHEMA).validate(log)
    run = log["runs"][0]
    findings = sum("fail" in (found["in_force"], found["scanner"]) for row in document["hosts"]
                   for found in row["compliance"].values())  # fmt: skip
    assert len(run["results"]) == findings + len(document["drift"])
    unread = [row for row in document["hosts"] if row["status"] != "read"]
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == len(unread)


def test_json_lines_are_one_printable_object_each(document: dict[str, Any]) -> None:
    lines = list(json_lines(document))
    assert all(line.endswith("\n") and line[:-1].isascii() and line[:-1].isprintable() for line in lines)
    rows = [json.loads(line) for line in lines]
    assert sum(row["kind"] == "host" for row in rows) == len(document["hosts"])
    assert sum(row["kind"] == "server" for row in rows) == len(document["servers"])


def test_hostile_hosts_are_the_same_by_way_of_a_part() -> None:
    hosts = _hostile()
    part = json.loads(json.dumps(build_part(hosts, [{"server": text} for text in HOSTILE], NOW)))
    merged = merge_parts((), [part])
    by_part = build_document(merged.hosts, ReportTerms(NOW, probes=merged.probes))
    at_once = build_document(hosts, ReportTerms(NOW, probes=[{"server": text} for text in HOSTILE]))
    assert json.dumps(by_part) == json.dumps(at_once)


def _files(document: dict[str, Any]) -> dict[str, str]:
    """Every file that posture_report writes."""
    beside = host_files(document)
    return {
        **beside,
        "report.html": "".join(page_pieces(document, "", beside)),
        "report.json": "".join(as_json(document)),
        "report.jsonl": "".join(json_lines(document)),
        "report.sarif": as_sarif(document),
        **{f"{name}.csv": "".join(pieces) for name, pieces in csv_files(document).items()},
    }


@pytest.mark.parametrize("seed", range(3))
def test_seven_parts_are_the_report_of_one_run_byte_for_byte(seed: int) -> None:
    """In any order and of any size; some hosts are in two parts, some in none. No provenance is given here."""
    chosen = random.Random(seed)
    hosts: dict[str, Any] = dict(results(70, seed=seed))
    last_week = build_document(dict(results(70, seed=seed + 100)), ReportTerms(NOW - timedelta(days=7)))
    names = [name for name, result in hosts.items() if result]
    chosen.shuffle(names)
    cuts = [0, *sorted(chosen.randrange(len(names)) for _number in range(6)), len(names)]
    slices = [{name: hosts[name] for name in names[a:b]} for a, b in pairwise(cuts)]
    probes = [{"server": f"nas{number}", "verdict": "guest_only_suspected"} for number in range(4)]
    for name in chosen.sample([name for name in names if "posture" in hosts[name]], 5):
        earlier = copy.deepcopy(hosts[name])
        earlier["posture"]["identity"]["read_at"] = "2026-01-01T00:00:00Z"
        earlier["posture"]["settings"] = {}
        chosen.choice([part for part in slices if name not in part])[name] = earlier
    parts = [
        json.loads(
            json.dumps(build_part(part, chosen.sample(probes, 2), NOW + timedelta(minutes=chosen.randrange(60))))
        )
        for part in slices
    ]
    parts.append(build_part({}, probes, NOW))
    chosen.shuffle(parts)
    not_asked = {"ws-left-out": {}}
    merged = merge_parts([*hosts, *not_asked], parts)
    of_parts = build_document(merged.hosts, ReportTerms(NOW, probes=merged.probes, previous=last_week))
    of_one_run = build_document({**hosts, **not_asked}, ReportTerms(NOW, probes=probes, previous=last_week))
    assert len(of_one_run["history"]) == 2
    assert _files(of_parts) == _files(of_one_run)
