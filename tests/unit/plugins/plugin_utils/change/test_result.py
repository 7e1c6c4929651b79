# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engines give back to a module: results, diffs in the users' words, warnings, and what is not in force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Plan
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.recovery import Recovery
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome, reverted_as_dict
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.state import SettingState
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import OsDefault
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer
from simulated_windows.in_process import InProcessHost

from ..engine import AUDIT, ENCRYPTION, GUEST, GUEST_LOCAL, SIGNING, SIGNING_LOCAL, change, desired_settings, undo
from ..states import BAD, state_of

DENIES = OsDefault(False, "derived")


def outcome(words: dict[str, str], *states: SettingState, **more: Any) -> Outcome:
    """Of a task that found the host so and wrote nothing."""
    seen = {state.setting.name: state for state in states}
    return Outcome(
        desired_settings(words), **{"plan": Plan(()), "before": seen, "after": seen, "verified": True, **more}
    )


def test_the_result_of_a_change() -> None:
    host = InProcessHost()
    done = change(host, {GUEST: "allowed", AUDIT: "enabled"}, name="x", hours=1)
    result = done.as_dict()
    for name, states in (("before", done.before), ("after", done.after)):
        assert SIGNING in states, "looked at, since it decides on guest logons"
        assert result[name] == {asked: states[asked].as_dict() for asked in (GUEST, AUDIT)}
    rows = [{key: row[key] for key in ("setting", "scope", "from", "to")} for row in result["changes"]]
    assert rows == [
        {"setting": AUDIT, "scope": "local", "from": None, "to": True},
        {"setting": GUEST, "scope": "local", "from": None, "to": True},
    ]
    assert (result["changed"], result["verified"], result["reconnect_required"]) == (True, True, True)
    assert (result["change_id"], result["expires_at"]) == ("x", "2026-03-02T13:00:00Z")
    assert result["guest_access"]["blocked_by"] == [SIGNING]


def test_anything_that_was_written_is_a_change() -> None:
    plain = outcome({AUDIT: "enabled"}, state_of(AUDIT, running=True))
    for more, changed in (
        ({}, False),
        ({"prolonged": True}, True),
        ({"recovery": Recovery(changed=True)}, True),
        ({"recovery": Recovery(("said",))}, False),
    ):
        assert replace(plain, **more).as_dict()["changed"] is changed, more
    nothing = undo(InProcessHost())
    for changed in (False, True):
        assert reverted_as_dict(replace(nothing, recovery=Recovery(changed=changed)))["changed"] is changed


def test_what_the_next_connection_meets_needs_a_reconnect() -> None:
    host = InProcessHost()
    assert change(host, {AUDIT: "enabled"}, name="audit").as_dict()["reconnect_required"] is False
    assert (
        change(host, {AUDIT: "enabled", SIGNING: "not_required"}, name="both").as_dict()["reconnect_required"] is True
    )
    assert reverted_as_dict(undo(host, "audit"))["reconnect_required"] is False
    change(host, {AUDIT: "disabled", ENCRYPTION: "required"}, name="more")
    assert reverted_as_dict(undo(host, "more"))["reconnect_required"] is True


def test_guest_access_is_reported_where_it_is_known() -> None:
    host = InProcessHost()
    assert "guest_access" not in change(host, {"server_signing": "required"}).as_dict()
    assert change(host, {SIGNING: "required"}).as_dict()["guest_access"]["verdict"] == "blocked"


def test_one_setting_that_lags_behind_needs_a_restart() -> None:
    behind, right = state_of(GUEST, running=False, policy=1), state_of(AUDIT, running=True)
    for states, needed in (([right, behind], True), ([right], False)):
        words = {state.setting.name: state.setting.words.true for state in states}
        result = outcome(
            words, *states, state_of(SIGNING, running=False), state_of(ENCRYPTION, running=False)
        ).as_dict()
        assert (result["restart_required"], result["reboot_required"]) == (needed, needed)


def test_the_diff_is_in_the_users_words() -> None:
    before = {GUEST: state_of(GUEST, running=None, policy=BAD, local=0), SIGNING: state_of(SIGNING, running=True)}
    after = {GUEST: state_of(GUEST, running=True, policy=1, mdm=0), SIGNING: state_of(SIGNING, running=False, local=0)}
    done = replace(outcome({SIGNING: "required", GUEST: "allowed"}), before=before, after=after)
    done = replace(done, after={**after, ENCRYPTION: state_of(ENCRYPTION)})
    assert done.as_dict()["diff"] == {
        "before": "client_signing:\n  effective: required\n  running: required\n  local: not configured\n"
        "insecure_guest_logons:\n  effective: not known\n  running: not known\n  policy: REG_SZ '1'\n"
        "  mdm: not configured\n  local: blocked\n",
        "after": "client_signing:\n  effective: not_required\n  running: not_required\n  local: not_required\n"
        "insecure_guest_logons:\n  effective: allowed\n  running: allowed\n  policy: allowed\n"
        "  mdm: blocked\n  local: not configured\n",
        "before_header": "SMB settings before",
        "after_header": "SMB settings after",
    }


def test_the_result_of_an_undoing() -> None:
    host = InProcessHost(parameters={"RequireSecuritySignature": 1})
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, name="x", reason="r")
    result = reverted_as_dict(undo(host, "x"))
    assert [(each["change_id"], each["status"]) for each in result["reverted"]] == [("x", "reverted")]
    guest, signing = ("Enable insecure guest logons", SETTINGS[SIGNING].title)
    assert result["changes"] == [
        {"setting": name, "scope": "local", "from": was, "to": to, "location": cell.location, "group_policy": title}
        for name, was, to, cell, title in (
            (SIGNING, False, True, SIGNING_LOCAL, signing),
            (GUEST, True, None, GUEST_LOCAL, guest),
        )
    ]
    assert result["diff"] == {
        "before": f"{SIGNING_LOCAL.location}: 0\n{GUEST_LOCAL.location}: 1\n",
        "after": f"{SIGNING_LOCAL.location}: 1\n{GUEST_LOCAL.location}: absent\n",
    }
    assert result["guest_access"]["verdict"] == "blocked"


def test_what_is_not_in_force() -> None:
    """state, word, what was left out -> what is said of it; none: nothing."""
    at_policy = SETTINGS[AUDIT].location(Layer.POLICY)
    not_yet = f"disabled, not enabled: {at_policy} is not in force yet."
    table: list[tuple[SettingState, str, tuple[str, ...], str | None]] = [
        (state_of(AUDIT, running=True), "enabled", (), None),
        (state_of(AUDIT, running=False), "enabled", (), "disabled, not enabled: the default of this Windows decides."),
        (state_of(AUDIT, running=False, policy=0), "enabled", (), f"disabled, not enabled: {at_policy} decides."),
        (state_of(AUDIT, running=False, policy=0), "enabled", (AUDIT,), None),
        (state_of(AUDIT, running=None, policy=0), "enabled", (), f"disabled, not enabled: {at_policy} decides."),
        (state_of(AUDIT, running=None, policy=1), "enabled", (), None),
        (
            state_of(AUDIT, running=False, policy=1),
            "enabled",
            (),
            not_yet,
        ),
        (
            state_of(AUDIT, running=True, default=DENIES),
            "default",
            (),
            "enabled, not disabled: the default",
        ),
        (state_of(AUDIT, running=False, default=DENIES), "default", (), None),
        (state_of(AUDIT, running=True), "default", (), None),  # which the default is, nobody knows
    ]
    for state, word, skipped, said in table:
        done = outcome({AUDIT: word}, state, plan=Plan((), left_out=dict.fromkeys(skipped, "no reason")), confirm=True)
        expected = f"{AUDIT} is {said}" if said else ""
        assert done.unconfirmed().startswith(expected), (state, word)
        assert bool(done.unconfirmed()) is bool(said), (state, word)


def test_a_task_that_is_not_confirmed_fails_and_still_says_what_it_did() -> None:
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 1})
    words, rules = {GUEST: "blocked", AUDIT: "enabled"}, {"tolerate_managed": True}
    result = change(host, words, name="x", hours=1, rules=rules, confirm=True).as_dict()
    assert set(result) == {
        *("changed", "changes", "change_id", "expires_at", "guest_access", "verified"),
        *("failed", "msg"),
    }
    assert (result["changed"], result["change_id"], result["verified"]) == (True, "x", True)
    server = state_of("server_signing", running=False)
    without = outcome({"server_signing": "required"}, server, confirm=True).as_dict()
    assert ("guest_access" in without, without["failed"]) == (False, True)


def test_warnings_of_every_kind_are_given() -> None:
    states = (
        state_of(AUDIT, running=False, policy=1),
        state_of(GUEST, running=False),
        state_of(SIGNING, running=False),
        state_of(ENCRYPTION, running=False),
    )
    plan = Plan((), warnings=("of the plan",))
    done = outcome({AUDIT: "enabled"}, *states, plan=plan, recovery=Recovery(("of the recovery",)), warnings=("told",))
    *first, drifting = done.all_warnings()
    assert (first, "contradicts" in drifting) == (["of the plan", "of the recovery", "told"], True)
    # That guest logons are blocked concerns who wants them.
    for words, warned in (({GUEST: "allowed"}, True), ({GUEST: "blocked"}, False), ({SIGNING: "required"}, False)):
        assert any("blocked" in text for text in outcome(words, *states).all_warnings()) is warned, words
    opened = (state_of(GUEST, running=True), *states[2:])
    assert outcome({GUEST: "allowed"}, *opened).all_warnings() == []
    both = outcome({GUEST: "allowed", SIGNING: "not_required"}, *states)
    assert len(both.all_warnings()) == 1
