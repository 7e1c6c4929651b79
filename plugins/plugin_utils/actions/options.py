# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share, and what their words mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..change.journal import KEEP_ENDED
from ..change.journal_format import checked_change_id, checked_text
from ..change.transaction import Terms
from ..core.errors import RequestError
from ..core.text import one_line
from ..tables.hardening import PARTS, Part
from ..tables.settings import GUEST, GUEST_BLOCKERS, SETTINGS, Scope

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

# What makes client_config safe to hand to others: the role enable_guest is made of these.
SAFEGUARD_OPTIONS: Mapping[str, Any] = {
    "optional": {"type": "list", "elements": "str", "choices": list(SETTINGS), "default": []},
    "relax": {"type": "list", "elements": "str", "choices": [setting.name for setting in GUEST_BLOCKERS]},
    "accept_risk": {"type": "bool"},
    "expires_at_most": {"type": "str"},
    "domain_controllers": {"type": "str", "choices": ["allow", "refuse"], "default": "allow"},
}

# Raw, because null and an empty text stand for the default, as in role variables.
HARDEN_OPTION: Mapping[str, Any] = {"harden": {"type": "dict", "options": {name: {"type": "raw"} for name in PARTS}}}

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MAX_EXPIRY = timedelta(days=366)


def _lifetime(text: str) -> timedelta | None:
    """What `30m`, `8h`, `3d` or `2w` means; None for anything else."""
    match = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def duration(option: str, text: str, longest: timedelta = MAX_EXPIRY) -> timedelta:
    """A time such as 30m, 8h, 3d or 2w. Raises RequestError."""
    lifetime = _lifetime(text)
    if lifetime is None or lifetime > longest:
        most = "a year" if longest == MAX_EXPIRY else f"{longest.days}d"
        raise RequestError(f"{option} {text!r} is not a time such as 30m, 8h, 3d or 2w, at most {most}.")
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


def with_hardening(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of client_config with the settings that `harden` stands for. Raises RequestError."""
    asked = options["harden"]
    if asked is None:
        return options
    if beside := [name for name in SETTINGS if options[name] is not None]:
        raise RequestError(f"harden says what is closed: leave {', '.join(beside)} out, or name every setting instead.")
    parts = [part for name, part in PARTS.items() if _is_asked(name, part, asked.get(name))]
    closed = {setting.name: setting.words.word(True) for part in parts for setting in part.settings}
    optional = [setting.name for part in parts if part.optional for setting in part.settings]
    return {
        **options,
        GUEST.name: GUEST.words.word(False),
        **closed,
        "optional": [*options["optional"], *optional],
    }


def _is_asked(name: str, part: Part, given: Any) -> bool:
    if given in (None, ""):
        return part.by_default
    try:
        return bool(boolean(given))
    except TypeError:
        raise RequestError(f"harden.{name} is {one_line(repr(given), 40)}: say true or false.") from None


def read_scopes(options: Mapping[str, Any]) -> tuple[Scope, ...]:
    """Where to write. The files of the local GPO take effect by the policy value, which is written with them."""
    asked = {Scope(scope) for scope in options["scope"]}
    if not asked:
        raise RequestError(f"scope is empty: say one or more of {', '.join(scope.value for scope in Scope)}.")
    if Scope.LOCAL_GPO in asked:
        asked.add(Scope.POLICY)
    return tuple(scope for scope in Scope if scope in asked)


def read_terms(options: Mapping[str, Any]) -> Terms:
    """What the task asks of the journal, checked: null is as if left out, an empty text is an error."""
    change_id, reason, expires_in = (options.get(name) for name in ("change_id", "reason", "expires_in"))
    keep, most = options["keep_ended"], options.get("expires_at_most")
    longest = MAX_EXPIRY if most is None else duration("expires_at_most", most)
    if keep < 0:
        raise RequestError(f"keep_ended is {keep}: say how many ended changes the journal keeps, 0 or more.")
    return Terms(
        None if change_id is None else checked_change_id(change_id),
        "" if reason is None else checked_text("reason", reason),
        None if expires_in is None else duration("expires_in", expires_in, longest),
        keep,
    )


def setting_options(names: Mapping[str, str]) -> dict[str, Any]:
    """The argument spec of options that are settings. names: option to setting name."""
    return {option: {"type": "str", "choices": list(SETTINGS[name].words.choices)} for option, name in names.items()}
