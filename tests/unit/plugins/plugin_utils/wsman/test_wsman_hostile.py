# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile peers: whatever the bytes are, decoding ends in a typed value or in a WsmanError."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimInstance
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import WsmanError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import (
    Delete,
    Enumerate,
    Invoke,
    InvokeResult,
    Page,
    Pull,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import (
    CONTEXT,
    ENGINE,
    EXAMPLES,
    answer,
    error_instance,
    fault,
    first_page,
    item,
    next_page,
    output,
    wsman_fault,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import WsmanOperation

OPERATIONS: list[WsmanOperation[Any]] = [
    Invoke(ENGINE, "GetConfiguration"),
    Invoke(ENGINE, "Dismantle"),
    Delete(ENGINE, {"Label": "x"}),
    Enumerate(ENGINE),
    Pull(Enumerate(ENGINE), "1"),
]
FULL = {
    "Enabled": "TRUE",
    "Label": "x",
    "Speed": "5",
    "Started": "<cim:Datetime>2026-01-02T03:04:05.678Z</cim:Datetime>",
    "Tags": "one",
}
VALID = [
    output(
        "GetConfiguration", item(**FULL).replace("p:TEST_Engine ", "p:Output ").replace("/p:TEST_Engine>", "/p:Output>")
    ),
    output(
        "Dismantle",
        "<p:Names>a</p:Names><p:Types>1</p:Types><p:Image>7</p:Image><p:Depth>255</p:Depth><p:ReturnValue>0</p:ReturnValue>",
    ),
    answer(""),
    first_page(item(**FULL), item(Label="y"), context="uuid:1"),
    next_page(item(**FULL), end=True),
    fault("Sender", wsman_fault(2150858752, f'<f:ProviderFault provider="x">{wsman_fault(5, "y")}</f:ProviderFault>')),
    fault(
        "Receiver", error_instance("MSFT_WmiError", CIMStatusCode="27", error_Code="2150859173", error_Type="HRESULT")
    ),
]


def decode_with_all(data: bytes) -> int:
    """How many operations made sense of the bytes. Anything but a value or a WsmanError fails the test."""
    understood = 0
    for operation in OPERATIONS:
        try:
            got = operation.decode(data, CONTEXT)
        except WsmanError:
            continue
        assert got is None or isinstance(got, (InvokeResult, CimInstance, Page))
        understood += 1
    return understood


@pytest.mark.parametrize("number", range(len(VALID)))
def test_the_valid_answers_are_valid(number: int) -> None:
    assert (decode_with_all(VALID[number]) == 0) is (b"s:Fault" in VALID[number])


@EXAMPLES
@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes(data: bytes) -> None:
    assert decode_with_all(data) == 0


PIECES = st.sampled_from(
    [
        b"<",
        b">",
        b"</",
        b"/>",
        b"&",
        b"&#0;",
        b"&x;",
        b"]]>",
        b"<!--",
        b"<![CDATA[",
        b"<!DOCTYPE a>",
        b"<?x?>",
        b"\x00",
        b"\xff",
        b" ",
        b'"',
        b":",
        b"xsi:nil='true'",
    ]
) | st.binary(max_size=4)


@EXAMPLES
@given(st.sampled_from(VALID), st.data())
def test_bytes_changed_here_and_there(data: bytes, choice: st.DataObject) -> None:
    for _unused in range(choice.draw(st.integers(1, 3))):
        start = choice.draw(st.integers(0, len(data)))
        end = choice.draw(st.integers(start, min(len(data), start + 30)))
        data = data[:start] + choice.draw(PIECES) + data[end:]
    decode_with_all(data)


@EXAMPLES
@given(st.sampled_from(VALID), st.data())
def test_interrupted_in_the_middle(data: bytes, choice: st.DataObject) -> None:
    assert decode_with_all(data[: choice.draw(st.integers(0, len(data) - 1))]) == 0


TEXTS = st.sampled_from(
    ["", " ", "0", "-1", "true", "9" * 30, "4294967296", "P1D", "2026-99-99T00:00:00Z", "AAEC", "\u0663", "0x80041003"]
)
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def change(root: Element, choice: st.DataObject) -> None:
    """Do one well-formed damage to the tree."""
    nodes = list(root.iter())
    node, other = choice.draw(st.sampled_from(nodes)), choice.draw(st.sampled_from(nodes))
    match choice.draw(st.sampled_from(["text", "nil", "type", "rename", "double", "empty", "graft", "attributes"])):
        case "text":
            node.text = choice.draw(TEXTS)
        case "nil":
            node.set(NIL, choice.draw(st.sampled_from(["true", "1", "false", ""])))
        case "type":
            node.set(TYPE, choice.draw(st.sampled_from(["", ":", "_Type", "p:_Type", "a:b:c", "cim:cimString"])))
        case "rename":
            node.tag = other.tag
        case "double":
            node.extend(copy.deepcopy(list(node)))
        case "empty":
            node.clear()
        case "graft":
            node.append(copy.deepcopy(other))
        case _:
            node.attrib.clear()


@EXAMPLES
@given(st.sampled_from(VALID), st.data())
def test_well_formed_damage(data: bytes, choice: st.DataObject) -> None:
    root = ElementTree.fromstring(data)
    for _unused in range(choice.draw(st.integers(1, 4))):
        change(root, choice)
    decode_with_all(ElementTree.tostring(root))


@pytest.mark.parametrize(
    ("prologue", "problem"),
    [
        ('<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>', "doctype"),
        ('<!DOCTYPE s SYSTEM "http://host.example/x.dtd">', "doctype"),
        ('<?xml version="1.0" encoding="shift_jis"?>', "not_xml"),
        ("<junk/>", "not_xml"),
    ],
)
def test_prologues_that_are_refused(prologue: str, problem: str) -> None:
    for operation in OPERATIONS:
        with pytest.raises(WsmanError) as caught:
            operation.decode(prologue.encode() + answer(item(**FULL)), CONTEXT)
        assert getattr(caught.value, "problem", None) == problem


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<a>" * 65 + "</a>" * 65, "too_deep"),
        ("<a/>" * 200_000, "too_many_items"),
        (" " * (4 * 1024 * 1024), "too_large"),
    ],
)
def test_answers_without_measure(body: str, problem: str) -> None:
    for operation in OPERATIONS:
        with pytest.raises(WsmanError) as caught:
            operation.decode(answer(body), CONTEXT)
        assert getattr(caught.value, "problem", None) == problem


def test_messages_do_not_grow_with_what_the_peer_sends() -> None:
    for data in (output("Dismantle", f"<p:Depth>{'x' * 100_000}</p:Depth>"), answer(f"<{'y' * 100_000}/>")):
        for operation in (Invoke(ENGINE, "Dismantle"), Enumerate(ENGINE)):
            with pytest.raises(WsmanError) as caught:
                operation.decode(data, CONTEXT)
            assert len(str(caught.value)) < 300
