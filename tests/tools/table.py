"""The closing table of the gate and of the matrix: what ran, how many, how long, and why anything did not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from counts import Counts
from runner import Outcome


def must_run() -> bool:
    """Whether a stage that could not run is a failure: in CI it is."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def report(outcomes: Sequence[Outcome], seconds: float, *, heading: str = "stage") -> bool:
    """Print the table, the reasons, and as the last line `N passed, N failed`; return whether all is good."""
    width = max(len(heading), *(len(outcome.stage) for outcome in outcomes)) + 2
    print(f"\n{heading:<{width}}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    total = Counts()
    for outcome in outcomes:
        numbers = f"{'-':>8}{'-':>8}{'-':>9}{'-':>9}" if outcome.not_run else _numbers(outcome.counts, outcome.seconds)
        print(f"{outcome.stage:<{width}}{numbers}  {outcome.remark()}".rstrip())
        total = total.plus(outcome.counts)
    print(f"{'all':<{width}}{_numbers(total, seconds)}")
    for outcome in outcomes:
        for reason, number in sorted(Counter(outcome.counts.reasons).items()):
            print(f"skipped in {outcome.stage}: {number} x {reason}")
    bad = [outcome for outcome in outcomes if not outcome.good(must_run=must_run())]
    without_a_test = [outcome for outcome in bad if not outcome.counts.failed]
    if without_a_test:
        print(f"Not good: no test ran in {', '.join(outcome.stage for outcome in without_a_test)}.")
    print(f"{total.passed} passed, {total.failed + len(without_a_test)} failed")
    return not bad and total.passed > 0


def _numbers(counts: Counts, seconds: float) -> str:
    return f"{counts.passed:>8}{counts.failed:>8}{counts.skipped:>9}{seconds:>9.0f}"
