"""Where things are in a checkout, and the surroundings in which its tests run.

Everything that is built goes under `.cache/`: environments, the link that gives the checkout its collection name,
Ansible's own files. Reports go to `tests/output/`. Standard library only: this runs before any environment exists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
OUTPUT = ROOT / "tests" / "output"
REQUIREMENTS = ROOT / "tests" / "requirements"
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")
"""Where daemons are, which is on the PATH of root alone."""

COLLECTION = Path("ansible_collections", "winops", "smb_guest")
COLLECTIONS = CACHE / "collections"
"""A collections path: holds a link to the checkout at COLLECTION."""


def link_collection() -> Path:
    """Make the checkout reachable as `ansible_collections.winops.smb_guest`; return the link. Safe to race."""
    link = COLLECTIONS / COLLECTION
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        # Relative, so that a checkout can be moved.
        link.symlink_to(os.path.relpath(ROOT, link.parent), target_is_directory=True)
    return link


def isolated_environ() -> dict[str, str]:
    """Variables that keep the tests' Ansible away from the user's own settings, files and proxies.

    Only additions: the caller merges them over what it has. See `clean_environ` for a whole environment.
    """
    no_proxy = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY", ""), "127.0.0.0/8", "localhost"]
    loopback = ",".join(filter(None, no_proxy))
    return {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "NO_PROXY": loopback,
        "no_proxy": loopback,
    }


def clean_environ(bin_dir: Path) -> dict[str, str]:
    """A child's whole environment: the caller's less what would change an outcome, `bin_dir` first on PATH."""
    unwanted = ("ANSIBLE_", "MOLECULE_", "MYPY", "PYTEST_", "PYTHON", "RUFF_", "VIRTUAL_ENV", "YAMLLINT_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = [str(bin_dir), *folders, *(folder for folder in SYSTEM_FOLDERS if folder not in folders)]
    return environ | isolated_environ() | {"PATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}


def copy_collection(collections: Path) -> Path:
    """Copy the files that git tracks or would track to `collections`/COLLECTION; return that folder.

    ansible-test looks at every file it finds, so caches and environments must not be there.
    """
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    target = collections / COLLECTION
    for name in filter(None, listing.stdout.split("\0")):
        source = ROOT / name
        if source.is_file() or source.is_symlink():  # a file may be deleted and the deletion not yet staged
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    return target
