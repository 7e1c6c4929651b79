# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook `audit` on a fleet: it changes no host, connects to each once, names those that it cannot read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from checkout import clean_environ

from simulated_windows.client import Fleet

HOSTS: list[dict[str, Any]] = [
    {"name": "ws-1809", "preset": "windows_10_1809_enterprise"},
    {"name": "ws-22h2", "preset": "windows_10_22h2_pro"},
    {"name": "ws-24h2", "preset": "windows_11_24h2_pro"},
    {"name": "ws-gpo", "preset": "windows_11_23h2_pro", "policy": {"AllowInsecureGuestAuth": 1}},
    {
        "name": "ws-open",
        "preset": "windows_11_24h2_pro",
        "parameters": {"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 0, "AuditInsecureGuestLogon": 1},
    },
    {"name": "srv-2025", "preset": "server_2025"},
    {"name": "srv-wevtutil", "preset": "server_2022", "quirks": {"subscription": "refused"}},
    {"name": "ws-denied", "preset": "windows_11_24h2_pro"},
    {"name": "ws-off", "preset": "windows_10_22h2_pro", "listening": False},
]
MOST_CONNECTIONS = 2
PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
NAS = {"name": "nas01", "guest": True, "signing": False, "encryption": False}


class Audited:
    """Runs the playbook in a folder of its own."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.folder = folder

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = clean_environ(Path(sys.executable).parent) | {"HOME": str(self.folder)} | variables
        inventory = str(self.fleet.inventory_path)
        command = [sys.executable, "-m", "ansible", "playbook", "winops.smb_guest.audit", "-i", inventory]
        done = subprocess.run(
            [*command, *arguments],
            cwd=self.folder,
            env=environ,
            text=True,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        return done

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "smb_guest_report/report.json").read_text())
        return document

    def states(self) -> Mapping[str, Any]:
        return {name: self.fleet.control.state(name) for name in self.fleet.hosts}


@pytest.fixture(scope="module")
def audited(start_fleet: Callable[[list[dict[str, Any]]], Fleet], tmp_path_factory: pytest.TempPathFactory) -> Audited:
    fleet = start_fleet(HOSTS)
    for host in ("ws-22h2", "ws-24h2", "ws-gpo", "ws-open"):
        fleet.control.connect(host, **NAS)
    return Audited(fleet, tmp_path_factory.mktemp("audit"))


@pytest.fixture
def unchanged(audited: Audited) -> Iterator[None]:
    """Every host is after the test what it was before, and was connected to no more than it may."""
    before = audited.states()
    for name in audited.fleet.hosts:
        audited.fleet.control.reset_counters(name)
    yield
    assert audited.states() == before
    connections = {name: audited.fleet.control.counters(name)["connections"] for name in audited.fleet.hosts}
    assert max(connections.values()) <= MOST_CONNECTIONS, connections


def test_check_mode_reads_everything_and_writes_nothing(audited: Audited, unchanged: None) -> None:
    done = audited.run("--check")
    assert "Check mode: would be written" in done.stdout
    assert "insecure guest logons (SMB2/SMB3) are allowed on 3" in done.stdout
    assert not (audited.folder / "smb_guest_report").exists()


def test_the_report_says_what_the_hosts_hold(audited: Audited, unchanged: None) -> None:
    audited.fleet.control.add_fault("ws-denied", "access_denied", times=0)
    try:
        done = audited.run()
    finally:
        audited.fleet.control.clear_faults("ws-denied")
    rows = {row["name"]: row for row in audited.document["hosts"]}
    assert {name: row["guest"]["state"] for name, row in rows.items()} == {
        "ws-1809": "blocked",
        "ws-22h2": "allowed",
        "ws-24h2": "blocked",
        "ws-gpo": "allowed",
        "ws-open": "allowed",
        "srv-2025": "blocked",
        "srv-wevtutil": "blocked",
        "ws-denied": "not_read",
        "ws-off": "not_read",
    }
    assert (rows["ws-off"]["status"], rows["ws-denied"]["status"]) == ("unreachable", "failed")
    assert "Could not be read: ws-denied, ws-off" in done.stdout
    assert rows["ws-gpo"]["guest"]["decided_by"]["winner"] == "policy"
    (server,) = audited.document["servers"]
    assert (server["name"], server["allowed_clients"], server["refused_clients"]) == ("nas01", ["ws-open"], ["ws-24h2"])
    # They log no guests; they are connected, and allow insecure guest logons.
    assert server["possible_clients"] == ["ws-22h2", "ws-gpo"]
    assert "changed=0" in done.stdout
    assert "changed=1" not in done.stdout


def test_slices_make_the_report_of_one_run(audited: Audited, unchanged: None) -> None:
    """Two runs with --limit write a part each; a third merges them, and a host of no part stays out."""
    part = ["-e", json.dumps({"audit_report_formats": ["part"], "audit_report_dest": "parts"})]
    audited.run("--limit", "ws-24h2,ws-gpo", *part)
    audited.run("--limit", "srv-2025", *part)
    assert len(list((audited.folder / "parts").glob("part-*.json"))) == 2
    audited.run("--limit", "ws-open", "-e", json.dumps({"audit_report_merge": ["parts"], "audit_report_dest": "whole"}))
    document = json.loads((audited.folder / "whole/report.json").read_text())
    assert [(row["name"], row["status"]) for row in document["hosts"]] == [
        (name, "read") for name in ("srv-2025", "ws-24h2", "ws-gpo", "ws-open")
    ]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"audit_report_exceptions": [{"host": "ws-*", "reason": "x", "expires": "soon"}]}, "is no day such as"),
        ({"audit_report_exceptions_file": "nowhere.yml"}, "nowhere.yml cannot be read"),
        ({"audit_report_probe_servers": ["nas 01"]}, "'nas 01' in servers is no server"),
        ({"audit_report_probe_servers": ["127.0.0.1:9"]}, "pip install smbprotocol"),
    ],
)
def test_bad_input_ends_the_play_before_a_host_is_read(
    audited: Audited, tmp_path: Path, variables: dict[str, Any], words: str
) -> None:
    for name in audited.fleet.hosts:
        audited.fleet.control.reset_counters(name)
    # A control node without the package.
    (tmp_path / "smbprotocol.py").write_text("raise ImportError('not installed')\n")
    with pytest.raises(AssertionError) as caught:
        audited.run("-e", json.dumps(variables), PYTHONPATH=str(tmp_path))
    assert words in " ".join(str(caught.value).split())
    assert sum(audited.fleet.control.counters(name)["connections"] for name in audited.fleet.hosts) == 0


def test_only_a_host_that_refuses_the_subscription_starts_a_process(audited: Audited, unchanged: None) -> None:
    audited.run("-e", "audit_report_dest=again")
    started = {name: audited.fleet.control.counters(name)["processes"] for name in audited.fleet.hosts}
    assert {name for name, number in started.items() if number} == {"srv-wevtutil"}


def test_the_second_report_is_compared_with_the_first(audited: Audited) -> None:
    audited.run()
    audited.fleet.control.set_registry("ws-22h2", PARAMETERS, "AllowInsecureGuestAuth", 0)
    key = r"Software\Policies\Microsoft\Windows\LanmanWorkstation"
    (audited.folder / "baseline.txt").write_text(f"Computer\n{key}\nAllowInsecureGuestAuth\nDWORD:0\n")
    extra = {
        "audit_report_exceptions": [{"host": "ws-gpo", "reason": "until May"}],
        "audit_report_baseline": "baseline.txt",
    }
    audited.run("-e", json.dumps(extra))
    document = audited.document
    (row,) = document["baseline"]["settings"]
    assert (row["setting"], row["differ"]) == ("insecure_guest_logons", ["ws-gpo", "ws-open"])
    assert {"host": "ws-22h2", "from": "allowed", "to": "blocked"} in document["comparison"]["guest_state"]
    assert len(document["history"]) >= 2
    assert [row["hosts"] for row in document["exceptions"]] == [["ws-gpo"]]
