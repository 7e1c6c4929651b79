# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes harmless every text of a host, a peer or a file before anything else of the report sees it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..core.text import one_line

MAX_TEXT = 1000
MAX_DEPTH = 12


def cleaned(value: Any, depth: int = 0) -> Any:
    """Plain JSON data of anything: each text in it, keys included, is a printable line of at most MAX_TEXT characters.

    Also takes off Ansible's own types of text and numbers, which json would write otherwise.
    """
    if depth > MAX_DEPTH:
        return "..."
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {line(key): cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [cleaned(item, depth + 1) for item in value]
    return line(value)


def line(value: object) -> str:
    """The text of anything, on one printable line."""
    return one_line(str(value), MAX_TEXT)
