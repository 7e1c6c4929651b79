# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Earlier reports and parts, read from the control node; a document as JSON, and the checksums of files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ..core.errors import RequestError
from .parts import PART_FILES, is_part
from .shared_values import SharedValues

_PIECES = 10_000


def read_document(path: Path, shared: SharedValues | None = None) -> dict[str, Any] | None:
    """An earlier document; None where there is no file. Raises RequestError where it is none that can be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"The earlier report {path} cannot be read: {error}.") from error
    with suppress(ValueError, RecursionError):
        document = json.loads(text, object_hook=(shared or SharedValues()).share)
        if isinstance(document, dict):
            return document
    raise RequestError(f"The earlier report {path} is no JSON of a report. Name another one, or move it away.")


def read_parts(places: Iterable[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """The parts of files and folders, by path.

    Args:
        places: Files that must be parts, and folders that hold parts under their own names, at any depth.

    Raises:
        RequestError: A file is no part, or a folder holds none.
    """
    found: dict[Path, dict[str, Any]] = {}
    shared = SharedValues()
    for place in places:
        folder = place.is_dir()
        paths = sorted(place.rglob(PART_FILES)) if folder else [place]
        for path in paths:
            document = read_document(path, shared)
            if document is None:
                raise RequestError(f"The part {path} does not exist.")
            if not is_part(document):
                raise RequestError(f"{path} is no part of a report. Write parts with formats: [part].")
            found[path.resolve()] = document
        if not paths:
            raise RequestError(f"The folder {place} holds no part of a report. Write parts with formats: [part].")
    return sorted(found.items())


def checksums(digests: Mapping[str, str]) -> str:
    """The lines of a SHA256SUMS file, which `sha256sum --check` reads. digests: in hex digits, by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def as_json(document: Mapping[str, Any]) -> Iterator[str]:
    """The text of a document in pieces: as a whole it would need hundreds of MB for a large fleet.

    Plain ASCII: whatever a name holds, a terminal shows it as text.
    """
    pieces = json.JSONEncoder(indent=1, ensure_ascii=True).iterencode(document)
    while text := "".join(islice(pieces, _PIECES)):
        yield text
    yield "\n"
