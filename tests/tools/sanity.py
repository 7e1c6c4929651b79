"""Runs ansible-test sanity on a clean copy of the collection, with the newest ansible-core that this machine can run.

ansible-test builds environments of its own. It bootstraps pip in them with a script from a web site that not every
network reaches, so the script is put where ansible-test keeps its download: one that takes pip from Python's own
ensurepip. HOME is a folder under `.cache/`, so the user's own `~/.ansible` is neither used nor changed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checkout import CACHE, clean_environ, copy_collection
from environment import EnvironmentFailed, ensure, newest_python
from pythons import find_pythons

HOME = CACHE / "sanity-home"
USER_PIP_SETTINGS = (".config/pip/pip.conf", ".pip/pip.conf")

PIP_CACHE_PATH = re.compile(r"""expanduser\(['"]~/(?P<path>[^'"]*%s[^'"]*)['"] % pip_version""")
PIP_VERSION = re.compile(r"""\bpip=['"](?P<version>[\d.]+)['"]""")

GET_PIP = '''\
"""Stands in for get-pip.py: takes pip from Python's own ensurepip, then installs what was asked for."""

import subprocess
import sys

UNKNOWN_TO_PIP = {"--no-setuptools", "--no-wheel"}

subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True)
wanted = [argument for argument in sys.argv[1:] if argument not in UNKNOWN_TO_PIP]
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=False).returncode)
'''


def provide_pip_bootstrap(bin_dir: Path) -> None:
    """Put GET_PIP under the name that this environment's ansible-test looks for, read from its own source."""
    package = subprocess.run(
        [bin_dir / "python", "-c", "import ansible_test; print(ansible_test.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    source = Path(package.stdout.strip())
    path = PIP_CACHE_PATH.search((source / "_util/target/setup/requirements.py").read_text())
    version = PIP_VERSION.search((source / "_internal/python_requirements.py").read_text())
    if not path or not version:
        raise EnvironmentFailed(f"{source}: ansible-test no longer bootstraps pip as this script expects.")
    target = HOME / (path["path"] % version["version"].replace(".", "_"))
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(GET_PIP)


def link_pythons() -> Path:
    """A folder with this machine's real Pythons: ansible-test tries every python3.N on PATH, failing shims too."""
    folder = CACHE / "sanity-pythons"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for (major, minor), python in find_pythons().items():
        # A script, not a link: a linked interpreter would look for its library next to the link.
        script = folder / f"python{major}.{minor}"
        script.write_text(f'#!/bin/sh\nexec "{python.path}" "$@"\n')
        script.chmod(0o755)
    return folder


def sanity_environ(bin_dir: Path) -> dict[str, str]:
    """The clean environment, with HOME moved and what pip knew by the real HOME carried along."""
    environ = clean_environ(bin_dir)
    user_settings = [file for name in USER_PIP_SETTINGS if (file := Path.home() / name).is_file()]
    if user_settings and "PIP_CONFIG_FILE" not in environ:
        environ["PIP_CONFIG_FILE"] = str(user_settings[0])
    path = [folder for folder in environ["PATH"].split(os.pathsep) if "shims" not in Path(folder).parts]
    path.insert(1, str(link_pythons()))
    return environ | {"HOME": str(HOME), "PATH": os.pathsep.join(path)}


def run(arguments: list[str], junit: Path | None) -> int:
    """Run ansible-test sanity in a fresh copy; return its status. JUnit files go to the folder `junit`."""
    python = newest_python()
    bin_dir = ensure("sanity", python=python)
    provide_pip_bootstrap(bin_dir)
    with tempfile.TemporaryDirectory(prefix="winops-sanity-") as temporary:
        collection = copy_collection(Path(temporary))
        command = [str(bin_dir / "ansible-test"), "sanity", "--requirements", "--color", "no", *arguments]
        if junit:
            command.append("--junit")
        status = subprocess.run(command, cwd=collection, env=sanity_environ(bin_dir), check=False).returncode
        if junit:
            shutil.rmtree(junit, ignore_errors=True)
            reports = collection / "tests" / "output" / "junit"
            if reports.is_dir():
                shutil.copytree(reports, junit)
    return status


def main() -> None:
    """Run; what follows `--` goes to ansible-test, such as `--test validate-modules`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--junit", type=Path, help="a folder for JUnit files; it is emptied first")
    parser.add_argument("arguments", nargs="*", help="for ansible-test sanity")
    options = parser.parse_args()
    try:
        sys.exit(run(options.arguments, options.junit))
    except EnvironmentFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
