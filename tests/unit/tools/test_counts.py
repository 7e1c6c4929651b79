"""What the gate believes ran, from reports and exit statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from counts import Counts, from_exit, from_junit

if TYPE_CHECKING:
    from pathlib import Path

PASSED = '<testcase name="a"/>'
FAILED = '<testcase name="b"><failure message="no"/></testcase>'
ERROR = '<testcase name="c"><error message="no"/></testcase>'
SKIPPED = '<testcase name="d"><skipped message="no wine"/></testcase>'


@pytest.mark.parametrize(
    ("reports", "status", "expected"),
    [
        ([[PASSED, PASSED]], 0, Counts(2)),
        ([[PASSED, FAILED, ERROR, SKIPPED]], 1, Counts(1, 2, ("no wine",))),
        ([[PASSED], [PASSED, SKIPPED]], 0, Counts(2, 0, ("no wine",))),
        pytest.param([[PASSED]], 3, Counts(1, 1), id="crash after the report"),
        pytest.param([], 1, Counts(0, 1), id="crash before any report"),
        pytest.param([], 0, Counts(), id="nothing ran"),
        pytest.param([[FAILED]], 0, Counts(0, 1), id="a report outweighs the status"),
    ],
)
def test_junit_files_and_status(tmp_path: Path, reports: list[list[str]], status: int, expected: Counts) -> None:
    files = []
    for number, cases in enumerate(reports):
        file = tmp_path / f"{number}.xml"
        file.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        files.append(file)
    assert from_junit(files, status) == expected


def test_exit_status_is_one_test() -> None:
    assert from_exit(0) == Counts(passed=1)
    assert from_exit(2) == Counts(failed=1)
