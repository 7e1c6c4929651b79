# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Equal texts and rows of many hosts, kept in memory once. Pure.

Most of what a fleet says is the same on thousands of hosts: a setting with the same value from the same policy, the
same finding, the same problem. A row takes about a kilobyte for each host unless the hosts share it. Nobody may change
what is shared; the report makes new rows instead.
"""

from __future__ import annotations

from typing import Any


class SharedValues:
    """Gives for each JSON value one that is equal to it, and the same object for equal values."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._shared: set[int] = set()
        """Identities of the containers in `_known`, which live as long as it does."""

    def share(self, value: Any) -> Any:
        """The value of which all equal ones are the same object. Texts, numbers, lists and dicts of JSON."""
        if isinstance(value, str):
            return self._known.setdefault(value, value)
        if not isinstance(value, dict | list) or id(value) in self._shared:
            return value
        made: Any
        if isinstance(value, dict):
            made = {self.share(name): self.share(item) for name, item in value.items()}
            key = (dict, *map(_identity, made.values()), *made)
        else:
            made = [self.share(item) for item in value]
            key = (list, *map(_identity, made))
        found = self._known.setdefault(key, made)
        self._shared.add(id(found))
        return found


def _identity(value: Any) -> Any:
    """What tells a shared value from others: 1 and True are equal, and not the same."""
    return id(value) if isinstance(value, dict | list | str) else (type(value), value)
