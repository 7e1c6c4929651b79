# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random passwords through the options of server_info, failing in every way: no part of one comes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import spnego
from random_passwords import random_passwords, shown_parts

from ansible_collections.winops.smb_guest.plugins.action import server_info
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, SmbGuestError, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.peer import Failure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import probe_servers, read_target
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.probe.peers import RECORDED, Peers, samba

FOREIGN = b"\xfeSMB" + b"x" * 200


def shown(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, last: str) -> str:
    """Result or error of the task. last: what the server answers to the account, or the name of a Failure."""
    peers = Peers({"nas": samba("guest", account=[RECORDED["accounts"][0][0], last])})
    monkeypatch.setattr(server_info, "probe_servers", partial(probe_servers, dial=peers.dial))
    defaults = {"servers": ["nas"], "port": 445, "timeout": 5.0, "username": "user", "max_failed_logons": 1}
    action = server_info.ActionModule.__new__(server_info.ActionModule)
    try:
        return json.dumps(action.act({**defaults, "password": "x", **options}), ensure_ascii=False)
    except SmbGuestError as error:
        return worded(error)


DOORS: dict[str, Callable[[str], dict[str, Any]]] = {
    "password": lambda secret: {"password": secret},
    "server": lambda secret: {"servers": [f"user:{secret}@nas"]},
    "server as a URL": lambda secret: {"servers": [f"smb://user:{secret}@nas/share"]},
    "server as a path": lambda secret: {"servers": [f"\\\\user:{secret}@nas\\share"]},
}
WAYS = [*(failure.name for failure in Failure), FOREIGN.hex(), *RECORDED["accounts"][0][1:2]]


@pytest.mark.parametrize("door", DOORS)
def test_no_part_of_a_password_comes_out(
    door: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for number, secret in enumerate(random_passwords()):
        text = shown(DOORS[door](secret), monkeypatch, WAYS[number % len(WAYS)])
        assert shown_parts(secret, text) == [], (secret, text)
        assert shown_parts(secret, caplog.text + "".join(capfd.readouterr())) == [], secret


def test_no_words_of_the_library_about_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **_options: Any) -> Any:
        raise ValueError(f"no logon for {arguments[0].username}:{arguments[0].password}")

    monkeypatch.setattr(spnego, "client", refuse)
    for secret in random_passwords():
        text = shown({"password": secret}, monkeypatch, "SILENT")
        assert text.startswith("username and password cannot be used for a logon by NTLM (ValueError).")
        assert shown_parts(secret, text) == []


def test_a_server_that_is_none_is_repeated_where_it_holds_no_account() -> None:
    with pytest.raises(RequestError, match="'na s' in servers is no server"):
        read_target("na s", 445)
    with pytest.raises(RequestError, match=r"An entry of servers is no server: .* An account belongs in username"):
        read_target("//user@nas/share", 445)
