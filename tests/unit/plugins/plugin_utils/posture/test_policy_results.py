# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which GPO wrote a value, as a simulated host's RSoP tells it: named, unknown for a reason, never an error."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from in_process import session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostUnreachable, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.facts import OS, POLICY_SOURCE, gather_settings
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.guest_access import guest_access
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.observe import Depth, observe
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.policy_results import read_policy_results
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.policy_source import PolicyResults
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.state import States, judge_all
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import NOT_KNOWN
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import Registry
from simulated_windows.in_process import InProcessHost
from simulated_windows.smb_properties import CLIENT_PARAMETERS, CLIENT_POLICY

from ..engine import GUEST, LOCAL, SIGNING, change

GUID = "{11111111-2222-3333-4444-555555555555}"
OU = "OU=NAS,DC=corp,DC=example"
GPOS = [
    {"local": True, "policy": {"AllowInsecureGuestAuth": 1}},
    {
        "name": "SMB hardening",
        "guid": GUID,
        "policy": {"AllowInsecureGuestAuth": 0},
        "security_options": {"RequireSecuritySignature": 1},
    },
    {"name": "NAS", "link": OU, "server_security_options": {"RequireSecuritySignature": 1}},
]
HARDENING = {
    "gpo": "SMB hardening",
    "guid": GUID,
    "link": "DC=corp,DC=example",
    "precedence": 1,
    "refreshed_at": "2026-03-02T12:00:00Z",
}
NAMELESS = {"policy_source": None, "policy_source_reason": None}


def governed(**options: Any) -> InProcessHost:
    return InProcessHost(
        "windows_11_24h2_pro",
        part_of_domain=True,
        **{"gpos": GPOS, "parameters": {"EnableSecuritySignature": 1}, **options},
    )


def results_of(host: InProcessHost) -> tuple[PolicyResults, int]:
    """What RSoP says, and how many requests it cost."""
    before = len(host.messages)
    results = read_policy_results(session(host), SETTINGS.values())
    return results, len(host.messages) - before


def states_of(host: InProcessHost, *, named: bool = True) -> States:
    of_host = session(host)
    observation = observe(of_host, Registry(of_host), dict.fromkeys(SETTINGS.values(), Depth.WHOLE))
    results = read_policy_results(of_host, SETTINGS.values()) if named else None
    return judge_all(observation, SETTINGS, lambda _: NOT_KNOWN, results)


def test_the_gpo_behind_a_policy_value_and_a_security_option() -> None:
    states = states_of(governed())
    assert states[GUEST].named() == {"policy_source": HARDENING, "policy_source_reason": None}
    assert (states[SIGNING].winner.value, states[SIGNING].named()["policy_source"]) == ("policy", HARDENING)
    assert states[SIGNING].location == SETTINGS[SIGNING].location(Layer.LOCAL)
    server = states["server_signing"]
    assert server.policy_source is not None
    assert (server.winner.value, server.policy_source.gpo, server.policy_source.link) == ("policy", "NAS", OU)
    # Nothing configures it, so there is nobody to name.
    assert states["client_encryption"].named() == NAMELESS


def test_without_asking_a_security_option_looks_local() -> None:
    assert states_of(governed(), named=False)[SIGNING].winner.value == "local"


def test_a_local_value_that_no_gpo_wrote_stays_local() -> None:
    host = governed(gpos=[])
    host.edit(CLIENT_PARAMETERS, "RequireSecuritySignature", 1)
    state = states_of(host)[SIGNING]
    assert (state.winner.value, state.named()) == ("local", NAMELESS)


def test_somebody_changed_the_value_since() -> None:
    host = governed()
    host.edit(CLIENT_PARAMETERS, "RequireSecuritySignature", 0)
    host.edit(CLIENT_POLICY, "AllowInsecureGuestAuth", 1)
    states = states_of(host)
    assert (states[SIGNING].winner.value, states[GUEST].winner.value) == ("local", "policy")
    for name, was, holds in ((SIGNING, 1, 0), (GUEST, 0, 1)):
        assert states[name].policy_source is None
        reason = str(states[name].policy_source_reason)
        assert f"it was {was} by the GPO SMB hardening" in reason
        assert f"the host holds {holds}." in reason


def test_a_policy_value_that_came_from_nowhere() -> None:
    state = states_of(InProcessHost(policy={"AllowInsecureGuestAuth": 0}))[GUEST]
    assert state.policy_source is None
    assert "written directly" in str(state.policy_source_reason)


def test_the_policy_of_the_host_itself() -> None:
    state = states_of(governed(gpos=GPOS[:1]))[GUEST]
    assert state.policy_source is not None
    assert (state.policy_source.gpo, state.policy_source.guid) == ("Local Group Policy", None)
    assert str(state.policy_source) == "the GPO Local Group Policy"


@pytest.mark.parametrize(
    ("quirk", "words", "requests"),
    [
        ("missing_namespace", "does not serve root/rsop/computer", 1),
        ("denied", "denies this account root/rsop/computer", 1),
        ("empty", "root/rsop/computer is empty", 1),
        ("served", None, 4),
    ],
)
def test_what_it_costs_and_why_nothing_is_known(quirk: str, words: str | None, requests: int) -> None:
    host = governed(quirks={"rsop": quirk})
    results, cost = results_of(host)
    assert cost == requests
    assert (words is None) == (results.reason is None)
    if words is None:
        return
    assert words in str(results.reason)
    states = states_of(host)
    assert (states[GUEST].winner.value, states[SIGNING].winner.value) == ("policy", "local")
    for name in (GUEST, SIGNING):
        assert states[name].named() == {"policy_source": None, "policy_source_reason": results.reason}


def test_the_number_of_settings_costs_nothing() -> None:
    audits = {"AuditInsecureGuestLogon": 1, "AuditServerDoesNotSupportSigning": 1, "RequireEncryption": 0}
    host = governed(gpos=[*GPOS, {"name": "Audits", "policy": audits, "server_policy": {"AuditInsecureGuestLogon": 1}}])
    results, cost = results_of(host)
    assert (cost, len(results.written)) == (4, 7)
    # The same value name stands below two keys, and in two classes.
    sides = [SETTINGS["audit_insecure_guest_logons"], SETTINGS["server_audit_insecure_guest_logons"]]
    assert {results.written[(each, Layer.POLICY)].source.gpo for each in sides} == {"Audits"}


def test_old_results() -> None:
    host = governed(quirks={"rsop": "old"})
    host.advance(86400)
    host.refresh_policy(gpos=[{"name": "New", "policy": {"AllowInsecureGuestAuth": 1}}])
    state = states_of(host)[GUEST]
    assert (state.winner.value, state.policy_source) == ("policy", None)
    assert str(state.policy_source_reason).startswith("RSoP is older than the value: at 20")


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_query_that_fails_is_a_reason_and_a_lost_host_an_error(at: int) -> None:
    host = governed()
    host.inject("soap_fault", at=[at], code=0x80041001)
    assert "did not answer about root/rsop/computer" in str(results_of(host)[0].reason)
    host = governed()
    host.inject("reset_before", at=[at])
    with pytest.raises(HostUnreachable):
        results_of(host)


def test_a_name_that_steers_a_terminal() -> None:
    state = states_of(governed(gpos=[{"name": "bad\u202e\x85name", "policy": {"AllowInsecureGuestAuth": 0}}]))[GUEST]
    assert state.policy_source is not None
    assert state.policy_source.gpo.isprintable()


def test_advice_names_the_gpo() -> None:
    advice = guest_access(states_of(governed())).advice
    assert "client_signing (required, written by the GPO SMB hardening, linked to DC=corp,DC=example)" in advice
    guest = [{"name": "Guest off", "guid": GUID, "policy": {"AllowInsecureGuestAuth": 0}}]
    host = governed(gpos=guest, parameters={"RequireSecuritySignature": 0})
    assert r"AllowInsecureGuestAuth, written by the GPO Guest off, linked to " in guest_access(states_of(host)).advice
    signing = [{"name": "Sign", "guid": GUID, "security_options": {"RequireSecuritySignature": 1}}]
    advice = guest_access(states_of(governed(gpos=signing, parameters={"AllowInsecureGuestAuth": 1}))).advice
    assert "written by the GPO Sign" in advice
    assert "client_config" not in advice


CONFLICT = {GUEST: "allowed"}
RELAXED = {"rules": {"tolerate_managed": True}}


def test_a_conflict_names_the_gpo() -> None:
    with pytest.raises(
        RequestError, match="policy \\(the GPO SMB hardening, linked to DC=corp,DC=example\\) sets HKLM"
    ):
        change(governed(), CONFLICT, (LOCAL,))
    # What a domain's GPO would write again is no way out; the host's own policy is.
    with pytest.raises(RequestError, match="Change it there: a value written over it lasts until that GPO"):
        change(governed(), CONFLICT, (LOCAL,))
    own = [{"local": True, "policy": {"AllowInsecureGuestAuth": 0}}]
    with pytest.raises(RequestError, match=r"policy \(the GPO Local Group Policy\) sets .*or add policy to scope"):
        change(governed(gpos=own), CONFLICT, (LOCAL,))
    warnings = change(governed(), CONFLICT, (LOCAL,), check=True, **RELAXED).plan.warnings
    assert any("the GPO SMB hardening" in each for each in warnings)


@pytest.mark.parametrize("quirk", ["missing_namespace", "denied", "empty"])
def test_a_conflict_without_a_name_is_the_same_conflict(quirk: str) -> None:
    with pytest.raises(RequestError, match="overridden: policy sets HKLM"):
        change(governed(quirks={"rsop": quirk}), CONFLICT, (LOCAL,))


def test_a_change_asks_only_about_a_conflict() -> None:
    def asked(words: dict[str, str]) -> int:
        host = governed(gpos=GPOS[1:2])
        with contextlib.suppress(RequestError):
            change(host, words, (LOCAL,), check=True)
        return sum("rsop" in str(each).lower() for each in host.messages)

    assert asked({GUEST: "blocked"}) == 0
    assert asked(CONFLICT) == 2


def test_no_gpo_is_looked_for_behind_what_no_gpo_of_the_host_writes() -> None:
    """A local value that has a policy of its own, a local value without any, and what MDM sets."""
    spec: dict[str, Any] = {"parameters": {"AllowInsecureGuestAuth": 1}, "server_parameters": {"EncryptData": 1}}
    host = InProcessHost(mdm={"RequireEncryption": 1}, quirks={"rsop": "denied"}, **spec)
    host.client.running["RequireEncryption"] = True
    states = states_of(host)
    for name, winner in ((GUEST, "local"), ("server_encryption", "local"), ("client_encryption", "mdm")):
        assert (states[name].winner.value, states[name].named()) == (winner, NAMELESS)


def test_nobody_asks_which_gpo_where_nothing_may_come_from_one() -> None:
    """A host without a policy value and without a security option: RSoP could say nothing about it."""
    for host, asked in ((InProcessHost("windows_11_24h2_pro"), False), (governed(), True)):
        facts = gather_settings(session(host), (OS, POLICY_SOURCE)).facts
        assert any("root/rsop" in message["resource"].lower() for message in host.messages) is asked
        assert {"policy_source", "policy_source_reason"} <= facts["settings"][GUEST].keys()
