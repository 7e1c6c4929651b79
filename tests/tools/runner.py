"""Runs stages two at a time, each in its own environment, quietly; what a failed check said is shown when it ends."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from checkout import OUTPUT, clean_environ
from counts import Counts
from environment import EnvironmentFailed
from processes import Processes
from stages import Stage
from system_packages import missing

AT_A_TIME = 2
SHOWN_LINES = 120
"""Of what a failed check said; the log has the rest."""


@dataclass
class Outcome:
    """What a stage gave."""

    stage: str
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    """Names of the checks with a failure."""
    not_run: str = ""
    """Why it could not run, and what to do; empty if it did."""

    def remark(self) -> str:
        """What the table says at the end of its row."""
        if self.not_run:
            return f"not run: {self.not_run}"
        if self.failed:
            return f"failed: {', '.join(self.failed)}"
        return "" if self.counts.ran else "ran no test"

    def good(self, *, must_run: bool) -> bool:
        """Whether it ran a test and none failed; one that could not run is good unless it must."""
        return not must_run if self.not_run else bool(self.counts.ran) and not self.counts.failed


def run_stages(stages: Sequence[Stage], processes: Processes) -> list[Outcome]:
    """Run them; outcomes in the order of `stages`. Raises KeyboardInterrupt."""
    at_work: list[str] = []
    lock = threading.Lock()

    def run(stage: Stage) -> Outcome:
        with lock:
            at_work.append(stage.name)
            _show(at_work)
        outcome = run_stage(stage, processes)
        with lock:
            at_work.remove(stage.name)
            word = "good" if outcome.good(must_run=False) else "FAILED"
            _clear()
            if not processes.stopping:
                print(f"{stage.name}: {'not run' if outcome.not_run else word}, {outcome.seconds:.0f} s", flush=True)
            _show(at_work)
        return outcome

    with ThreadPoolExecutor(min(AT_A_TIME, os.cpu_count() or 1)) as pool:
        try:
            return list(pool.map(run, stages))
        except BaseException:
            processes.stop()
            raise
        finally:
            _clear()


def run_stage(stage: Stage, processes: Processes) -> Outcome:
    """Provide what a stage needs, then run its checks one after the other."""
    outcome = Outcome(stage.name)
    started = time.monotonic()
    outcome.not_run = missing(stage.packages) or ""
    if not outcome.not_run and not processes.stopping:
        try:
            _run_checks(stage, outcome, clean_environ(stage.environment.ensure()), processes)
        except EnvironmentFailed as failure:
            print(failure, flush=True)
            outcome.counts = outcome.counts.plus(Counts(failed=1))
            outcome.failed.append("no environment")
    outcome.seconds = time.monotonic() - started
    return outcome


def _run_checks(stage: Stage, outcome: Outcome, environ: dict[str, str], processes: Processes) -> None:
    for check in stage.checks():
        log = OUTPUT / "log" / _file_name(stage.name) / f"{_file_name(check.name)}.txt"
        counts = processes.run(check, environ, log)
        outcome.counts = outcome.counts.plus(counts)
        if counts.failed:
            outcome.failed.append(check.name)
            if not processes.stopping:
                _show_end(log)


def _file_name(text: str) -> str:
    return re.sub("[^a-z0-9.]+", "-", text.lower())


def _show_end(log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()
    left_out = max(0, len(lines) - SHOWN_LINES)
    head = [lines[0], f"... {left_out} lines left out: {log.relative_to(OUTPUT.parents[1])}"] if left_out else []
    _clear()
    print("\n".join([*head, *lines[left_out:]]), flush=True)


def _show(at_work: list[str]) -> None:
    if at_work and sys.stdout.isatty():
        print(f"\r\x1b[K{', '.join(at_work)} ...", end="", flush=True)


def _clear() -> None:
    if sys.stdout.isatty():
        print("\r\x1b[K", end="", flush=True)
