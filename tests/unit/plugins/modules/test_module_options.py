"""Documented options are the options that the action plugins take, and the examples use only them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.options import (
    JOURNAL_OPTIONS,
    SCOPE_OPTIONS,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[4]
COLLECTION = "winops.smb_guest"
GROUP = f"group/{COLLECTION}.smb_guest"
# They change nothing, so there is no difference to show.
READERS = (
    "client_facts",
    "connections_info",
    "domain_policy_info",
    "guest_events_info",
    "policy_files_info",
    "posture_info",
    "server_info",
    "verify_facts",
)
# They may have to run wevtutil.exe.
STARTERS = ("audit", "connections_info", "guest_events_info", "posture_info", "verify_facts")
# They run on the controller and manage no host.
PLATFORM = {"policy_files": "all", "policy_files_info": "all", "posture_report": "all", "server_info": "all"}


def _documented_option(option: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": option["type"],
        "elements": option.get("elements"),
        # In JSON the names of explained choices are text, numbers as well.
        "choices": [str(choice) for choice in option.get("choices") or ()],
        "default": option.get("default"),
        "required": option.get("required", False),
        "aliases": option.get("aliases", []),
        "options": {name: _documented_option(sub) for name, sub in (option.get("suboptions") or {}).items()},
    }


def _specified_option(option: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "choices": [str(choice) for choice in option.get("choices", ())],
        "default": option.get("default"),
        "required": option.get("required", False),
        "aliases": list(option.get("aliases", ())),
        "options": {name: _specified_option(sub) for name, sub in option.get("options", {}).items()},
    }


def test_every_action_is_documented_in_its_module_and_nowhere_else() -> None:
    actions = {path.name for path in (ROOT / "plugins/action").glob("[!_]*")}
    assert {path.name for path in (ROOT / "plugins/modules").glob("[!_]*")} == actions


def test_documented_options_are_the_argument_spec(documented: Any, action_class: Any, module: str) -> None:
    options = documented[module]["doc"]["options"]
    spec = action_class(module).ARGUMENT_SPEC
    documented_options = {name: _documented_option(option) for name, option in options.items()}
    specified_options = {name: _specified_option(option) for name, option in spec.items()}
    # The order of choices carries no meaning, and JSON sorts them.
    for option in (*documented_options.values(), *specified_options.values()):
        option["choices"] = sorted(option["choices"])
    assert documented_options == specified_options


def test_every_choice_is_explained(documented: Any, module: str) -> None:
    for option in documented[module]["doc"]["options"].values():
        # Names of settings are explained where the settings are.
        if "choices" in option and not set(option["choices"]) <= set(SETTINGS):
            assert isinstance(option["choices"], dict)
            assert all(option["choices"].values())


def test_client_config_documents_every_setting(documented: Any) -> None:
    options = documented["client_config"]["doc"]["options"]
    others = {*SCOPE_OPTIONS, *JOURNAL_OPTIONS}
    assert set(options) - others == set(SETTINGS)
    for name, setting in SETTINGS.items():
        text = " ".join(options[name]["description"])
        assert f"since {setting.first_release.split(' (')[0]}" in text, name
        assert all(str(number) in text for number in setting.events if setting.words.true == "enabled"), name


def test_check_mode_and_connections_are_documented(documented: Any, module: str) -> None:
    attributes = documented[module]["doc"]["attributes"]
    assert attributes["check_mode"]["support"] == "full"
    diff_mode = "none" if module == "posture_report" else "N/A" if module in READERS else "full"
    assert attributes["diff_mode"]["support"] == diff_mode
    assert attributes["platform"]["platforms"] == PLATFORM.get(module, "windows")
    assert attributes["process"]["support"] == ("partial" if module in STARTERS else "none")


def test_the_action_group_is_the_one_of_runtime_yml(documented: Any, module: str) -> None:
    groups = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]
    membership = documented[module]["doc"]["attributes"].get("action_group", {}).get("membership", [])
    assert membership == [f"{COLLECTION}.{group}" for group, members in groups.items() if module in members]


def _tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Every task of an example, inside plays and blocks as well."""
    for item in node:
        nested = [item[key] for key in ("tasks", "block", "rescue", "always") if key in item]
        for tasks in nested:
            yield from _tasks(tasks)
        if not nested:
            yield item


def test_revert_change_shows_every_selection(documented: Any) -> None:
    tasks = list(_tasks(yaml.safe_load(documented["revert_change"]["examples"])))
    used = {option for task in tasks for option in task[f"{COLLECTION}.revert_change"]}
    assert used == set(documented["revert_change"]["doc"]["options"]) - {"keep_ended"}
    assert any(task.get("check_mode") for task in tasks)


def test_examples_have_names_and_use_existing_options(documented: Any, module: str) -> None:
    tasks = list(_tasks(yaml.safe_load(documented[module]["examples"])))
    assert any(f"{COLLECTION}.{module}" in task for task in tasks)
    for task in tasks:
        assert task["name"]
        for action, arguments in task.items():
            if action.startswith(f"{COLLECTION}."):
                options = documented[action.rpartition(".")[2]]["doc"]["options"]
                for name, value in (arguments or {}).items():
                    choices = options[name].get("choices")
                    values = value if isinstance(value, list) else [value]
                    assert choices is None or set(map(str, values)) <= set(choices), (action, name)


@pytest.mark.parametrize("key", ["version_added", "author", "short_description", "seealso", "requirements"])
def test_a_reader_finds(documented: Any, module: str, key: str) -> None:
    assert documented[module]["doc"][key]
