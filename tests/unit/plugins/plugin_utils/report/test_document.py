# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The document: what hosts said, counted; nothing that a host says, or fails to say, ends the report of the others."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.baseline import Baseline
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.csv_tables import csv_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.exceptions import read_exceptions
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.facets import Facets
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.html import render
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.servers import KINDS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import EVENTS
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import (
    NOW,
    access,
    posture,
    results,
    server,
    stamp,
    state,
)

GUEST = "insecure_guest_logons"


def _posture(number: int = 0, **layers: Any) -> dict[str, Any]:
    """A host with one guest setting and nothing else to tell. number: of the Windows."""
    its = posture(number, Random(1))
    build = its["os"]["build"]
    its["settings"] = {name: state(name, False, build) for name in its["settings"]}
    its["settings"][GUEST] = state(GUEST, False, build, **layers)
    its["guest_access"] = access(its["settings"])
    return its | {"changes": [], "servers": [], "connections": []}


def _change(status: str = "applied", expires_at: str | None = None, reason: str = "NAS") -> dict[str, Any]:
    return {
        "change_id": "CHG1",
        "status": status,
        "reason": reason,
        "created_at": stamp(NOW),
        "expires_at": expires_at,
        "changes": [{"setting": GUEST, "scope": "local", "from": False, "to": True}],
    }


def test_the_states_of_hosts() -> None:
    signed = _posture(local=True)
    signed["settings"]["client_signing"] = state("client_signing", True, 26100)
    signed["guest_access"] = access(signed["settings"])
    silent = _posture() | {"settings": {}, "guest_access": {}}
    said: dict[str, Any] = {
        "allowed": {"posture": _posture(local=True)},
        "held_back": {"posture": signed},
        "blocked": {"posture": _posture()},
        "unknown": {"posture": silent},
        "unreachable": {"unreachable": True, "msg": "off"},
        "failed": {"failed": True, "msg": "denied"},
        "not_asked": {},
    }
    document = build_document(said, ReportTerms(NOW))
    states = {row["name"]: (row["status"], row["guest"]["state"]) for row in document["hosts"]}
    for name in ("allowed", "held_back", "blocked", "unknown"):
        assert states[name] == ("read", name)
    for name in ("unreachable", "failed", "not_asked"):
        assert states[name] == (name, "not_read")
        assert document["summary"][name] == 1
    assert {name: document["summary"][name] for name in ("hosts", "read", "not_read", "allowed")} == {
        "hosts": 7,
        "read": 4,
        "not_read": 3,
        "allowed": 1,
    }


def test_who_decides_is_named() -> None:
    document = build_document({"ws": {"posture": _posture(policy=True, gpo="Legacy NAS")}}, ReportTerms(NOW))
    decided = document["hosts"][0]["guest"]["decided_by"]
    assert (decided["winner"], decided["name"]) == ("policy", "Legacy NAS")
    assert decided["location"].endswith(r"Policies\Microsoft\Windows\LanmanWorkstation\AllowInsecureGuestAuth")


def test_guest_servers_by_number_of_clients_and_day() -> None:
    said = {}
    for number in range(5):
        its = _posture(local=True)
        rows = [server(name, True, Random(number)) for name in ["NAS-A", *["nas-b"] * (number < 2)]]
        for row in rows:
            row["counts"] = {"guest_allowed": 3, "guest_audited": 3, "guest_refused": number}
            row["days"] = [{"day": "2026-11-20", "counts": row["counts"]}]
        rows[0]["name"] = ("NAS-A", "nas-a")[number % 2]  # letter case means nothing
        its["servers"] = [*rows, {"name": "weak", "counts": {"without_signing": 2}}]
        said[f"ws-{number}"] = {"posture": its}
    document = build_document(said, ReportTerms(NOW))
    first, second, third = document["servers"]
    assert (first["name"], len(first["guest_clients"]), first["logons_allowed"], first["logons_refused"]) == (
        "NAS-A", 5, 15, 10,
    )  # fmt: skip
    assert first["days"] == [{"day": "2026-11-20", "clients": 5, "allowed": 15, "refused": 10}]
    assert (second["name"], len(second["guest_clients"])) == ("nas-b", 2)
    assert (third["name"], third["guest"], third["counts"]["without_signing"]) == ("weak", False, 10)
    assert document["summary"]["guest_servers"] == 2
    assert document["hosts"][0]["servers"] == ["NAS-A", "nas-b"]


@pytest.mark.parametrize(
    ("open_", "guest", "possible"), [(True, None, True), (False, None, False), (True, False, False)]
)
def test_a_possible_guest_is_unprotected_from_a_host_that_lets_guests_in(
    open_: bool, guest: bool | None, possible: bool
) -> None:
    its = _posture(2, local=open_)
    its["connections"] = [{"server": "nas", "share": "scan", "guest": guest, "unprotected": True}]
    (row,) = build_document({"ws": {"posture": its}}, ReportTerms(NOW))["servers"]
    assert row["possible_clients"] == (["ws"] if possible else [])
    assert row["guest"] is False


def test_open_changes_are_exceptions_until_they_end() -> None:
    later, earlier = stamp(NOW + timedelta(hours=8)), stamp(NOW - timedelta(hours=1))
    said = {
        "open": {"posture": _posture(local=True) | {"changes": [_change(expires_at=later)]}},
        "late": {"posture": _posture(local=True) | {"changes": [_change(expires_at=earlier)]}},
        "endless": {"posture": _posture(local=True) | {"changes": [_change()]}},
        "over": {"posture": _posture(local=True) | {"changes": [_change(status="reverted")]}},
        "mute": {"posture": _posture(local=True) | {"changes": [_change(reason="")]}},
    }
    document = build_document(said, ReportTerms(NOW))
    assert [row["host"] for row in document["changes"]] == ["late", "open", "endless", "mute"]
    summary = document["summary"]
    assert (summary["open_changes"], summary["overdue_changes"], summary["endless_changes"]) == (4, 1, 2)
    accepted = {row["name"]: row["compliance"]["insecure_guest_disabled"]["accepted"] for row in document["hosts"]}
    assert accepted == {"open": True, "late": False, "endless": True, "over": False, "mute": False}
    # An accepted finding is a finding.
    assert {row["compliance"]["insecure_guest_disabled"]["in_force"] for row in document["hosts"]} == {"fail"}
    assert {row["host"]: row["valid"] for row in document["exceptions"]} == {
        "open": True,
        "late": False,
        "endless": True,
    }


def test_exceptions_of_a_file() -> None:
    said = {name: {"posture": _posture(local=True)} for name in ("WS-scan-1", "ws-scan-2", "ws-1")}
    said["ws-1"]["posture"]["servers"] = [{"name": "nas-lab", "counts": {"guest_allowed": 1}}]
    accepted = read_exceptions(
        [
            {"host": "ws-scan-*", "control": "WN11-CC-000040", "reason": "guest only", "expires": "2026-11-25"},
            {"host": "ws-1", "control": "client_signing", "reason": "old", "expires": "2026-11-24"},
            {"server": "nas-*", "reason": "replaced in January"},
        ]
    )
    document = build_document(said, ReportTerms(NOW, exceptions=accepted))
    found = {row["name"]: row["compliance"] for row in document["hosts"]}
    assert found["WS-scan-1"]["insecure_guest_disabled"]["accepted"]  # the last day is not over
    assert not found["ws-scan-2"]["client_signing_always"]["accepted"]
    assert not any(row["accepted"] for row in found["ws-1"].values())
    assert document["servers"][0]["accepted"] == "replaced in January"
    assert [(row["valid"], row["hosts"]) for row in document["exceptions"]] == [
        (False, ["ws-1"]), (True, ["WS-scan-1", "ws-scan-2"]), (True, ["ws-1"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"reason": "x"}, "must name either a host or a server"),
        ({"reason": "x", "host": "a", "server": "b"}, "must name either a host or a server"),
        ({"host": "a", "reason": " "}, "says no reason"),
        ({"host": "a", "reason": "x", "control": "99.9"}, "is no id of a benchmark"),
        ({"host": "a", "reason": "x", "expires": "soon"}, "is no day such as"),
    ],
)
def test_wrong_exceptions_are_named_by_number(entry: dict[str, str], words: str) -> None:
    with pytest.raises(RequestError, match=f"Entry 2 of the exceptions.*{words}"):
        read_exceptions([{"host": "good", "reason": "x"}, entry])


def test_drift_says_both_values() -> None:
    its = _posture(policy=False, running=True, gpo="Baseline")
    (row,) = build_document({"ws": {"posture": its}}, ReportTerms(NOW))["drift"]
    assert (row["configured"], row["running"], row["decided_by"]["name"]) == ("blocked", "allowed", "Baseline")


def test_comparison_and_history() -> None:
    change = {"changes": [_change()]}
    before = build_document(
        {
            "opens": {"posture": _posture()},
            "gone": {"posture": _posture()},
            "ends": {"posture": _posture(local=True) | change},
            "silent": {"posture": _posture(local=True) | change},
        },
        ReportTerms(NOW - timedelta(days=1)),
    )
    its = _posture(local=True)
    its["servers"] = [{"name": "nas", "counts": {"guest_allowed": 1}}]
    after = build_document(
        {
            "opens": {"posture": its},
            "new": {"posture": _posture() | change},
            "ends": {"posture": _posture(local=True)},
            "silent": {"unreachable": True},
        },
        ReportTerms(NOW, previous=json.loads(json.dumps(before))),
    )
    assert after["comparison"] == {
        "previous": before["generated_at"],
        "hosts_added": ["new"],
        "hosts_gone": ["gone"],
        "guest_state": [
            {"host": "opens", "from": "blocked", "to": "allowed"},
            {"host": "silent", "from": "allowed", "to": "not_read"},
        ],
        "settings": [
            {"host": "opens", "name": GUEST, "member": member, "from": was, "to": now}
            for member, was, now in (
                ("effective", False, True),
                ("running", False, True),
                ("winner", "os_default", "local"),
            )
        ],
        "controls": [
            {"host": "opens", "name": "insecure_guest_disabled", "member": "in_force", "from": "pass", "to": "fail"},
        ],
        "servers_added": ["nas"],
        "servers_gone": [],
        "changes_opened": [{"host": "new", "change_id": "CHG1"}],
        "changes_ended": [{"host": "ends", "change_id": "CHG1"}],  # of "silent" nothing is known
    }
    assert [point["allowed"] for point in after["history"]] == [2, 2]
    assert render(after)


@pytest.mark.parametrize("previous", [{}, {"schema_version": 1}, {"schema_version": 3, "hosts": 7, "history": [1, {}]}])
def test_an_earlier_document_of_another_shape_harms_nothing(previous: dict[str, Any]) -> None:
    document = build_document(dict(results(3)), ReportTerms(NOW, previous=previous))
    assert len(document["history"]) == 1
    assert render(document)


def test_every_number_is_the_size_of_its_set() -> None:
    document = build_document(dict(results(150)), ReportTerms(NOW))
    facets, summary = Facets(document), document["summary"]
    for state_name in ("allowed", "held_back", "blocked", "unknown", "not_read"):
        assert facets.size(f"state:{state_name}") == summary[state_name]
    assert facets.size("failing:in_force") == summary["failing_in_force"]
    assert facets.size("failing:scanner") == summary["failing_scanner"]
    assert facets.size("drift") == summary["drift"]
    assert facets.size("guests") == summary["guest_clients"]
    assert facets.size("all") == summary["hosts"] == 150
    for table in document["compliance"]:
        for control in table["controls"]:
            for view in ("in_force", "scanner"):
                for finding, number in control[view].items():
                    key = f"ctl:{table['product']}:{control['topic']}:{view}:{finding}"
                    assert facets.size(key) == number, key


def test_the_kinds_of_events_are_those_of_the_table() -> None:
    assert set(KINDS) <= {event.kind for event in EVENTS.values()}


def _names(value: Any) -> set[str]:
    """The name of every member in what a host can say."""
    if isinstance(value, dict):
        return set(value) | set().union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()


_MEMBERS = (
    "os", "settings", "guest_access", "changes", "servers", "clients", "connections", "events", "problems",
)  # fmt: skip
_SAID = _names([result for _name, result in results(40)])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(_SAID)), inner, max_size=5),
    max_leaves=20,
)


@st.composite
def _mutilated(draw: st.DrawFn) -> dict[str, Any]:
    """A host as it should be, and something else in the place of one of its values."""
    whole = json.loads(json.dumps(posture(draw(st.integers(0, 20)), Random(draw(st.integers(0, 99))))))
    whole["changes"] = whole["changes"] or [_change()]
    whole["servers"] = whole["servers"] or [server("nas", True, Random(1))]
    place: Any = whole
    while True:
        key = draw(st.sampled_from(sorted(place))) if isinstance(place, dict) else draw(st.integers(0, len(place) - 1))
        deeper = place[key]
        if not deeper or not isinstance(deeper, dict | list) or draw(st.booleans()):
            place[key] = draw(_JSON)
            return whole
        place = deeper


@given(st.dictionaries(st.sampled_from(_MEMBERS), _JSON) | _mutilated(), st.text(max_size=20))
@settings(max_examples=150, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_whatever_a_host_says_the_others_get_their_report(said: dict[str, Any], name: str) -> None:
    document = build_document({name: {"posture": said}, "good-host": {"posture": _posture()}}, ReportTerms(NOW))
    json.dumps(document, allow_nan=False)
    assert "good-host" in render(document)
    assert all("".join(pieces) for pieces in csv_files(document).values())


def test_a_change_that_is_half_reverted_is_open() -> None:
    said = {"ws": {"posture": _posture(local=True) | {"changes": [_change(status="reverting")]}}}
    document = build_document(said, ReportTerms(NOW))
    assert document["summary"]["open_changes"] == 1
    again = build_document(said, ReportTerms(NOW, previous=json.loads(json.dumps(document))))
    assert again["comparison"]["changes_ended"] == []


def test_every_setting_drift_and_control_is_compared() -> None:
    before_it, after_it = _posture(), _posture()
    before_it["settings"]["client_signing"] = state("client_signing", False, 26100, local=True)
    after_it["settings"]["client_signing"] = state("client_signing", False, 26100, policy=False, running=True, gpo="B")
    before = build_document({"ws": {"posture": before_it}}, ReportTerms(NOW - timedelta(days=1)))
    after = build_document({"ws": {"posture": after_it}}, ReportTerms(NOW, previous=json.loads(json.dumps(before))))
    differences = {(row["name"], row["member"]): (row["from"], row["to"]) for row in after["comparison"]["settings"]}
    assert differences == {
        ("client_signing", "effective"): (True, False),
        ("client_signing", "winner"): ("local", "policy"),
        ("client_signing", "drift"): (False, True),
    }
    controls = {(row["name"], row["member"]): (row["from"], row["to"]) for row in after["comparison"]["controls"]}
    assert controls == {("client_signing_always", "scanner"): ("pass", "fail")}
    assert [point["failing_scanner"] for point in after["history"]] == [
        before["summary"]["failing_scanner"],
        after["summary"]["failing_scanner"],
    ]
    assert "Nothing changed." not in render(after)


def test_what_was_not_seen_is_a_line_of_its_own() -> None:
    its = _posture()
    its["events"] = {
        "asked_since": "2026-10-26T17:00:00Z",
        "since": "2026-11-20T08:00:00Z",
        "read": {"way": "wevtutil", "capped": ["max_pages"], "unreadable": 2, "omitted": 3, "undecodable": True},
        "channels": [
            {"name": "A/Security", "available": True, "enabled": False, "reason": ""},
            {"name": "B/Audit", "available": True, "enabled": True, "reason": "access is denied"},
            {"name": "C/Audit", "available": False, "enabled": None, "reason": "this Windows does not have it"},
            {"name": "D/Audit", "available": True, "log_begins": "2026-11-01T00:00:00+00:00", "log_is_empty": False},
            {"name": "E/Audit", "available": True, "log_begins": None, "log_is_empty": True},
            {"name": "F/Audit", "available": True, "log_begins": "2026-10-26T16:59:59.9Z", "log_is_empty": False},
        ],
    }
    its["problems"] = [{"part": "connections", "message": "denied"}]
    document = build_document({"ws": {"posture": its}, "ws2": {"posture": its}}, ReportTerms(NOW))
    assert {row["kind"] for row in document["blind_spots"]} == {
        "not_read", "channel_disabled", "channel_not_read", "no_channel", "capped", "since_later", "unreadable",
        "peers_omitted", "undecodable", "log_younger", "log_empty",
    }  # fmt: skip
    assert [row["text"][:1] for row in document["blind_spots"] if row["kind"] == "log_younger"] == ["D"]
    assert all(row["hosts"] == ["ws", "ws2"] for row in document["blind_spots"])
    page = render(document)
    assert all(row["text"].partition("(")[0] in page for row in document["blind_spots"])
    assert document["hosts"][0]["events"]["coverage"][0]["name"] == "A/Security"


def test_one_logon_that_writes_two_events_is_counted_once_everywhere() -> None:
    """Two hosts, two days: the largest of both events for each host, server and day; each total is their sum."""
    said = {}
    for host, days in {"a": [(2, 5), (4, 0)], "b": [(3, 3), (0, 2)]}.items():
        its = _posture(local=True)
        rows = [
            {"day": f"2026-11-2{number}", "counts": {"guest_allowed": one, "guest_audited": other}}
            for number, (one, other) in enumerate(days)
        ]
        counts = {
            "guest_allowed": sum(one for one, _other in days),
            "guest_audited": sum(other for _one, other in days),
        }
        its["servers"] = [{"name": "nas", "counts": counts, "days": rows}]
        said[host] = {"posture": its}
    (row,) = build_document(said, ReportTerms(NOW))["servers"]
    assert [its["allowed"] for its in row["days"]] == [5 + 3, 4 + 2]
    assert row["logons_allowed"] == 14


def test_every_probed_server_has_a_row_and_names_of_one_machine_are_one() -> None:
    its = _posture(local=True)
    its["servers"] = [
        {"name": name, "counts": {"guest_allowed": 1}} for name in ("NAS01", "nas01.corp.example.", "192.0.2.7", "fs")
    ]
    its["unnamed_server"] = {"name": "", "counts": {"guest_refused": 2}}
    own = {"netbios_name": "NAS01", "dns_name": "nas01.corp.example"}
    probes = [
        {"server": "192.0.2.7", "host": "192.0.2.7", "verdict": "guest_offered", "server_guid": "g", "identity": own},
        {"server": "lonely", "host": "lonely", "verdict": "accounts_only", "server_guid": "h", "identity": {}},
        # Claims a name that another machine's probe has: it does not take that row.
        {
            "server": "liar",
            "host": "liar",
            "verdict": "unknown",
            "server_guid": "i",
            "identity": {"netbios_name": "FS"},
        },
        {"server": "fs", "host": "fs", "verdict": "accounts_only", "server_guid": "j", "identity": {}},
    ]
    servers = build_document({"ws": {"posture": its}}, ReportTerms(NOW, probes=probes))["servers"]
    rows = {row["name"]: row for row in servers}
    assert set(rows) == {"NAS01", "lonely", "liar", "fs", "not named"}
    assert rows["NAS01"]["aliases"] == ["192.0.2.7", "nas01.corp.example."]
    assert (rows["NAS01"]["logons_allowed"], rows["NAS01"]["probe"]["verdict"]) == (3, "guest_offered")
    assert (rows["lonely"]["clients"], rows["lonely"]["probe"]["verdict"]) == ([], "accounts_only")
    assert (rows["not named"]["named"], rows["not named"]["logons_refused"]) == (False, 2)


def test_exceptions_raise_attention() -> None:
    said = {name: {"posture": _posture(local=True)} for name in ("ws-1", "ws-2")}
    accepted = read_exceptions(
        [
            {"host": "ws-1", "reason": "soon", "expires": "2026-12-10", "approved_by": "J. Doe"},
            {"host": "gone-*", "reason": "nobody", "expires": "2027-12-10", "approved_by": "J. Doe"},
            {"host": "ws-2", "reason": "loose"},
        ]
    )
    document = build_document(said, ReportTerms(NOW, exceptions=accepted))
    assert {row["reason"]: row["remarks"] for row in document["exceptions"]} == {
        "soon": ["ends_soon"],
        "nobody": ["without_match"],
        "loose": ["without_approver", "without_end"],
    }
    page = render(document)
    for words in ("ends within 30 days", "matches no host", "names nobody who approved it", "exception has no end"):
        assert words in page


def test_the_other_doors_are_counted_and_ask_for_attention() -> None:
    said = dict(results(100))
    document = build_document(said, ReportTerms(NOW))
    read = [result["posture"]["doors"] for result in said.values() if "posture" in result]
    for door in ("smb1_client", "smb1_server", "guest_account", "force_guest"):
        number = sum(doors[door]["state"] in ("open", "idle") for doors in read)
        assert document["summary"][f"open_{door}"] == number
        assert Facets(document).size(f"door:{door}") == number
    assert document["summary"]["open_smb1_client"] > 0
    assert "SMB1 client: it accepts guest logons" in render(document)
    unread = build_document({"ws": {}}, ReportTerms(NOW))["hosts"][0]["doors"]
    assert {door["state"] for door in unread.values()} == {"not_read"}


def test_a_baseline_is_compared_with_what_runs() -> None:
    hosts: dict[str, Any] = {
        "open": {"posture": _posture(local=True)},
        "closed": {"posture": _posture(local=False)},
        "drifts": {"posture": _posture(policy=False, running=True)},
        "silent": {"posture": {}},
        "off": {"unreachable": True, "msg": "no"},
    }
    contradictions = {"server_signing": {"a.reg": True, "b.reg": False}}
    baseline = Baseline("folder", {GUEST: False, "client_encryption": True}, contradictions)
    hosts["old"] = {"posture": _posture(number=1, local=False)}  # a build without client encryption
    document = build_document(hosts, ReportTerms(NOW, baseline=baseline))
    guest, encryption = document["baseline"]["settings"]
    assert (guest["wanted"], guest["other"]) == ("blocked", "allowed")
    assert guest["differ"] == ["drifts", "open"]
    assert (guest["same"], guest["unknown"]) == (["closed", "old"], ["silent"])
    assert encryption["unsupported"] == ["old"]
    assert encryption["differ"] == ["closed", "drifts", "open"]
    assert document["summary"]["differ_from_baseline"] == 3
    assert document["baseline"]["contradictions"] == [
        {"setting": "server_signing", "files": {"a.reg": "required", "b.reg": "not_required"}}
    ]
    table = "".join(csv_files(document)["baseline"]).splitlines()
    assert '"open","insecure_guest_logons","blocked","allowed"' in table
    assert len(table) == 1 + 5
    page = render(document)
    assert 'href="#hosts?f=base%3Ainsecure_guest_logons%3Adiffer"' in page
    assert "hosts differ from the baseline" in page


def test_without_a_baseline_there_is_no_part_of_it() -> None:
    document = build_document({"a": {"posture": _posture()}}, ReportTerms(NOW))
    assert (document["baseline"], document["summary"]["differ_from_baseline"]) == (None, 0)
    assert 'id="baseline"' not in render(document)
