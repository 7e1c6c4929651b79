# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every case of tests/integration/cases/README.md has a test, and every test of that folder is of a case."""

from __future__ import annotations

import re

from checkout import ROOT

FOLDER = ROOT / "tests/integration/cases"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (FOLDER / "README.md").read_text().splitlines()
    if re.match(r"\| \d", line)
]
NAMED = {test for row in ROWS for test in re.findall(r"`(tests/[^`]+)`", row[3])}
MORE = {"test_a_task_out_of_time_is_no_unreachable_host", "test_what_is_missing_contacts_no_host"}
MORE |= {"test_what_no_host_would_do_is_refused_before_anything_is_written"}
"""Tests beside a case: the same story, another end."""


def _tests(path: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", (ROOT / path).read_text(), re.MULTILINE))


def test_every_case_has_a_test() -> None:
    numbers = [row[0] for row in ROWS]
    assert len(numbers) > 40
    assert sorted(numbers) == sorted(set(numbers)), "a number names one case"
    for row in ROWS:
        assert len(row) == 4, row
        assert re.findall(r"`(tests/[^`]+)`", row[3]), row
    missing = [test for test in NAMED if test.split("::")[1] not in _tests(test.split("::")[0])]
    assert missing == []


def test_every_test_here_is_of_a_case() -> None:
    here = {name for path in FOLDER.glob("test_*.py") for name in _tests(str(path.relative_to(ROOT)))}
    assert here - {test.split("::")[1] for test in NAMED} == MORE
