"""Makes the virtual environments of the tests, and runs a command in one.

    python3 tests/tools/environment.py demo python tests/demo/run.py

makes `.cache/env/demo` from tests/requirements/demo.txt unless it is there and up to date, then becomes the command.
Standard library only. An environment is rebuilt when a requirement, the ansible-core pin or the Python changes.
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

from ansible_cores import ANSIBLE_CORES, AnsibleCore, newest_for
from checkout import CACHE, REQUIREMENTS, ROOT, clean_environ
from pythons import Python, find_pythons, probe

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
    usable = [(core.version, python.minor) for python, core in _with_cores()]
    if not usable:
        raise EnvironmentFailed("No Python of this machine runs a supported ansible-core and can make an environment.")
    newest = max(usable, key=lambda row: (tuple(map(int, row[0].split("."))), row[1]))
    return find_pythons()[newest[1]]


def _with_cores() -> list[tuple[Python, AnsibleCore]]:
    return [(python, core) for python in find_pythons().values() if (core := newest_for(python.minor))]


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
    name = folder.name
    started = time.monotonic()
    _say(name, f"creating with Python {python}")
    shutil.rmtree(folder, ignore_errors=True)
    _run(name, [python.path, "-m", "venv", str(folder)])
    _say(name, f"installing ansible-core {core.version} and {requirements.relative_to(ROOT)}")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"]
    _run(name, [*pip, "--prefer-binary", f"ansible-core=={core.version}", "-r", str(requirements)])
    _say(name, f"ready after {time.monotonic() - started:.0f} s")


def _run(name: str, command: list[str]) -> None:
    """Run a step; its whole output goes to a log, the package at hand to a terminal, its end to the error."""
    log_path = ENVIRONMENTS / f"{name}.log"
    last_lines: deque[str] = deque(maxlen=15)
    terminal = sys.stdout.isatty()
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
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
        raise EnvironmentFailed(
            "\n".join([*last_lines, "", f"Environment {name} could not be built: {' '.join(command[:4])} ... failed."])
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
