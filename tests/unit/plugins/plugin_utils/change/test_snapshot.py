# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots: what is remembered is put back exactly, in the order that is safe, and proven."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import Change
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.snapshot import Snapshot, restore, take
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import UnexpectedState
from ansible_collections.winops.smb_guest.plugins.plugin_utils.observe import Observer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, SETTINGS, Layer, Side
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import (
    Registry,
    RegistryType,
    RegistryValue,
)

from ..fakes import CLIENT_LOCAL, CLIENT_POLICY
from ..remembering import Raw, RememberingHost, remembering_24h2

GUEST, SIGNING, AUDIT = (
    SETTINGS[name] for name in ("insecure_guest_logons", "client_signing", "audit_insecure_guest_logons")
)
OPENING = (
    Change(SIGNING, Layer.LOCAL, None, False),
    Change(GUEST, Layer.LOCAL, None, True),
    Change(GUEST, Layer.POLICY, None, True),
)


@pytest.fixture
def host() -> RememberingHost:
    return remembering_24h2()


def remember(host: RememberingHost, changes: tuple[Change, ...] = OPENING) -> Snapshot:
    session: Any = host
    registry = Registry(session)
    states = Observer(session, registry, None).observe([change.setting for change in changes], governing=(), beside=())
    return take(registry, changes, states)


def put_back(host: RememberingHost, snapshot: Snapshot) -> None:
    session: Any = host
    restore(session, Registry(session), snapshot)


def overwrite(host: RememberingHost) -> None:
    """What OPENING does."""
    host.put(CLIENT_LOCAL, "RequireSecuritySignature", 0)
    host.put(CLIENT_LOCAL, "AllowInsecureGuestAuth", 1)
    host.put(CLIENT_POLICY, "AllowInsecureGuestAuth", 1)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, RegistryType.REG_DWORD),
        (7, RegistryType.REG_DWORD),
        ("yes", RegistryType.REG_SZ),
        (Raw(2, "%x%"), RegistryType.REG_EXPAND_SZ),
        (Raw(3, b"\x01\x00"), RegistryType.REG_BINARY),
        (Raw(7, ["a", "b"]), RegistryType.REG_MULTI_SZ),
        (Raw(11, 2**40), RegistryType.REG_QWORD),
    ],
)
def test_every_type_comes_back(host: RememberingHost, value: Any, kind: RegistryType) -> None:
    host.put(CLIENT_POLICY, "AllowInsecureGuestAuth", value)
    before = host.settings
    snapshot = remember(host)
    (held,) = [item for item in snapshot.held if item.layer is Layer.POLICY]
    assert held.value is not None
    assert held.value.kind is kind
    assert snapshot.missing_keys == ()
    overwrite(host)
    put_back(host, snapshot)
    assert host.settings == before


def test_absence_comes_back(host: RememberingHost) -> None:
    before = host.settings
    snapshot = remember(host)
    assert all(item.value is None for item in snapshot.held)
    assert snapshot.missing_keys == (CLIENT_POLICY,)
    overwrite(host)
    put_back(host, snapshot)
    assert host.settings == before
    assert host.running("MSFT_SmbClientConfiguration")["EnableInsecureGuestLogons"] is False


def test_missing_parents_are_remembered_deepest_first(host: RememberingHost) -> None:
    del host.keys[r"SOFTWARE\Policies\Microsoft\Windows"]
    snapshot = remember(host)
    assert snapshot.missing_keys == (CLIENT_POLICY, r"SOFTWARE\Policies\Microsoft\Windows")


@pytest.mark.parametrize("foreign", [(CLIENT_POLICY, "Somebody"), (CLIENT_POLICY + r"\Below", "Else")])
def test_a_key_that_somebody_uses_meanwhile_stays(host: RememberingHost, foreign: tuple[str, str]) -> None:
    snapshot = remember(host)
    overwrite(host)
    host.put(*foreign, 1)
    put_back(host, snapshot)
    assert host.held(*foreign) == 1
    assert host.held(CLIENT_POLICY, "AllowInsecureGuestAuth") is None


def test_closing_comes_first_when_an_opening_is_undone(host: RememberingHost) -> None:
    """Guest before the rest: at no moment is a host more open than before and after."""
    local = [item.setting.name for item in remember(host).held if item.layer is Layer.LOCAL]
    assert local == [GUEST.name, SIGNING.name]


def test_opening_comes_last_when_a_closing_is_undone() -> None:
    host = remembering_24h2()
    overwrite(host)
    closing = (Change(GUEST, Layer.LOCAL, True, False), Change(SIGNING, Layer.LOCAL, False, True))
    assert [item.setting.name for item in remember(host, closing).held] == [SIGNING.name, GUEST.name]


def test_nothing_is_written_where_nothing_differs(host: RememberingHost) -> None:
    host.put(CLIENT_POLICY, "AllowInsecureGuestAuth", 0)
    snapshot = remember(host)
    host.requests.clear()
    put_back(host, snapshot)
    assert host.writes == []


@pytest.mark.parametrize("lost", ["Delete", "SetConfiguration"])
def test_a_write_that_is_lost_is_noticed(host: RememberingHost, lost: str) -> None:
    host.put(CLIENT_LOCAL, "AllowInsecureGuestAuth", 0)
    snapshot = remember(host)
    overwrite(host)
    host.hook = lambda name: "drop" if lost in name or "SetDWORD" in name else None
    with pytest.raises(UnexpectedState, match=r"is .* and was|running value"):
        put_back(host, snapshot)


def test_what_the_states_tell_is_not_asked_again(host: RememberingHost) -> None:
    for layer in (Layer.LOCAL, Layer.POLICY):
        host.put(KEYS[Side.CLIENT][layer], "AuditInsecureGuestLogon", 0)
    session: Any = host
    registry = Registry(session)
    changes = (Change(AUDIT, Layer.LOCAL, False, True), Change(AUDIT, Layer.POLICY, False, True))
    states = Observer(session, registry, None).observe([AUDIT], governing=(), beside=())
    host.requests.clear()
    snapshot = take(registry, changes, states)
    assert host.requests == []
    assert [item.value for item in snapshot.held] == [RegistryValue(RegistryType.REG_DWORD, 0)] * 2
