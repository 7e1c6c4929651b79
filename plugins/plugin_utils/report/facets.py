# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts behind every number of the page: each number is the size of one of these sets, so none disagrees. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..tables.compliance import TOPICS
from .compliance import VIEWS
from .differences import difference_key, difference_label

Row = Mapping[str, Any]

STATE_LABELS: Mapping[str, str] = {
    "allowed": "Allowed",
    "held_back": "Allowed, but fail for signing or encryption",
    "blocked": "Blocked",
    "unknown": "Not known",
    "not_read": "Not read",
}
STATUS_LABELS = {"read": "Read", "unreachable": "Unreachable", "failed": "Failed", "not_asked": "Not asked"}
WINNER_LABELS: Mapping[str, str] = {
    "policy": "Group Policy",
    "mdm": "MDM (Intune)",
    "local": "Local value",
    "os_default": "Windows default",
    "unsupported": "Not supported",
    "unknown": "Not known",
}
DOOR_LABELS: Mapping[str, str] = {
    "smb1_client": "SMB1 client (outbound, whatever the setting is)",
    "smb1_server": "SMB1 server (inbound)",
    "guest_account": "Guest account (inbound)",
    "force_guest": "ForceGuest (inbound)",
}
NO_WINDOWS = "Windows not known"
VIEW_LABELS = {"in_force": "in force", "scanner": "as a scanner reads"}
FINDING_LABELS = {"pass": "passes", "fail": "fails", "unknown": "not known", "unsupported": "not supported"}


class Facets:
    """Sets of hosts of a document, by key. The key is what a link of the page carries: `#hosts?f=KEY`."""

    def __init__(self, document: Row) -> None:
        self._names = [row["name"] for row in document["hosts"]]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._sets: dict[str, tuple[str, list[int]]] = {}
        self._of_hosts(document["hosts"])
        self._of_servers(document["servers"])
        self._of_lists(document)
        self._of_baseline(document["baseline"])
        self._of_comparison(document["comparison"])

    def add(self, key: str, label: str, hosts: Iterable[str]) -> None:
        """A set of hosts; names that are not of the document are left out, repeated ones count once."""
        found = sorted({self._index[name] for name in hosts if name in self._index})
        self._sets[key] = (label, found)

    def size(self, key: str) -> int:
        return len(self._sets[key][1]) if key in self._sets else 0

    def label(self, key: str) -> str:
        return self._sets[key][0]

    def as_data(self) -> dict[str, Any]:
        """What the page's script gets: key to label and host numbers; empty sets need no link and are left out."""
        return {key: [label, hosts] for key, (label, hosts) in self._sets.items() if hosts}

    def _of_hosts(self, hosts: Iterable[Row]) -> None:
        members: dict[str, tuple[str, list[str]]] = {}
        for row in hosts:
            for key, label in (*_of_host(row), *_of_compliance(row)):
                members.setdefault(key, (label, []))[1].append(row["name"])
        for key, (label, names) in members.items():
            self.add(key, label, names)

    def _of_servers(self, servers: Iterable[Row]) -> None:
        everywhere: set[str] = set()
        for number, row in enumerate(servers):
            for how, words in (
                ("guest", "Guest clients of"),
                ("allowed", "Used insecure guest logons at"),
                ("refused", "Refused an insecure guest logon at"),
                ("connected", "Connected now to"),
                ("possible", "Possibly used insecure guest logons at"),
            ):
                self.add(f"srv:{number}:{how}", f"{words} {row['name']}", row[f"{how}_clients"])
            self.add(f"srv:{number}:all", f"Clients of {row['name']}", row["clients"])
            everywhere.update(row["guest_clients"] if row["guest"] else ())
        self.add("guests", "Clients of a guest server", everywhere)

    def _of_lists(self, document: Row) -> None:
        changes = document["changes"]
        self.add("open", "With an open change", (row["host"] for row in changes))
        self.add("overdue", "With a change past its end", (row["host"] for row in changes if row["overdue"]))
        endless = (row["host"] for row in changes if row["opens_guest"] and row["expires_at"] is None)
        self.add("endless", "Allowed insecure guest logons without an end", endless)
        for number, row in enumerate(document["blind_spots"]):
            self.add(f"blind:{number}", row["text"], row["hosts"])
        for number, row in enumerate(document["exceptions"]):
            self.add(f"exc:{number}", f"Exception: {row['reason']}", row["hosts"])

    def _of_baseline(self, baseline: Row | None) -> None:
        rows = baseline["settings"] if baseline else ()
        for row in rows:
            for verdict in ("differ", "same", "unknown", "unsupported"):
                self.add(f"base:{row['setting']}:{verdict}", f"Baseline, {row['setting']}: {verdict}", row[verdict])
        self.add("base", "Differs from the baseline", (name for row in rows for name in row["differ"]))

    def _of_comparison(self, comparison: Row | None) -> None:
        if comparison is None:
            return
        self.add("new", "New since the earlier report", comparison["hosts_added"])
        for part in ("settings", "controls"):
            sets: dict[str, tuple[str, list[str]]] = {}
            for row in comparison[part]:
                label = f"Differs since the earlier report: {difference_label(part, row)}"
                sets.setdefault(difference_key(part, row), (label, []))[1].append(row["host"])
            for key, (label, names) in sets.items():
                self.add(key, label, names)
        moves: dict[tuple[str, str], list[str]] = {}
        for row in comparison["guest_state"]:
            moves.setdefault((row["from"], row["to"]), []).append(row["host"])
        for (was, now), names in moves.items():
            label = f"{STATE_LABELS.get(was, was)} before, now {STATE_LABELS.get(now, now)}"
            self.add(f"moved:{was}:{now}", label, names)


def _of_host(row: Row) -> Iterator[tuple[str, str]]:
    """Keys and labels of the sets that a host belongs to."""
    state = row["guest"]["state"]
    yield "all", "All hosts"
    yield f"state:{state}", STATE_LABELS[state]
    yield f"status:{row['status']}", STATUS_LABELS[row["status"]]
    if row["status"] == "read":
        by, by_label = decided_key(row["guest"]["decided_by"])
        windows = row["windows"] or NO_WINDOWS
        for key, label in ((f"by:{by}", f"Decided by {by_label}"), (f"os:{windows}", windows)):
            yield key, label
            yield f"{key}:{state}", f"{label}: {STATE_LABELS[state]}"
    for door, its in row["doors"].items():
        if its["state"] in ("open", "idle"):
            yield f"door:{door}", DOOR_LABELS[door]
    if row["problems"]:
        yield "partly", "Read in part"
    if row["drift"]:
        yield "drift", "Another value runs than is configured"


def _of_compliance(row: Row) -> Iterator[tuple[str, str]]:
    """The same for what benchmarks ask."""
    pairs = {(found["in_force"], found["scanner"]) for found in row["compliance"].values()}
    for number, view in enumerate(VIEWS):
        if any(pair[number] == "fail" for pair in pairs):
            yield f"failing:{view}", f"Fails a control {VIEW_LABELS[view]}"
    if ("pass", "fail") in pairs:
        yield "differs:safe", "Safe in force, but a scanner finds it"
    if ("fail", "pass") in pairs:
        yield "differs:open", "A scanner is content, but it is not in force"
    for topic, found in row["compliance"].items():
        key, label = f"ctl:{row['product']}:{topic}", f"{row['product']}, {TOPICS[topic].title}"
        for view in VIEWS:
            yield f"{key}:{view}:{found[view]}", f"{label}: {FINDING_LABELS[found[view]]} {VIEW_LABELS[view]}"
        if found["accepted"] and "fail" in (found["in_force"], found["scanner"]):
            yield f"{key}:accepted", f"{label}: accepted"


def decided_key(decided: Row) -> tuple[str, str]:
    """Key and words for what decides: the GPO by name where it is known."""
    winner = str(decided["winner"] or "unknown")
    words = WINNER_LABELS.get(winner, winner)
    return (f"{winner}:{decided['name']}", f"{words}: {decided['name']}") if decided["name"] else (winner, words)
