"""The supported ansible-core releases: which exact version is tested, and which Python of this machine runs it.

Source: the support matrix of the ansible-core documentation, and CONTROLLER_PYTHON_VERSIONS in each release's
ansible_test. To move: set a newer patch release, add a row for a new minor release, drop the oldest together with
`requires_ansible` in meta/runtime.yml. Standard library only.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

Version = tuple[int, int]


class AnsibleCore(NamedTuple):
    """One supported release: its exact version, and the first and last Python that can run it."""

    version: str
    first_python: Version
    last_python: Version

    @property
    def minor(self) -> str:
        """Such as `2.19`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def is_released(self) -> bool:
        """Whether it is more than a release candidate."""
        return self.version.replace(".", "").isdigit()

    def runs_on(self, python: Version) -> bool:
        """Whether this release runs on that Python."""
        return self.first_python <= python <= self.last_python


ANSIBLE_CORES = (  # oldest first
    AnsibleCore("2.18.19", (3, 11), (3, 13)),
    AnsibleCore("2.19.14", (3, 11), (3, 13)),
    AnsibleCore("2.20.10", (3, 12), (3, 14)),
    AnsibleCore("2.21.5", (3, 12), (3, 14)),
    AnsibleCore("2.22.0rc1", (3, 13), (3, 15)),  # a release candidate: only `make matrix` uses it
)


def newest_for(python: Version) -> AnsibleCore | None:
    """The newest supported release that runs on `python`, or None. A release candidate is none."""
    return next((core for core in reversed(ANSIBLE_CORES) if core.is_released and core.runs_on(python)), None)


@functools.cache
def find_pythons() -> dict[Version, str]:
    """Path of a Python for each minor version, oldest first: the running one, else of pyenv, of uv, of PATH.

    A shim on PATH is none: it may refuse to start.
    """
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    folders = [*sorted(pyenv.glob("versions/*/bin")), *sorted((home / ".local/share/uv/python").glob("*/bin"))]
    folders += [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    found = {(sys.version_info[0], sys.version_info[1]): os.path.realpath(getattr(sys, "_base_executable", ""))}
    for folder in folders:
        if "shims" in folder.parts or (folder.parent / "pyvenv.cfg").is_file():
            continue
        for path in folder.glob("python3.*"):
            match = re.fullmatch(r"python3\.(\d+)", path.name)
            if match and os.access(path, os.X_OK):
                found.setdefault((3, int(match[1])), str(path.resolve()))
    return dict(sorted(found.items()))


def newest_python(pythons: Mapping[Version, str]) -> tuple[AnsibleCore, Version]:
    """The newest release that one of these Pythons runs, and the newest Python for it."""
    usable = [(core, python) for python in pythons if (core := newest_for(python))]
    if not usable:
        sys.exit("No Python of this machine runs a supported ansible-core. Name one: make PYTHON=/path/to/python3 ...")
    return max(usable, key=lambda pair: (ANSIBLE_CORES.index(pair[0]), pair[1]))


def assign_pythons(pythons: Mapping[Version, str]) -> dict[AnsibleCore, Version | None]:
    """A Python for each release, spread so that as many Pythons as possible take part; None where none fits."""
    uses: Counter[Version] = Counter()
    assigned: dict[AnsibleCore, Version | None] = {}
    for core in ANSIBLE_CORES:
        usable = [python for python in pythons if core.runs_on(python)]
        choice = min(usable, key=lambda python: (uses[python], python), default=None)
        if choice:
            uses[choice] += 1
        assigned[core] = choice
    return assigned
