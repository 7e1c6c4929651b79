# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controls of a product as the page shows them: one row each, with the ids of every framework. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..tables.compliance import TOPICS


def products_side_by_side(tables: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
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
                "controls": [controls[topic] for topic in asked if TOPICS[topic].is_read],
                "unread": [
                    {"title": TOPICS[topic].title, "ids": ", ".join(_newest(controls[topic]["ids"]))}
                    for topic in asked
                    if not TOPICS[topic].is_read
                ],
            }
        )
    return sorted(products, key=lambda product: str(product["name"]))


def _newest(ids: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    return [f"{framework} {rows[0]['versions'][0]} {rows[0]['id']}" for framework, rows in ids.items() if rows]
