# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal: what is written is read back, and what nobody of us would have written is refused as a whole."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import (
    CHANGES,
    MAX_TEXT,
    PENDING,
    ROOT,
    DamagedEntry,
    Entry,
    Journal,
    Status,
    checked_change_id,
    checked_text,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import SCOPES, Change
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.snapshot import Held, Snapshot
from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import (
    Registry,
    RegistryType,
    RegistryValue,
    WrongType,
)

from ..remembering import NOW, Raw, RememberingHost, remembering_24h2

ID = "20260301T120000Z-0a1b2c"
KEY = f"{CHANGES}\\{ID}"
GUEST, SIGNING, AUDIT = (
    SETTINGS[name] for name in ("insecure_guest_logons", "client_signing", "audit_insecure_guest_logons")
)
POLICY_KEY = r"SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"

ENTRY = Entry(
    change_id=ID,
    status=Status.PENDING,
    reason="the old NAS, until it is replaced; ticket 4711 \u2013 \u00e4\u20ac",
    created_at=NOW,
    expires_at=NOW + timedelta(hours=8),
    before=Snapshot(
        (
            Held(GUEST, Layer.LOCAL, None, False),
            Held(SIGNING, Layer.LOCAL, RegistryValue(RegistryType.REG_DWORD, 1), True),
            Held(GUEST, Layer.POLICY, RegistryValue(RegistryType.REG_SZ, "yes")),
            Held(AUDIT, Layer.POLICY, RegistryValue(RegistryType.REG_BINARY, b"\x00\xff")),
        ),
        (POLICY_KEY,),
    ),
    wanted=(Change(SIGNING, Layer.LOCAL, True, False), Change(GUEST, Layer.POLICY, None, None)),
    controller="ops.example",
)


@pytest.fixture
def host() -> RememberingHost:
    return remembering_24h2()


@pytest.fixture
def journal(host: RememberingHost) -> Journal:
    return Journal(Registry(host))  # type: ignore[arg-type]  # the host in memory is a session


def values() -> st.SearchStrategy[RegistryValue | None]:
    text = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=20)
    return st.one_of(
        st.none(),
        st.builds(RegistryValue, st.just(RegistryType.REG_DWORD), st.integers(0, 2**32 - 1)),
        st.builds(RegistryValue, st.just(RegistryType.REG_QWORD), st.integers(0, 2**64 - 1)),
        st.builds(RegistryValue, st.sampled_from((RegistryType.REG_SZ, RegistryType.REG_EXPAND_SZ)), text),
        st.builds(RegistryValue, st.just(RegistryType.REG_BINARY), st.binary(max_size=20)),
        st.builds(RegistryValue, st.just(RegistryType.REG_MULTI_SZ), st.lists(text, max_size=3).map(tuple)),
    )


def truth(value: RegistryValue | None) -> bool | None:
    """What a change says it found."""
    return bool(value.data) if value and isinstance(value.data, int) else None


PLACES = [(setting, layer) for setting in SETTINGS.values() for layer in SCOPES if setting.has(layer)]
BOOLEANS = st.sampled_from((None, True, False))


# What is written is read back.


def test_round_trip(host: RememberingHost, journal: Journal) -> None:
    journal.begin(ENTRY)
    assert journal.read(ID) == ENTRY
    assert (journal.change_ids(), journal.pending()) == ((ID,), ID)
    ended = journal.finish(ENTRY, Status.ROLLED_BACK, "because")
    journal.nothing_pending()
    assert journal.read(ID) == ended
    assert (ended.status, ended.note, journal.pending()) == (Status.ROLLED_BACK, "because", None)
    assert not ended.revertible


@given(st.data())
def test_round_trip_of_every_value(data: st.DataObject) -> None:
    """Types, absence, and what ran beside it."""
    journal = Journal(Registry(remembering_24h2()))  # type: ignore[arg-type]
    places = data.draw(st.lists(st.sampled_from(PLACES), min_size=1, unique_by=lambda p: (p[0].name, p[1])))
    held = tuple(Held(*place, data.draw(values()), data.draw(BOOLEANS)) for place in places)
    wanted = tuple(Change(item.setting, item.layer, truth(item.value), data.draw(BOOLEANS)) for item in held)
    entry = Entry(ID, Status.PENDING, data.draw(st.text(max_size=9)), NOW, None, Snapshot(held), wanted)
    journal.begin(entry)
    assert journal.read(ID) == entry


def test_the_status_is_written_last(host: RememberingHost, journal: Journal) -> None:
    """An entry without one never led to a write."""
    journal.begin(ENTRY)
    written = [name for name in host.requests if "Set" in name]
    assert written[0].endswith(PENDING)
    assert written[-1].endswith("\\Status")


def test_an_entry_that_was_cut_off_is_none(host: RememberingHost, journal: Journal) -> None:
    journal.begin(ENTRY)
    del host.keys[KEY]["Status"]
    assert journal.read(ID) is None
    assert journal.entries() == ([], [])


def test_an_absent_entry_is_none(journal: Journal) -> None:
    assert journal.read("unknown") is None
    assert journal.change_ids() == ()


def test_entries_are_oldest_first(journal: Journal) -> None:
    for name, hours in (("b", 2), ("c", 1), ("a", 3)):
        journal.begin(replace(ENTRY, change_id=name, created_at=NOW + timedelta(hours=hours)))
    assert [entry.change_id for entry in journal.entries()[0]] == ["c", "b", "a"]


# What was damaged or forged.

Forge = Callable[[dict[str, Any]], None]


def before(**changes: Any) -> Forge:
    """Change the first value of Before; a member named `top_...` is one of Before itself."""

    def forge(texts: dict[str, Any]) -> None:
        document = json.loads(texts["Before"])
        document |= {name[4:]: value for name, value in changes.items() if name.startswith("top_")}
        if not any(name.startswith("top_") for name in changes):
            document["values"][0] |= changes
        texts["Before"] = json.dumps(document)

    return forge


def wanted(**changes: Any) -> Forge:
    def forge(texts: dict[str, Any]) -> None:
        document = json.loads(texts["Wanted"])
        document[0] |= changes
        texts["Wanted"] = json.dumps(document)

    return forge


def text(name: str, value: Any) -> Forge:
    def forge(texts: dict[str, Any]) -> None:
        texts[name] = value

    return forge


FORGED: dict[str, Forge] = {
    "no JSON": text("Before", "{"),
    "another JSON": text("Before", "[]"),
    "a number as JSON": text("Before", "1"),
    "nothing in Before": text("Before", ""),
    "nothing in Wanted": text("Wanted", ""),
    "JSON without an end": text("Before", "[" * 200_000),
    "Wanted without an end": text("Wanted", "[" * 200_000),
    "a type that is no text": text("Before", 1),
    "a status of another type": text("Status", Raw(7, ["pending"])),
    "an unknown status": text("Status", "Applied"),
    "no time": text("CreatedAt", "yesterday"),
    "no time at all": text("CreatedAt", ""),
    "a time of no place": text("CreatedAt", "2026-03-01T12:00:00"),
    "an expiry of no place": text("ExpiresAt", "2026-03-01T12:00:00"),
    "a time before all times": text("CreatedAt", "0001-01-01T00:00:00+23:00"),
    "an expiry after all times": text("ExpiresAt", "9999-12-31T23:59:59-23:00"),
    "an unknown setting": before(setting="nothing"),
    "a list as setting": before(setting=["insecure_guest_logons"]),
    "an unknown scope": before(scope="everywhere"),
    "the scope mdm": before(scope="mdm"),
    "a scope that the setting has not": before(setting="client_signing", scope="policy"),
    "an unknown type": before(type="REG_LINK", data="x"),
    "a text as DWORD": before(type="REG_DWORD", data="1"),
    "a truth as DWORD": before(type="REG_DWORD", data=True),
    "a fraction as DWORD": before(type="REG_DWORD", data=1.5),
    "a negative DWORD": before(type="REG_DWORD", data=-1),
    "a DWORD that is too large": before(type="REG_DWORD", data=2**32),
    "a QWORD that is too large": before(type="REG_QWORD", data=2**64),
    "a number as text": before(type="REG_SZ", data=1),
    "no hexadecimal": before(type="REG_BINARY", data="xy"),
    "a number as bytes": before(type="REG_BINARY", data=7),
    "a text as lines": before(type="REG_MULTI_SZ", data="abc"),
    "a number as what ran": before(running=1),
    "a text as what ran": before(running="$true; calc"),
    "no values": before(top_values=None),
    "values that are none": before(top_values=[1]),
    "a key of somebody else": before(top_missing_keys=[r"SOFTWARE\Policies\Microsoft\Windows\DeviceGuard"]),
    "a key above all policies": before(top_missing_keys=[r"SOFTWARE\Policies"]),
    "a key above everything": before(top_missing_keys=["SOFTWARE"]),
    "no key": before(top_missing_keys=[""]),
    "half a key": before(top_missing_keys=[POLICY_KEY[:-3]]),
    "a key below ours": before(top_missing_keys=[POLICY_KEY + r"\Below"]),
    "a key with a way up": before(top_missing_keys=[POLICY_KEY + r"\..\x"]),
    "a key with a quote": before(top_missing_keys=[POLICY_KEY + "'; calc"]),
    "keys as a text": before(top_missing_keys=POLICY_KEY),
    "keys as a number": before(top_missing_keys=3),
    "a wish for what was not remembered": wanted(setting="server_signing"),
    "a wish for an unknown setting": wanted(setting="__class__"),
    "a wish that is no truth": wanted(value="false"),
    "a wish in the scope mdm": wanted(scope="mdm"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_entry_is_refused(host: RememberingHost, journal: Journal, name: str) -> None:
    journal.begin(ENTRY)
    FORGED[name](host.keys[KEY])
    kept = copy.deepcopy(host.keys)
    with pytest.raises(DamagedEntry, match=ID):
        journal.read(ID)
    assert host.keys == kept, "reading wrote"


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_entry_blocks_no_other(host: RememberingHost, journal: Journal, name: str) -> None:
    journal.begin(replace(ENTRY, change_id="good"))
    journal.begin(ENTRY)
    FORGED[name](host.keys[KEY])
    entries, damaged = journal.entries()
    assert [entry.change_id for entry in entries] == ["good"]
    assert len(damaged) == 1
    assert ID in damaged[0]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9))
    | st.sampled_from(list(SETTINGS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(("values", "missing_keys", "setting", "scope", "type", "data", "running", "value")), inner
        ),
    ),
    max_leaves=20,
)


@given(
    st.fixed_dictionaries(
        {
            "Status": st.sampled_from([status.value for status in Status]),
            "Before": st.one_of(JSON.map(json.dumps), st.text(max_size=30)),
            "Wanted": st.one_of(JSON.map(json.dumps), st.just("[]"), st.text(max_size=30)),
            "CreatedAt": st.one_of(st.text(max_size=12), st.datetimes().map(str), st.just("2026-03-01T12:00:00Z")),
            "ExpiresAt": st.one_of(st.just(""), st.text(max_size=12)),
            "Reason": st.text(max_size=9),
        }
    )
)
def test_nothing_that_is_read_breaks_the_reader(texts: dict[str, str]) -> None:
    host = remembering_24h2()
    host.keys[KEY] = dict(texts)
    try:
        entry = Journal(Registry(host)).read(ID)  # type: ignore[arg-type]
    except DamagedEntry:
        return
    assert entry is not None
    entry.as_dict()
    assert all((item.setting, item.layer) in PLACES for item in entry.before.held)


@pytest.mark.parametrize("value", ["", "..", "a\\b", "a" * 65, "a b", "\u00e9", "a&b", 'a"b', "a%b", "a\n"])
def test_a_pending_mark_that_is_no_name(host: RememberingHost, journal: Journal, value: str) -> None:
    host.keys[ROOT] = {PENDING: value}
    with pytest.raises(DamagedEntry, match=PENDING):
        journal.pending()


def test_a_pending_mark_of_another_type(host: RememberingHost, journal: Journal) -> None:
    host.keys[ROOT] = {PENDING: 1}
    with pytest.raises((DamagedEntry, WrongType), match=PENDING):
        journal.pending()


# What a user gives.


@pytest.mark.parametrize("name", ["a", "A-1_b.c", "0" * 64, "20260301T120000Z-0a1b2c"])
def test_good_names(name: str) -> None:
    assert checked_change_id(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "a b", ".", "..", "-a", "_a", "a" * 65, "a\\b", "a/b", "a\n", "a\x00"),
        *("\u00e9", "\uff11", 'a"', "a&", "a%x%"),
    ],
)
def test_bad_names(name: str) -> None:
    with pytest.raises(RequestError, match="Nothing was written"):
        checked_change_id(name)


@given(st.text())
def test_a_name_that_passes_is_harmless(name: str) -> None:
    try:
        checked_change_id(name)
    except RequestError:
        return
    assert name.isascii()
    assert not set(name) & set("\\/\"'&|<>^%$`;*? \t\r\n\0")


@pytest.mark.parametrize("reason", ["line\nbreak", "a\x00b", "\x1b[31m", "a" * (MAX_TEXT + 1), "tab\there"])
def test_bad_reasons(reason: str) -> None:
    with pytest.raises(RequestError, match="reason must be one printable line"):
        checked_text("reason", reason)


def test_a_long_note_is_cut(host: RememberingHost, journal: Journal) -> None:
    journal.begin(ENTRY)
    journal.finish(ENTRY, Status.FAILED, "x" * 5000)
    assert host.keys[KEY]["Note"] == "x" * MAX_TEXT
