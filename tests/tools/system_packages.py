"""Debian packages that some stages and tests need: installs them where that is allowed, else says the line that does.

Standard library only. Allowed is root on a machine with apt-get; services of the packages are neither started nor left
enabled for the next boot. A stage that lacks its packages does not run, a test is skipped, both with that line. Where
CI is set that is a failure: there nothing may be left out in silence.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from checkout import CACHE

QUIETLY = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "SYSTEMD_OFFLINE": "1"}
"""No questions, and no service started on the machine of whoever runs the tests."""
ETC = Path("/etc")


def missing(packages: Sequence[str]) -> str | None:
    """Install what is not there; None if everything is, else the command that would install it, with the reason."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two apt-get at once refuse each other
        wanted = [package for package in packages if not _installed(package)]
        if not wanted:
            return None
        line = f"apt-get install --no-install-recommends {' '.join(wanted)}"
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            return f"missing packages; on Debian or Ubuntu, as root: {line}"
        print(f"[packages] {line}", flush=True)
        enabled = _enabled_services()
        failure = _install(wanted)
        _disable(_enabled_services() - enabled)
        return failure and f"{line} failed: {failure}"


def _installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return False
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(query, check=False, capture_output=True, text=True).stdout == "installed"


def _install(packages: list[str]) -> str | None:
    """The last lines of the output where it fails; once more with fresh lists, which an image may lack."""
    environ = os.environ | QUIETLY
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "-y"]
    install = [*apt, "install", "--no-install-recommends", *packages]
    result = subprocess.run(install, check=False, capture_output=True, text=True, env=environ)
    if result.returncode:
        subprocess.run([*apt, "update"], check=False, capture_output=True, env=environ)
        result = subprocess.run(install, check=False, capture_output=True, text=True, env=environ)
    return "; ".join((result.stdout + result.stderr).splitlines()[-3:]) if result.returncode else None


def _enabled_services() -> set[Path]:
    """The links by which systemd and SysV init start services at boot."""
    return {*ETC.glob("systemd/system/*.wants/*"), *ETC.glob("rc[2345].d/S*")}


def _disable(links: set[Path]) -> None:
    """Undo what a package enabled when it was installed; it stays so at an upgrade of the package."""
    for link in links:
        link.unlink()
        if link.parent.name.startswith("rc"):  # K: no start at this level. Without any link the next upgrade adds an S.
            script = link.name[3:]
            with suppress(FileExistsError):
                (link.parent / f"K01{script}").symlink_to(f"../init.d/{script}")
