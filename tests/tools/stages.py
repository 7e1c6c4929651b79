"""The quality gate as data: which stages there are, which checks each has, and how a check's tests are counted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from checkout import CACHE, COLLECTION, COLLECTIONS, OUTPUT, ROOT

PACKAGE = ".".join(COLLECTION.parts)


class Check(NamedTuple):
    """One command. Its tests are counted from JUnit files in `junit`; without, it is one test by its exit status."""

    name: str
    command: list[str]
    cwd: Path = ROOT
    junit: Path | None = None


def pytest_check(folder: str, *selection: str, junit: str) -> Check:
    """The tests of tests/`folder`, on every core; `junit` names the report's folder."""
    reports = OUTPUT / "junit" / junit
    workers = str(min(os.cpu_count() or 1, 4))
    command = ["pytest", f"tests/{folder}", *selection, "-q", "-n", workers, "--dist", "loadfile"]
    return Check(f"tests/{folder}", [*command, f"--junit-xml={reports / 'pytest.xml'}"], junit=reports)


def _lint() -> list[Check]:
    return [
        Check("ruff check", ["ruff", "check", "."]),
        Check("ruff format", ["ruff", "format", "--check", "."]),
        Check("yamllint", ["yamllint", "--strict", "."]),
        Check("ansible-lint", ["ansible-lint", "--nocolor"]),
        Check("antsibull-changelog", ["antsibull-changelog", "lint"]),
        Check("antsibull-docs", ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."]),
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
    """All scenarios in one run, so that they share the simulated hosts."""
    extensions = ROOT / "extensions"
    return [Check("molecule", ["molecule", "test", "--all"], cwd=extensions)] if extensions.is_dir() else []


def _sanity() -> list[Check]:
    junit = OUTPUT / "junit" / "sanity"
    return [Check("ansible-test sanity", ["python", "tests/tools/sanity.py", "--junit", str(junit)], junit=junit)]


class Stage(NamedTuple):
    """Checks that `make <name>` runs one after the other; stages of different lanes run at the same time."""

    name: str
    lane: int
    checks: Callable[[], list[Check]]
    """The checks of this checkout; empty if it has nothing to run."""


STAGES = (
    Stage("unit", 1, lambda: [pytest_check("unit", junit="unit")]),
    Stage("integration", 1, lambda: [pytest_check("integration", junit="integration")]),
    Stage("faults", 1, lambda: [pytest_check("faults", junit="faults")]),
    Stage("lint", 2, _lint),
    Stage("types", 2, _types),
    Stage("molecule", 2, _molecule),
    Stage("sanity", 2, _sanity),
)
