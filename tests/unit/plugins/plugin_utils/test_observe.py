# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a host layer by layer: what is found, and how many requests it takes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.observe import Observer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.state import Reading, SettingState
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, SETTINGS, Layer, Setting
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.operating_system import read_operating_system
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import Registry

from .fakes import (
    CLIENT_LOCAL,
    CLIENT_MDM,
    CLIENT_POLICY,
    SERVER_LOCAL,
    SERVER_POLICY,
    FakeHost,
    windows_10,
    windows_10_1809_enterprise,
    windows_11_24h2,
)

GUEST = "insecure_guest_logons"
ALL = list(SETTINGS.values())
NEW_ONLY = {"client_encryption", *(name for name in SETTINGS if "audit" in name)}


def observe(host: FakeHost, settings: list[Setting], **options: Any) -> dict[str, SettingState]:
    return Observer(host, Registry(host), **options).observe(settings)


def facts(host: FakeHost) -> dict[str, SettingState]:
    """The readings of client_facts."""
    registry = Registry(host)
    return Observer(host, registry, read_operating_system(host, registry)).observe(ALL)


def test_support_is_decided_by_the_property_not_by_the_build() -> None:
    assert {name for name, state in facts(windows_10()).items() if not state.observed.supported} == NEW_ONLY
    assert all(state.observed.supported for state in facts(windows_11_24h2(build=19045)).values())


@pytest.mark.parametrize("layer", list(Layer))
@pytest.mark.parametrize("side", ["client", "server", "both"])
def test_every_value_is_found_in_its_own_place(layer: Layer, side: str) -> None:
    """With odd and even numbers, so that a value read from a neighbour's place shows."""
    settings = [row for row in ALL if side in (row.side.value, "both")]
    host = windows_11_24h2()
    expected = {row.name: number for number, row in enumerate(settings, 10) if row.has(layer)}
    for name, number in expected.items():
        row = SETTINGS[name]
        host.put(KEYS[row.side][layer], row.names[layer], number)
    states = observe(host, settings)
    for name, state in states.items():
        assert state.observed.layer(layer) == expected.get(name, Reading.ABSENT)
        assert all(state.observed.layer(other) is Reading.ABSENT for other in Layer if other is not layer)


@pytest.mark.parametrize("layer", list(Layer))
@pytest.mark.parametrize("settings", [ALL, [SETTINGS[GUEST]]])
def test_a_value_of_another_type(layer: Layer, settings: list[Setting]) -> None:
    row = SETTINGS[GUEST]
    host = windows_10().put(KEYS[row.side][layer], row.names[layer], "1")
    state = observe(host, settings)[GUEST]
    assert state.observed.layer(layer) is Reading.WRONG_TYPE
    # The driver does not read the MDM key itself: a bad value there decides nothing.
    assert (state.winner.value, state.effective) == ("os_default" if layer is Layer.MDM else "unknown", True)


@pytest.mark.parametrize("name", ["allowinsecureguestauth", "ALLOWINSECUREGUESTAUTH"])
def test_value_names_in_another_letter_case(name: str) -> None:
    """The registry does not care; a listing shows the case in which the value was made."""
    host = windows_10().put(CLIENT_POLICY, name, 0)

    def same_value(request: str) -> None:
        if "GetDWORDValue" in request and CLIENT_POLICY in request:
            host.put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)

    host.hook = same_value
    assert observe(host, [SETTINGS[GUEST]])[GUEST].winner.value == "policy"


def test_key_names_in_another_letter_case() -> None:
    host = windows_10().put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)
    plain = host._registry

    def shouting(method: str, *rest: Any) -> Any:
        result = plain(method, *rest)
        if method == "EnumKey" and result.outputs:
            result.outputs["sNames"] = [name.upper() for name in result.outputs["sNames"]]
        return result

    host._registry = shouting
    assert observe(host, ALL)[GUEST].winner.value == "policy"


def test_a_running_value_of_null_is_unknown_but_supported() -> None:
    host = windows_10()
    host.defaults["MSFT_SmbClientConfiguration"]["RequireSecuritySignature"] = None  # type: ignore[assignment]
    state = observe(host, [SETTINGS["client_signing"]])["client_signing"]
    assert (state.observed.supported, state.observed.running, state.winner.value) == (True, None, "unknown")


@pytest.mark.parametrize(("role", "policy"), [("governing", 0), ("beside", Reading.ABSENT)])
def test_layers_that_were_not_asked_for_are_not_read(role: str, policy: object) -> None:
    host = windows_10().put(CLIENT_LOCAL, "AllowInsecureGuestAuth", 1).put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)
    observer = Observer(host, Registry(host))
    states = observer.observe([SETTINGS["client_signing"]], **{role: [SETTINGS[GUEST]]})
    assert states[GUEST].observed.layer(Layer.LOCAL) is Reading.ABSENT
    assert states[GUEST].observed.layer(Layer.POLICY) == policy
    assert states[GUEST].effective is False, "the running value stands in"


def test_the_default_of_this_windows_comes_with_the_system() -> None:
    assert facts(windows_10_1809_enterprise())[GUEST].observed.default.stored is True
    assert observe(windows_10(), [SETTINGS[GUEST]])[GUEST].observed.default.confidence == "unknown"


GOVERNED = (
    windows_11_24h2()
    .put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)
    .put(CLIENT_POLICY, "RequireEncryption", 1)
    .put(SERVER_POLICY, "AuditInsecureGuestLogon", 1)
    .put(CLIENT_LOCAL, "RequireSecuritySignature", 1)
    .put(SERVER_LOCAL, "RequireSecuritySignature", 1)
)
INTUNE = (
    windows_11_24h2().put(CLIENT_MDM, "EnableInsecureGuestLogons", 0).put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)
)
CONFIGURED = windows_11_24h2()
for _row in ALL:
    CONFIGURED.put(KEYS[_row.side][Layer.LOCAL], _row.names[Layer.LOCAL], 1)


@pytest.mark.parametrize(
    "host",
    [windows_10(), windows_11_24h2(), windows_10_1809_enterprise(), GOVERNED, INTUNE],
    ids=["10", "24h2", "1809", "governed", "intune"],
)
def test_facts_cost_at_most_twenty_requests(host: FakeHost) -> None:
    host.requests = []
    facts(host)
    assert len(host.requests) <= 20, host.requests
    assert host.writes == []


def test_each_value_that_is_there_costs_one_more_request() -> None:
    bare, full = windows_11_24h2(), CONFIGURED
    full.requests = []
    facts(bare)
    facts(full)
    assert len(full.requests) == len(bare.requests) + len(ALL)
