"""Makes the virtual environments of the tests, and runs a command in one.

    python3 tests/tools/environment.py demo python tests/demo/run.py

makes `.cache/env/demo` from tests/requirements/demo.txt unless it is there and up to date, then becomes the command.
Standard library only. An environment is rebuilt when a requirement, the ansible-core pin or the Python changes. It is
made by uv where uv can be had, else by venv and pip.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from ansible_cores import ANSIBLE_CORES, AnsibleCore, newest_for
from checkout import CACHE, REQUIREMENTS, ROOT, clean_environ
from pythons import Python, find_pythons, probe
from uv import find_uv, uv_environ

ENVIRONMENTS = CACHE / "env"
STAMP = "built-from.sha256"
INCLUDE = re.compile(r"^-r\s+(\S+)", re.MULTILINE)


class EnvironmentFailed(Exception):
    """No environment could be made; the message says what is missing and what to do."""


def running_python() -> Python:
    """The Python that runs this file, outside its virtual environment.

    Raises EnvironmentFailed where it cannot make environments or is older than every supported ansible-core.
    """
    python = probe(sys.executable)
    if python is None:
        raise EnvironmentFailed(
            f"{sys.executable} cannot make virtual environments: its venv, ensurepip or ssl module is missing.\n"
            "Install it (Debian and Ubuntu: apt install python3-venv), or name another: make PYTHON=python3.13 ..."
        )
    if newest_for(python.minor) is None:
        usable = ", ".join(f"{major}.{minor}" for major, minor in find_pythons() if newest_for((major, minor)))
        raise EnvironmentFailed(
            f"No supported ansible-core runs on Python {python}. Name another Python: make PYTHON=python3.13 ...\n"
            f"Usable on this machine: {usable or 'none'}."
        )
    return python


def newest_python() -> Python:
    """The Python of this machine with the newest ansible-core, the newest Python among equals."""
    usable = [(core, python) for python in find_pythons().values() if (core := newest_for(python.minor))]
    if not usable:
        raise EnvironmentFailed("No Python of this machine runs a supported ansible-core and can make an environment.")
    return max(usable, key=lambda pair: (ANSIBLE_CORES.index(pair[0]), pair[1]))[1]


class Environment(NamedTuple):
    """What an environment is made of: see `ensure`."""

    name: str
    python: Python | None = None
    core: AnsibleCore | None = None
    requirements: str = ""

    def ensure(self) -> Path:
        """Make it unless it is up to date; return its `bin` folder. Raises EnvironmentFailed."""
        return ensure(self.name, python=self.python, core=self.core, requirements=self.requirements)


def ensure(name: str, *, python: Python | None = None, core: AnsibleCore | None = None, requirements: str = "") -> Path:
    """Make environment `name` unless it is up to date; return its `bin` folder.

    `requirements` is the name of a file in tests/requirements (default: `name`), `python` the running one by default,
    `core` the newest that runs on it. Raises EnvironmentFailed.
    """
    python = python or running_python()
    core = core or newest_for(python.minor)
    if core is None:
        raise EnvironmentFailed(f"No supported ansible-core runs on Python {python}.")
    listed = REQUIREMENTS / f"{requirements or name}.txt"
    if not listed.is_file():
        raise EnvironmentFailed(f"There is no {listed.relative_to(ROOT)}.")
    folder = ENVIRONMENTS / name
    wanted = hashlib.sha256("\0".join([str(folder), python.path, str(python), core.version, _text(listed)]).encode())
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # somebody else may be building the same one
        stamp = folder / STAMP
        if not stamp.is_file() or stamp.read_text() != wanted.hexdigest():
            _build(folder, python, core, listed)
            stamp.write_text(wanted.hexdigest())
    return folder / "bin"


def _text(requirements: Path) -> str:
    """The file's text and that of every file it includes."""
    text = requirements.read_text()
    return text + "".join(_text(requirements.parent / included) for included in INCLUDE.findall(text))


def _build(folder: Path, python: Python, core: AnsibleCore, requirements: Path) -> None:
    started = time.monotonic()
    _say(folder.name, f"ansible-core {core.version} on Python {python}, and {requirements.relative_to(ROOT)}")
    wanted = [f"ansible-core=={core.version}", "-r", str(requirements)]
    with _log(folder).open("w"):
        pass
    if not _build_with_uv(folder, python, wanted):
        _build_with_pip(folder, python, wanted)
    _say(folder.name, f"ready after {time.monotonic() - started:.0f} s")


def _build_with_uv(folder: Path, python: Python, wanted: list[str]) -> bool:
    if not (uv := find_uv()):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    environ = uv_environ()
    try:
        _run(folder, [str(uv), "venv", "--python", python.path, str(folder)], environ)
        _run(folder, [str(uv), "pip", "install", "--python", str(folder / "bin" / "python"), *wanted], environ)
    except EnvironmentFailed:
        _say(folder.name, "uv could not; pip, which may have settings of its own, tries")
        return False
    return True


def _build_with_pip(folder: Path, python: Python, wanted: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run(folder, [python.path, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"]
    _run(folder, [*pip, "--prefer-binary", *wanted])


def _log(folder: Path) -> Path:
    return ENVIRONMENTS / f"{folder.name}.log"


def _run(folder: Path, command: list[str], extra: dict[str, str] | None = None) -> None:
    """Run a step; its whole output goes to a log, the package at hand to a terminal, its end to the error."""
    log_path = _log(folder)
    last_lines: deque[str] = deque(maxlen=15)
    terminal = sys.stdout.isatty()
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | (extra or {})
    with (
        log_path.open("a") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, env=environ
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            log.write(line)
            last_lines.append(line.rstrip())
            if terminal and line.startswith(("Collecting", "Installing")):
                print(f"\r\x1b[K  {line.strip():.100}", end="", flush=True)
    if terminal:
        print("\r\x1b[K", end="")
    if process.returncode:
        told = " ".join(command[:4])
        raise EnvironmentFailed(
            "\n".join([*last_lines, "", f"Environment {folder.name} could not be built: {told} ... failed."])
            + f"\nWhole output: {log_path.relative_to(ROOT)}. A proxy or a mirror is set in pip's own configuration."
        )


def _say(name: str, text: str) -> None:
    print(f"[environment {name}] {text}", flush=True)


def main() -> None:
    """Make the named environment; become the command, if one is given, with the environment first on PATH."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", help="a file of tests/requirements, less .txt")
    parser.add_argument("--core", choices=[core.minor for core in ANSIBLE_CORES], help="default: the newest that runs")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        core = next((core for core in ANSIBLE_CORES if core.minor == options.core), None)
        bin_dir = ensure(options.name, core=core)
    except EnvironmentFailed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    if options.command:
        environ = clean_environ(bin_dir)
        os.execvpe(options.command[0], options.command, environ)


if __name__ == "__main__":
    main()
