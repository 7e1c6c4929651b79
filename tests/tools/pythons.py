"""Finds the Pythons of this machine that can make an environment."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PROBE = (
    "import ensurepip, json, os, ssl, sys, venv;"
    "print(json.dumps([list(sys.version_info[:3]), os.path.realpath(sys._base_executable)]))"
)
"""Prints version and real path; fails where venv or pip's bundle is missing. A name on PATH proves nothing: it may be a
pyenv shim that refuses to start."""


class Python(NamedTuple):
    """A usable interpreter outside any virtual environment."""

    version: tuple[int, int, int]
    path: str

    @property
    def minor(self) -> tuple[int, int]:
        """Such as (3, 11)."""
        return self.version[:2]

    def __str__(self) -> str:
        """Such as `3.11.7`."""
        return ".".join(map(str, self.version))


def probe(path: str | Path) -> Python | None:
    """What `path` is, or None if it does not start or cannot make an environment."""
    try:
        answer = subprocess.run([str(path), "-c", PROBE], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version, real_path = json.loads(answer.stdout)
    return Python((version[0], version[1], version[2]), real_path)


@functools.cache
def find_pythons() -> dict[tuple[int, int], Python]:
    """Usable Pythons by minor version, oldest first; of several, the running one, else the newest patch release."""
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob("versions/*/bin"))
    folders += sorted((Path.home() / ".local/share/uv/python").glob("*/bin"))
    candidates = {
        path.resolve()
        for folder in folders
        if folder.is_dir() and "shims" not in folder.parts
        for path in folder.iterdir()
        if re.fullmatch(r"python3(\.\d+)?", path.name)
    }
    found = [python for path in sorted(candidates) if (python := probe(path))]
    running = probe(sys.executable)
    best = {python.minor: python for python in sorted(found)}
    if running:
        best[running.minor] = running
    return dict(sorted(best.items()))
