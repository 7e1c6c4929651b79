# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One fleet from two work directories by `ansible-runner transmit | worker | process`, as the guide describes it.

A worker gets the stream and nothing else: the collection, the inventory and the variables are in it, and the folder of
the worker is deleted when it ends. 20 hosts in `make test`; `pytest tests/integration/test_streaming.py --fleet 200`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, clean_environ, copy_collection

from playbooks import host_vars
from simulated_windows.client import Fleet

PRESETS = ("windows_11_24h2_pro", "windows_10_22h2_pro", "server_2025", "windows_11_23h2_pro", "server_2019")
PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
GUIDE = (ROOT / "docs/guide-workers.md").read_text()
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?|\b\d{4}-\d\d-\d\d\b")
KILLED_AFTER = 3
"""Results of hosts, before a worker is killed."""
READ = b'"task": "Read what the report needs"'
CHANGED = b'"changed": true'


class WorkDirectories:
    """The private data directories of ansible-runner on the control node, and what comes back to them."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.folder = folder
        self._collection = copy_collection(folder / "collections").parents[2]

    def prepare(self, name: str, hosts: Sequence[str], variables: Mapping[str, Any]) -> Path:
        """A work directory: project files of the guide, the collection, the inventory of `hosts`, the variables."""
        directory = self.folder / "work" / name
        for part in ("project", "inventory", "env"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        for file, text in project_files().items():
            (directory / "project" / file).write_text(text)
        if not (directory / "project/collections").exists():
            shutil.copytree(self._collection, directory / "project/collections", symlinks=True)
        inventory = {"windows": {"hosts": {host: host_vars(self.fleet, host) for host in hosts}}}
        (directory / "inventory/hosts.json").write_text(json.dumps(inventory))
        (directory / "env/extravars").write_text(json.dumps(dict(variables)))
        return directory

    def stream(self, directory: Path, playbook: str, kill_at: bytes = b"") -> dict[str, Any]:
        """transmit | worker | process. Returns the last status.

        kill_at: What an event of a host holds; the worker is killed after KILLED_AFTER of them.
        """
        name = directory.name
        sent = self._runner("transmit", str(directory), "--playbook", playbook, "--ident", name, "--forks", "4").stdout
        empty = self.folder / "worker"
        shutil.rmtree(empty, ignore_errors=True)
        empty.mkdir()
        received = self._worker(empty, sent, kill_at)
        shutil.rmtree(empty)
        shutil.rmtree(directory / "artifacts" / name, ignore_errors=True)
        self._runner("process", str(directory), "--ident", name, stdin=received)
        output = directory / "artifacts" / name / "stdout"
        print(output.read_text()[-3000:] if output.exists() else "no output came back")  # of a test that fails
        statuses = [json.loads(line) for line in received.splitlines() if line.startswith(b'{"status"')]
        return dict(statuses[-1])

    def _worker(self, folder: Path, sent: bytes, kill_at: bytes) -> bytes:
        worker = subprocess.Popen(
            [sys.executable, "-m", "ansible_runner", "worker", "--private-data-dir", str(folder)],
            cwd=folder,
            env=self._environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(sent)
        worker.stdin.close()
        lines, results = [], 0
        try:
            for line in worker.stdout:
                lines.append(line)
                results += bool(kill_at) and b'"event": "runner_on_ok"' in line and kill_at in line
                if results >= KILLED_AFTER:
                    break
        finally:
            if kill_at:
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait(300)
            worker.stdout.close()
        return b"".join(lines)

    def merge(self, hosts: Sequence[str], dest: str, *order: str) -> dict[str, Any]:
        """The guide's playbook that merges, with an inventory of all hosts; no host is contacted. The report."""
        inventory = self.folder / "all.json"
        inventory.write_text(json.dumps({"windows": {"hosts": {host: {} for host in hosts}}}))
        extra = {"report_parts": list(order) or ["work"], "report_dest": dest}
        (self.folder / "merge.yml").write_text(project_files()["merge.yml"])
        self._run([sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "merge.yml"], extra)
        return self.report(dest)

    def at_once(self, hosts: Sequence[str], dest: str) -> dict[str, Any]:
        """The same fleet in one run of the playbook audit."""
        directory = self.prepare("one-run", hosts, {})
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(directory / "inventory"), "--forks", "4"]
        self._run([*command, "winops.smb_guest.audit"], {"audit_report_dest": str(self.folder / dest)})
        return self.report(dest)

    def report(self, dest: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.folder / dest / "report.json").read_text())
        return report

    def _run(self, command: Sequence[str], extra: Mapping[str, Any]) -> None:
        environ = clean_environ(Path(sys.executable).parent) | {"HOME": str(self.folder)}
        done = subprocess.run(
            [*command, "--extra-vars", json.dumps(extra)],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]

    def _runner(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "ansible_runner", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environ(), input=stdin, capture_output=True, check=False
        )
        assert b"usage:" not in done.stderr, done.stderr
        return done

    def _environ(self) -> dict[str, str]:
        """Without a path to any collection: a worker has the one of the stream."""
        environ = clean_environ(Path(sys.executable).parent) | {"HOME": str(self.folder)}
        return environ | {"ANSIBLE_COLLECTIONS_PATH": str(self.folder / "nowhere")}


def project_files() -> dict[str, str]:
    """The playbooks of the guide, by name."""
    found = re.findall(r"^```yaml\n# (\w+\.yml)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return {name: f"# {name}\n{text}" for name, text in found}


def variables_of_the_guide() -> dict[str, str]:
    (text,) = re.findall(r"^```json\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    variables: dict[str, str] = json.loads(text)
    return variables


@pytest.fixture(scope="module")
def work(
    start_fleet: Callable[[list[dict[str, Any]]], Fleet],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> WorkDirectories:
    size = request.config.getoption("--fleet", default=20)
    hosts = [{"name": f"ws-{number:03d}", "preset": PRESETS[number % len(PRESETS)]} for number in range(size)]
    fleet = start_fleet(hosts)
    for number in range(0, size, 7):
        fleet.control.connect(f"ws-{number:03d}", name=f"nas{number % 3}", guest=True, signing=False, encryption=False)
    return WorkDirectories(fleet, tmp_path_factory.mktemp("streaming"))


@pytest.fixture
def halves(work: WorkDirectories) -> tuple[list[str], list[str]]:
    names = sorted(work.fleet.hosts)
    return names[: len(names) // 2], names[len(names) // 2 :]


def _without_times(document: Mapping[str, Any]) -> str:
    """The document as text; times, and what differs from run to run, are left out."""
    kept = {name: value for name, value in document.items() if name not in ("provenance", "history", "comparison")}
    return TIME.sub("TIME", json.dumps(kept, indent=1))


def test_report_of_two_workers_is_that_of_one_run(work: WorkDirectories, halves: tuple[list[str], list[str]]) -> None:
    first, second = halves
    everyone = [*first, *second]
    one = work.prepare("first", first, variables_of_the_guide())
    other = work.prepare("second", second, variables_of_the_guide())
    assert work.stream(one, "audit.yml")["status"] == "successful"
    work.stream(other, "audit.yml", kill_at=READ)

    partial = work.merge(everyone, "report")
    statuses = {row["name"]: row["status"] for row in partial["hosts"]}
    assert statuses == dict.fromkeys(first, "read") | dict.fromkeys(second, "not_asked")
    assert partial["summary"]["not_read"] == len(second)

    assert work.stream(other, "audit.yml")["status"] == "successful"
    whole = work.merge(everyone, "report")
    assert whole["comparison"]["previous"] == partial["generated_at"]
    assert len(whole["history"]) == 2
    assert _without_times(whole) == _without_times(work.at_once(everyone, "one"))
    backwards = work.merge(everyone, "backwards", *(f"work/{name}/artifacts" for name in ("second", "first")))
    assert _without_times(backwards) == _without_times(whole)


def test_hardening_of_a_killed_worker_is_completed_by_the_next(
    work: WorkDirectories, halves: tuple[list[str], list[str]]
) -> None:
    for name in work.fleet.hosts:
        work.fleet.control.set_registry(name, PARAMETERS, "AllowInsecureGuestAuth", 1)
    directories = [work.prepare(name, hosts, {}) for name, hosts in zip(("first", "second"), halves, strict=True)]
    assert work.stream(directories[0], "harden.yml")["status"] == "successful"
    work.stream(directories[1], "harden.yml", kill_at=CHANGED)
    open_ = [name for name in work.fleet.hosts if _allows_guests(work.fleet, name)]
    assert open_
    assert set(open_) < set(halves[1])
    assert work.stream(directories[1], "harden.yml")["status"] == "successful"
    assert [name for name in work.fleet.hosts if _allows_guests(work.fleet, name)] == []


def _allows_guests(fleet: Fleet, name: str) -> bool:
    return fleet.control.registry_value(name, PARAMETERS, "AllowInsecureGuestAuth") != 0


def test_the_limit_of_hosts_counts_those_of_one_work_directory(work: WorkDirectories) -> None:
    """As the guide says: each worker counts the hosts that it got, so the limit is that of one worker."""
    workstations = sorted(work.fleet.hosts)[:: len(PRESETS)]  # all of the first preset, which blocks guest logons
    for name in workstations:
        work.fleet.control.reset(name)
    variables = {
        "enable_guest_accept_risk": True,
        "enable_guest_reason": "CHG-1",
        "enable_guest_max_hosts": 2,
        "enable_guest_relax_signing": True,
    }
    too_many = work.prepare("third", workstations[:3], variables)
    before = {name: work.fleet.control.state(name) for name in workstations[:4]}
    assert work.stream(too_many, "enable_guest.yml")["status"] == "failed"
    assert {name: work.fleet.control.state(name) for name in workstations[:4]} == before
    for directory, hosts in (("fourth", workstations[:2]), ("fifth", workstations[2:4])):
        assert work.stream(work.prepare(directory, hosts, variables), "enable_guest.yml")["status"] == "successful"
    values = {
        name: work.fleet.control.registry_value(name, PARAMETERS, "AllowInsecureGuestAuth") for name in workstations[:4]
    }
    assert values == dict.fromkeys(workstations[:4], 1)
