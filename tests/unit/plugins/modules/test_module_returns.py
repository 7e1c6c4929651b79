"""The RETURN blocks name exactly what the code returns, with its types."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.action import audit, client_facts, revert_change
from ansible_collections.winops.smb_guest.plugins.plugin_utils.action import SettingsAction
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import Outcome
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Entry, Status
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Change, Plan, Wish
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Reverted
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.snapshot import Snapshot
from ansible_collections.winops.smb_guest.plugins.plugin_utils.state import Observed, SettingState, judge
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import GUEST, SETTINGS, Layer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.event_channels import Channel
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.operating_system import OperatingSystem

# Stands in the documentation for every setting's name: RETURN keys must be words.
PLACEHOLDER = "SETTING_NAME"
# The narrow modules refer to the one that documents what they all return.
COMMON_RETURNS = "client_config"
NARROW = ("audit", "encryption", "guest_auth", "signing")
# Ansible documents these for every module.
COMMON = {"changed"}

SYSTEM = OperatingSystem(
    "Microsoft Windows 11 Pro", "client", "Professional", 48, "24H2", 26100, 3476, "workstation", True, "example.com"
)
CHANNEL = "Microsoft-Windows-SmbClient/Audit"


def _states() -> dict[str, SettingState]:
    observed = Observed(supported=True, running=True, layers={Layer.LOCAL: 1})
    return {name: judge(setting, observed) for name, setting in SETTINGS.items()}


CHANGE = Change(GUEST, Layer.LOCAL, None, True)
NOW = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
ENTRY = Entry("CHG0042", Status.APPLIED, "", NOW, NOW + timedelta(hours=8), Snapshot(()), (CHANGE,))


def _outcome(entry: Entry | None = ENTRY) -> Outcome:
    return Outcome([Wish(GUEST, True)], Plan((CHANGE,), ()), _states(), _states(), verified=True, entry=entry)


def _documented_returns(documented: dict[str, Any], name: str) -> dict[str, Any]:
    """The RETURN of a module, with what it refers to in its place."""
    common = documented[COMMON_RETURNS]["return"]
    returns = documented[name]["return"]
    return {key: common[key] if value["description"] == _reference(key) else value for key, value in returns.items()}


def _reference(key: str) -> str:
    return f"As RV(winops.smb_guest.{COMMON_RETURNS}#module:{key})."


def _mismatches(returned: Any, documented: dict[str, Any], where: str) -> list[str]:
    """What is returned and not documented, the other way round, or of another type."""
    if set(documented) == {PLACEHOLDER}:
        documented = dict.fromkeys(returned, documented[PLACEHOLDER])
    found = [
        f"{where}.{name} is only {'returned' if name in returned else 'documented'}"
        for name in sorted({*returned} ^ {*documented})
    ]
    for name in sorted({*returned} & {*documented}):
        found += _value_mismatches(returned[name], documented[name], f"{where}.{name}")
    return found


def _value_mismatches(value: Any, documentation: dict[str, Any], where: str) -> list[str]:
    if value is None:
        return [] if "null" in str(documentation["description"]) else [f"{where} is null, and that is not documented"]
    if type(value).__name__ != documentation["type"]:
        return [f"{where} is a {type(value).__name__}, documented as {documentation['type']}"]
    items = value if isinstance(value, list) else [value]
    if not items or not isinstance(items[0], dict):
        return []
    return [mismatch for item in items for mismatch in _mismatches(item, documentation["contains"], where)]


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What client_facts returns of a host that answers everything."""
    monkeypatch.setattr(client_facts, "read_operating_system", lambda *_: SYSTEM)
    monkeypatch.setattr(client_facts, "Observer", lambda *_: SimpleNamespace(observe=lambda _: _states()))
    journal = SimpleNamespace(entries=lambda: ([ENTRY, replace(ENTRY, expires_at=None)], []))
    monkeypatch.setattr(client_facts, "Journal", lambda _: journal)
    action = client_facts.ActionModule.__new__(client_facts.ActionModule)
    return lambda *subset: action.work(None, {"gather_subset": list(subset)})


def _settings_result(
    monkeypatch: pytest.MonkeyPatch, action_class: Any, module: str, entry: Entry | None
) -> dict[str, Any]:
    monkeypatch.setattr(SettingsAction, "configure", lambda *_: _outcome(entry))
    monkeypatch.setattr(audit, "read_channels", lambda *_: {CHANNEL: Channel(enabled=False, max_size=1)})
    action = action_class(module).__new__(action_class(module))
    action._task = SimpleNamespace(check_mode=True)
    result: dict[str, Any] = action.work(None, {"channels": [{"name": CHANNEL, "min_size": 2}]})
    return result


@pytest.mark.parametrize("entry", [ENTRY, None], ids=["journaled", "unjournaled"])
@pytest.mark.parametrize("name", [COMMON_RETURNS, *NARROW])
def test_modules_that_change_settings(
    documented: Any, action_class: Any, monkeypatch: pytest.MonkeyPatch, name: str, entry: Entry | None
) -> None:
    result = _settings_result(monkeypatch, action_class, name, entry)
    result.pop("warnings", None)
    returned = {key: value for key, value in result.items() if key not in COMMON}
    assert _mismatches(returned, _documented_returns(documented, name), name) == []


def test_revert_change(documented: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revert_change, "revert", lambda *_, **__: Reverted((ENTRY,), (CHANGE,)))
    action = revert_change.ActionModule.__new__(revert_change.ActionModule)
    action._task = SimpleNamespace(check_mode=True)
    options = {"change_id": None, "latest": True, "expiring": False, "all": False, "force": False}
    returned = {key: value for key, value in action.work(None, options).items() if key not in COMMON}
    assert _mismatches(returned, documented["revert_change"]["return"], "revert_change") == []


def test_client_facts(documented: Any, facts: Any) -> None:
    returned = facts("all")["ansible_facts"]
    assert _mismatches(returned, documented["client_facts"]["return"]["ansible_facts"]["contains"], "facts") == []


@pytest.mark.parametrize(
    ("subset", "keys"),
    [("os", {"os"}), ("settings", {"settings", "guest_access", "audit"}), ("changes", {"changes"})],
)
def test_client_facts_says_which_subset_brings_what(documented: Any, facts: Any, subset: str, keys: set[str]) -> None:
    contains = documented["client_facts"]["return"]["ansible_facts"]["contains"]["smb_guest"]["contains"]
    assert set(facts(subset)["ansible_facts"]["smb_guest"]) == keys
    assert {key for key, value in contains.items() if f"V({subset})" in value["returned"]} == keys


def test_narrow_modules_refer_to_what_they_have_in_common(documented: Any) -> None:
    for name in NARROW:
        for key, value in documented[COMMON_RETURNS]["return"].items():
            shape = {part: value[part] for part in ("returned", "type", "elements") if part in value}
            assert documented[name]["return"][key] == {"description": _reference(key), **shape}, (name, key)
