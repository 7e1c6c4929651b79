# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page's script needs to show one host, as compact as 2,000 of them demand. Pure.

`hostOf` of report.js reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..tables.benchmarks import benchmarks_of
from ..tables.compliance import TOPICS
from ..tables.settings import SETTINGS
from .facets import WINNER_LABELS, Facets
from .wording import day, minute

Row = Mapping[str, Any]

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


def page_data(document: Row, facets: Facets) -> dict[str, Any]:
    """`{facets, winners, settings, products, hosts, texts}`; a host has the members that `_host` lists."""
    texts = _Texts()
    products = {
        row["product"]: [topic for topic in TOPICS if topic in row["compliance"]]
        for row in document["hosts"]
        if row["product"] and row["compliance"]
    }
    changes: dict[str, list[Row]] = {}
    for change in document["changes"]:
        changes.setdefault(change["host"], []).append(change)
    return {
        "facets": facets.as_data(),
        "winners": list(WINNER_LABELS.values()),
        "settings": [
            {"label": SETTING_LABELS[name], "true": _spaced(row.words.true), "false": _spaced(row.words.false)}
            for name, row in SETTINGS.items()
        ],
        "products": {product: [_control(product, topic) for topic in topics] for product, topics in products.items()},
        "hosts": [
            _host(row, changes.get(row["name"], ()), products.get(row["product"], ()), texts)
            for row in document["hosts"]
        ],
        "texts": texts.texts,
    }


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
