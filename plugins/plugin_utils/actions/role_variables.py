# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelt variables of a role of this collection.

Ansible validates the variables that an argument specification names, and ignores all others. A variable with the prefix
of the role that the role does not have is a typing mistake: the setting that it stands for would silently stay as it
is. Each task of a role checks this, so that no skipped task turns the check off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import HostState, RequestError
from ..core.text import one_line

COLLECTION = "winops.smb_guest."
_SHOWN = 60


def check_role_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables that have the prefix of the running role and are none of its variables.

    Args:
        variables: Of the task, as Ansible gives them to an action, with `ansible_role_name` and `role_path` in a role.

    Raises:
        RequestError: No host was contacted by this task.
    """
    role, place = str(variables.get("ansible_role_name") or ""), variables.get("role_path")
    if not role.startswith(COLLECTION) or not place:
        return
    unknown = unknown_variables(role.removeprefix(COLLECTION), _known(str(place)), variables)
    if unknown:
        raise RequestError(
            f"The role {role} does not have {'these variables' if len(unknown) > 1 else 'this variable'}: "
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
