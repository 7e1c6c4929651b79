# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page's script needs to show one host, as compact as thousands of them demand. Pure.

`hostOf` of report.js reads it. The page of a fleet of more than MOST_HOSTS holds only the cells of each host's row. The
rest is in host files beside the page, of HOSTS_OF_A_FILE hosts each, which the page loads when a host is opened.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..tables.benchmarks import benchmarks_of
from ..tables.compliance import TOPICS
from ..tables.settings import SETTINGS
from .facets import STATE_LABELS, STATUS_LABELS, WINNER_LABELS, Facets
from .wording import day, minute, word

Row = Mapping[str, Any]

MOST_HOSTS = 10_000
"""Of a page that is one file."""
HOSTS_OF_A_FILE = 1_000
HOST_FILES = "report_hosts"
"""The folder of the host files, beside the page. report.js names it, too."""

SETTING_LABELS: Mapping[str, str] = {name: name.replace("_", " ").capitalize() for name in SETTINGS}
VALUES = {True: "1", False: "0", None: "-"}
LAYERS = ("effective", "running", "policy", "mdm", "local", "os_default")
FINDINGS = {"pass": "p", "fail": "f", "unknown": "u", "unsupported": "n"}


class _Texts:
    """Texts of which many hosts have the same: each is sent once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._index: dict[str, int] = {}

    def number(self, text: str | None) -> int:
        if not text:
            return -1
        if text not in self._index:
            self._index[text] = len(self.texts)
            self.texts.append(text)
        return self._index[text]

    def numbers(self, texts: Sequence[str]) -> list[int]:
        return [self.number(text) for text in texts]


def host_files(document: Row) -> dict[str, str]:
    """The host files of a large fleet, by path beside the page; none where the page is one file.

    The name of a file holds the beginning of the SHA-256 of its data. So no page takes a file of another report for its
    own. Each is a script, since a browser loads nothing else beside a page that was opened as a file.
    """
    if len(document["hosts"]) <= MOST_HOSTS:
        return {}
    products, changes = _products(document["hosts"]), _changes_by_host(document)
    files: dict[str, str] = {}
    for start in range(0, len(document["hosts"]), HOSTS_OF_A_FILE):
        texts = _Texts()
        rows = document["hosts"][start : start + HOSTS_OF_A_FILE]
        details = [_host(row, changes.get(row["name"], ()), products.get(row["product"], ()), texts) for row in rows]
        data = json.dumps({"hosts": details, "texts": texts.texts}, separators=(",", ":"))
        digest = hashlib.sha256(data.encode()).hexdigest()
        name = f"hosts-{start // HOSTS_OF_A_FILE + 1:04d}-{digest[:32]}"
        files[f"{HOST_FILES}/{name}.js"] = f"reportHosts({json.dumps(name)}, {json.dumps(data)});\n"
    return files


def page_data(document: Row, facets: Facets, files: Iterable[str] = ()) -> dict[str, Any]:
    """`{facets, winners, settings, products, hosts, texts}`; a host has the members that `_host` lists.

    With files, which `host_files` names: `{..., states, files, hosts_of_a_file}`, a host has the members that `_cells`
    lists, and a facet holds its hosts as the gaps between their numbers.
    """
    texts = _Texts()
    products, changes = _products(document["hosts"]), _changes_by_host(document)
    data: dict[str, Any] = {
        "facets": facets.as_data(),
        "winners": list(WINNER_LABELS.values()),
        "settings": [
            {"label": SETTING_LABELS[name], "true": _spaced(row.words.true), "false": _spaced(row.words.false)}
            for name, row in SETTINGS.items()
        ],
        "products": {product: [_control(product, topic) for topic in topics] for product, topics in products.items()},
    }
    if not files:
        hosts = [
            _host(row, changes.get(row["name"], ()), products.get(row["product"], ()), texts)
            for row in document["hosts"]
        ]
        return data | {"hosts": hosts, "texts": texts.texts}
    return data | {
        "facets": {key: [label, _gaps(hosts)] for key, (label, hosts) in data["facets"].items()},
        "hosts": [_cells(row, texts) for row in document["hosts"]],
        "texts": texts.texts,
        "states": list(STATE_LABELS.items()),
        "files": list(files),
        "hosts_of_a_file": HOSTS_OF_A_FILE,
    }


def _products(hosts: Iterable[Row]) -> dict[str, list[str]]:
    """The topics on which the hosts of each product are judged."""
    return {
        row["product"]: [topic for topic in TOPICS if topic in row["compliance"]]
        for row in hosts
        if row["product"] and row["compliance"]
    }


def _changes_by_host(document: Row) -> dict[str, list[Row]]:
    changes: dict[str, list[Row]] = {}
    for change in document["changes"]:
        changes.setdefault(change["host"], []).append(change)
    return changes


def _gaps(numbers: Sequence[int]) -> str:
    """Ascending numbers as the differences between neighbours, the first from -1; a third of their size as JSON."""
    return ",".join(str(number - before) for before, number in pairwise([-1, *numbers]))


def _cells(row: Row, texts: _Texts) -> list[Any]:
    """The cells of the host's row: [name, Windows, state, decided by, its name, client signing, server signing, drift,
    open changes, guest at, fails in force, fails a scan].

    Windows and the words of the next ones as numbers of texts, the state as its number in STATE_LABELS.
    """
    states = list(STATE_LABELS)
    if row["status"] != "read":
        status = texts.number(STATUS_LABELS[row["status"]])
        return [row["name"], -1, states.index("not_read"), status, -1, -1, -1, 0, 0, 0, 0, 0]
    decided = row["guest"]["decided_by"]
    winner = decided["winner"]
    return [
        row["name"],
        texts.number(row["windows"]),
        states.index(row["guest"]["state"]),
        texts.number(WINNER_LABELS.get(winner or "unknown", winner)),
        texts.number(decided["name"]),
        *(texts.number(_runs(row["settings"].get(name), name)) for name in ("client_signing", "server_signing")),
        *(len(row[member]) for member in ("drift", "open_changes", "servers")),
        *(sum(found[view] == "fail" for found in row["compliance"].values()) for view in ("in_force", "scanner")),
    ]


def _runs(state: Row | None, name: str) -> str:
    if state is None:
        return ""
    return word(state["effective"] if state["running"] is None else state["running"], name)


def _spaced(word: str) -> str:
    return word.replace("_", " ")


def _control(product: str, topic: str) -> list[str]:
    """Its title, and its id in the newest version of each framework."""
    ids: dict[str, str] = {}
    for row in benchmarks_of(product):
        for control in row.controls:
            if control.topic == topic:
                ids.setdefault(row.framework, f"{row.framework} {row.versions[0]} {control.control_id}")
    return [TOPICS[topic].title, ", ".join(ids.values())]


def _host(row: Row, changes: Sequence[Row], topics: Sequence[str], texts: _Texts) -> list[Any]:
    """[advice, settings, policy names, locations, findings, product, servers, problems, system, changes, logs].

    settings: eight signs each, see `_setting`. policy names, locations: pairs of a setting's number and a text's.
    """
    states = [row["settings"].get(name) for name in SETTINGS]
    known = [(number, state) for number, state in enumerate(states) if state]
    system = (row["os"]["build"], row["os"]["edition_id"], row["os"]["domain"])
    return [
        texts.number(row["guest"]["advice"]),
        " ".join(_setting(state) for state in states) if known else "",
        [[number, texts.number(state["policy_source"]["name"])] for number, state in known if state["policy_source"]],
        [[number, texts.number(state["location"])] for number, state in known if state["location"]],
        " ".join(_finding(row["compliance"][topic]) for topic in topics),
        texts.number(row["product"]),
        texts.numbers(row["servers"]),
        texts.numbers(_problems(row)),
        texts.number(" ".join(str(part) for part in system if part)),
        texts.numbers([_change(change) for change in changes]),
        texts.numbers([_log(channel, row["events"]) for channel in row["events"]["coverage"]]),
    ]


def _setting(state: Row | None) -> str:
    """A sign for each of LAYERS, the number of the winner, and whether it drifts; nothing where it was not read."""
    if state is None:
        return ""
    winners = list(WINNER_LABELS)
    winner = winners.index(state["winner"] or "unknown")
    return "".join(VALUES.get(state[layer], "-") for layer in LAYERS) + f"{winner}{int(bool(state['drift']))}"


def _finding(found: Row) -> str:
    return f"{FINDINGS[found['in_force']]}{FINDINGS[found['scanner']]}{int(found['accepted'])}"


def _change(change: Row) -> str:
    end = change["expires_at"] or "never"
    return f"{change['change_id']}: {change['reason'] or 'no reason given'}; ends {end}; {change['status']}"


def _log(channel: Row, events: Row) -> str:
    """What was read of one event log, and how far back the log reaches."""
    read = f"{channel['events'] or 0} events read since {day(events['since']) or 'an unknown time'}"
    begins = {True: "the log holds no record", False: f"the log begins {minute(channel['log_begins'])}"}
    reach = begins.get(channel["log_is_empty"], "where the log begins is not known")
    off = "; disabled" if channel["enabled"] is False else ""
    return f"{channel['name']}: {read}; {reach}{off}"


def _problems(row: Row) -> list[str]:
    problems = [row["message"]] if row["message"] else []
    problems += [f"{problem['part']}: {problem['message']}" for problem in row["problems"]]
    problems += [f"The channel {name} is not available." for name in row["events"]["unavailable_channels"]]
    problems += [door["reason"] for door in row["doors"].values() if door["state"] == "unknown"]
    return problems + ["There are more events than were read."] * row["events"]["truncated"]
