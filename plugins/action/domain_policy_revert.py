# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_revert: undo changes of GPOs exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.domain_action import CONNECTION_OPTIONS, DomainAction
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.domain.errors import clean
from ..plugin_utils.domain_gpo.domain_change import DomainChanges
from ..plugin_utils.domain_gpo.gpo_desired import text_of
from ..plugin_utils.domain_gpo.gpo_journal import GpoChange, GpoJournal
from ..plugin_utils.domain_gpo.gpo_names import with_names
from ..plugin_utils.domain_gpo.gpo_reader import GpoReader, as_guid
from ..plugin_utils.domain_gpo.journal_store import JournalFile


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
            raise RequestError("Set exactly one of change_id, latest and all.")
        changes = DomainChanges(reader, check_mode=bool(self._task.check_mode))
        reverted: list[dict[str, Any]] = []
        diffs: list[dict[str, str]] = []
        files = list(changes.journals())
        for journal, entry in chosen(files, options):
            if not entry.status.is_open:
                continue
            outcome = changes.revert(journal.guid, entry.change_id, force=options["force"])
            if outcome.changed and outcome.entry:
                reverted.append({"gpo": journal.name, "guid": journal.guid, **outcome.entry.as_dict()})
                diffs.append(
                    {
                        "before": text_of(with_names(reader, outcome.before)),
                        "after": text_of(with_names(reader, outcome.after)),
                        "before_header": f"{clean(journal.name)}, change {outcome.entry.change_id}",
                        "after_header": "undone",
                    }
                )
        result: dict[str, Any] = {"changed": bool(reverted), "reverted": reverted, "diff": diffs}
        problems = [each.problem for each in files if each.is_own and each.problem]
        self._warn(result, *dict.fromkeys([*changes.warnings, *problems]))
        return result


def chosen(files: list[JournalFile], options: Mapping[str, Any]) -> list[tuple[GpoJournal, GpoChange]]:
    """The changes of this account that the options name, newest first.

    Raises RequestError for a change_id that no journal of this account has, and for a journal that is not believed.
    """
    wanted = options["gpo"]
    if wanted is not None:
        guid = as_guid(wanted)
        files = [
            each for each in files if each.journal.guid == guid or each.journal.name.casefold() == wanted.casefold()
        ]
        for each in files:
            if each.is_own and each.problem:
                raise RequestError(f"{each.problem}")
    changes = [(each.journal, entry) for each in files if each.is_own for entry in each.journal.entries]
    changes.sort(key=lambda pair: pair[1].created_at, reverse=True)
    if options["change_id"]:
        named = [pair for pair in changes if pair[1].change_id == options["change_id"]]
        if len(named) != 1:
            raise RequestError(f"{_not_one(files, named, changes, options['change_id'])}")
        return named
    standing = [pair for pair in changes if pair[1].status.is_open]
    return standing[:1] if options["latest"] else standing


def _not_one(
    files: list[JournalFile],
    named: list[tuple[GpoJournal, GpoChange]],
    changes: list[tuple[GpoJournal, GpoChange]],
    change_id: str,
) -> str:
    """What to do about a change_id that does not name one change of this account."""
    others = [each.sid for each in files if not each.is_own and each.journal.get(change_id)]
    if others and not named:
        return (
            f"The change {clean(change_id)} was made by another account ({', '.join(others)}), whose journal this one "
            "does not act on. Revert it with that account, or set the GPO with domain_policy."
        )
    if named:
        gpos = ", ".join(sorted(clean(journal.name) for journal, _entry in named))
        return f"Several GPOs have a change named {clean(change_id)}: {gpos}. Set the option gpo to one of them."
    known = ", ".join(clean(entry.change_id) for _journal, entry in changes[:10]) or "none"
    return f"No change is named {clean(change_id)}. The newest are: {known}."


main = ActionModule.lint
