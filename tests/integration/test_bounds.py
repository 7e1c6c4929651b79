"""What the journal and the roles may cost a host, in requests: the bounds of tests/bench, each on its own host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS
from playbooks import Playbooks, Record, Run, task
from simulated_windows.client import Fleet

PRESET = "windows_11_24h2_pro"
ENTRIES = 20
FACTS_MORE = 4
REVERT = 30
JOURNAL = 12
SET_CALLS = 3
WORDS = SETTINGS["insecure_guest_logons"].words
HOST_FULL, HOST_PLAIN, HOST_JOURNALED, HOST_ALL = HOSTS = ("full", "plain", "journaled", "all-settings")


def _change(name: str, **options: Any) -> dict[str, Any]:
    return task(name, "client_config", **options)


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    return start_fleet([{"name": name, "preset": PRESET} for name in HOSTS])


@pytest.fixture(scope="module")
def full(fleet: Fleet, playbooks: Playbooks) -> Run:
    words = [WORDS.true, WORDS.false] * (ENTRIES // 2)
    fill = [
        _change(f"fill {number}", insecure_guest_logons=word, reason="bound", change_id=f"bound-{number}")
        for number, word in enumerate(words)
    ]
    facts = [task(name, "client_facts") for name in ("before", "after")]
    undo = task("undo", "revert_change", latest=True)
    return playbooks.run(fleet, [facts[0], *fill, facts[1], undo], [HOST_FULL])


def _requests(record: Record, status: str) -> int:
    assert record.status == status, record
    return int(record.counters["requests"])


def test_facts_with_a_full_journal(full: Run) -> None:
    after = full.record(HOST_FULL, "after")
    assert len(after.facts["changes"]) == ENTRIES
    assert _requests(after, "ok") <= _requests(full.record(HOST_FULL, "before"), "ok") + FACTS_MORE


def test_undoing_the_latest_of_many(full: Run) -> None:
    undo = full.record(HOST_FULL, "undo")
    assert undo.result["changed"] is True
    assert _requests(undo, "ok") <= REVERT, [row["method"] for row in undo.requests]


def test_the_journal_of_a_change(fleet: Fleet, playbooks: Playbooks) -> None:
    desired = {"insecure_guest_logons": WORDS.true}
    plain = playbooks.run(fleet, [_change("change", **desired)], [HOST_PLAIN]).record(HOST_PLAIN, "change")
    noted = playbooks.run(fleet, [_change("change", reason="bound", **desired)], [HOST_JOURNALED])
    journaled = noted.record(HOST_JOURNALED, "change")
    assert plain.result["changed"] is journaled.result["changed"] is True
    assert _requests(journaled, "ok") <= _requests(plain, "ok") + JOURNAL, [r["method"] for r in journaled.requests]


def test_all_settings_in_few_calls(fleet: Fleet, playbooks: Playbooks) -> None:
    installed_true = ("client_signing", "server_signing")
    desired = {
        name: setting.words.false if name in installed_true else setting.words.true
        for name, setting in SETTINGS.items()
    }
    record = playbooks.run(fleet, [_change("change", **desired)], [HOST_ALL]).record(HOST_ALL, "change")
    assert (record.status, record.result["changed"]) == ("ok", True), record
    calls = [row["method"] for row in record.requests].count("SetConfiguration")
    assert 1 <= calls <= SET_CALLS
