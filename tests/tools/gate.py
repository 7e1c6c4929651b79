"""Runs the quality gate, or some of its stages: `make test`, `make unit`, `make lint` ...

    python3 tests/tools/gate.py [--live] [stage ...]

Quiet: what a check says goes to tests/output/log, and is shown if it fails. At the end one table, and as the last line
`N passed, N failed`. The exit status is 1 if anything failed, if a stage ran nothing, or, with CI=true, if a stage
could not run.
"""

from __future__ import annotations

import argparse
import sys
import time

from checkout import link_collection
from environment import EnvironmentFailed, running_python
from processes import Processes, interrupt_on_signals
from runner import run_stages
from stages import STAGES
from table import report


def main() -> None:
    """Run the stages named on the command line, else all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    names = [stage.name for stage in STAGES]
    parser.add_argument("--live", action="store_true", help="print what the checks say while they say it")
    parser.add_argument("stages", nargs="*", metavar="stage", help=f"of {', '.join(names)}; default: all")
    options = parser.parse_args()
    if unknown := set(options.stages) - set(names):
        parser.error(f"unknown stage {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    stages = [stage for stage in STAGES if not options.stages or stage.name in options.stages]
    interrupt_on_signals()
    started = time.monotonic()
    try:
        running_python()
        link_collection()
        outcomes = run_stages(stages, Processes(live=options.live))
    except EnvironmentFailed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    sys.exit(0 if report(outcomes, time.monotonic() - started) else 1)


if __name__ == "__main__":
    main()
