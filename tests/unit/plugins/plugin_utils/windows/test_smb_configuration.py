# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GetConfiguration and SetConfiguration: what is sent, and odd answers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import AccessDenied, HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Side, on_side
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.smb_configuration import (
    CLASSES,
    get_configuration,
    set_configuration,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimInstance
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import Invoke, InvokeResult

NAMES = {Side.CLIENT: "MSFT_SmbClientConfiguration", Side.SERVER: "MSFT_SmbServerConfiguration"}


class OneAnswer:
    def __init__(self, result: InvokeResult) -> None:
        self.result = result
        self.asked: list[Invoke] = []

    def call(self, operation: Invoke) -> InvokeResult:
        self.asked.append(operation)
        return self.result


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("returned", [0, None])
def test_get(side: Side, returned: int | None) -> None:
    instance = CimInstance({"RequireSecuritySignature": False})
    session = OneAnswer(InvokeResult(returned, {"Output": instance}))
    assert get_configuration(session, side) is instance
    (asked,) = session.asked
    assert (asked.cls.namespace, asked.cls.name, asked.method, dict(asked.arguments)) == (
        "root/Microsoft/Windows/SMB",
        NAMES[side],
        "GetConfiguration",
        {},
    )


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (InvokeResult(1, {}), "GetConfiguration returned 0x00000001"),
        (InvokeResult(87, {"Output": CimInstance({"RequireSecuritySignature": True})}), "returned 0x00000057"),
        (InvokeResult(0, {}), "without a configuration"),
        (InvokeResult(0, {"Output": None}), "without a configuration"),
        (InvokeResult(0, {"Output": CimInstance({})}), "without a configuration"),
        (InvokeResult(0, {"Output": "text"}), "without a configuration"),
        (InvokeResult(None, {}), "without a configuration"),
    ],
)
@pytest.mark.parametrize("side", list(Side))
def test_odd_answers(side: Side, result: InvokeResult, said: str) -> None:
    with pytest.raises(HostError, match=f"{NAMES[side]}.*{said}"):
        get_configuration(OneAnswer(result), side)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("returned", [0, None])
def test_set_sends_one_parameter_only(name: str, value: bool, returned: int | None) -> None:
    session = OneAnswer(InvokeResult(returned, {}))
    set_configuration(session, SETTINGS[name].side, {SETTINGS[name].cim_property: value})
    (asked,) = session.asked
    assert asked.cls.name == NAMES[SETTINGS[name].side]
    assert (asked.method, dict(asked.arguments)) == ("SetConfiguration", {SETTINGS[name].cim_property: value})


@pytest.mark.parametrize("returned", [5, 0x80070005])
def test_access_denied_as_a_return_value(returned: int) -> None:
    with pytest.raises(AccessDenied, match="SetConfiguration"):
        set_configuration(OneAnswer(InvokeResult(returned, {})), Side.CLIENT, {"EnableInsecureGuestLogons": True})
    with pytest.raises(AccessDenied, match="GetConfiguration"):
        get_configuration(OneAnswer(InvokeResult(returned, {})), Side.CLIENT)


@pytest.mark.parametrize("returned", [1, 87])
def test_set_that_fails(returned: int) -> None:
    with pytest.raises(HostError, match=f"SetConfiguration.*EnableInsecureGuestLogons=True.*0x{returned:08X}"):
        set_configuration(OneAnswer(InvokeResult(returned, {})), Side.CLIENT, {"EnableInsecureGuestLogons": True})


@pytest.mark.parametrize("side", list(Side))
def test_the_schema_is_the_table_of_settings(side: Side) -> None:
    wanted: dict[str, Any] = {row.cim_property for row in on_side(side)}
    assert set(CLASSES[side].properties) == set(CLASSES[side].methods["SetConfiguration"].inputs) == wanted
