# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the control node: found and read within bounds, written whole or not at all.

A reader never sees half a file, and a full disk leaves the earlier files as they were: every file is finished under
another name before the first one is renamed. Content comes in pieces, so that a file of any size needs little memory.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType

from .errors import RequestError


def bounded_readers(top: Path, most_files: int, most_bytes: int) -> dict[str, Callable[[], bytes]]:
    """The files at a path: the file alone, or all below a folder. No link inside the folder is followed.

    Args:
        top: A file or a folder.
        most_files: How many files a folder may hold.
        most_bytes: How large a file may be. Reading a larger one raises OSError with EFBIG.

    Returns:
        What reads each file, by its path relative to the folder, with slashes.

    Raises:
        RequestError: There is nothing, or the folder holds more files.
    """
    if not top.exists():
        raise RequestError(f"{top} cannot be read: it does not exist on the control node.")
    if not top.is_dir():
        return {top.name: partial(_read_bounded, top, most_bytes)}
    found: dict[str, Callable[[], bytes]] = {}
    for folder, names, files in os.walk(top, followlinks=False):
        names.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_symlink() or not path.is_file():
                continue
            if len(found) == most_files:
                raise RequestError(
                    f"{top} cannot be read: it holds more than {most_files} files. Name a smaller folder."
                )
            found[path.relative_to(top).as_posix()] = partial(_read_bounded, path, most_bytes)
    return found


def _read_bounded(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"the file is larger than {most} bytes")
    return content


class StagedFiles:
    """Files of one folder that are finished one by one and appear together.

        with StagedFiles(folder, 0o640, "The report") as staged:
            digest = staged.add("report.json", pieces)
            staged.publish()

    digests: The SHA-256 of each file that was added, in hex digits, by name and in order.
    """

    def __init__(self, folder: Path, mode: int, what: str) -> None:
        """Args:
        folder: Made if it does not exist.
        mode: Of the files.
        what: What the files are, for errors; such as "The report".
        """
        self.digests: dict[str, str] = {}
        self._folder = folder
        self._mode = mode
        self._what = what
        self._staged: dict[str, Path] = {}
        self._stack = ExitStack()

    def __enter__(self) -> StagedFiles:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, name: str, pieces: Iterable[bytes]) -> str:
        """Finish one file under another name, and return its SHA-256. Raises RequestError.

        Args:
            name: Relative to the folder.
            pieces: The content.
        """
        digest = hashlib.sha256()
        with self._worded():
            target = self._folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, staged = tempfile.mkstemp(prefix=".staged-", dir=target.parent)
            self._staged[name] = Path(staged)
            self._stack.callback(self._staged[name].unlink, missing_ok=True)
            with os.fdopen(handle, "wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            self._staged[name].chmod(self._mode)
        self.digests[name] = digest.hexdigest()
        return self.digests[name]

    def move_to_end(self, name: str) -> None:
        """Let a file appear after those that were added until now."""
        self._staged[name] = self._staged.pop(name)
        self.digests[name] = self.digests.pop(name)

    def publish(self) -> None:
        """Give all files their names, in the order in which they were added. Raises RequestError."""
        with self._worded():
            for name, path in self._staged.items():
                path.replace(self._folder / name)

    def remove_others(self, folder: str, pattern: str) -> None:
        """Remove what is left of earlier files, once these are published. Raises RequestError.

        Args:
            folder: Relative to the folder of the files. It is removed as well where it becomes empty.
            pattern: Of the names. A file that was added stays.
        """
        with self._worded():
            place = self._folder / folder
            for path in place.glob(pattern):
                if f"{folder}/{path.name}" not in self.digests:
                    path.unlink(missing_ok=True)
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()

    @contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RequestError(
                f"{self._what} cannot be written to {self._folder}: {error.strerror or error}. Choose another dest, or "
                "make sure that there is room and that you may write there."
            ) from error


def write_files(folder: Path, files: Mapping[str, bytes], mode: int, what: str) -> None:
    """Write files (name to content) into a folder, as StagedFiles does. Raises RequestError."""
    with StagedFiles(folder, mode, what) as staged:
        for name, content in files.items():
            staged.add(name, [content])
        staged.publish()
