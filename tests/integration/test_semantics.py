"""What a setting means: who wins, what is refused, what `default` writes, and that two runs come to rest.

One playbook with a play per host; each host is a story of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from windows_settings import CLIENT_MDM, CLIENT_PARAMETERS, CLIENT_POLICY, held, registry_value

from playbooks import Playbooks, Record, Run, task
from simulated_windows.client import Fleet

GUEST = "AllowInsecureGuestAuth"
GUEST_POLICY = rf"{CLIENT_POLICY}\{GUEST}"
AUDIT_CHANNEL = "Microsoft-Windows-SmbClient/Audit"
SECURITY_CHANNEL = "Microsoft-Windows-SmbClient/Security"
DEFAULT_SIZE = 8388608

Tasks = list[dict[str, Any]]


def _twice(name: str, module: str, **options: Any) -> Tasks:
    """The same task two times: `name` and `name again`."""
    return [task(name, module, **options), task(f"{name} again", module, **options)]


def _default_tasks() -> Tasks:
    return [
        *_twice("default", "guest_auth", state="default"),
        *_twice("both", "guest_auth", state="allowed", scope=["local", "policy"]),
        *_twice("default in both", "guest_auth", state="default", scope=["local", "policy"]),
    ]


_MANAGED: Tasks = [
    task("fail", "guest_auth", state="allowed"),
    task("check", "guest_auth", check=True, state="allowed"),
    *_twice("warn", "guest_auth", state="allowed", managed="warn"),
    task("agrees", "guest_auth", state="blocked"),
]

# name: (the host, its tasks)
STORIES: dict[str, tuple[dict[str, Any], Tasks]] = {
    "24h2": (
        {"preset": "windows_11_24h2_pro"},
        [task("allow", "guest_auth", state="allowed"), task("facts", "client_facts")],
    ),
    "no-audit": (
        {"preset": "server_2019"},
        [
            task("audit", "audit", audit_insecure_guest_logons="enabled"),
            task(
                "with a channel",
                "audit",
                audit_insecure_guest_logons="enabled",
                channels=[{"name": AUDIT_CHANNEL, "min_size": 2**25}],
            ),
            task("with more", "client_config", client_signing="required", audit_server_without_signing="enabled"),
        ],
    ),
    "policy": ({"preset": "windows_11_24h2_pro", "policy": {GUEST: 0}}, _MANAGED),
    "mdm": ({"preset": "windows_11_24h2_pro", "mdm": {"EnableInsecureGuestLogons": 0}}, _MANAGED),
    "mdm-only": (
        {
            "preset": "windows_11_24h2_pro",
            "mdm": {"EnableInsecureGuestLogons": 0},
            "quirks": {"mdm_only": True},
        },
        _MANAGED,
    ),
    "scope-policy": (
        {"preset": "windows_10_22h2_pro"},
        [
            *_twice("block", "guest_auth", state="blocked", scope=["policy"]),
            task("facts", "client_facts"),
            *_twice("default", "guest_auth", state="default", scope=["policy"]),
            task("signing", "signing", client="required", scope=["policy"]),
            task("no scope", "guest_auth", state="blocked", scope=[]),
        ],
    ),
    "default-1809": ({"preset": "windows_10_1809_enterprise", "parameters": {GUEST: 1}}, _default_tasks()),
    "default-2019": ({"preset": "server_2019", "parameters": {GUEST: 1}}, _default_tasks()),
    "missing-1809": ({"preset": "windows_10_1809_enterprise"}, _default_tasks()),
    "default-22h2": ({"preset": "windows_10_22h2_enterprise", "parameters": {GUEST: 1}}, _default_tasks()),
    "default-unknown": (
        {"preset": "windows_11_24h2_home", "parameters": {GUEST: 1}},
        [
            task("default", "guest_auth", state="default"),
            task("policy", "guest_auth", state="default", scope=["policy"]),
        ],
    ),
    "drift": (
        {"preset": "windows_10_22h2_enterprise"},
        [task("facts", "client_facts"), *_twice("allow", "guest_auth", state="allowed")],
    ),
    "wrong-type": (
        {"preset": "windows_10_22h2_enterprise", "parameters": {GUEST: "0"}},
        [task("facts", "client_facts"), *_twice("block", "guest_auth", state="blocked")],
    ),
    "ignores-policy": (
        {
            "preset": "windows_10_22h2_enterprise",
            "parameters": {GUEST: 1},
            "policy": {GUEST: 0},
            "quirks": {"running_ignores_policy": True},
        },
        [
            task("facts", "client_facts"),
            *_twice("block", "guest_auth", state="blocked"),
            *_twice("allow", "guest_auth", state="allowed", scope=["policy", "local"]),
        ],
    ),
    "refused-by-policy": (
        {
            "preset": "windows_10_22h2_enterprise",
            "policy": {GUEST: 0},
            "quirks": {"set_refused_by_policy": True},
        },
        [task("warn", "guest_auth", state="allowed", managed="warn")],
    ),
    "drops-local": ({"preset": "windows_10_22h2_enterprise"}, [task("allow", "guest_auth", state="allowed")]),
    "drops-stored": (
        {"preset": "windows_10_22h2_enterprise", "parameters": {GUEST: 0}},
        [task("allow", "guest_auth", state="allowed")],
    ),
    "drops-policy": (
        {"preset": "windows_10_22h2_pro"},
        [task("block", "guest_auth", state="blocked", scope=["policy"])],
    ),
    "channels": (
        {"preset": "windows_11_24h2_pro"},
        [
            task(
                "check",
                "audit",
                check=True,
                _diff=True,
                channels=[{"name": AUDIT_CHANNEL, "min_size": 2**25}, {"name": SECURITY_CHANNEL, "min_size": 4096}],
            ),
            *_twice(
                "grow",
                "audit",
                channels=[{"name": AUDIT_CHANNEL, "min_size": 2**25}, {"name": SECURITY_CHANNEL, "min_size": 4096}],
            ),
            task("smaller", "audit", channels=[{"name": AUDIT_CHANNEL, "min_size": 2**20}]),
            *_twice(
                "settings",
                "audit",
                audit_insecure_guest_logons="enabled",
                server_audit_client_without_signing="enabled",
            ),
        ],
    ),
    "nothing-asked": (
        {"preset": "windows_11_24h2_pro"},
        [task("empty", "client_config"), task("misspelt", "client_config", client_signing="required", singing="x")],
    ),
}


class Stories:
    """The one run, and every host's state before it."""

    def __init__(self, fleet: Fleet, playbooks: Playbooks) -> None:
        control = fleet.control
        control.delete_registry("missing-1809", CLIENT_PARAMETERS, GUEST)
        control.set_registry("drift", CLIENT_PARAMETERS, GUEST, 1, apply=False)
        for host, method in (
            ("drops-local", "SetConfiguration"),
            ("drops-stored", "SetConfiguration"),
            ("drops-policy", "SetDWORDValue"),
        ):
            control.add_fault(host, "silent_drop", match=method, times=0)
        self.pristine = {name: control.state(name) for name in STORIES}
        self.run: Run = playbooks.run(fleet, {name: tasks for name, (_unused, tasks) in STORIES.items()})

    def __call__(self, host: str) -> dict[str, Record]:
        return self.run.of(host)


@pytest.fixture(scope="module")
def stories(playbooks: Playbooks, start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Stories:
    return Stories(start_fleet([{"name": name, **host} for name, (host, _unused) in STORIES.items()]), playbooks)


def _changed(record: Record, changed: bool) -> None:
    assert record.status == "ok", record
    assert record.result["changed"] is changed, record


def _refused(record: Record, *words: str) -> None:
    assert record.status == "failed", record
    for word in words:
        assert word in record.message, record
    assert record.result["changed"] is False, record


def test_24h2_allowed_guest_stays_blocked_by_signing(stories: Stories) -> None:
    records = stories("24h2")
    _changed(records["allow"], True)
    access = records["allow"].result["guest_access"]
    assert (access["verdict"], access["blocked_by"]) == ("blocked", ["client_signing"])
    assert "client_signing (required)" in records["allow"].warnings
    facts = records["facts"].facts["guest_access"]
    assert (facts["verdict"], facts["blocked_by"]) == ("blocked", ["client_signing"])
    assert "client_signing (required)" in facts["advice"]


@pytest.mark.parametrize("name", ["audit", "with a channel", "with more"])
def test_audit_on_server_2019_is_not_supported(stories: Stories, name: str) -> None:
    record = stories("no-audit")[name]
    _refused(record, "is not supported before", "Windows Server 2025", "26100", "17763", "Nothing was written")
    assert record.state == stories.pristine["no-audit"]


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("policy", GUEST_POLICY),
        ("mdm", rf"{CLIENT_MDM}\EnableInsecureGuestLogons"),
        ("mdm-only", rf"{CLIENT_MDM}\EnableInsecureGuestLogons"),
    ],
)
def test_a_stronger_source_is_refused_or_warned_of(stories: Stories, host: str, key: str) -> None:
    records = stories(host)
    for name in ("fail", "check"):
        _refused(records[name], f"{key} = 0", "blocked", "Nothing was written")
        assert records[name].state == stories.pristine[host]
    _changed(records["warn"], True)
    assert f"{key} = 0" in records["warn"].warnings
    governed = host != "mdm-only"  # there nothing but the MDM value says so, and the driver does not read that
    assert held(records["warn"].state, "insecure_guest_logons") == {
        "running": not governed,
        "local": True,
        "policy": False if governed else None,
    }
    after = records["warn"].result["after"]["insecure_guest_logons"]
    expected = {"policy": (False, "policy"), "mdm": (False, "mdm"), "mdm-only": (True, "local")}[host]
    assert (after["effective"], after["winner"]) == expected
    _changed(records["warn again"], False)
    assert f"{key} = 0" in records["warn again"].warnings
    assert records["warn again"].state == records["warn"].state
    _changed(records["agrees"], True)
    assert held(records["agrees"].state, "insecure_guest_logons")["local"] is False


def test_scope_policy(stories: Stories) -> None:
    records = stories("scope-policy")
    _changed(records["block"], True)
    assert held(records["block"].state, "insecure_guest_logons") == {"running": False, "local": None, "policy": False}
    assert [change["location"] for change in records["block"].result["changes"]] == [GUEST_POLICY]
    _changed(records["block again"], False)
    guest = records["facts"].facts["settings"]["insecure_guest_logons"]
    assert (guest["winner"], guest["effective"], guest["location"]) == ("policy", False, GUEST_POLICY)
    _changed(records["default"], True)
    assert held(records["default"].state, "insecure_guest_logons") == {"running": True, "local": None, "policy": None}
    _changed(records["default again"], False)
    _refused(records["signing"], "client_signing has no policy value", "Add local to scope")
    _refused(records["no scope"], "scope")
    assert records["no scope"].state == records["default"].state


@pytest.mark.parametrize("host", ["default-1809", "default-2019", "missing-1809", "default-22h2"])
def test_default_writes_the_explicit_default(stories: Stories, host: str) -> None:
    records = stories(host)
    explicit = {"running": False, "local": False, "policy": None}
    assert held(stories.pristine[host], "insecure_guest_logons")["running"] is True
    _changed(records["default"], True)
    assert held(records["default"].state, "insecure_guest_logons") == explicit
    _changed(records["default again"], False)
    _changed(records["both"], True)
    assert held(records["both"].state, "insecure_guest_logons") == {"running": True, "local": True, "policy": True}
    _changed(records["both again"], False)
    _changed(records["default in both"], True)
    assert held(records["default in both"].state, "insecure_guest_logons") == explicit
    _changed(records["default in both again"], False)


def test_an_unknown_default_is_refused(stories: Stories) -> None:
    records = stories("default-unknown")
    _refused(records["default"], "the default of Microsoft Windows 11 Home 24H2", "is not known", "allowed or blocked")
    assert records["default"].state == stories.pristine["default-unknown"]
    _changed(records["policy"], False)


def test_drift(stories: Stories) -> None:
    records = stories("drift")
    facts = records["facts"].facts
    guest = facts["settings"]["insecure_guest_logons"]
    assert (guest["drift"], guest["running"], guest["local"], guest["effective"]) == (True, False, True, True)
    assert "contradicts" in facts["guest_access"]["advice"]
    _changed(records["allow"], True)
    assert held(records["allow"].state, "insecure_guest_logons")["running"] is True
    _changed(records["allow again"], False)


def test_a_value_of_the_wrong_type(stories: Stories) -> None:
    records = stories("wrong-type")
    guest = records["facts"].facts["settings"]["insecure_guest_logons"]
    assert (guest["winner"], guest["local"], guest["running"]) == ("unknown", "REG_SZ '0'", False)
    _changed(records["block"], True)
    assert registry_value(records["block"].state, CLIENT_PARAMETERS, GUEST) == 0
    _changed(records["block again"], False)


def test_a_running_value_that_ignores_the_policy(stories: Stories) -> None:
    records = stories("ignores-policy")
    guest = records["facts"].facts["settings"]["insecure_guest_logons"]
    assert (guest["winner"], guest["effective"], guest["policy"], guest["local"]) == ("policy", False, False, True)
    _changed(records["block"], True)
    assert registry_value(records["block"].state, CLIENT_PARAMETERS, GUEST) == 0
    _changed(records["block again"], False)
    _changed(records["allow"], True)
    assert registry_value(records["allow"].state, CLIENT_POLICY, GUEST) == 1
    assert registry_value(records["allow"].state, CLIENT_PARAMETERS, GUEST) == 1
    _changed(records["allow again"], False)


def test_a_write_that_windows_refuses_for_a_policy(stories: Stories) -> None:
    record = stories("refused-by-policy")["warn"]
    _refused(record, "Windows refused", "beneath the policy", "AllowInsecureGuestAuth")
    assert record.state == stories.pristine["refused-by-policy"]


@pytest.mark.parametrize(
    ("host", "name", "words"),
    [
        ("drops-local", "allow", ["insecure_guest_logons was set to allowed", "still runs with"]),
        ("drops-stored", "allow", [rf"{CLIENT_PARAMETERS}\{GUEST} was written as 1 and is 0"]),
        ("drops-policy", "block", [f"{GUEST_POLICY} was written as 0 and is absent"]),
    ],
)
def test_a_write_that_did_not_stick(stories: Stories, host: str, name: str, words: list[str]) -> None:
    record = stories(host)[name]
    assert record.status == "failed", record
    for word in words:
        assert word in record.message, record
    assert record.state == stories.pristine[host]


def test_channels(stories: Stories) -> None:
    records = stories("channels")
    _changed(records["check"], True)
    assert records["check"].state == stories.pristine["channels"]
    assert str(2**25) in records["check"].result["diff"]["after"]
    _changed(records["grow"], True)
    channels = records["grow"].state["channels"]
    assert channels[AUDIT_CHANNEL] == {"enabled": True, "max_size": 2**25, "retention": False}
    assert channels[SECURITY_CHANNEL]["max_size"] == DEFAULT_SIZE
    assert [row["after"]["max_size"] for row in records["grow"].result["channels"]] == [2**25, DEFAULT_SIZE]
    assert records["check"].result["channels"] == records["grow"].result["channels"]
    for name in ("grow again", "smaller"):
        _changed(records[name], False)
        assert records[name].state == records["grow"].state
    _changed(records["settings"], True)
    _changed(records["settings again"], False)
    for name, record in records.items():
        expected = name not in ("settings", "settings again")
        assert (record.counters["shells"] > 0, record.counters["processes"] > 0) == (expected, expected), name


def test_nothing_asked(stories: Stories) -> None:
    record = stories("nothing-asked")["empty"]
    assert record.status == "failed", record
    assert "one of the following is required: insecure_guest_logons" in record.message
    assert record.counters["requests"] == 0


def test_a_misspelt_option_names_the_module_and_leaves_a_change_id_to_ask_for(stories: Stories) -> None:
    record = stories("nothing-asked")["misspelt"]
    _refused(
        record, "Unsupported parameters for (winops.smb_guest.client_config) module: singing.", "Nothing was asked"
    )
    assert record.result["change_id"] is None
    assert record.counters["requests"] == 0
