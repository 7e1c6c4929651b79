# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hardening and an opening stand for, and the safeguards that the writing task checks itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.safeguards import (
    check_opening,
    hardening_settings,
    opening_settings,
    without_empty,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.hardening import PARTS

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
OPENING = {
    "accept_risk": True,
    "reason": "CHG1",
    "permanent": False,
    "expires_in": "8h",
    "max_hosts": 5,
    "servers": [],
    "probed": None,
    "despite_accounts": False,
    "allow_domain_controllers": False,
    "relax_signing": False,
    "relax_encryption": False,
    "audit": True,
}
PROBED = {"guest_opening": {"asked": ["nas01"], "objections": [], "doubts": []}, "servers": [{"server": "nas01"}]}
OBJECTION = "nas01 is accounts_only: It refuses an unknown user."


def test_no_option_is_the_default() -> None:
    assert hardening_settings(dict.fromkeys(PARTS)) == {**AS_ROLE, "optional": CLIENT_AUDITS}


def test_every_part_can_be_asked_for() -> None:
    assert hardening_settings(dict.fromkeys(PARTS, True)) == {
        **AS_ROLE,
        **dict.fromkeys(["client_encryption", "server_signing", "server_encryption"], "required"),
        **dict.fromkeys(SERVER_AUDITS, "enabled"),
        "optional": [*CLIENT_AUDITS, *SERVER_AUDITS],
    }


def test_what_is_false_is_left_as_it_is() -> None:
    assert hardening_settings(dict.fromkeys(PARTS, False)) == {"insecure_guest_logons": "blocked", "optional": []}


def test_the_role_has_the_same_defaults() -> None:
    role = yaml.safe_load((ROOT / "roles/harden/defaults/main.yml").read_text(encoding="utf-8"))
    said = {name.replace("client_audit", "audit"): part.by_default for name, part in PARTS.items()}
    assert {name: role[f"harden_{name}"] for name in said} == said


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_mean_the_default(nothing: Any) -> None:
    assert without_empty({"a": nothing, "b": 0, "c": False, "misspelt": nothing}, {"a": 1, "b": 1, "c": 1}) == {
        "b": 0,
        "c": False,
        "misspelt": nothing,  # an option that does not exist stays, so that it is named as an error
    }


def test_an_opening_as_the_role_makes_it() -> None:
    assert opening_settings(OPENING) == {
        "insecure_guest_logons": "allowed",
        **dict.fromkeys(CLIENT_AUDITS, "enabled"),
        "optional": CLIENT_AUDITS,
        "relax": [],
        "accept_risk": True,
        "domain_controllers": "refuse",
        "expires_in": "8h",
    }


def test_what_may_be_relaxed_and_whom_it_is_for() -> None:
    options = {**OPENING, "relax_signing": True, "relax_encryption": True, "allow_domain_controllers": True}
    settings = opening_settings({**options, "audit": False, "permanent": True})
    assert settings == {
        "insecure_guest_logons": "allowed",
        "optional": [],
        "relax": ["client_signing", "client_encryption"],
        "accept_risk": True,
        "domain_controllers": "allow",
        "expires_in": None,
    }


@pytest.mark.parametrize("expires_in", ["31d", "5w", "soon"])
def test_an_opening_lasts_30_days_at_most(expires_in: str) -> None:
    with pytest.raises(RequestError, match="at most 30d"):
        opening_settings({**OPENING, "expires_in": expires_in})


@pytest.mark.parametrize(
    ("more", "hosts", "words"),
    [
        ({"accept_risk": False}, ["ws1"], "accept_risk: true"),
        ({"reason": None}, ["ws1"], "needs a reason"),
        ({"reason": "  "}, ["ws1"], "needs a reason"),
        ({}, None, "does not say how many hosts"),
        ({}, ["a", "b", "c", "d", "e", "f"], "6 hosts, and max_hosts allows 5"),
        ({"max_hosts": 0}, ["a"], "max_hosts allows 0"),
        ({"servers": ["nas01"]}, ["a"], "the task that probes them was skipped"),
        ({"servers": ["nas01"], "probed": {"skipped": True}}, ["a"], "the task that probes them was skipped"),
        ({"servers": ["nas01"], "probed": {"failed": True, "guest_opening": None}}, ["a"], "was skipped"),
        ({"servers": ["nas01", "nas02"], "probed": PROBED}, ["a"], "nas02 was not probed"),
        (
            {"servers": ["nas01"], "probed": {"guest_opening": {"asked": ["nas01"], "objections": [OBJECTION]}}},
            ["a"],
            "It refuses an unknown user",
        ),
    ],
)
def test_every_safeguard_refuses_before_any_contact(more: dict[str, Any], hosts: list[str] | None, words: str) -> None:
    with pytest.raises(RequestError, match=words) as refused:
        check_opening({**OPENING, **more}, hosts)
    assert refused.value.host_state is HostState.NOT_CONTACTED
    assert refused.value.kind == "safeguard"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"servers": ["nas01"], "probed": PROBED},
        {
            "servers": ["nas01"],
            "probed": {"guest_opening": {"asked": ["nas01"], "objections": [OBJECTION]}},
            "despite_accounts": True,
        },
    ],
)
def test_what_no_safeguard_forbids(more: dict[str, Any]) -> None:
    check_opening({**OPENING, **more}, ["a", "b", "c", "d", "e"])
