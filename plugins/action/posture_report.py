# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_report: what posture_info found on a fleet, as a page, JSON and CSV on the control node."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.release import __version__ as ansible_version

from ..plugin_utils.actions.action import Action
from ..plugin_utils.core.errors import HostState, RequestError
from ..plugin_utils.core.local_files import StagedFiles, bounded_readers
from ..plugin_utils.core.text import one_line
from ..plugin_utils.policy_files.policy_reader import MAX_FILE, MAX_FILES, PolicyFolder, agreement
from ..plugin_utils.report.baseline import Baseline
from ..plugin_utils.report.compliance import failing_controls
from ..plugin_utils.report.csv_tables import csv_files
from ..plugin_utils.report.document import SCHEMA_VERSION, ReportTerms, build_document
from ..plugin_utils.report.exceptions import Accepted, read_exceptions
from ..plugin_utils.report.files import as_json, checksums, read_document, read_parts
from ..plugin_utils.report.html import page_pieces
from ..plugin_utils.report.json_lines import json_lines
from ..plugin_utils.report.page_data import HOST_FILES, host_files
from ..plugin_utils.report.parts import build_part, merge_parts, part_name
from ..plugin_utils.report.sarif import as_sarif

FORMATS = ("html", "json", "csv", "jsonl", "sarif", "part")
DEFAULT_FORMATS = FORMATS[:3]
Document = Mapping[str, Any]
PAGE, DOCUMENT, CHECKSUMS = "report.html", "report.json", "SHA256SUMS"


class ActionModule(Action):
    """Writes on the control node, and never talks to the host of the task."""

    ARGUMENT_SPEC = {
        "hosts": {"type": "dict", "default": {}},
        "merge": {"type": "list", "elements": "path", "default": []},
        "check_options": {"type": "bool", "default": False},
        "dest": {"type": "path", "required": True},
        "formats": {"type": "list", "elements": "str", "choices": list(FORMATS), "default": list(DEFAULT_FORMATS)},
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
        "exceptions_file": {"type": "path"},
        "servers": {"type": "list", "elements": "dict", "default": []},
        "previous": {"type": "path"},
        "baseline": {"type": "path"},
        "mode": {"type": "str", "default": "0640"},
    }

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        folder = Path(options["dest"]).absolute()
        mode = _mode(options["mode"])
        previous = read_document(Path(options["previous"]) if options["previous"] else folder / DOCUMENT)
        if options["previous"] and previous is None:
            raise RequestError(f"The earlier report {options['previous']} does not exist.")
        formats = _formats(options)
        exceptions = [*read_exceptions(options["exceptions"]), *self._exceptions_of(options["exceptions_file"])]
        baseline = _baseline(options["baseline"])
        if options["check_options"]:
            return {"changed": False}
        if options["hosts"] and not options["merge"] and not any(options["hosts"].values()):
            raise RequestError(
                "No host was asked: the result of posture_info is missing for each of them. Run the task that reads "
                "the hosts as well, without --start-at-task and without tags that leave it out.",
                host_state=HostState.NOT_CONTACTED,
            )
        parts = read_parts(Path(place) for place in options["merge"])
        now = datetime.now(UTC)
        hosts, probes, own = options["hosts"], options["servers"], None
        if parts or "part" in formats:
            own = build_part(hosts, probes, now)
        if own and parts:
            merged = merge_parts(hosts, [own, *(part for _path, part in parts)])
            hosts, probes = merged.hosts, merged.probes
        result: dict[str, Any] = {"changed": True, "dest": str(folder)}
        if previous is not None and previous.get("schema_version") != SCHEMA_VERSION:
            self._warn(result, "The earlier report has another schema_version: it is not compared.")
        terms = ReportTerms(
            now,
            options["title"],
            collection_version=_version(),
            exceptions=exceptions,
            previous=previous,
            probes=probes,
            baseline=baseline,
            provenance=self._provenance(options, [path for path, _part in parts]),
        )
        document = build_document(hosts, terms)
        part = own if "part" in formats else None
        staged = StagedFiles(folder, mode, "The report")
        files = dict(_files(document, formats, part, staged.digests))
        if not self._task.check_mode:
            _write(staged, files)
        return result | {
            "files": [str(folder / name) for name in (*files, CHECKSUMS)],
            "summary": document["summary"],
            "comparison": document["comparison"],
            "failing_controls": failing_controls(document["compliance"]),
            "unread": [row["name"] for row in document["hosts"] if row["status"] != "read"],
        }

    def _exceptions_of(self, file: str | None) -> list[Accepted]:
        """Those of a YAML file, which may be vaulted. A relative path starts at the working directory."""
        if not file:
            return []
        path = Path(file).absolute()
        try:
            rows = self._loader.load_from_file(str(path))
        except (AnsibleError, OSError, UnicodeDecodeError) as error:
            raise RequestError(
                f"The exceptions file {path} cannot be read: {one_line(str(error), 300)}. Name a YAML file with a list."
            ) from error
        return read_exceptions(rows, str(path))

    def _provenance(self, options: Mapping[str, Any], parts: Sequence[Path]) -> dict[str, Any]:
        """Who makes the report, where, and from what."""
        sources = getattr(self, "_variables", {}).get("ansible_inventory_sources") or []
        shown = ("formats", "title", "previous", "merge", "baseline")
        return {
            "control_node": socket.gethostname(),
            "user": _user(),
            "ansible_version": ansible_version,
            "inventory_sources": [str(source) for source in sources],
            "options": [f"{name}={options[name]}" for name in shown if options[name]],
            "parts": [path.name for path in parts],
        }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's account without a name
        return str(os.getuid())


def _formats(options: Mapping[str, Any]) -> list[str]:
    if not options["formats"]:
        raise RequestError(f"formats is empty: say at least one of {', '.join(FORMATS)}.")
    return list(options["formats"])


def _write(staged: StagedFiles, files: Mapping[str, Iterable[str]]) -> None:
    """All files or none. The document is written first, since the page names its checksum, and appears last, since the
    next report is compared with it. A new page leaves no host file of an earlier one behind."""
    with staged:
        for name in sorted(files, key=lambda name: name != DOCUMENT):
            staged.add(name, _encoded(files[name]))
        if DOCUMENT in files:
            staged.move_to_end(DOCUMENT)
        staged.add(CHECKSUMS, _encoded([checksums(staged.digests)]))
        staged.publish()
        if PAGE in files:
            staged.remove_others(HOST_FILES, "hosts-*.js")


def _encoded(pieces: Iterable[str]) -> Iterator[bytes]:
    return (piece.encode() for piece in pieces)


def _files(
    document: Document, formats: Sequence[str], part: Document | None, digests: Mapping[str, str]
) -> Iterator[tuple[str, Iterable[str]]]:
    """The files by name, each with its text in pieces, which are made when they are read.

    Args:
        document: Of the report.
        formats: Which files.
        part: What the format part writes.
        digests: The checksum of the document, once it is written.
    """
    if "html" in formats:
        beside = host_files(document)
        yield from ((name, [text]) for name, text in beside.items())
        # The digest is asked for when the page is written, and not before.
        yield PAGE, (piece for _once in range(1) for piece in page_pieces(document, digests.get(DOCUMENT, ""), beside))
    if "csv" in formats:
        yield from ((f"{name}.csv", pieces) for name, pieces in csv_files(document).items())
    if "jsonl" in formats:
        yield "report.jsonl", json_lines(document)
    if "sarif" in formats:
        yield "report.sarif", (as_sarif(document) for _once in range(1))
    if "json" in formats:
        yield DOCUMENT, as_json(document)
    if part is not None:
        yield part_name(part), as_json(part)


def _baseline(path: str | None) -> Baseline | None:
    """What policy files on the control node say. Raises RequestError where there are none."""
    if not path:
        return None
    sources = PolicyFolder(bounded_readers(Path(path), MAX_FILES, MAX_FILE)).sources()
    if not any(source.settings or source.deleted for source in sources):
        notes = [f"{source.path}: {note}" for source in sources for note in source.notes]
        raise RequestError(
            f"The baseline {path} says nothing about the SMB settings. Name a file, folder or export that "
            "policy_files_info reads.",
            remarks=notes[:3],
        )
    return Baseline(path, *agreement(sources))


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


main = ActionModule.lint
