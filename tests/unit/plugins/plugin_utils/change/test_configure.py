# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine against a host in memory: what is read, what is written, and what becomes of an interruption."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import Outcome, configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Wish
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import (
    AccessDenied,
    HostError,
    RequestError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer

from ..fakes import (
    CLIENT_LOCAL,
    CLIENT_MDM,
    CLIENT_POLICY,
    SERVER_LOCAL,
    SERVER_POLICY,
    FakeHost,
    unreachable_at,
    windows_10,
    windows_10_1809_enterprise,
    windows_11_24h2,
)

GUEST, SIGNING, ENCRYPTION = "insecure_guest_logons", "client_signing", "client_encryption"
PUT_BACK = "Everything was put back as it was, and checked"
LOCAL, POLICY = (Layer.LOCAL,), (Layer.POLICY,)
BOTH = [*LOCAL, *POLICY]
MAKERS = [windows_10, windows_11_24h2, windows_10_1809_enterprise]
ALL_NEW = {name: row.words.true if row.secure is not False else row.words.false for name, row in SETTINGS.items()}
OPENING = {GUEST: "allowed", SIGNING: "not_required", "server_signing": "not_required"}
CLOSING = {GUEST: "blocked", SIGNING: "required", "server_signing": "required"}


def run(
    host: FakeHost,
    words: Mapping[str, str],
    scopes: Iterable[Layer] = LOCAL,
    *,
    warn: bool = False,
    check: bool = False,
) -> Outcome:
    wishes = [Wish(SETTINGS[name], SETTINGS[name].words.value(word)) for name, word in words.items()]
    return configure(host, wishes, set(scopes), tolerate_managed=warn, check_mode=check)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("scopes", [LOCAL, BOTH])
@pytest.mark.parametrize("words", [OPENING, CLOSING, dict.fromkeys(OPENING, "default")])
def test_check_mode_then_change_then_nothing(
    maker: Callable[[], FakeHost], scopes: list[Layer], words: Mapping[str, str]
) -> None:
    host = maker()
    # The opposite of the wish first, so that there is something to do. The default of Windows 10 Pro is open.
    opens = words is OPENING or (words is not CLOSING and maker is windows_10)
    run(host, CLOSING if opens else OPENING)
    held, host.requests = copy.deepcopy(host.keys), []

    foreseen = run(host, words, scopes, check=True).as_dict()
    assert host.writes == []
    assert host.keys == held
    assert foreseen["changed"] is True
    assert foreseen["verified"] is False

    done = run(host, words, scopes).as_dict()
    assert host.writes
    assert done["verified"] is True
    for part in ("changed", "before", "after", "changes", "diff", "guest_access", "reconnect_required"):
        assert done[part] == foreseen[part], part

    held, host.requests = copy.deepcopy(host.keys), []
    again = run(host, words, scopes).as_dict()
    assert (again["changed"], again["changes"], again["verified"]) == (False, [], True)
    assert again["reconnect_required"] is False
    assert again["before"] == again["after"] == done["after"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert host.writes == []
    assert host.keys == held


def test_every_setting_at_once_on_24h2() -> None:
    host = windows_11_24h2()
    done = run(host, ALL_NEW, BOTH)
    assert {name: state.effective for name, state in done.after.items()} == {name: name != GUEST for name in SETTINGS}
    assert host.keys[CLIENT_POLICY] == {
        "AllowInsecureGuestAuth": 0,
        "RequireEncryption": 1,
        "AuditInsecureGuestLogon": 1,
        "AuditServerDoesNotSupportSigning": 1,
        "AuditServerDoesNotSupportEncryption": 1,
    }
    assert host.keys[SERVER_POLICY] == dict.fromkeys(
        ("AuditInsecureGuestLogon", "AuditClientDoesNotSupportSigning", "AuditClientDoesNotSupportEncryption"), 1
    )
    assert host.keys[SERVER_LOCAL]["EncryptData"] == 1
    assert not run(host, ALL_NEW, BOTH).plan.changes


def test_local_scope_goes_through_cim_and_policy_scope_through_the_registry() -> None:
    host = windows_10()
    run(host, {GUEST: "blocked"}, BOTH)
    assert host.writes == [
        "MSFT_SmbClientConfiguration.SetConfiguration EnableInsecureGuestLogons=False",
        rf"StdRegProv.SetDWORDValue {CLIENT_POLICY}\AllowInsecureGuestAuth",
        rf"StdRegProv.CreateKey {CLIENT_POLICY}",
        rf"StdRegProv.SetDWORDValue {CLIENT_POLICY}\AllowInsecureGuestAuth",
    ]


def test_default_in_policy_scope_deletes_only_the_value() -> None:
    host = windows_10().put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0).put(CLIENT_POLICY, "Other", 7)
    done = run(host, {GUEST: "default"}, POLICY)
    assert host.keys[CLIENT_POLICY] == {"Other": 7}
    assert done.after[GUEST].winner.value == "os_default"


def test_guest_on_24h2_stays_blocked_and_says_so() -> None:
    done = run(windows_11_24h2(), {GUEST: "allowed"})
    access = done.as_dict()["guest_access"]
    assert (access["verdict"], access["blocked_by"]) == ("blocked", [SIGNING])
    assert [SIGNING in warning for warning in done.warnings()] == [True]
    both = run(windows_11_24h2(), {GUEST: "allowed", SIGNING: "not_required"})
    assert both.as_dict()["guest_access"]["verdict"] == "allowed"
    assert both.warnings() == []


def test_a_server_setting_alone_says_nothing_of_guest_access() -> None:
    host = windows_10()
    result = run(host, {"server_signing": "required"}).as_dict()
    assert "guest_access" not in result
    assert not any("Client" in name for name in host.requests)


@pytest.mark.parametrize("words", [{ENCRYPTION: "required"}, {"audit_insecure_guest_logons": "enabled"}])
def test_unsupported_names_this_windows_and_writes_nothing(words: dict[str, str]) -> None:
    host = windows_10(product_type=3, system={"Caption": "Microsoft Windows Server 2019 Standard"}, build=17763)
    with pytest.raises(RequestError, match=r"Server 2019 Standard 1809 \(build 17763\.5000\)"):
        run(host, {GUEST: "blocked", **words})
    assert host.writes == []


def test_policy_that_contradicts() -> None:
    host = windows_10().put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)
    with pytest.raises(RequestError, match="AllowInsecureGuestAuth = 0"):
        run(host, {GUEST: "allowed"})
    assert host.writes == []
    done = run(host, {GUEST: "allowed"}, warn=True)
    assert host.held(CLIENT_LOCAL, "AllowInsecureGuestAuth") == 1
    assert done.after[GUEST].effective is False
    assert "AllowInsecureGuestAuth = 0" in done.warnings()[0]
    assert not run(host, {GUEST: "allowed"}, warn=True).plan.changes


@pytest.mark.parametrize(
    ("words", "needed"), [({GUEST: "blocked"}, False), ({GUEST: "default"}, True), ({ENCRYPTION: "required"}, True)]
)
def test_the_operating_system_is_read_only_where_it_matters(words: dict[str, str], needed: bool) -> None:
    host = windows_10()
    try:
        run(host, words)
    except RequestError:
        assert needed
    assert any("Query" in name for name in host.requests) is needed


# --- request counts ---


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (windows_10(), {GUEST: "allowed", SIGNING: "not_required"}),
        (windows_11_24h2(), {GUEST: "blocked", SIGNING: "required", ENCRYPTION: "not_required"}),
        (
            windows_11_24h2()
            .put(CLIENT_LOCAL, "AllowInsecureGuestAuth", 1)
            .put(CLIENT_LOCAL, "RequireSecuritySignature", 0)
            .put(CLIENT_LOCAL, "RequireEncryption", 0),
            {GUEST: "allowed", SIGNING: "not_required", ENCRYPTION: "not_required"},
        ),
    ],
)
def test_nothing_to_change_costs_at_most_six_requests(host: FakeHost, words: dict[str, str]) -> None:
    assert not run(host, words).plan.changes
    assert len(host.requests) <= 6, host.requests


def test_one_change_costs_one_write_and_one_more_reading() -> None:
    host = windows_10()
    run(host, {GUEST: "blocked"}, check=True)
    reading = len(host.requests)
    host.requests = []
    run(host, {GUEST: "blocked"})
    assert len(host.requests) == 2 * reading + 1


# --- what goes wrong ---


def _dropping(part: str) -> Callable[[str], str | None]:
    return lambda name: "drop" if part in name else None


@pytest.mark.parametrize(
    ("part", "host", "words", "scopes", "said"),
    [
        ("SetConfiguration", windows_10(), {GUEST: "blocked"}, LOCAL, "still runs with True"),
        (
            "SetConfiguration",
            windows_10_1809_enterprise(),
            {GUEST: "allowed"},
            LOCAL,
            r"AllowInsecureGuestAuth was written as 1 and is 0\b.*winner: local",
        ),
        (
            "SetDWORDValue",
            windows_10().put(CLIENT_POLICY, "Other", 1),
            {GUEST: "blocked"},
            POLICY,
            "AllowInsecureGuestAuth was written as 0 and is absent",
        ),
        (
            "DeleteValue",
            windows_10().put(CLIENT_POLICY, "AllowInsecureGuestAuth", 1),
            {GUEST: "default"},
            POLICY,
            "was written as absent and is 1.*winner: policy",
        ),
    ],
)
def test_a_write_that_does_not_stick(
    part: str, host: FakeHost, words: dict[str, str], scopes: list[Layer], said: str
) -> None:
    host.hook, held = _dropping(part), copy.deepcopy(host.keys)
    with pytest.raises(HostError, match=f"{said}.*{PUT_BACK}") as caught:
        run(host, words, scopes)
    assert caught.value.changed is False
    assert host.keys == held


def test_every_write_that_does_not_stick_is_named() -> None:
    host = windows_11_24h2()
    host.hook = _dropping("SetConfiguration")
    with pytest.raises(HostError, match=f"(?s){SIGNING}.*{GUEST}"):
        run(host, {GUEST: "allowed", SIGNING: "not_required"})


def test_a_dropped_write_under_a_policy_is_not_called_verified() -> None:
    """What runs is the policy's value: it proves nothing of the local one, which is plainly not there."""
    host = windows_10().put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)
    host.hook = _dropping("SetConfiguration")
    with pytest.raises(HostError, match=r"was written as 1 and is absent.*winner: policy"):
        run(host, {GUEST: "allowed"}, warn=True)


def test_a_write_stored_by_storing_none_is_fine() -> None:
    """SetConfiguration to the default may well delete the value; then what runs is the proof."""
    host = windows_10().put(CLIENT_LOCAL, "AllowInsecureGuestAuth", 0)

    def forget(name: str) -> str | None:
        if "SetConfiguration" not in name:
            return None
        del host.keys[CLIENT_LOCAL]["AllowInsecureGuestAuth"]
        return "drop"

    host.hook = forget
    done = run(host, {GUEST: "allowed"})
    assert done.verified
    assert done.after[GUEST].effective is True


CLOSE_ALL = {GUEST: "blocked", SIGNING: "required", ENCRYPTION: "required"}
OPEN_ALL = {GUEST: "allowed", SIGNING: "not_required", ENCRYPTION: "not_required"}


def _allowed(host: FakeHost) -> bool:
    return host.running("MSFT_SmbClientConfiguration")["EnableInsecureGuestLogons"]


def _before(words: dict[str, str]) -> FakeHost:
    """A host on which each of the three wishes is a change."""
    host = windows_11_24h2()
    run(host, OPEN_ALL if words is CLOSE_ALL else CLOSE_ALL)
    host.requests = []
    return host


@pytest.mark.parametrize("words", [CLOSE_ALL, OPEN_ALL])
@pytest.mark.parametrize("scopes", [LOCAL, BOTH])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_write_that_fails_takes_all_others_back(words: dict[str, str], scopes: list[Layer], nth: int) -> None:
    host = _before(words)
    held = copy.deepcopy(host.keys)
    host.hook = unreachable_at("SetConfiguration", nth=nth)
    with pytest.raises(HostError, match=f"line went dead.*{PUT_BACK}") as caught:
        run(host, words, scopes)
    assert caught.value.changed is False
    assert host.keys == held
    host.hook = lambda name: None
    assert run(host, words, scopes).verified
    assert not run(host, words, scopes).plan.changes


@pytest.mark.parametrize("words", [CLOSE_ALL, OPEN_ALL])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_the_line_goes_dead_for_good_before_the_nth_write(words: dict[str, str], nth: int) -> None:
    """Nothing can be put back: what stands must be the safe half, and the task says that it may have changed."""
    host = _before(words)
    host.hook = unreachable_at("SetConfiguration", nth=nth, for_good=True)
    with pytest.raises(HostError, match=r"line went dead.*Undoing it failed as well") as caught:
        run(host, words)
    assert caught.value.changed is True
    assert all(SETTINGS[name].location(Layer.LOCAL) in str(caught.value) for name in words)
    if words is CLOSE_ALL:
        assert _allowed(host) is (nth == 1), "guest is closed by the very first write"
    else:
        assert _allowed(host) is False, "guest is opened by the very last write"
    host.hook = lambda name: None
    assert run(host, words).verified
    assert not run(host, words).plan.changes


@pytest.mark.parametrize("for_good", [False, True])
def test_the_line_goes_dead_while_reading_back(for_good: bool) -> None:
    host = windows_10()
    host.hook = unreachable_at("GetConfiguration", nth=2, for_good=for_good)
    with pytest.raises(HostError, match="line went dead") as caught:
        run(host, {GUEST: "blocked"})
    assert caught.value.changed is for_good
    # Put back by hand, as the value was absent before; or still there, and the task says so.
    assert host.held(CLIENT_LOCAL, "AllowInsecureGuestAuth") == (0 if for_good else None)


@pytest.mark.parametrize("where", ["GetConfiguration", "EnumValues", "GetDWORDValue"])
def test_the_line_goes_dead_while_reading(where: str) -> None:
    host = windows_10()
    host.hook = unreachable_at(where)
    with pytest.raises(HostError) as caught:
        run(host, {GUEST: "blocked"})
    assert caught.value.changed is False
    assert host.writes == []


def test_access_denied_in_the_middle_keeps_its_words() -> None:
    host = windows_10()
    held = copy.deepcopy(host.keys)

    def deny(name: str) -> None:
        if "SetDWORDValue" in name:
            raise AccessDenied("writing")

    host.hook = deny
    with pytest.raises(AccessDenied, match=f"denied access when writing.*{PUT_BACK}") as caught:
        run(host, {GUEST: "blocked"}, BOTH)
    assert caught.value.changed is False
    assert host.keys == held


def test_access_denied_at_the_first_write_is_still_access_denied() -> None:
    """The action adds which right is probably missing to this type of error, and to no other."""
    host = windows_10()

    def deny(name: str) -> None:
        if "SetConfiguration" in name:
            raise AccessDenied("calling SetConfiguration")

    host.hook = deny
    with pytest.raises(AccessDenied):
        run(host, {GUEST: "blocked"})


# --- the result ---


def test_diff_is_in_the_users_words() -> None:
    diff = run(windows_10(), {GUEST: "blocked"}, check=True).as_dict()["diff"]
    assert diff["before"] == (
        f"{GUEST}:\n  effective: allowed\n  running: allowed\n"
        "  policy: not configured\n  mdm: not configured\n  local: not configured\n"
    )
    assert diff["after"] == diff["before"].replace(": allowed", ": blocked").replace(
        "local: not configured", "local: blocked"
    )
    signing = run(windows_10(), {SIGNING: "required"}, check=True).as_dict()["diff"]["before"]
    assert signing == f"{SIGNING}:\n  effective: not_required\n  running: not_required\n  local: not configured\n"


def test_the_result_shows_what_was_asked_for_only() -> None:
    result = run(windows_10(), {SIGNING: "required"}).as_dict()
    assert list(result["before"]) == list(result["after"]) == [SIGNING]
    assert result["reboot_required"] is False


@pytest.mark.parametrize(
    ("words", "reconnect"),
    [
        ({"audit_insecure_guest_logons": "enabled"}, False),
        ({SIGNING: "not_required"}, True),
        ({GUEST: "allowed"}, True),
    ],
)
def test_reconnect_is_required_where_access_changes(words: dict[str, str], reconnect: bool) -> None:
    assert run(windows_11_24h2(), words).as_dict()["reconnect_required"] is reconnect


def test_mdm_is_read_and_never_written() -> None:
    host = windows_10().put(CLIENT_MDM, "EnableInsecureGuestLogons", 0)
    run(host, {GUEST: "allowed"}, BOTH, warn=True)
    assert host.keys[CLIENT_MDM] == {"EnableInsecureGuestLogons": 0}
    assert not any(CLIENT_MDM in name for name in host.writes)


def test_requests_are_not_repeated_within_one_reading() -> None:
    host = windows_11_24h2()
    run(host, ALL_NEW, check=True)
    assert all(one != other for one, other in pairwise(sorted(host.requests)))
