"""Runs ansible-test on a clean copy of the collection, with the ansible-core of the environment that this runs in.

    .cache/tools-3.11/bin/nox -s sanity -- --test pep8

ansible-test builds environments of its own. It bootstraps pip in them with a script from a web site that not every
network reaches, so the script is put where ansible-test keeps its download: one that takes pip from Python's own
ensurepip. HOME is a folder under `.cache/`, so the user's own `~/.ansible` is neither used nor changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from checkout import CACHE, clean_environ, copy_collection

BIN = Path(sys.prefix, "bin")
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

LEFT_OUT = {("2.22", "sanity"): ["--skip-test", "pylint"]}
"""On a release: its dill is an archive of GitHub, which not every network reaches."""


def provide_pip_bootstrap(home: Path) -> None:
    """Put GET_PIP under the name that this environment's ansible-test looks for, read from its own source."""
    (source,) = BIN.parent.glob("lib/python3.*/site-packages/ansible_test")
    path = PIP_CACHE_PATH.search((source / "_util/target/setup/requirements.py").read_text())
    pip = PIP_VERSION.search((source / "_internal/python_requirements.py").read_text())
    if not path or not pip:
        sys.exit(f"{source}: ansible-test no longer bootstraps pip as this script expects.")
    target = home / (path["path"] % pip["version"].replace(".", "_"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(GET_PIP)


def ansible_test_environ(home: Path) -> dict[str, str]:
    """The clean environment, with HOME moved, what pip knew by the real HOME carried along, and no shims on PATH.

    ansible-test tries every python3.N on PATH, and a shim may refuse to start.
    """
    environ = clean_environ(BIN)
    user_settings = [file for name in USER_PIP_SETTINGS if (file := Path.home() / name).is_file()]
    if user_settings and "PIP_CONFIG_FILE" not in environ:
        environ["PIP_CONFIG_FILE"] = str(user_settings[0])
    path = [folder for folder in environ["PATH"].split(os.pathsep) if "shims" not in Path(folder).parts]
    return environ | {"HOME": str(home), "PATH": os.pathsep.join(path)}


def run(subcommand: str, arguments: list[str], junit: Path) -> int:
    """Run ansible-test in a fresh copy with arguments such as `--test pep8`; return its status.

    JUnit files go to the folder `junit`.
    """
    minor = ".".join(version("ansible-core").split(".")[:2])
    home = CACHE / "ansible-test" / minor
    provide_pip_bootstrap(home)
    left_out = LEFT_OUT.get((minor, subcommand), [])
    if left_out:
        print(f"Left out on ansible-core {minor}: {' '.join(left_out)}")
    with tempfile.TemporaryDirectory(prefix="winops-ansible-test-") as temporary:
        collection = copy_collection(Path(temporary))
        command = [str(BIN / "ansible-test"), subcommand, *SUBCOMMANDS[subcommand], "--color", "no"]
        command += ["--python", ".".join(map(str, sys.version_info[:2])), *left_out, *arguments]
        if subcommand == "sanity":
            command.append("--junit")
        status = subprocess.run(command, cwd=collection, env=ansible_test_environ(home), check=False).returncode
        shutil.copytree(collection / "tests" / "output" / "junit", junit, dirs_exist_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(run(sys.argv[2], sys.argv[3:], Path(sys.argv[1])))
