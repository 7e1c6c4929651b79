# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_exception: allows insecure guest logons for named computers by a GPO, until a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ..plugin_utils.actions.domain_action import CONNECTION_OPTIONS, DomainAction
from ..plugin_utils.actions.exception_safeguards import check_decides, check_name, check_reach, last_day
from ..plugin_utils.actions.gpo_options import LINK_OPTIONS, desired_gpo, gpo_terms, result_of
from ..plugin_utils.actions.safeguards import without_empty
from ..plugin_utils.domain.directory import escaped
from ..plugin_utils.domain_gpo.domain_change import DomainChanges
from ..plugin_utils.domain_gpo.domain_report import DomainReport
from ..plugin_utils.domain_gpo.exception_names import PREFIX, exception_name, is_for, last_day_of
from ..plugin_utils.domain_gpo.gpo_access import AUTHENTICATED_USERS
from ..plugin_utils.domain_gpo.gpo_outcome import GpoTerms
from ..plugin_utils.domain_gpo.gpo_reader import GPO_CLASS, GpoReader
from ..plugin_utils.domain_gpo.gpo_state import GpoContainer
from ..plugin_utils.domain_gpo.resolution import Resolution
from ..plugin_utils.tables.settings import GUEST


class ActionModule(DomainAction):
    """The safeguards are checked here, by the task that writes, whatever a role or a play has checked before."""

    ARGUMENT_SPEC = {
        **CONNECTION_OPTIONS,
        "state": {"type": "str", "choices": ["present", "absent", "expired"], "default": "present"},
        "name": {"type": "str"},
        "expires_on": {"type": "str"},
        "links": {"type": "list", "elements": "dict", "options": LINK_OPTIONS},
        "groups": {"type": "list", "elements": "str"},
        "whole_domain": {"type": "bool", "default": False},
        "relax_signing": {"type": "bool", "default": True},
        "change_id": {"type": "str"},
        "reason": {"type": "str"},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._task.args = without_empty(self._task.args, self.ARGUMENT_SPEC)
        return super().run(tmp, task_vars)

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        self._today = datetime.now(UTC).date()
        if options["state"] == "present":
            self._last_day = last_day(options, self._today)
        elif options["state"] == "absent":
            check_name(options)
        return super().act(options)

    def work(self, reader: GpoReader, options: Mapping[str, Any]) -> dict[str, Any]:
        found = [each for each in reader.containers(_EXCEPTIONS) if last_day_of(each.name)]
        same = [each for each in found if options["name"] and is_for(each.name, options["name"])]
        if options["state"] == "present":
            return self._present(reader, options, same)
        if options["state"] == "absent":
            return self._deleted(reader, same, options["reason"] or "")
        past = [each for each in found if (last_day_of(each.name) or date.max) < self._today]
        return self._deleted(reader, past, "Past its last day")

    def _present(self, reader: GpoReader, options: Mapping[str, Any], same: Iterable[GpoContainer]) -> dict[str, Any]:
        name = exception_name(options["name"], self._last_day)
        replaced = [each for each in same if each.name.casefold() != name.casefold()]
        desired = desired_gpo(reader, self._gpo_options(options, name))
        check_reach(reader.directory, desired, whole_domain=options["whole_domain"])
        outcome = DomainChanges(reader, check_mode=True).make_true(name, desired, gpo_terms(options))
        report = DomainReport(reader)
        resolution = Resolution(report, outcome.state, [each.guid for each in replaced])
        guid = outcome.state.guid if outcome.state else ""
        warnings = check_decides(report, resolution, desired, guid)
        if not self._task.check_mode:
            outcome = DomainChanges(reader).make_true(name, desired, gpo_terms(options))
        result = result_of(reader, outcome)
        self._warn(result, *warnings)
        gone = self._deleted(reader, replaced, "Replaced by an exception of the same name")
        return {
            **result,
            "changed": result["changed"] or gone["changed"],
            "diff": [result["diff"], *gone["diff"]],
            "deleted": gone["deleted"],
            "summary": f"{name}: insecure guest logons are allowed where it is linked. {gone['summary']}".strip(),
        }

    def _gpo_options(self, options: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The exception as options of domain_policy."""
        settings = {GUEST.name: GUEST.words.word(True)}
        if options["relax_signing"]:
            settings["client_signing"] = "not_required"
        return {
            **options,
            **settings,
            "gpo": name,
            "links_exclusive": True,
            "wmi_filter": None,
            "security_filter": options["groups"] or [AUTHENTICATED_USERS],
            "comment": f"{options['reason']} - expires {self._last_day.isoformat()}",
        }

    def _deleted(self, reader: GpoReader, gpos: Iterable[GpoContainer], reason: str) -> dict[str, Any]:
        """Delete GPOs, each as a change of its own."""
        deleted, diffs = [], []
        for each in gpos:
            changes = DomainChanges(reader, check_mode=bool(self._task.check_mode))
            result = result_of(reader, changes.make_absent(each.guid, GpoTerms(reason=reason)))
            deleted.append({"name": each.name, "guid": each.guid, "change_id": result["change_id"]})
            diffs.append(result["diff"])
        names = ", ".join(each["name"] for each in deleted)
        return {
            "changed": bool(deleted),
            "deleted": deleted,
            "diff": diffs,
            "summary": f"Deleted: {names}." if deleted else "",
        }


_EXCEPTIONS = f"(&{GPO_CLASS}(displayName={escaped(PREFIX.strip())}*))"


main = ActionModule.lint
