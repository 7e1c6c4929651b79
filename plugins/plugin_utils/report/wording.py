# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a document as the page words them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..tables.settings import SETTINGS


def day(text: str | None) -> str:
    return text[:10] if text else ""


def minute(text: str | None) -> str:
    """`2026-11-25 17:00` of an ISO time in UTC."""
    return text[:16].replace("T", " ") if text else ""


def word(value: bool | None, setting: str) -> str:
    return "" if value is None else SETTINGS[setting].words.word(value).replace("_", " ")


def time_left(text: str | None, now: datetime) -> str:
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


def headline(summary: Mapping[str, int]) -> str:
    """The one sentence that the page begins with."""
    asked = summary["read"]
    if not asked:
        return "No host could be read."
    hosts = _plural(asked, "host that was read", "hosts that were read")
    if not summary["allowed"]:
        rest = "; of others nothing is known" if summary["unknown"] or summary["not_read"] else ""
        return f"No insecure guest logon (SMB2/SMB3) is allowed on the {hosts}{rest}."
    return f"Insecure guest logons (SMB2/SMB3) are allowed on {summary['allowed']} of the {hosts}."
