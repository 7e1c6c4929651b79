"""Somebody who has nothing but Python, a Windows host and the artefact: docs/first-steps.md to the letter, then README.

The reader's own are the address and the port of the host, which are replaced, and its password, which is typed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_cores import find_pythons, newest_for
from checkout import REQUIREMENTS, ROOT, clean_environ
from galaxy import NAME, build

sys.path.insert(0, str(Path(__file__).resolve().parent))

from page import File, Terminal, missing, steps

from simulated_windows.client import Fleet

FIRST_STEPS, README = ROOT / "docs/first-steps.md", ROOT / "README.md"
PASSWORD = "amber-Falcon-7731"
USERS = [{"name": "Administrator", "password": PASSWORD, "role": "administrator"}]
PRESETS = {"open": "windows_11_23h2_pro", "closed": "windows_11_24h2_pro"}
"""What a host does with guest logons as installed."""
JOURNAL = r"HKLM\SOFTWARE\winops"


class Reader:
    """Follows a page in a folder with the artefact, and has one host."""

    def __init__(self, fleet: Fleet, name: str, folder: Path, terminal: Terminal) -> None:
        self._fleet, self._name, self._folder, self._terminal = fleet, name, folder, terminal
        ready = fleet.hosts[name]
        self._own = {
            "ansible_host: ws-42.example.com": f"ansible_host: {ready['address']}",
            "ansible_port: 5985": f"ansible_port: {ready['http_port']}",
        }

    def follow(self, page: Path, start: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Do what a page says; command, output and the host after it."""
        for step in steps(page, start):
            if isinstance(step, File):
                self.write(step)
                continue
            output = self.ask(step.text)
            assert missing(step.answer, output) == [], f"{step.text}\n{output}"
            assert PASSWORD not in output
            yield step.text, output, self.host()

    def write(self, file: File) -> None:
        text = file.text
        for stands, own in self._own.items():
            text = text.replace(stands, own)
        (self._folder / file.name).write_text(text)

    def ask(self, command: str) -> str:
        """The output of a command, which has to succeed."""
        status, output = self._terminal.run(command)
        assert status == 0, f"{command}\n{output}"
        return output

    def host(self) -> dict[str, Any]:
        """What the host is, without its journal."""
        state = self._fleet.control.state(self._name)
        registry = {key: values for key, values in state["registry"].items() if not key.startswith(JOURNAL)}
        return {"registry": registry, **{name: state[name] for name in ("smb_client", "smb_server")}}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(
        {"hosts": [{"name": name, "preset": preset, "users": USERS} for name, preset in PRESETS.items()]}
    ) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    (folder / "built").mkdir()
    artefact = build(folder / "built")
    artefact.rename(folder / artefact.name)
    return folder


@pytest.fixture(scope="module")
def terminal(folder: Path) -> Iterator[Terminal]:
    """With the Python of these tests as python3."""
    core = newest_for(sys.version_info[:2])
    assert core
    # Which releases pip takes is the only thing that is ours: a reader gets the newest.
    pins = folder / "pins.txt"
    pins.write_text(f"ansible-core=={core.version}\n" + (REQUIREMENTS / "connections.txt").read_text())
    (folder / "bin").mkdir()
    python = folder / "bin/python3"  # a script: a linked interpreter would look for its library next to the link
    python.write_text(f'#!/bin/sh\nexec "{find_pythons()[sys.version_info[:2]]}" "$@"\n')
    python.chmod(0o755)
    environ = {name: value for name, value in clean_environ(folder / "bin").items() if not name.startswith("ANSIBLE_")}
    environ |= {"HOME": str(folder), "PIP_CONSTRAINT": str(pins)}
    with closing(Terminal(folder, environ, f"{PASSWORD}\n")) as terminal:
        yield terminal


def is_closed(host: dict[str, Any]) -> bool:
    client = host["smb_client"]
    return bool(client["RequireSecuritySignature"]) and not client["EnableInsecureGuestLogons"]


def test_first_steps(fleet: Fleet, folder: Path, terminal: Terminal) -> None:
    reader = Reader(fleet, "open", folder, terminal)
    found = reader.host()
    assert not is_closed(found)
    said: dict[str, str] = {}
    hardened = None
    for command, output, host in reader.follow(FIRST_STEPS):
        said[command] = output
        if "revert" in command:
            assert host == found, "undone bit for bit"
            hardened = None
        elif hardened or ("smb_guest.harden" in command and "--check" not in command):
            assert is_closed(host)
            assert hardened in (None, host), command
            hardened = host
        else:
            assert host == found, command
    assert [command for command in said if "revert" in command], "the page undoes what it did"
    harden = [output for command, output in said.items() if "smb_guest.harden" in command]
    assert ["changed=1" in output for output in harden] == [True, True, False]  # looked, hardened, and again
    assert "guest_access" in next(output for command, output in said.items() if "client_facts" in command)
    report = folder / "smb_guest_report"
    assert {"report.html", "report.json"} <= {path.name for path in report.iterdir()}
    assert [host["name"] for host in json.loads((report / "report.json").read_text())["hosts"]] == ["ws-42"]


def test_readme(fleet: Fleet, folder: Path, terminal: Terminal) -> None:
    """README from its use cases on, by the artefact that the first steps have installed."""
    reader = Reader(fleet, "closed", folder, terminal)
    found = reader.host()
    (folder / "group_vars").mkdir()
    (folder / "group_vars/windows.yml").write_text(f"vault_windows_password: {PASSWORD}\n")  # a vault's
    hosts = {command: host for command, _output, host in reader.follow(README, "## Use cases")}
    opened = next(host for command, host in hosts.items() if "smb_guest.enable_guest" in command)
    assert opened["smb_client"]["EnableInsecureGuestLogons"]
    assert opened != found
    assert list(hosts.values())[-1] == found, "what was opened was undone, and nothing else was changed"


def test_a_file_of_the_reader_is_found_by_a_playbook_of_the_collection(
    fleet: Fleet, folder: Path, terminal: Terminal
) -> None:
    reader = Reader(fleet, "closed", folder, terminal)
    accepted = {"host": "ws-*", "control": "client_signing", "reason": "The scanners speak guest only"}
    (folder / "exceptions.yml").write_text(json.dumps([accepted]))
    audit = f"ansible-playbook {NAME}.audit -i inventory.yml -e audit_report_exceptions_file=exceptions.yml"
    reader.ask(f"{audit} -e audit_report_dest=with_exceptions")
    report = json.loads((folder / "with_exceptions/report.json").read_text())
    assert [item["reason"] for item in report["exceptions"]] == [accepted["reason"]]


def test_every_module_and_role_of_readme_is_installed(fleet: Fleet, folder: Path, terminal: Terminal) -> None:
    reader = Reader(fleet, "closed", folder, terminal)
    tables = README.read_text().split("## Modules and roles")[1].split("\n## ")[0]
    first_cells = "".join(re.findall(r"^\|([^|]*)\|", tables, re.MULTILINE))
    named = set(re.findall(r"`(\w+)`", first_cells))
    listed = {
        kind: {
            name.removeprefix(f"{NAME}.") for name in json.loads(reader.ask(f"ansible-doc --json -l -t {kind} {NAME}"))
        }
        for kind in ("module", "role")
    }
    assert listed["module"] | listed["role"] | {"audit"} == named
    assert "insecure_guest_logons" in reader.ask(f"ansible-doc {NAME}.client_config")
