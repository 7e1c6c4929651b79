# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The RETURN block of server_info against what it returns of recorded servers."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.action import server_info
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import probe_servers
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.verdict import VERDICTS, GuestLogonBenefit
from ansible_collections.winops.smb_guest.tests.unit.plugins.modules.test_module_returns import COMMON, _mismatches
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.probe.peers import RECORDED, Peers, samba


def test_what_is_returned_is_documented(documented: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    peers = Peers({name: samba(name) for name in RECORDED})
    monkeypatch.setattr(server_info, "probe_servers", partial(probe_servers, dial=peers.dial))
    action = server_info.ActionModule.__new__(server_info.ActionModule)
    options = {"servers": [*RECORDED, "gone"], "port": 445, "timeout": 5.0, "max_failed_logons": 1}
    result = action.act(options | {"username": None, "password": None})
    returned = {key: value for key, value in result.items() if key not in COMMON}
    assert {name: servers for name, servers in returned["verdicts"].items() if servers} == {
        "guest_only_suspected": ["guest", "old"],
        "accounts_only": ["accounts"],
        "smb1_only": ["smb1_only"],
        "unreachable": ["gone"],
    }
    assert _mismatches(returned, documented["server_info"]["return"], "server_info") == []


def test_every_verdict_is_documented(documented: Any) -> None:
    returns = documented["server_info"]["return"]
    assert set(returns["verdicts"]["contains"]) == set(VERDICTS)
    opening = returns["servers"]["contains"]["opening"]["description"]
    assert set(re.findall(r"V\((\w+)\)", str(opening))) == {each.value for each in GuestLogonBenefit}
