# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document as one HTML page that needs nothing but itself. Pure: it reads its own template and nothing else.

Two walls keep data from becoming markup or script: Jinja2 escapes whatever it puts in, and a Content-Security-Policy
lets only the page's own script and style run, by their hashes, and lets nothing be loaded from anywhere. The page of a
large fleet needs its host files as well (page_data.py): there, what the page's own script adds may be loaded.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..tables.compliance import TOPICS
from ..tables.settings import SETTINGS
from . import charts
from .attention import attention
from .control_tables import products_side_by_side
from .differences import differences
from .facets import (
    DOOR_LABELS,
    FINDING_LABELS,
    NO_WINDOWS,
    STATE_LABELS,
    STATUS_LABELS,
    WINNER_LABELS,
    Facets,
    decided_key,
)
from .page_data import SETTING_LABELS, page_data
from .trends import course_of, logons_by_day, server_with_trend
from .wording import day, headline, minute, time_left, word

_PIECES = 1_000
_ADDED = " 'strict-dynamic'"
"""Lets a script that runs by its hash add others. A file has no origin by which a policy could name them."""
PAGE = Path(__file__).resolve().parent / "page"


def render(document: Mapping[str, Any], digest: str = "") -> str:
    """The page of a document that `build_document` made. digest: the SHA-256 of its JSON file, in hex digits."""
    return "".join(page_pieces(document, digest))


def page_pieces(document: Mapping[str, Any], digest: str = "", files: Collection[str] = ()) -> Iterator[str]:
    """The text of the page in pieces: as a whole it would need hundreds of MB for a large fleet.

    files: The host files beside it, which `host_files` names.
    """
    environment = Environment(
        autoescape=True, loader=FileSystemLoader(PAGE), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(day=day, minute=minute, word=word)
    style, script = ((PAGE / name).read_text(encoding="utf-8").strip() for name in ("report.css", "report.js"))
    facets = Facets(document)
    now = datetime.fromisoformat(document["generated_at"])
    pieces = environment.get_template("report.html.j2").generate(
        report=document,
        facets=facets,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}{_ADDED if files else ''}; "
        "img-src data:; "
        "base-uri 'none'; form-action 'none'",
        split=bool(files),
        # Both are files of this collection: nothing of them came from a host.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        data=page_data(document, facets, files),
        headline=headline(document["summary"]),
        attention=attention(document["summary"], facets),
        posture=charts.segments({state: document["summary"][state] for state in STATE_LABELS}),
        deciders=_groups(document["hosts"], lambda row: decided_key(row["guest"]["decided_by"]), "by"),
        systems=_groups(document["hosts"], lambda row: (row["windows"] or NO_WINDOWS,) * 2, "os"),
        logons=logons_by_day(document["servers"], now),
        course=course_of(document["history"]),
        order={state: number for number, state in enumerate(STATE_LABELS)},
        servers=[server_with_trend(number, row, now) for number, row in enumerate(document["servers"])],
        time_left=lambda text: time_left(text, now),
        products=products_side_by_side(document["compliance"]),
        labels={
            "state": STATE_LABELS,
            "status": STATUS_LABELS,
            "winner": WINNER_LABELS,
            "finding": FINDING_LABELS,
            "setting": SETTING_LABELS,
            "door": DOOR_LABELS,
        },
        settings=SETTINGS,
        topics=TOPICS,
        differences=differences(document["comparison"]),
        digest=digest,
    )
    while text := "".join(islice(pieces, _PIECES)):
        yield text


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _groups(hosts: Iterable[Mapping[str, Any]], key_of: Any, prefix: str) -> list[dict[str, Any]]:
    """`{key, label, hosts}` of each group of hosts that were read, the largest first."""
    groups: dict[str, dict[str, Any]] = {}
    for row in hosts:
        if row["status"] == "read":
            key, label = key_of(row)
            groups.setdefault(key, {"key": f"{prefix}:{key}", "label": label, "hosts": 0})["hosts"] += 1
    return sorted(groups.values(), key=lambda group: (-group["hosts"], group["label"]))
