"""What no source settles about Windows' answers must not matter: each odd host is treated as its plain twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from playbooks import Playbooks, Record, Run, task
from simulated_windows.client import Fleet

PRESETS = ("windows_11_24h2_pro", "windows_10_1809_enterprise")
QUIRKS: dict[str, dict[str, Any]] = {
    "running_ignores_policy": {"running_ignores_policy": True},
    "registry_absent_codes swapped": {"registry_absent_codes": [2, 1]},
    "upper_case_booleans": {"upper_case_booleans": True},
    "omi_style": {"omi_style": True},
    "embedded_extra_level": {"embedded_extra_level": True},
    "embedded_no_xsi_type": {"embedded_no_xsi_type": True},
    "embedded_same_prefix": {"embedded_same_prefix": True},
    "xsi_type_on_scalars": {"xsi_type_on_scalars": True},
    "nulls_absent": {"nulls_absent": True},
    "no_relates_to": {"no_relates_to": True},
    "lower_case_class_uri": {"lower_case_class_uri": True},
    "first_page_one_item": {"first_page": "one_item"},
    "first_page_none": {"first_page": "none"},
    "german": {"german": True},
    "configuration_enumeration": {"configuration_enumeration": False},
    "set_needs_prompt_options": {"set_needs_prompt_options": True},
    "all harmless at once": {
        "upper_case_booleans": True,
        "embedded_extra_level": True,
        "embedded_no_xsi_type": True,
        "xsi_type_on_scalars": True,
        "nulls_absent": True,
        "no_relates_to": True,
        "first_page": "one_item",
        "german": True,
        "registry_absent_codes": [2, 1],
    },
}
_BOTH = ["local", "policy"]
_OPEN = {"insecure_guest_logons": "allowed", "client_signing": "not_required", "server_signing": "required"}
TASKS = [
    task("facts", "client_facts"),
    task("check", "client_config", check=True, _diff=True, **_OPEN, scope=_BOTH),
    task("open", "client_config", **_OPEN, scope=_BOTH),
    task("open again", "client_config", **_OPEN, scope=_BOTH),
    task("default", "guest_auth", state="default", scope=_BOTH),
    task("default again", "guest_auth", state="default", scope=_BOTH),
    task("audit", "audit", audit_insecure_guest_logons="enabled", scope=_BOTH),
    task("last facts", "client_facts"),
]
CHANGES = {"check": True, "open": True, "open again": False, "default": True, "default again": False}


def _name(quirk: str, preset: str) -> str:
    return f"{quirk} {preset}".replace(" ", "-")


@pytest.fixture(scope="module")
def run(playbooks: Playbooks, start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Run:
    fleet = start_fleet(
        [
            {"name": _name(quirk, preset), "preset": preset, "quirks": quirks}
            for quirk, quirks in {"plain": {}, **QUIRKS}.items()
            for preset in PRESETS
        ]
    )
    return playbooks.run(fleet, TASKS)


def _comparable(record: Record) -> tuple[Any, ...]:
    """What must be the same on every host of a preset."""
    # The simulated host's name and the times of its events are its own; a German Windows has a German caption.
    state = {key: value for key, value in record.state.items() if key not in ("os", "events")}
    result = {key: value for key, value in record.result.items() if not key.startswith("_ansible")}
    if host := result.pop("host", None):
        result["summary"] = [line.replace(host, "HOST") for line in result["summary"]]
    if "ansible_facts" in result:
        facts = record.facts
        result["ansible_facts"] = {**facts, "os": {k: v for k, v in facts["os"].items() if k != "caption"}}
    if record.status == "failed":
        result["msg"] = record.message.partition("this host runs")[0]
    return record.status, result, state


@pytest.mark.parametrize("quirk", QUIRKS)
@pytest.mark.parametrize("preset", PRESETS)
def test_as_the_plain_twin(run: Run, preset: str, quirk: str) -> None:
    plain, odd = run.of(_name("plain", preset)), run.of(_name(quirk, preset))
    assert list(odd) == list(plain) == [each["name"] for each in TASKS]
    for name, changed in CHANGES.items():
        assert (plain[name].status, plain[name].result["changed"]) == ("ok", changed), plain[name]
    for name, record in odd.items():
        assert _comparable(record) == _comparable(plain[name]), record
