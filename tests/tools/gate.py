"""Runs stages of the quality gate with nox, two at a time, and prints one table: `make test`, `make unit` ...

    .cache/tools-3.11/bin/python tests/tools/gate.py [--live] stage ... | --tag gate

Quiet: what a check prints goes to tests/output/log, and its end is shown if it fails. The last line is
`N passed, N failed`. The exit status is 1 if a test failed, if a stage ran no test, or, with CI=true, if a stage could
not run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from checkout import OUTPUT, ROOT
from interrupts import ignore_signals, interrupt_on_signals

FROM_ANTSIBULL = ("extra-checks",)
"""Sessions of antsibull-nox.toml that are stages."""
AT_A_TIME = 2
PATIENCE_S = 30
"""For nox to stop what it runs, after an interruption."""


class Counts(NamedTuple):
    """How many tests passed, failed (errors included) and were skipped, and why each of the last was."""

    passed: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.reasons + other.reasons)


class Outcome(NamedTuple):
    """What a stage gave."""

    stage: str
    counts: Counts = Counts()
    seconds: float = 0.0
    remark: str = ""
    not_run: bool = False
    """Whether it could not run; `remark` says why, and what to do."""

    def is_good(self, *, must_run: bool) -> bool:
        """Whether it ran a test and none failed; one that could not run is good unless it must."""
        return not must_run if self.not_run else bool(self.counts.passed) and not self.counts.failed


def count(files: Iterable[Path], *, success: bool) -> Counts:
    """The sum of JUnit files.

    A session that failed with no failure in the files (a crash, an interrupt, no environment) is itself a failure.
    """
    total = Counts()
    for file in files:
        for case in ElementTree.parse(file).getroot().iter("testcase"):
            skipped = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                total = total.plus(Counts(failed=1))
            elif skipped is not None:
                total = total.plus(Counts(reasons=(skipped.get("message") or skipped.text or "no reason given",)))
            else:
                total = total.plus(Counts(passed=1))
    return total if success or total.failed else total.plus(Counts(failed=1))


def outcome(session: dict[str, Any], junit: Path) -> Outcome:
    """What a session of nox's report gave, with its JUnit files below `junit`."""
    name, result, reason = session["name"], session["result"], session.get("reason") or ""
    if result == "skipped":
        return Outcome(name, remark=f"not run: {reason}", not_run=True)
    success = result == "success"
    counts = count(sorted((junit / name).glob("*.xml")), success=success)
    if name in FROM_ANTSIBULL and success:  # they write no JUnit
        counts = Counts(passed=1)
    remark = (reason or "failed") if counts.failed else "" if counts.passed else "ran no test"
    return Outcome(name, counts, session["duration"], remark)


def report(outcomes: Sequence[Outcome], seconds: float) -> bool:
    """Print the table, the reasons, and as the last line `N passed, N failed`; return whether all is good."""
    must_run = os.environ.get("CI", "").lower() in ("true", "1")
    width = max(len("stage"), *(len(each.stage) for each in outcomes)) + 2
    print(f"\n{'stage':<{width}}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    total = Counts()
    for each in outcomes:
        numbers = f"{'-':>8}{'-':>8}{'-':>9}{'-':>9}" if each.not_run else _numbers(each.counts, each.seconds)
        print(f"{each.stage:<{width}}{numbers}  {each.remark}".rstrip())
        total = total.plus(each.counts)
    print(f"{'all':<{width}}{_numbers(total, seconds)}")
    for each in outcomes:
        for reason, number in sorted(Counter(each.counts.reasons).items()):
            print(f"skipped in {each.stage}: {number} x {reason}")
    bad = [each for each in outcomes if not each.is_good(must_run=must_run)]
    without_a_test = [each.stage for each in bad if not each.counts.failed]
    if without_a_test:
        print(f"No test ran in {', '.join(without_a_test)}.")
    print(f"{total.passed} passed, {total.failed + len(without_a_test)} failed")
    return not bad and total.passed > 0


def _numbers(counts: Counts, seconds: float) -> str:
    return f"{counts.passed:>8}{counts.failed:>8}{len(counts.reasons):>9}{seconds:>9.0f}"


def run_nox(selection: Sequence[str], *, live: bool, noxfile: Path = ROOT / "noxfile.py") -> list[dict[str, Any]]:
    """Run sessions; return nox's report of each. Quietly, two at a time, or `live`, one after the other."""
    report_path = OUTPUT / "nox.json"
    OUTPUT.mkdir(parents=True, exist_ok=True)
    report_path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--report", str(report_path), *selection]
    if live:
        subprocess.run(command, check=False)
    else:
        jobs = min(AT_A_TIME, os.cpu_count() or 1)
        _run_quietly([*command, "--parallel", str(jobs), "--allow-parallel"])
    sessions: list[dict[str, Any]] = json.loads(report_path.read_text())["sessions"] if report_path.is_file() else []
    return sessions


def _run_quietly(command: list[str]) -> None:
    """Everything goes to a log; what sessions print themselves, and not nox of them, is shown."""
    environ = os.environ | {"WINOPS_GATE": "1", "NO_COLOR": "1"}
    with (
        (OUTPUT / "nox.txt").open("w") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ, start_new_session=True
        ) as nox,
    ):
        assert nox.stdout
        try:
            for line in nox.stdout:
                log.write(line)
                if not line.startswith(("nox > ", "Starting session")):
                    print(line, end="", flush=True)
        except KeyboardInterrupt:
            ignore_signals()
            nox.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                nox.wait(PATIENCE_S)
            raise


def main() -> None:
    """Run the stages named on the command line, or those of a tag."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--live", action="store_true", help="print what the checks say while they say it")
    parser.add_argument("--tag", action="append", help="gate, matrix or quick")
    parser.add_argument("stages", nargs="*", metavar="stage", help="a session of noxfile.py")
    options = parser.parse_args()
    interrupt_on_signals()
    started = time.monotonic()
    selection = ["--tags", *options.tag] if options.tag else ["--sessions", *options.stages]
    try:
        sessions = run_nox(selection, live=options.live)
        if "gate" in (options.tag or ()):
            sessions += run_nox(["--sessions", *FROM_ANTSIBULL], live=options.live)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    if not sessions:
        sys.exit(f"nox ran nothing; see {OUTPUT / 'nox.txt'}")
    outcomes = [outcome(session, OUTPUT / "junit") for session in sessions]
    sys.exit(0 if report(outcomes, time.monotonic() - started) else 1)


if __name__ == "__main__":
    main()
