# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the option `harden` stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.options import with_hardening
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.hardening import PARTS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[5]
CLIENT_AUDITS = ["audit_insecure_guest_logons", "audit_server_without_signing", "audit_server_without_encryption"]
SERVER_AUDITS = [
    "server_audit_insecure_guest_logons",
    "server_audit_client_without_signing",
    "server_audit_client_without_encryption",
]
AS_ROLE = {
    "insecure_guest_logons": "blocked",
    "client_signing": "required",
    **dict.fromkeys(CLIENT_AUDITS, "enabled"),
}


def asked(harden: dict[str, Any] | None, **beside: Any) -> dict[str, Any]:
    """The settings that come of it, and what is optional."""
    options = {**dict.fromkeys(SETTINGS), "optional": [], "harden": harden, **beside}
    read = with_hardening(options)
    return {name: read[name] for name in (*SETTINGS, "optional") if read[name]}


@pytest.mark.parametrize("nothing", ["left out", None, ""])
def test_nothing_said_is_the_default(nothing: str | None) -> None:
    harden = {} if nothing == "left out" else dict.fromkeys(PARTS, nothing)
    assert asked(harden) == {**AS_ROLE, "optional": CLIENT_AUDITS}


def test_every_part_can_be_asked_for() -> None:
    assert asked(dict.fromkeys(PARTS, True)) == {
        **AS_ROLE,
        **dict.fromkeys(["client_encryption", "server_signing", "server_encryption"], "required"),
        **dict.fromkeys(SERVER_AUDITS, "enabled"),
        "optional": [*CLIENT_AUDITS, *SERVER_AUDITS],
    }


@pytest.mark.parametrize("no", [False, "false", "no", 0, "0"])
def test_what_is_false_is_left_as_it_is(no: Any) -> None:
    assert asked(dict.fromkeys(PARTS, no)) == {"insecure_guest_logons": "blocked"}


def test_what_else_is_optional_stays_so() -> None:
    assert asked({"client_audit": False}, optional=["client_signing"])["optional"] == ["client_signing"]


@pytest.mark.parametrize("given", ["maybe", 2, [], {"x": 1}])
def test_what_is_no_answer_is_named(given: Any) -> None:
    with pytest.raises(RequestError, match=r"harden\.server_audit is .*: say true or false"):
        asked({"server_audit": given})


def test_single_settings_do_not_stand_beside_it() -> None:
    with pytest.raises(RequestError, match="leave client_signing, server_signing out"):
        asked({}, server_signing="required", client_signing="required")


def test_without_it_nothing_is_added() -> None:
    assert asked(None, server_signing="required") == {"server_signing": "required"}


def test_the_role_has_the_same_defaults() -> None:
    role = yaml.safe_load((ROOT / "roles/harden/defaults/main.yml").read_text(encoding="utf-8"))
    said = {name.replace("client_audit", "audit"): part.by_default for name, part in PARTS.items()}
    assert {name: role[f"harden_{name}"] for name in said} == said
