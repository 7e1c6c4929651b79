"""Every module on every Windows: check mode touches nothing, the first run changes, the second does not.

All hosts go through one playbook. Each task asks for the opposite of what runs, so that every module has work to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from windows_settings import AUDITS, SINCE_24H2, held, word

from playbooks import FACTS_REQUESTS, Playbooks, Record, host_vars, task
from simulated_windows.client import Fleet
from simulated_windows.presets import PRESETS, Preset

CHANNEL = "Microsoft-Windows-SmbClient/Security"
MIN_SIZE = 33554432
BUILD_24H2 = 26100

# What is asked of each module; a variable of a host is left out where this Windows does not have the setting.
MODULES: dict[str, dict[str, Any]] = {
    "guest_auth": {"state": "{{ insecure_guest_logons }}"},
    "signing": {"client": "{{ client_signing }}", "server": "{{ server_signing }}"},
    "encryption": {"client": "{{ client_encryption | default(omit) }}", "server": "{{ server_encryption }}"},
    "audit": {
        **{name: f"{{{{ {name} | default(omit) }}}}" for name in AUDITS},
        "channels": "{{ channels | default(omit) }}",
    },
    "client_config": {
        **{
            name: f"{{{{ back.{name} }}}}"
            for name in ("insecure_guest_logons", "client_signing", "server_signing", "server_encryption")
        },
        **{name: f"{{{{ back.{name} | default(omit) }}}}" for name in SINCE_24H2},
        "scope": ["local", "policy"],
    },
}


def _tasks() -> list[dict[str, Any]]:
    tasks = [task("facts", "client_facts")]
    for module, options in MODULES.items():
        tasks += [
            task(f"{module} check", module, check=True, _diff=True, **options),
            task(f"{module} first", module, **options),
            task(f"{module} second", module, **options),
        ]
    tasks.append(task("unsupported", "client_config", insecure_guest_logons="default", client_encryption="required"))
    return tasks


class Everything:
    """The one run: its records by preset and task, and each host's state before the first task."""

    def __init__(self, fleet: Fleet, playbooks: Playbooks) -> None:
        self.pristine = {name: fleet.control.state(name) for name in fleet.hosts}
        hosts = {name: host_vars(fleet, name, **self._wanted(name)) for name in fleet.hosts}
        self.run = playbooks.run(fleet, _tasks(), hosts)
        self.records: dict[str, dict[str, Record]] = {name: {} for name in fleet.hosts}
        for record in self.run.records:
            self.records[record.host][record.task] = record

    def _wanted(self, name: str) -> dict[str, Any]:
        """Host variables: each setting's opposite, and under `back` what it was."""
        settings = ["insecure_guest_logons", "client_signing", "server_signing", "server_encryption"]
        recent = PRESETS[name].build >= BUILD_24H2
        settings += SINCE_24H2 if recent else ()
        running = {setting: held(self.pristine[name], setting)["running"] for setting in settings}
        variables: dict[str, Any] = {setting: word(setting, not value) for setting, value in running.items()}
        variables["back"] = {setting: word(setting, bool(value)) for setting, value in running.items()}
        if not recent:
            variables["channels"] = [{"name": CHANNEL, "min_size": MIN_SIZE}]
        return variables

    def before(self, preset: str, name: str) -> dict[str, Any]:
        """The state that a task found."""
        names = list(self.records[preset])
        position = names.index(name)
        return self.records[preset][names[position - 1]].state if position else self.pristine[preset]


@pytest.fixture(scope="module")
def everything(playbooks: Playbooks, start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Everything:
    return Everything(start_fleet([{"name": name, "preset": name} for name in PRESETS]), playbooks)


def _supported(preset: str, setting: str) -> bool:
    return setting not in SINCE_24H2 or PRESETS[preset].build >= BUILD_24H2


def _guest_allowed(preset: Preset) -> tuple[bool, bool | None, str]:
    """(effective, known default, winner) of Microsoft's pages; 24H2 Home is on none: what runs is believed."""
    stored = "local" if preset.build in (16299, 17134, 17763, 18362, 18363) else "os_default"
    if preset.product_type != 1:
        return (True, True, "os_default") if preset.build == 14393 else (False, False, stored)
    if preset.edition_id == "Core":
        return (True, None if preset.build >= BUILD_24H2 else True, "os_default")
    if preset.edition_id == "Professional" and preset.build < BUILD_24H2:
        return (True, True, "os_default")
    if preset.name.endswith("_without_kb5003173"):
        return (True, True, "os_default")
    return (False, False, stored)


def _client_signing(preset: Preset) -> tuple[bool, bool | None]:
    """(effective, known default): required from 24H2 and Server 2025 on, except Home."""
    if preset.build < BUILD_24H2 or preset.edition_id == "Core":
        return (False, False)
    return (True, None if preset.edition_id == "ProfessionalWorkstation" else True)


@pytest.mark.parametrize("preset", PRESETS)
def test_facts(everything: Everything, preset: str) -> None:
    record = everything.records[preset]["facts"]
    assert record.status == "ok", record
    facts = record.facts
    known = PRESETS[preset]
    names = {1: "workstation", 2: "domain_controller", 3: "server"}
    assert {key: facts["os"][key] for key in ("build", "ubr", "edition_id", "version", "product_type", "product")} == {
        "build": known.build,
        "ubr": known.ubr,
        "edition_id": known.edition_id,
        "version": known.version,
        "product_type": names[known.product_type],
        "product": "client" if known.product_type == 1 else "server",
    }
    for setting, state in facts["settings"].items():
        assert state["supported"] is _supported(preset, setting), setting
        assert state["winner"] == "unsupported" or state["supported"], setting
        assert {key: state[key] for key in ("running", "local", "policy")} == held(record.state, setting), setting
        assert state["drift"] is False, setting
    effective, default, winner = _guest_allowed(known)
    guest = facts["settings"]["insecure_guest_logons"]
    assert (guest["effective"], guest["os_default"], guest["winner"]) == (effective, default, winner)
    required, default = _client_signing(known)
    signing = facts["settings"]["client_signing"]
    assert (signing["effective"], signing["os_default"], signing["winner"]) == (required, default, "os_default")
    blocked_by = ["insecure_guest_logons"] * (not effective) + ["client_signing"] * required
    access = facts["guest_access"]
    assert (access["verdict"], access["blocked_by"]) == ("blocked" if blocked_by else "allowed", blocked_by)
    assert facts["audit"]["supported"] is (known.build >= BUILD_24H2)
    assert record.state == everything.pristine[preset]
    assert record.counters["requests_after_auth"] <= FACTS_REQUESTS
    assert record.counters["shells"] == record.counters["processes"] == 0


def _holds(record: Record) -> None:
    """`after` is what the host holds."""
    for setting, state in record.result["after"].items():
        assert {key: state[key] for key in ("running", "local", "policy")} == held(record.state, setting), setting


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("preset", PRESETS)
def test_module(everything: Everything, preset: str, module: str) -> None:
    check, first, second = (everything.records[preset][f"{module} {word}"] for word in ("check", "first", "second"))
    assert {check.status, first.status, second.status} == {"ok"}, check if check.status != "ok" else first

    assert check.result["changed"] is True, check
    assert check.result["diff"]["before"] != check.result["diff"]["after"], check
    assert check.state == everything.before(preset, f"{module} check")

    assert first.result["changed"] is True, first
    assert first.state != check.state
    _holds(first)
    assert first.result["verified"] is True
    for key in ("before", "after", "changes"):
        assert check.result[key] == first.result[key], f"check mode foretold another {key}"

    assert second.result["changed"] is False, second
    assert second.result["changes"] == []
    assert second.result["diff"]["before"] == second.result["diff"]["after"]
    assert second.state == first.state
    _holds(second)

    if module != "audit":
        assert all(record.counters["shells"] == record.counters["processes"] == 0 for record in (check, first, second))


@pytest.mark.parametrize("preset", PRESETS)
def test_wanted_is_what_runs(everything: Everything, preset: str) -> None:
    records = everything.records[preset]
    pristine = everything.pristine[preset]
    for module, settings in (
        ("guest_auth", ["insecure_guest_logons"]),
        ("signing", ["client_signing", "server_signing"]),
        ("encryption", ["client_encryption", "server_encryption"]),
        ("audit", AUDITS),
    ):
        for setting in settings:
            if _supported(preset, setting):
                was = held(pristine, setting)["running"]
                assert held(records[f"{module} first"].state, setting)["running"] is not bool(was), setting
    back = records["client_config first"].state
    for side in ("smb_client", "smb_server"):
        assert {key: bool(value) for key, value in back[side].items() if isinstance(value, bool)} == {
            key: bool(value) for key, value in pristine[side].items() if isinstance(value, bool)
        }
    if PRESETS[preset].build < BUILD_24H2:
        channel = records["audit first"].state["channels"][CHANNEL]
        assert (channel["enabled"], channel["max_size"]) == (True, MIN_SIZE)


@pytest.mark.parametrize("preset", [name for name in PRESETS if PRESETS[name].build < BUILD_24H2])
def test_unsupported(everything: Everything, preset: str) -> None:
    record = everything.records[preset]["unsupported"]
    assert record.status == "failed", record
    assert "client_encryption=required is not supported before Windows 11 24H2" in record.message
    assert str(PRESETS[preset].build) in record.message
    assert "Nothing was written" in record.message
    assert record.result["changed"] is False
    assert record.state == everything.before(preset, "unsupported")
