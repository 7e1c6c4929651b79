"""Every YAML example that a reader can copy: README, guides, READMEs of roles and playbooks, module documentation.

All are read by `ansible-playbook --syntax-check` where they are plays or tasks. Those that talk to a host are run
against one, in the order of their page. An assert that fails in an example is a failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT, clean_environ

from playbooks import Playbooks, host_vars, task
from simulated_windows.client import Fleet

COLLECTION = "winops.smb_guest"
PAGES = ["README.md", "docs/*.md", "docs/docsite/rst/*.rst", "roles/*/README.md", "playbooks/README.md"]
FENCED = re.compile(r"^```ya?ml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIRECTIVE = re.compile(r"^\.\. code-block:: yaml\n\n((?:(?: .*)?\n)+)", re.MULTILINE)
MODULE_EXAMPLES = re.compile(r'^EXAMPLES = r"""\n(.*?)^"""', re.MULTILINE | re.DOTALL)

DOMAIN = ("domain_policy", "domain_policy_info", "domain_policy_revert", "domain_harden", "domain_exception")
"""Modules and roles that talk to a domain controller: tests/domain/test_examples.py runs their examples."""

BY_OTHERS = ("docs/docsite/rst/guide_automation_platform.rst", "docs/guide-workers.md")
"""Pages that test_awx_guide.py and test_streaming.py run."""

_POLICY = {"name": "x", "dest": "baselines/windows-11", "insecure_guest_logons": "blocked", "forms": ["reg"]}
BASELINE = {"name": "A baseline", f"{COLLECTION}.policy_files": _POLICY}
BEFORE: dict[str, list[dict[str, Any]]] = {
    "plugins/modules/revert_change.py": [
        task("Before the example", "guest_auth", state="allowed", change_id="CHG0042"),
    ],
    "docs/guide-change-reviews.md": [task("Before the change", "guest_auth", state="allowed")],
    "docs/report.md": [
        task("Read the data of a report", "posture_info", _register="posture"),
        {"name": "Give it to the page", "ansible.builtin.set_fact": {"results": ["{{ posture }}"]}},
    ],
    "plugins/modules/policy_files_info.py": [BASELINE],
    "plugins/modules/posture_report.py": [
        BASELINE,
        task("Probe nothing", "server_info", servers=[], _register="probed"),
        task("Read the host", "posture_info", _register="earlier"),
        task("Last month", "posture_report", hosts={"ws": "{{ earlier }}"}, dest="reports/october"),
    ],
    "roles/audit_report/README.md": [
        {
            "name": "No exceptions",
            "ansible.builtin.copy": {"content": "[]", "dest": "exceptions.yml", "mode": "0600"},
            "delegate_to": "localhost",
        },
    ],
}
"""What an example takes for granted."""

LOCAL = {
    "nas01.example.com": "127.0.0.1",
    "scanner7": "127.0.0.1",
    "192.0.2.7": "127.0.0.1",
    "groups['storage']": "['127.0.0.1']",
    "/srv/reports": "reports",
}
"""What a reader replaces: servers, here by an address where none listens, and a folder of the control node."""

OLDER = {"name": "older", "preset": "windows_10_22h2_pro"}
OLDER_PAGES = {"docs/guide-who-needs-guest.md"}
"""Pages that promise to hold on a Windows without the newest settings and channels, too."""

VARIABLES = {"vault_scans_password": "no secret", "vault_backup_password": "no secret"}


def _texts() -> Iterator[tuple[str, str]]:
    """Page and text of every example."""
    for path in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        found = (DIRECTIVE if path.suffix == ".rst" else FENCED).findall(path.read_text())
        for text in found:
            yield str(path.relative_to(ROOT)), textwrap.dedent(text)
    for path in sorted((ROOT / "plugins/modules").glob("[!_]*.py")):
        yield str(path.relative_to(ROOT)), MODULE_EXAMPLES.findall(path.read_text())[0]


EXAMPLES = [(page, yaml.safe_load(text)) for page, text in _texts()]


def _is_play(item: Any) -> bool:
    return isinstance(item, dict) and bool(
        {"hosts", "import_playbook", "ansible.builtin.import_playbook"} & item.keys()
    )


def _is_task(item: Any) -> bool:
    return isinstance(item, dict) and any("." in key or key == "block" for key in item)


def _plays(document: Any) -> list[dict[str, Any]]:
    """An example as plays; none if it is something else: variables, an inventory, a configuration."""
    if not isinstance(document, list):
        return []
    if all(map(_is_play, document)):
        return document
    if all(map(_is_task, document)):
        return [{"name": "Tasks", "hosts": "all", "gather_facts": False, "tasks": document}]
    return []


def _tasks(play: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a play, and its roles as the tasks that they come to."""
    roles = [
        {
            "name": f"Role {role['role']}",
            "ansible.builtin.import_role": {"name": role["role"]},
            "vars": {key: value for key, value in role.items() if key != "role"},
        }
        for role in play.get("roles", [])
    ]
    return [*play.get("pre_tasks", []), *roles, *play.get("tasks", []), *play.get("post_tasks", [])]


def _talks_to_a_host(item: dict[str, Any]) -> bool:
    names = {*item, item.get("ansible.builtin.import_role", {}).get("name")}
    return not names & {f"{COLLECTION}.{name}" for name in DOMAIN}


def _to_run(page: str) -> list[dict[str, Any]]:
    """The tasks of a page that talk to a host; none if no module of the collection is left."""
    plays = [play for where, document in EXAMPLES if where == page for play in _plays(document)]
    tasks = [item for play in plays for item in _tasks(play) if _talks_to_a_host(item)]
    ours = any(COLLECTION in str(item) for item in tasks)
    others = {f"plugins/modules/{name}.py" for name in DOMAIN} | {*BY_OTHERS}
    return tasks if ours and page not in others else []


def runs(page: str, document: Any) -> bool:
    """Whether test_run runs all of an example."""
    tasks = [item for play in _plays(document) for item in _tasks(play)]
    return page in RUN and bool(tasks) and all(item in _to_run(page) for item in tasks)


RUN = sorted({page for page, _document in EXAMPLES if _to_run(page)})


def test_there_are_examples() -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "plugins/modules").glob("[!_]*.py")}
    assert modules | {"README.md"} <= {page for page, document in EXAMPLES if _plays(document)}


def test_syntax(tmp_path: Path) -> None:
    files = []
    for number, (page, document) in enumerate(EXAMPLES):
        if plays := _plays(document):
            file = tmp_path / f"{number:03d}-{page.replace('/', '-')}.yml"
            file.write_text(yaml.safe_dump(plays, sort_keys=False))
            files.append(str(file))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "--syntax-check", *files]
    environ = clean_environ(Path(sys.executable).parent)
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    """A host of its own for each page."""
    newest = [{"name": f"page{number}", "preset": "windows_11_24h2_pro"} for number in range(len(RUN))]
    channels = {"without_channels": ["Microsoft-Windows-SmbClient/Audit"]}
    return start_fleet([*newest, {**OLDER, "quirks": channels}])


@pytest.mark.parametrize(
    ("page", "host"),
    [*((page, f"page{number}") for number, page in enumerate(RUN)), *((page, OLDER["name"]) for page in OLDER_PAGES)],
)
def test_run(playbooks: Playbooks, fleet: Fleet, page: str, host: str) -> None:
    text = json.dumps([{**item, "ignore_errors": True} for item in _to_run(page)])
    for stands, own in LOCAL.items():
        text = text.replace(stands, own)
    patient = json.loads(text)
    run = playbooks.run(fleet, [*BEFORE.get(page, []), *patient], {host: host_vars(fleet, host, **VARIABLES)})
    failed = {record.task: record.message for record in run.records if record.status in ("failed", "unreachable")}
    assert failed == {}
