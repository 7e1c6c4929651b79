# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one part of a host's facts holds, with the warnings that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GatheredFacts:
    """Facts as a module returns them. warnings: lines for the user that are not errors."""

    facts: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
