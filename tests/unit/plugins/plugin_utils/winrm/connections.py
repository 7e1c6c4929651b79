# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's own winrm and psrp connections, with the variables of a host, as a task gets them."""

from __future__ import annotations

from typing import Any

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

PASSWORD = "amber-Falcon-7731"
ACCOUNT = {"ansible_user": "Administrator", "ansible_password": PASSWORD}
BASIC: dict[str, dict[str, Any]] = {
    "winrm": {"ansible_winrm_transport": "basic", "ansible_winrm_scheme": "http"},
    "psrp": {
        "ansible_psrp_auth": "basic",
        "ansible_psrp_protocol": "http",
        "ansible_psrp_message_encryption": "never",
    },
}
NTLM: dict[str, dict[str, Any]] = {
    "winrm": {"ansible_winrm_transport": "ntlm", "ansible_winrm_scheme": "http"},
    "psrp": {"ansible_psrp_auth": "ntlm", "ansible_psrp_protocol": "http"},
}


def with_variables(connection: Any, variables: dict[str, Any]) -> Any:
    """Give a connection the variables of a host."""
    host = {"inventory_hostname": "ws", "ansible_host": "127.0.0.1", **ACCOUNT, **variables}
    extras = {name: value for name, value in host.items() if name.startswith("ansible_winrm_")}
    connection.set_options(var_options={**host, "_extras": extras} if connection.allow_extras else host)
    return connection


def connection(kind: str, **variables: Any) -> Any:
    """The connection plugin `kind`, with these variables beside the defaults."""
    return with_variables(connection_loader.get(kind, PlayContext(), None), variables)
