"""The surveys for AWX: AWX takes them, they ask for what the roles know, and their answers do what they say.

The rules are those of AWX's own check of a survey, awx/api/views (JobTemplateSurveySpec).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbooks import Playbooks, role
from simulated_windows.client import Fleet

ROOT = Path(__file__).resolve().parents[2]
SURVEYS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("docs/surveys/*.json"))}
TYPES = {"text": str, "multiplechoice": str, "multiselect": str, "integer": int}
HOST = "host"


def role_file(name: str, path: str) -> Any:
    return yaml.safe_load((ROOT / "roles" / name / path).read_text(encoding="utf-8"))


def answers(survey: str, **given: Any) -> list[str]:
    """What AWX passes to ansible-playbook: every default, and what somebody filled in."""
    spec = SURVEYS[survey]["spec"]
    defaults = {question["variable"]: question["default"] for question in spec if "default" in question}
    chosen = {q["variable"]: defaults[q["variable"]].splitlines() for q in spec if q["type"] == "multiselect"}
    return ["--extra-vars", json.dumps({**defaults, **chosen, **given})]


@pytest.mark.parametrize("name", SURVEYS)
def test_awx_takes_it(name: str) -> None:
    survey = SURVEYS[name]
    assert {key: type(value) for key, value in survey.items()} == {"name": str, "description": str, "spec": list}
    for question in survey["spec"]:
        assert [type(question[key]) for key in ("question_name", "variable", "type", "required")] == [str] * 3 + [bool]
        if "default" in question:
            assert isinstance(question["default"], TYPES[question["type"]])
        if question["type"].startswith("multi"):
            assert question.get("default") in question["choices"]
    variables = [question["variable"] for question in survey["spec"]]
    assert len(variables) == len(set(variables))


@pytest.mark.parametrize("name", SURVEYS)
def test_it_asks_for_what_the_role_knows(name: str) -> None:
    known = role_file(name, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = role_file(name, "defaults/main.yml")
    for question in SURVEYS[name]["spec"]:
        variable, default = question["variable"], question.get("default", "")
        assert variable in known
        expected = defaults.get(variable, "")
        assert default == (expected[0] if isinstance(expected, list) else yaml_text(expected)), variable


def yaml_text(value: Any) -> Any:
    """A truth value as the text that a choice is."""
    return str(value).lower() if isinstance(value, bool) else value


def test_answers_open_close_and_undo(
    start_fleet: Callable[[list[dict[str, Any]]], Fleet], playbooks: Playbooks
) -> None:
    fleet = start_fleet([{"name": HOST, "preset": "windows_11_24h2_pro"}])

    def runs() -> tuple[bool, bool]:
        client = fleet.control.state(HOST)["smb_client"]
        return client["EnableInsecureGuestLogons"], client["RequireSecuritySignature"]

    before = runs()
    refused = playbooks.run(fleet, [role("enable_guest")], [HOST], arguments=answers("enable_guest"))
    assert ["accept_risk: true" in record.message for record in refused.records if record.status == "failed"] == [True]
    assert runs() == before
    accepted = {
        "enable_guest_accept_risk": "true",
        "enable_guest_reason": "CHG0042",
        "enable_guest_relax_signing": "true",
    }
    for name, given, after in (
        ("enable_guest", accepted, (True, False)),
        ("harden", {}, (False, True)),
        ("revert", {"revert_latest": "true", "revert_change_id": ""}, (True, False)),
        ("revert", {"revert_all": "true"}, before),
    ):
        run = playbooks.run(fleet, [role(name)], [HOST], arguments=answers(name, **given))
        assert ({record.status for record in run.records} & {"failed"}, runs()) == (set(), after), run.output
