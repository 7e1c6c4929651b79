# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the files of a report on the control node: each whole or not at all, none before all of them are on the disk.

A reader never sees half a file, and a disk that is full leaves the last report as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ..core.errors import RequestError
from .parts import is_part


def write_files(folder: Path, files: Mapping[str, str], mode: int) -> None:
    """Write `files` (name to text) into `folder`, which is made if need be. Raises RequestError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            staged = {name: _stage(folder, text, mode, stack) for name, text in files.items()}
            for name, path in staged.items():
                path.replace(folder / name)
    except OSError as error:
        raise RequestError(
            f"The report cannot be written to {folder}: {error.strerror or error}. Choose another dest, or see to "
            "room and rights there."
        ) from error


def _stage(folder: Path, text: str, mode: int, stack: ExitStack) -> Path:
    """A finished file under another name; `stack` removes it unless it was renamed."""
    handle, name = tempfile.mkstemp(prefix=".report-", dir=folder)
    path = Path(name)
    stack.callback(path.unlink, missing_ok=True)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)
    return path


def read_document(path: Path) -> dict[str, Any] | None:
    """An earlier document; None where there is no file. Raises RequestError where it is none that can be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"The earlier report {path} cannot be read: {error}.") from error
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        if isinstance(document, dict):
            return document
    raise RequestError(f"The earlier report {path} is no JSON of a report. Name another one, or move it away.")


def read_parts(places: Iterable[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """The parts of files and folders, by path. A folder may hold other files; a file that is named must be a part.

    Raises RequestError.
    """
    found: dict[Path, dict[str, Any]] = {}
    for place in places:
        folder = place.is_dir()
        for path in sorted(place.glob("*.json")) if folder else [place]:
            document = read_document(path)
            if document is None:
                raise RequestError(f"The part {path} does not exist.")
            if is_part(document):
                found[path.resolve()] = document
            elif not folder:
                raise RequestError(f"{path} is no part of a report. Write parts with formats: [part].")
        if folder and not any(path.parent == place.resolve() for path in found):
            raise RequestError(f"The folder {place} holds no part of a report. Write parts with formats: [part].")
    return sorted(found.items())


def checksums(files: Mapping[str, str]) -> str:
    """The lines of a SHA256SUMS file, which `sha256sum --check` reads."""
    return "".join(f"{digest_of(text)}  {name}\n" for name, text in files.items())


def digest_of(text: str) -> str:
    """The SHA-256 of a text as it is written, in hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def as_json(document: Mapping[str, Any]) -> str:
    """Plain ASCII: whatever a name holds, a terminal shows it as text."""
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"
