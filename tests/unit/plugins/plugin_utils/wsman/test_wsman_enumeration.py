# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enumerate, Pull, Release, and the walk over all pages: the latest context, the caps, a Release when giving up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import xml
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimInstance
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import (
    Enumerate,
    Page,
    Pull,
    Release,
    WsmanOperation,
    drive,
    walk,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.soap import WsmanFault
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import (
    CONTEXT,
    ENGINE,
    EXAMPLES,
    URI,
    answer,
    fault,
    first_page,
    item,
    next_page,
    wsman_fault,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

N = "{http://schemas.xmlsoap.org/ws/2004/09/enumeration}"
W = "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
QUERY = "SELECT * FROM TEST_Engine WHERE Label < 'a&b'"


def sent(operation: Enumerate | Pull | Release) -> tuple[str, str, Element]:
    header, body = xml.parse(operation.encode(CONTEXT))
    return xml.content(xml.child(header, "Action")), xml.content(xml.child(header, "ResourceURI")), body[0]


def test_enumerate_a_class() -> None:
    action, uri, body = sent(Enumerate(ENGINE))
    assert action == "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate"
    assert uri == URI
    assert body.tag == f"{N}Enumerate"
    assert [(each.tag, each.text) for each in body] == [(f"{W}OptimizeEnumeration", None), (f"{W}MaxElements", "1000")]


def test_enumerate_a_query() -> None:
    _unused, uri, body = sent(Enumerate(ENGINE, QUERY, max_elements=5))
    assert uri == "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/Test/*"
    assert [(each.tag, each.text, each.attrib) for each in body] == [
        (f"{W}OptimizeEnumeration", None, {}),
        (f"{W}MaxElements", "5", {}),
        (f"{W}Filter", QUERY, {"Dialect": "http://schemas.microsoft.com/wbem/wsman/1/WQL"}),
    ]


def test_pull_and_release() -> None:
    enumeration = Enumerate(ENGINE, QUERY, max_elements=5)
    action, uri, body = sent(Pull(enumeration, "uuid:<1>"))
    assert (action, uri) == ("http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull", enumeration.resource_uri)
    assert [(each.tag, each.text) for each in body] == [
        (f"{N}EnumerationContext", "uuid:<1>"),
        (f"{N}MaxElements", "5"),
    ]
    action, uri, body = sent(Release(enumeration, "uuid:<1>"))
    assert (action, uri) == ("http://schemas.xmlsoap.org/ws/2004/09/enumeration/Release", enumeration.resource_uri)
    assert [(each.tag, each.text) for each in body] == [(f"{N}EnumerationContext", "uuid:<1>")]
    Release(enumeration, "1").decode(answer(""), CONTEXT)


@pytest.mark.parametrize("max_elements", [0, -1, 32_001])
def test_max_elements_has_bounds(max_elements: int) -> None:
    with pytest.raises(LocalProtocolError):
        Enumerate(ENGINE, max_elements=max_elements)


X, Y = CimInstance({"Label": "x"}), CimInstance({"Label": "y"})
XML_X, XML_Y = item(Label="x"), item(Label="y")
FRAGMENT = "<w:XmlFragment><Label>x</Label><Started><Datetime>2026-01-02T03:04:05Z</Datetime></Started></w:XmlFragment>"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (first_page(XML_X, XML_Y, end=True), Page((X, Y), None, end=True)),
        (first_page(XML_X, context="1"), Page((X,), "1", end=False)),
        (first_page(XML_X, context="1", end=True), Page((X,), "1", end=True)),
        (first_page(XML_X), Page((X,), None, end=True)),
        (first_page(end=True), Page((), None, end=True)),
        (
            answer("<n:EnumerateResponse><n:EnumerationContext>1</n:EnumerationContext></n:EnumerateResponse>"),
            Page((), "1", end=False),
        ),
        (answer("<n:EnumerateResponse/>"), Page((), None, end=True)),
    ],
)
def test_first_pages(data: bytes, expected: Page) -> None:
    assert Enumerate(ENGINE).decode(data, CONTEXT) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (next_page(XML_X, context="2"), Page((X,), "2", end=False)),
        (next_page(XML_X, end=True), Page((X,), None, end=True)),
        (next_page(XML_X), Page((X,), None, end=True)),
        (next_page(context="2"), Page((), "2", end=False)),
    ],
)
def test_next_pages(data: bytes, expected: Page) -> None:
    assert Pull(Enumerate(ENGINE), "1").decode(data, CONTEXT) == expected


def test_the_properties_of_a_fragment() -> None:
    (got,) = Enumerate(ENGINE, QUERY).decode(first_page(FRAGMENT, end=True), CONTEXT).items
    assert set(got.values) == {"Label", "Started"}


@pytest.mark.parametrize("data", [answer(""), answer("<n:PullResponse/>"), answer("<n:EnumerateResponse/>" * 2)])
def test_what_is_no_first_page(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Enumerate(ENGINE).decode(data, CONTEXT)
    assert caught.value.problem == "unexpected_shape"


class Host:
    """A peer that answers one operation after the other from a list, and remembers what it was asked."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[WsmanOperation[Any]] = []

    def send(self, operation: WsmanOperation[Any]) -> Any:
        self.asked.append(operation)
        next_answer = self.answers.pop(0)
        if isinstance(next_answer, Exception):
            raise next_answer
        return operation.decode(next_answer, CONTEXT)


E = Enumerate(ENGINE)


def test_walk_uses_the_latest_context() -> None:
    host = Host(first_page(XML_X, context="1"), next_page(XML_Y, context="2"), next_page(XML_X, end=True))
    assert drive(walk(E), host.send) == [X, Y, X]
    assert host.asked == [E, Pull(E, "1"), Pull(E, "2")]


def test_walk_ends_where_the_peer_says_so_even_with_a_context() -> None:
    """OMI leaves a context in its last page."""
    host = Host(first_page(XML_X, context="1", end=True))
    assert drive(walk(E), host.send) == [X]
    assert host.asked == [E]


def test_walk_by_hand() -> None:
    walker = walk(E)
    assert next(walker) == E
    assert walker.send(Page((X,), "1", end=False)) == Pull(E, "1")
    with pytest.raises(StopIteration) as stop:
        walker.send(Page((Y,), None, end=True))
    assert stop.value.value == [X, Y]


def test_walk_without_its_page() -> None:
    walker = walk(E)
    next(walker)
    with pytest.raises(LocalProtocolError, match="Enumerate"):
        next(walker)


def test_too_many_pages_are_released() -> None:
    host = Host(first_page(context="1"), next_page(context="2"), answer(""))
    with pytest.raises(RemoteProtocolError) as caught:
        drive(walk(E, max_pages=2), host.send)
    assert caught.value.problem == "too_many_pages"
    assert host.asked == [E, Pull(E, "1"), Release(E, "2")]


@pytest.mark.parametrize(
    ("data", "release"),
    [(first_page(XML_X, XML_Y, context="1"), [Release(E, "1")]), (first_page(XML_X, XML_Y, end=True), [])],
    ids=["open", "ended"],
)
def test_too_many_items(data: bytes, release: list[Release]) -> None:
    host = Host(data, answer(""))
    with pytest.raises(RemoteProtocolError) as caught:
        drive(walk(E, max_items=1), host.send)
    assert caught.value.problem == "too_many_items"
    assert host.asked == [E, *release]


def test_exactly_the_caps_are_fine() -> None:
    host = Host(first_page(XML_X, context="1"), next_page(XML_Y, end=True))
    assert drive(walk(E, max_pages=2, max_items=2), host.send) == [X, Y]


@pytest.mark.parametrize("end_of_release", [answer(""), fault("Sender"), ConnectionResetError(), b""])
def test_a_bad_page_is_the_error_whatever_becomes_of_the_release(end_of_release: bytes | Exception) -> None:
    host = Host(first_page(context="1"), fault("Sender", wsman_fault(5, "x")), end_of_release)
    with pytest.raises(WsmanFault) as caught:
        drive(walk(E), host.send)
    assert caught.value.fault.kind == "access_denied"
    assert host.asked == [E, Pull(E, "1"), Release(E, "1")]


def test_no_release_when_nothing_was_opened_or_the_connection_is_gone() -> None:
    refused = Host(fault("Sender"))
    with pytest.raises(WsmanFault):
        drive(walk(E), refused.send)
    assert refused.asked == [E]
    gone = Host(first_page(context="1"), ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        drive(walk(E), gone.send)
    assert gone.asked == [E, Pull(E, "1")]


@EXAMPLES
@given(st.lists(st.lists(st.text("abc", max_size=3), max_size=3), min_size=1, max_size=6), st.booleans())
def test_all_items_of_all_pages_in_order(pages: list[list[str]], says_end: bool) -> None:
    answers = []
    for number, labels in enumerate(pages):
        last = number == len(pages) - 1
        items = [item(Label=label) for label in labels]
        if number == 0:
            answers.append(first_page(*items, context="" if last else "0", end=last and says_end))
        else:
            answers.append(next_page(*items, context=None if last else str(number), end=last and says_end))
    host = Host(*answers)
    got = drive(walk(E), host.send)
    assert [each["Label"] for each in got] == [label for labels in pages for label in labels]
    assert host.asked == [E, *(Pull(E, str(number)) for number in range(len(pages) - 1))]
