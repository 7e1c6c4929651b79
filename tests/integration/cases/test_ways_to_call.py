"""Every way to call what the collection has: delegated, free-form, by defaults, from the command line, registered."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from checkout import clean_environ
from windows_settings import held

from playbooks import NTLM, Playbooks, Run, host_vars, role, task
from simulated_windows.client import Fleet

HOSTS = {
    "one": "windows_11_24h2_pro",
    "old": "windows_10_1709_enterprise",
    "controller": "domain_controller",
    "calls": "windows_11_24h2_pro",
    "registered": "windows_11_23h2_enterprise",
    "open": "windows_10_22h2_pro",
    "listed": "windows_11_23h2_enterprise",
}
FLEET = ["one", "old", "controller"]
CLOSING = "winops.smb_guest.harden : Block insecure guest logons and require what was asked for"
PASSWORD = "amber-Falcon-7731"
VAULT_WORD = "the vault's own"


def _named(name: str, **keywords: Any) -> dict[str, Any]:
    return {"name": name, "ignore_errors": True, **keywords}


DELEGATED = [
    _named(
        "facts of each",
        delegate_to="{{ item }}",
        delegate_facts=True,
        loop=FLEET,
        **{"winops.smb_guest.client_facts": {"gather_subset": ["os"]}},
    ),
    _named(
        "builds",
        loop=FLEET,
        **{"ansible.builtin.debug": {"msg": "{{ hostvars[item].ansible_facts.smb_guest.os.build }}"}},
    ),
    _named(
        "block on each",
        delegate_to="{{ item }}",
        loop=FLEET,
        **{"winops.smb_guest.guest_auth": {"state": "blocked", "reason": "from afar"}},
    ),
    _named(
        "harden one",
        **{
            "ansible.builtin.include_role": {
                "name": "winops.smb_guest.harden",
                "apply": {"delegate_to": "one", "delegate_facts": True},
            }
        },
    ),
]
CALLS: list[dict[str, Any]] = [
    task("async", "client_facts", gather_subset=["os"], _async=60, _poll=5),
    task("async in check mode", "guest_auth", state="allowed", _async=60, _poll=0, _check_mode=True),
    task("async 0", "client_facts", gather_subset=["os"], _async=0),
    {
        "name": "With defaults",
        "collections": ["winops.smb_guest"],
        "module_defaults": {
            "group/winops.smb_guest.smb_guest": {"scope": ["local", "policy"], "managed": "warn"},
            "winops.smb_guest.signing": {"client": "required"},
        },
        "block": [
            _named("by its short name", guest_auth="state=blocked", check_mode=True),
            _named("by defaults alone", check_mode=True, **{"winops.smb_guest.signing": None}),
        ],
    },
    _named("free-form", action="winops.smb_guest.guest_auth state=blocked"),
    _named("on the control node", delegate_to="localhost", **{"winops.smb_guest.guest_auth": {"state": "blocked"}}),
    _named("wrong word", **{"winops.smb_guest.guest_auth": {"state": "enabled"}}),
    _named("hidden", no_log=True, **{"winops.smb_guest.guest_auth": {"state": "blocked", "reason": " "}}),
    *(
        task(f"empty {option}", "guest_auth", check=True, state="allowed", **{option: ""})
        for option in ("reason", "change_id", "expires_in")
    ),
    task("null", "guest_auth", check=True, state="allowed", reason="{{ none }}", change_id="{{ none }}"),
    _named(
        "as a facts module",
        vars={"ansible_facts_modules": ["winops.smb_guest.client_facts"]},
        **{"ansible.builtin.gather_facts": None},
    ),
    task("nobody listens", "client_facts", _vars={"ansible_port": 1}),
]
INSTALLING = [
    task("opened", "guest_auth", state="allowed", reason="install", expires_in="2h", _register="opened"),
    task("closed", "revert_change", change_id="{{ opened.change_id }}"),
]


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    given = {"open": {"parameters": {"AllowInsecureGuestAuth": 1}}}
    return start_fleet([{"name": name, "preset": preset, **given.get(name, {})} for name, preset in HOSTS.items()])


@pytest.fixture(scope="module")
def run(fleet: Fleet, playbooks: Playbooks, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All of it with a password that is an inline vault value."""
    folder = tmp_path_factory.mktemp("vault")
    (folder / "word").write_text(VAULT_WORD)
    vault = VaultLib([("default", VaultSecret(VAULT_WORD.encode()))])
    lines = vault.encrypt(PASSWORD).decode().splitlines()
    text = "ansible_password: !vault |\n" + "".join(f"  {line}\n" for line in lines)
    (folder / "vars.yml").write_text(text)
    inventory = {name: host_vars(fleet, name) for name in HOSTS}
    for variables in inventory.values():
        assert variables.pop("ansible_password") == PASSWORD
    plays = {"lin1": DELEGATED, "calls": CALLS, "registered:open": INSTALLING}
    arguments = ["-e", f"@{folder / 'vars.yml'}", "--vault-password-file", str(folder / "word")]
    hosts = {**inventory, "lin1": {"ansible_connection": "local"}}
    return playbooks.run(fleet, plays, hosts, arguments=arguments, verbosity=4)


def test_one_host_drives_the_others(run: Run, fleet: Fleet) -> None:
    facts = run.record("lin1", "facts of each").result["results"]
    assert [row["ansible_facts"]["smb_guest"]["os"]["build"] for row in facts] == [26100, 16299, 26100]
    known = run.record("lin1", "builds").result["results"]
    assert [int(row["msg"]) for row in known] == [26100, 16299, 26100]
    blocked = run.record("lin1", "block on each").result["results"]
    assert [(row["changed"], row["host"]) for row in blocked] == [(False, name) for name in FLEET]
    closed = run.record("lin1", CLOSING).result
    assert (closed["changed"], closed["host"]) == (True, "one")
    assert held(fleet.control.state("one"), "insecure_guest_logons")["policy"] is False


def test_async_is_refused_with_that_word(run: Run) -> None:
    for name in ("async", "async in check mode"):
        record = run.record("calls", name)
        assert (record.status, record.counters["requests"]) == ("failed", 0), record
        assert "does not support async" in record.message
    assert run.record("calls", "async 0").status == "ok"


def test_defaults_and_spellings(run: Run) -> None:
    short = run.record("calls", "by its short name")
    assert [row["scope"] for row in short.result["changes"]] == ["policy"], short
    assert run.record("calls", "by defaults alone").result["after"]["client_signing"]["effective"] is True
    free = run.record("calls", "free-form")
    assert (free.status, list(free.result["after"])) == ("ok", ["insecure_guest_logons"]), free
    assert "this host uses 'local'" in run.record("calls", "on the control node").message
    assert "must be one of: allowed, blocked, default" in run.record("calls", "wrong word").message


def test_empty_is_an_error_and_null_is_left_out(run: Run) -> None:
    for option, words in {
        "reason": "reason is empty",
        "change_id": "cannot name",
        "expires_in": "is not a time",
    }.items():
        record = run.record("calls", f"empty {option}")
        assert (record.status, record.counters["requests"]) == ("failed", 0), record
        assert words in record.message
    assert run.record("calls", "null").status == "ok"


def test_gather_facts_cannot_run_it(run: Run) -> None:
    """docs/errors.md says what to do instead."""
    assert "is missing interpreter line" in run.record("calls", "as a facts module").message


def test_a_password_of_a_vault_is_nowhere(run: Run) -> None:
    assert run.record("calls", "nobody listens").status == "unreachable"
    assert run.record("calls", "hidden").status == "failed"
    everything = run.output + "".join(f"{record.result}" for record in run.records)
    assert PASSWORD not in everything
    assert "traceback (most recent call last)" not in everything.lower()


def test_what_was_registered_is_reverted_or_reported_as_nothing(run: Run, fleet: Fleet) -> None:
    opened, closed = run.record("registered", "opened"), run.record("registered", "closed")
    assert (opened.result["changed"], closed.result["changed"]) == (True, True)
    assert [row["change_id"] for row in closed.result["reverted"]] == [opened.result["change_id"]]
    assert held(fleet.control.state("registered"), "insecure_guest_logons")["running"] is False
    nothing = run.record("open", "closed")
    assert (run.record("open", "opened").result["change_id"], nothing.status) == (None, "failed")
    assert "change_id is null" in nothing.message
    assert "expires_in has no effect" in run.record("open", "opened").warnings


def _command(folder: Path, command: list[str] | str) -> str:
    environ = clean_environ(Path(sys.executable).parent)
    words = shlex.split(command) if isinstance(command, str) else command
    done = subprocess.run(
        words, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_host_list_on_the_command_line_and_the_command_that_closes_it(fleet: Fleet, tmp_path: Path) -> None:
    """The command is printed with every inventory in its place, and works as it stands."""
    ready = fleet.hosts["listed"]
    variables = {**NTLM, "ansible_port": ready["http_port"], "ansible_user": "Administrator"}
    (tmp_path / "my variables.yml").write_text(
        json.dumps({"all": {"vars": {**variables, "ansible_password": PASSWORD}}})
    )
    sources = ["-i", f"{ready['address']},", "-i", "my variables.yml"]
    given = {"enable_guest_accept_risk": True, "enable_guest_reason": "x"}
    opening = ["ansible-playbook", *sources, "winops.smb_guest.enable_guest", "-e", json.dumps(given)]
    output = _command(tmp_path, opening)
    assert held(fleet.control.state("listed"), "insecure_guest_logons")["running"] is True
    (command,) = re.findall(r'"Revert it now: (.*)"', output)
    assert "ansible-playbook winops.smb_guest.revert" in command
    assert f"-i {ready['address']}," in command
    _command(tmp_path, command)
    assert held(fleet.control.state("listed"), "insecure_guest_logons")["running"] is False


def test_ad_hoc(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "inventory.yml").write_text(json.dumps({"all": {"hosts": {"listed": host_vars(fleet, "listed")}}}))
    asked = ["-m", "winops.smb_guest.guest_auth", "-a", "state=allowed scope=local,policy", "--check", "--diff"]
    output = _command(tmp_path, ["ansible", "-i", "inventory.yml", "all", *asked])
    assert "+  policy: allowed" in output
    assert held(fleet.control.state("listed"), "insecure_guest_logons")["running"] is False


BAD_DAYS = {
    "2026-13-01": "a day to come",
    "2026-02-30": "a day to come",
    "2020-01-01": "a day to come",
    "soon": "a day to come",
    "2030-01-01\n": "a day to come",
}
GOOD = {"name": "old NAS", "reason": "CHG0043", "expires_on": "2999-12-31", "links": [{"target": "OU=x,DC=ad"}]}


def test_what_an_exception_lacks_is_reported_before_any_contact(fleet: Fleet, playbooks: Playbooks) -> None:
    """There is no domain: what is complete fails for that, and nothing else does."""
    wanted = {f"bad day {day!r}": ({**GOOD, "expires_on": day}, words) for day, words in BAD_DAYS.items()}
    wanted |= {f"no {name}": ({**GOOD, name: None}, "An exception needs") for name in GOOD}
    wanted["no name to end"] = ({"state": "absent", "name": None}, "Which exception ends is not stated")
    connection = {
        "domain": "ad.invalid",
        "username": "u@AD.INVALID",
        "password": "nobody-knows-9",
        "auth_protocol": "ntlm",
    }
    givens = [*(given for given, _words in wanted.values()), GOOD, {**GOOD, "change_id": None, "groups": []}]
    calls = [
        role("domain_exception", **{f"domain_exception_{key}": value for key, value in (connection | given).items()})
        for given in givens
    ]
    run = playbooks.run(fleet, calls, {"localhost": {"ansible_connection": "local"}})
    said = [record for record in run.records if record.status == "failed"]
    for record, (case, (_given, words)) in zip(said, wanted.items(), strict=False):
        assert words in record.message, (case, record.message)
        assert "Nothing was asked of any host." in record.message
    # What is complete fails for the domain that is not there.
    complete = said[len(wanted) :]
    assert len(complete) == 2
    assert not any("An exception needs" in record.message for record in complete)
