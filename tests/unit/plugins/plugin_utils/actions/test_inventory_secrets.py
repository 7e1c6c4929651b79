# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random passwords in an inventory that the event source reads: no part of one is in an error, a warning or a log."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from random_passwords import random_passwords, shown_parts

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.inventory_sessions import InventorySessions
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, SmbGuestError, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, Method
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import Invoke

POKE = Invoke(CimClass("root/Test", "TEST_Thing", {}, {"Poke": Method()}), "Poke")
BASE = {
    "ansible_connection": "winrm",
    "ansible_host": "host.example",
    "ansible_user": "user",
    "ansible_password": "x",
    "ansible_winrm_transport": "basic",
    "ansible_winrm_scheme": "http",
}
# What stands in the inventory; a password with braces in it is a template that may be none.
DOORS: dict[str, Callable[[str], dict[str, Any]]] = {
    "password": lambda secret: {"ansible_password": secret},
    "password in a template": lambda secret: {"ansible_password": "{{ '" + secret + "' | nothing }}"},
    "password beside a variable": lambda secret: {"ansible_password": secret + "{{ nothing }}"},
    "proxy": lambda secret: {"ansible_winrm_proxy": f"http://user:{secret}@proxy.example"},
    "proxy in a template": lambda secret: {"ansible_winrm_proxy": f"http://user:{secret}@{{{{ nothing }}}}"},
    "host": lambda secret: {"ansible_host": f"user:{secret}@host.example"},
}


def error_of(inventory: Path) -> str:
    """What a user reads of a host that cannot be read."""

    def read() -> None:
        sessions = InventorySessions([str(inventory)])
        sessions.account("ws")
        sessions.open("ws").call(POKE)

    with pytest.raises(SmbGuestError) as caught:
        read()
    return worded(caught.value)


@pytest.mark.parametrize("door", DOORS)
def test_no_part_of_a_password_comes_out(
    door: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*arguments: Any, **keywords: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {arguments} {keywords}")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", fail)
    caplog.set_level("INFO")
    inventory = tmp_path / "inventory.yml"
    for secret in random_passwords():
        host = {**BASE, **DOORS[door](secret)}
        inventory.write_text(json.dumps({"all": {"hosts": {"ws": host}}}))
        text = error_of(inventory)
        assert shown_parts(secret, text) == [], (secret, text)
        assert shown_parts(secret, caplog.text + "".join(capfd.readouterr())) == [], secret


@pytest.mark.parametrize(
    "text",
    [
        "ansible_password: 'SECRET\nother: [",
        "ansible_password: [SECRET\n",
        "ansible_password: !vault |\n  SECRET\n",
        "- SECRET\n",
        "SECRET",
    ],
)
def test_a_file_of_variables_that_cannot_be_read_is_not_quoted(text: str, tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(text.replace("SECRET", "amber-Falcon-7731"))
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {"ws": {"ansible_connection": "winrm"}}}}))
    with pytest.raises(RequestError, match=r"The connection variables of ws cannot be used: .*\.$") as caught:
        InventorySessions([str(inventory)]).open("ws")
    assert shown_parts("amber-Falcon-7731", worded(caught.value)) == []


def test_the_variable_that_is_no_template_is_named(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {"ws": {**BASE, "ansible_password": "a{% falcon %}b"}}}}))
    with pytest.raises(RequestError, match="The variable ansible_password is no template that can be used"):
        InventorySessions([str(inventory)]).open("ws")
