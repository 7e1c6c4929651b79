# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a document as CSV that a spreadsheet may open: no cell of it is ever a formula. Pure.

UTF-8 with a byte order mark, without which Excel reads other letters; every cell quoted.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..tables.settings import SETTINGS
from .servers import KINDS

Row = Mapping[str, Any]

_PIECE = 64 * 1024
# What spreadsheets take for the beginning of a formula; the wide forms in East Asian locales.
FORMULA = tuple("=+-@|%\t\r\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True)
class Table:
    """rows: from a document. columns: heading to what stands below it."""

    rows: Callable[[Row], Iterable[Row]]
    columns: Mapping[str, Callable[[Row], Any]]


def safe_cell(value: Any) -> str:
    """The text of a cell. What could begin a formula is led by an apostrophe: spreadsheets then take it for text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def csv_files(document: Row) -> dict[str, Iterator[str]]:
    """The text of each table in pieces, by its name."""
    return {name: _csv(table, document) for name, table in TABLES.items()}


def _csv(table: Table, document: Row) -> Iterator[str]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    text.write("\ufeff")
    writer.writerow(table.columns)
    for row in table.rows(document):
        writer.writerow([safe_cell(get(row)) for get in table.columns.values()])
        if text.tell() > _PIECE:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _member(*path: str) -> Callable[[Row], Any]:
    """Reads a member, or a member of it; nothing where one on the way is null."""

    def get(row: Row) -> Any:
        value: Any = row
        for key in path:
            value = None if value is None else value[key]
        return value

    return get


def _members(*names: str) -> dict[str, Callable[[Row], Any]]:
    return {name: _member(name) for name in names}


def _number_of(name: str) -> Callable[[Row], int]:
    return lambda row: len(row[name])


def _count(kind: str) -> Callable[[Row], int]:
    return lambda row: row["counts"][kind]


def _failing(view: str) -> Callable[[Row], list[str]]:
    return lambda row: [topic for topic, found in row["compliance"].items() if found[view] == "fail"]


def _problem(row: Row) -> str:
    return row["message"] or "; ".join(f"{problem['part']}: {problem['message']}" for problem in row["problems"])


def _word(member: str) -> Callable[[Row], str | None]:
    """The word for a value of a setting."""
    return lambda row: SETTINGS[row["setting"]].words.word(row[member]) if isinstance(row[member], bool) else None


def _settings(document: Row) -> Iterator[Row]:
    for host in document["hosts"]:
        for name, state in host["settings"].items():
            yield {"host": host["name"], "setting": name, **state}


def _clients(document: Row) -> Iterator[Row]:
    for server in document["servers"]:
        for host in server["clients"]:
            hows = {how: host in server[f"{how}_clients"] for how in ("allowed", "refused", "possible", "connected")}
            yield {"server": server["name"], "host": host, **hows}


def _controls(document: Row) -> Iterator[Row]:
    for table in document["compliance"]:
        for control in table["controls"]:
            for numbered in control["ids"]:
                yield {**table, **control, **numbered}


def _findings(document: Row) -> Iterator[Row]:
    for host in document["hosts"]:
        for topic, found in host["compliance"].items():
            yield {"host": host["name"], "product": host["product"], "topic": topic, **found}


def _logs(document: Row) -> Iterator[Row]:
    for host in document["hosts"]:
        for channel in host["events"]["coverage"]:
            yield {**host["events"], **channel, "host": host["name"]}


def _baseline(document: Row) -> Iterator[Row]:
    for row in document["baseline"]["settings"] if document["baseline"] else ():
        for name in row["differ"]:
            yield {**row, "host": name, "in_force": row["other"]}


def _not_read(document: Row) -> Iterator[Row]:
    for host in document["hosts"]:
        if host["status"] != "read":
            yield {"host": host["name"], "part": "all", "kind": host["status"], "text": host["message"]}
    for spot in document["blind_spots"]:
        for name in spot["hosts"]:
            yield {**spot, "host": name}


def _rows_of(name: str) -> Callable[[Row], Iterable[Row]]:
    return lambda document: document[name]


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        "hosts": Table(
            _rows_of("hosts"),
            {
                "host": _member("name"),
                **_members("status", "windows"),
                "build": _member("os", "build"),
                "domain": _member("os", "domain"),
                "guest_state": _member("guest", "state"),
                "blocked_by": _member("guest", "blocked_by"),
                "decided_by": _member("guest", "decided_by", "winner"),
                "policy_name": _member("guest", "decided_by", "name"),
                "location": _member("guest", "decided_by", "location"),
                **_members("drift", "open_changes"),
                "guest_servers": _member("servers"),
                "failing_in_force": _failing("in_force"),
                "failing_scanner": _failing("scanner"),
                "events_truncated": _member("events", "truncated"),
                "unavailable_channels": _member("events", "unavailable_channels"),
                **{
                    door: _member("doors", door, "state")
                    for door in ("smb1_client", "smb1_server", "guest_account", "force_guest")
                },
                "problem": _problem,
            },
        ),
        "settings": Table(
            _settings,
            {
                **_members("host", "setting"),
                **{name: _word(name) for name in ("effective", "running", "policy", "mdm", "local", "os_default")},
                "winner": _member("winner"),
                "policy_name": _member("policy_source", "name"),
                **_members("drift", "location"),
            },
        ),
        "servers": Table(
            _rows_of("servers"),
            {
                "server": _member("name"),
                **_members("aliases", "is_ip_address", "guest"),
                **{
                    name: _number_of(name)
                    for name in ("clients", "guest_clients", "possible_clients", "connected_clients")
                },
                **_members("logons_allowed", "logons_refused"),
                **{kind: _count(kind) for kind in KINDS},
                **_members("users", "empty_user", "first_seen", "last_seen"),
                "verdict": _member("probe", "verdict"),
                "accepted": _member("accepted"),
            },
        ),
        "clients": Table(_clients, _members("server", "host", "allowed", "refused", "possible", "connected")),
        "inbound": Table(
            _rows_of("inbound"),
            {**_members("host", "client", "first_seen", "last_seen"), **{kind: _count(kind) for kind in KINDS}},
        ),
        "changes": Table(
            _rows_of("changes"),
            {
                **_members(
                    "host", "change_id", "status", "reason", "created_at", "expires_at", "overdue", "opens_guest"
                ),
                **_members("controller", "note"),
                "changes": lambda row: [f"{change['setting']} ({change['scope']})" for change in row["changes"]],
            },
        ),
        "drift": Table(
            _rows_of("drift"),
            {
                **_members("host", "setting", "configured", "running"),
                "decided_by": _member("decided_by", "winner"),
                "policy_name": _member("decided_by", "name"),
                "location": _member("location"),
            },
        ),
        "compliance": Table(
            _controls,
            {
                **_members("framework", "product", "versions", "id", "vulnerability", "topic", "title", "setting"),
                **_members("wanted", "looks_at", "hosts"),
                **{
                    f"{view}_{finding}": _member(view, finding)
                    for view in ("in_force", "scanner")
                    for finding in ("pass", "fail", "unknown", "unsupported")
                },
                "accepted": _member("accepted"),
            },
        ),
        "findings": Table(_findings, _members("host", "product", "topic", "in_force", "scanner", "accepted")),
        "event_logs": Table(
            _logs,
            {
                "host": _member("host"),
                "log": _member("name"),
                **_members("enabled", "events", "oldest", "newest", "since", "max_events", "log_begins"),
                "log_is_empty": _member("log_is_empty"),
            },
        ),
        "baseline": Table(_baseline, _members("host", "setting", "wanted", "in_force")),
        "not_read": Table(_not_read, _members("host", "part", "kind", "text")),
        "exceptions": Table(
            _rows_of("exceptions"),
            _members(
                "source",
                "host",
                "server",
                "topics",
                "reason",
                "expires_at",
                "valid",
                "approved_by",
                "ticket",
                "change_id",
                "hosts",
                "remarks",
            ),
        ),
    }
)
