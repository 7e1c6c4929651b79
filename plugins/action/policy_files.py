# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""policy_files: the settings as files that other tools import, on the control node."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..plugin_utils.actions.action import Action
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.core.local_files import write_files
from ..plugin_utils.policy_files.errors import CannotBeWritten
from ..plugin_utils.policy_files.forms import FORMS, left_out, written_files
from ..plugin_utils.policy_files.policy_places import PolicyDocument
from ..plugin_utils.tables.settings import SETTINGS

MODE = 0o644


class ActionModule(Action):
    """Writes on the control node, and never talks to the host of the task."""

    ARGUMENT_SPEC = {
        "dest": {"type": "path", "required": True},
        "forms": {"type": "list", "elements": "str", "choices": list(FORMS), "required": True},
        "name": {"type": "str", "default": "SMB guest logons"},
        "comment": {"type": "str", "default": ""},
        "made_at": {"type": "str", "default": "2000-01-01T00:00:00Z"},
        **{name: {"type": "str", "choices": [row.words.true, row.words.false]} for name, row in SETTINGS.items()},
    }

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        document = _document(options)
        folder = Path(options["dest"]).absolute()
        files: dict[str, bytes] = {}
        for form in options["forms"]:
            try:
                files |= {f"{form}/{name}": content for name, content in written_files(form, document).items()}
            except CannotBeWritten as error:
                raise RequestError(f"{form} cannot be written: {error}.") from error
        differ = _differing(folder, files)
        if differ and not self._task.check_mode:
            write_files(folder, {name: files[name] for name in differ}, MODE, "The policy files")
        gone = {form: left_out(form, document.settings) for form in options["forms"]}
        return {
            "changed": bool(differ),
            "dest": str(folder),
            "files": sorted(files),
            "left_out": {form: rows for form, rows in gone.items() if rows},
            "undo": {form: FORMS[form].undo for form in options["forms"]},
            "diff": [
                {"before_header": name, "after_header": name, "before": _shown(held), "after": _shown(files[name])}
                for name, held in sorted(differ.items())
            ],
            "warnings": [
                f"{form} does not carry {name}: {why}." for form, rows in gone.items() for name, why in rows.items()
            ],
        }


def _document(options: Mapping[str, Any]) -> PolicyDocument:
    """Raises RequestError."""
    settings = {row: row.words.value(options[name]) for name, row in SETTINGS.items() if options[name] is not None}
    if not settings:
        raise RequestError(f"There is nothing to write: give at least one of {', '.join(SETTINGS)}.")
    for option in ("name", "comment"):
        if not options[option].isprintable() or len(options[option]) > 255:
            raise RequestError(f"{option} must be one printable line of at most 255 characters.")
    if not options["name"].strip() or not options["forms"]:
        raise RequestError("name and forms must not be empty.")
    try:
        made_at = datetime.fromisoformat(options["made_at"])
    except ValueError as error:
        raise RequestError(f"made_at is no time such as 2026-11-30T08:00:00Z: {options['made_at']!r}.") from error
    made_at = made_at.astimezone(UTC) if made_at.tzinfo else made_at.replace(tzinfo=UTC)
    known = {row: value for row, value in settings.items() if value is not None}
    return PolicyDocument(options["name"], known, made_at, options["comment"])


def _differing(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """The files that are not there as they should be, with what is there now. Raises RequestError."""
    found: dict[str, bytes | None] = {}
    for name, content in files.items():
        try:
            held = (folder / name).read_bytes()
        except FileNotFoundError:
            found[name] = None
        except OSError as error:
            raise RequestError(f"{folder / name} cannot be read: {error.strerror or error}.") from error
        else:
            if held != content:
                found[name] = held
    return found


def _shown(content: bytes | None) -> str:
    """A file for --diff: text as text, anything else by its size and bytes."""
    if content is None:
        return ""
    if content.startswith(b"\xff\xfe"):
        return content.decode("utf-16", errors="replace").replace("\r\n", "\n")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and "\0" not in text:
        return text.replace("\r\n", "\n")
    return f"{len(content)} bytes: {content.hex(' ', 16)}\n"


main = ActionModule.lint
