"""The quality gate as data: which stages there are, what each needs, which checks it has, and how their tests count.

A new stage is a row of STAGES, and a file of tests/requirements if it needs packages that the stage `unit` does not.
    python3 tests/tools/stages.py      prints their names
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from checkout import CACHE, COLLECTION, COLLECTIONS, OUTPUT, ROOT
from environment import Environment

PACKAGE = ".".join(COLLECTION.parts)


class Check(NamedTuple):
    """One command. Its tests are counted from JUnit files in `junit`; without, it is one test by its exit status."""

    name: str
    command: list[str]
    cwd: Path = ROOT
    junit: Path | None = None


def _basetemp(reports: Path) -> Path:
    """A folder for the files of one check: pytest's own is shared, and whoever starts tidies up after those that run.

    Not in the checkout, whose path may be too long for sockets.
    """
    checkout = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]
    return Path(tempfile.gettempdir(), "-".join(["winops", checkout, *reports.parts[1:]]))


def pytest_check(folder: str, *selection: str, junit: str = "") -> Check:
    """The tests of tests/`folder`, on two cores; `junit` names the report's folder, the last of `folder` by default."""
    reports = OUTPUT / "junit" / (junit or Path(folder).name)
    workers = str(min(os.cpu_count() or 1, 2))
    command = ["pytest", f"tests/{folder}", *selection, "-q", "-n", workers, "--dist", "loadfile"]
    command += ["--basetemp", str(_basetemp(reports.relative_to(OUTPUT)))]
    return Check(f"tests/{folder}", [*command, f"--junit-xml={reports / 'pytest.xml'}"], junit=reports)


def _lint() -> list[Check]:
    return [
        Check("ruff check", ["ruff", "check", "."]),
        Check("ruff format", ["ruff", "format", "--check", "."]),
        Check("yamllint", ["yamllint", "--strict", "."]),
        Check("ansible-lint", ["ansible-lint", "--nocolor"]),
        Check("antsibull-changelog", ["antsibull-changelog", "lint"]),
        Check(
            "antsibull-docs",
            ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all", "."],
        ),
    ]


def _types() -> list[Check]:
    tools = sorted(path.name for path in (ROOT / "tests" / "tools").glob("*.py"))
    mypy = ["mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(CACHE / "mypy")]
    return [
        Check("mypy plugins", [*mypy, "-p", f"{PACKAGE}.plugins"], cwd=COLLECTIONS),
        Check("mypy simulated_windows", [*mypy, "-p", "simulated_windows"], cwd=ROOT / "tests"),
        Check("mypy tools", [*mypy, *tools], cwd=ROOT / "tests" / "tools"),
    ]


def _molecule() -> list[Check]:
    """All scenarios in one run, so that they share the simulated hosts.

    Molecule keeps one date of molecule.yml for scenarios that share their state, and warns where a file has another.
    """
    files = list((ROOT / "extensions/molecule").glob("*/molecule.yml"))
    newest = max(file.stat().st_mtime for file in files)
    for file in files:
        os.utime(file, (newest, newest))
    return [Check("molecule", ["molecule", "test", "--all"])]


def _galaxy() -> list[Check]:
    return [
        Check("galaxy-importer", ["python", "tests/tools/galaxy.py", "importer"]),
        Check("docs site", ["python", "tests/tools/galaxy.py", "docs"]),
        Check("ansible-builder", ["python", "tests/tools/galaxy.py", "builder"]),
    ]


def _windows_integration() -> list[Check]:
    junit = OUTPUT / "junit" / "windows-integration"
    command = ["python", "tests/tools/windows_integration.py", "--junit", str(junit)]
    return [Check("ansible-test windows-integration", command, junit=junit)]


def ansible_test_check(subcommand: str, core: str = "") -> Check:
    """ansible-test with the newest ansible-core that this machine can run, or with the release `core`."""
    junit = OUTPUT / "junit" / f"ansible-test-{subcommand}-{core}".rstrip("-")
    command = ["python", "tests/tools/ansible_test.py", "--junit", str(junit), *(["--core", core] if core else [])]
    return Check(f"ansible-test {subcommand}", [*command, subcommand], junit=junit)


class Stage(NamedTuple):
    """Checks that `make <name>` runs one after the other, in one environment."""

    name: str
    checks: Callable[[], list[Check]]
    environment: Environment = Environment("test")
    packages: tuple[str, ...] = ()
    """Of Debian and Ubuntu: what must be on the machine besides Python."""


STAGES = (  # two run at a time: the longest first
    Stage("integration", lambda: [pytest_check("integration")]),
    Stage("sanity", lambda: [ansible_test_check("sanity")]),
    Stage("faults", lambda: [pytest_check("faults")]),
    Stage(
        "domain",
        lambda: [pytest_check("domain")],
        environment=Environment("domain"),
        packages=("samba-ad-dc", "python3-samba", "krb5-user", "libkrb5-dev", "gcc", "python3-dev"),
    ),
    Stage("mutated", lambda: [pytest_check("mutated")]),
    Stage("probe", lambda: [pytest_check("probe")], packages=("samba",)),
    Stage(
        "connections",
        lambda: [pytest_check("connections")],
        environment=Environment("kerberos"),
        packages=("krb5-kdc", "krb5-admin-server", "krb5-user", "libkrb5-dev", "gcc", "python3-dev"),
    ),
    Stage(
        "eda",
        lambda: [pytest_check("eda")],
        environment=Environment("eda"),
        packages=("openjdk-17-jre-headless",),
    ),
    Stage("report", lambda: [pytest_check("report")], environment=Environment("report"), packages=("chromium",)),
    Stage("first-steps", lambda: [pytest_check("first_steps")]),
    Stage("unit", lambda: [pytest_check("unit")]),
    Stage("molecule", _molecule),
    Stage("windows-integration", _windows_integration),
    Stage("galaxy", _galaxy, Environment("galaxy")),
    Stage("lint", _lint),
    Stage("types", _types),
)


if __name__ == "__main__":
    print(*(stage.name for stage in STAGES))
