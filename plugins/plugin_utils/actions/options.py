# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share, and what their words mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..change.journal_format import checked_change_id, checked_text
from ..change.journal_size import KEEP_ENDED
from ..change.request import ChangeTerms
from ..core.errors import RequestError
from ..core.user_names import option
from ..tables.settings import SETTINGS, Scope

SCOPE_OPTIONS: Mapping[str, Any] = {
    "scope": {
        "type": "list",
        "elements": "str",
        "choices": [scope.value for scope in Scope],
        "default": [Scope.LOCAL.value],
    },
    "managed": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
    "gpupdate": {"type": "bool", "default": False},
    "unsupported": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "confirm": {"type": "bool", "default": False},
}

JOURNAL_OPTIONS: Mapping[str, Any] = {
    "change_id": {"type": "str"},
    "reason": {"type": "str"},
    "expires_in": {"type": "str"},
    "keep_ended": {"type": "int", "default": KEEP_ENDED},
}

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MAX_EXPIRY = timedelta(days=366)


def _lifetime(text: str) -> timedelta | None:
    """What `30m`, `8h`, `3d` or `2w` means; None for anything else."""
    match = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def duration(named: str, text: str, longest: timedelta = MAX_EXPIRY) -> timedelta:
    """A time such as 30m, 8h, 3d or 2w. named: what the user calls the option. Raises RequestError."""
    lifetime = _lifetime(text)
    if lifetime is None or lifetime > longest:
        most = "a year" if longest == MAX_EXPIRY else f"{longest.days}d"
        raise RequestError(f"{named} {text!r} is not a time such as 30m, 8h, 3d or 2w, at most {most}.")
    return lifetime


def read_since(written: str) -> datetime | timedelta:
    """The option `since`: an age such as 7d, or a time in ISO 8601 (UTC where it says nothing else)."""
    age = _lifetime(written)
    if age is not None:
        return age
    try:
        time = datetime.fromisoformat(written)
    except ValueError as error:
        raise RequestError(
            f"since {written!r} is neither an age such as 30m, 8h, 7d or 2w nor a time such as 2026-11-23T21:30:00Z."
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def read_scopes(options: Mapping[str, Any]) -> tuple[Scope, ...]:
    """Where to write. The files of the local GPO take effect by the policy value, which is written with them."""
    asked = {Scope(scope) for scope in options["scope"]}
    if not asked:
        words = ", ".join(scope.value for scope in Scope)
        raise RequestError(f"{option('scope')} is empty. Give one or more of {words}.")
    if Scope.LOCAL_GPO in asked:
        asked.add(Scope.POLICY)
    return tuple(scope for scope in Scope if scope in asked)


def read_terms(options: Mapping[str, Any]) -> ChangeTerms:
    """What the task asks of the journal, checked: null is as if left out, an empty text is an error."""
    change_id, reason, expires_in = (options.get(name) for name in ("change_id", "reason", "expires_in"))
    keep = options["keep_ended"]
    if keep < 0:
        raise RequestError(f"keep_ended is {keep}: it must be 0 or more, the number of ended changes that are kept.")
    return ChangeTerms(
        None if change_id is None else checked_change_id(change_id),
        "" if reason is None else checked_text(option("reason"), reason),
        None if expires_in is None else duration(option("expires_in"), expires_in),
        keep,
    )


def setting_options(names: Mapping[str, str]) -> dict[str, Any]:
    """The argument spec of options that are settings. names: option to setting name."""
    return {option: {"type": "str", "choices": list(SETTINGS[name].words.choices)} for option, name in names.items()}
