# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a role of this collection: which option each stands for, and which are misspelt.

Ansible validates the variables that an argument specification names, and ignores all others. A variable with the prefix
of the role that the role does not have is a typing mistake: the setting that it stands for would silently stay as it
is. Each task of a role checks this, so that no skipped task turns the check off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from ..core.errors import HostState, RequestError
from ..core.text import one_line

COLLECTION = "winops.smb_guest."
_OTHER_NAMES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("enable_guest", "scope"): "scopes",
        ("harden", "scope"): "scopes",
        ("harden", "client_audit"): "audit",
        ("audit_report", "servers"): "probe_servers",
    }
)
"""Role and option of its module -> the variable without the prefix, where it is not the name of the option."""

_SHOWN = 60


def role_of(variables: Mapping[str, Any]) -> str:
    """The role of this collection that a task is part of, without the collection; empty where there is none."""
    role = str(variables.get("ansible_role_name") or "")
    return role.removeprefix(COLLECTION) if role.startswith(COLLECTION) and variables.get("role_path") else ""


def variables_of_options(variables: Mapping[str, Any], options: Iterable[str]) -> dict[str, str | None]:
    """Which variable of the running role stands for each option of a module; None where the role has none.

    Args:
        variables: of the task.
        options: of the module.

    Returns:
        Empty outside of a role of this collection: there the options are the user's own.
    """
    role = role_of(variables)
    if not role:
        return {}
    known = _known(str(variables["role_path"]))
    named = {each: f"{role}_{_OTHER_NAMES.get((role, each), each)}" for each in options}
    return {each: name if name in known else None for each, name in named.items()}


def check_role_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables that have the prefix of the running role and are none of its variables.

    Args:
        variables: Of the task, as Ansible gives them to an action, with `ansible_role_name` and `role_path` in a role.

    Raises:
        RequestError: No host was contacted by this task.
    """
    role = role_of(variables)
    if not role:
        return
    unknown = unknown_variables(role, _known(str(variables["role_path"])), variables)
    if unknown:
        raise RequestError(
            f"The role {COLLECTION}{role} does not have {'these variables' if len(unknown) > 1 else 'this variable'}: "
            f"{', '.join(unknown)}. Correct the name, or choose a name without this prefix.",
            kind="role_variable",
            host_state=HostState.NOT_CONTACTED,
        )


def unknown_variables(role: str, known: Iterable[str], names: Iterable[str]) -> list[str]:
    """The misspelt variables of a role, each with the nearest name that the role has.

    Args:
        role: Its name without the collection, such as `harden`.
        known: The variables that the role has.
        names: Every variable of the task.
    """
    known = sorted(known)
    wrong = sorted(name for name in names if name.startswith(f"{role}_") and name not in known)
    return [_with_nearest(name, known) for name in wrong]


def _with_nearest(name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, 1)
    shown = one_line(name, _SHOWN)
    return f"{shown} (did you mean {nearest[0]}?)" if nearest else shown


@lru_cache
def _known(place: str) -> frozenset[str]:
    """The variables in the argument specification of the role in this folder."""
    text = (Path(place) / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return frozenset(yaml.safe_load(text)["argument_specs"]["main"]["options"])
