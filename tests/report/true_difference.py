# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of the difference of two runs, counted without any code of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .truth import ASKED, Truth


class Difference:
    """What changed from one run to the next."""

    def __init__(self, before: Truth, after: Truth) -> None:
        self._before, self._after = before, after
        self.both = [host for host in after.said if host in before.said]
        self.read_twice = [host for host in after.read if host in before.read]

    def moved(self) -> dict[str, tuple[str, str]]:
        pairs = {host: (self._before.guest(host), self._after.guest(host)) for host in self.both}
        return {host: pair for host, pair in pairs.items() if pair[0] != pair[1]}

    def settings(self) -> set[tuple[Any, ...]]:
        """`(host, setting, member, before, after)`."""
        members = ("effective", "running", "winner", "drift")
        return self._differing(
            lambda run, host: {
                (name, member): row[member] for name, row in run.read[host]["settings"].items() for member in members
            }
        )

    def controls(self) -> set[tuple[Any, ...]]:
        return self._differing(
            lambda run, host: {
                (control, view): run.findings[host, control][number]
                for control in ASKED[run.product(host)]
                for number, view in enumerate(("in_force", "scanner"))
            }
        )

    def _differing(self, values: Callable[[Truth, str], Mapping[tuple[str, str], Any]]) -> set[tuple[Any, ...]]:
        found = set()
        for host in self.read_twice:
            before, after = values(self._before, host), values(self._after, host)
            for key in before.keys() | after.keys():
                if before.get(key) != after.get(key):
                    found.add((host, *key, before.get(key), after.get(key)))
        return found

    def guest_servers(self) -> tuple[set[str], set[str]]:
        """New and gone."""
        before, after = (
            {name for name, row in run.servers.items() if row["guest"]} for run in (self._before, self._after)
        )
        return after - before, before - after

    def changes(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Opened and ended. Of a host that was not read none has ended."""
        before, after = ({(host, row["change_id"]) for host, row in run.changes} for run in (self._before, self._after))
        return after - before, {key for key in before - after if key[0] in self._after.read}
