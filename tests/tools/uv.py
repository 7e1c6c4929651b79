"""Finds uv, which makes an environment in seconds where pip takes minutes; gets it from PyPI where it is not installed.

Standard library only. Nothing depends on uv: where it cannot be had, or cannot install something, environment.py uses
venv and pip.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import CACHE, REQUIREMENTS

FOLDER = CACHE / "uv"
PIN = REQUIREMENTS / "uv.txt"
FROM_PIP = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
"""Settings of pip that uv does not read, and the variables that say the same to uv."""


def find_uv() -> Path | None:
    """The uv of PATH, else the one of `.cache/uv`, which is made if need be; None where neither can be had."""
    if found := shutil.which("uv"):
        return Path(found)
    pin = PIN.read_text()
    stamp = FOLDER / "built-from.txt"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "uv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # somebody else may be installing it
        if not stamp.is_file() or stamp.read_text() != pin:
            shutil.rmtree(FOLDER, ignore_errors=True)
            if not _install():
                return None
            stamp.write_text(pin)
    return FOLDER / "bin" / "uv"


def _install() -> bool:
    python = str(FOLDER / "bin" / "python")
    commands = (
        [sys.executable, "-m", "venv", str(FOLDER)],
        [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", str(PIN)],
    )
    return all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)


def uv_environ() -> dict[str, str]:
    """Variables that tell uv where pip is told to look: a mirror is often set for pip alone."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    settings = [line.partition("=") for line in listing.splitlines()]
    said = {key.rpartition(".")[2]: value.strip("'\"") for key, _equals, value in settings}
    return {
        variable: said[setting]
        for setting, variable in FROM_PIP.items()
        if setting in said and variable not in os.environ
    }
