# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a folder of policy files on the control node, each as a whole, and knows whether anything differs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import RequestError


def differing(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes | None]:
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


def write_policy_files(folder: Path, files: Mapping[str, bytes], mode: int) -> None:
    """Write files below a folder, which is made if need be; each as a whole. Raises RequestError."""
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, staged = tempfile.mkstemp(prefix=".policy-", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(staged).chmod(mode)
                Path(staged).replace(path)
            except BaseException:
                Path(staged).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise RequestError(
            f"The policy files cannot be written to {folder}: {error.strerror or error}. Choose another dest, or see "
            "to room and rights there."
        ) from error
