"""Counts of what a check ran, read from JUnit files or from an exit status."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree


class Counts(NamedTuple):
    """How many tests passed, failed (errors included) and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def from_exit(status: int) -> Counts:
    """A tool that is one test by itself."""
    return Counts(failed=1) if status else Counts(passed=1)


def from_junit(files: Iterable[Path], status: int) -> Counts:
    """The sum of JUnit files.

    A non-zero `status` with no failure in the files (a crash, an interrupt, a collection error) is itself a failure.
    No file and status 0 is nothing run.
    """
    total = Counts()
    for file in files:
        total = total.plus(_one_junit(file))
    if status and not total.failed:
        total = total.plus(Counts(failed=1))
    return total


def _one_junit(file: Path) -> Counts:
    cases = ElementTree.parse(file).getroot().iter("testcase")
    outcomes = [{child.tag for child in case} for case in cases]
    failed = sum(bool(outcome & {"failure", "error"}) for outcome in outcomes)
    skipped = sum("skipped" in outcome and not outcome & {"failure", "error"} for outcome in outcomes)
    return Counts(len(outcomes) - failed - skipped, failed, skipped)
