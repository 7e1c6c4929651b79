# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intune blocks guest logons, a GPO allows them: facts and tasks agree, whichever of the two the client runs."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from simulated_windows.in_process import InProcessHost

from ..engine import GUEST, change

CONFLICT = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device\ControlPolicyConflict"
POLICIES = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"


def contested(wins: int, *, runs: bool) -> InProcessHost:
    """A host whose MDM says 0 and whose policy says 1; MDMWinsOverGP, and what the client runs."""
    host = InProcessHost(mdm={"EnableInsecureGuestLogons": 0})
    host.registry.set(POLICIES, "AllowInsecureGuestAuth", "REG_DWORD", 1)
    host.registry.set(CONFLICT, "MDMWinsOverGP", "REG_DWORD", wins)
    host.client.running["EnableInsecureGuestLogons"] = runs
    return host


@pytest.mark.parametrize("wins", [0, 1])
def test_the_policy_decides_where_the_client_runs_it(wins: int) -> None:
    outcome = change(contested(wins, runs=True), {GUEST: "allowed"}, check=True)
    assert not outcome.as_dict()["changed"]
    after = outcome.after[GUEST]
    assert (after.winner.value, after.effective, after.observed.mdm_wins) == ("policy", True, bool(wins))


def test_mdm_decides_where_it_wins_and_the_client_runs_it() -> None:
    host = contested(1, runs=False)
    outcome = change(host, {GUEST: "blocked"}, check=True)
    assert not outcome.as_dict()["changed"]
    after = outcome.after[GUEST]
    assert (after.winner.value, after.effective) == ("mdm", False)
    with pytest.raises(RequestError, match=r"MDM \(Intune\), which wins over Group Policy here \(MDMWinsOverGP is 1\)"):
        change(host, {GUEST: "allowed"}, check=True)
