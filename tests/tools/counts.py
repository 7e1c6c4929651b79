"""Counts of what a check ran, read from JUnit files or from an exit status."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree


class Counts(NamedTuple):
    """How many tests passed, failed (errors included) and were skipped, and why each of the last was."""

    passed: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def skipped(self) -> int:
        """How many were skipped."""
        return len(self.reasons)

    @property
    def ran(self) -> int:
        """How many were not."""
        return self.passed + self.failed

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.reasons + other.reasons)


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
    counts = Counts()
    for case in ElementTree.parse(file).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            counts = counts.plus(Counts(failed=1))
        elif skipped is not None:
            counts = counts.plus(Counts(reasons=(skipped.get("message") or skipped.text or "no reason given",)))
        else:
            counts = counts.plus(Counts(passed=1))
    return counts
