"""The files of one host: folders and files by path, in any case, as far as commands and file transfers look at them.

Nothing is there at first but the folders of Windows. A file that a program holds open cannot be replaced or deleted.
"""

from __future__ import annotations

import base64
from typing import Any

SYSTEM_FOLDERS = (r"C:\Windows\System32", r"C:\Windows\Temp")


class FileProblem(Exception):
    """What Windows says about a file operation; ``text`` without the final stop."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def _parent(path: str) -> str:
    return path.rpartition("\\")[0]


class Files:
    """Absolute paths only, such as ``C:\\Windows\\x.txt``. Names keep the spelling of their creation."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._files: dict[str, tuple[str, bytes]] = {}
        self._hidden: set[str] = set()
        self.in_use: set[str] = set()
        for folder in SYSTEM_FOLDERS:
            self.make_folder(folder)
        self._brought = set(self._folders)

    @staticmethod
    def _key(path: str) -> str:
        if path[1:3] != ":\\" or path != path.rstrip("\\ ."):
            raise FileProblem("The filename, directory name, or volume label syntax is incorrect")
        return path.lower()

    def is_file(self, path: str) -> bool:
        return self._key(path) in self._files

    def is_folder(self, path: str) -> bool:
        return self._key(path) in self._folders

    def exists(self, path: str) -> bool:
        return self.is_file(path) or self.is_folder(path)

    def read(self, path: str) -> bytes:
        if not self.is_file(path):
            raise FileProblem("The system cannot find the file specified")
        return self._files[self._key(path)][1]

    def write(self, path: str, content: bytes) -> None:
        """Create or overwrite a file; its folder must be there."""
        key = self._key(path)
        if not self.is_folder(_parent(path)):
            raise FileProblem(f"Could not find a part of the path '{path}'")
        if key in self._folders:
            raise FileProblem(f"Access to the path '{path}' is denied")
        self._unused(key)
        self._files[key] = (self._files.get(key, (path, b""))[0], content)

    def make_folder(self, path: str) -> None:
        """Create a folder and those above it, as md does."""
        if self.exists(path):
            raise FileProblem(f"A subdirectory or file {path} already exists")
        parts = path.split("\\")
        for end in range(2, len(parts) + 1):
            above = "\\".join(parts[:end])
            self._folders.setdefault(above.lower(), above)

    def move(self, source: str, target: str) -> None:
        """Rename a file over another one, which is replaced."""
        content = self.read(source)
        if not self.is_folder(_parent(target)):
            raise FileProblem("The system cannot find the path specified")
        self._unused(self._key(source))
        self._unused(self._key(target))
        del self._files[self._key(source)]
        self._files[self._key(target)] = (target, content)

    def delete(self, path: str) -> None:
        if not self.is_file(path):
            raise FileProblem(f"Could Not Find {path}")
        self._unused(self._key(path))
        del self._files[self._key(path)]

    def hide(self, path: str) -> None:
        if not self.exists(path):
            raise FileProblem(f"File not found - {path}")
        self._hidden.add(self._key(path))

    def _unused(self, key: str) -> None:
        if key in {path.lower() for path in self.in_use}:
            raise FileProblem("The process cannot access the file because it is being used by another process")

    def edit(self, changes: dict[str, Any]) -> None:
        """``{set: {path: base64 or null}, in_use: [path]}`` of the control port; null deletes."""
        for path, content in (changes.get("set") or {}).items():
            if content is None:
                self.delete(path)
                continue
            if not self.is_folder(_parent(path)):
                self.make_folder(_parent(path))
            self.write(path, base64.b64decode(content, validate=True))
        if "in_use" in changes:
            self.in_use = set(changes["in_use"])

    def save(self) -> tuple[dict[str, str], dict[str, tuple[str, bytes]], set[str], set[str]]:
        """All that ``load`` restores."""
        return dict(self._folders), dict(self._files), set(self._hidden), set(self.in_use)

    def load(self, saved: tuple[dict[str, str], dict[str, tuple[str, bytes]], set[str], set[str]]) -> None:
        self._folders, self._files, self._hidden, self.in_use = saved

    def dump(self) -> dict[str, str]:
        """Every file as base64, and every folder that Windows did not bring, with a backslash at its end, as ""."""
        folders = {f"{shown}\\": "" for key, shown in self._folders.items() if key not in self._brought}
        return folders | {shown: base64.b64encode(content).decode() for shown, content in self._files.values()}
