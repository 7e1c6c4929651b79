# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every number of the report equals the truth: in JSON, CSV, SARIF and JSON lines, in two runs."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.csv_tables import csv_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.json_lines import json_lines
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.sarif import as_sarif
from ansible_collections.winops.smb_guest.tests.report.known_fleet import (
    BASELINE,
)
from ansible_collections.winops.smb_guest.tests.report.truth import EVENT_KINDS, Truth
from ansible_collections.winops.smb_guest.tests.report.truth_cases import Case, by_machine

Rows = list[dict[str, str]]


def test_the_fleet_has_something_of_everything(cases: Mapping[str, Case]) -> None:
    zeros = [name for name, number in cases["second"].truth.summary().items() if not number]
    assert zeros == []
    kinds = {kind for kind, _what in cases["first"].truth.blind}
    assert len(kinds) == 11


# JSON


def test_json_summary_and_hosts(case: Case) -> None:
    truth, document = case.truth, case.document
    assert document["summary"] == truth.summary()
    hosts = {row["name"]: row for row in document["hosts"]}
    assert {name: (row["status"], row["guest"]["state"]) for name, row in hosts.items()} == {
        name: (truth.status(name), truth.guest(name)) for name in truth.said
    }
    findings = {
        (name, control): (its["in_force"], its["scanner"])
        for name, row in hosts.items()
        for control, its in row["compliance"].items()
    }
    assert findings == truth.findings
    accepted = {key for key in truth.findings if hosts[key[0]]["compliance"][key[1]]["accepted"]}
    assert accepted == {key for key in truth.findings if truth.accepted(*key)}
    for name, its in truth.read.items():
        coverage = [
            (row["name"], row.get("events"), row.get("log_begins"))
            for row in its["events"]["channels"]
            if row["available"]
        ]
        found = hosts[name]["events"]["coverage"]
        assert [(row["name"], row["events"], row["log_begins"]) for row in found] == coverage


def test_json_servers(case: Case) -> None:
    truth = case.truth
    found = by_machine(truth, case.document["servers"])
    assert set(found) == set(truth.servers)
    for key, row in found.items():
        true = truth.servers[key]
        for how, member in (("all", "clients"), ("guest", "guest_clients"), ("allowed", "allowed_clients"),
                            ("refused", "refused_clients"), ("connected", "connected_clients"),
                            ("possible", "possible_clients")):  # fmt: skip
            assert row[member] == sorted(true[how]), (key, how)
        assert (row["logons_allowed"], row["logons_refused"]) == (true["logons"], true["counts"]["guest_refused"]), key
        assert {kind: row["counts"][kind] for kind in EVENT_KINDS} == {
            kind: true["counts"][kind] for kind in EVENT_KINDS
        }
        assert {its.pop("day"): its for its in map(dict, row["days"])} == {
            day: dict.fromkeys(("allowed", "refused", "clients"), 0) | dict(its) for day, its in true["days"].items()
        }


def test_json_changes_drift_exceptions_and_blind_spots(case: Case) -> None:
    truth, document = case.truth, case.document
    assert Counter((row["host"], row["change_id"], row["overdue"]) for row in document["changes"]) == Counter(
        (host, row["change_id"], truth.overdue(row)) for host, row in truth.changes
    )
    assert sorted((row["host"], row["setting"]) for row in document["drift"]) == sorted(truth.drift)
    assert Counter(_exception(row) for row in document["exceptions"]) == Counter(
        (row["source"], row["reason"], row["valid"], tuple(sorted(row["hosts"])), tuple(row["remarks"]))
        for row in truth.exceptions
    )
    assert Counter((row["kind"], len(row["hosts"])) for row in document["blind_spots"]) == Counter(
        (kind, number) for (kind, _what), number in truth.blind.items()
    )


def _exception(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["source"], row["reason"], row["valid"], tuple(row["hosts"]), tuple(row["remarks"])


def test_json_comparison_and_history(cases: Mapping[str, Case]) -> None:
    case, before = cases["second"], cases["first"].truth
    difference, found = case.difference, case.document["comparison"]
    assert difference is not None
    assert found["hosts_added"] == sorted(case.truth.said.keys() - before.said.keys())
    assert found["hosts_gone"] == sorted(before.said.keys() - case.truth.said.keys())
    assert {row["host"]: (row["from"], row["to"]) for row in found["guest_state"]} == difference.moved()
    for part, true in (("settings", difference.settings()), ("controls", difference.controls())):
        rows = [tuple(row[member] for member in ("host", "name", "member", "from", "to")) for row in found[part]]
        assert len(rows) == len(set(rows))
        assert set(rows) == true
        assert true
    new, gone = difference.guest_servers()
    names = {
        row["name"]: key
        for run in cases.values()
        for key, row in by_machine(run.truth, run.document["servers"]).items()
    }
    assert ({names[name] for name in found["servers_added"]}, {names[name] for name in found["servers_gone"]}) == (
        new,
        gone,
    )
    assert (new, gone) == ({"brand-new-nas"}, {"ip-cam-rec"})
    opened, ended = difference.changes()
    assert {(row["host"], row["change_id"]) for row in found["changes_opened"]} == opened
    assert {(row["host"], row["change_id"]) for row in found["changes_ended"]} == ended
    for point, truth in zip(case.document["history"], (before, case.truth), strict=True):
        summary = truth.summary()
        assert {name: number for name, number in point.items() if name != "generated_at"} == {
            name: summary[name] for name in point if name != "generated_at"
        }


# CSV


def _tables(document: Mapping[str, Any]) -> dict[str, Rows]:
    texts = {name: "".join(pieces).removeprefix("\ufeff") for name, pieces in csv_files(document).items()}
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}


def test_csv(case: Case) -> None:
    truth, tables = case.truth, _tables(case.document)
    summary = truth.summary()
    assert Counter(row["guest_state"] for row in tables["hosts"]) == Counter(map(truth.guest, truth.said))
    failing = {
        view: {host for (host, _control), found in truth.findings.items() if found[number] == "fail"}
        for number, view in enumerate(("failing_in_force", "failing_scanner"))
    }
    for view, hosts in failing.items():
        assert {row["host"] for row in tables["hosts"] if row[view] not in ("", "0")} == hosts
    for door in ("smb1_client", "smb1_server", "guest_account", "force_guest"):
        assert sum(row[door] in ("open", "idle") for row in tables["hosts"]) == summary[f"open_{door}"]
    assert len(tables["settings"]) == sum(len(its["settings"]) for its in truth.read.values())
    found = by_machine(truth, [row | {"name": row["server"]} for row in tables["servers"]])
    for key, true in truth.servers.items():
        assert [
            int(found[key][name]) for name in ("clients", "guest_clients", "possible_clients", "connected_clients")
        ] == [len(true[how]) for how in ("all", "guest", "possible", "connected")]
        assert int(found[key]["logons_allowed"]) == true["logons"]
        assert [int(found[key][kind]) for kind in EVENT_KINDS] == [true["counts"][kind] for kind in EVENT_KINDS]
    assert len(tables["clients"]) == sum(len(row["all"]) for row in truth.servers.values())
    assert len(tables["changes"]) == summary["open_changes"]
    assert sum(row["overdue"] == "true" for row in tables["changes"]) == summary["overdue_changes"]
    assert len(tables["drift"]) == len(truth.drift)
    assert {
        (row["host"], row["topic"]): (row["in_force"], row["scanner"]) for row in tables["findings"]
    } == truth.findings
    for row in tables["compliance"]:
        _check_control(truth, row["product"], row["topic"], lambda view, word, row=row: row[f"{view}_{word}"])
    unread = [row for row in tables["not_read"] if row["part"] == "all"]
    assert len(unread) == summary["not_read"]
    assert len(tables["not_read"]) - len(unread) == sum(truth.blind.values())
    assert sum(row["valid"] == "true" for row in tables["exceptions"]) == summary["exceptions"]
    logs = [row for its in truth.read.values() for row in its["events"]["channels"] if row["available"]]
    assert Counter(row["log_begins"] for row in tables["event_logs"]) == Counter(
        row.get("log_begins") or "" for row in logs
    )
    inbound = [row for its in truth.read.values() for row in its["clients"]]
    assert len(tables["inbound"]) == len(inbound)
    differing = {(host, name) for name in BASELINE for host in truth.sets[f"base:{name}:differ"]}
    assert {(row["host"], row["setting"]) for row in tables["baseline"]} == differing


def _check_control(truth: Truth, product: str, topic: str, number_of: Callable[[str, str], str]) -> None:
    members = [host for host in truth.read if truth.product(host) == product]
    if (members[0], topic) not in truth.findings:  # a control that is not read
        assert {number_of(view, word) for view in ("in_force", "scanner") for word in ("pass", "fail")} == {"0"}
        return
    for number, view in enumerate(("in_force", "scanner")):
        true = Counter(truth.findings[host, topic][number] for host in members)
        assert {word: int(number_of(view, word)) for word in ("pass", "fail", "unknown", "unsupported")} == {
            word: true[word] for word in ("pass", "fail", "unknown", "unsupported")
        }, (product, topic, view)


# Exports


def test_sarif(case: Case) -> None:
    truth = case.truth
    (run,) = json.loads(as_sarif(case.document))["runs"]
    found = Counter((row["ruleId"], row["level"], "suppressions" in row) for row in run["results"])
    true = Counter(
        (control, "error" if in_force == "fail" else "warning", truth.accepted(host, control))
        for (host, control), (in_force, scanner) in truth.findings.items()
        if "fail" in (in_force, scanner)
    )
    true[("drift", "warning", False)] = len(truth.drift)
    assert found == true
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == len(truth.said) - len(truth.read)


def test_json_lines(case: Case) -> None:
    truth = case.truth
    rows = [json.loads(line) for line in json_lines(case.document)]
    kinds = Counter(row["kind"] for row in rows if row["kind"] != "blind_spot")
    assert kinds["host"] == len(truth.said)
    assert Counter(row["guest"]["state"] for row in rows if "guest" in row and "doors" in row) == Counter(
        map(truth.guest, truth.said)
    )
    assert {
        (row["host"], row["topic"]): (row["in_force"], row["scanner"]) for row in rows if "topic" in row
    } == truth.findings
    assert (kinds["server"], kinds["change"], kinds["drift"], kinds["exception"]) == (
        len(truth.servers), len(truth.changes), len(truth.drift), len(truth.exceptions),
    )  # fmt: skip
