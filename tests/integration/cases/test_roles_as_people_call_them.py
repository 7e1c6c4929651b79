"""Roles with variables as people write them: texts, numbers, null, nothing; in batches, twice, and skipped into.

One playbook with a play per host; each host is a story of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from playbooks import Playbooks, Record, Run, host_vars, role, task
from simulated_windows.client import Fleet

BOTH = ["local", "policy"]
RISK = {"enable_guest_accept_risk": True, "enable_guest_reason": "x"}
NOTHING = None
BLOCKED = {"policy": {"AllowInsecureGuestAuth": 0}}
CLIENT_POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
OPENING = "winops.smb_guest.enable_guest : Allow insecure guest logons"
OPENED = "winops.smb_guest.enable_guest : Show what is allowed, until when, and how to revert it"
CLOSING = "winops.smb_guest.harden : Block insecure guest logons and require what was asked for"
UNDOING = "winops.smb_guest.revert : Revert the journaled changes"

Tasks = list[dict[str, Any]]

# name: (the host, its tasks)
STORIES: dict[str, tuple[dict[str, Any], Tasks]] = {
    "texts": (
        {"preset": "windows_11_24h2_pro"},
        [
            role(
                "enable_guest",
                enable_guest_accept_risk="yes",
                enable_guest_reason="4711",
                enable_guest_relax_signing="on",
                enable_guest_max_hosts="1",
                enable_guest_permanent="no",
                enable_guest_expires_in="30m",
                enable_guest_scopes="local,policy",
                enable_guest_change_id="4711",
            ),
            role(
                "harden",
                harden_client_signing="false",
                harden_audit="0",
                harden_scopes="policy",
                harden_client_encryption="true",
                harden_change_id="20260101",
            ),
            role("revert", revert_latest="false", revert_all="true", revert_change_id=""),
        ],
    ),
    "numbers": (
        {"preset": "windows_11_24h2_pro"},
        [
            role(
                "enable_guest",
                enable_guest_accept_risk=True,
                enable_guest_reason=0,
                enable_guest_relax_signing=1,
                enable_guest_change_id=0,
            ),
            role("revert", revert_change_id=0),
            role("harden", harden_reason=0, harden_change_id=7),
        ],
    ),
    "refused": (
        {"preset": "windows_11_23h2_enterprise"},
        [
            role("enable_guest", **RISK, enable_guest_expires_in=30),
            role("enable_guest", **RISK, enable_guest_expires_in=0),
            role("enable_guest", **RISK, enable_guest_expires_in="8H"),
            role("enable_guest", **RISK, enable_guest_scopes=[]),
            role("enable_guest", **{**RISK, "enable_guest_reason": "line one\nline two"}),
            role("harden", harden_scopes=[]),
        ],
    ),
    "not-asked": (
        {"preset": "windows_11_23h2_enterprise"},
        [
            role("enable_guest", **RISK, enable_guest_max_hosts=0),
            role("enable_guest", enable_guest_accept_risk=True, enable_guest_reason=NOTHING),
            role("enable_guest", enable_guest_accept_risk="false", enable_guest_reason="x"),
            role("enable_guest", enable_guest_accept_risk=NOTHING, enable_guest_reason="x"),
            role("revert", revert_change_id=NOTHING, revert_latest=NOTHING),
            role("harden", harden_scopes="policy, local"),
        ],
    ),
    "nothing": (
        {"preset": "windows_11_24h2_enterprise", "parameters": {"RequireSecuritySignature": 0}},
        [
            role(
                "enable_guest",
                **RISK,
                enable_guest_scopes=NOTHING,
                enable_guest_max_hosts=NOTHING,
                enable_guest_expires_in=NOTHING,
                enable_guest_permanent=NOTHING,
                enable_guest_relax_signing=NOTHING,
                enable_guest_servers=NOTHING,
                enable_guest_change_id=NOTHING,
                enable_guest_allow_domain_controllers=NOTHING,
                enable_guest_despite_accounts=NOTHING,
            ),
            role("revert", revert_change_id=NOTHING, revert_latest=True, revert_force=NOTHING),
            role(
                "harden",
                harden_reason=NOTHING,
                harden_client_signing=NOTHING,
                harden_client_encryption=NOTHING,
                harden_audit=NOTHING,
                harden_server_signing=NOTHING,
                harden_server_audit=NOTHING,
                harden_scopes=NOTHING,
                harden_change_id=NOTHING,
            ),
        ],
    ),
    "beneath-a-policy": (
        {"preset": "windows_11_24h2_pro", **BLOCKED, "parameters": {"RequireSecuritySignature": 0}},
        [
            role("enable_guest", **RISK, enable_guest_scopes=BOTH),
            role("harden", harden_server_signing=True),
            role("revert", revert_all=True),
        ],
    ),
    "wrong-type": (
        {"preset": "windows_11_23h2_enterprise"},
        [
            task("check", "guest_auth", state="allowed", check=True),
            task("run", "guest_auth", state="allowed"),
        ],
    ),
    "looped": (
        {"preset": "windows_10_22h2_pro"},
        [
            {
                "name": "Twice",
                "ansible.builtin.include_role": {"name": "winops.smb_guest.harden"},
                "vars": {"harden_reason": "{{ item }}"},
                "loop": ["one", "two"],
            },
        ],
    ),
}
FIRST, SECOND = "twin", "twin.corp.example"
ENABLED = role("enable_guest", **RISK, enable_guest_relax_signing=True)
BY_HAND = task("by hand", "client_config", insecure_guest_logons="allowed", client_signing="not_required", scope=BOTH)
TWINS: dict[str, Tasks] = {
    FIRST: [role("harden")],
    SECOND: [role("harden"), BY_HAND, ENABLED],
    f"{FIRST}:!{SECOND}": [ENABLED],
}
MANY = [f"many{number}" for number in range(6)]


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    hosts = [{"name": name, **host} for name, (host, _tasks) in STORIES.items()]
    twin = {"name": FIRST, "preset": "windows_11_23h2_pro"}
    return start_fleet([*hosts, twin, *({"name": name, "preset": "server_2022"} for name in MANY)])


@pytest.fixture(scope="module")
def pristine(fleet: Fleet) -> dict[str, Any]:
    fleet.control.set_registry("wrong-type", CLIENT_POLICY, "AllowInsecureGuestAuth", "1", "REG_SZ")
    return {name: fleet.control.state(name) for name in fleet.hosts}


@pytest.fixture(scope="module")
def run(fleet: Fleet, pristine: dict[str, Any], playbooks: Playbooks) -> Run:
    inventory = {name: host_vars(fleet, name) for name in pristine}
    inventory[SECOND] = inventory[FIRST]
    plays = {name: tasks for name, (_host, tasks) in STORIES.items()}
    plays |= {**TWINS, ":".join(MANY): [role("enable_guest", **RISK)]}
    return playbooks.run(fleet, plays, inventory)


def of(run: Run, host: str, name: str) -> list[Record]:
    """The results of a task that a host was given several times."""
    return [record for record in run.records if (record.host, record.task) == (host, name)]


def settings(state: dict[str, Any]) -> dict[str, Any]:
    """The registry without our journal, what runs, and the tasks."""
    registry = {key: values for key, values in state["registry"].items() if "winops" not in key}
    return {"registry": registry, **{part: state[part] for part in ("smb_client", "smb_server", "tasks")}}


def failures(run: Run, host: str) -> list[Record]:
    return [record for record in run.of(host).values() if record.status in ("failed", "unreachable")]


def test_texts(run: Run, pristine: dict[str, Any]) -> None:
    opened = run.record("texts", OPENING).result
    ends = datetime.fromisoformat(opened["expires_at"])
    assert (opened["change_id"], {row["scope"] for row in opened["changes"]}) == ("4711", {"local", "policy"})
    now = datetime.fromisoformat(run.record("texts", UNDOING).result["reverted"][-1]["created_at"])
    assert ends - now == timedelta(minutes=30)
    closed = run.record("texts", CLOSING).result
    assert closed["change_id"] == "20260101"
    assert {(row["setting"], row["scope"], row["to"]) for row in closed["changes"]} == {
        ("insecure_guest_logons", "policy", False),
        ("client_encryption", "policy", True),
    }
    undone = run.record("texts", UNDOING)
    assert [row["change_id"] for row in undone.result["reverted"]] == ["20260101", "4711"]
    assert settings(undone.state) == settings(pristine["texts"])


def test_numbers_are_texts_and_0_is_not_left_out(run: Run, pristine: dict[str, Any]) -> None:
    assert run.record("numbers", OPENING).result["change_id"] == "0"
    undone = run.record("numbers", UNDOING)
    assert [(row["change_id"], row["reason"]) for row in undone.result["reverted"]] == [("0", "0")]
    assert settings(undone.state) == settings(pristine["numbers"])
    assert run.record("numbers", CLOSING).result["change_id"] == "7"


def test_what_no_host_would_do_is_refused_before_anything_is_written(run: Run, pristine: dict[str, Any]) -> None:
    said = [record.message for record in run.records if record.host == "refused" and record.status == "failed"]
    expected = [
        *(f"enable_guest_expires_in '{wrong}' is not a time" for wrong in ("30", "0", "8H")),
        "enable_guest_scopes is empty",
        "enable_guest_reason holds U+000A",
        "harden_scopes is empty",
    ]
    assert [words in message for words, message in zip(expected, said, strict=True)] == [True] * 6, said
    (last,) = {str(settings(record.state)) for record in run.records if record.host == "refused"}
    assert last == str(settings(pristine["refused"]))


def test_what_is_missing_contacts_no_host(run: Run) -> None:
    records = [record for record in run.records if record.host == "not-asked"]
    said = [record.message for record in records if record.status == "failed"]
    expected = [
        "allows 0",
        "Set enable_guest_reason",
        "accept_risk: true",
        "accept_risk: true",
        "Set exactly one of revert_change_id, revert_latest: true and revert_all: true",
        "no match for:  local",
    ]
    assert [words in message for words, message in zip(expected, said, strict=True)] == [True] * 6, said
    assert sum(record.counters["requests"] for record in records) == 0


def test_null_is_the_default(run: Run, pristine: dict[str, Any]) -> None:
    opened = run.record("nothing", OPENING).result
    undone = run.record("nothing", UNDOING)
    ends, began = opened["expires_at"], undone.result["reverted"][0]["created_at"]
    assert datetime.fromisoformat(ends) - datetime.fromisoformat(began) == timedelta(hours=8)
    assert {row["scope"] for row in opened["changes"]} == {"local"}
    assert settings(undone.state) == settings(pristine["nothing"])
    closed = run.record("nothing", CLOSING).result
    assert closed["change_id"]
    changed = {(row["setting"], row["scope"]) for row in closed["changes"]}
    assert {("client_signing", "local"), ("insecure_guest_logons", "policy")} < changed
    assert {("audit_insecure_guest_logons", scope) for scope in ("local", "policy")} < changed
    assert not {setting for setting, _scope in changed if setting.startswith("server")}


def test_a_policy_is_opened_closed_over_and_back_again(run: Run, pristine: dict[str, Any]) -> None:
    host = "beneath-a-policy"
    assert run.record(host, OPENING).result["guest_access"]["verdict"] == "allowed"
    closed = run.record(host, CLOSING)
    assert [row["change_id"] for row in closed.result["lies_over"]] == [run.record(host, OPENING).result["change_id"]]
    undone = run.record(host, UNDOING)
    assert settings(undone.state) == settings(pristine[host])
    assert "state=allowed" not in str(undone.result["summary"])


def test_check_mode_is_as_strict_as_the_run(run: Run) -> None:
    check, real = run.record("wrong-type", "check"), run.record("wrong-type", "run")
    assert check.message == real.message
    assert "REG_SZ '1'" in check.message
    assert (check.status, real.status) == ("failed", "failed")


def test_a_role_in_a_loop(run: Run) -> None:
    first, second = of(run, "looped", CLOSING)
    assert (first.result["changed"], second.result["changed"]) == (True, False)
    assert [row["change_id"] for row in second.result["met_by"]] == [first.result["change_id"]]


def test_two_names_of_one_host(run: Run) -> None:
    first, second = run.record(FIRST, CLOSING).result, run.record(SECOND, CLOSING).result
    assert (first["changed"], second["changed"]) == (True, False)
    change_id = first["change_id"]
    assert [row["change_id"] for row in second["met_by"]] == [change_id]
    for name in (FIRST, SECOND):
        said = "\n".join(run.record(name, OPENED).result["msg"])
        assert f"Guest logons were allowed on {name} before this run" in said
        assert change_id not in said, "what somebody else has opened is not closed by undoing a change of ours"
        assert "only until" not in run.record(name, OPENING).warnings


def test_too_many_hosts_fail_once(run: Run) -> None:
    (failed,) = [record for name in MANY for record in failures(run, name)]
    assert "This play has 6 hosts, and enable_guest_max_hosts allows 5" in failed.message
    assert not any(of(run, name, OPENING) for name in MANY)


def test_batches_count_as_one_play(fleet: Fleet, playbooks: Playbooks) -> None:
    variables = {**RISK, "enable_guest_max_hosts": 5}
    batches = {"strategy": "host_pinned", "serial": 1, "vars": variables}
    imported = {"name": "Open", "ansible.builtin.import_role": {"name": "winops.smb_guest.enable_guest"}}
    run = playbooks.run(fleet, [imported], MANY, keywords=batches)
    assert {record.host for record in run.records} == {MANY[0]}
    assert "This play has 6 hosts" in failures(run, MANY[0])[0].message


def test_whoever_skips_into_a_role_opens_nothing(fleet: Fleet, playbooks: Playbooks) -> None:
    control = fleet.control
    named = {
        "nobody": {"enable_guest_accept_risk": True},
        "risk": {"enable_guest_reason": "x"},
        "controller": dict(RISK),
    }
    for name in named:
        preset = "domain_controller" if name == "controller" else "windows_11_23h2_pro"
        fleet.hosts |= control.add_host(name=f"skipped-{name}", preset=preset)
    hosts = {f"skipped-{name}": host_vars(fleet, f"skipped-{name}", **given) for name, given in named.items()}
    before = {name: settings(control.state(name)) for name in hosts}
    imported = {"name": "Open", "ansible.builtin.import_role": {"name": "winops.smb_guest.enable_guest"}}
    run = playbooks.run(fleet, [imported], hosts, arguments=["--start-at-task", "Allow insecure guest logons"])
    said = {name: run.record(f"skipped-{name}", OPENING).message for name in named}
    assert "The journal on the host needs a reason" in said["nobody"]
    assert "anybody on the network can pose as the server" in said["risk"]
    assert "This host is a domain controller" in said["controller"]
    assert {name: settings(control.state(name)) for name in hosts} == before
