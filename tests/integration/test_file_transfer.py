"""The simulated host copies files as the connections of this ansible-core ask it to: the ground of scope local_gpo."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playbooks import HERE, Playbooks, host_vars
from simulated_windows.client import Fleet

pytestmark = pytest.mark.matrix
FOLDER = r"C:\Windows\Temp"
CONTENTS = {
    "empty": b"",
    "text": b"[General]\r\nVersion=1\r\n",
    "bytes": bytes(range(256)) * 3,
    "several pieces": bytes(range(251)) * 2600,  # more than one piece each way: 250,000 up, 524,288 down
}


def copy(name: str, path: str, content: bytes | None = None) -> dict[str, Any]:
    options = {"path": path} if content is None else {"path": path, "content": base64.b64encode(content).decode()}
    return {"name": name, "copy_and_fetch": options, "ignore_errors": True}


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    return start_fleet([{"name": "ws", "preset": "windows_11_24h2_pro"}])


PSRP = {"ansible_connection": "psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm"}


@pytest.mark.parametrize("variables", [{}, PSRP], ids=["winrm", "psrp"])
def test_files_come_back_as_they_went(playbooks: Playbooks, fleet: Fleet, variables: dict[str, Any]) -> None:
    tasks = [copy(name, rf"{FOLDER}\{name}'s.bin", content) for name, content in CONTENTS.items()]
    tasks += [copy("absent", rf"{FOLDER}\absent.bin"), copy("no folder", r"C:\nowhere\x.bin", b"x")]
    hosts = {"ws": host_vars(fleet, "ws", **variables)}
    run = playbooks.run(fleet, tasks, hosts, extra={"ANSIBLE_ACTION_PLUGINS": str(HERE / "action_plugins")})
    records = run.of("ws")
    for name, content in CONTENTS.items():
        assert records[name].status == "ok", records[name]
        assert base64.b64decode(records[name].result["fetched"]) == content
        assert base64.b64decode(records[name].state["files"][rf"{FOLDER}\{name}'s.bin"]) == content
    assert (records["absent"].status, records["no folder"].status) == ("failed", "failed")
    assert "Could not find a part of the path" in records["no folder"].message


def test_a_file_in_use_is_not_written(playbooks: Playbooks, fleet: Fleet) -> None:
    path = rf"{FOLDER}\used.bin"
    fleet.control.set_file("ws", path, b"old")
    fleet.control.hold_open("ws", path)
    hosts = {"ws": host_vars(fleet, "ws")}
    run = playbooks.run(
        fleet, [copy("used", path, b"new")], hosts, extra={"ANSIBLE_ACTION_PLUGINS": str(Path(HERE, "action_plugins"))}
    )
    assert run.record("ws", "used").status == "failed"
    assert "being used by another process" in run.record("ws", "used").message
    assert fleet.control.file("ws", path) == b"old"
