"""Runs ansible-test on a clean copy of the collection, with any supported ansible-core.

    python3 tests/tools/ansible_test.py [--core 2.18] sanity [-- --test pep8]

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

from ansible_cores import ANSIBLE_CORES, AnsibleCore, newest_for
from checkout import CACHE, clean_environ, copy_collection
from environment import EnvironmentFailed, ensure, newest_python
from pythons import Python, find_pythons

HOMES = CACHE / "ansible-test"
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


SUBCOMMANDS = {
    "sanity": ["--requirements"],
    "units": ["--venv", "--requirements", "--num-workers", "2"],
}
"""What ansible-test does, and what each needs to find its packages."""

UNREACHABLE = {
    "2.22": {"sanity": ["--skip-test", "pylint"]},  # its dill is an archive of GitHub, which not every network reaches
}
"""What is left out on a release, and why."""


def provide_pip_bootstrap(bin_dir: Path, home: Path) -> None:
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
    target = home / (path["path"] % version["version"].replace(".", "_"))
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(GET_PIP)


def link_pythons(home: Path) -> Path:
    """A folder with this machine's real Pythons: ansible-test tries every python3.N on PATH, failing shims too."""
    folder = home / "pythons"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for (major, minor), python in find_pythons().items():
        # A script, not a link: a linked interpreter would look for its library next to the link.
        script = folder / f"python{major}.{minor}"
        script.write_text(f'#!/bin/sh\nexec "{python.path}" "$@"\n')
        script.chmod(0o755)
    return folder


def ansible_test_environ(bin_dir: Path, home: Path) -> dict[str, str]:
    """The clean environment, with HOME moved and what pip knew by the real HOME carried along."""
    environ = clean_environ(bin_dir)
    user_settings = [file for name in USER_PIP_SETTINGS if (file := Path.home() / name).is_file()]
    if user_settings and "PIP_CONFIG_FILE" not in environ:
        environ["PIP_CONFIG_FILE"] = str(user_settings[0])
    path = [folder for folder in environ["PATH"].split(os.pathsep) if "shims" not in Path(folder).parts]
    path.insert(1, str(link_pythons(home)))
    return environ | {"HOME": str(home), "PATH": os.pathsep.join(path)}


def run(subcommand: str, core: AnsibleCore, python: Python, arguments: list[str], junit: Path | None) -> int:
    """Run ansible-test in a fresh copy; return its status. JUnit files go to the folder `junit`."""
    bin_dir = ensure(f"ansible-test-{core.minor}", python=python, core=core, requirements="ansible-test")
    home = HOMES / core.minor
    provide_pip_bootstrap(bin_dir, home)
    left_out = UNREACHABLE.get(core.minor, {}).get(subcommand, [])
    if left_out:
        print(f"Left out on ansible-core {core.minor}: {' '.join(left_out)}")
    with tempfile.TemporaryDirectory(prefix="winops-ansible-test-") as temporary:
        collection = copy_collection(Path(temporary))
        command = [str(bin_dir / "ansible-test"), subcommand, *SUBCOMMANDS[subcommand], "--color", "no"]
        command += ["--python", ".".join(map(str, python.minor)), *left_out, *arguments]
        if junit and subcommand == "sanity":
            command.append("--junit")
        environ = ansible_test_environ(bin_dir, home)
        status = subprocess.run(command, cwd=collection, env=environ, check=False).returncode
        if junit:
            shutil.rmtree(junit, ignore_errors=True)
            reports = collection / "tests" / "output" / "junit"
            if reports.is_dir():
                shutil.copytree(reports, junit)
    return status


def choose(minor: str | None) -> tuple[AnsibleCore, Python]:
    """The release asked for, else the newest that this machine can run, and the newest Python for it."""
    if minor is None:
        python = newest_python()
        core = newest_for(python.minor)
        assert core  # newest_python found it
        return core, python
    core = next(core for core in ANSIBLE_CORES if core.minor == minor)
    usable = [python for python in find_pythons().values() if core.runs_on(python.minor)]
    if not usable:
        raise EnvironmentFailed(f"No Python of this machine runs ansible-core {core.version}.")
    return core, max(usable)


def main() -> None:
    """Run; what follows `--` goes to ansible-test, such as `--test validate-modules`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--core", choices=[core.minor for core in ANSIBLE_CORES], help="default: the newest that runs")
    parser.add_argument("--junit", type=Path, help="a folder for JUnit files; it is emptied first")
    parser.add_argument("subcommand", choices=SUBCOMMANDS)
    parser.add_argument("arguments", nargs="*", help="for ansible-test")
    options = parser.parse_args()
    try:
        sys.exit(run(options.subcommand, *choose(options.core), options.arguments, options.junit))
    except EnvironmentFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
