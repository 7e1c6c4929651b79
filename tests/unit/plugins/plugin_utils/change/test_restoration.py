# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restoring: what is stored bit for bit, what runs beside it, in a safe order, and what is reported where it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import write
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell, CellValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.write import (
    Restoration,
    _undoing_order,
    write_back,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, HostUnreachable
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    Stored,
    dword,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, Layer, Side
from simulated_windows.in_process import InProcessHost

from ..engine import (
    AUDIT,
    ENCRYPTION_LOCAL,
    ENCRYPTION_POLICY,
    GUEST_LOCAL,
    GUEST_POLICY,
    SIGNING_LOCAL,
    engine,
    held,
    meanwhile,
    moved,
    put,
    runs,
)

LAZY = {"running_follows_registry": False}
"""What runs follows SetConfiguration alone."""


def back(host: InProcessHost, targets: Mapping[Cell, CellValue], made_keys: Sequence[str] = ()) -> Restoration:
    host.reset_counters()
    onto = engine(host)
    return write_back(onto.session, onto.registry, targets, made_keys)


def methods(host: InProcessHost) -> list[str]:
    return [message["method"] for message in host.messages if message["method"].startswith(("Set", "Delete", "Create"))]


def test_every_type_comes_back_bit_for_bit() -> None:
    values: dict[str, Stored] = {
        "absent": None,
        "dword": dword(7),
        "dword, all bits": dword(2**32 - 1),
        "text": RegistryValue(RegistryType.REG_SZ, "yes \u00e4 & <no>"),
        "empty text": RegistryValue(RegistryType.REG_SZ, ""),
        "expanded text": RegistryValue(RegistryType.REG_EXPAND_SZ, "%SystemRoot%"),
        "binary": RegistryValue(RegistryType.REG_BINARY, b"\x00\xff\x01"),
        "no bytes": RegistryValue(RegistryType.REG_BINARY, b""),
        "lines": RegistryValue(RegistryType.REG_MULTI_SZ, ("a", "b c")),
        "qword": RegistryValue(RegistryType.REG_QWORD, 2**40),
    }
    for cell in (GUEST_LOCAL, GUEST_POLICY):
        for name, stored in values.items():
            host = InProcessHost()
            put(host, cell, 1)
            assert back(host, {cell: CellValue(stored)}) == Restoration((), ()), name
            onto = engine(host)
            assert onto.registry.value(cell.key, cell.name) == stored, name


def test_what_is_due_already_is_not_written() -> None:
    host = InProcessHost()
    put(host, GUEST_LOCAL, 1)
    result = back(host, {GUEST_LOCAL: CellValue(dword(1), True), GUEST_POLICY: CellValue(None)})
    assert (result, result.warning) == (Restoration((), ()), "")
    assert methods(host) == []
    assert host.requests == 3, "what runs and two values: looked at once"


def test_what_set_configuration_has_stored_is_not_written_again() -> None:
    text = RegistryValue(RegistryType.REG_SZ, "0")
    for stored, expected in ((dword(0), ["SetConfiguration"]), (text, ["SetConfiguration", "SetStringValue"])):
        host = InProcessHost(quirks=LAZY)
        for cell in (ENCRYPTION_LOCAL, GUEST_LOCAL):
            put(host, cell, 1)
            host.client.running[cell.setting.cim_property] = True
        assert back(
            host, {ENCRYPTION_LOCAL: CellValue(dword(0), False), GUEST_LOCAL: CellValue(stored, False)}
        ) == Restoration((), ())
        assert methods(host) == expected


def test_what_runs_is_restored_by_set_configuration_where_the_registry_is_not_watched() -> None:
    for stored, running in ((None, False), (dword(0), False), (RegistryValue(RegistryType.REG_SZ, "0"), False)):
        host = InProcessHost(quirks=LAZY)
        put(host, GUEST_LOCAL, 1)
        host.client.running["EnableInsecureGuestLogons"] = True
        assert back(host, {GUEST_LOCAL: CellValue(stored, running)}) == Restoration((), ())
        assert runs(host, GUEST_LOCAL) is False
        assert engine(host).registry.value(GUEST_LOCAL.key, GUEST_LOCAL.name) == stored


def test_the_running_value_alone_is_restored_too() -> None:
    host = InProcessHost(quirks=LAZY)
    host.client.running["EnableInsecureGuestLogons"] = True
    assert back(host, {GUEST_LOCAL: CellValue(None, False)}) == Restoration((), ())
    assert (held(host, GUEST_LOCAL), runs(host, GUEST_LOCAL)) == (None, False)


def test_a_registry_that_does_not_keep_is_seen() -> None:
    """The host says yes to every write and does none."""
    host = InProcessHost()
    put(host, GUEST_POLICY, 1)
    host.inject("silent_drop", match="DeleteValue", times=0)
    result = back(host, {GUEST_POLICY: CellValue(None)})
    assert result.wrong == (f"{GUEST_POLICY.location} is 1 and should be absent.",)
    assert methods(host) == ["DeleteValue"] * 2, "a second attempt, and no third"


def test_a_service_that_does_not_follow_is_seen() -> None:
    host = InProcessHost(quirks=LAZY)
    put(host, GUEST_LOCAL, 1)
    host.client.running["EnableInsecureGuestLogons"] = True
    host.inject("silent_drop", match="SetConfiguration", times=0)
    (told,) = back(host, {GUEST_LOCAL: CellValue(None, False)}).wrong
    assert told == f"{GUEST_LOCAL.location} is as it was, but the running value of insecure_guest_logons is not."


def test_under_a_policy_the_stored_value_is_proved_and_the_running_one_proves_nothing() -> None:
    for refused in (False, True):
        host = InProcessHost(policy={"AllowInsecureGuestAuth": 1}, quirks={"set_refused_by_policy": refused})
        put(host, GUEST_LOCAL, 1)
        result = back(host, {GUEST_LOCAL: CellValue(dword(0), False)})
        assert result.wrong == ()
        assert result.warning.endswith(
            r"decided elsewhere: insecure_guest_logons by HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
            r"\AllowInsecureGuestAuth."
        )
        assert (held(host, GUEST_LOCAL), runs(host, GUEST_LOCAL)) == (("REG_DWORD", 0), True)


def test_a_policy_of_the_other_side_governs_nothing() -> None:
    """The policy values of client and server have the same names."""
    audit, server = Cell.named(AUDIT, "policy"), Cell.named("server_audit_insecure_guest_logons", "local")
    host = InProcessHost(quirks=LAZY)
    put(host, audit, 1)
    host.server.running[server.setting.cim_property] = True
    host.inject("silent_drop", match="SetConfiguration", times=0)
    result = back(host, {server: CellValue(None, False)})
    assert (len(result.wrong), result.governed) == (1, ())


def test_a_policy_that_goes_with_it_is_no_hindrance() -> None:
    """Beneath a policy some Windows let nobody write: so that goes first, and what runs is proved."""
    host = InProcessHost(policy={"AllowInsecureGuestAuth": 1}, quirks={"set_refused_by_policy": True})
    put(host, GUEST_LOCAL, 1)
    assert back(host, {GUEST_LOCAL: CellValue(None, False), GUEST_POLICY: CellValue(None)}) == Restoration((), ())
    assert (held(host, GUEST_LOCAL), held(host, GUEST_POLICY), runs(host, GUEST_LOCAL)) == (None, None, False)


def test_one_cell_that_cannot_be_restored_keeps_no_other_from_it() -> None:
    host = InProcessHost()
    server = Cell.named("server_encryption", "local")
    for cell, value in ((GUEST_LOCAL, 1), (GUEST_POLICY, 1), (server, 1)):
        put(host, cell, value)
    for kind, why in (("access_denied", "denied access"), ("soap_fault", "refused"), ("return_value", "0x000005AA")):
        saved = host.save()
        writes = {
            GUEST_LOCAL: CellValue(dword(0), False),
            GUEST_POLICY: CellValue(None),
            server: CellValue(dword(0), False),
        }
        host.inject(kind, match="DeleteValue", times=0, value=1450)
        (told,) = back(host, writes).wrong
        assert told.startswith(f"{GUEST_POLICY.location} is 1 and should be absent. "), told
        assert why in told
        assert held(host, GUEST_LOCAL) == held(host, server) == ("REG_DWORD", 0)
        host.load(saved)


def test_where_set_configuration_is_refused_it_is_reported_why_and_the_registry_is_restored() -> None:
    host = InProcessHost(quirks=LAZY)
    put(host, GUEST_LOCAL, 1)
    host.client.running["EnableInsecureGuestLogons"] = True
    host.inject("access_denied", match="SetConfiguration", times=0)
    (told,) = back(host, {GUEST_LOCAL: CellValue(dword(0), False)}).wrong
    assert told.startswith(f"{GUEST_LOCAL.location} is as it was, but the running value")
    assert "denied access" in told
    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 0)


def test_of_each_cell_it_is_reported_why_it_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where something else was refused after it."""
    monkeypatch.setattr(write, "write_values", _refused)
    host = InProcessHost(quirks=LAZY)
    put(host, GUEST_POLICY, 1)
    host.inject("access_denied", match="DeleteValue", times=0)
    host.inject("soap_fault", match="SetConfiguration", times=0)
    gpo = Cell.named("insecure_guest_logons", "local_gpo")
    due = {GUEST_POLICY: CellValue(None), SIGNING_LOCAL: CellValue(dword(0), False), gpo: CellValue(dword(1))}
    wrong = back(host, due).wrong
    assert len(wrong) == 3
    for told, why in zip(wrong, ("denied access", "refused", "no room left"), strict=True):
        assert why in told


def _refused(*_args: object) -> None:
    raise HostError("There is no room left.")


def test_a_host_that_is_gone_ends_it() -> None:
    host = InProcessHost()
    put(host, GUEST_POLICY, 1)
    host.inject("reset_before", match="DeleteValue")
    with pytest.raises(HostUnreachable):
        back(host, {GUEST_POLICY: CellValue(None)})
    host.inject("reset_before", match="SetConfiguration")
    host.client.running["EnableInsecureGuestLogons"] = True
    with pytest.raises(HostUnreachable):
        back(host, {GUEST_LOCAL: CellValue(None, False)})


def test_keys_that_the_change_made_go_only_when_they_are_empty() -> None:
    key = KEYS[Side.CLIENT][Layer.POLICY]
    parent = key.rpartition("\\")[0]
    for extra in (None, "value", "key"):
        host = InProcessHost()
        host.registry.delete_key(f"HKLM\\{key}", recurse=True)
        before = host.snapshot()
        put(host, GUEST_POLICY, 1)
        if extra == "value":
            host.edit(f"HKLM\\{key}", "SomebodyElse", 1)
        if extra == "key":
            host.registry.create_key(f"HKLM\\{key}\\SomebodyElse")
        assert back(host, {GUEST_POLICY: CellValue(None)}, (key,)).wrong == ()
        assert (moved(before, host) == []) is (extra is None), extra
        assert host.registry.key_exists(f"HKLM\\{parent}")


def test_a_policy_that_arrives_keeps_the_key_until_the_last_request() -> None:
    """Windows deletes a key with its values, so what was seen to be empty is deleted at once."""
    key = KEYS[Side.CLIENT][Layer.POLICY]
    host = InProcessHost()
    put(host, GUEST_POLICY, 1)
    prepared = host.save()
    back(host, {GUEST_POLICY: CellValue(None)}, (key,))
    requests, lost = host.requests, []
    for at in range(1, requests + 1):
        host.load(prepared)
        with meanwhile(host, at, lambda: put(host, ENCRYPTION_POLICY, 1)):
            back(host, {GUEST_POLICY: CellValue(None)}, (key,))
        if held(host, ENCRYPTION_POLICY) != ("REG_DWORD", 1):
            lost.append(at)
    assert lost == [requests]


def test_neighbours_of_one_side_are_set_in_one_call() -> None:
    host = InProcessHost(quirks=LAZY)
    audit = Cell.named(AUDIT, "local")
    back_to = {GUEST_LOCAL: CellValue(None, False), SIGNING_LOCAL: CellValue(None, True), audit: CellValue(None, False)}
    for cell, due in back_to.items():
        host.client.running[cell.setting.cim_property] = not due.running
    assert back(host, back_to) == Restoration((), ())
    assert methods(host).count("SetConfiguration") == 1


def test_the_order_of_restoration() -> None:
    """Closing before opening, the server between; policy before local; guest first of the closing, last of the rest."""
    server = Cell.named("server_signing", "local")
    audit = Cell.named(AUDIT, "local")
    now = {
        GUEST_LOCAL: CellValue(dword(1), True),
        GUEST_POLICY: CellValue(dword(1)),
        SIGNING_LOCAL: CellValue(dword(0), False),
        ENCRYPTION_LOCAL: CellValue(dword(1), True),
        ENCRYPTION_POLICY: CellValue(dword(1)),
        server: CellValue(dword(0), False),
        audit: CellValue(dword(1), True),
    }
    targets = {
        GUEST_LOCAL: CellValue(None, False),  # closes
        GUEST_POLICY: CellValue(None),  # closes nothing that is known: it uncovers
        SIGNING_LOCAL: CellValue(dword(1), True),  # closes
        ENCRYPTION_LOCAL: CellValue(dword(0), False),  # opens
        ENCRYPTION_POLICY: CellValue(None),  # opens
        server: CellValue(dword(1), True),
        audit: CellValue(None, False),
    }
    expected = [GUEST_POLICY, GUEST_LOCAL, SIGNING_LOCAL, audit, server, ENCRYPTION_POLICY, ENCRYPTION_LOCAL]
    assert _undoing_order(list(reversed(targets)), targets, now) == expected
    # The other way round: guest is opened last of all.
    opening = _undoing_order(list(now), now, targets)
    assert opening.index(GUEST_LOCAL) == len(opening) - 1
    assert opening[:2] == [ENCRYPTION_POLICY, ENCRYPTION_LOCAL]
    # The files of the local GPO come last even of what closes.
    gpo = Cell.named("insecure_guest_logons", "local_gpo")
    with_files = _undoing_order([gpo, *targets], {**targets, gpo: CellValue(None)}, {**now, gpo: CellValue(dword(1))})
    assert with_files == [*expected, gpo]


def test_the_order_on_the_wire() -> None:
    host = InProcessHost(quirks=LAZY)
    put(host, GUEST_POLICY, 1)
    put(host, GUEST_LOCAL, 1)
    put(host, ENCRYPTION_POLICY, 0)
    host.client.running["EnableInsecureGuestLogons"] = True
    assert back(
        host, {ENCRYPTION_POLICY: CellValue(None), GUEST_LOCAL: CellValue(None, False), GUEST_POLICY: CellValue(None)}
    ) == (Restoration((), ()))
    assert methods(host) == ["DeleteValue", "DeleteValue", "SetConfiguration", "DeleteValue"]
