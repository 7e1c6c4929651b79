# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cures of docs/error-codes.md, run as they stand there against hosts that have the error."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from playbooks import Playbooks
from simulated_windows.client import Fleet

GUIDE = (Path(__file__).resolve().parents[2] / "docs/error-codes.md").read_text()

GUEST_SERVER = {"name": "nas01", "guest": True, "signing": False, "encryption": False}
UNSIGNED_SERVER = {"name": "nas02", "guest": False, "signing": False, "encryption": False}
CLOSING = "Block guest logons again"


def _tasks(heading: str) -> list[dict[str, Any]]:
    """The tasks below a heading of the guide."""
    section = GUIDE.split(f"### {heading}\n")[1].split("\n### ")[0]
    tasks: list[dict[str, Any]] = yaml.safe_load("".join(re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)))
    return tasks


# Host: what it is, what it connects to, the status that it meets, and the cure.
CURES: dict[str, tuple[dict[str, Any], dict[str, Any], str | None, str]] = {
    "blocked": ({"preset": "server_2019"}, GUEST_SERVER, "0xC05D0002", "Allow guest logons on a host for a time"),
    "signs": (
        {"preset": "windows_11_24h2_pro"},
        GUEST_SERVER,
        "0xC05D0002",
        "Allow guest logons on a host that requires signing",
    ),
    "half-open": (
        {"preset": "windows_11_24h2_pro"},
        GUEST_SERVER,
        "0xC05D0006",
        "Allow guest logons on a host that requires signing",
    ),
    "unsigned": ({"preset": "windows_11_24h2_pro"}, UNSIGNED_SERVER, None, "Let the server sign"),
}
HALF_OPEN = {"name": "Allow guest logons alone", "winops.smb_guest.guest_auth": {"state": "allowed"}}


def test_the_cures_cure(start_fleet: Callable[[list[dict[str, Any]]], Fleet], playbooks: Playbooks) -> None:
    fleet = start_fleet([host | {"name": name} for name, (host, *_rest) in CURES.items()])
    playbooks.run(fleet, [HALF_OPEN], ["half-open"])
    for name, (_host, server, status, _cure) in CURES.items():
        met = fleet.control.connect(name, **server)
        assert (met["connected"], met["status"]) == (False, status), name
    run = playbooks.run(fleet, {name: _tasks(cure) for name, (*_rest, cure) in CURES.items()})
    assert run.returncode == 0, run.output
    for name, (_host, server, _status, _cure) in CURES.items():
        assert fleet.control.connect(name, **server)["connected"], name
    run = playbooks.run(fleet, _tasks(CLOSING))
    assert run.returncode == 0, run.output
    for name, (_host, server, status, _cure) in CURES.items():
        met = fleet.control.connect(name, **server)
        assert (met["connected"], met["status"]) == (False, status), name
