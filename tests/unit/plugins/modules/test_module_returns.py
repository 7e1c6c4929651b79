"""The RETURN blocks name exactly what the code returns, with its types."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from in_process import session

from ansible_collections.winops.smb_guest.plugins.action import client_facts, revert_change
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events import channel_configuration
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.channel_configuration import ChannelConfiguration
from simulated_windows.in_process import InProcessHost

# Stands in the documentation for every setting's name: RETURN keys must be words.
PLACEHOLDER = "SETTING_NAME"
# The others describe in a line what this one describes in full.
COMMON_RETURNS = "client_config"
NARROW = ("audit", "encryption", "guest_auth", "signing")
OF_ROLES = ("enable_guest", "harden")
# Ansible documents these for every module.
COMMON = {"changed"}

# Only who asks for the local GPO gets it.
LOCAL_GPO = "local_gpo"

CHANNEL = "Microsoft-Windows-SmbClient/Audit"
OPEN = {"insecure_guest_logons": "allowed", "client_signing": "not_required"}


def _run(host: InProcessHost, action_class: Any, **options: Any) -> dict[str, Any]:
    """One task on the host, without Ansible around it."""
    action = action_class.__new__(action_class)
    action._task = SimpleNamespace(check_mode=False, delegate_to=None, args=options)
    action._named = "ws"
    action._variables = {}
    given = {name: spec.get("default") for name, spec in action_class.ARGUMENT_SPEC.items()} | options
    result: dict[str, Any] = action.work(session(host), given)
    return result


def _documented_returns(documented: dict[str, Any], name: str) -> dict[str, Any]:
    """The RETURN of a module, with what it refers to or shortens in its place."""
    common = documented[COMMON_RETURNS]["return"]
    return {
        key: common[key] if value["description"] == _reference(key) else {**common.get(key, {}), **value}
        for key, value in documented[name]["return"].items()
    }


def _reference(key: str) -> str:
    return f"As RV(winops.smb_guest.{COMMON_RETURNS}#module:{key})."


def _mismatches(returned: Any, documented: dict[str, Any], where: str) -> list[str]:
    """What is returned and not documented, the other way round, or of another type."""
    if set(documented) == {PLACEHOLDER}:
        documented = dict.fromkeys(returned, documented[PLACEHOLDER])
    if LOCAL_GPO not in returned:
        documented = {name: value for name, value in documented.items() if name != LOCAL_GPO}
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
    if documentation["type"] not in (type(value).__name__, "raw"):
        return [f"{where} is a {type(value).__name__}, documented as {documentation['type']}"]
    items = value if isinstance(value, list) else [value]
    if not items or not isinstance(items[0], dict) or "contains" not in documentation:
        return []
    if "contains" not in documentation:  # described elsewhere, as the description says
        return []
    return [mismatch for item in items for mismatch in _mismatches(item, documentation["contains"], where)]


@pytest.mark.parametrize("journaled", [True, False])
@pytest.mark.parametrize("name", [COMMON_RETURNS, *NARROW])
def test_modules_that_change_settings(
    documented: Any, action_class: Any, monkeypatch: pytest.MonkeyPatch, name: str, journaled: bool
) -> None:
    """Over a change that stands, so that every list has something in it."""
    host = InProcessHost("windows_11_24h2_pro")
    monkeypatch.setattr(
        channel_configuration, "read_channels", lambda *_: {CHANNEL: ChannelConfiguration(enabled=False, max_size=1)}
    )
    monkeypatch.setattr(
        channel_configuration, "ensure_channels", lambda *_: {CHANNEL: ChannelConfiguration(enabled=True, max_size=2)}
    )
    below = _run(host, action_class(COMMON_RETURNS), **OPEN, audit_insecure_guest_logons="enabled", reason="below")
    assert below["changed"]
    options: dict[str, Any] = {
        "client_config": {"insecure_guest_logons": "blocked", "client_signing": "not_required"},
        "guest_auth": {"state": "blocked"},
        "signing": {"client": "required"},
        "encryption": {"client": "required"},
        "audit": {"audit_insecure_guest_logons": "disabled", "channels": [{"name": CHANNEL, "min_size": 2}]},
    }[name]
    terms = {"reason": "a reason", "expires_in": "8h"} if journaled else {}
    result = _run(host, action_class(name), **options, **terms)
    assert bool(result["lies_over"]) is (journaled and name != "encryption")
    result.pop("warnings", None)
    returned = {key: value for key, value in result.items() if key not in COMMON}
    assert _mismatches(returned, _documented_returns(documented, name), name) == []


def test_revert_change(documented: Any, action_class: Any) -> None:
    host = InProcessHost("windows_11_24h2_pro")
    _run(host, action_class(COMMON_RETURNS), **OPEN, reason="a reason")
    result = _run(host, revert_change.ActionModule, latest=True)
    returned = {key: value for key, value in result.items() if key not in {*COMMON, "warnings"}}
    assert _mismatches(returned, _documented_returns(documented, "revert_change"), "revert_change") == []


def _facts(host: InProcessHost, *subset: str) -> dict[str, Any]:
    facts: dict[str, Any] = _run(host, client_facts.ActionModule, gather_subset=list(subset))["ansible_facts"]
    return facts


@pytest.mark.parametrize("asked", [True, False])
def test_the_local_gpo_only_where_it_is_asked_for(documented: Any, action_class: Any, asked: bool) -> None:
    host = InProcessHost("windows_11_24h2_pro")
    scope = [LOCAL_GPO] if asked else ["policy"]
    result = _run(host, action_class(COMMON_RETURNS), insecure_guest_logons="allowed", scope=scope)
    for when in ("before", "after"):
        assert (LOCAL_GPO in result[when]["insecure_guest_logons"]) is asked
    returned = {key: value for key, value in result.items() if key not in {*COMMON, "warnings"}}
    assert _mismatches(returned, _documented_returns(documented, COMMON_RETURNS), COMMON_RETURNS) == []
    facts = _facts(host, LOCAL_GPO if asked else "settings")
    assert all((LOCAL_GPO in state) is asked for state in facts["smb_guest"]["settings"].values())


def test_client_facts(documented: Any, action_class: Any) -> None:
    gpo = {"name": "Audit", "policy": {"AuditInsecureGuestLogon": 1}}
    host = InProcessHost("windows_11_24h2_pro", part_of_domain=True, gpos=[gpo])
    _run(host, action_class(COMMON_RETURNS), **OPEN, reason="a reason", expires_in="8h")
    returned = _facts(host, "all", "doors")
    assert returned["smb_guest"]["settings"]["audit_insecure_guest_logons"]["policy_source"]["gpo"] == "Audit"
    assert _mismatches(returned, documented["client_facts"]["return"]["ansible_facts"]["contains"], "facts") == []


@pytest.mark.parametrize(
    ("subset", "keys"),
    [
        ("os", {"os"}),
        ("settings", {"settings", "guest_access", "client_limits", "mdm_wins_over_gp", "audit"}),
        (LOCAL_GPO, {"settings", "guest_access", "client_limits", "mdm_wins_over_gp", "audit"}),
        ("policy_source", {"settings", "guest_access", "client_limits", "mdm_wins_over_gp", "audit"}),
        ("changes", {"changes"}),
        ("doors", {"doors"}),
    ],
)
def test_client_facts_says_which_subset_brings_what(documented: Any, subset: str, keys: set[str]) -> None:
    contains = documented["client_facts"]["return"]["ansible_facts"]["contains"]["smb_guest"]["contains"]
    assert set(_facts(InProcessHost(), subset)["smb_guest"]) == keys
    assert {key for key, value in contains.items() if f"V({subset})" in value["returned"]} == keys


def test_narrow_modules_return_the_same_in_short(documented: Any) -> None:
    for name in (*NARROW, *OF_ROLES):
        for key, common in documented[COMMON_RETURNS]["return"].items():
            value = documented[name]["return"][key]
            shapes = [{part: each.get(part) for part in ("returned", "type", "elements")} for each in (value, common)]
            assert shapes[0] == shapes[1], (name, key)
            assert "#module:" not in value["description"], (name, key)
            for sub in common.get("contains", {}):
                named = key == "diff" or sub == PLACEHOLDER or f"C({sub})" in value["description"]
                assert named or sub == "group_policy", (name, key, sub)


def test_guest_events_info(documented: Any, action_class: Any) -> None:
    host = InProcessHost(quirks={"without_channels": ["Microsoft-Windows-SMBServer/Audit"]})
    host.log.write(31022, UserName="alice", ServerName="\\nas01")
    host.log.put(31017, {"ServerName": "\\nas01"})
    host.log.put(3023, {"ClientName": "192.0.2.10"})
    action = action_class("guest_events_info").__new__(action_class("guest_events_info"))
    options = {name: option.get("default") for name, option in action.ARGUMENT_SPEC.items()}
    result = action.work(session(host), options)
    assert result["servers"]
    assert result["clients"]
    assert result["bookmark"]
    returned = {key: value for key, value in result.items() if key not in COMMON}
    assert _mismatches(returned, documented["guest_events_info"]["return"], "guest_events_info") == []


def test_connections_info(documented: Any, action_class: Any) -> None:
    host = InProcessHost()
    for name, guest in (("nas01", True), ("fs1", False)):
        server = {"name": name, "guest": guest, "signing": not guest, "encryption": False}
        host.host.client.running.update(EnableInsecureGuestLogons=True, RequireSecuritySignature=False)
        host.host.connect(server)
    host.host.sessions = [{"SessionId": 1, "ClientComputerName": "pc", "ClientUserName": "bob", "Dialect": "3.1.1"}]
    action = action_class("connections_info").__new__(action_class("connections_info"))
    options = {name: option.get("default") for name, option in action.ARGUMENT_SPEC.items()}
    result = action.work(session(host), options)
    assert len(result["connections"]) == 2
    assert len(result["sessions"]) == 1
    returned = {key: value for key, value in result.items() if key not in COMMON}
    assert _mismatches(returned, documented["connections_info"]["return"], "connections_info") == []


def test_verify_facts(documented: Any, action_class: Any) -> None:
    host = InProcessHost(quirks={"registry_absent_codes": [1, 1]})
    result = _run(host, action_class("verify_facts"), consent=["registry"])
    assert result["deviations"] == 2
    returned = {key: value for key, value in result.items() if key not in COMMON}
    assert _mismatches(returned, documented["verify_facts"]["return"], "verify_facts") == []
