# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A baseline, which is what policy files say, beside what a fleet runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..tables.settings import SETTINGS
from .host_posture import NOTHING, HostPosture, HostStatus
from .text import line


@dataclass(frozen=True)
class Baseline:
    """What policy files say.

    Args:
        name: Where they were read.
        settings: The settings on which the files agree.
        contradictions: The settings on which they differ, with the value in each file. No host is compared with them.
    """

    name: str
    settings: Mapping[str, bool]
    contradictions: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)


def baseline_part(baseline: Baseline | None, hosts: Sequence[HostPosture]) -> dict[str, Any] | None:
    """`{name, settings, contradictions}` of the document; None without a baseline. Hosts that were not read are in no
    list of it."""
    if baseline is None:
        return None
    read = [host for host in hosts if host.status is HostStatus.READ]
    return {
        "name": line(baseline.name),
        "settings": [_compared(name, value, read) for name, value in baseline.settings.items()],
        "contradictions": [
            {
                "setting": name,
                "files": {line(path): SETTINGS[name].words.word(value) for path, value in files.items()},
            }
            for name, files in baseline.contradictions.items()
        ],
    }


def hosts_that_differ(part: Mapping[str, Any] | None) -> set[str]:
    """The hosts that run another value than the baseline, in whichever setting."""
    return {name for row in part["settings"] for name in row["differ"]} if part else set()


def _compared(name: str, wanted: bool, hosts: Iterable[HostPosture]) -> dict[str, Any]:
    """One setting: the hosts that run the same value, another one, one that is not known, or do not support it."""
    found: dict[str, list[str]] = {"differ": [], "same": [], "unknown": [], "unsupported": []}
    for host in hosts:
        value = host.in_force(name)
        if host.settings.get(name, NOTHING)["supported"] is False:
            verdict = "unsupported"
        else:
            verdict = "unknown" if value is None else "same" if value == wanted else "differ"
        found[verdict].append(host.name)
    words = SETTINGS[name].words
    return {"setting": name, "wanted": words.word(wanted), "other": words.word(not wanted), **found}
