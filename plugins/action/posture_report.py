# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_report: what posture_info found on the hosts of a fleet, as a page, as JSON and as CSV on the controller."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..plugin_utils.actions.action import Action
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.report.csv_tables import csv_files
from ..plugin_utils.report.document import SCHEMA_VERSION, ReportTerms, build_document
from ..plugin_utils.report.exceptions import read_exceptions
from ..plugin_utils.report.files import as_json, read_document, write_files
from ..plugin_utils.report.html import render

FORMATS = ("html", "json", "csv")
PAGE, DOCUMENT = "report.html", "report.json"


class ActionModule(Action):
    """Writes on the controller, and never talks to the host of the task."""

    ARGUMENT_SPEC = {
        "hosts": {"type": "dict", "required": True},
        "dest": {"type": "path", "required": True},
        "formats": {"type": "list", "elements": "str", "choices": list(FORMATS), "default": list(FORMATS)},
        "title": {"type": "str", "default": "SMB guest logons"},
        "exceptions": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "host": {"type": "str"},
                "server": {"type": "str"},
                "control": {"type": "str"},
                "reason": {"type": "str", "required": True},
                "expires": {"type": "str"},
                "approved_by": {"type": "str"},
                "ticket": {"type": "str"},
            },
        },
        "servers": {"type": "list", "elements": "dict", "default": []},
        "previous": {"type": "path"},
        "mode": {"type": "str", "default": "0640"},
    }

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        folder = Path(options["dest"]).absolute()
        mode = _mode(options["mode"])
        previous = read_document(Path(options["previous"]) if options["previous"] else folder / DOCUMENT)
        if options["previous"] and previous is None:
            raise RequestError(f"The earlier report {options['previous']} does not exist.")
        result: dict[str, Any] = {"changed": True, "dest": str(folder)}
        if previous is not None and previous.get("schema_version") != SCHEMA_VERSION:
            self._warn(result, "The earlier report has another schema_version: it is not compared.")
        terms = ReportTerms(
            datetime.now(UTC),
            options["title"],
            collection_version=_version(),
            exceptions=read_exceptions(options["exceptions"]),
            previous=previous,
            probes=options["servers"],
        )
        document = build_document(options["hosts"], terms)
        files = _files(document, options["formats"])
        if not self._task.check_mode:
            write_files(folder, files, mode)
        return result | {
            "files": [str(folder / name) for name in files],
            "summary": document["summary"],
            "comparison": document["comparison"],
            "unread": [row["name"] for row in document["hosts"] if row["status"] != "read"],
        }


def _files(document: Mapping[str, Any], formats: list[str]) -> dict[str, str]:
    """By name. The document comes last: it is what the next report is compared with."""
    if not formats:
        raise RequestError(f"formats is empty: say at least one of {', '.join(FORMATS)}.")
    files: dict[str, str] = {}
    if "html" in formats:
        files[PAGE] = render(document)
    if "csv" in formats:
        files |= {f"{name}.csv": text for name, text in csv_files(document).items()}
    if "json" in formats:
        files[DOCUMENT] = as_json(document)
    return files


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0o400 <= mode <= 0o777:
        raise RequestError(f"mode {text!r} is no mode of a file in octal digits, such as '0640' in quotes.")
    return mode


def _version() -> str:
    """Of the installed collection; empty in a checkout, which has no manifest."""
    manifest = Path(__file__).resolve().parents[2] / "MANIFEST.json"
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
