# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read of a task that changed a host, word for word."""

from __future__ import annotations

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import summary
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.guest_access import GuestAccess
from simulated_windows.in_process import InProcessHost

from ..engine import AUDIT, BOTH, GUEST, POLICY, SIGNING, change, undo

LOCAL_KEY = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
POLICY_KEY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
STILL_BLOCKED = (
    "Warning: Insecure guest logons (SMB2/SMB3) are allowed, but still fail because of client_signing (required): a "
    "guest session cannot sign or encrypt. Better give the server an account; or relax it with "
    "winops.smb_guest.client_config."
)
REVERT = "Revert it now: ansible-playbook winops.smb_guest.revert -i INVENTORY --limit HOST -e revert_change_id=nas"
OPEN_CONNECTIONS = "Connections that are open keep what they negotiated: reconnect them, or restart the host."


def lines(outcome: Outcome, *, check: bool = False) -> list[str]:
    return list(summary.of_changes(outcome, "ws-42", check_mode=check))


def test_a_change_that_ends() -> None:
    host = InProcessHost()
    planned = change(host, {GUEST: "allowed"}, BOTH, name="nas", hours=6, check=True)
    written = [
        rf"{LOCAL_KEY}\AllowInsecureGuestAuth: absent -> 1 (insecure_guest_logons)",
        rf"{POLICY_KEY}\AllowInsecureGuestAuth: absent -> 1 (insecure_guest_logons)",
    ]
    assert lines(planned, check=True) == [
        *(f"Check mode: would be written: {line}" for line in written),
        "Insecure guest logons on ws-42 would be blocked.",
        OPEN_CONNECTIONS,
        STILL_BLOCKED,
    ]
    assert lines(change(host, {GUEST: "allowed"}, BOTH, name="nas", hours=6)) == [
        *(f"Written: {line}" for line in written),
        "Insecure guest logons on ws-42 are now blocked.",
        OPEN_CONNECTIONS,
        STILL_BLOCKED,
        "Change: nas, which the host reverts at 2026-03-02T18:00:00Z",
        REVERT,
    ]


def test_nothing_to_change() -> None:
    host = InProcessHost()
    change(host, {GUEST: "blocked"})
    assert lines(change(host, {GUEST: "blocked"}, reason="r")) == [
        "Nothing to change on ws-42.",
        "Insecure guest logons on ws-42 are blocked.",
    ]


def test_a_moved_end_is_named() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="nas", hours=6)
    assert lines(change(host, {GUEST: "allowed"}, name="nas", hours=8)) == [
        "The expiry of the change nas moved from 2026-03-02T18:00:00Z to 2026-03-02T20:00:00Z.",
        "Insecure guest logons on ws-42 are blocked.",
        STILL_BLOCKED,
        "Change: nas, which the host reverts at 2026-03-02T20:00:00Z",
        REVERT,
    ]


def test_what_lies_beneath() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, name="nas", hours=6, reason="old NAS")
    change(host, {GUEST: "allowed"}, (POLICY,), name="other")
    beneath = [
        line for line in lines(change(host, {GUEST: "blocked"}, BOTH, name="shut")) if line.startswith("It covers")
    ]
    assert beneath == [
        (
            "It covers the change nas (old NAS, expires at 2026-03-02T18:00:00Z). Reverting this one restores what "
            "that change set, unless it has expired by then: client_signing, insecure_guest_logons."
        ),
        (
            "It covers the change other (no reason). Reverting this one restores what that change set: "
            "insecure_guest_logons."
        ),
    ]


def test_what_is_left_out() -> None:
    host = InProcessHost("windows_10_22h2_pro")
    outcome = change(host, {AUDIT: "enabled"}, rules={"optional": [AUDIT]})
    assert f"Left out on ws-42 (this Windows does not have it): {AUDIT}." in lines(outcome)
    decided = InProcessHost(policy={"AuditInsecureGuestLogon": 0})
    outcome = change(decided, {AUDIT: "enabled"}, rules={"optional": [AUDIT]})
    assert f"Left out on ws-42 (a policy or MDM decides otherwise): {AUDIT}." in lines(outcome)
    assert any(line.startswith(f"Warning: {AUDIT} was left as it is.") for line in lines(outcome))


def test_a_verdict_that_is_not_known() -> None:
    access = GuestAccess("unknown", (GUEST,), "")
    line = summary.access_line(access, "ws-42", did=False, check_mode=False)
    assert line == "Whether insecure guest logons work on ws-42 is not known."


def test_undoing() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed", AUDIT: "enabled"}, (POLICY,), name="nas", reason="old NAS")
    planned = list(summary.of_undoing(undo(host, check=True), "ws-42", check_mode=True))
    assert planned[0] == "Check mode: would be reverted: change nas of 2026-03-02T12:00:00Z (old NAS)"
    assert any(line == "Insecure guest logons on ws-42 would be blocked." for line in planned)
    done = list(summary.of_undoing(undo(host), "ws-42", check_mode=False))
    assert done[:3] == [
        "Reverted: change nas of 2026-03-02T12:00:00Z (old NAS)",
        rf"  {POLICY_KEY}\AuditInsecureGuestLogon: 1 -> absent (audit_insecure_guest_logons)",
        rf"  {POLICY_KEY}\AllowInsecureGuestAuth: 1 -> absent (insecure_guest_logons)",
    ]
    assert done[3] == "Insecure guest logons on ws-42 are now blocked."
    assert done[4].startswith("Insecure guest logons (SMB2/SMB3) are blocked")
    assert done[5:] == [OPEN_CONNECTIONS]
    again = list(summary.of_undoing(undo(host), "ws-42", check_mode=False))
    assert again[:2] == ["Nothing to revert on ws-42.", "Insecure guest logons on ws-42 are blocked."]
    assert len(again) == 3


def test_what_was_there_is_reported_and_audits_need_no_reconnect() -> None:
    host = InProcessHost(policy={"AuditInsecureGuestLogon": 0})
    name = rf"{POLICY_KEY}\AuditInsecureGuestLogon"
    done = lines(change(host, {AUDIT: "enabled"}, (POLICY,), name="x"))
    assert done[0] == f"Written: {name}: 0 -> 1 ({AUDIT})"
    undone = list(summary.of_undoing(undo(host), "ws-42", check_mode=False))
    assert undone[1] == f"  {name}: 1 -> 0 ({AUDIT})"
    assert OPEN_CONNECTIONS not in [*done, *undone]
