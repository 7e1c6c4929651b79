# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_revert: undo changes of GPOs exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.domain_action import CONNECTION_OPTIONS, DomainAction
from ..plugin_utils.core.errors import NOTHING_WRITTEN, RequestError
from ..plugin_utils.domain.errors import said
from ..plugin_utils.domain_gpo.domain_change import DomainChanges
from ..plugin_utils.domain_gpo.domain_gpo import GpoReader, as_guid
from ..plugin_utils.domain_gpo.gpo_journal import GpoChange, GpoJournal
from ..plugin_utils.domain_gpo.gpo_names import with_names
from ..plugin_utils.domain_gpo.gpo_wishes import text_of


class ActionModule(DomainAction):
    """Undoes one change, the newest, or all of them, newest first."""

    ARGUMENT_SPEC = {
        **CONNECTION_OPTIONS,
        "gpo": {"type": "str"},
        "change_id": {"type": "str"},
        "latest": {"type": "bool", "default": False},
        "all": {"type": "bool", "default": False},
        "force": {"type": "bool", "default": False},
    }

    def work(self, reader: GpoReader, options: Mapping[str, Any]) -> dict[str, Any]:
        if sum(map(bool, (options["change_id"], options["latest"], options["all"]))) != 1:
            raise RequestError(f"Say exactly one of change_id, latest and all. {NOTHING_WRITTEN}")
        changes = DomainChanges(reader, check_mode=bool(self._task.check_mode))
        reverted: list[dict[str, Any]] = []
        diffs: list[dict[str, str]] = []
        for journal, entry in chosen(list(changes.journals()), options):
            if not entry.status.stands:
                continue
            outcome = changes.revert(journal.guid, entry.change_id, force=options["force"])
            if outcome.changed and outcome.entry:
                reverted.append({"gpo": journal.name, "guid": journal.guid, **outcome.entry.as_dict()})
                diffs.append(
                    {
                        "before": text_of(with_names(reader, outcome.before)),
                        "after": text_of(with_names(reader, outcome.after)),
                        "before_header": f"{said(journal.name)}, change {outcome.entry.change_id}",
                        "after_header": "undone",
                    }
                )
        result: dict[str, Any] = {"changed": bool(reverted), "reverted": reverted, "diff": diffs}
        self._warn(result, *dict.fromkeys(changes.warnings))
        return result


def chosen(journals: list[GpoJournal], options: Mapping[str, Any]) -> list[tuple[GpoJournal, GpoChange]]:
    """The changes that the options name, newest first. Raises RequestError for a change_id that no journal has."""
    wanted = options["gpo"]
    if wanted is not None:
        guid = as_guid(wanted)
        journals = [each for each in journals if each.guid == guid or each.name.casefold() == wanted.casefold()]
    changes = [(journal, entry) for journal in journals for entry in journal.entries]
    changes.sort(key=lambda pair: pair[1].created_at, reverse=True)
    if options["change_id"]:
        named = [pair for pair in changes if pair[1].change_id == options["change_id"]]
        if len(named) != 1:
            known = ", ".join(said(entry.change_id) for _journal, entry in changes[:10]) or "none"
            raise RequestError(
                f"{len(named) or 'No'} changes are named {said(options['change_id'])}; the newest are: {known}. "
                f"{'Say the option gpo as well. ' if named else ''}{NOTHING_WRITTEN}"
            )
        return named
    standing = [pair for pair in changes if pair[1].status.stands]
    return standing[:1] if options["latest"] else standing
