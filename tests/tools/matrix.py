"""Runs what depends on ansible-core on every supported release that this machine has a Python for.

    python3 tests/tools/matrix.py [--live] [--quick] [2.18 ...]

One table at the end: release x Python x what. The exit status is 1 if a test failed or if no release could be run. A
release without a Python is shown as not run, which is a failure in CI only. `--quick`, for CI, leaves out what takes
long and differs least between releases: see PARTS.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ansible_cores import ANSIBLE_CORES, AnsibleCore
from checkout import link_collection
from environment import Environment
from processes import Processes, interrupt_on_signals
from pythons import Python, find_pythons
from runner import Outcome, run_stages
from stages import Check, Stage, ansible_test_check, pytest_check
from table import report

_RELEASED = [core.minor for core in ANSIBLE_CORES if core.is_released]
OLDEST, NEWEST = _RELEASED[0], _RELEASED[-1]


class Part(NamedTuple):
    """What is run on a release, and on which releases also when it must be quick."""

    name: str
    check: Callable[[str], Check]
    """By the release, such as `2.18`."""
    quick: Callable[[str], bool] = lambda _minor: True


PARTS = (
    Part(
        "integration",
        lambda core: pytest_check("integration", "-m", "matrix", junit=f"matrix-{core}/integration"),
        lambda core: core in (OLDEST, NEWEST),
    ),
    Part("unit", lambda core: pytest_check("unit/plugins", junit=f"matrix-{core}/unit"), lambda _core: False),
    Part("sanity", lambda core: ansible_test_check("sanity", core), lambda _core: False),
    Part("units", lambda core: ansible_test_check("units", core), lambda _core: False),
)


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


def stages(core: AnsibleCore, python: Python, *, quick: bool) -> list[Stage]:
    """The parts that are run on one release."""
    environment = Environment(f"matrix-{core.minor}", python, core, "matrix")

    def stage(part: Part) -> Stage:
        return Stage(f"{core.version} on {python}: {part.name}", lambda: [part.check(core.minor)], environment)

    return [stage(part) for part in PARTS if part.quick(core.minor) or not quick]


def not_run(core: AnsibleCore) -> Outcome:
    """A release for which there is no Python."""
    first, last = (".".join(map(str, version)) for version in (core.first_python, core.last_python))
    return Outcome(core.version, not_run=f"needs Python {first} to {last}, none found")


def main() -> None:
    """Run the releases named on the command line, else all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    minors = [core.minor for core in ANSIBLE_CORES]
    parser.add_argument("--live", action="store_true", help="print what the checks say while they say it")
    parser.add_argument("--quick", action="store_true", help="leave out what differs least between releases")
    parser.add_argument("cores", nargs="*", metavar="release", help=f"of {', '.join(minors)}; default: all")
    options = parser.parse_args()
    if unknown := set(options.cores) - set(minors):
        parser.error(f"unsupported ansible-core {', '.join(sorted(unknown))}; supported: {', '.join(minors)}")
    cores = [core for core in ANSIBLE_CORES if not options.cores or core.minor in options.cores]
    interrupt_on_signals()
    link_collection()
    started = time.monotonic()
    assigned = assign_pythons(cores, list(find_pythons().values()))
    asked = [stage for core, python in assigned if python for stage in stages(core, python, quick=options.quick)]
    try:
        outcomes = run_stages(asked, Processes(live=options.live))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    outcomes += [not_run(core) for core, python in assigned if not python]
    sys.exit(0 if report(outcomes, time.monotonic() - started, heading="ansible-core") else 1)


if __name__ == "__main__":
    main()
