"""Runs the quality gate, or some of its stages: `make test`, `make unit`, `make lint` ...

    python3 tests/tools/gate.py [stage ...]

Output is live; where two stages run at once each line starts with its stage. At the end a summary, and as the last
line `N passed, N failed`. The exit status is 1 if anything failed or a stage that was asked for ran nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from checkout import clean_environ, link_collection
from counts import Counts
from environment import EnvironmentFailed, ensure
from processes import Processes, interrupt_on_signals
from stages import STAGES, Stage


@dataclass
class Outcome:
    """What a stage gave."""

    stage: str
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    """Names of the checks with a failure."""


def run_stage(stage: Stage, processes: Processes, environ: dict[str, str], *, prefixed: bool) -> Outcome:
    """Run the checks of a stage one after the other."""
    outcome = Outcome(stage.name)
    started = time.monotonic()
    prefix = f"[{stage.name}] " if prefixed else ""
    for check in stage.checks():
        counts = processes.run(check, environ, prefix)
        outcome.counts = outcome.counts.plus(counts)
        if counts.failed:
            outcome.failed.append(check.name)
    outcome.seconds = time.monotonic() - started
    return outcome


def run_stages(stages: list[Stage], processes: Processes, environ: dict[str, str]) -> list[Outcome]:
    """Run stages, the lanes side by side; outcomes in the order of `stages`. Raises KeyboardInterrupt."""
    lanes = {stage.lane for stage in stages} if (os.cpu_count() or 1) > 1 else {0}
    prefixed = len(lanes) > 1

    def run_lane(lane: int) -> list[Outcome]:
        mine = [stage for stage in stages if lane in (0, stage.lane)]
        return [run_stage(stage, processes, environ, prefixed=prefixed) for stage in mine]

    with ThreadPoolExecutor(len(lanes)) as pool:
        try:
            outcomes = {outcome.stage: outcome for done in pool.map(run_lane, sorted(lanes)) for outcome in done}
        except BaseException:
            processes.stop()
            raise
    return [outcomes[stage.name] for stage in stages]


def report(outcomes: list[Outcome], seconds: float) -> bool:
    """Print the summary; return whether everything ran and passed."""
    print(f"\n{'stage':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    total = Counts()
    nothing_ran = []
    for outcome in outcomes:
        counts = outcome.counts
        ran = counts.passed + counts.failed
        remark = f"  failed: {', '.join(outcome.failed)}" if outcome.failed else "" if ran else "  ran no test"
        print(_row(outcome.stage, counts, outcome.seconds) + remark)
        total = total.plus(counts)
        if not ran:
            nothing_ran.append(outcome.stage)
    print(_row("all", total, seconds))
    if nothing_ran:
        print(f"Not good: no test ran in {', '.join(nothing_ran)}.")
    print(f"{total.passed} passed, {total.failed + len(nothing_ran)} failed")
    return not total.failed and not nothing_ran


def _row(name: str, counts: Counts, seconds: float) -> str:
    return f"{name:<14}{counts.passed:>8}{counts.failed:>8}{counts.skipped:>9}{seconds:>9.0f}"


def main() -> None:
    """Run the stages named on the command line, else all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    names = [stage.name for stage in STAGES]
    parser.add_argument("stages", nargs="*", metavar="stage", help=f"of {', '.join(names)}; default: all")
    asked = parser.parse_args().stages
    if unknown := set(asked) - set(names):
        parser.error(f"unknown stage {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    # A checkout without molecule scenarios is whole; asked for by name, their absence is an error.
    stages = [stage for stage in STAGES if stage.name in asked or (not asked and stage.checks())]
    interrupt_on_signals()
    started = time.monotonic()
    processes = Processes()
    try:
        environ = clean_environ(ensure("test"))
        link_collection()
        outcomes = run_stages(stages, processes, environ)
    except EnvironmentFailed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    sys.exit(0 if report(outcomes, time.monotonic() - started) else 1)


if __name__ == "__main__":
    main()
