# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted against what was observed: which writes, in which order, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise, permutations, product

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import (
    Change,
    DesiredSetting,
    Plan,
    Rules,
    plan,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.prediction import predict
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.policy_source import DecidingGpo
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.state import SettingState
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import NOT_KNOWN, OsDefault
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer, Scope

from ..states import BAD, state_of, stored

GUEST, SIGNING, ENCRYPTION = "insecure_guest_logons", "client_signing", "client_encryption"
AUDIT = "audit_insecure_guest_logons"
LOCAL, POLICY = Scope.LOCAL, Scope.POLICY
BOTH = (LOCAL, POLICY)
SYSTEM = "Windows Made Up (build 1)"
ALLOWS, DENIES = OsDefault(True, "derived"), OsDefault(False, "derived")
DENIES_STORED = OsDefault(False, "confirmed", "a note", stored=True)


def desired(name: str, word: str) -> DesiredSetting:
    return DesiredSetting(SETTINGS[name], SETTINGS[name].words.value(word))


def make(
    desired_settings: Iterable[DesiredSetting],
    states: Iterable[SettingState],
    scopes: Iterable[Scope] = (LOCAL,),
    *,
    warn: bool = False,
) -> Plan:
    by_name = {state.setting.name: state for state in states}
    return plan(list(desired_settings), by_name, Rules(tuple(scopes), tolerate_managed=warn), system=SYSTEM)


def brief(planned: Plan) -> list[tuple[object, ...]]:
    rows = [change.as_dict() for change in planned.changes]
    return [(row["setting"], row["scope"], row["from"], row["to"]) for row in rows]


# word, scopes, what the host says -> the writes as (scope, from, to)
ONE_SETTING = [
    # Nothing is configured, the running value decides.
    ("allowed", [LOCAL], {"running": True}, []),
    ("allowed", [LOCAL], {"running": False}, [("local", None, True)]),
    ("blocked", [LOCAL], {"running": True}, [("local", None, False)]),
    ("blocked", [LOCAL], {"running": False}, []),
    ("allowed", [POLICY], {"running": True}, [("policy", None, True)]),
    ("blocked", [POLICY], {"running": False}, [("policy", None, False)]),
    ("blocked", BOTH, {"running": True}, [("local", None, False), ("policy", None, False)]),
    # A local value.
    ("blocked", [LOCAL], {"running": False, "local": 0}, []),
    ("blocked", [LOCAL], {"running": True, "local": 1}, [("local", True, False)]),
    ("allowed", [LOCAL], {"running": False, "local": 0}, [("local", False, True)]),
    ("allowed", [LOCAL], {"running": True, "local": 2}, []),
    ("blocked", [LOCAL], {"running": False, "local": BAD}, [("local", "REG_SZ '1'", False)]),
    # What is stored is as wanted, what runs is not: write again.
    ("blocked", [LOCAL], {"running": True, "local": 0}, [("local", False, False)]),
    ("blocked", [LOCAL], {"running": None, "local": 0}, []),
    # A policy that agrees: no conflict. What runs then says nothing about the local value.
    ("blocked", [LOCAL], {"running": False, "local": 1, "policy": 0}, [("local", True, False)]),
    ("allowed", [LOCAL], {"running": True, "local": 1, "policy": 1}, []),
    # Policy scope.
    ("blocked", [POLICY], {"running": False, "policy": 0}, []),
    ("blocked", [POLICY], {"running": True, "policy": 1}, [("policy", True, False)]),
    ("blocked", [POLICY], {"running": True, "policy": BAD}, [("policy", "REG_SZ '1'", False)]),
    ("allowed", BOTH, {"running": False, "policy": 0, "local": 0}, [("local", False, True), ("policy", False, True)]),
    ("allowed", [POLICY], {"running": True, "local": 0, "policy": 1}, []),
    # Default, local: the explicit default over a value, never a delete; nothing where there is no value.
    ("default", [LOCAL], {"running": True, "default": ALLOWS}, []),
    ("default", [LOCAL], {"running": False, "local": 0, "default": ALLOWS}, [("local", False, True)]),
    ("default", [LOCAL], {"running": True, "local": 1, "default": ALLOWS}, []),
    ("default", [LOCAL], {"running": True, "local": 1, "default": DENIES}, [("local", True, False)]),
    ("default", [LOCAL], {"running": True, "local": BAD, "default": DENIES}, [("local", "REG_SZ '1'", False)]),
    # 1709 to 1909 and Server 2019: the default to deny is a stored value, without it guest is on.
    ("default", [LOCAL], {"running": True, "default": DENIES_STORED}, [("local", None, False)]),
    ("default", [LOCAL], {"running": True, "default": DENIES}, []),
    ("default", [LOCAL], {"running": False, "local": 0, "default": DENIES_STORED}, []),
    ("default", [LOCAL], {"running": True, "local": 1, "default": DENIES_STORED}, [("local", True, False)]),
    # Default, policy: not configured.
    ("default", [POLICY], {"running": True, "policy": 1}, [("policy", True, None)]),
    ("default", [POLICY], {"running": False, "policy": 0}, [("policy", False, None)]),
    ("default", [POLICY], {"running": False, "policy": BAD}, [("policy", "REG_SZ '1'", None)]),
    ("default", [POLICY], {"running": False}, []),
    ("default", [POLICY], {"running": True, "local": 1, "policy": 1}, [("policy", True, None)]),
    # An unknown default is in nobody's way where nothing has to be written over.
    ("default", [LOCAL], {"running": True}, []),
    ("default", BOTH, {"running": False, "policy": 0}, [("policy", False, None)]),
]


@pytest.mark.parametrize(("word", "scopes", "host", "expected"), ONE_SETTING)
def test_one_setting(word: str, scopes: list[Scope], host: dict[str, object], expected: list[object]) -> None:
    planned = make([desired(GUEST, word)], [state_of(GUEST, **host)], scopes)
    assert brief(planned) == [(GUEST, *change) for change in expected]
    assert planned.warnings == ()


def test_a_local_value_is_never_deleted() -> None:
    values = (None, 0, 1, BAD)
    writes = 0
    for running, local, policy, default in product(
        (False, True, None), values, values, (ALLOWS, DENIES, DENIES_STORED)
    ):
        state = state_of(GUEST, running=running, policy=policy, local=local, default=default)
        for word, scopes in product(("allowed", "blocked", "default"), ([LOCAL], BOTH)):
            for change in make([desired(GUEST, word)], [state], scopes, warn=True).changes:
                assert change.cell.scope is POLICY or change.after is not None, (state, word, scopes)
                writes += change.cell.scope is LOCAL
    assert writes > 100


def test_default_in_both_scopes_stores_the_default_that_the_policy_stood_for() -> None:
    """1809 Enterprise with a policy 0 and no local value: without the policy, guest would be on."""
    state = state_of(GUEST, running=False, policy=0, default=DENIES_STORED)
    planned = make([desired(GUEST, "default")], [state], BOTH)
    assert brief(planned) == [(GUEST, "local", None, False), (GUEST, "policy", False, None)]


# --- order ---

OPEN, CLOSED = {"running": True, "local": 1}, {"running": False, "local": 0}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_closing_begins_with_guest(order: tuple[int, ...]) -> None:
    desired_settings = [
        desired(GUEST, "blocked"),
        desired(SIGNING, "required"),
        desired(ENCRYPTION, "required"),
        desired(AUDIT, "enabled"),
    ]
    states = [state_of(GUEST, **OPEN), *(state_of(name, **CLOSED) for name in (SIGNING, ENCRYPTION, AUDIT))]
    names = [change.cell.setting.name for change in make([desired_settings[i] for i in order], states).changes]
    assert names[0] == GUEST
    assert names[-1] == AUDIT


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_opening_ends_with_guest(order: tuple[int, ...]) -> None:
    desired_settings = [
        desired(GUEST, "allowed"),
        desired(SIGNING, "not_required"),
        desired(ENCRYPTION, "not_required"),
        desired(AUDIT, "enabled"),
    ]
    states = [state_of(GUEST, **CLOSED), *(state_of(name, **OPEN) for name in (SIGNING, ENCRYPTION))]
    states.append(state_of(AUDIT, **CLOSED))
    names = [change.cell.setting.name for change in make([desired_settings[i] for i in order], states).changes]
    assert names[0] == AUDIT
    assert names[-1] == GUEST


def test_what_closes_comes_before_what_opens() -> None:
    desired_settings = [
        desired(SIGNING, "not_required"),
        desired("server_signing", "required"),
        desired(GUEST, "blocked"),
    ]
    states = [state_of(SIGNING, **OPEN), state_of("server_signing", **CLOSED), state_of(GUEST, **OPEN)]
    assert [change.cell.setting.name for change in make(desired_settings, states).changes] == [
        GUEST,
        "server_signing",
        SIGNING,
    ]


@pytest.mark.parametrize(("word", "host"), [("allowed", {"running": False}), ("blocked", {"running": True})])
def test_local_before_policy(word: str, host: dict[str, object]) -> None:
    planned = make([desired(GUEST, word)], [state_of(GUEST, **host)], BOTH)
    assert [change.cell.scope for change in planned.changes] == [LOCAL, POLICY]


def test_opening_guest_stays_last_with_both_scopes() -> None:
    desired_settings = [desired(GUEST, "allowed"), desired(ENCRYPTION, "not_required")]
    states = [state_of(GUEST, **CLOSED), state_of(ENCRYPTION, **OPEN)]
    names = [change.cell.setting.name for change in make(desired_settings, states, BOTH).changes]
    assert names == [ENCRYPTION, GUEST, ENCRYPTION, GUEST]


@pytest.mark.parametrize(
    ("name", "before", "after", "opens"),
    [
        (GUEST, False, True, True),
        (GUEST, None, True, True),
        (GUEST, True, False, False),
        (GUEST, False, None, True),
        (GUEST, True, None, False),
        (GUEST, None, None, False),
        (SIGNING, True, False, True),
        (SIGNING, False, True, False),
        (ENCRYPTION, True, None, True),
        (ENCRYPTION, False, None, False),
        (AUDIT, True, False, False),
        (AUDIT, True, None, False),
    ],
)
def test_what_opens(name: str, before: bool | None, after: bool | None, opens: bool) -> None:
    cell = Cell(SETTINGS[name], LOCAL)
    assert Change(cell, stored(None if before is None else int(before)), after).opens is opens


# --- refusals ---


def refused(
    desired_settings: list[DesiredSetting], states: list[SettingState], scopes: Iterable[Scope] = (LOCAL,)
) -> str:
    with pytest.raises(RequestError) as caught:
        make(desired_settings, states, scopes)
    assert worded(caught.value).endswith("Nothing was written.")
    assert caught.value.changed is False
    return str(caught.value)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("scopes", [(LOCAL,), (POLICY,), BOTH])
@pytest.mark.parametrize("warn", [False, True])
def test_unsupported_names_the_first_release(name: str, scopes: tuple[Scope, ...], warn: bool) -> None:
    setting = SETTINGS[name]
    for word in setting.words.choices:
        with pytest.raises(RequestError) as caught:
            make([desired(name, word)], [state_of(name, supported=False)], scopes, warn=warn)
        text = str(caught.value)
        for part in (f"{name}={word}", setting.first_release, str(setting.first_build), SYSTEM, f"{name}.supported"):
            assert part in text


@pytest.mark.parametrize("name", [SIGNING, "server_signing", "server_encryption"])
def test_no_policy_value(name: str) -> None:
    text = refused([desired(name, "required")], [state_of(name, running=False)], (POLICY,))
    assert f"{name} has no policy value" in text
    assert "Add local to scope" in text
    both = make([desired(name, "required")], [state_of(name, running=False)], BOTH)
    assert brief(both) == [(name, "local", None, True)]


def test_only_signing_has_a_security_option() -> None:
    """EncryptData has neither ADMX policy nor security option: nothing may say that it has."""
    text = refused(
        [desired("server_encryption", "required")], [state_of("server_encryption", running=False)], (POLICY,)
    )
    assert "security option" not in text


@pytest.mark.parametrize("local", [0, 1, BAD])
def test_unknown_default_is_an_error_where_it_would_be_written(local: object) -> None:
    state = state_of(GUEST, running=True, local=local)
    text = refused([desired(GUEST, "default")], [state])
    for part in (f"{GUEST}=default", SYSTEM, NOT_KNOWN.note, "Ask for allowed or blocked"):
        assert part in text


def test_all_that_overrides_it_is_reported_at_once() -> None:
    states = [state_of(ENCRYPTION, supported=False), state_of(GUEST, running=True, policy=1), state_of(SIGNING)]
    text = refused([desired(ENCRYPTION, "required"), desired(GUEST, "blocked"), desired(SIGNING, "required")], states)
    assert ENCRYPTION in text
    assert SETTINGS[GUEST].location(Layer.POLICY) in text
    assert "Nothing was written." not in text


# word, scopes, policy, MDM -> the sources that are complained of
CONFLICTS = [
    ("blocked", [LOCAL], 1, None, ["policy"]),
    ("allowed", [LOCAL], 0, None, ["policy"]),
    ("blocked", [LOCAL], 0, None, []),
    ("blocked", [LOCAL], None, 1, ["mdm"]),
    ("blocked", [LOCAL], 1, 1, ["policy", "mdm"]),
    ("blocked", [LOCAL], 0, 1, ["mdm"]),
    ("blocked", [LOCAL], BAD, None, ["policy"]),
    ("blocked", [POLICY], 1, None, []),
    ("blocked", [POLICY], 1, 1, ["mdm"]),
    ("blocked", [POLICY], None, 0, []),
    ("blocked", BOTH, 1, None, []),
    ("blocked", BOTH, 1, 1, ["mdm"]),
    ("default", [LOCAL], 1, None, ["policy"]),
    ("default", [LOCAL], 0, None, []),
    ("default", [POLICY], 1, 1, ["mdm"]),
    ("default", BOTH, 1, None, []),
    ("default", [LOCAL], BAD, None, ["policy"]),
]


@pytest.mark.parametrize(("word", "scopes", "policy", "mdm", "sources"), CONFLICTS)
def test_managed(word: str, scopes: list[Scope], policy: object, mdm: object, sources: list[str]) -> None:
    host = state_of(GUEST, running=True, policy=policy, mdm=mdm, local=1, default=DENIES)
    warned = make([desired(GUEST, word)], [host], scopes, warn=True)
    assert len(warned.warnings) == len(sources)
    for source, text in zip(sources, warned.warnings, strict=True):
        layer, value = Layer(source), policy if source == "policy" else mdm
        assert f"{GUEST}={word} would be overridden" in text
        said = "REG_SZ '1'" if value is BAD else f"{value} ({'allowed' if value else 'blocked'})"
        assert f"{SETTINGS[GUEST].location(layer)} = {said}. Change it there" in text
        assert ("add policy to scope" in text) is (source == "policy")
        assert ("Intune" in text) is (source == "mdm")
    if sources:
        text = refused([desired(GUEST, word)], [host], scopes)
        assert all(warning in text for warning in warned.warnings)
    else:
        assert make([desired(GUEST, word)], [host], scopes).changes == warned.changes


def test_a_value_that_cannot_be_read_is_no_default_that_is_not_known() -> None:
    host = state_of(GUEST, running=True, policy=BAD)
    assert len(make([desired(GUEST, "default")], [host], warn=True).warnings) == 1


def test_the_gpo_is_named_for_the_policy_value_and_not_for_what_mdm_sets() -> None:
    gpo = DecidingGpo("Baseline", "{1}", None, 1, None)
    host = replace(state_of(GUEST, running=True, policy=1, mdm=1, local=1), policy_source=gpo)
    policy, mdm = make([desired(GUEST, "blocked")], [host], warn=True).warnings
    assert f"policy (the GPO Baseline) sets {SETTINGS[GUEST].location(Layer.POLICY)}" in policy
    assert f"MDM (Intune) sets {SETTINGS[GUEST].location(Layer.MDM)}" in mdm
    assert "GPO" not in mdm


def test_managed_warn_writes_all_the_same() -> None:
    host = state_of(GUEST, running=True, policy=1, local=1)
    assert brief(make([desired(GUEST, "blocked")], [host], warn=True)) == [(GUEST, "local", True, False)]


def test_settings_that_are_not_asked_for_are_left_alone() -> None:
    states = [state_of(name, running=True, local=1) for name in SETTINGS]
    assert make([desired(SIGNING, "required")], states).changes == ()


def test_change_as_users_see_it() -> None:
    (change,) = make(
        [desired(ENCRYPTION, "default")], [state_of(ENCRYPTION, running=True, policy=1)], (POLICY,)
    ).changes
    assert change.as_dict() == {
        "setting": ENCRYPTION,
        "scope": "policy",
        "from": True,
        "to": None,
        "location": SETTINGS[ENCRYPTION].location(Layer.POLICY),
        "group_policy": "Require Encryption",
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_a_desired_setting_has_the_users_words(name: str) -> None:
    assert [desired(name, word).word for word in SETTINGS[name].words.choices] == list(SETTINGS[name].words.choices)


# --- idempotence ---

VALUES = st.sampled_from([None, 0, 1, 2, BAD])
DEFAULTS = st.sampled_from([ALLOWS, DENIES, DENIES_STORED, NOT_KNOWN])


@st.composite
def hosts(draw: st.DrawFn) -> list[SettingState]:
    """Any state of any settings, sensible or not."""
    return [
        state_of(
            name,
            supported=draw(st.integers(0, 9)) > 0,
            running=draw(st.sampled_from([None, False, True])),
            default=draw(DEFAULTS),
            policy=draw(VALUES) if SETTINGS[name].has(POLICY) else None,
            mdm=draw(VALUES) if SETTINGS[name].has(Layer.MDM) else None,
            local=draw(VALUES),
        )
        for name in (GUEST, SIGNING, ENCRYPTION, AUDIT)
    ]


def _stands_against(desired: DesiredSetting, state: SettingState, scopes: Iterable[Scope]) -> bool:
    """Whether a desired setting can come true in no way: Windows does not have it, or nobody knows what to write."""
    nobody_knows = (
        desired.value is None and state.default is NOT_KNOWN and state.observed.layer(Layer.LOCAL) is not None
    )
    return (
        state.observed.supported is False
        or (set(scopes) == {POLICY} and not desired.setting.has(Layer.POLICY))
        or (LOCAL in scopes and nobody_knows)
    )


@hypothesis_settings(deadline=None, max_examples=600, database=None)
@given(
    states=hosts(),
    words=st.tuples(*(st.sampled_from([None, True, False, "default"]) for _unused in range(4))),
    scopes=st.sampled_from([(LOCAL,), (POLICY,), BOTH]),
)
def test_a_plan_carried_out_leaves_nothing_to_plan(
    states: list[SettingState], words: tuple[object, ...], scopes: tuple[Scope, ...]
) -> None:
    desired_settings = [
        DesiredSetting(state.setting, None if word == "default" else bool(word))
        for state, word in zip(states, words, strict=True)
        if word is not None
    ]
    before = {state.setting.name: state for state in states}
    if any(_stands_against(desired, before[desired.setting.name], scopes) for desired in desired_settings):
        with pytest.raises(RequestError):
            plan(desired_settings, before, Rules(scopes, tolerate_managed=True), system=SYSTEM)
        return
    planned = plan(desired_settings, before, Rules(scopes, tolerate_managed=True), system=SYSTEM)
    after = predict(before, planned.changes)
    again = plan(desired_settings, after, Rules(scopes, tolerate_managed=True), system=SYSTEM)
    assert brief(again) == []
    touched = {change.cell.setting.name for change in planned.changes}
    assert all(after[name] is before[name] for name in set(before) - touched)
    for change in planned.changes:
        held = after[change.cell.setting.name].observed.layer(change.cell.scope.layer)
        assert held == stored(None if change.after is None else int(change.after))


def test_at_most_three_groups_of_local_neighbours() -> None:
    """One SetConfiguration carries what stands next to each other."""
    names = list(SETTINGS)
    for opening in (True, False):
        desired_settings = [
            DesiredSetting(SETTINGS[n], (SETTINGS[n].secure is None) or (SETTINGS[n].secure is not opening))
            for n in names
        ]
        states = [state_of(n, running=not w.value) for n, w in zip(names, desired_settings, strict=True)]
        sides = [change.cell.setting.side for change in make(desired_settings, states).changes]
        groups = 1 + sum(one is not other for one, other in pairwise(sides))
        assert (len(sides), groups <= 3) == (len(names), True)


def test_what_is_optional_is_left_out_with_a_warning() -> None:
    states = {AUDIT: state_of(AUDIT, running=False, policy=0), ENCRYPTION: state_of(ENCRYPTION, supported=False)}
    desired_settings = [desired(AUDIT, "enabled"), desired(ENCRYPTION, "required")]
    planned = plan(desired_settings, states, Rules((LOCAL,), optional=(AUDIT, ENCRYPTION)), system=SYSTEM)
    assert (planned.changes, planned.skipped) == ((), (AUDIT, ENCRYPTION))
    assert [SETTINGS[AUDIT].location(Layer.POLICY) in text for text in planned.warnings] == [True]
    skipping = Rules((LOCAL,), skip_unsupported=True)
    assert plan([desired_settings[1]], states, skipping, system=SYSTEM).skipped == (ENCRYPTION,)


def test_what_is_optional_is_written_where_nothing_overrides_it() -> None:
    states = {AUDIT: state_of(AUDIT, running=False)}
    planned = plan([desired(AUDIT, "enabled")], states, Rules((LOCAL,), optional=(AUDIT,)), system=SYSTEM)
    assert (brief(planned), planned.skipped) == ([(AUDIT, "local", None, True)], ())
