# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""harden on a host whose other doors cannot be read: it is hardened, and the result says what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.action import harden
from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.settings_action import SettingsAction
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, HostUnreachable


@pytest.mark.parametrize("error", [HostError("denied"), HostUnreachable("gone")])
def test_a_change_that_was_made_is_no_failure_where_doors_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, error: HostError
) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(SettingsAction, "work", lambda *_args: {"changed": True, "summary": ["Written"]})
    monkeypatch.setattr(harden, "gather_doors", refuse)
    monkeypatch.setattr(harden.ActionModule, "words", lambda _self, reason: str(reason))
    action: Any = object.__new__(harden.ActionModule)
    session: Any = None
    result = action.work(session, {"doors": True})
    assert (result["changed"], result["summary"]) == (True, ["Written"])
    assert result["warnings"] == [f"The other doors of a guest could not be read: {error}"]
    assert "doors" not in action.work(session, {"doors": False})
