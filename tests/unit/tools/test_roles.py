# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Habits of the roles that a play around them relies on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def _tasks(role: str) -> Iterator[dict[str, Any]]:
    for path in sorted((ROOT / "roles" / role / "tasks").glob("*.yml")):
        yield from yaml.safe_load(path.read_text())


@pytest.mark.parametrize("role", ROLES)
def test_no_loop_takes_the_callers_item(role: str) -> None:
    """A role may be called in a loop, whose variable is `item`."""
    for task in _tasks(role):
        if "loop" in task:
            assert task["loop_control"]["loop_var"].startswith(f"__{role}_"), task["name"]


@pytest.mark.parametrize("role", ROLES)
def test_null_passes_the_check_of_arguments(role: str) -> None:
    """Ansible tries to convert null where a default or choices are stated, and fails; for texts so before 2.19."""
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())["argument_specs"]
    options = specs["main"]["options"]
    defaults = yaml.safe_load(Path(ROOT / "roles" / role / "defaults/main.yml").read_text())
    assert {name for name, option in options.items() if not option.get("required")} == defaults.keys()
    for name, option in options.items():
        if option["type"] != "str" or "choices" not in option:
            assert not {"default", "choices"} & option.keys(), name
