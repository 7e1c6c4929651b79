# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_harden: blocks insecure guest logons, and requires what else is asked for, by one GPO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.domain_action import CONNECTION_OPTIONS, DomainAction
from ..plugin_utils.actions.gpo_options import LINK_OPTIONS, desired_gpo, foreign_filters, gpo_terms, result_of
from ..plugin_utils.actions.safeguards import hardening_settings, without_empty
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.domain_gpo.domain_change import DomainChanges
from ..plugin_utils.domain_gpo.domain_report import DomainReport
from ..plugin_utils.domain_gpo.exception_names import PREFIX
from ..plugin_utils.domain_gpo.gpo_cells import MANAGED
from ..plugin_utils.domain_gpo.gpo_reader import GpoReader
from ..plugin_utils.tables.hardening import PARTS

GPO_PARTS = {name: part for name, part in PARTS.items() if all(each.name in MANAGED for each in part.settings)}
"""The parts of hardening that a GPO can carry."""


class ActionModule(DomainAction):
    """Each boolean option is a part of hardening."""

    ARGUMENT_SPEC = {
        **CONNECTION_OPTIONS,
        "gpo": {"type": "str", "default": "SMB guest access closed"},
        **{name: {"type": "bool", "default": part.by_default} for name, part in GPO_PARTS.items()},
        "links": {"type": "list", "elements": "dict", "options": LINK_OPTIONS},
        "links_exclusive": {"type": "bool", "default": False},
        "wmi_filter": {"type": "str"},
        "security_filter": {"type": "list", "elements": "str"},
        "change_id": {"type": "str"},
        "reason": {"type": "str", "default": "harden"},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._task.args = without_empty(self._task.args, self.ARGUMENT_SPEC)
        return super().run(tmp, task_vars)

    def work(self, reader: GpoReader, options: Mapping[str, Any]) -> dict[str, Any]:
        if options["gpo"].casefold().startswith(PREFIX.casefold()):
            raise RequestError(
                "gpo names an exception of the module domain_exception, which allows insecure guest logons. Name "
                "another GPO.",
                kind="safeguard",
            )
        settings = hardening_settings({**dict.fromkeys(PARTS, False), **options})
        wanted = {**options, **dict.fromkeys(PARTS), **settings, "comment": None}
        wanted["security_filter"] = options["security_filter"] or None  # an empty list keeps the filter
        desired = desired_gpo(reader, wanted)
        changes = DomainChanges(reader, check_mode=bool(self._task.check_mode))
        result = result_of(reader, changes.make_true(options["gpo"], desired, gpo_terms(options)))
        report = DomainReport(reader)
        report.gpos()
        result["conflicts"] = [finding["text"] for finding in report.findings]
        self._warn(result, *foreign_filters(reader, desired))
        return result


main = ActionModule.lint
