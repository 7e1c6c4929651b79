# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the parts of a posture one after the other: a part that fails hides no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.errors import HostError, HostUnreachable
from ..core.gathered_facts import GatheredFacts


def gather_parts(
    readers: Mapping[str, Callable[[], GatheredFacts]], describe: Callable[[Exception], str]
) -> GatheredFacts:
    """Run every reader and merge what they return; `problems` names the parts that failed.

    Args:
        readers: name of the part to what reads it.
        describe: the text of an error, as the user reads it.

    Raises the first error if every part failed, and HostUnreachable at once.
    """
    posture: dict[str, Any] = {"problems": []}
    warnings: list[str] = []
    failures: list[HostError] = []
    for part, read in readers.items():
        try:
            gathered = read()
        except HostUnreachable:
            raise
        except HostError as error:
            failures.append(error)
            posture["problems"].append({"part": part, "message": describe(error)})
        else:
            posture |= gathered.facts
            warnings += gathered.warnings
    if failures and len(failures) == len(readers):
        raise failures[0]
    return GatheredFacts(posture, tuple(warnings))
