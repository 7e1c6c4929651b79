# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else the running client asks of servers: read with the settings, named in the advice."""

from __future__ import annotations

from typing import Any

import pytest
from in_process import session as session_onto

from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.client_limits import (
    ClientLimits,
    read_client_limits,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.facts import SETTINGS_PART, gather_settings
from simulated_windows.in_process import InProcessHost

LIMITED = {"MinSmb2Dialect": 785, "MaxSmb2Dialect": 785, "BlockNTLM": 1}


def _facts(preset: str, parameters: dict[str, int], **quirks: Any) -> dict[str, Any]:
    host = InProcessHost(preset, parameters=parameters, quirks=quirks)
    return dict(gather_settings(session_onto(host), [SETTINGS_PART]).facts)


@pytest.mark.parametrize("by_name", [False, True])
def test_limits_are_facts_and_part_of_the_advice(by_name: bool) -> None:
    facts = _facts("windows_11_24h2_pro", LIMITED, dialects_by_name=by_name)
    assert facts["client_limits"] == {"minimum_dialect": "3.1.1", "maximum_dialect": "3.1.1", "blocks_ntlm": True}
    advice = facts["guest_access"]["advice"]
    assert "refuses dialects before SMB 3.1.1" in advice
    assert "blocks NTLM" in advice
    assert "no dialect after" not in advice  # 3.1.1 is the newest


@pytest.mark.parametrize("by_name", [False, True])
def test_a_client_without_limits_has_no_further_advice(by_name: bool) -> None:
    facts = _facts("windows_11_24h2_pro", {}, dialects_by_name=by_name)
    assert facts["client_limits"] == {"minimum_dialect": "none", "maximum_dialect": "none", "blocks_ntlm": False}
    assert "dialect" not in facts["guest_access"]["advice"]


def test_an_older_windows_shows_no_limits() -> None:
    facts = _facts("windows_11_23h2_pro", LIMITED)
    assert facts["client_limits"] == {"minimum_dialect": None, "maximum_dialect": None, "blocks_ntlm": None}
    assert "dialect" not in facts["guest_access"]["advice"]


@pytest.mark.parametrize("shown", ["3", "SMB4", "", "785.0", "\x1b[31m"])
def test_a_form_that_is_not_known_is_no_limit(shown: str) -> None:
    assert read_client_limits({"Smb2DialectMin": shown, "BlockNTLM": shown}) == ClientLimits()


def test_a_maximum_dialect_is_named() -> None:
    assert any("after SMB 2.1.0" in sentence for sentence in ClientLimits(maximum_dialect="2.1.0").sentences())
