# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of the modules that change settings: what a task asks, what comes of it, and what is said."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    HostError,
    HostState,
    RequestError,
    SmbGuestError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import dword
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Scope
from simulated_windows.in_process import InProcessHost, differences

from ..engine import (
    AUDIT,
    BOTH,
    ENCRYPTION,
    ENCRYPTION_POLICY,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    HOUR,
    LOCAL,
    OPEN,
    POLICY,
    SIGNING,
    SIGNING_LOCAL,
    Died,
    change,
    entry,
    held,
    meanwhile,
    moved,
    process_gone,
    put,
    runs,
    snapshot,
    status,
    undo,
)

LAZY = {"running_follows_registry": False}
COMPARED = ("changed", "before", "after", "changes", "skipped_settings", "guest_access", "lies_over", "met_by", "diff")


def facts(outcome: Any) -> dict[str, Any]:
    result: dict[str, Any] = outcome.as_dict()
    return {name: result[name] for name in COMPARED if name in result}


def test_check_mode_equals_the_run_and_writes_nothing() -> None:
    hosts: list[dict[str, Any]] = [
        {},
        {"policy": {"AllowInsecureGuestAuth": 0}},
        {"parameters": {"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 0}},
        {"preset": "windows_10_22h2_pro"},
        {"preset": "server_2022"},
    ]
    tasks: list[tuple[dict[str, str], Any, dict[str, Any]]] = [
        (OPEN, BOTH, {}),
        ({GUEST: "blocked"}, (POLICY,), {"name": "x"}),
        ({GUEST: "default", SIGNING: "default"}, BOTH, {"reason": "r", "hours": 1, "name": "x"}),
        ({GUEST: "allowed", "server_signing": "required"}, BOTH, {"name": "x"}),
    ]
    for spec in hosts:
        for words, scopes, more in tasks:
            host = InProcessHost(**spec)
            before = host.snapshot()
            foreseen = change(host, words, scopes, check=True, **more)
            assert differences(before, host.snapshot()) == [], (spec, words)
            done = change(host, words, scopes, **more)
            assert facts(done) == facts(foreseen), (spec, words)
            again = change(host, words, scopes)
            assert again.as_dict()["changed"] is False, (spec, words)


@pytest.mark.parametrize("mdm", [0, 1])
def test_check_mode_equals_the_run_where_mdm_sets_something_too(mdm: int) -> None:
    """What MDM says counts only as long as a policy value carries it."""
    rules = {"tolerate_managed": True}
    words, every_scope = ("allowed", "blocked", "default"), ((LOCAL,), (POLICY,), BOTH)
    for policy, word, scopes in product((None, 0, 1), words, every_scope):
        given = {} if policy is None else {"AllowInsecureGuestAuth": policy}
        host = InProcessHost(mdm={"EnableInsecureGuestLogons": mdm}, policy=given)
        foreseen = change(host, {GUEST: word}, scopes, rules=rules, check=True)
        assert facts(change(host, {GUEST: word}, scopes, rules=rules)) == facts(foreseen), (policy, word, scopes)


def test_what_is_refused_is_refused_in_both_modes_with_the_same_words() -> None:
    table: list[tuple[dict[str, Any], dict[str, str], dict[str, Any], str]] = [
        ({"policy": {"AllowInsecureGuestAuth": 0}}, {GUEST: "allowed"}, {}, "would be overridden: policy sets"),
        (
            {"preset": "windows_10_22h2_pro"},
            {ENCRYPTION: "required"},
            {},
            "is not supported before .*: this host runs .*Windows 10",
        ),
        ({}, {GUEST: "allowed"}, {"relax": ()}, "requires client_signing"),
        ({}, {GUEST: "allowed"}, {"risk_refused": True}, "set accept_risk: true"),
        ({"preset": "domain_controller"}, {GUEST: "blocked"}, {"refuse_domain_controllers": True}, "domain controller"),
        ({}, {SIGNING: "required"}, {"scopes": (POLICY,)}, "Add local to scope"),
        ({"services": {"LanmanWorkstation": "stopped"}}, {GUEST: "allowed"}, {}, "cannot be set"),
    ]
    for spec, words, more, why in table:
        texts = []
        for check in (True, False):
            host = InProcessHost(**spec)
            before = host.snapshot()
            with pytest.raises((RequestError, HostError), match=why) as caught:
                change(host, words, check=check, name="x", reason="r", **more)
            assert differences(before, host.snapshot()) == []
            assert caught.value.changed is False
            assert caught.value.host_state is HostState.NOTHING_WRITTEN
            texts.append(str(caught.value))
        assert texts[0] == texts[1]


def test_a_name_that_is_taken_is_refused_in_both_modes() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x")
    for check in (True, False):
        with pytest.raises(RequestError, match="has a change x already"):
            change(host, {GUEST: "blocked"}, name="x", check=check)
    undo(host, "x")
    for check in (True, False):
        with pytest.raises(RequestError, match=r"has a change x already \(reverted\)"):
            change(host, {GUEST: "allowed"}, name="x", check=check)


def test_a_default_beside_another_desired_setting_is_known() -> None:
    host = InProcessHost(parameters={"AllowInsecureGuestAuth": 1})
    outcome = change(host, {GUEST: "default", SIGNING: "required"})
    assert [str(each) for each in outcome.plan.changes] == ["insecure_guest_logons (local): 1 -> 0"]


# Guest logons


def test_relax_opens_exactly_what_blocks() -> None:
    host = InProcessHost()
    outcome = change(host, {GUEST: "allowed"}, relax=(SIGNING, ENCRYPTION))
    assert [str(each) for each in outcome.plan.changes] == [
        "client_signing (local): absent -> 0",
        "insecure_guest_logons (local): absent -> 1",
    ]
    assert outcome.as_dict()["guest_access"]["verdict"] == "allowed"
    with pytest.raises(RequestError, match=r"requires client_signing.*set relax: client_signing"):
        change(InProcessHost(), {GUEST: "allowed"}, relax=(ENCRYPTION,))
    assert change(InProcessHost(), {GUEST: "blocked"}, relax=()).plan.changes == ()
    asked = change(InProcessHost(), {GUEST: "allowed", SIGNING: "required"}, relax=(SIGNING,))
    assert runs(InProcessHost(), GUEST_LOCAL) is False
    assert [each.cell.setting.name for each in asked.plan.changes] == [GUEST], (
        "what the task says itself is not relaxed"
    )


def test_without_relax_an_opening_that_will_not_work_is_a_warning() -> None:
    host = InProcessHost()
    outcome = change(host, {GUEST: "allowed"})
    assert any("still fail because of client_signing" in text for text in outcome.all_warnings())
    assert change(host, {SIGNING: "not_required"}).all_warnings() == []


def test_the_risk_only_matters_where_guest_is_opened() -> None:
    for words in ({GUEST: "blocked"}, {SIGNING: "not_required"}):
        change(InProcessHost(), words, risk_refused=True)
    change(InProcessHost(), {GUEST: "blocked", AUDIT: "enabled"}, risk_refused=True)
    for more in ({GUEST: "default"}, {GUEST: "allowed", SIGNING: "not_required"}):
        with pytest.raises(RequestError, match="accept_risk"):
            change(InProcessHost(), more, risk_refused=True)


def test_what_is_relaxed_is_restored_whatever_it_was() -> None:
    host = InProcessHost(parameters={"RequireSecuritySignature": 1})
    before = host.snapshot()
    change(host, {GUEST: "allowed"}, relax=(SIGNING,), name="x")
    assert [part.found.stored for part in entry(host, "x").parts if part.cell == SIGNING_LOCAL] == [dword(1)]
    undo(host, "x")
    assert moved(before, host) == []


def test_what_blocks_only_by_what_runs_or_only_by_policy_blocks() -> None:
    """Windows takes a policy over at a time of its own."""
    at_policy, runs_only = InProcessHost(quirks=LAZY), InProcessHost(quirks=LAZY)
    put(at_policy, ENCRYPTION_POLICY, 1, apply=False)
    put(runs_only, ENCRYPTION_POLICY, 0, apply=False)
    runs_only.client.running["RequireEncryption"] = True
    for host in (at_policy, runs_only):
        with pytest.raises(RequestError, match=r"this host requires client_encryption: "):
            change(host, {GUEST: "allowed"}, relax=(SIGNING,))
    last = InProcessHost(parameters={"RequireSecuritySignature": 0}, policy={"RequireEncryption": 1})
    with pytest.raises(RequestError, match=r"this host requires client_encryption: "):
        change(last, {GUEST: "allowed"}, relax=())
    old = InProcessHost("windows_10_22h2_pro")
    assert change(old, {GUEST: "allowed"}, relax=()).as_dict()["guest_access"]["verdict"] == "allowed", "it has none"


def test_domain_controllers() -> None:
    for preset, refused in (("domain_controller", True), ("server_2022", False)):
        for words in ({GUEST: "blocked"}, {SIGNING: "default"}):
            host = InProcessHost(preset)
            if refused:
                with pytest.raises(RequestError, match="domain_controllers: allow"):
                    change(host, words, refuse_domain_controllers=True)
            else:
                change(host, words, refuse_domain_controllers=True)
    change(InProcessHost("domain_controller"), {GUEST: "blocked"}, refuse_domain_controllers=False)


# What is left out


def test_unsupported_settings_can_be_skipped() -> None:
    host = InProcessHost("windows_10_22h2_pro")
    outcome = change(host, {GUEST: "blocked", ENCRYPTION: "required"}, rules={"skip_unsupported": True})
    assert outcome.plan.skipped == (ENCRYPTION,)
    assert [each.cell.setting.name for each in outcome.plan.changes] == [GUEST]
    assert outcome.as_dict()["skipped_settings"] == [ENCRYPTION]


def test_optional_settings_give_way_with_a_warning() -> None:
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 1})
    outcome = change(host, {GUEST: "blocked", SIGNING: "required"}, rules={"optional": (GUEST,)})
    assert outcome.plan.skipped == (GUEST,)
    assert any(text.startswith(f"{GUEST} was left as it is.") for text in outcome.all_warnings())
    assert held(host, GUEST_LOCAL) is None


def test_confirm_fails_the_host_with_everything_else_in_force() -> None:
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 1})
    words = {GUEST: "blocked", AUDIT: "enabled"}
    for check in (True, False):
        result = change(host, words, rules={"tolerate_managed": True}, confirm=True, check=check).as_dict()
        assert result["failed"] is True
        assert GUEST_POLICY.location in result["msg"]
        assert AUDIT not in result["msg"].partition("Everything else")[0]
    assert host.client.running[SETTINGS[AUDIT].cim_property] is True
    assert "failed" not in change(host, {AUDIT: "enabled"}, confirm=True).as_dict()


# Drift, MDM, one side silent


def test_what_is_stored_and_does_not_run_is_written_again() -> None:
    host = InProcessHost(quirks=LAZY)
    put(host, GUEST_LOCAL, 1, apply=False)
    outcome = change(host, {GUEST: "allowed"})
    assert len(outcome.plan.changes) == 1
    assert (runs(host, GUEST_LOCAL), outcome.verified) == (True, True)


def test_drift_under_a_policy_is_reported() -> None:
    host = InProcessHost(quirks={**LAZY, "set_rereads_registry": False})
    put(host, GUEST_POLICY, 1, apply=False)
    outcome = change(host, {GUEST: "allowed"}, (POLICY,))
    result = outcome.as_dict()
    assert (result["restart_required"], result["reboot_required"]) == (True, True)
    assert any("contradicts" in text for text in outcome.all_warnings())


def test_mdm_is_named_where_it_decides() -> None:
    host = InProcessHost(mdm={"EnableInsecureGuestLogons": 0})
    with pytest.raises(RequestError, match=r"MDM \(Intune\) sets"):
        change(host, {GUEST: "allowed"})
    outcome = change(host, {GUEST: "allowed"}, BOTH, rules={"tolerate_managed": True})
    assert any("MDM" in text for text in outcome.all_warnings())


def test_one_side_that_is_silent_hinders_only_what_asks_for_it() -> None:
    host = InProcessHost(services={"LanmanServer": "stopped"})
    change(host, {GUEST: "allowed"})
    assert runs(host, GUEST_LOCAL) is True
    with pytest.raises(HostError, match=r"server_signing cannot be set:") as caught:
        change(host, {"server_signing": "required"})
    assert caught.value.host_state is HostState.NOTHING_WRITTEN


# What the journal knows


def test_prolonging_and_shortening() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    first = change(host, {GUEST: "allowed"}, name="x", hours=1)
    assert not any("no effect" in text for text in first.warnings)
    for hours in (5, 2):
        foreseen = change(host, {GUEST: "allowed"}, name="X", hours=hours, check=True)
        assert (foreseen.as_dict()["changed"], foreseen.as_dict()["change_id"]) == (True, "x")
        outcome = change(host, {GUEST: "allowed"}, name="X", hours=hours)
        assert (outcome.prolonged, outcome.plan.changes, outcome.as_dict()["changed"]) == (True, (), True)
        assert entry(host, "x").expires_at == host.clock + hours * HOUR
        assert outcome.as_dict()["expires_at"] is not None
        assert not [text for text in outcome.all_warnings() if "no effect" in text]
        host.advance(60)
        again = change(host, {GUEST: "allowed"}, name="X", hours=hours)
        assert (again.prolonged, again.as_dict()["changed"]) == (False, False)
        assert not [text for text in again.all_warnings() if "no effect" in text or "only until" in text]
        host.advance(-60)
        assert entry(host, "x").expires_at == host.clock + hours * HOUR, "the same duration moves nothing"
    host.advance(2 * 3600 - 1)
    assert host.run_due_tasks() == []
    host.advance(1)
    assert host.run_due_tasks() == ["\\winops\\smb_guest\\x"]
    assert moved(pristine, host) == []
    assert change(host, {GUEST: "blocked"}, name="x", hours=1).prolonged is False, "it does not stand any more"


def test_a_change_of_the_local_gpo_gets_no_end_by_another_scope() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, (Scope.LOCAL_GPO, POLICY), name="x")
    for check in (True, False):
        with pytest.raises(RequestError, match=r"The change x cannot expire: it wrote to the local GPO\.") as caught:
            change(host, {GUEST: "allowed"}, (POLICY,), name="x", hours=1, check=check)
        assert caught.value.host_state is HostState.NOTHING_WRITTEN
    assert (entry(host, "x").expires_at, host.tasks) == (None, [])


def test_a_change_that_stood_for_good_gets_an_end() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x")
    assert change(host, {GUEST: "allowed"}, name="x").prolonged is False
    assert change(host, {GUEST: "allowed"}, name="x", hours=1).prolonged is True
    assert host.tasks == ["\\winops\\smb_guest\\x"]


def test_a_requested_value_that_expires_otherwise_is_a_warning() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    outcome = change(host, {GUEST: "allowed"}, name="y", hours=3)
    texts = " ".join(outcome.all_warnings())
    assert "expires_in has no effect" in texts
    assert "insecure_guest_logons (local) has the requested value only until" in texts
    assert [(found["change_id"], found["settings"]) for found in outcome.as_dict()["met_by"]] == [("x", [GUEST])]
    assert status(host, "y") is None
    plain = change(host, {GUEST: "allowed"}, reason="r")
    assert not any("no effect" in text for text in plain.all_warnings())
    own = change(host, {GUEST: "allowed"}, name="x", reason="r")
    assert not any("only until" in text for text in own.all_warnings()), "of its own end nobody needs to be told"


def test_a_value_that_somebody_else_has_set_is_met_by_no_change_and_does_not_end() -> None:
    host = InProcessHost()
    change(host, {GUEST: "blocked", AUDIT: "enabled"}, BOTH, name="x", hours=1)
    for cell in (GUEST_LOCAL, GUEST_POLICY):
        put(host, cell, 1)
    outcome = change(host, {GUEST: "allowed", AUDIT: "enabled"}, BOTH, reason="r", check=True)
    assert [(found["change_id"], found["settings"]) for found in outcome.as_dict()["met_by"]] == [("x", [AUDIT])]
    assert not any(text.startswith(GUEST) for text in outcome.warnings), outcome.warnings
    assert sum("only until" in text for text in outcome.warnings) == 2


def test_every_change_that_has_met_a_desired_setting_is_named() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, BOTH, name="a")
    change(host, {AUDIT: "enabled", SIGNING: "not_required"}, name="b")
    met = change(host, {GUEST: "allowed", AUDIT: "enabled", SIGNING: "not_required"}, BOTH, reason="r", check=True)
    assert [(found["change_id"], found["settings"]) for found in met.as_dict()["met_by"]] == [
        ("a", [GUEST]),
        ("b", [AUDIT, SIGNING]),
    ]


def test_a_local_desired_setting_that_only_a_policy_of_ours_meets_ends_with_it() -> None:
    host = InProcessHost("windows_11_23h2_pro")
    change(host, {GUEST: "blocked"}, (POLICY,), name="x", hours=1)
    outcome = change(host, {GUEST: "blocked"}, (LOCAL,), reason="r")
    assert outcome.plan.changes == ()
    assert [(found["change_id"], found["settings"]) for found in outcome.as_dict()["met_by"]] == [("x", [GUEST])]
    assert [text.split(" until ")[0] for text in outcome.warnings] == [f"{GUEST} (policy) has the requested value only"]
    # Where the local value says the same, or is written, or the policy is somebody else's, nothing ends.
    put(host, GUEST_LOCAL, 0)
    assert change(host, {GUEST: "blocked"}, (LOCAL,), reason="r").warnings == ()
    put(host, GUEST_LOCAL, 1)
    assert change(host, {GUEST: "blocked"}, (LOCAL,), reason="r", check=True).as_dict()["met_by"] == []
    put(host, GUEST_LOCAL, None)
    put(host, GUEST_POLICY, 1)
    assert change(host, {GUEST: "allowed"}, (LOCAL,), reason="r").warnings == ()


def test_what_lies_beneath_is_reported() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, BOTH, name="low", hours=1)
    outcome = change(host, {GUEST: "blocked"}, BOTH, name="high")
    assert [found["change_id"] for found in outcome.as_dict()["lies_over"]] == ["low"]
    assert outcome.as_dict()["met_by"] == [], "what it writes over does not make it true"
    assert {part.over for part in entry(host, "high").parts} == {"low"}


def test_a_policy_value_that_an_administrator_deleted_is_not_ours() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, (POLICY,), name="low")
    put(host, GUEST_POLICY, None)
    outcome = change(host, {GUEST: "blocked"}, (POLICY,), name="high")
    assert outcome.beneath == ()
    undo(host, "high")
    assert held(host, GUEST_POLICY) is None
    with pytest.raises(RequestError, match="Somebody changed a value since the change low"):
        undo(host, "low")


def test_what_the_host_has_ended_is_taken_over_by_a_run_with_nothing_to_change() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    host.advance(3601)
    host.run_due_tasks()
    assert snapshot(host).marks != ()
    assert change(host, {GUEST: "blocked"}, reason="r").plan.changes == ()
    assert (snapshot(host).marks, status(host, "x")) == ((), "reverted")


def cut_off() -> InProcessHost:
    """A change `low` stands, and a run died in the middle of another one."""
    host, reference = InProcessHost(), InProcessHost()
    for either in (host, reference):
        change(either, {AUDIT: "enabled"}, name="low", reason="r")
        either.reset_counters()
    change(reference, OPEN, BOTH, name="cut", reason="r")
    at = [message["method"] for message in reference.messages].index("SetConfiguration") + 2
    with pytest.raises(Died), process_gone(host, at):
        change(host, OPEN, BOTH, name="cut", reason="r")
    assert (status(host, "cut"), runs(host, SIGNING_LOCAL)) == ("pending", False)
    return host


def test_after_an_interrupted_run_it_is_decided_anew_with_all_that_the_journal_has() -> None:
    host = cut_off()
    before = "An interrupted run left the change cut: without check mode it is recovered first."
    assert before in change(host, {AUDIT: "disabled"}, name="x", check=True).warnings
    outcome = change(host, {AUDIT: "disabled"}, name="x")
    assert [found.change_id for found in outcome.beneath] == ["low"]
    assert outcome.recovery.changed is True
    assert outcome.warnings == ()


def test_what_was_restored_before_an_error_is_a_change() -> None:
    host = cut_off()
    saved = host.save()
    host.reset_counters()
    change(host, {AUDIT: "disabled"}, name="x")
    written = [message["method"] for message in host.messages].index("SetConfiguration") + 1
    for at in range(written + 1, host.requests):
        host.load(saved)
        host.inject("access_denied", at=[at])
        error = error_of(host)
        assert error is None or (error.changed and error.host_state is not HostState.NOTHING_WRITTEN), (at, str(error))


def error_of(host: InProcessHost) -> SmbGuestError | None:
    try:
        change(host, {AUDIT: "disabled"}, name="x")
    except SmbGuestError as error:
        return error
    return None


def test_somebody_who_came_first_is_seen() -> None:
    """Between the look and the lock another run has done the same."""
    host = InProcessHost()
    saved = host.save()
    change(host, {GUEST: "allowed"}, name="second")
    claim = [message["method"] for message in host.messages].index("CreateKey") + 1
    host.load(saved)
    with meanwhile(host, claim, lambda: change(host, {GUEST: "allowed"}, name="first")):
        outcome = change(host, {GUEST: "allowed"}, name="second")
    assert (outcome.plan.changes, outcome.as_dict()["changed"], status(host, "second")) == ((), False, None)
    assert [found.change_id for found in snapshot(host).stack.standing] == ["first"]


def test_the_bounds_of_requests() -> None:
    host = InProcessHost()
    every = {setting.name: setting.words.true for setting in SETTINGS.values()}
    change(host, every)
    assert [message["method"] for message in host.messages].count("SetConfiguration") <= 3
    plain, journaled = InProcessHost(), InProcessHost()
    change(plain, OPEN)
    change(journaled, OPEN, reason="r")
    assert journaled.requests - plain.requests <= 12
    assert not any("MultiString" in message["method"] for message in plain.messages), "who does not ask does not look"
