# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document as one HTML page that needs nothing but itself. Pure: it reads its own template and nothing else.

Two walls keep data from becoming markup or script: Jinja2 escapes whatever it puts in, and a Content-Security-Policy
lets only the page's own script and style run, by their hashes, and lets nothing be loaded from anywhere.
FOR INTERNAL COLLECTION USE ONLY.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..tables.compliance import TOPICS
from ..tables.settings import SETTINGS
from . import charts
from .attention import attention
from .facets import FINDING_LABELS, NO_WINDOWS, STATE_LABELS, STATUS_LABELS, WINNER_LABELS, Facets, decided_key
from .page_data import SETTING_LABELS, page_data

PAGE = Path(__file__).resolve().parent / "page"


def render(document: Mapping[str, Any]) -> str:
    """The page of a document that `build_document` made."""
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(PAGE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(day=_day, minute=_minute, word=_word)
    style, script = ((PAGE / name).read_text(encoding="utf-8").strip() for name in ("report.css", "report.js"))
    facets = Facets(document)
    now = datetime.fromisoformat(document["generated_at"])
    return environment.get_template("report.html.j2").render(
        report=document,
        facets=facets,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        # Both are files of this collection: nothing of them came from a host.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        data=page_data(document, facets),
        headline=_headline(document["summary"]),
        attention=attention(document["summary"], facets),
        posture=charts.segments({state: document["summary"][state] for state in STATE_LABELS}),
        deciders=_groups(document["hosts"], lambda row: decided_key(row["guest"]["decided_by"]), "by"),
        systems=_groups(document["hosts"], lambda row: (row["windows"] or NO_WINDOWS,) * 2, "os"),
        logons=_logons(document["servers"], now),
        course=_course(document["history"]),
        order={state: number for number, state in enumerate(STATE_LABELS)},
        servers=[_server(number, row, now) for number, row in enumerate(document["servers"])],
        time_left=lambda text: _time_left(text, now),
        products=_products(document["compliance"]),
        labels={
            "state": STATE_LABELS,
            "status": STATUS_LABELS,
            "winner": WINNER_LABELS,
            "finding": FINDING_LABELS,
            "setting": SETTING_LABELS,
        },
        settings=SETTINGS,
        topics=TOPICS,
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _day(text: str | None) -> str:
    return text[:10] if text else ""


def _minute(text: str | None) -> str:
    """`2026-11-25 17:00` of an ISO time in UTC."""
    return text[:16].replace("T", " ") if text else ""


def _word(value: bool | None, setting: str) -> str:
    return "" if value is None else SETTINGS[setting].words.word(value).replace("_", " ")


def _time_left(text: str | None, now: datetime) -> str:
    """`in 8 h`, `3 d ago`; nothing where there is no end."""
    if not text:
        return ""
    try:
        left = datetime.fromisoformat(text) - now
    except (ValueError, TypeError):
        return ""
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
    unit = next((unit for unit, size in units.items() if abs(left) >= 2 * size), "min")
    number = round(abs(left) / units[unit])
    return f"in {number} {unit}" if left > timedelta() else f"{number} {unit} ago"


def _plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _headline(summary: Mapping[str, int]) -> str:
    """The one sentence that the page begins with."""
    asked = summary["read"]
    if not asked:
        return "No host could be asked."
    hosts = _plural(asked, "host that was asked", "hosts that were asked")
    if not summary["allowed"]:
        rest = "; of others nothing is known" if summary["unknown"] or summary["not_read"] else ""
        return f"No guest gets in on {'the ' if asked > 1 else 'any of the '}{hosts}{rest}."
    return f"Guests get in on {summary['allowed']} of the {hosts}."


def _groups(hosts: Iterable[Mapping[str, Any]], key_of: Any, prefix: str) -> list[dict[str, Any]]:
    """`{key, label, hosts}` of each group of hosts that were read, the largest first."""
    groups: dict[str, dict[str, Any]] = {}
    for row in hosts:
        if row["status"] == "read":
            key, label = key_of(row)
            groups.setdefault(key, {"key": f"{prefix}:{key}", "label": label, "hosts": 0})["hosts"] += 1
    return sorted(groups.values(), key=lambda group: (-group["hosts"], group["label"]))


def _by_day(days: Iterable[Mapping[str, Any]], member: str, wanted: Sequence[str]) -> list[int]:
    found: dict[str, int] = {}
    for row in days:
        found[row["day"]] = found.get(row["day"], 0) + row[member]
    return [found.get(day, 0) for day in wanted]


def _server(number: int, row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A server with what the page adds. listed: among the guest servers, a possible one included."""
    listed = bool(row["guest"] or row["possible_clients"])
    return {"number": number, "row": row, "listed": listed, "trend": _trend(row["days"], now)}


def _trend(days: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """The sparkline of a server: guest clients by day."""
    clients = _by_day(days, "clients", charts.last_days(now.date()))
    recent, before = sum(clients[-7:]), sum(clients[-14:-7])
    return {
        "path": charts.bars(clients, 12, charts.peak(clients)),
        "peak": max(clients),
        "recent": recent,
        "words": "none"
        if not any(clients)
        else "rising"
        if recent > before
        else "falling"
        if recent < before
        else "steady",
    }


def _logons(servers: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """Guest logons of the fleet by day, let in and refused."""
    days = charts.last_days(now.date())
    rows = [day for server in servers for day in server["days"]]
    allowed, refused = (_by_day(rows, member, days) for member in ("allowed", "refused"))
    top = charts.peak(a + r for a, r in zip(allowed, refused, strict=True))
    return {
        "days": days,
        "allowed": allowed,
        "refused": refused,
        "top": top,
        "allowed_path": charts.bars(allowed, 10, top),
        "refused_path": charts.bars(refused, 10, top, base=allowed),
    }


def _course(history: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """From report to report: hosts that let guests in, and guest servers. None until there are two reports."""
    if len(history) < 2:
        return None
    series = {
        name: [point[name] for point in history] for name in ("allowed", "held_back", "guest_servers", "not_read")
    }
    top = charts.peak(value for values in series.values() for value in values)
    return {
        "points": history,
        "top": top,
        "lines": {name: charts.line(values, 100, 40, top) for name, values in series.items()},
    }


def _products(tables: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tables of one product side by side: a control is judged once, whatever each framework calls it."""
    products = []
    for name in dict.fromkeys(table["product"] for table in tables):
        its = [table for table in tables if table["product"] == name]
        controls: dict[str, dict[str, Any]] = {}
        for table in its:
            for control in table["controls"]:
                row = controls.setdefault(
                    control["topic"], {**control, "ids": {other["framework"]: [] for other in its}}
                )
                row["ids"][table["framework"]] += control["ids"]
        asked = [topic for topic in TOPICS if topic in controls]
        products.append(
            {
                "name": name,
                "hosts": its[0]["hosts"],
                "frameworks": [table["framework"] for table in its],
                "controls": [controls[topic] for topic in asked if TOPICS[topic].setting],
                "unread": [
                    {"title": TOPICS[topic].title, "ids": ", ".join(_newest(controls[topic]["ids"]))}
                    for topic in asked
                    if not TOPICS[topic].setting
                ],
            }
        )
    return sorted(products, key=lambda product: str(product["name"]))


def _newest(ids: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    return [f"{framework} {rows[0]['versions'][0]} {rows[0]['id']}" for framework, rows in ids.items() if rows]
