# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who wins, what is in force, and whether guest works: over every combination of what a host can say."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import dword
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.guest_access import drift_sentence, guest_access
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.state import Observed, SettingState, judge
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import OsDefault
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer

from ..states import BAD, CLIENT_LOCAL, CLIENT_MDM, CLIENT_POLICY, state_of

LAYER = (None, 0, 1, BAD)
RUNNING = (None, False, True)
KNOWN = {value: OsDefault(value, "derived", "note") for value in (None, False, True)}
LOCATIONS = {
    "policy": rf"HKLM\{CLIENT_POLICY}\AllowInsecureGuestAuth",
    "mdm": rf"HKLM\{CLIENT_MDM}\EnableInsecureGuestLogons",
    "local": rf"HKLM\{CLIENT_LOCAL}\AllowInsecureGuestAuth",
}

# Policy and MDM to what they decide, and where. "-": they leave it to the local value.
GOVERNED = {
    (None, None): "-",
    (None, 0): (False, "mdm", "mdm"),
    (None, 1): (True, "mdm", "mdm"),
    (None, BAD): ("running", "unknown", "mdm"),
    (0, None): (False, "policy", "policy"),
    (0, 0): (False, "mdm", "mdm"),
    (0, 1): (False, "policy", "policy"),
    (0, BAD): (False, "policy", "policy"),
    (1, None): (True, "policy", "policy"),
    (1, 0): (True, "policy", "policy"),
    (1, 1): (True, "mdm", "mdm"),
    (1, BAD): (True, "policy", "policy"),
    (BAD, None): ("running", "unknown", "policy"),
    (BAD, 0): ("running", "unknown", "policy"),
    (BAD, 1): ("running", "unknown", "policy"),
    (BAD, BAD): ("running", "unknown", "policy"),
}
LOCAL = {
    None: "-",
    0: (False, "local", "local"),
    1: (True, "local", "local"),
    BAD: ("running", "unknown", "local"),
}
# Running and the table's default to effective value and winner, where nothing is configured.
UNCONFIGURED = {
    (True, True): (True, "os_default"),
    (True, False): (True, "os_default"),
    (True, None): (True, "os_default"),
    (False, True): (False, "os_default"),
    (False, False): (False, "os_default"),
    (False, None): (False, "os_default"),
    (None, True): (True, "os_default"),
    (None, False): (False, "os_default"),
    (None, None): (None, "unknown"),
}


def test_judge() -> None:
    wrong = []
    for row in product(LAYER, LAYER, LAYER, RUNNING, KNOWN):
        policy, mdm, local, running, default = row
        state = state_of(
            "insecure_guest_logons", running=running, default=KNOWN[default], policy=policy, mdm=mdm, local=local
        )
        said = (state.effective, state.winner.value, state.location, state.drift)
        if said != (expected := _judged(*row)):
            wrong.append(f"policy, mdm, local, running, default {row}: {said}, not {expected}")
    assert wrong == []


def _judged(policy: Any, mdm: Any, local: Any, running: bool | None, default: bool | None) -> tuple[Any, ...]:
    """Effective value, winner, location and drift, by the tables above."""
    decided = GOVERNED[policy, mdm]
    if policy is None and running not in (None, {0: False, 1: True}.get(mdm)):
        decided = "-"  # the driver does not read the MDM key: contradicted by what runs, it decides nothing
    decided = LOCAL[local] if decided == "-" else decided
    if decided == "-":
        effective, winner = UNCONFIGURED[running, default]
        location, drift = None, False
    else:
        effective, winner, where = decided
        location = LOCATIONS[where]
        drift = effective != "running" and running is not None and running is not effective
        effective = running if effective == "running" else effective
    return effective, winner, location, drift


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(("policy", "local"), [(None, None), (1, 1), (0, BAD)])
def test_unsupported_whatever_else_is_there(name: str, policy: object, local: object) -> None:
    state = state_of(name, supported=False, default=KNOWN[True], policy=policy, local=local)
    assert (state.effective, state.winner.value, state.location, state.drift) == (None, "unsupported", None, False)


@pytest.mark.parametrize("value", [2, 0xFFFFFFFF])
def test_any_dword_but_zero_is_on(value: int) -> None:
    state = state_of("client_encryption", running=True, policy=value)
    assert (state.effective, state.drift, state.as_dict()["policy"]) == (True, False, f"REG_DWORD {value}")


@pytest.mark.parametrize(
    ("layers", "governed"), [({}, False), ({"local": 1}, False), ({"policy": 0}, True), ({"mdm": BAD}, True)]
)
def test_governed_means_that_something_stronger_is_configured(layers: dict[str, object], governed: bool) -> None:
    assert state_of("client_encryption", running=False, **layers).observed.governed() is governed


@pytest.mark.parametrize("layer", ["policy", "local"])
def test_a_value_of_another_type_is_shown_as_what_it_is(layer: str) -> None:
    assert state_of("client_encryption", running=False, **{layer: BAD}).as_dict()[layer] == "REG_SZ '1'"


def test_in_force_is_what_runs() -> None:
    assert state_of("client_encryption", running=False, policy=1).in_force is False
    assert state_of("client_encryption", policy=1).in_force is True
    assert state_of("client_encryption").in_force is None


def test_the_shape_that_users_get() -> None:
    state = state_of("client_encryption", running=False, default=KNOWN[True], policy=1, local=0)
    assert state.as_dict() == {
        "effective": True,
        "winner": "policy",
        "running": False,
        "policy": True,
        "mdm": None,
        "local": False,
        "os_default": True,
        "os_default_confidence": "derived",
        "supported": True,
        "drift": True,
        "location": rf"HKLM\{CLIENT_POLICY}\RequireEncryption",
        "group_policy": "Require Encryption",
    }


# --- guest access ---

# What each of the three says: True, False, unknown; encryption may also be missing on this Windows.
GUESTS = (True, False, None)
BLOCKERS = (True, False, None, "unsupported")


def _said(name: str, value: bool | str | None) -> SettingState:
    if value == "unsupported":
        return state_of(name, supported=False)
    return state_of(name, running=value)


def _states(guest: bool | None, signing: bool | str | None, encryption: bool | str | None) -> dict[str, SettingState]:
    said = {"insecure_guest_logons": guest, "client_signing": signing, "client_encryption": encryption}
    return {name: _said(name, value) for name, value in said.items()}


@pytest.mark.parametrize(("guest", "signing", "encryption"), list(product(GUESTS, BLOCKERS, BLOCKERS)))
def test_guest_access(guest: bool | None, signing: bool | str | None, encryption: bool | str | None) -> None:
    access = guest_access(_states(guest, signing, encryption)).as_dict()
    blocked_by = ["insecure_guest_logons"] if guest is not True else []
    blocked_by += ["client_signing"] if signing in (True, None) else []
    blocked_by += ["client_encryption"] if encryption in (True, None) else []
    assert access["blocked_by"] == blocked_by
    blocks = guest is False or signing is True or encryption is True
    assert access["verdict"] == ("blocked" if blocks else "unknown" if blocked_by else "allowed")
    assert access["advice"]
    if access["verdict"] == "unknown":
        assert all(name in access["advice"] for name in blocked_by)


def test_advice_to_an_open_host_names_the_way_to_close_it() -> None:
    advice = guest_access(_states(True, False, "unsupported")).advice
    assert "winops.smb_guest.guest_auth state=blocked" in advice


def test_advice_where_allowing_guest_achieves_nothing() -> None:
    """24H2 and Server 2025."""
    advice = guest_access(_states(True, True, False)).advice
    assert "client_signing (required)" in advice
    assert "client_encryption" not in advice
    assert "winops.smb_guest.client_config" in advice


def test_advice_names_the_place_that_blocks() -> None:
    states = _states(False, False, False)
    states["insecure_guest_logons"] = state_of("insecure_guest_logons", running=False, policy=0)
    assert LOCATIONS["policy"] in guest_access(states).advice
    assert "default of this Windows" in guest_access(_states(False, False, False)).advice


@pytest.mark.parametrize("name", ["insecure_guest_logons", "client_encryption"])
def test_advice_tells_of_a_running_value_that_contradicts(name: str) -> None:
    states = _states(True, False, False)
    plain = guest_access(states).advice
    states[name] = state_of(name, running=False, policy=1)
    advice = guest_access(states).advice
    assert name in advice
    assert SETTINGS[name].location(Layer.POLICY) in advice
    assert SETTINGS[name].words.false in advice
    assert "contradicts" in advice
    assert "contradicts" not in plain


@pytest.mark.parametrize(("running", "word"), [(True, "allowed"), (False, "blocked")])
def test_what_contradicts_is_reported_in_the_users_words(running: bool, word: str) -> None:
    state = state_of("insecure_guest_logons", running=running, policy=int(not running))
    assert drift_sentence(state).startswith(
        f"insecure_guest_logons: the running value ({word}) contradicts {LOCATIONS['policy']}."
    )


def test_unknown_is_not_called_required() -> None:
    """The advice may not state what nobody knows."""
    assert "client_signing (required)" not in guest_access(_states(True, None, False)).advice


def test_the_verdict_follows_what_runs() -> None:
    """A policy that the client has not taken over closes nothing, and opens nothing."""
    states = _states(True, False, False)
    states["insecure_guest_logons"] = state_of("insecure_guest_logons", running=True, policy=0)
    assert guest_access(states).verdict == "allowed"
    states["insecure_guest_logons"] = state_of("insecure_guest_logons", running=False, policy=1)
    assert guest_access(states).verdict == "blocked"


def test_advice_sends_nobody_to_write_beneath_what_decides() -> None:
    states = _states(False, False, False)
    assert "guest_auth state=allowed" in guest_access(states).advice
    for layer in ("policy", "mdm"):
        states["insecure_guest_logons"] = state_of("insecure_guest_logons", running=False, **{layer: 0})
        assert "guest_auth" not in guest_access(states).advice, layer
    for layer in ("policy", "mdm"):
        states = {
            **_states(True, True, True),
            "client_encryption": state_of("client_encryption", running=True, **{layer: 1}),
        }
        assert "client_config" not in guest_access(states).advice, "one of the two is decided elsewhere"


def test_the_local_gpo_is_shown_only_where_it_was_read() -> None:
    for read in (False, True):
        layers = {Layer.LOCAL: dword(1), **({Layer.LOCAL_GPO: dword(0)} if read else {})}
        fact = judge(SETTINGS["insecure_guest_logons"], Observed(True, True, layers)).as_dict()
        assert (fact["policy"], fact["mdm"], fact["local"]) == (None, None, True)
        assert fact.get("local_gpo", "not shown") == (False if read else "not shown")
