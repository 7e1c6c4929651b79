"""The safeguards of domain_harden and domain_exception in every way that people call a role. No domain is contacted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import clean_environ

CONNECTION = {"domain": "ad.invalid", "server": "127.0.0.1", "username": "u@AD.INVALID", "password": "nobody-knows-9"}
EXCEPTION = {
    "domain_exception_name": "nas",
    "domain_exception_reason": "CHG1",
    "domain_exception_expires_on": "2999-12-31",
    "domain_exception_links": [{"target": "OU=x,DC=ad,DC=invalid"}],
}
NOT_CONTACTED = "Nothing was asked of any host."
WITHOUT_THE_FIRST = "inventory_hostname != 'ws1'"


def play(folder: Path, body: dict[str, Any], variables: dict[str, Any], *arguments: str) -> tuple[int, str]:
    """Run a play on three hosts that nothing is asked of; exit status and output on one line."""
    path = folder / "play.yml"
    connection = {
        f"{role}_{name}": value for role in ("domain_harden", "domain_exception") for name, value in CONNECTION.items()
    }
    wanted = {**connection, "ansible_connection": "local", **variables}
    path.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "vars": wanted, **body}]))
    done = subprocess.run(
        ["ansible-playbook", "-i", "ws1,ws2,ws3,", str(path), *arguments],
        env=clean_environ(Path(sys.executable).parent),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, " ".join(done.stdout.split())


def called(role: str, how: str = "roles", condition: str | None = None) -> dict[str, Any]:
    """A play that calls the role."""
    name, when = f"winops.smb_guest.{role}", {"when": condition} if condition else {}
    if how == "roles":
        return {"roles": [{"role": name, **when}]}
    return {"tasks": [{"name": "Call the role", f"ansible.builtin.{how}": {"name": name}, **when}]}


@pytest.mark.parametrize("how", ["roles", "import_role", "include_role"])
@pytest.mark.parametrize("role", ["domain_harden", "domain_exception"])
def test_a_condition_that_leaves_out_the_first_host_is_no_silent_success(tmp_path: Path, role: str, how: str) -> None:
    status, output = play(tmp_path, called(role, how, WITHOUT_THE_FIRST), EXCEPTION)
    assert status == 2, output
    # include_role leaves the host out itself. Then the second host is the first: its task runs, and finds no domain.
    ran = "fatal: [ws2 -> localhost]"
    assert (ran if how == "include_role" else f"The role {role} did not run") in output, output


@pytest.mark.parametrize("missing", ["name", "reason", "expires_on", "links"])
def test_a_skipped_task_turns_no_safeguard_off(tmp_path: Path, missing: str) -> None:
    """`--start-at-task` names the one task that writes; what a task before it could check, it checks itself."""
    variables = {name: value for name, value in EXCEPTION.items() if name != f"domain_exception_{missing}"}
    task = "Create or delete the exception"
    status, output = play(tmp_path, called("domain_exception"), variables, "--start-at-task", task)
    assert status == 2
    assert f"domain_exception_{missing}" in output
    assert NOT_CONTACTED in output


@pytest.mark.parametrize("body", [{"strategy": "ansible.builtin.free"}, {"serial": 1}])
@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_strategies_and_check_mode(tmp_path: Path, body: dict[str, Any], arguments: tuple[str, ...]) -> None:
    past = {**EXCEPTION, "domain_exception_expires_on": "2020-01-01"}
    status, output = play(tmp_path, called("domain_exception") | body, past, *arguments)
    assert status == 2
    assert "an exception needs a day to come" in output
    assert NOT_CONTACTED in output


def test_the_module_by_itself(tmp_path: Path) -> None:
    task = {"name": "Without the role", "winops.smb_guest.domain_exception": {**CONNECTION, "name": "nas"}}
    status, output = play(tmp_path, {"tasks": [{**task, "run_once": True}]}, {})
    assert status == 2
    assert "An exception needs reason, expires_on, links" in output


@pytest.mark.parametrize(
    ("role", "task"),
    [
        ("domain_exception", "Require that the domain was changed"),
        ("domain_exception", "Show what was done"),
        ("domain_harden", "Require that the domain was changed"),
        ("domain_harden", "Show conflicting GPOs"),
    ],
)
def test_a_run_that_starts_behind_the_change_is_no_success(tmp_path: Path, role: str, task: str) -> None:
    status, output = play(tmp_path, called(role), EXCEPTION, "--start-at-task", task)
    assert status == 2, output
