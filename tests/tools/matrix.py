"""Runs the tests that depend on ansible-core on every supported release that this machine has a Python for.

    python3 tests/tools/matrix.py [2.18 ...]

Those are tests/unit/plugins, and what is marked `matrix` in tests/integration. Ends with a table; exit status 1 if a
test failed, or if no release could be run. A release without a Python is shown as not run and is no failure.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import NamedTuple

from ansible_cores import ANSIBLE_CORES, AnsibleCore
from checkout import clean_environ, link_collection
from counts import Counts
from environment import EnvironmentFailed, ensure
from processes import Processes, interrupt_on_signals
from pythons import Python, find_pythons
from stages import pytest_check


class Row(NamedTuple):
    """One line of the table."""

    core: AnsibleCore
    python: Python | None
    counts: Counts = Counts()
    seconds: float = 0.0
    problem: str = ""


def assign_pythons(cores: list[AnsibleCore], pythons: list[Python]) -> list[tuple[AnsibleCore, Python | None]]:
    """A Python for each release, spread so that as many Pythons as possible take part; None where none fits."""
    uses: Counter[Python] = Counter()
    assigned: list[tuple[AnsibleCore, Python | None]] = []
    for core in cores:
        usable = [python for python in pythons if core.runs_on(python.minor)]
        choice = min(usable, key=lambda python: (uses[python], python), default=None)
        if choice:
            uses[choice] += 1
        assigned.append((core, choice))
    return assigned


def run_core(core: AnsibleCore, python: Python, processes: Processes) -> Row:
    """Make the environment of one release and run its tests."""
    started = time.monotonic()
    name = f"matrix-{core.minor}"
    print(f"\n=== ansible-core {core.version} on Python {python}", flush=True)
    try:
        bin_dir = ensure(name, python=python, core=core, requirements="matrix")
    except EnvironmentFailed as failure:
        print(failure, flush=True)
        return Row(core, python, Counts(failed=1), time.monotonic() - started, "no environment")
    environ = clean_environ(bin_dir)
    counts = Counts()
    problems = []
    for folder, selection in (("unit/plugins", []), ("integration", ["-m", "matrix"])):
        check = pytest_check(folder, *selection, junit=f"{name}/{folder}")
        ran = processes.run(check, environ)
        counts = counts.plus(ran)
        if ran.failed:
            problems.append(f"{folder} failed")
    return Row(core, python, counts, time.monotonic() - started, ", ".join(problems))


def report(rows: list[Row]) -> bool:
    """Print the table; return whether something ran and nothing failed."""
    print(f"\n{'ansible-core':<14}{'Python':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for row in rows:
        if row.python is None:
            first, last = (".".join(map(str, version)) for version in (row.core.first_python, row.core.last_python))
            print(f"{row.core.version:<14}{'-':<10}not run: needs Python {first} to {last}, none found")
        else:
            counts = f"{row.counts.passed:>8}{row.counts.failed:>8}{row.counts.skipped:>9}{row.seconds:>9.0f}"
            print(f"{row.core.version:<14}{row.python!s:<10}{counts}  {row.problem}".rstrip())
    passed = sum(row.counts.passed for row in rows)
    failed = sum(row.counts.failed for row in rows)
    if not passed:
        print("Not good: no test ran.")
    print(f"{passed} passed, {failed} failed")
    return passed > 0 and failed == 0


def main() -> None:
    """Run the releases named on the command line, else all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    minors = [core.minor for core in ANSIBLE_CORES]
    parser.add_argument("cores", nargs="*", metavar="release", help=f"of {', '.join(minors)}; default: all")
    asked = parser.parse_args().cores
    if unknown := set(asked) - set(minors):
        parser.error(f"unsupported ansible-core {', '.join(sorted(unknown))}; supported: {', '.join(minors)}")
    cores = [core for core in ANSIBLE_CORES if not asked or core.minor in asked]
    interrupt_on_signals()
    link_collection()
    processes = Processes()
    rows = []
    try:
        for core, python in assign_pythons(cores, list(find_pythons().values())):
            rows.append(run_core(core, python, processes) if python else Row(core, None))
    except KeyboardInterrupt:
        processes.stop()
        sys.exit("interrupted")
    sys.exit(0 if report(rows) else 1)


if __name__ == "__main__":
    main()
