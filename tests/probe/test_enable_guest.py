# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role enable_guest asks the servers first: real Samba, and simulated Windows hosts that stay as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.tests.probe.samba_server import Samba
from ansible_collections.winops.smb_guest.tests.probe.variants import GUEST
from simulated_windows.client import Fleet

Start = Callable[[Any], Samba]

HOSTS = ("ws-1", "ws-2")
SMB1 = GUEST | {"server min protocol": "NT1", "server max protocol": "NT1"}


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet({"hosts": [{"name": name, "preset": "server_2019"} for name in HOSTS]}) as running:
        yield running


def _open(fleet: Fleet, folder: Path, *servers: str, **variables: Any) -> tuple[int, str]:
    """Run the role on both hosts; the exit status and what was shown."""
    hosts = {}
    for name in HOSTS:
        ready = fleet.hosts[name]
        administrator = ready["users"][0]
        hosts[name] = {
            "ansible_connection": "winrm",
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_scheme": "http",
            "ansible_host": ready["address"],
            "ansible_port": ready["http_port"],
            "ansible_user": administrator["name"],
            "ansible_password": administrator["password"],
        }
        fleet.control.reset_counters(name)
    said = {
        "enable_guest_accept_risk": True,
        "enable_guest_reason": "a test",
        "enable_guest_servers": list(servers),
        **variables,
    }
    play = {"hosts": "all", "gather_facts": False, "vars": said, "roles": ["winops.smb_guest.enable_guest"]}
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (folder / "play.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(folder / "hosts.json"), str(folder / "play.yml")],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"},
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def _opened(fleet: Fleet) -> list[bool]:
    server = {"name": "nas", "guest": True, "signing": False, "encryption": False}
    return [fleet.control.connect(name, **server)["connected"] for name in HOSTS]


def _contacted(fleet: Fleet) -> bool:
    return any(fleet.control.requests(name) for name in HOSTS)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "accounts_only: It refuses an unknown user: STATUS_LOGON_FAILURE"),
        (
            GUEST | {"server smb encrypt": "required"},
            "Use an account on it: guest logons are not needed, and would fail.",
        ),
        (SMB1, "smb1_only: It speaks SMB1 and no newer dialect."),
    ],
    ids=["accounts", "guests in vain", "SMB1"],
)
def test_a_server_that_needs_no_guests_stops_it(
    start: Start, fleet: Fleet, tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    status, shown = _open(fleet, tmp_path, f"127.0.0.1:{start(GUEST).port}", f"127.0.0.1:{start(settings).port}")
    assert status == 2, shown
    assert words in shown
    assert "enable_guest_despite_accounts: true. No host was contacted." in shown
    assert not _contacted(fleet)
    assert _opened(fleet) == [False, False]


def test_it_opens_for_servers_that_know_nothing_else(start: Start, fleet: Fleet, tmp_path: Path) -> None:
    """One that cannot be reached from here is said, and stops nothing: the hosts may reach it."""
    status, shown = _open(fleet, tmp_path, f"127.0.0.1:{start(GUEST).port}", "127.0.0.1:1")
    assert status == 0, shown
    assert "127.0.0.1:1 is unreachable: It refuses the connection" in shown
    assert _opened(fleet) == [True, True]


def test_required_signing_alone_is_a_doubt(start: Start, fleet: Fleet, tmp_path: Path) -> None:
    """What Windows does with a guest session there is not known: it is shown, and stops nothing."""
    status, shown = _open(fleet, tmp_path, f"127.0.0.1:{start(GUEST | {'server signing': 'mandatory'}).port}")
    assert status == 0, shown
    assert "is guest_signing_required: It accepts an unknown user as guest." in shown
    assert "is not known: try it on one host." in shown
    assert _opened(fleet) == [True, True]


def test_it_opens_all_the_same_with_the_option(start: Start, fleet: Fleet, tmp_path: Path) -> None:
    status, shown = _open(fleet, tmp_path, f"127.0.0.1:{start({}).port}", enable_guest_despite_accounts=True)
    assert status == 0, shown
    assert _opened(fleet) == [True, True]


@pytest.mark.parametrize("servers", [[], ""])
def test_without_servers_nothing_is_asked(fleet: Fleet, tmp_path: Path, servers: object) -> None:
    status, shown = _open(fleet, tmp_path, enable_guest_servers=servers)
    assert status == 0, shown
    assert "skipping" in shown
    assert _opened(fleet) == [True, True]
