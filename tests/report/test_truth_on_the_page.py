# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every number of the page in a real Chromium equals the truth, in two runs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from ansible_collections.winops.smb_guest.tests.report.conftest import Opened
from ansible_collections.winops.smb_guest.tests.report.known_fleet import (
    BASELINE,
)
from ansible_collections.winops.smb_guest.tests.report.truth import DOOR_CONTROLS
from ansible_collections.winops.smb_guest.tests.report.truth_cases import Case, by_machine


def _true_set(case: Case, key: str) -> set[str]:
    """The hosts behind a number of the page, by the key of its link."""
    truth, (kind, *rest) = case.truth, key.split(":")
    if kind == "srv":
        row = case.document["servers"][int(rest[0])]
        hosts: set[str] = next(iter(truth.servers[key_] for key_ in by_machine(truth, [row])))[rest[1]]
        return hosts
    if kind == "exc":
        row = case.document["exceptions"][int(rest[0])]
        return next(its["hosts"] for its in truth.exceptions if _same_exception(its, row))
    if kind == "blind":
        return set(case.document["blind_spots"][int(rest[0])]["hosts"])  # compared with the truth above
    if kind in ("new", "diff", "moved"):
        return _true_difference(case, kind, rest)
    return truth.sets[key]


def _same_exception(true: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return (true["source"], true["reason"]) == (row["source"], row["reason"]) and (
        true["source"] == "file" or true["hosts"] == {row["host"]}
    )


def _true_difference(case: Case, kind: str, rest: list[str]) -> set[str]:
    difference = case.difference
    assert difference is not None
    if kind == "new":
        return set(case.truth.said) - set(difference.both)
    if kind == "moved":
        return {host for host, pair in difference.moved().items() if list(pair) == rest}
    rows = difference.settings() if rest[0] == "settings" else difference.controls()
    return {row[0] for row in rows if [str(value) for value in row[1:]] == rest[1:]}


def _check_numbers_that_lead_to_hosts(opened: Opened, case: Case) -> None:
    """Each link with a number, and each set of hosts that the page holds."""
    links = opened.page.evaluate(
        """[...document.querySelectorAll('a.n[href^="#hosts?f="]')].map(
          link => [link.getAttribute("href"), link.innerText])"""
    )
    numbers = {unquote(href.partition("f=")[2]): int(text) for href, text in links if text.strip().isdigit()}
    assert len(numbers) > 150
    for key, number in numbers.items():
        assert number == len(_true_set(case, key)), key
    names = [row["name"] for row in case.document["hosts"]]
    data = json.loads(opened.page.locator("#data").text_content() or "")
    for key, (_label, hosts) in data["facets"].items():
        assert {names[number] for number in hosts} == _true_set(case, key), key
    # Whatever is true and has hosts is on the page.
    assert {key for key, hosts in case.truth.sets.items() if hosts} <= set(data["facets"])


def _cells(opened: Opened, table: str) -> list[list[str]]:
    rows: list[list[str]] = opened.page.locator(f"#{table} tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
    return rows


def _texts(opened: Opened, selector: str) -> list[str]:
    return [" ".join(text.split()) for text in opened.page.locator(selector).all_text_contents()]


def _check_tiles(opened: Opened, case: Case) -> None:
    summary = case.truth.summary()
    states = ("allowed", "held_back", "blocked", "unknown", "not_read")
    assert _texts(opened, ".hero .legend .big") == [str(summary[state]) for state in states]
    assert f"allowed on {summary['allowed']} of the {summary['read']} hosts" in opened.page.inner_text(".headline")
    tiles = ("guest_servers", "open_changes", "failing_in_force", "failing_scanner")
    assert _texts(opened, ".tile .big") == [str(summary[name]) for name in tiles]
    guests, changes, *judged = _texts(opened, ".tile .sub")
    assert guests == f"used by {summary['guest_clients']} hosts"
    words = f"{summary['overdue_changes']} past the end"
    endless = f"{summary['endless_changes']} allow insecure guest logons without an end"
    assert changes == (words if summary["overdue_changes"] else endless)
    assert judged == [f"of {summary['judged']} judged"] * 2
    sections = dict(re.findall(r"([A-Z][a-z ]+) (\d+)", " ".join(_texts(opened, "nav.sections li"))))
    assert {name: int(number) for name, number in sections.items()} == {
        "Guest servers": summary["guest_servers"],
        "Open changes": summary["open_changes"],
        "Drift": summary["drift"],
        "Exceptions": summary["exceptions"],
        "Not read": summary["not_read"] + len(case.truth.blind),
        "Baseline": summary["differ_from_baseline"],
    }


def _check_attention(opened: Opened, case: Case) -> None:
    summary, sets = case.truth.summary(), case.truth.sets
    said = [re.match(r"(\d+) (.*?)(?:on (\d+) hosts?)?$", text) for text in _texts(opened, ".attention li")]
    numbers = {match[2].strip(): int(match[1]) for match in said if match}
    true = {
        "insecure guest logons (SMB2/SMB3)": summary["allowed"],
        "end and still open": summary["overdue_changes"],
        "insecure guest logons without an end": summary["endless_changes"],
        "tried, as a guest": summary["guest_servers"],
        "fail only for required signing": summary["held_back"],
        "than": summary["drift"],
        "from the baseline": summary["differ_from_baseline"],
        " ended": summary["expired_exceptions"],
        "within 30 days": summary["exceptions_ends_soon"],
        " no host and no server": summary["exceptions_without_match"],
        "nobody who approved": summary["exceptions_without_approver"],
        " no end": summary["exceptions_without_end"],
        "an SMB1 client": summary["open_smb1_client"],
        "an SMB1 server": summary["open_smb1_server"],
        "the Guest account enabled": summary["open_guest_account"],
        "inbound logons to Guest": summary["open_force_guest"],
        "unreachable": summary["unreachable"],
        "could not be read": summary["failed"],
        "read in part": summary["partly_read"],
        "safe in force": len(sets["differs:safe"]),
        "a scan of": len(sets["differs:open"]),
    }
    for words, number in true.items():
        assert [found for text, found in numbers.items() if words in text] == ([number] if number else []), words
    assert len(numbers) == sum(1 for number in true.values() if number)


def _check_logons_by_day(opened: Opened, case: Case) -> None:
    now = case.truth.now.date()
    days: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for server in case.truth.servers.values():
        for day, its in server["days"].items():
            age = (now - type(now).fromisoformat(day)).days
            if 0 <= age < 30:
                sums.update({how: its[how] for how in ("allowed", "refused")})
                days[day] += its["allowed"] + its["refused"]
    legend = " ".join(_texts(opened, ".card .legend.small"))
    assert f"{sums['allowed']} allowed" in legend
    assert f"{sums['refused']} refused" in legend
    assert f"most in a day: {max(days.values())}" in legend


def _check_tables(opened: Opened, case: Case) -> None:
    truth, summary = case.truth, case.truth.summary()
    for row in _cells(opened, "door-table"):
        door = {"SMB1 client": "smb1_client", "SMB1 server": "smb1_server", "Guest": "guest_account"}
        name = next((name for words, name in door.items() if row[0].startswith(words)), "force_guest")
        states = Counter(its["doors"][name]["state"] for its in truth.read.values())
        not_read = len(truth.said) - len(truth.read)
        true = [states["open"] + states["idle"], states["closed"], states["unknown"], states["not_asked"] + not_read]
        assert list(map(int, row[1:])) == true, name
    for table, prefix in (("deciders", "by"), ("systems", "os")):
        assert sum(int(row[1]) for row in _cells(opened, table)) == summary["read"]
        for number, state in enumerate(("allowed", "held_back", "blocked", "unknown"), 2):
            assert sum(int(row[number]) for row in _cells(opened, table)) == summary[state], (prefix, state)
    assert len(_cells(opened, "change-table")) == summary["open_changes"]
    assert len(_cells(opened, "drift-table")) == len(truth.drift)
    assert len(_cells(opened, "unread-table")) == summary["not_read"]
    assert len(_cells(opened, "exception-table")) == len(truth.exceptions)
    assert sorted(int(row[-1]) for row in _cells(opened, "blind-table")) == sorted(truth.blind.values())
    for row, setting in zip(_cells(opened, "baseline-table"), BASELINE, strict=True):
        true = [len(truth.sets[f"base:{setting}:{word}"]) for word in ("differ", "same", "unknown", "unsupported")]
        assert list(map(int, row[2:])) == true, setting
    inbound = {client["name"]: client["counts"] for its in truth.read.values() for client in its["clients"]}
    assert {row[1]: row[2:5] for row in _cells(opened, "inbound-table")} == {
        name: [str(counts["guest_audited"]), str(counts["without_signing"] or ""), ""]
        for name, counts in inbound.items()
    }


def _check_servers(opened: Opened, case: Case) -> None:
    truth = case.truth
    numbers: dict[str, list[str]] = {}
    for table, columns in (("server-table", slice(1, 6)), ("other-servers", slice(1, 2))):
        for row in _cells(opened, table):
            name = row[0].split(" ")[0].split("also")[0].strip()
            key = "" if row[0].startswith("not named") else truth._machine(name)
            numbers[key] = row[columns]
    for key, shown in numbers.items():
        row = truth.servers[key]
        guest = [len(row[how]) for how in ("guest", "allowed", "refused", "possible", "connected")]
        assert list(map(int, shown)) == (guest if len(shown) > 1 else [len(row["all"])]), key
    assert set(numbers) == set(truth.servers)


def _check_compliance(opened: Opened, case: Case) -> None:
    truth = case.truth
    titles = {row["title"]: row["topic"] for table in case.document["compliance"] for row in table["controls"]}
    products = [re.sub(r" \d+ hosts?$", "", text) for text in _texts(opened, "#compliance h3")]
    assert set(products) == set(map(truth.product, truth.read))
    for number, product in enumerate(products, 1):
        members = [host for host in truth.read if truth.product(host) == product]
        rows = _cells(opened, f"compliance-{number}")
        assert len(rows) == len({control for host, control in truth.findings if host == members[0]})
        for row in rows:
            topic = titles[next(title for title in titles if row[0].startswith(title))]
            found = [truth.findings[host, topic] for host in members]
            true = [sum(pair[view] == word for pair in found) for view in (0, 1) for word in ("pass", "fail")]
            true.append(sum(truth.accepted(host, topic) and "fail" in truth.findings[host, topic] for host in members))
            assert list(map(int, row[-5:])) == true, (product, topic)
    assert set(DOOR_CONTROLS) <= set(titles.values())


def test_every_number_of_the_page(open_report: Callable[..., Opened], case: Case) -> None:
    opened = open_report(case.document)
    _check_tiles(opened, case)
    _check_attention(opened, case)
    _check_logons_by_day(opened, case)
    _check_tables(opened, case)
    _check_servers(opened, case)
    _check_compliance(opened, case)
    _check_numbers_that_lead_to_hosts(opened, case)
    assert opened.complaints == []


def test_since_last_time_on_the_page(open_report: Callable[..., Opened], cases: Mapping[str, Case]) -> None:
    case = cases["second"]
    opened, difference = open_report(case.document), case.difference
    assert difference is not None
    assert len(_cells(opened, "moved-table")) == len(difference.moved())
    for table, rows in (("settings", difference.settings()), ("controls", difference.controls())):
        true = Counter(tuple(map(str, row[1:])) for row in rows)
        assert sorted(int(row[-1]) for row in _cells(opened, f"changed-{table}")) == sorted(true.values())
    opened_changes, ended = difference.changes()
    new, gone = difference.guest_servers()
    true_counts = {
        "Hosts that are new": len(case.truth.said.keys() - set(difference.both)),
        "Hosts that are gone": len(case.truth.said.keys() ^ cases["first"].truth.said.keys())
        - len(case.truth.said.keys() - set(difference.both)),
        "Guest servers that are new": len(new),
        "Guest servers that were not seen again": len(gone),
        "Changes opened": len(opened_changes),
        "Changes ended": len(ended),
    }
    shown = dict(re.match(r"(.*) (\d+)$", text).groups() for text in _texts(opened, "dl.since dt"))  # type: ignore[union-attr,misc]
    assert {name: int(number) for name, number in shown.items()} == {
        name: number for name, number in true_counts.items() if number
    }
    summary = case.truth.summary()
    course = " ".join(_texts(opened, ".card .legend.small"))
    for words, name in (("insecure guest logons allowed", "allowed"), ("held back", "held_back"),
                        ("guest servers", "guest_servers"), ("not read", "not_read")):  # fmt: skip
        assert f"{words}: {summary[name]}" in course
