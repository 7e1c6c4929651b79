"""A fleet for all fault tests of one process, subjects of it, and the numbers of every test at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from changes import Change
from subjects import Subject

from simulated_windows.client import Fleet

# pywinrm and requests would take these for their trust store, and warn.
for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(variable, None)

NUMBERS = "numbers"


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    with Fleet({"hosts": []}) as running:
        yield running


@pytest.fixture(scope="session")
def subject_of(fleet: Fleet) -> Callable[[Change], Subject]:
    """The host of a change, as good as new. One host per preset and quirks, used again."""

    def subject(change: Change) -> Subject:
        name = "-".join([change.preset, *(quirk for quirk, _unused in change.quirks)])
        if name not in fleet.hosts:
            quirks = dict(change.quirks)
            fleet.hosts |= fleet.control.add_host(name=name, preset=change.preset, quirks=quirks, https=False)
        found = Subject(name, fleet.hosts[name], fleet.control, change.registry)
        found.fresh()
        return found

    return subject


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Say a test's numbers: they are printed at the end of the run."""

    def numbers(**counts: int) -> None:
        record_property(NUMBERS, ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))

    return numbers


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [
        (report.nodeid.rpartition("/")[2], value)
        for outcome in ("passed", "failed", "xfailed")
        for report in terminalreporter.stats.get(outcome, ())
        for name, value in getattr(report, "user_properties", ())
        if name == NUMBERS
    ]
    if reports:
        terminalreporter.write_sep("=", "numbers")
    for nodeid, value in sorted(reports):
        terminalreporter.write_line(f"{nodeid}: {value}")
