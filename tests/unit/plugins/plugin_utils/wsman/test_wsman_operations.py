# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Invoke and Delete: the request that each writes, and what it makes of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import xml
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, CimInstance, CimType, Field
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import (
    ANSWER_YES,
    Delete,
    Enumerate,
    Invoke,
    InvokeResult,
    Pull,
    Release,
    WsmanOperation,
    wql_string,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.soap import WsmanFault
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import (
    CONTEXT,
    ENGINE,
    EXAMPLES,
    URI,
    answer,
    fault,
    output,
    wsman_fault,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimValue

KEYED = CimClass(
    "root/Test",
    "TEST_Keyed",
    {
        "Name": Field(CimType.STRING),
        "Number": Field(CimType.UINT32),
        "Flag": Field(CimType.BOOLEAN),
        "List": Field(CimType.STRING, array=True),
    },
)


def header(request: bytes, name: str) -> str:
    return xml.content(xml.child(xml.parse(request)[0], name))


def body(request: bytes) -> Element:
    return xml.parse(request)[1]


def selectors(request: bytes) -> dict[str, str]:
    found = xml.child(xml.parse(request)[0], "SelectorSet")
    return {} if found is None else {each.attrib["Name"]: each.text or "" for each in found}


def test_invoke_without_arguments_has_an_empty_input() -> None:
    request = Invoke(ENGINE, "GetConfiguration").encode(CONTEXT)
    (given_input,) = body(request)
    assert given_input.tag == f"{{{URI}}}GetConfiguration_INPUT"
    assert len(given_input) == 0
    assert header(request, "Action") == f"{URI}/GetConfiguration"
    assert header(request, "ResourceURI") == URI
    assert selectors(request) == {}


def test_invoke_writes_arguments_in_the_order_of_the_schema() -> None:
    arguments: dict[str, CimValue] = {"Tags": ["a", "b"], "Speed": 7, "Label": "<x>", "Enabled": False}
    (given_input,) = body(Invoke(ENGINE, "SetConfiguration", arguments).encode(CONTEXT))
    assert [(each.tag, each.text) for each in given_input] == [
        (f"{{{URI}}}Enabled", "false"),
        (f"{{{URI}}}Label", "<x>"),
        (f"{{{URI}}}Speed", "7"),
        (f"{{{URI}}}Tags", "a"),
        (f"{{{URI}}}Tags", "b"),
    ]


def test_the_same_context_gives_the_same_bytes() -> None:
    operation = Invoke(ENGINE, "SetConfiguration", {"Enabled": True})
    assert operation.encode(CONTEXT) == operation.encode(CONTEXT)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Invoke(ENGINE, "Explode"), "no method Explode"),
        (Invoke(ENGINE, "setconfiguration"), "no method setconfiguration"),
        (Invoke(ENGINE, "SetConfiguration", {"Colour": "red"}), "SetConfiguration has no Colour"),
        (Invoke(ENGINE, "SetConfiguration", {"Speed": -1}), "Speed"),
        (Invoke(ENGINE, "GetConfiguration", {"Enabled": True}), "has no Enabled"),
        (Invoke(ENGINE, "GetConfiguration", selectors={"Nope": "x"}), "no key property Nope"),
        (Delete(KEYED, {"Nope": "x"}), "no key property Nope"),
        (Delete(KEYED, {"List": "x"}), "no key property List"),
        (Delete(KEYED, {"Number": "1"}), "uint32"),
        (Delete(KEYED, {"Name": None}), "string"),
        (Delete(KEYED, {"Name": "\x00"}), "U\\+0000"),
        (Delete(KEYED, {}), "selectors"),
    ],
)
def test_our_own_mistakes(operation: Invoke | Delete, words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words):
        operation.encode(CONTEXT)


def test_yes_to_whatever_a_provider_asks() -> None:
    """As Windows' own client was captured: typed, and nothing that a host must understand."""
    request = Invoke(ENGINE, "SetConfiguration", {"Enabled": True}, options=ANSWER_YES).encode(CONTEXT)
    found = xml.child(xml.parse(request)[0], "OptionSet")
    assert found is not None
    assert found.attrib == {}
    assert [(each.attrib["Name"], each.attrib["Type"], each.text) for each in found] == [
        ("__MI_CallbackRegistration", "xs:int", "16"),
        ("wmi:__MI_OPERATIONOPTIONS_PROMPTUSERMODE", "xs:unsignedInt", "2"),
        ("wmi:__MI_OPERATIONOPTIONS_PROMPTUSERMODEREGULAR_ACKVALUE", "xs:unsignedInt", "1"),
    ]
    assert b"OptionSet" not in Invoke(ENGINE, "SetConfiguration", {"Enabled": True}).encode(CONTEXT)


def test_selectors_are_typed() -> None:
    keys: dict[str, CimValue] = {"Name": "a&b", "Number": 7, "Flag": True}
    expected = {"Name": "a&b", "Number": "7", "Flag": "true"}
    assert selectors(Delete(KEYED, keys).encode(CONTEXT)) == expected
    assert selectors(Invoke(ENGINE, "GetConfiguration", selectors={"Label": "x"}).encode(CONTEXT)) == {"Label": "x"}


ENGINE_OUTPUT = '<p:Output xmlns:p1="urn:x" xsi:type="p1:TEST_Engine_Type"><p1:Enabled>TRUE</p1:Enabled></p:Output>'


@pytest.mark.parametrize(
    "data",
    [
        output("GetConfiguration", ENGINE_OUTPUT + "<p:ReturnValue>0</p:ReturnValue>"),
        answer(
            f"<p:GetConfiguration xmlns:p='urn:m'><p:ReturnValue>0</p:ReturnValue>{ENGINE_OUTPUT}</p:GetConfiguration>"
        ),
        answer(
            "<getconfiguration_output><returnvalue>0</returnvalue>"
            f"{ENGINE_OUTPUT.replace('p:', '')}</getconfiguration_output>"
        ),
    ],
    ids=["Windows", "OMI", "no namespace, other case"],
)
def test_invoke_answers(data: bytes) -> None:
    got = Invoke(ENGINE, "GetConfiguration").decode(data, CONTEXT)
    assert got == InvokeResult(0, {"Output": CimInstance({"Enabled": True})})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (output("SetConfiguration", "<p:ReturnValue>0</p:ReturnValue>"), 0),
        (output("SetConfiguration", "<p:ReturnValue>4294967295</p:ReturnValue>"), 4294967295),
        (output("SetConfiguration", "<p:ReturnValue>-2147217403</p:ReturnValue>"), 0x80041005),
        (output("SetConfiguration", '<p:ReturnValue xsi:type="cim:cimUnsignedInt">5</p:ReturnValue>'), 5),
        (output("SetConfiguration", '<p:ReturnValue xsi:nil="true"/>'), None),
        (output("SetConfiguration", ""), None),
        (answer(""), None),
    ],
)
def test_return_values(data: bytes, expected: int | None) -> None:
    assert Invoke(ENGINE, "SetConfiguration").decode(data, CONTEXT) == InvokeResult(expected, {})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (output("SetConfiguration", "<p:ReturnValue>4294967296</p:ReturnValue>"), "bad_value"),
        (output("SetConfiguration", "<p:ReturnValue>-2147483649</p:ReturnValue>"), "bad_value"),
        (output("SetConfiguration", "<p:ReturnValue>ok</p:ReturnValue>"), "bad_value"),
        (output("SetConfiguration", "<p:ReturnValue>0</p:ReturnValue>" * 2), "unexpected_shape"),
        (output("GetConfiguration", ""), "unexpected_shape"),
        (answer("<a/><b/>"), "unexpected_shape"),
    ],
)
def test_invoke_answers_that_are_wrong(data: bytes, problem: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Invoke(ENGINE, "SetConfiguration").decode(data, CONTEXT)
    assert caught.value.problem == problem


def test_invoke_reads_every_kind_of_output() -> None:
    part = (
        '<p:Parts xmlns:q="urn:q" xsi:type="q:TEST_Part_Type"><q:Serial>{}</q:Serial><q:Engine>{}</q:Engine></p:Parts>'
    )
    data = output(
        "Dismantle",
        part.format(1, "<q:Label>x</q:Label>")
        + part.format(2, "").replace("<q:Engine>", '<q:Engine xsi:nil="true">')
        + '<p:Names>only</p:Names><p:Types xsi:nil="true"/><p:Image>1</p:Image><p:Image>2</p:Image>'
        + "<p:Newer>1</p:Newer><p:ReturnValue>0</p:ReturnValue>",
    )
    got = Invoke(ENGINE, "Dismantle").decode(data, CONTEXT)
    assert got.return_value == 0
    assert got.outputs == {
        "Parts": [
            CimInstance({"Serial": 1, "Engine": CimInstance({"Label": "x"})}),
            CimInstance({"Serial": 2, "Engine": None}),
        ],
        "Names": ["only"],
        "Types": None,
        "Image": b"\x01\x02",
    }


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (Invoke(ENGINE, "SetConfiguration", {"Label": "hunter2"}), "TEST_Engine.SetConfiguration"),
        (Delete(KEYED, {"Name": "hunter2"}), "Delete TEST_Keyed"),
        (Enumerate(ENGINE, "SELECT hunter2"), "Enumerate TEST_Engine"),
        (Pull(Enumerate(ENGINE), "hunter2"), "Pull TEST_Engine"),
        (Release(Enumerate(ENGINE), "hunter2"), "Release TEST_Engine"),
    ],
)
def test_names_for_people_hold_no_arguments(operation: WsmanOperation[object], name: str) -> None:
    assert str(operation) == name


def test_delete() -> None:
    delete = Delete(KEYED, {"Name": "x"})
    request = delete.encode(CONTEXT)
    assert header(request, "Action") == "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete"
    assert len(body(request)) == 0
    delete.decode(answer(""), CONTEXT)
    with pytest.raises(WsmanFault) as caught:
        delete.decode(fault("Sender", wsman_fault(2150858752, "x")), CONTEXT)
    assert caught.value.fault.kind == "resource_not_found"


@pytest.mark.parametrize("operation", [Invoke(ENGINE, "GetConfiguration"), Delete(KEYED, {"Name": "x"})])
def test_faults_are_raised(operation: Invoke | Delete) -> None:
    with pytest.raises(WsmanFault) as caught:
        operation.decode(fault("Sender", wsman_fault(5, "Zugriff verweigert")), CONTEXT)
    assert caught.value.fault.kind == "access_denied"


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", "'plain'"),
        ("", "''"),
        ("it's", "'it\\'s'"),
        ("\\winops\\", "'\\\\winops\\\\'"),
        ("\\'", "'\\\\\\''"),
        ('"', "'\"'"),
    ],
)
def test_wql_strings(value: str, literal: str) -> None:
    assert wql_string(value) == literal


@EXAMPLES
@given(st.text(alphabet="\\'\"ab =") | st.text())
def test_a_wql_string_ends_where_it_should(value: str) -> None:
    literal = wql_string(value)
    read: list[str] = []
    characters = iter(literal[1:-1])
    for each in characters:
        assert each != "'"
        read.append(next(characters) if each == "\\" else each)
    assert "".join(read) == value
    assert literal[0] == literal[-1] == "'"
