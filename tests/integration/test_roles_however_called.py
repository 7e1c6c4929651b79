"""The roles in every way that people call one: no host is changed past a safeguard, nothing is skipped in silence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT, clean_environ

from simulated_windows.client import Fleet

HOSTS = [f"ws{number}" for number in range(1, 8)]
SERVER = "192.0.2.77"
CONSENT = {
    "enable_guest_accept_risk": True,
    "enable_guest_reason": "CHG1",
    "enable_guest_relax_signing": True,
    "enable_guest_expires_in": "1h",
}
WITHOUT_THE_FIRST = "inventory_hostname != 'ws1'"
ROLE = "winops.smb_guest.enable_guest"
TASKS = [
    "Require that the risk is accepted",
    "Require a reason",
    "Limit the number of hosts",
    "Probe the SMB servers",
    "Probe the SMB servers where the first host was left out",
    "Show what the probe could not find out",
    "Refuse servers that accept accounts",
    "Allow insecure guest logons",
]


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet({"hosts": [{"name": name, "preset": "windows_11_24h2_pro"} for name in HOSTS]}) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def untouched() -> Iterator[Fleet]:
    """For calls that are all refused."""
    with Fleet({"hosts": [{"name": name, "preset": "windows_11_24h2_pro"} for name in HOSTS]}) as fleet:
        yield fleet


def open_hosts(fleet: Fleet) -> list[str]:
    return [name for name in HOSTS if fleet.control.state(name)["smb_client"]["EnableInsecureGuestLogons"]]


def called(how: str, condition: str | None = None) -> dict[str, Any]:
    """A play that calls the role."""
    when = {"when": condition} if condition else {}
    if how == "roles":
        return {"roles": [{"role": ROLE, **when}]}
    return {"tasks": [{"name": "Call the role", f"ansible.builtin.{how}": {"name": ROLE}, **when}]}


def play(
    fleet: Fleet, folder: Path, body: dict[str, Any], variables: dict[str, Any], *arguments: str
) -> subprocess.CompletedProcess[str]:
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump([{"hosts": "windows", "gather_facts": False, "vars": variables, **body}]))
    command = ["ansible-playbook", "-i", str(fleet.inventory_path), "-f", "7", str(path), *arguments]
    return subprocess.run(
        command,
        env=clean_environ(Path(sys.executable).parent),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("how", ["roles", "import_role", "include_role"])
@pytest.mark.parametrize("condition", [None, WITHOUT_THE_FIRST])
def test_more_hosts_than_the_maximum(untouched: Fleet, tmp_path: Path, how: str, condition: str | None) -> None:
    done = play(untouched, tmp_path, called(how, condition), CONSENT)
    assert open_hosts(untouched) == []
    assert done.returncode == 2, done.stdout
    assert "enable_guest_max_hosts" in done.stdout


@pytest.mark.parametrize(
    "body",
    [
        {"strategy": "ansible.builtin.free"},
        {"strategy": "ansible.builtin.host_pinned"},
        {"serial": 1},
        {"serial": 3, "max_fail_percentage": 100},
    ],
)
def test_strategies_and_batches(untouched: Fleet, tmp_path: Path, body: dict[str, Any]) -> None:
    done = play(untouched, tmp_path, called("roles", WITHOUT_THE_FIRST) | body, CONSENT)
    assert open_hosts(untouched) == []
    assert done.returncode == 2, done.stdout


TAGGED = {
    "roles": {"roles": [{"role": ROLE, "tags": ["nas"]}]},
    "import_role": {"tasks": [{"name": "Call", "ansible.builtin.import_role": {"name": ROLE}, "tags": ["nas"]}]},
    "include_role": {
        "tasks": [
            {
                "name": "Call",
                "ansible.builtin.include_role": {"name": ROLE, "apply": {"tags": ["nas"]}},
                "tags": ["nas"],
            }
        ]
    },
}


@pytest.mark.parametrize("how", TAGGED)
def test_tags_turn_no_safeguard_off(untouched: Fleet, tmp_path: Path, how: str) -> None:
    """No task of a role has tags of its own: they run all, or none."""
    done = play(untouched, tmp_path, TAGGED[how], CONSENT, "--tags", "nas")
    assert open_hosts(untouched) == []
    assert done.returncode == 2, done.stdout
    assert "enable_guest_max_hosts" in done.stdout
    files = [path for path in (ROOT / "roles").glob("*/tasks/*.yml") if re.search(r"^ *tags:", path.read_text(), re.M)]
    assert files == []


@pytest.mark.parametrize("task", TASKS)
def test_start_at_every_task(untouched: Fleet, tmp_path: Path, task: str) -> None:
    done = play(untouched, tmp_path, called("roles"), CONSENT, "--start-at-task", task)
    assert open_hosts(untouched) == []
    assert done.returncode == 2, done.stdout


def test_a_loop_of_delegation(untouched: Fleet, tmp_path: Path) -> None:
    task = {
        "name": "Open every host from the first",
        f"{ROLE}": {"accept_risk": True, "reason": "CHG1", "relax_signing": True},
        "loop": "{{ groups['windows'] }}",
        "delegate_to": "{{ item }}",
        "run_once": True,
    }
    done = play(untouched, tmp_path, {"tasks": [task]}, {})
    assert open_hosts(untouched) == []
    assert done.returncode == 2, done.stdout


@pytest.mark.parametrize("task", [name for name in TASKS if name.startswith(("Show", "Refuse", "Allow"))])
def test_servers_that_nobody_asked(untouched: Fleet, tmp_path: Path, task: str) -> None:
    variables = {**CONSENT, "enable_guest_servers": [SERVER]}
    arguments = ["--limit", "ws1:ws2", "--start-at-task", task]
    done = play(untouched, tmp_path, called("roles"), variables, *arguments)
    assert open_hosts(untouched) == []
    assert done.returncode == 2, done.stdout
    assert "the task that probes them was skipped" in " ".join(done.stdout.split())


def test_consent_that_a_skipped_task_would_have_asked_for(untouched: Fleet, tmp_path: Path) -> None:
    arguments = ["--limit", "ws1", "--start-at-task", "Allow insecure guest logons"]
    for missing, words in (
        ("enable_guest_accept_risk", "enable_guest_accept_risk"),
        ("enable_guest_reason", "enable_guest_reason"),
    ):
        variables = {name: value for name, value in CONSENT.items() if name != missing}
        done = play(untouched, tmp_path, called("roles"), variables, *arguments)
        assert done.returncode == 2, done.stdout
        assert words in done.stdout
    assert open_hosts(untouched) == []


def test_check_mode_refuses_as_the_run_does(untouched: Fleet, tmp_path: Path) -> None:
    done = play(untouched, tmp_path, called("roles", WITHOUT_THE_FIRST), CONSENT, "--check")
    assert done.returncode == 2, done.stdout
    assert open_hosts(untouched) == []


def test_few_enough_hosts_are_opened_and_the_condition_counts(fleet: Fleet, tmp_path: Path) -> None:
    """A closed port on loopback is a server that nothing can be said about: it is probed, and forbids nothing."""
    variables = {**CONSENT, "enable_guest_servers": ["127.0.0.1:9"]}
    done = play(fleet, tmp_path, called("roles", WITHOUT_THE_FIRST), variables, "--limit", "ws1:ws2:ws3")
    assert done.returncode == 0, done.stdout
    assert open_hosts(fleet) == ["ws2", "ws3"]


@pytest.mark.parametrize("how", ["roles", "import_role", "include_role"])
def test_the_report_is_written_where_the_first_host_is_left_out(untouched: Fleet, tmp_path: Path, how: str) -> None:
    body = called(how, WITHOUT_THE_FIRST)
    text = yaml.safe_dump(body).replace(ROLE, "winops.smb_guest.audit_report")
    done = play(untouched, tmp_path, yaml.safe_load(text), {}, "--limit", "ws1:ws2:ws3")
    assert done.returncode == 0, done.stdout
    document = json.loads((tmp_path / "smb_guest_report" / "report.json").read_text())
    read = {row["name"] for row in document["hosts"] if row["status"] == "read"}
    assert read == {"ws2", "ws3"}
    assert done.stdout.count("Written: ") == 1, done.stdout


AUDIT_TASKS = [
    task["name"]
    for task in yaml.safe_load((ROOT / "roles/audit_report/tasks/main.yml").read_text())
    if not task["name"].startswith(("Check", "Probe"))
]


def test_the_report_is_written_once_and_whole_under_the_strategy_free(untouched: Fleet, tmp_path: Path) -> None:
    body = {"strategy": "ansible.builtin.free", "roles": ["winops.smb_guest.audit_report"]}
    done = play(untouched, tmp_path, body, {}, "--limit", "ws1:ws2:ws3")
    assert done.returncode == 0, done.stdout
    document = json.loads((tmp_path / "smb_guest_report" / "report.json").read_text())
    assert {row["name"] for row in document["hosts"] if row["status"] == "read"} == {"ws1", "ws2", "ws3"}
    assert "Could not be read" not in done.stdout
    assert "3 hosts: " in done.stdout


@pytest.mark.parametrize("task", AUDIT_TASKS)
def test_a_report_that_is_skipped_into_fails_or_is_whole(untouched: Fleet, tmp_path: Path, task: str) -> None:
    """Servers are named: their probe is skipped, and so is the reading of the hosts where the task comes later."""
    variables = {"audit_report_probe_servers": ["127.0.0.1:9"]}
    body = {"roles": ["winops.smb_guest.audit_report"]}
    done = play(untouched, tmp_path, body, variables, "--limit", "ws1:ws2", "--start-at-task", task)
    silent = task.endswith("where the first host was left out")
    assert done.returncode == (0 if silent and "Show" in task else 2), done.stdout
    assert not (tmp_path / "smb_guest_report").exists()


@pytest.mark.parametrize("how", ["roles", "import_role", "include_role"])
def test_revert_asks_for_one_choice_whoever_is_left_out(untouched: Fleet, tmp_path: Path, how: str) -> None:
    body = yaml.safe_load(yaml.safe_dump(called(how, WITHOUT_THE_FIRST)).replace(ROLE, "winops.smb_guest.revert"))
    done = play(untouched, tmp_path, body, {"revert_latest": True, "revert_all": True}, "--limit", "ws1:ws2")
    assert done.returncode == 2, done.stdout
    words = "Set exactly one of revert_change_id, revert_latest: true and revert_all: true. Nothing was asked"
    assert words in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("playbook", "task"),
    [
        ("harden", "Show what was hardened"),
        ("revert", "Show what was reverted"),
        ("verify_facts", "Show what was seen"),
    ],
)
def test_a_run_that_starts_behind_the_work_is_no_success(
    untouched: Fleet, tmp_path: Path, playbook: str, task: str
) -> None:
    """Of the other roles every task is started at above, and in test_domain_roles_however_called.py."""
    path = tmp_path / "site.yml"
    path.write_text(yaml.safe_dump([{"ansible.builtin.import_playbook": f"winops.smb_guest.{playbook}"}]))
    command = ["ansible-playbook", "-i", str(untouched.inventory_path), str(path), "--limit", "ws1"]
    environ = clean_environ(Path(sys.executable).parent)
    done = subprocess.run(
        [*command, "--start-at-task", task, "-e", "revert_latest=true"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert f"{task}]" in done.stdout, done.stdout
    assert done.returncode == 2, done.stdout
    assert open_hosts(untouched) == []


def test_verify_facts_takes_one_host(untouched: Fleet, tmp_path: Path) -> None:
    """The task that writes checks it, so there is no earlier task that a run could skip."""
    inventory = str(untouched.inventory_path)
    command = ["ansible-playbook", "-i", inventory, "winops.smb_guest.verify_facts", "--limit", "ws1:ws2"]
    environ = clean_environ(Path(sys.executable).parent)
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2, done.stdout
    assert "This play has 2 hosts, and max_hosts allows 1" in done.stdout


def test_a_change_of_our_own_is_named_with_the_way_out(fleet: Fleet, tmp_path: Path) -> None:
    """harden, then enable_guest: refused with the change and the variable; with the variable: covered."""
    hosts = ("--limit", "ws1")
    hardening = play(fleet, tmp_path, {"roles": ["winops.smb_guest.harden"]}, {"harden_change_id": "CHG7"}, *hosts)
    assert "Insecure guest logons on ws1 are now blocked." in hardening.stdout
    refused = play(fleet, tmp_path, called("roles"), CONSENT, *hosts)
    assert refused.returncode == 2, refused.stdout
    said = " ".join(refused.stdout.split())
    for words in (
        "the change CHG7 of this collection (harden) sets",
        "add policy to enable_guest_scopes",
        f"winops.smb_guest.revert -i {fleet.inventory_path} --limit ws1 -e revert_change_id=CHG7",
    ):
        assert words in said
    assert "to scope." not in said
    covered = play(fleet, tmp_path, called("roles"), {**CONSENT, "enable_guest_scopes": ["local", "policy"]}, *hosts)
    assert covered.returncode == 0, covered.stdout
    assert "It covers the change CHG7" in covered.stdout
    assert open_hosts(fleet) == ["ws1"]


@pytest.mark.parametrize(
    ("role", "wrong", "nearest"),
    [
        ("enable_guest", "enable_guest_expire_in", "enable_guest_expires_in"),
        ("harden", "harden_server_singing", "harden_server_signing"),
        ("revert", "revert_lastest", "revert_latest"),
        ("audit_report", "audit_report_titel", "audit_report_title"),
        ("domain_harden", "domain_harden_link", "domain_harden_links"),
        ("domain_exception", "domain_exception_group", "domain_exception_groups"),
    ],
)
def test_a_misspelt_variable_is_refused(untouched: Fleet, tmp_path: Path, role: str, wrong: str, nearest: str) -> None:
    domain = {"domain_harden_domain": "ad.invalid", "domain_exception_domain": "ad.invalid"}
    exception = {
        "domain_exception_name": "nas",
        "domain_exception_reason": "x",
        "domain_exception_expires_on": "2999-01-01",
        "domain_exception_links": [{"target": "OU=x,DC=ad,DC=invalid"}],
    }
    own = domain | exception | {"revert_latest": True}
    variables = {**CONSENT, **{name: own[name] for name in own if name.startswith(f"{role}_")}, wrong: True}
    for arguments in ((), ("--check",)):
        body = {"roles": [{"role": f"winops.smb_guest.{role}"}]}
        done = play(untouched, tmp_path, body, variables, "--limit", "ws1:ws2", *arguments)
        assert done.returncode == 2, done.stdout
        assert f"{wrong} (did you mean {nearest}?)" in " ".join(done.stdout.split())
    assert open_hosts(untouched) == []
    assert not list(tmp_path.glob("smb_guest_report*"))
