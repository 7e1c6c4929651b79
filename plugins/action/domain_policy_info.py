# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_info: the GPOs of a domain that carry our settings, and who wins each on a computer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.domain_action import CONNECTION_OPTIONS, DomainAction
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.domain_gpo.domain_report import DomainReport
from ..plugin_utils.domain_gpo.gpo_reader import GpoReader
from ..plugin_utils.domain_gpo.journal_store import JournalStore


class ActionModule(DomainAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        **CONNECTION_OPTIONS,
        "gpo": {"type": "str"},
        "computer": {"type": "str"},
        "organizational_unit": {"type": "str"},
        "site": {"type": "str"},
        "changes": {"type": "bool", "default": False},
    }

    def work(self, reader: GpoReader, options: Mapping[str, Any]) -> dict[str, Any]:
        if options["computer"] and options["organizational_unit"]:
            raise RequestError("Say computer or organizational_unit, not both.")
        if options["site"] and not (options["computer"] or options["organizational_unit"]):
            raise RequestError("site means nothing without computer or organizational_unit.")
        report = DomainReport(reader, options["gpo"])
        result: dict[str, Any] = {"changed": False, "gpos": report.gpos()}
        if options["computer"] or options["organizational_unit"]:
            result["resolved"] = report.resolved(
                account=options["computer"], unit=options["organizational_unit"], site=options["site"]
            )
        if options["changes"]:
            files = list(JournalStore(reader.directory, reader.sysvol, reader.policies_folder).files())
            result["changes"] = [
                {"gpo": each.journal.name, "guid": each.journal.guid, **entry.as_dict()}
                for each in files
                for entry in each.journal.entries
            ]
            report.findings += [
                {"kind": "journal", "gpos": [each.journal.guid], "text": each.problem} for each in files if each.problem
            ]
        result["findings"] = report.findings
        result["requests"] = {"ldap": reader.directory.requests, "smb": reader.sysvol.requests}
        return result
