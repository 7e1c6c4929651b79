"""The examples of the modules and roles that talk to a domain controller, run in a domain that has what they name."""

from __future__ import annotations

import re
import subprocess
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from conftest import Domain
from test_playbooks import GUEST, Plays

MODULES = ("domain_policy_info", "domain_policy", "domain_policy_revert", "domain_harden", "domain_exception")
COMMANDS = {"roles/domain_harden/README.md": "domain.yml", "roles/domain_exception/README.md": "nas.yml"}
"""READMEs, and the file of variables that they show."""


@pytest.fixture
def plays(domain: Domain, tmp_path: Path) -> Plays:
    """With the units, groups, computers and GPOs that the examples name, and a Kerberos ticket.

    What other tests left to be reverted is forgotten: an example reverts everything, another one CHG0042 in any GPO.
    """
    dc = domain.dc
    for journal in domain.folder("winops.smb_guest").glob("*.json"):
        journal.unlink()
    with domain.directory() as directory:
        for name in ("Pilot", "Scanners"):
            directory.add(f"OU={name},{dc.dn}", {"objectClass": ["organizationalUnit"]})
        attributes = {"objectClass": ["computer"], "sAMAccountName": ["WS0042$"], "userAccountControl": ["4096"]}
        directory.add(f"CN=WS0042,OU=Pilot,{dc.dn}", attributes)
    for name in ("Wave 1", "Wave 2", "NAS users"):
        dc.tool("group", "add", name)
    domain.present("SMB hardening", settings={GUEST: False})
    subprocess.run(
        ["kinit", dc.administrator], input=dc.password, text=True, check=True, env=dc.environ, capture_output=True
    )
    return Plays(domain, tmp_path)


def own(domain: Domain, text: str) -> str:
    """What a reader replaces: the domain, its accounts, a day that is to come."""
    dc, day = domain.dc, str(datetime.now(UTC).date() + timedelta(days=3))
    text = re.sub(r"\w+@AD\.EXAMPLE\.COM", dc.administrator, text)
    for stands, its in {"DC=ad,DC=example,DC=com": dc.dn, "ad.example.com": dc.domain, "2026-12-31": day}.items():
        text = text.replace(stands, its)
    return text


def tasks(page: str) -> list[dict[str, Any]]:
    """The tasks of a page that talk to the domain."""
    text = (ROOT / page).read_text()
    if page.endswith(".py"):
        blocks = re.findall(r'^EXAMPLES = r"""\n(.*?)^"""', text, re.MULTILINE | re.DOTALL)
    else:
        blocks = re.findall(r"^ *- winops\.smb_guest\.domain_\w+:\n(?: +\w+: .*\n)+", text, re.MULTILINE)
    return [task for block in blocks for task in yaml.safe_load(textwrap.dedent(block))]


def test_examples(domain: Domain, plays: Plays, tmp_path: Path) -> None:
    pages = [*(f"plugins/modules/{name}.py" for name in MODULES), "docs/domain.md", "docs/policy-files.md"]
    found = {page: tasks(page) for page in pages}
    assert all(found.values())
    made = {"winops.smb_guest.domain_policy": {**plays.connection, "gpo": "SMB hardening", GUEST: "allowed"}}
    made["winops.smb_guest.domain_policy"] |= {"change_id": "CHG0042", "reason": "to revert"}
    asked = [task for page in pages for task in found[page] if "ansible.builtin.debug" not in task]
    answers = plays.run(
        [made, *yaml.safe_load(own(domain, yaml.safe_dump(asked, sort_keys=False)))], vault_password=domain.dc.password
    )
    names = ["made", *(str(task.get("name", task)) for task in asked)]
    failed = {name: answer["msg"] for name, answer in zip(names, answers, strict=True) if answer.get("failed")}
    assert failed == {}
    assert (tmp_path / "change-1234").is_dir()

    listed = domain.dc.tool("gpo", "listall")
    for page, file in COMMANDS.items():
        text = (ROOT / page).read_text()
        (block,) = re.findall(rf"^```yaml\n# {file}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        variables = yaml.safe_load(own(domain, block)) | {"vault_password": domain.dc.password}
        for command in re.findall(r"^\$ ansible-playbook (.*)$", text, re.MULTILINE):
            playbook, *options = command.partition("   #")[0].split()
            given = [each for each in options if each not in ("-e", f"@{file}", "@domain.yml")]
            state = [each for option in given if "=" in option for each in ("-e", option)]
            assert plays.snapshot(playbook, *(each for each in given if "=" not in each), *state, **variables)
    assert domain.dc.tool("gpo", "listall") == listed, "check mode, and nothing has expired"
