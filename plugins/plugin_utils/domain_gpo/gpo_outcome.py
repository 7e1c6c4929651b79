# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes into a change of a GPO beside its settings, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .gpo_journal import GpoChange
from .gpo_state import GpoState


@dataclass
class GpoOutcome:
    """What a run did, or in check mode would do. before and after: the GPO in words; empty where there is none."""

    changed: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    entry: GpoChange | None = None
    state: GpoState | None = None
    """The GPO afterwards; None after a revert."""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class GpoTerms:
    """What goes into the journal with a change."""

    change_id: str | None = None
    reason: str = ""
