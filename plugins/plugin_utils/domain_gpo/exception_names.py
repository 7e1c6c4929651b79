# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of exceptions: GPOs that allow insecure guest logons until a day. Pure.

A GPO has no clock. The name of an exception says what it is for and until when, so that whoever reads the name, in GPMC
or here, knows both. The day stands in the name alone: a reason may hold other dates.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date

PREFIX = "SMB guest exception: "
_NAME = re.compile(rf"{re.escape(PREFIX)}\s*(.+?)\s*\(expires (\d{{4}}-\d{{2}}-\d{{2}})\)\s*", re.IGNORECASE)


def exception_name(purpose: str, last_day: date) -> str:
    """The name of the GPO of an exception."""
    return f"{PREFIX}{' '.join(purpose.split())} (expires {last_day.isoformat()})"


def last_day_of(name: str) -> date | None:
    """The last day of an exception; None for the name of another GPO."""
    match = _NAME.fullmatch(name)
    if match:
        with suppress(ValueError):
            return date.fromisoformat(match[2])
    return None


def is_for(name: str, purpose: str) -> bool:
    """Whether a GPO is an exception for a purpose. Capitals and the number of blanks make no other purpose."""
    match = _NAME.fullmatch(name)
    return match is not None and _folded(match[1]) == _folded(purpose)


def _folded(purpose: str) -> str:
    return " ".join(purpose.split()).casefold()
