# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy_info: the GPOs of a domain that carry our settings, and who wins each on a computer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..plugin_utils.actions.domain_action import CONNECTION_OPTIONS, DomainAction
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.core.local_files import StagedFiles
from ..plugin_utils.domain_gpo.domain_report import DomainReport
from ..plugin_utils.domain_gpo.gpo_backup import GpoBackup, back_up
from ..plugin_utils.domain_gpo.gpo_reader import GpoReader
from ..plugin_utils.domain_gpo.journal_store import JournalStore
from ..plugin_utils.domain_gpo.resolution import Resolution
from ..plugin_utils.policy_files.errors import CannotBeWritten
from ..plugin_utils.policy_files.gpmc_backup import MAX_BACKUP_XML, backup_folder, manifest

MODE = 0o640
RECORD, INDEX = "bkupInfo.xml", "manifest.xml"


class ActionModule(DomainAction):
    """Reads the domain only. A backup is written on the control node."""

    ARGUMENT_SPEC = {
        **CONNECTION_OPTIONS,
        "gpo": {"type": "str"},
        "computer": {"type": "str"},
        "organizational_unit": {"type": "str"},
        "site": {"type": "str"},
        "changes": {"type": "bool", "default": False},
        "backup_to": {"type": "path"},
    }

    def work(self, reader: GpoReader, options: Mapping[str, Any]) -> dict[str, Any]:
        if options["computer"] and options["organizational_unit"]:
            raise RequestError("Say computer or organizational_unit, not both.")
        if options["site"] and not (options["computer"] or options["organizational_unit"]):
            raise RequestError("site means nothing without computer or organizational_unit.")
        if options["backup_to"] and not options["gpo"]:
            raise RequestError("backup_to backs up one GPO: name it in gpo.")
        report = DomainReport(reader, options["gpo"])
        result: dict[str, Any] = {"changed": False, "gpos": report.gpos()}
        if options["computer"] or options["organizational_unit"]:
            result["resolved"] = Resolution(report).resolved(
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
        container = reader.find(options["gpo"]) if options["backup_to"] else None
        if container is not None:
            result |= self._backed_up(back_up(reader, container, datetime.now(UTC)), Path(options["backup_to"]))
        result["findings"] = report.findings
        result["requests"] = {"ldap": reader.directory.requests, "smb": reader.sysvol.requests}
        return result

    def _backed_up(self, backup: GpoBackup, folder: Path) -> dict[str, Any]:
        """Write a backup, unless the folder has the same one. Raises RequestError."""
        backup_id = backup.source.backup_id
        try:
            files = backup_folder(backup.source)
        except CannotBeWritten as error:
            raise RequestError(f"The GPO cannot be backed up: {error}.") from error
        is_new = not (folder / backup_id / RECORD).exists()
        if is_new and not self._task.check_mode:
            records = [path.read_bytes() for path in sorted(folder.glob(f"*/{RECORD}")) if _is_small(path)]
            files[INDEX] = manifest([*records, files[f"{backup_id}/{RECORD}"]])
            with StagedFiles(folder, MODE, "The backup") as staged:
                for name, content in files.items():
                    staged.add(name, [content])
                staged.move_to_end(f"{backup_id}/{RECORD}")
                staged.move_to_end(INDEX)
                staged.publish()
        row = {"id": backup_id, "path": str(folder.absolute() / backup_id), "left_out": backup.left_out}
        return {"changed": is_new, "backup": row}


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= MAX_BACKUP_XML


main = ActionModule.lint
