# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which GPO a value comes from, as Resultant Set of Policy (RSoP) says it, held against what the host holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..core.registry_value import Stored, as_text
from ..tables.settings import Layer, Setting


@dataclass(frozen=True)
class DecidingGpo:
    """A GPO that wrote a value.

    Attributes:
        gpo: Its display name; empty where the host does not say it.
        guid: In braces; None for the host's own policy.
        link: The site, domain or OU that it is linked to; None where unsaid.
        precedence: 1 is the GPO that won.
        refreshed_at: When the refresh that says so was logged, aware; None where unsaid.
    """

    gpo: str
    guid: str | None
    link: str | None
    precedence: int
    refreshed_at: datetime | None

    def __str__(self) -> str:
        named = f"the GPO {self.gpo or self.guid or 'without a name'}"
        return f"{named}, linked to {self.link}" if self.guid and self.link else named

    def as_dict(self) -> dict[str, Any]:
        """The shape that client_facts returns."""
        at = self.refreshed_at
        return {
            "gpo": self.gpo,
            "guid": self.guid,
            "link": self.link,
            "precedence": self.precedence,
            "refreshed_at": None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }


@dataclass(frozen=True)
class Written:
    """What RSoP says of one value: the data that the winning GPO wrote (None: it deletes the value), and that GPO."""

    value: Stored
    source: DecidingGpo


@dataclass(frozen=True)
class PolicyResults:
    """What RSoP says of the managed settings. reason: why it says nothing at all, None where it was read.

    The layer is where the value is written: POLICY for a policy, LOCAL for a security option.
    """

    written: Mapping[tuple[Setting, Layer], Written] = field(default_factory=dict)
    reason: str | None = None

    def source(self, setting: Setting, layer: Layer, held: Stored) -> DecidingGpo | None:
        """The GPO behind a value that the host holds; None where RSoP does not account for this very value."""
        row = self.written.get((setting, layer))
        return row.source if row and held is not None and row.value == held else None

    def why_none(self, setting: Setting, layer: Layer, held: Stored) -> str | None:
        """Why `source` names no GPO. None where there is nothing to explain: no GPO wrote the local value."""
        if self.reason:
            return self.reason
        row = self.written.get((setting, layer))
        if row is None:
            if layer is Layer.LOCAL:
                return None
            return (
                "RSoP names no GPO for this value: it was written directly, or after the last refresh that was logged."
            )
        if row.value == held:
            return None
        at = row.source.as_dict()["refreshed_at"] or "an unknown time"
        return (
            f"RSoP is older than the value: at {at} it was {as_text(row.value)} by {row.source}, and the host holds "
            f"{as_text(held)}."
        )
