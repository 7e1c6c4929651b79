"""Runs real `ansible-playbook` processes against simulated hosts, and hands out what each task answered and left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkout import clean_environ

from simulated_windows.client import Fleet

HERE = Path(__file__).resolve().parent
FACTS_REQUESTS = 20
"""Requests after authentication that complete client_facts may cost."""
FORKS = 4
SECONDS = 900
"""A run that takes longer hangs; it is ended and the test fails."""

NTLM: Mapping[str, Any] = {
    "ansible_connection": "winrm",
    "ansible_winrm_transport": "ntlm",
    "ansible_winrm_scheme": "http",
    "ansible_winrm_message_encryption": "auto",
}


@dataclass(frozen=True)
class Record:
    """One task on one host. state, counters, requests: the simulated host's, right after the task; the counters and
    requests are this task's only. None for a host that is not simulated."""

    task: str
    host: str
    status: str
    result: dict[str, Any]
    state: dict[str, Any]
    counters: dict[str, int]
    requests: list[dict[str, Any]]

    @property
    def message(self) -> str:
        return str(self.result.get("msg", ""))

    @property
    def warnings(self) -> str:
        return "\n".join(map(str, self.result.get("warnings", ())))

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.result["ansible_facts"]["smb_guest"]
        return facts

    def __str__(self) -> str:
        """For an assertion's message."""
        return f"{self.host}: {self.task}: {self.status}: {json.dumps(self.result, indent=1)[:3000]}"


@dataclass
class Run:
    """One ended ansible-playbook process. output: stdout and stderr."""

    returncode: int
    output: str
    records: list[Record] = field(default_factory=list)

    def record(self, host: str, task: str) -> Record:
        found = [record for record in self.records if (record.host, record.task) == (host, task)]
        assert len(found) == 1, f"{len(found)} results of {task!r} on {host!r}\n{self.output[-3000:]}"
        return found[0]

    def of(self, host: str) -> dict[str, Record]:
        """The records of one host, by task name."""
        return {record.task: record for record in self.records if record.host == host}


def task(name: str, module: str, /, check: bool | None = None, **options: Any) -> dict[str, Any]:
    """One task of the collection. It never ends the play: its status is in its record.

    A leading underscore of an option's name makes it a keyword of the task, such as `_become`.
    """
    keywords = {key[1:]: value for key, value in options.items() if key.startswith("_")}
    arguments = {key: value for key, value in options.items() if not key.startswith("_")}
    document = {
        "name": name,
        f"winops.smb_guest.{module}": arguments,
        "ignore_errors": True,
        "ignore_unreachable": True,
        **keywords,
    }
    return document if check is None else document | {"check_mode": check}


def host_vars(fleet: Fleet, name: str, user: str = "Administrator", **variables: Any) -> dict[str, Any]:
    """Inventory variables of one simulated host: NTLM over HTTP unless `variables` say otherwise."""
    ready = fleet.hosts[name]
    account = next(item for item in ready["users"] if item["name"] == user)
    merged = {**NTLM, **variables}
    secure = "https" in (merged.get("ansible_winrm_scheme"), merged.get("ansible_psrp_protocol"))
    return {
        "ansible_host": ready["address"],
        "ansible_port": ready["https_port" if secure else "http_port"],
        "ansible_user": account["name"],
        "ansible_password": account["password"],
        **merged,
    }


def role(name: str, **variables: Any) -> dict[str, Any]:
    """One role of the collection, with its variables. Where a task of it fails, the play goes on after it."""
    included = {"ansible.builtin.include_role": {"name": f"winops.smb_guest.{name}"}, "vars": variables}
    rescue = [{"name": "Go on", "ansible.builtin.meta": "noop"}]
    return {"name": f"Role {name}", "block": [{"name": f"Role {name}", **included}], "rescue": rescue}


class Playbooks:
    """Starts playbooks, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0

    def run(
        self,
        fleet: Fleet,
        tasks: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Mapping[str, Any]]],
        hosts: Mapping[str, Mapping[str, Any]] | Sequence[str] | None = None,
        *,
        check: bool = False,
        diff: bool = False,
        verbosity: int = 0,
        forks: int = FORKS,
        extra: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        before: Sequence[str] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Run:
        """Run `tasks` on `hosts`: names of the fleet (default: all), or inventory variables by name.

        tasks: for all hosts, or by host pattern, then one play each, in that order.
        extra: environment variables. before: a command that is given the whole command line as its arguments.
        keywords: of each play. Every host's counters are reset first.
        """
        self._started += 1
        folder = self._folder / f"run-{self._started:03d}"
        folder.mkdir(parents=True)
        chosen = list(fleet.hosts) if hosts is None else list(hosts)
        inventory = hosts if isinstance(hosts, Mapping) else {name: host_vars(fleet, name) for name in chosen}
        for name in chosen:
            if name in fleet.hosts:
                fleet.control.reset_counters(name)
        plays = [
            {"name": pattern, "hosts": pattern, "gather_facts": False, "tasks": list(its_tasks), **(keywords or {})}
            for pattern, its_tasks in (tasks if isinstance(tasks, Mapping) else {"all": tasks}).items()
        ]
        # JSON is YAML.
        (folder / "playbook.yml").write_text(json.dumps(plays), encoding="utf-8")
        (folder / "inventory.yml").write_text(json.dumps({"all": {"hosts": inventory}}), encoding="utf-8")
        results = folder / "results.jsonl"
        results.touch()
        environ = clean_environ(Path(sys.executable).parent) | {
            "ANSIBLE_CALLBACKS_ENABLED": "results",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CONFIG": str(folder / "none.cfg"),
            "ANSIBLE_HOME": str(self._folder / "ansible"),
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "CONTROL_URL": fleet.control_url,
            "HOME": str(self._folder),
            "RESULTS_FILE": str(results),
            **(extra or {}),
        }
        (folder / "none.cfg").touch()
        command = [
            *before,
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-i",
            str(folder / "inventory.yml"),
            "-f",
            str(forks),
        ]
        flags = ["--check"] * check + ["--diff"] * diff + [f"-{'v' * verbosity}"] * bool(verbosity)
        done = subprocess.run(
            [*command, *flags, *arguments, str(folder / "playbook.yml")],
            check=False,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        run = Run(done.returncode, done.stdout + done.stderr, [Record(**row) for row in rows])
        assert run.records, f"no task ran: {run.output[-3000:]}"
        return run
