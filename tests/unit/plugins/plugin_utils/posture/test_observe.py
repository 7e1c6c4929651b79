# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a host layer by layer: what is found, and how many requests it takes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import AccessDenied, HostUnreachable
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    dword,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.observe import Depth, observe
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.state import Observation
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import (
    KEYS,
    SETTINGS,
    Layer,
    Setting,
    Side,
)
from simulated_windows.in_process import InProcessHost

from ..engine import ENCRYPTION, GUEST, SIGNING, engine

ALL = tuple(SETTINGS.values())
NEW_ONLY = {"client_encryption", *(name for name in SETTINGS if "audit" in name)}
REGISTRY = (Layer.POLICY, Layer.MDM, Layer.LOCAL)
"""The layers that are registry values; the local GPO is read only where it is asked for."""


def look(host: InProcessHost, settings: Iterable[Setting] = ALL, depth: Depth = Depth.WHOLE) -> Observation:
    onto = engine(host)
    host.reset_counters()
    return observe(onto.session, onto.registry, dict.fromkeys(settings, depth))


def test_support_is_decided_by_the_property_not_by_the_build() -> None:
    old = look(InProcessHost("windows_10_22h2_pro")).settings
    assert {name for name, seen in old.items() if seen.supported is False} == NEW_ONLY
    assert all(seen.supported for seen in look(InProcessHost()).settings.values())
    updated = InProcessHost("windows_10_22h2_pro", quirks={"with_properties": ["RequireEncryption"]})
    assert look(updated).settings[ENCRYPTION].supported is True


def test_every_value_is_found_in_its_own_place() -> None:
    """With a number of its own each, so that a value read from a neighbour's place shows."""
    for layer in REGISTRY:
        for sides in ((Side.CLIENT,), (Side.SERVER,), tuple(Side)):
            settings = [row for row in ALL if row.side in sides]
            host = InProcessHost()
            expected = {row.name: number for number, row in enumerate(settings, 10) if row.has(layer)}
            for name, number in expected.items():
                row = SETTINGS[name]
                host.registry.set(f"HKLM\\{KEYS[row.side][layer]}", row.names[layer], "REG_DWORD", number)
            for name, seen in look(host, settings).settings.items():
                for other in REGISTRY:
                    number = expected.get(name) if other is layer else None
                    wanted = None if number is None else dword(number)
                    assert seen.layer(other) == wanted, (name, layer, other)


def test_a_value_of_another_type_is_shown_as_it_is() -> None:
    for layer in REGISTRY:
        for settings in (ALL, [SETTINGS[GUEST]]):
            row = SETTINGS[GUEST]
            host = InProcessHost()
            host.registry.set(f"HKLM\\{KEYS[row.side][layer]}", row.names[layer], "REG_SZ", "1")
            assert look(host, settings).settings[GUEST].layer(layer) == RegistryValue(RegistryType.REG_SZ, "1")


def test_names_in_another_letter_case() -> None:
    """The registry does not care; a listing shows the case in which key and value were made."""
    host = InProcessHost()
    key = KEYS[Side.CLIENT][Layer.POLICY]
    host.registry.delete_key(f"HKLM\\{key}", recurse=True)
    host.registry.set(f"HKLM\\{key.upper()}", "ALLOWINSECUREGUESTAUTH", "REG_DWORD", 0)
    for settings in (ALL, [SETTINGS[GUEST]]):
        assert look(host, settings).settings[GUEST].layer(Layer.POLICY) == dword(0)


def test_no_more_is_read_than_was_asked_for() -> None:
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 0}, parameters={"AllowInsecureGuestAuth": 1})
    row = SETTINGS[GUEST]
    table = {
        Depth.RUNNING: (None, None),
        Depth.GOVERNING: (dword(0), None),
        Depth.WHOLE: (dword(0), dword(1)),
    }
    costs = []
    for depth, expected in table.items():
        seen = look(host, [row], depth).settings[GUEST]
        assert (seen.layer(Layer.POLICY), seen.layer(Layer.LOCAL)) == expected
        assert seen.running is False
        costs.append(host.requests)
    assert costs == [1, 4, 5]
    assert not [row for row in host.messages if row["method"].startswith(("Set", "Create", "Delete"))]


def test_a_whole_look_costs_at_most_sixteen_requests_and_one_more_for_each_value() -> None:
    for preset in ("windows_10_22h2_pro", "windows_11_24h2_pro", "server_2025", "windows_10_1809_enterprise"):
        host = InProcessHost(preset)
        look(host)
        assert host.requests <= 16, preset
    host = InProcessHost()
    look(host)
    bare = host.requests
    written = 0
    for row in ALL:
        key = f"HKLM\\{KEYS[row.side][Layer.LOCAL]}"
        written += host.registry.get(key, row.names[Layer.LOCAL]) is None
        host.registry.set(key, row.names[Layer.LOCAL], "REG_DWORD", 1)
    look(host)
    assert host.requests == bare + written


def test_a_side_that_cannot_be_read_is_silent_and_the_other_is_not() -> None:
    host = InProcessHost(services={"LanmanServer": "stopped"}, policy={"AllowInsecureGuestAuth": 0})
    seen = look(host)
    assert list(seen.silent) == [Side.SERVER]
    server = seen.settings["server_signing"]
    assert (server.supported, server.running) == (None, None)
    assert seen.settings[SIGNING].running is True


def test_no_rights_and_no_host_are_errors() -> None:
    for kind, error in (("access_denied", AccessDenied), ("reset_before", HostUnreachable)):
        host = InProcessHost()
        host.inject(kind, match="GetConfiguration")
        with pytest.raises(error):
            look(host, [SETTINGS[GUEST]])
