# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""server_info in playbooks: on a Windows host that is off, on localhost, with an account, and misused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.peer import MAX_FRAME
from ansible_collections.winops.smb_guest.tests.probe.samba_server import Samba
from ansible_collections.winops.smb_guest.tests.probe.test_peers import Peer, saying
from ansible_collections.winops.smb_guest.tests.probe.variants import GUEST, PASSWORD, USER

Start = Callable[[Any], Samba]

# Becomes the parent of ansible-playbook, and says what the largest process below it took.
PEAK = "KiB at most: "
MEASURED = f"""
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print({PEAK!r} + str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""

# TEST-NET-1: a task that opened WinRM would end unreachable.
WINDOWS = (
    "ansible_connection=winrm ansible_host=192.0.2.1 ansible_user=u ansible_password=p ansible_winrm_read_timeout_sec=2"
)


def _task(
    folder: Path, options: dict[str, Any], *flags: str, host: str = f"win1 {WINDOWS}"
) -> tuple[dict[str, Any], str]:
    """The result of server_info with these options, and everything that the run has shown."""
    (folder / "hosts").write_text(host + "\n")
    task = {"winops.smb_guest.server_info": options, "register": "probed"}
    copy = {"ansible.builtin.copy": {"content": "{{ probed | to_json }}", "dest": str(folder / "result")}}
    copied = copy | {"delegate_to": "localhost", "connection": "local", "check_mode": False, "no_log": True}
    play = [{"hosts": "all", "gather_facts": False, "tasks": [task | {"ignore_errors": True}, copied]}]
    (folder / "play.yml").write_text(json.dumps(play))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            MEASURED,
            sys.executable,
            "-m",
            "ansible",
            "playbook",
            "-i",
            str(folder / "hosts"),
            str(folder / "play.yml"),
            *flags,
        ],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"ANSIBLE_PYTHON_INTERPRETER": sys.executable},
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    result: dict[str, Any] = json.loads((folder / "result").read_text())
    return result, shown


def test_on_a_windows_host_that_is_off(start: Start, tmp_path: Path) -> None:
    options = {"servers": [f"127.0.0.1:{start(GUEST).port}", "127.0.0.1:1"]}
    result, _shown = _task(tmp_path, options)
    assert [server["verdict"] for server in result["servers"]] == ["guest_only_suspected", "unreachable"]
    assert result["verdicts"]["guest_only_suspected"] == options["servers"][:1]
    assert result["verdicts"]["unreachable"] == options["servers"][1:]
    assert result["changed"] is False


@pytest.mark.parametrize("host", ["localhost ansible_connection=local", "localhost"])
def test_on_localhost_in_check_mode(start: Start, tmp_path: Path, host: str) -> None:
    result, _shown = _task(tmp_path, {"servers": [f"127.0.0.1:{start({}).port}"]}, "--check", "--diff", host=host)
    assert [server["verdict"] for server in result["servers"]] == ["accounts_only"]
    assert len(result["guest_opening"]["objections"]) == 1


@pytest.mark.parametrize("password", [PASSWORD, "Wrong-Horse-7"])
def test_a_password_is_shown_nowhere(start: Start, tmp_path: Path, password: str) -> None:
    options = {"servers": [f"127.0.0.1:{start(GUEST).port}"], "username": USER, "password": password}
    result, shown = _task(tmp_path, options, "-vvvvv")
    assert result["servers"][0]["account"]["accepted"] is (password == PASSWORD)
    assert password not in shown
    assert password not in json.dumps(result)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"servers": ["nas 01"]}, "is no server"),
        ({"servers": ["nas01"], "timeout": 0}, "say seconds, more than 0 and at most 60"),
        ({"servers": ["nas01"], "timeout": 61}, "say seconds, more than 0 and at most 60"),
        ({"servers": ["nas01"], "max_failed_logons": 0}, "say 1 or more"),
        ({"servers": ["nas01"], "username": "scans"}, "belong together"),
        ({"servers": ["nas01"], "password": "Secret-Horse-7"}, "belong together"),
        ({}, "missing required arguments: servers"),
    ],
)
def test_a_task_that_cannot_be_meant(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    result, shown = _task(tmp_path, options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert "Secret-Horse-7" not in shown
    assert "Traceback" not in shown


def test_sixty_hostile_servers_take_little_memory(tmp_path: Path) -> None:
    """Each says as much as an answer may have, at once, and holds the connection open."""
    head = b"\xfeSMB\x40\x00" + b"\x00" * 58 + b"\x41\x00\x01\x00\x11\x03\xff\xff"
    answer = head + b"\x01\x00\x00\x00" * ((MAX_FRAME - len(head)) // 4)
    peer = Peer(saying(len(answer).to_bytes(4, "big") + answer), "0.0.0.0")  # every loopback address is one of its own
    try:
        servers = [f"127.0.{net}.{number}:{peer.port}" for net in (2, 3) for number in range(1, 31)]
        result, shown = _task(tmp_path, {"servers": servers, "timeout": 60}, host="localhost")
    finally:
        peer.close()
    (kib,) = [int(line[len(PEAK) :]) for line in shown.splitlines() if line.startswith(PEAK)]
    assert kib / 1024 < 150
    assert result["verdicts"]["not_smb"] == servers
