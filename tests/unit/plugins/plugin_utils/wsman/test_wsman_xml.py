# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parser takes what peers send and refuses what they must not; the writer never lets text become markup."""

from __future__ import annotations

import codecs
import tracemalloc
from contextlib import suppress
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import limits as bounds
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import xml
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import EXAMPLES
from simulated_windows.hostile_xml import HOSTILE_XML

DOCUMENT = '<p:a xmlns:p="urn:x" b="1"><!-- note --><c>t\u00e9xt <![CDATA[<&>]]> &lt;&#65;</c><?pi data?></p:a>'


@pytest.mark.parametrize(
    "data",
    [
        DOCUMENT.encode(),
        codecs.BOM_UTF8 + DOCUMENT.encode(),
        ('<?xml version="1.0" encoding="utf-8"?>' + DOCUMENT).encode(),
        DOCUMENT.encode("utf-16"),
        codecs.BOM_UTF16_BE + DOCUMENT.encode("utf-16-be"),
        ('<?xml version="1.0" encoding="UTF-16"?>' + DOCUMENT).encode("utf-16"),
    ],
    ids=["utf-8", "utf-8 BOM", "utf-8 declared", "utf-16", "utf-16 big endian", "utf-16 declared"],
)
def test_encodings_that_peers_use(data: bytes) -> None:
    root = xml.parse(data)
    assert (root.tag, xml.local_name(root), xml.namespace(root)) == ("{urn:x}a", "a", "urn:x")
    assert xml.attribute(root, "b") == "1"
    assert [(each.tag, each.text) for each in root] == [("c", "t\u00e9xt <&> <A")]
    assert xml.namespace(root[0]) == ""


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not_xml"),
        (b"not xml", "not_xml"),
        (b"<a>", "not_xml"),
        (b"<a></b>", "not_xml"),
        (b"<a/><b/>", "not_xml"),
        (b"<a>\x00</a>", "not_xml"),
        (b"<a>&#1;</a>", "not_xml"),
        (b"<a>\xff</a>", "not_xml"),
        (b"<a>&unknown;</a>", "not_xml"),
        (b"<p:a/>", "not_xml"),
        (b'<?xml version="1.0" encoding="iso-8859-1"?><a/>', "not_xml"),
        (b'<?xml version="1.0" encoding="cp1252"?><a/>', "not_xml"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "not_xml"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "not_xml"),
        (b"<!DOCTYPE html><html/>", "doctype"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "doctype"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "doctype"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "doctype"),
        (b'<!DOCTYPE a [<!ENTITY % e SYSTEM "http://host.example/"> %e;]><a/>', "doctype"),
    ],
)
def test_what_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        xml.parse(data)
    assert caught.value.problem == problem
    assert str(caught.value)


@pytest.mark.parametrize(
    ("data", "limits", "problem"),
    [
        (b"<a><b/></a>", {"max_bytes": 11, "max_depth": 2, "max_elements": 2}, None),
        (b"<a><b/></a>", {"max_bytes": 10}, "too_large"),
        (b"<a><b/></a>", {"max_depth": 1}, "too_deep"),
        (b"<a><b/></a>", {"max_elements": 1}, "too_many_items"),
        (b"<a>" * 100_000, {}, "too_deep"),
        (b"<a>" + b"<b/>" * bounds.MAX_ELEMENTS + b"</a>", {}, "too_many_items"),
        (b"<a>" + b" " * bounds.MAX_ANSWER_BYTES, {}, "too_large"),
    ],
)
def test_caps(data: bytes, limits: dict[str, int], problem: str | None) -> None:
    if problem is None:
        assert len(xml.parse(data, **limits)) == 1
        return
    with pytest.raises(RemoteProtocolError) as caught:
        xml.parse(data, **limits)
    assert caught.value.problem == problem


@pytest.mark.parametrize("size", [180_000, bounds.MAX_ANSWER_BYTES])
@pytest.mark.parametrize("kind", HOSTILE_XML)
def test_what_is_built_is_bounded(kind: str, size: int) -> None:
    data = HOSTILE_XML[kind](size)
    assert size - 100 < len(data) <= size, "as large as what a client just accepts"
    tracemalloc.start()
    try:
        with suppress(RemoteProtocolError):
            xml.parse(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (f'<a xmlns="urn:{"x" * 1024}"/>', "too_large"),
        (f"<{'a' * 1025}/>", "too_large"),
        (f'<a {"a" * 1025}=""/>', "too_large"),
        ("<a>" + "".join(f"<a{number}/>" for number in range(bounds.MAX_NAMES)) + "</a>", "too_many_items"),
        ("<a " + " ".join(f'xmlns:a{number}="u"' for number in range(bounds.MAX_PREFIXES)) + "/>", "too_many_items"),
        ("<a>" + '<a b="" c=""/>' * (bounds.MAX_ATTRIBUTES // 2 + 1) + "</a>", "too_many_items"),
    ],
)
def test_names_and_attributes_have_bounds(data: str, problem: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        xml.parse(data.encode())
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    "data",
    [
        '<a b:c=""/>',
        '<a xmlns:b=""/>',
        '<a xmlns:xml="urn:x"/>',
        '<a xmlns:xmlns="urn:x"/>',
        '<a xmlns:b="http://www.w3.org/2000/xmlns/"/>',
        '<a xmlns:b="u"><b:c:d/></a>',
        "<:a/>",
        '<a xmlns:b="u" xmlns:c="u" b:d="1" c:d="2"/>',
        '<a xmlns:b="u"><c/></a><b:d/>',
    ],
)
def test_namespaces_that_are_none(data: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        xml.parse(data.encode())
    assert caught.value.problem == "not_xml"


PREFIX = st.sampled_from(["", "a", "b"])


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> str:
    """An element with declarations in it, maybe with others, maybe with unbound prefixes."""
    declared = draw(st.dictionaries(PREFIX, st.sampled_from(["", "urn:x", "urn:y"]), max_size=2))
    spaces = "".join(f' xmlns{":" * bool(name)}{name}="{uri}"' for name, uri in declared.items())
    name, other = (f"{prefix}{':' * bool(prefix)}n" for prefix in (draw(PREFIX), draw(PREFIX)))
    inner = "".join(draw(st.lists(trees(depth - 1), max_size=2))) if depth else ""
    return f'<{name}{spaces} {other}="1">{inner}</{name}>'


@EXAMPLES
@given(trees())
def test_namespaces_are_those_of_expat(data: str) -> None:
    """Ours are the bounds; what a name means is what the standard library says."""
    try:
        expected = ElementTree.fromstring(data)
    except ElementTree.ParseError:
        with pytest.raises(RemoteProtocolError):
            xml.parse(data.encode())
        return
    got = xml.parse(data.encode())
    assert [(each.tag, each.attrib) for each in got.iter()] == [(each.tag, each.attrib) for each in expected.iter()]


@EXAMPLES
@given(st.one_of(st.binary(), st.text().map(str.encode), st.text(alphabet="<>/=!&;[]ab:\"'? ").map(str.encode)))
def test_any_bytes_give_a_tree_or_a_protocol_error(data: bytes) -> None:
    try:
        root = xml.parse(data)
    except RemoteProtocolError:
        return
    assert root.tag


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"', True),
        ('xmlns:i="http://www.w3.org/2001/XMLSchema" i:nil="1"', True),
        ('nil=" TRUE "', True),
        ('nil="false"', False),
        ("", False),
    ],
)
def test_nil(attributes: str, expected: bool) -> None:
    assert xml.is_nil(xml.parse(f"<a {attributes}/>".encode())) is expected


def test_finding_children_by_local_name() -> None:
    root = xml.parse(b'<a xmlns:q="urn:q"><q:b> 1 </q:b><b>2</b><c><d>3</d></c></a>')
    assert [xml.content(each) for each in xml.children(root, "b")] == ["1", "2"]
    assert xml.content(xml.child(xml.child(root, "c"), "d")) == "3"
    assert xml.child(xml.child(root, "none"), "d") is None
    assert xml.content(None) == ""


LEGAL_CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
LEGAL_TEXT = st.text(LEGAL_CHARACTERS) | st.text("\t\r\n<&>\"']")


@EXAMPLES
@given(LEGAL_TEXT, LEGAL_TEXT)
def test_text_and_attributes_come_back_as_they_were(body: str, value: str) -> None:
    root = xml.parse(xml.element("a", xml.text(body), attributes={"b": value}).encode())
    assert (root.text or "", root.attrib) == (body, {"b": value})
    assert len(root) == 0


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_characters_that_xml_cannot_carry(character: str) -> None:
    with pytest.raises(LocalProtocolError, match=f"U\\+{ord(character):04X}"):
        xml.text(f"secret{character}")
    with pytest.raises(LocalProtocolError):
        xml.element("a", attributes={"b": character})


@pytest.mark.parametrize("name", ["", "a b", "1a", "a>", "a:b:c", "\u00e9", 'a x="1"'])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        xml.element(name)
