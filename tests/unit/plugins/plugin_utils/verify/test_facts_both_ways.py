"""The kit against simulated Windows, both ways: a plain host deviates nowhere, each odd one where its quirk says.

Whatever the host is like, it is left as it was found.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
from in_process import session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.facts import FACTS, Consent
from ansible_collections.winops.smb_guest.plugins.plugin_utils.verify.engine import Verified, verify
from simulated_windows.in_process import InProcessHost, differences
from simulated_windows.quirks import Quirks

# Nothing but the driver itself tells when it reads; each takes one more way from it.
_NEVER_AT_ONCE = {"running_follows_registry": False}
_NOT_BY_SETTING = {**_NEVER_AT_ONCE, "set_rereads_registry": False}

# quirks -> the facts that are otherwise then
QUIRKS: list[tuple[dict[str, Any], set[str]]] = [
    ({"upper_case_booleans": True}, {"answer_shape"}),
    ({"omi_style": True}, {"answer_shape"}),
    ({"embedded_extra_level": True}, {"answer_shape"}),
    ({"embedded_no_xsi_type": True}, {"answer_shape"}),
    ({"xsi_type_on_scalars": True}, {"answer_shape"}),
    ({"nulls_absent": True}, {"answer_shape"}),
    ({"lower_case_class_uri": True}, {"answer_shape"}),
    ({"no_relates_to": True}, {"relates_to"}),
    ({"first_page": "one_item"}, {"first_page"}),
    ({"first_page": "none"}, {"first_page"}),
    ({"class_schemas": False}, {"class_schema"}),
    ({"schema_other_types": ["EncryptData"]}, {"class_schema"}),
    ({"schema_other_types": ["hDefKey"]}, {"class_schema"}),
    ({"without_properties": ["RequireEncryption"]}, {"class_schema"}),
    ({"cmdlet_output_missing": True}, {"task_next_run"}),
    ({"input_in_order": True}, {"set_out_of_order"}),
    ({"registry_absent_codes": [2, 2]}, {"registry_absent_value"}),
    ({"registry_absent_codes": [1, 1]}, {"registry_absent_key", "registry_delete_absent"}),
    ({"registry_wrong_type_code": 13}, {"registry_wrong_type"}),
    ({"empty_text_is_null": True}, {"registry_empty_text"}),
    ({"unnamed_value_listed": True}, {"registry_unnamed_value"}),
    ({"users_write_software": True}, {"journal_permissions"}),
    (_NEVER_AT_ONCE, {"deleted_value", "policy_followed"}),
    (_NOT_BY_SETTING, {"deleted_value", "policy_followed"}),
    ({**_NOT_BY_SETTING, "refresh_rereads_registry": False}, {"deleted_value", "policy_followed"}),
    ({"policy_read_at_start_only": True}, {"policy_followed"}),
    ({"running_ignores_policy": True}, {"policy_followed"}),
    ({"set_refused_by_policy": True}, {"set_beneath_policy"}),
    ({"set_needs_prompt_options": True}, {"set_without_options"}),
    ({"set_stores_no_default": True}, {"default_is_stored"}),
    ({"configuration_enumeration": False}, {"configuration_enumerates"}),
    ({"stopped_service": "return_value"}, {"stopped_side"}),
    ({"stopped_service": "works"}, {"stopped_side"}),
    ({"delete_absent_task": "status_1"}, {"delete_absent_task"}),
    ({"delete_absent_task": "status_6"}, {"delete_absent_task"}),
    ({"delete_absent_task": "element_not_found"}, {"delete_absent_task"}),
    ({"next_run_time": "none"}, {"task_next_run"}),
    ({"next_run_time": "local"}, {"task_next_run"}),
    ({"registration_refused": True}, {"task_registered", "expiry_ends"}),
    ({"task_enumeration_fails": True}, {"task_listed"}),
    ({"task_trigger_order": "schema"}, {"task_trigger_order"}),
    ({"task_trigger_order": "export"}, {"task_trigger_order"}),
    ({"rsop": "missing_namespace"}, {"rsop_served"}),
    ({"rsop": "denied"}, {"rsop_served"}),
    ({"rsop": "empty"}, {"rsop_served"}),
    ({"without_channels": ["Microsoft-Windows-SmbClient/Audit"]}, {"channel_present"}),
    ({"subscription": "refused"}, {"event_subscription"}),
    ({"subscription": "denied"}, {"event_subscription"}),
    ({"subscription_filter": "element"}, {"event_subscription"}),
    ({"pull_in_vain": "timed_out"}, {"pull_in_vain"}),
]

NOT_TOLD = {
    "with_properties": "a property more is no deviation",
    "mdm_only": "a host without MDM shows nothing of it",
    "embedded_same_prefix": "the same XML",
    "german": "no text is read",
    "dialects_by_name": "both forms are read",
    "access_denied": "an account without rights sees nothing else either",
    "local_gpo_ignored": "the local GPO is not written to",
    "set_refusal_is_partial": "needs a refusal first",
    "missed_start_needs_end_boundary": "the host would have to be turned off",
    "dollar_is_an_escape": "what the collection registers holds for both readings",
    "constrained_language": "what the collection registers holds for both readings",
    "max_envelope_kb": "a setting of the service, which no fact is about",
    "on_batteries": "a state of the host",
    "subscription_order": "both orders are read",
    "console_encoding": "the words that are read are ASCII in each",
    "delete_task_lies": "the task could not be restored: tested below",
}


def examine(host: InProcessHost, *consent: Consent) -> Verified:
    """With a clock that goes by only where the kit waits."""

    def wait(seconds: float) -> None:
        host.advance(seconds)
        host.run_due_tasks()

    return verify(session(host), consent, wait)


def otherwise(verified: Verified) -> set[str]:
    return {row.fact.id for row in verified.rows if row.as_expected is False}


def not_seen(verified: Verified) -> set[str]:
    return {row.fact.id for row in verified.rows if row.as_expected is None}


# What a host cannot be asked safely: there is no audit, and guest logons are closed; or it is a domain controller.
_POLICY = {"policy_followed", "set_beneath_policy"}
PLAIN = {
    "windows_11_24h2_pro": set(),
    "server_2025": set(),
    "windows_10_22h2_pro": set(),
    "server_2016": set(),
    "windows_10_1809_enterprise": _POLICY,
    "server_2022": _POLICY,
    "domain_controller": {"stopped_side"},
}


@pytest.mark.parametrize("preset", PLAIN)
def test_a_plain_host_deviates_nowhere_and_is_left_as_it_was(preset: str) -> None:
    host = InProcessHost(preset)
    before = host.snapshot()
    verified = examine(host, *Consent)
    assert (otherwise(verified), not_seen(verified)) == (set(), PLAIN[preset]), verified.summary()
    assert verified.not_restored == ()
    assert differences(before, host.snapshot()) == []
    assert {row.fact.id for row in verified.rows} == set(FACTS)


@pytest.mark.parametrize(
    ("quirks", "facts"), QUIRKS, ids=lambda given: str(sorted(given) if isinstance(given, set) else given)
)
def test_each_deviation_is_reported_and_the_host_left_as_it_was(quirks: dict[str, Any], facts: set[str]) -> None:
    host = InProcessHost(quirks=quirks)
    before = host.snapshot()
    verified = examine(host, *Consent)
    assert otherwise(verified) == facts, verified.summary()
    assert verified.not_restored == ()
    assert differences(before, host.snapshot()) == []


def test_no_quirk_is_forgotten() -> None:
    tried = {name for quirks, _facts in QUIRKS for name in quirks}
    assert tried | set(NOT_TOLD) == {item.name for item in fields(Quirks)}
    assert not tried & set(NOT_TOLD)


def test_every_fact_is_seen_otherwise_by_some_quirk() -> None:
    covered = set().union(*(facts for _quirks, facts in QUIRKS))
    by_hand = {"registry_round_trip", "set_configuration", "wevtutil_words", "task_deleted"}
    assert covered | by_hand == set(FACTS)


def test_what_cannot_be_restored_is_reported_and_ends_the_writing() -> None:
    host = InProcessHost(quirks={"delete_task_lies": True})
    verified = examine(host, *Consent)
    assert "task_deleted" in otherwise(verified)
    assert verified.not_restored
    assert all("\\winops\\smb_guest\\verify_facts" in line for line in verified.not_restored)
    assert {"wevtutil_words", "stopped_side", "expiry_ends"} <= not_seen(verified)


def test_without_consent_nothing_is_written_started_or_set() -> None:
    host = InProcessHost()
    verified = examine(host)
    assert not_seen(verified) == {fact.id for fact in FACTS.values() if fact.consent}
    asked = {str(row["method"]) for row in host.messages}
    assert not [name for name in asked if name.startswith(("Set", "Create", "Delete", "Register", "Start", "Stop"))]
    assert not [row for row in host.messages if "shell" in str(row["resource"])]


@pytest.mark.parametrize("word", Consent)
def test_each_word_lets_its_own_facts_be_seen(word: Consent) -> None:
    verified = examine(InProcessHost(), word)
    assert otherwise(verified) == set()
    assert not_seen(verified) == {fact.id for fact in FACTS.values() if fact.consent not in (None, word)}


def test_where_the_conversation_breaks_off_nothing_more_is_written() -> None:
    plain = InProcessHost()
    examine(plain, Consent.REGISTRY)
    writes = [row["index"] for row in plain.messages if row["method"] == "SetDWORDValue"]
    host = InProcessHost()
    before = host.snapshot()
    host.inject("reset_after", at=[writes[0]])
    verified = examine(host, Consent.REGISTRY, Consent.SMB_SETTINGS)
    seen = {row.fact.id: row.seen for row in verified.rows}
    assert seen["set_configuration"] == "the connection was interrupted before it"
    assert verified.not_restored == ()
    assert differences(before, host.snapshot()) == []


STEP = 5


@pytest.mark.parametrize("word", [word for word in Consent if word is not Consent.EXPIRY])
def test_a_broken_connection_anywhere_leaves_nothing(word: Consent) -> None:
    """The answer to every fifth request is lost, after the host has acted: one at a time."""
    plain = InProcessHost()
    examine(plain)
    reading = plain.requests
    whole = InProcessHost()
    examine(whole, word)
    for number in range(reading + 1, whole.requests, STEP):
        host = InProcessHost()
        before = host.snapshot()
        host.inject("reset_after", at=[number])
        verified: Verified | None = None
        with suppress(HostError):  # before anything is written, that ends the task
            verified = examine(host, word)
        if verified:
            assert not [line for line in verified.not_restored if "is not known" not in line], number
        assert differences(before, host.snapshot()) == [], number


def test_an_interruption_leaves_nothing() -> None:
    """While a step writes; its undoing is not interrupted, which is for signals to show and not for this host."""
    whole = InProcessHost()
    examine(whole, Consent.SMB_SETTINGS)
    sets = [row["index"] for row in whole.messages if row["method"] == "SetConfiguration"]
    for number in range(sets[0], sets[-1] + 1):
        host = InProcessHost()
        before = host.snapshot()
        host.interrupt(number, KeyboardInterrupt(), acted=True)
        with pytest.raises(KeyboardInterrupt):
            examine(host, Consent.SMB_SETTINGS)
        assert differences(before, host.snapshot()) == [], number
