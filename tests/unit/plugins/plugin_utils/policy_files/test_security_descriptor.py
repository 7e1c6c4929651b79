# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security descriptors: round trips, hostile bytes; distinguished names; listings of folders."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.distinguished_names import (
    dn_key,
    dn_parts,
    parent_dn,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.smb_messages import Item, listed
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import DamagedFile
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.security_descriptor import (
    Ace,
    SecurityDescriptor,
    sid_bytes,
    sid_text,
)

SIDS = st.builds(
    lambda authority, parts: "-".join(["S-1", str(authority), *map(str, parts)]),
    st.integers(0, 2**48 - 1),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=15),
)
GUIDS = st.one_of(st.none(), st.uuids().map(str))
ACES = st.one_of(
    st.builds(Ace, st.sampled_from([0, 1]), st.integers(0, 255), st.integers(0, 2**32 - 1), SIDS),
    st.builds(Ace, st.sampled_from([5, 6]), st.integers(0, 255), st.integers(0, 2**32 - 1), SIDS, GUIDS, GUIDS),
    st.builds(Ace, st.just(17), st.integers(0, 255), st.just(0), st.just(""), rest=st.binary(min_size=4, max_size=40)),
)
DESCRIPTORS = st.builds(
    SecurityDescriptor,
    st.one_of(st.none(), SIDS),
    st.one_of(st.none(), SIDS),
    st.lists(ACES, max_size=6).map(tuple),
    st.just(0x9004),
)


@given(DESCRIPTORS)
def test_round_trip(descriptor: SecurityDescriptor) -> None:
    assert SecurityDescriptor.parse(descriptor.to_bytes()) == descriptor


@given(DESCRIPTORS, st.data())
def test_hostile_bytes_are_refused_or_read(descriptor: SecurityDescriptor, data: st.DataObject) -> None:
    content = bytearray(descriptor.to_bytes())
    for _each in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with suppress(DamagedFile):
        SecurityDescriptor.parse(bytes(content[:cut]))


@given(SIDS)
def test_sid(sid: str) -> None:
    assert sid_text(sid_bytes(sid)) == sid


def test_bytes_that_are_no_sid() -> None:
    with pytest.raises(DamagedFile):
        sid_text(b"\x01\x05\0\0")


def test_distinguished_names() -> None:
    assert dn_parts(r"OU=a\,b,DC=ad,DC=example") == [r"OU=a\,b", "DC=ad", "DC=example"]
    assert dn_parts(r"OU=a\\,DC=x") == [r"OU=a\\", "DC=x"]
    assert parent_dn(r"OU=a\,b,DC=ad") == "DC=ad"
    assert dn_key("ou = Ünit , dc=AD") == dn_key("OU=ünit,DC=ad")
    assert dn_key("OU=a") != dn_key("CN=a")


def entry(name: str, attributes: int, following: int) -> bytes:
    data = name.encode("utf-16-le")
    return struct.pack("<I52xII", following, attributes, len(data)) + data


def test_listing() -> None:
    names = [(".", 0x10), ("..", 0x10), ("Machine", 0x10), ("GPT.INI", 0x20)]
    sizes = [64 + 2 * len(name) for name, _attributes in names]
    content = b"".join(
        entry(name, attributes, size if name != "GPT.INI" else 0)
        for (name, attributes), size in zip(names, sizes, strict=True)
    )
    assert listed(content) == [Item("Machine", True), Item("GPT.INI", False)]
    for bad in (b"", content[:70], entry("x", 0, 4000)):
        with pytest.raises(DomainError):
            listed(bad)
