# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document as JSON lines for a SIEM: one object a line, each with its kind and the time of the report. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Row = Mapping[str, Any]
_PARTS = {
    "servers": "server",
    "inbound": "inbound_client",
    "changes": "change",
    "drift": "drift",
    "exceptions": "exception",
    "blind_spots": "blind_spot",
}


def json_lines(document: Row) -> Iterator[str]:
    """A line for each host, control of a host, server, change, drift, exception and blind spot. ASCII."""
    for kind, row in _rows(document):
        event = {"kind": kind, "time": document["generated_at"], "report": document["title"], **row}
        yield json.dumps(event, ensure_ascii=True) + "\n"


def _rows(document: Row) -> Iterator[tuple[str, Row]]:
    for host in document["hosts"]:
        kept = {name: value for name, value in host.items() if name not in ("compliance", "settings")}
        yield "host", kept
        for topic, found in host["compliance"].items():
            yield "control", {"host": host["name"], "product": host["product"], "topic": topic, **found}
    for part, kind in _PARTS.items():
        for row in document[part]:
            yield kind, row
