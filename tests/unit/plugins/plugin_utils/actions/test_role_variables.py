# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelt variables of a role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.role_variables import check_role_variables
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState, RequestError

ROLES = Path(__file__).parents[5] / "roles"


def in_role(role: str, **variables: Any) -> dict[str, Any]:
    return {"ansible_role_name": f"winops.smb_guest.{role}", "role_path": str(ROLES / role), **variables}


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_a_role_knows_its_defaults(role: str) -> None:
    defaults = (ROLES / role / "defaults" / "main.yml").read_text()
    names = [line.partition(":")[0] for line in defaults.splitlines() if line.startswith(role)]
    assert names
    check_role_variables(in_role(role, **dict.fromkeys(names)))


def test_the_nearest_name_is_named() -> None:
    with pytest.raises(RequestError) as refused:
        check_role_variables(in_role("harden", harden_server_singing=True))
    assert "harden_server_singing (did you mean harden_server_signing?)" in str(refused.value)
    assert refused.value.host_state is HostState.NOT_CONTACTED


def test_a_name_like_no_other_is_named_alone() -> None:
    with pytest.raises(RequestError) as refused:
        check_role_variables(in_role("harden", harden_zzzzzzzzzzzzz=True))
    assert "harden_zzzzzzzzzzzzz." in str(refused.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"harden_server_singing": True},
        {"ansible_role_name": "acme.base.harden", "role_path": "/nowhere", "harden_x": True},
        in_role("harden", domain_harden_x=True, hardening=True, __harden_result={}),
    ],
)
def test_other_variables_are_not_the_roles(variables: dict[str, Any]) -> None:
    check_role_variables(variables)
