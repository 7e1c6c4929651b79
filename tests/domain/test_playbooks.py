# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules and roles in real ansible-playbook runs, at the highest verbosity, the controller found by DNS."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from checkout import clean_environ
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_reader import PolicyFolder
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.strict_backup import (
    read_strictly,
)

GUEST = "insecure_guest_logons"


class Plays:
    """Runs tasks on localhost where the names of the domain are known; `answers` are what they registered."""

    def __init__(self, domain: Domain, folder: Path) -> None:
        self._domain, self._folder = domain, folder
        dc = domain.dc
        self.connection = {"domain": dc.domain, "username": dc.administrator, "password": dc.password}
        self.output = ""

    def run(self, tasks: list[dict[str, Any]], **variables: Any) -> list[dict[str, Any]]:
        """Each task is registered and never ends the play. Raises AssertionError if the play itself fails."""
        answers = self._folder / "answers.json"
        names = []
        for number, task in enumerate(tasks):
            task.setdefault("name", f"Task {number}")
            task.setdefault("ignore_errors", True)
            task["register"] = f"answer_{number}"
            names.append(f"answer_{number}")
        kept = {
            "name": "Keep what was answered",
            "ansible.builtin.copy": {
                "content": "{{ [" + ", ".join(names) + "] | to_json }}",
                "dest": str(answers),
                "mode": "0600",
            },
            "check_mode": False,
        }
        self.play(
            [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [*tasks, kept]}], **variables
        )
        found: list[dict[str, Any]] = json.loads(answers.read_text())
        return found

    def play(self, plays: list[dict[str, Any]], *options: str, **variables: Any) -> str:
        """Run a playbook; its output."""
        snapshot = self._folder / "book.yml"
        snapshot.write_text(json.dumps(plays))
        return self.snapshot(str(snapshot), *options, **variables)

    def snapshot(self, snapshot: str, *options: str, **variables: Any) -> str:
        environ = clean_environ(Path(sys.executable).parent) | self._domain.dc.kerberos
        extra = self._folder / "variables.json"
        extra.write_text(json.dumps({"ansible_python_interpreter": sys.executable, **variables}))
        extra.chmod(0o600)
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-vvvv", "--diff"]
        command += [snapshot, "-e", f"@{extra}", *options]
        done = subprocess.run(
            self._domain.dc.inside(*command), check=False, capture_output=True, text=True, env=environ, cwd=self._folder
        )
        self.output = done.stdout + done.stderr
        assert self.connection["password"] not in self.output, "a secret in the output"
        assert done.returncode == 0, self.output[-4000:]
        return self.output


@pytest.fixture
def plays(domain: Domain, tmp_path: Path) -> Plays:
    return Plays(domain, tmp_path)


def test_modules_from_nothing_to_nothing(domain: Domain, plays: Plays) -> None:
    """The whole life of a GPO; no option server, so DNS finds the PDC emulator; no secret in the output."""
    unit, name = domain.unit(), domain.name("Played")
    policy = {
        **plays.connection,
        "gpo": name,
        GUEST: "blocked",
        "client_signing": "required",
        "links": [{"target": unit}],
    }
    revert = {**plays.connection, "gpo": name, "all": True}

    answers = plays.run(
        [
            {"winops.smb_guest.domain_policy": policy, "check_mode": True},
            {"winops.smb_guest.domain_policy": {**policy, "reason": "CHG0042", "change_id": "CHG0042"}},
            {"winops.smb_guest.domain_policy": policy},
            {"winops.smb_guest.domain_policy_info": {**plays.connection, "organizational_unit": unit, "changes": True}},
            {"winops.smb_guest.domain_policy": {**policy, "gpo": "Default Domain Policy"}},
            {"winops.smb_guest.domain_policy": {**policy, "security_filter": []}},
            {"winops.smb_guest.domain_policy": {**policy, "wmi_filter": "none such"}},
            {"winops.smb_guest.domain_policy_revert": revert, "check_mode": True},
            {"winops.smb_guest.domain_policy_revert": revert},
            {"winops.smb_guest.domain_policy_revert": revert},
        ]
    )

    predicted, made, again, info, default, nobody, filtered, would, undone, nothing = answers
    assert predicted["changed"]
    assert predicted["after"]["settings"] == made["after"]["settings"]
    assert made["changed"]
    assert made["change_id"] == "CHG0042"
    assert made["after"]["security_filter"] == ["Authenticated Users"]
    assert not again["changed"]
    assert info["resolved"]["settings"][GUEST]["gpo"] == name
    assert [change["reason"] for change in info["changes"] if change["gpo"] == name] == ["CHG0042"]
    assert "allow_default_policies" in default["msg"]
    assert "security_filter is empty" in nobody["msg"]
    assert "no WMI filters named" in filtered["msg"]
    assert would["changed"]
    assert [change["change_id"] for change in undone["reverted"]] == ["CHG0042"]
    (diff,) = undone["diff"]
    assert f"{GUEST}: blocked" in diff["before"]
    assert diff["after"] == ""
    assert not nothing["changed"]
    assert name not in domain.dc.tool("gpo", "listall")
    assert f"+settings.{GUEST}: blocked" in plays.output


def test_check_mode_reverts_all_changes_of_one_gpo(domain: Domain, plays: Plays) -> None:
    """Made, edited, deleted: each revert is predicted from what the one before would leave."""
    policy = {**plays.connection, "gpo": domain.name("Many")}
    revert = {**policy, "all": True}
    set_ = "winops.smb_guest.domain_policy"
    *_made, would, done = plays.run(
        [
            {set_: {**policy, GUEST: "blocked", "links": [{"target": domain.unit()}]}},
            {set_: {**policy, GUEST: "allowed", "client_signing": "required"}},
            {set_: {**policy, "state": "absent"}},
            {"winops.smb_guest.domain_policy_revert": revert, "check_mode": True},
            {"winops.smb_guest.domain_policy_revert": revert},
        ]
    )
    assert "msg" not in would, would["msg"]
    assert len(done["reverted"]) == 3
    assert [each["change_id"] for each in would["reverted"]] == [each["change_id"] for each in done["reverted"]]
    # Check mode does not count the version up.
    shown = [
        [re.sub(r"version: .*", "", each[when]) for each in answer["diff"] for when in ("before", "after")]
        for answer in (would, done)
    ]
    assert shown[0] == shown[1]


def test_a_gpo_is_backed_up_before_and_after_a_change(domain: Domain, plays: Plays, tmp_path: Path) -> None:
    """From a real SYSVOL; a strict reader takes both backups, and the collection reads the settings of each."""
    name, folder = domain.name("Backed up"), tmp_path / "backups"
    domain.present(name, settings={GUEST: False, "client_signing": True}, comment="CHG0042")
    info = {**plays.connection, "gpo": name, "backup_to": str(folder)}
    set_ = {**plays.connection, "gpo": name, GUEST: "allowed", "reason": "CHG0043"}
    predicted, before, again, _changed, after = plays.run(
        [
            {"winops.smb_guest.domain_policy_info": info, "check_mode": True},
            {"winops.smb_guest.domain_policy_info": info},
            {"winops.smb_guest.domain_policy_info": info},
            {"winops.smb_guest.domain_policy": set_},
            {"winops.smb_guest.domain_policy_info": info},
        ]
    )
    assert [answer["changed"] for answer in (predicted, before, again, after)] == [True, True, False, True]
    assert predicted["backup"] == before["backup"] == again["backup"]
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    values = []
    for answer in (before, after):
        backup_id = answer["backup"]["id"]
        its = {path: content for path, content in found.items() if path.startswith((backup_id, "manifest"))}
        assert read_strictly(its).core["DisplayName"] == name
        (source,) = PolicyFolder({path: lambda content=content: content for path, content in its.items()}).sources()
        values.append((source.settings[GUEST], source.settings["client_signing"]))
    assert values == [(False, True), (True, True)]


def test_wrong_password_is_reported_and_not_shown(domain: Domain, plays: Plays) -> None:
    secret = "W0rse-than-s3cret"
    options = {**plays.connection, "password": secret, "gpo": "any"}
    (answer,) = plays.run([{"winops.smb_guest.domain_policy": options}])
    assert answer["failed"]
    assert "did not accept Administrator@" in answer["msg"]
    assert "Nothing was written" in answer["msg"]
    assert secret not in plays.output


def test_kerberos_ticket_in_place_of_a_password(domain: Domain, plays: Plays) -> None:
    dc = domain.dc
    subprocess.run(
        ["kinit", dc.administrator], input=dc.password, text=True, check=True, env=dc.environ, capture_output=True
    )
    options = {"domain": dc.domain, "auth_protocol": "kerberos", "tls": "starttls", "ca_certs": str(dc.ca_certs)}
    (answer,) = plays.run([{"winops.smb_guest.domain_policy_info": options}])
    assert "gpos" in answer, answer


def test_roles(domain: Domain, plays: Plays) -> None:
    """The domain closed by one GPO, an exception for a unit, its contradiction found, its end after its day."""
    unit = domain.unit()
    harden = {f"domain_harden_{key}": value for key, value in plays.connection.items()}
    exception = {f"domain_exception_{key}": value for key, value in plays.connection.items()}
    plays.snapshot(
        "winops.smb_guest.domain_harden",
        **harden,
        domain_harden_links=[{"target": unit}],
        harden_client_encryption=True,
    )
    assert "changed=1" in plays.output
    today = datetime.now(UTC).date()
    wanted = {
        **exception,
        "domain_exception_name": "old NAS",
        "domain_exception_reason": "CHG0043, the contract expires 2020-06-30",
        "domain_exception_links": [{"target": unit, "order": 1}],
    }
    day = str(today + timedelta(days=3))
    plays.snapshot("winops.smb_guest.domain_exception", **wanted, domain_exception_expires_on=day)
    with domain.reader() as reader:
        from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_report import DomainReport
        from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.resolution import Resolution

        report = DomainReport(reader)
        told = {gpo["name"]: gpo for gpo in report.gpos()}
        resolved = Resolution(report).resolved(account=None, unit=unit, site=None)["settings"]
    name = f"SMB guest exception: old NAS (expires {day})"
    assert told["SMB guest access closed"]["settings"]["client_encryption"] == "required"
    assert told[name]["expires_on"] == day
    assert resolved[GUEST]["gpo"] == name
    assert resolved[GUEST]["others"][0]["gpo"] == "SMB guest access closed"
    assert any(finding["kind"] == "contradiction" for finding in report.findings)

    plays.snapshot(
        "winops.smb_guest.domain_exception",
        **{**wanted, "domain_exception_name": "Old  nas"},
        domain_exception_expires_on=day,
    )
    assert domain.dc.tool("gpo", "listall").lower().count("nas (expires") == 1

    later = str(today + timedelta(days=9))
    plays.snapshot("winops.smb_guest.domain_exception", **wanted, domain_exception_expires_on=later)
    assert name not in domain.dc.tool("gpo", "listall")
    plays.snapshot("winops.smb_guest.domain_exception", **exception, domain_exception_state="expired")
    assert f"(expires {later})" in domain.dc.tool("gpo", "listall")
    past = f"{domain.name('SMB guest exception: past')} (expires 2020-01-01)"
    domain.present(past, settings={GUEST: True}, comment="for a day - expires 2020-01-01")
    plays.snapshot("winops.smb_guest.domain_exception", **exception, domain_exception_state="expired")
    listed = domain.dc.tool("gpo", "listall")
    assert past not in listed
    assert f"(expires {later})" in listed

    weaker = {**wanted, "domain_exception_name": "weak", "domain_exception_links": [{"target": unit}]}
    with pytest.raises(AssertionError, match="The exception would not decide at"):
        plays.snapshot("winops.smb_guest.domain_exception", **weaker, domain_exception_expires_on=later)
    wide = {**wanted, "domain_exception_name": "wide", "domain_exception_links": [{"target": domain.dc.dn}]}
    with pytest.raises(AssertionError, match="would reach every computer below"):
        plays.snapshot("winops.smb_guest.domain_exception", **wide, domain_exception_expires_on=later)
