# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random passwords in an inventory: no part of one is in a result, a log, a report, a journal or a process list.

The audit of hosts that can and cannot be read, then changes that succeed and fail, by real ansible-playbook processes
with `-vvv`. What a message may show is tried with many more passwords, without a process, in
`tests/unit/plugins/plugin_utils` (`winrm/test_secrets.py`, `probe/test_probe_secrets.py`,
`actions/test_inventory_secrets.py`) and in `tests/domain/test_secrets.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from checkout import clean_environ
from random_passwords import random_passwords, shown_parts

from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.winrm.connections import BASIC, NTLM
from playbooks import host_vars, task
from simulated_windows.client import Fleet

MARK = "WINOPS_TEST_OF_SECRETS"
"""An environment variable by which the processes of the run are found."""
PART = 6
"""Characters of a password: a page of this size holds many groups of four by chance."""


def plain_passwords() -> Iterator[str]:
    """Those that Ansible does not take for templates, each once."""
    return iter([each for each in random_passwords(400) if not any(mark in each for mark in ("{{", "{%", "{#"))])


def broken(kind: str) -> dict[str, Callable[[str], dict[str, Any]]]:
    """What the user gave, with a secret in it, to a host that cannot be read so."""
    return {
        "proxy": lambda secret: {f"ansible_{kind}_proxy": f"http://user:{secret}@127.0.0.1:9"},
        "plain-proxy": lambda secret: {f"ansible_{kind}_proxy": f"user:{secret}@127.0.0.1:9"},
        "host": lambda secret: {"ansible_host": f"user:{secret}@127.0.0.1"},
        "url": lambda secret: {"ansible_host": f"http://user:{secret}@127.0.0.1/wsman"},
        "path": lambda secret: {f"ansible_{kind}_path": f"user:{secret}@127.0.0.1/wsman"},
        "wrong": lambda secret: {"ansible_password": secret},
        "closed": lambda secret: {"ansible_password": secret, "ansible_port": 9},
    }


class Watcher(threading.Thread):
    """Reads the command lines of every process of the machine, and the environments of those of the run."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.seen: set[str] = set()
        self.of_the_run = 0

    def run(self) -> None:
        while not self.stop.wait(0.05):
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    self.seen.add((folder / "cmdline").read_bytes().decode(errors="replace"))
                    environment = (folder / "environ").read_bytes().decode(errors="replace")
                    if MARK in environment:
                        self.of_the_run += 1
                        self.seen.add(environment)


@contextmanager
def watching() -> Iterator[Watcher]:
    watcher = Watcher()
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stop.set()
        watcher.join()


def test_no_part_of_a_password_comes_out(tmp_path: Path) -> None:
    passwords = plain_passwords()
    secrets: dict[str, str] = {name: next(passwords) for name in ("ws-winrm", "ws-psrp")}
    hosts = [
        {
            "name": name,
            "preset": "windows_10_22h2_pro",
            "allow_unencrypted": True,
            "users": [{"name": "Administrator", "password": secret, "role": "administrator"}],
        }
        for name, secret in secrets.items()
    ]
    with Fleet({"hosts": hosts}) as fleet:
        inventory = {
            f"ws-{kind}": {**host_vars(fleet, f"ws-{kind}"), "ansible_connection": kind, **NTLM[kind]} for kind in BASIC
        }
        for kind in BASIC:
            for door, variables in broken(kind).items():
                name = f"{door}-{kind}"
                secrets[name] = next(passwords)
                inventory[name] = {**inventory[f"ws-{kind}"], **BASIC[kind], **variables(secrets[name])}
        changes = [
            {"name": "Play", "hosts": "all", "gather_facts": False, "tasks": [task("facts", "client_facts")]},
            {
                "name": "Changes",
                "hosts": "ws-winrm,ws-psrp",
                "gather_facts": False,
                "tasks": [
                    task("change", "guest_auth", state="blocked", change_id="CHG1", expires_in="1h"),
                    task("break", "signing", client="required", change_id="CHG2"),
                    task("revert", "revert_change", change_id="CHG1"),
                    task("probe", "server_info", servers=["127.0.0.1:9"], username="user", password="{{ secret }}"),
                ],
            },
        ]
        secrets["probe"] = next(passwords)
        for name in ("ws-winrm", "ws-psrp"):
            fleet.control.add_fault(name, "reset_after", match="SetConfiguration")
        (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": inventory}}))
        (tmp_path / "changes.yml").write_text(json.dumps(changes))
        (tmp_path / "secret.json").write_text(json.dumps({"secret": secrets["probe"]}))
        output = tmp_path / "output"
        output.mkdir()
        with watching() as watcher:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "ansible", "playbook", "-vvv", "-i", str(tmp_path / "inventory.json")),
                    *("winops.smb_guest.audit", str(tmp_path / "changes.yml"), "-e", f"@{tmp_path / 'secret.json'}"),
                ],
                cwd=output,
                env=clean_environ(Path(sys.executable).parent)
                | {MARK: "1", "HOME": str(tmp_path), "ANSIBLE_LOG_PATH": str(output / "log.txt")},
                text=True,
                capture_output=True,
                timeout=600,
                check=False,
            )
        held = json.dumps([[fleet.control.state(name), fleet.control.requests(name)] for name in fleet.hosts])
    assert watcher.of_the_run > 3
    files = {str(path): path.read_text(errors="replace") for path in output.rglob("*") if path.is_file()}
    assert {Path(name).name for name in files} >= {"log.txt", "report.html", "report.json", "hosts.csv"}
    assert "CHG1" in held
    assert "is no URL of a proxy" in done.stdout or "words not shown" in done.stdout
    places = {"output": done.stdout + done.stderr, "hosts": held, "processes": "\n".join(watcher.seen), **files}
    found = {
        (owner, place): parts
        for owner, secret in secrets.items()
        for place, text in places.items()
        if (parts := shown_parts(secret, text, PART))
    }
    assert found == {}, {owner: secrets[owner] for owner, _place in found}
    assert os.environ.get(MARK) is None
