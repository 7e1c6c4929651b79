# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say what a GPO is to hold, as the modules share them, and the result of a change in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..change.journal_format import checked_change_id, checked_text
from ..core.errors import RequestError
from ..domain.accounts import is_foreign_sid, sid_of, wmi_filter_text
from ..domain.link_targets import link_targets
from ..domain_gpo.gpo_cells import MANAGED
from ..domain_gpo.gpo_desired import DesiredGpo, DesiredLink, text_of
from ..domain_gpo.gpo_names import with_names
from ..domain_gpo.gpo_outcome import GpoOutcome, GpoTerms
from ..domain_gpo.gpo_reader import GpoReader

LINK_OPTIONS: Mapping[str, Any] = {
    "target": {"type": "str", "required": True},
    "enabled": {"type": "bool"},
    "enforced": {"type": "bool"},
    "order": {"type": "int"},
}
MAX_NAME = 255


def desired_gpo(reader: GpoReader, options: Mapping[str, Any]) -> DesiredGpo:
    """The options as desired settings, names looked up. Raises RequestError."""
    name = options["gpo"].strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise RequestError(f"gpo must be one printable line of 1 to {MAX_NAME} characters.")
    named = options["links"] or ()
    targets = link_targets(reader.directory, [link["target"] for link in named])
    links = [DesiredLink(**{**link, "target": target}) for link, target in zip(named, targets, strict=True)]
    for link in links:
        if link.order is not None and link.order < 1:
            raise RequestError(f"order counts from 1, the strongest link; {link.order} is none.")
    sids = options["security_filter"]
    if sids is not None and not sids:
        raise RequestError(
            "security_filter is empty: nobody would apply the GPO. Disable or remove its links instead, or say "
            "Authenticated Users."
        )
    wmi_filter = options["wmi_filter"]
    return DesiredGpo(
        name=name,
        settings={
            setting: MANAGED[setting].words.value(options[setting])
            for setting in MANAGED
            if options.get(setting) is not None
        },
        links=links,
        links_exclusive=options["links_exclusive"],
        wmi_filter=wmi_filter and wmi_filter_text(reader.directory, reader.domain, wmi_filter),
        filter_sids=None if sids is None else [sid_of(reader.directory, sid) for sid in sids],
        comment=None if options["comment"] is None else checked_text("comment", options["comment"]),
    )


def gpo_terms(options: Mapping[str, Any]) -> GpoTerms:
    """What goes into the journal. Raises RequestError."""
    return GpoTerms(
        checked_change_id(options["change_id"]) if options["change_id"] else None,
        checked_text("reason", options["reason"]) if options["reason"] else "",
    )


def foreign_filters(reader: GpoReader, desired: DesiredGpo) -> list[str]:
    """A warning where the security filter names accounts that this domain cannot check."""
    foreign = [sid for sid in desired.filter_sids or () if is_foreign_sid(reader.directory, sid)]
    if not foreign:
        return []
    warning = (
        f"security_filter has SIDs of another domain, which this domain cannot check: {', '.join(foreign)}. Check that "
        "they are the groups that you mean."
    )
    return [warning]


def result_of(reader: GpoReader, outcome: GpoOutcome) -> dict[str, Any]:
    before, after = (with_names(reader, words) for words in (outcome.before, outcome.after))
    result: dict[str, Any] = {
        "changed": outcome.changed,
        "before": before,
        "after": after,
        "change_id": outcome.entry.change_id if outcome.entry else None,
        "diff": {"before": text_of(before), "after": text_of(after)},
    }
    if outcome.warnings:
        result["warnings"] = outcome.warnings
    return result
