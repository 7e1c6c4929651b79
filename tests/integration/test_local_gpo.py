"""Scope local_gpo against simulated hosts: the files of the local GPO beside the policy value, in force at once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from playbooks import Playbooks, host_vars, task
from simulated_windows.client import Fleet
from simulated_windows.local_group_policy import GPT_INI, REGISTRY_POL, instructions

KEY = r"Software\Policies\Microsoft\Windows\LanmanWorkstation"
POLICY = rf"HKLM\SOFTWARE\{KEY.partition(chr(92))[2]}"
GUEST = "AllowInsecureGuestAuth"
FOREIGN = ("Software\\Somebody", "Else", 4, b"\x05\0\0\0")
PSRP = {"ansible_connection": "psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm"}
_names = itertools.count(1)


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    return start_fleet([{"name": "first", "preset": "windows_11_24h2_pro"}])


@pytest.fixture
def host(fleet: Fleet) -> str:
    return add(fleet)


def add(fleet: Fleet, preset: str = "windows_11_24h2_pro", **spec: Any) -> str:
    name = f"host-{next(_names)}"
    fleet.hosts |= fleet.control.add_host(name=name, preset=preset, **spec)
    return name


def entries(fleet: Fleet, host: str) -> list[tuple[str, str, int, bytes]] | None:
    content = fleet.control.file(host, REGISTRY_POL)
    return None if content is None else instructions(content)


def version(fleet: Fleet, host: str) -> int | None:
    content = fleet.control.file(host, GPT_INI)
    match = re.search(rb"^Version=(\d+)", content or b"", re.MULTILINE)
    return int(match[1]) if match else None


def allow(name: str = "allow", **options: Any) -> dict[str, Any]:
    return task(name, "client_config", insecure_guest_logons="allowed", scope=["local_gpo"], **options)


@pytest.mark.matrix
@pytest.mark.parametrize("variables", [{}, PSRP], ids=["winrm", "psrp"])
def test_written_seen_kept_and_undone(playbooks: Playbooks, fleet: Fleet, host: str, variables: dict[str, Any]) -> None:
    before = fleet.control.state(host)
    facts = task("facts", "client_facts", gather_subset=["local_gpo"])
    tasks = [
        allow("predicted", change_id="opened", check=True, _diff=True),
        allow("written", change_id="opened"),
        allow("again"),
        facts,
        task("undone", "revert_change", change_id="opened"),
    ]
    run = playbooks.run(fleet, tasks, {host: host_vars(fleet, host, **variables)})
    records = run.of(host)
    assert [record.status for record in records.values()] == ["ok"] * 5, run.output[-3000:]
    assert [record.result["changed"] for record in records.values()] == [True, True, False, False, True]
    assert records["predicted"].state == before
    assert "local_gpo: allowed" in records["predicted"].result["diff"]["after"]
    written = records["written"]
    assert [row["scope"] for row in written.result["changes"]] == ["policy", "local_gpo"]
    assert {row["group_policy"] for row in written.result["changes"]} == {"Enable insecure guest logons"}
    assert written.result["after"]["insecure_guest_logons"]["local_gpo"] is True
    assert written.state["smb_client"]["EnableInsecureGuestLogons"] is True, "in force without a refresh"
    seen = records["facts"].facts["settings"]
    assert (seen["insecure_guest_logons"]["local_gpo"], seen["client_encryption"]["local_gpo"]) == (True, None)
    assert "local_gpo" in seen["client_signing"], "said for every setting"
    after = records["undone"].state
    assert after["registry"].get(POLICY) is None
    assert after["smb_client"] == before["smb_client"]
    assert (entries(fleet, host), version(fleet, host)) == (None, 2)
    assert b"Extension" not in (fleet.control.file(host, GPT_INI) or b"")


def test_what_others_wrote_stays(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    fleet.control.set_file(host, GPT_INI, b"; kept\r\n[General]\r\nVersion=65543\r\ndisplayName=x\r\n")
    content = b"PReg\x01\0\0\0[\0" + "Software\\Somebody\0;Else\0;".encode("utf-16-le")
    content += b"\x04\0\0\0;\0\x04\0\0\0;\0\x05\0\0\0]\0"
    fleet.control.set_file(host, REGISTRY_POL, content)
    assert instructions(content) == [FOREIGN]
    tasks = [allow("written", reason="test"), task("undone", "revert_change", latest=True)]
    run = playbooks.run(fleet, tasks, [host])
    assert run.returncode == 0, run.output[-3000:]
    assert fleet.control.file(host, REGISTRY_POL) == content
    ini = fleet.control.file(host, GPT_INI) or b""
    assert ini.startswith(b"; kept\r\n[General]\r\n")
    assert b"Version=65545\r\ndisplayName=x\r\n" in ini


def test_several_settings_in_one_edit(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    options = {"insecure_guest_logons": "blocked", "client_encryption": "required", "scope": ["local", "local_gpo"]}
    options |= {"server_audit_insecure_guest_logons": "enabled", "client_signing": "required"}
    run = playbooks.run(fleet, [task("closed", "client_config", **options)], [host])
    assert run.record(host, "closed").status == "ok", run.record(host, "closed")
    assert version(fleet, host) == 1
    assert {(name, data[0]) for _key, name, _type, data in entries(fleet, host) or ()} == {
        (GUEST, 0), ("RequireEncryption", 1), ("AuditInsecureGuestLogon", 1),
    }  # fmt: skip


def test_default_is_not_configured(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    tasks = [
        allow("written"),
        task("default", "client_config", insecure_guest_logons="default", scope=["local_gpo"]),
        task("again", "client_config", insecure_guest_logons="default", scope=["local_gpo"]),
    ]
    run = playbooks.run(fleet, tasks, [host])
    assert [record.result["changed"] for record in run.records] == [True, True, False]
    assert entries(fleet, host) is None
    assert run.records[-1].state["registry"].get(POLICY, {}).get(GUEST) is None


@pytest.mark.parametrize("ignored", [False, True])
def test_home_editions(playbooks: Playbooks, fleet: Fleet, ignored: bool) -> None:
    host = add(fleet, "windows_11_24h2_home", quirks={"local_gpo_ignored": ignored})
    run = playbooks.run(fleet, [allow("written", gpupdate=True), allow("again")], [host])
    written = run.record(host, "written")
    assert written.status == "ok", written
    assert "not confirmed" in written.warnings
    assert written.state["smb_client"]["EnableInsecureGuestLogons"] is True
    assert not run.record(host, "again").result["changed"]


def test_gpupdate_only_where_asked(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    run = playbooks.run(fleet, [allow("written"), allow("again", gpupdate=True)], [host])
    assert run.returncode == 0, run.output[-3000:]
    assert fleet.control.state(host)["registry"][POLICY][GUEST]["value"] == 1
    other = add(fleet, policy={GUEST: 0})
    run = playbooks.run(fleet, [allow("written", gpupdate=True)], [other])
    written = run.record(other, "written")
    assert written.status == "ok", written
    assert "Policy was refreshed" in written.warnings
    assert written.result["after"]["insecure_guest_logons"]["policy"] is False
    assert written.result["after"]["insecure_guest_logons"]["local_gpo"] is True


def test_what_is_refused(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    before = fleet.control.state(host)
    run = playbooks.run(
        fleet,
        [
            allow("ends", expires_in="8h"),
            task("signing", "client_config", client_signing="required", scope=["local_gpo"]),
        ],
        [host],
    )
    assert "A change of the local GPO cannot expire" in run.record(host, "ends").message
    assert "no policy value" in run.record(host, "signing").message
    assert fleet.control.state(host) == before


def test_damaged_and_odd_files_are_reported_and_kept(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    fleet.control.set_file(host, REGISTRY_POL, b"PReg\x02\0\0\0")
    before = fleet.control.state(host)
    run = playbooks.run(fleet, [allow("damaged"), task("facts", "client_facts", gather_subset=["local_gpo"])], [host])
    for record in run.records:
        assert record.status == "failed", record
        assert "Registry.pol has a version other than 1" in record.message
    assert fleet.control.state(host) == before


def test_a_file_in_use_puts_the_policy_value_back(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    playbooks.run(fleet, [allow("written")], [host])
    fleet.control.hold_open(host, REGISTRY_POL)
    before = fleet.control.state(host)
    block = task("blocked", "client_config", insecure_guest_logons="blocked", scope=["local_gpo"], reason="test")
    record = playbooks.run(fleet, [block], [host]).record(host, "blocked")
    assert record.status == "failed"
    assert "being used by another process" in record.message
    for part in ("smb_client", "smb_server"):
        assert record.state[part] == before[part]
    assert record.state["registry"][POLICY] == before["registry"][POLICY]
    assert entries(fleet, host) == [(KEY, GUEST, 4, b"\1\0\0\0")]


def test_the_role_harden(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    role = {
        "name": "harden",
        "ansible.builtin.include_role": {"name": "winops.smb_guest.harden"},
        "vars": {"harden_scopes": ["local", "local_gpo"]},
    }
    run = playbooks.run(fleet, [role], [host])
    assert run.returncode == 0, run.output[-3000:]
    assert (KEY, GUEST, 4, b"\0\0\0\0") in (entries(fleet, host) or [])
    assert version(fleet, host) == 1


def test_a_policy_value_without_an_entry_may_not_outlast_undoing(playbooks: Playbooks, fleet: Fleet, host: str) -> None:
    tasks = [
        task("direct", "client_config", insecure_guest_logons="blocked", scope=["policy"]),
        allow("written", change_id="opened", gpupdate=True),
        task("undone", "revert_change", change_id="opened"),
    ]
    run = playbooks.run(fleet, tasks, [host])
    assert "The local GPO has no entry for" in run.record(host, "written").warnings
    undone = run.record(host, "undone")
    assert undone.status == "ok", undone
    assert undone.state["registry"][POLICY][GUEST]["value"] == 0, "restored"
    fleet.control.policy_refresh(host)
    assert fleet.control.state(host)["registry"].get(POLICY, {}).get(GUEST) is None, "what the warning was about"
