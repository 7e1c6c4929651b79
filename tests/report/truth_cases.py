# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs of the known fleet: the documents that the report makes of them, and the truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.baseline import Baseline
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.exceptions import read_exceptions
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.files import as_json
from ansible_collections.winops.smb_guest.tests.report.known_fleet import (
    BASELINE,
    EXCEPTIONS,
    FIRST,
    PROBES,
    SAME_MACHINE,
    SECOND,
    first_run,
    second_run,
)
from ansible_collections.winops.smb_guest.tests.report.true_difference import Difference
from ansible_collections.winops.smb_guest.tests.report.truth import Truth


@dataclass(frozen=True)
class Case:
    """A document as its file holds it, and the truth."""

    document: dict[str, Any]
    truth: Truth
    difference: Difference | None = None


def _document(said: Mapping[str, Any], now: Any, previous: Any = None) -> dict[str, Any]:
    terms = ReportTerms(
        now,
        exceptions=read_exceptions(EXCEPTIONS),
        probes=PROBES,
        previous=previous,
        baseline=Baseline("policy-files", BASELINE),
    )
    document: dict[str, Any] = json.loads("".join(as_json(build_document(said, terms))))
    return document


def two_runs() -> dict[str, Case]:
    """`first` and `second`, which is compared with the first."""
    first, second = (
        Truth(said, now, PROBES, SAME_MACHINE, EXCEPTIONS, BASELINE)
        for said, now in ((first_run(), FIRST), (second_run(), SECOND))
    )
    before = _document(first.said, FIRST)
    after = _document(second.said, SECOND, before)
    return {"first": Case(before, first), "second": Case(after, second, Difference(first, second))}


def by_machine(truth: Truth, rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Rows of servers by the key that the truth has for them."""
    named = {name: key for key, row in truth.servers.items() for name in row["names"]}
    return {"" if row["name"] == "not named" else named[row["name"]]: row for row in rows}
