# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share, and what their words mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from .change.journal import checked_change_id, checked_text
from .change.transaction import Terms
from .errors import RequestError
from .tables.settings import SETTINGS, Layer

SCOPE_OPTIONS: Mapping[str, Any] = {
    "scope": {
        "type": "list",
        "elements": "str",
        "choices": [Layer.LOCAL.value, Layer.POLICY.value],
        "default": [Layer.LOCAL.value],
    },
    "managed": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
}

JOURNAL_OPTIONS: Mapping[str, Any] = {
    "change_id": {"type": "str"},
    "reason": {"type": "str"},
    "expires_in": {"type": "str"},
}

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MAX_EXPIRY = timedelta(days=366)


def read_terms(options: Mapping[str, Any]) -> Terms:
    """What the task asks of the journal, checked. Raises RequestError."""
    change_id, reason, expires_in = (options.get(name) for name in JOURNAL_OPTIONS)
    lifetime = None
    if expires_in:
        match = _DURATION.fullmatch(expires_in)
        lifetime = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
        if lifetime is None or lifetime > MAX_EXPIRY:
            raise RequestError(
                f"expires_in {expires_in!r} is not a time such as 30m, 8h, 3d or 2w, at most a year. "
                "Nothing was written."
            )
    return Terms(
        checked_change_id(change_id) if change_id else None, checked_text("reason", reason) if reason else "", lifetime
    )


def setting_options(names: Mapping[str, str]) -> dict[str, Any]:
    """The argument spec of options that are settings. names: option to setting name."""
    return {option: {"type": "str", "choices": list(SETTINGS[name].words.choices)} for option, name in names.items()}
