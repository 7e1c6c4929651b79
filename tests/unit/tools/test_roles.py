# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Habits of the roles that a play around them relies on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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


def _documented(role: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry point of a role as `ansible-doc -t role` reads it, and defaults/main.yml."""
    folder = ROOT / "roles" / role
    specs = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]
    return specs["main"], yaml.safe_load((folder / "defaults/main.yml").read_text())


@pytest.mark.parametrize("role", ROLES)
def test_null_passes_the_check_of_arguments(role: str) -> None:
    """Ansible tries to convert null where a default or choices are stated, and fails; for texts so before 2.19."""
    entry_point, defaults = _documented(role)
    options = entry_point["options"]
    assert {name for name, option in options.items() if not option.get("required")} == defaults.keys()
    for name, option in options.items():
        if option["type"] != "str" or "choices" not in option:
            assert not {"default", "choices"} & option.keys(), name


@pytest.mark.parametrize("role", ROLES)
def test_the_documented_default_is_the_default(role: str) -> None:
    """Beside the default null stands what null means."""
    entry_point, defaults = _documented(role)
    for name, default in defaults.items():
        option = entry_point["options"][name]
        of_another_role = re.search(r"\| default\((.*)\) }}", str(default))
        real = yaml.safe_load(of_another_role[1]) if of_another_role else default
        meant = [re.findall(r"V\((.*?)\)", said) for said in re.findall(r"Null means (.*)", str(option["description"]))]
        if "default" in option:
            assert (option["default"], meant) == (real, []), name
        elif real or isinstance(real, bool):
            values = real if isinstance(real, list) else [real]
            assert meant == [[each if isinstance(each, str) else json.dumps(each) for each in values]], name
        else:
            assert not any(meant), name


@pytest.mark.parametrize("role", ROLES)
def test_the_example_is_the_one_of_the_readme(role: str) -> None:
    """tests/integration/test_examples.py and the tests of the role run that one."""
    (in_readme,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "roles" / role / "README.md").read_text(), re.M | re.S)
    assert _documented(role)[0]["examples"] == in_readme
