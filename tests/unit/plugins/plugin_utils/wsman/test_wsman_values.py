# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties and parameters: arrays by schema, NULL against absent, octets, dates, instances in every nesting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import xml
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import (
    INTEGER_RANGES,
    CimClass,
    CimInstance,
    CimType,
    CimValue,
    Field,
    Method,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.values import (
    decode_fields,
    decode_instance,
    encode_fields,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import (
    ENGINE_INSTANCE,
    EXAMPLES,
    PART,
    URI,
)

T = CimType
SPACES = (
    f'xmlns:p="{URI}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common"'
)
FIELDS = {
    "Flag": Field(T.BOOLEAN),
    "Count": Field(T.UINT32),
    "Text": Field(T.STRING),
    "When": Field(T.DATETIME),
    "Names": Field(T.STRING, array=True),
    "Types": Field(T.SINT32, array=True),
    "Bytes": Field(T.OCTETS),
    "Dates": Field(T.DATETIME, array=True),
}


def read(inner: str, fields: dict[str, Field] | None = None) -> dict[str, CimValue]:
    root = xml.parse(f"<p:X {SPACES}>{inner}</p:X>".encode())
    return decode_fields(FIELDS if fields is None else fields, root, what="TEST.Method")


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("", {}),
        ("<p:Flag>TRUE</p:Flag>", {"Flag": True}),
        ('<p:Flag xsi:type="cim:cimBoolean">false</p:Flag>', {"Flag": False}),
        ('<p:Flag xsi:nil="true"/>', {"Flag": None}),
        ("<Flag>true</Flag>", {"Flag": True}),
        ('<q:flag xmlns:q="urn:other">true</q:flag>', {"Flag": True}),
        ("<p:Text></p:Text>", {"Text": ""}),
        ("<p:Text> a &lt;b&gt; </p:Text>", {"Text": " a <b> "}),
        ("<p:Newer>1</p:Newer><p:Count>4294967295</p:Count>", {"Count": 4294967295}),
        ("<p:Newer><p:Count>1</p:Count></p:Newer>", {}),
        ("<p:Names>one</p:Names>", {"Names": ["one"]}),
        ("<p:Names>a</p:Names><p:Types>4</p:Types><p:Names></p:Names>", {"Names": ["a", ""], "Types": [4]}),
        ('<p:Names xsi:nil="true"/>', {"Names": None}),
        ('<p:Names>a</p:Names><p:Names xsi:nil="1"/>', {"Names": ["a", None]}),
        ('<p:Names xsi:nil="1"/><p:Names>a</p:Names>', {"Names": [None, "a"]}),
        ("<p:Bytes>1</p:Bytes><p:Bytes>255</p:Bytes>", {"Bytes": b"\x01\xff"}),
        ("<p:Bytes>7</p:Bytes>", {"Bytes": b"\x07"}),
        ("<p:Bytes>255</p:Bytes>", {"Bytes": b"\xff"}),
        ('<p:Bytes xsi:type="cim:cimBase64Binary">AQL/</p:Bytes>', {"Bytes": b"\x01\x02\xff"}),
        ("<p:Bytes>\n  AAEC\n  Aw==\n</p:Bytes>", {"Bytes": b"\x00\x01\x02\x03"}),
        ("<p:Bytes>1234</p:Bytes>", {"Bytes": b"\xd7\x6d\xf8"}),
        ("<p:Bytes/>", {"Bytes": b""}),
        ('<p:Bytes xsi:nil="true"/>', {"Bytes": None}),
        (
            "<p:When><cim:Datetime>2026-01-02T03:04:05.25Z</cim:Datetime></p:When>",
            {"When": datetime(2026, 1, 2, 3, 4, 5, 250000, UTC)},
        ),
        ("<When><Datetime>2026-01-02T03:04:05Z</Datetime></When>", {"When": datetime(2026, 1, 2, 3, 4, 5, 0, UTC)}),
        ("<p:When>2026-01-02T03:04:05Z</p:When>", {"When": datetime(2026, 1, 2, 3, 4, 5, 0, UTC)}),
        ("<p:When><cim:Interval>P1DT2H</cim:Interval></p:When>", {"When": timedelta(1, 7200)}),
        (
            "<p:Dates><cim:Interval>PT1S</cim:Interval></p:Dates><p:Dates>00000000000002.000000:000</p:Dates>",
            {"Dates": [timedelta(0, 1), timedelta(0, 2)]},
        ),
    ],
)
def test_shapes_that_peers_send(inner: str, expected: dict[str, CimValue]) -> None:
    assert read(inner) == expected


@pytest.mark.parametrize(
    ("inner", "problem", "name"),
    [
        ("<p:Flag>perhaps</p:Flag>", "bad_value", "Flag"),
        ("<p:Flag/>", "bad_value", "Flag"),
        ("<p:Count>-1</p:Count>", "bad_value", "Count"),
        ("<p:Count>1</p:Count><p:Count>2</p:Count>", "unexpected_shape", "Count"),
        ("<p:Count>1</p:Count><p:COUNT>2</p:COUNT>", "unexpected_shape", "Count"),
        ("<p:Text><b/></p:Text>", "unexpected_shape", "Text"),
        ("<p:When><cim:Datetime><b/></cim:Datetime></p:When>", "unexpected_shape", "When"),
        ("<p:When><cim:Datetime/><cim:Interval/></p:When>", "unexpected_shape", "When"),
        ("<p:Types>1</p:Types><p:Types>x</p:Types>", "bad_value", "Types"),
        ("<p:Bytes>1</p:Bytes><p:Bytes>256</p:Bytes>", "bad_value", "Bytes"),
        ("<p:Bytes>256</p:Bytes>", "bad_value", "Bytes"),
        ("<p:Bytes>AAE</p:Bytes>", "bad_value", "Bytes"),
        ("<p:Bytes>AA==AA==</p:Bytes>", "bad_value", "Bytes"),
        ("<p:Bytes>\u00e9\u00e9\u00e9\u00e9</p:Bytes>", "bad_value", "Bytes"),
        ("<p:Bytes>1</p:Bytes><p:Bytes><b/></p:Bytes>", "unexpected_shape", "Bytes"),
    ],
)
def test_values_that_break_the_schema(inner: str, problem: str, name: str) -> None:
    with pytest.raises(RemoteProtocolError, match=rf"TEST\.Method\.{name}") as caught:
        read(inner)
    assert caught.value.problem == problem


INSIDE = "<q:Enabled>true</q:Enabled><q:Label>x</q:Label>"


@pytest.mark.parametrize(
    "written",
    [
        '<p:Output xmlns:p1="urn:q" xsi:type="p1:TEST_Engine_Type">{p1}</p:Output>',
        '<p:Output xsi:type="p:TEST_Diesel_Type">{p}</p:Output>',
        "<p:Output>{p}</p:Output>",
        "<p:Output>{none}</p:Output>",
        "<p:Output><p:TEST_Engine>{p}</p:TEST_Engine></p:Output>",
        '<p:Output xsi:type="p:TEST_Engine_Type"><wrap><p:X>{p}</p:X></wrap></p:Output>',
        '<p:Output><e xsi:type="p:TEST_Engine_Type">{typed}</e></p:Output>',
        "<p:Output><p:Newer>1</p:Newer>{p}</p:Output>",
    ],
)
def test_embedded_instances_in_every_nesting(written: str) -> None:
    forms = {
        "p1": INSIDE.replace("q:", "p1:"),
        "p": INSIDE.replace("q:", "p:"),
        "none": INSIDE.replace("q:", ""),
        "typed": '<p:Enabled xsi:type="cim:cimBoolean">true</p:Enabled><p:Label xsi:type="cim:cimString">x</p:Label>',
    }
    got = read(written.format(**forms), {"Output": Field(ENGINE_INSTANCE)})["Output"]
    assert got == CimInstance({"Enabled": True, "Label": "x"})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('<p:Output xsi:nil="true"/>', {"Output": None}),
        ("", {}),
        ("<p:Output/>", {"Output": CimInstance({})}),
        ("<p:Output><p:Newer>1</p:Newer></p:Output>", {"Output": CimInstance({})}),
        (
            "<p:Output><p:Speed xsi:nil='true'/></p:Output>",
            {"Output": CimInstance({"Speed": None})},
        ),
    ],
)
def test_null_empty_and_absent_instances(written: str, expected: dict[str, CimValue]) -> None:
    assert read(written, {"Output": Field(ENGINE_INSTANCE)}) == expected


def test_text_is_no_instance() -> None:
    with pytest.raises(RemoteProtocolError, match="TEST_Engine") as caught:
        read("<p:Output>instance of TEST_Engine</p:Output>", {"Output": Field(ENGINE_INSTANCE)})
    assert caught.value.problem == "unexpected_shape"


def test_an_instance_tells_null_from_absent() -> None:
    instance = CimInstance({"Label": None})
    assert "Label" in instance
    assert instance["Label"] is None
    assert instance.get("Label", "default") is None
    assert "Speed" not in instance
    assert instance.get("Speed", 7) == 7
    with pytest.raises(KeyError):
        instance["Speed"]


@pytest.mark.parametrize(
    "written",
    [
        "<p:TEST_Engine><p:Label>x</p:Label></p:TEST_Engine>",
        "<XmlFragment><Label>x</Label></XmlFragment>",
        "<Item><p:TEST_Engine><p:Label>x</p:Label></p:TEST_Engine></Item>",
    ],
)
def test_the_forms_of_an_item(written: str) -> None:
    root = xml.parse(f"<root {SPACES}>{written}</root>".encode())
    assert decode_instance(ENGINE_INSTANCE, root[0]) == CimInstance({"Label": "x"})


def written(values: dict[str, CimValue], fields: dict[str, Field] | None = None) -> str:
    return "".join(encode_fields(FIELDS if fields is None else fields, values, what="TEST.Method"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ""),
        ({"Text": "<&>", "Flag": True}, "<p:Flag>true</p:Flag><p:Text>&lt;&amp;&gt;</p:Text>"),
        ({"Text": ""}, "<p:Text/>"),
        ({"Count": None}, '<p:Count xsi:nil="true"/>'),
        ({"Names": ["a", ""]}, "<p:Names>a</p:Names><p:Names/>"),
        ({"Names": ("a",)}, "<p:Names>a</p:Names>"),
        ({"Names": []}, '<p:Names xsi:nil="true"/>'),
        ({"Bytes": b"\x01\xff"}, "<p:Bytes>1</p:Bytes><p:Bytes>255</p:Bytes>"),
        ({"Bytes": b""}, '<p:Bytes xsi:nil="true"/>'),
    ],
)
def test_what_is_written(values: dict[str, CimValue], expected: str) -> None:
    assert written(values) == expected


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"Unknown": 1}, "TEST.Method has no Unknown"),
        ({"flag": True}, "has no flag"),
        ({"Flag": "true"}, "Flag"),
        ({"Names": "abc"}, "Names"),
        ({"Names": ["a", None]}, "Names"),
        ({"Names": 5}, "Names"),
        ({"Bytes": [1, 2]}, "Bytes"),
        ({"Bytes": "AQ=="}, "Bytes"),
        ({"Text": ["a"]}, "Text"),
        ({"Text": "\x00"}, "U\\+0000"),
        ({"When": CimInstance({})}, "When"),
    ],
)
def test_arguments_that_do_not_fit(values: dict[str, CimValue], words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words):
        written(values)


def test_instances_are_read_and_never_sent() -> None:
    with pytest.raises(LocalProtocolError, match="Engine: an embedded instance is never sent"):
        written({"Engine": CimInstance({"Label": "x"})}, dict(PART.properties))


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
ONE: dict[CimType, st.SearchStrategy[CimValue]] = {
    T.BOOLEAN: st.booleans(),
    **{kind: st.integers(low, high) for kind, (low, high) in INTEGER_RANGES.items()},
    T.STRING: TEXT,
    T.OCTETS: st.binary(min_size=1, max_size=20),
}


def a_value(field: Field) -> st.SearchStrategy[CimValue]:
    assert isinstance(field.type, CimType)
    one = ONE[field.type]
    return st.none() | (st.lists(one, min_size=1, max_size=3) if field.array else one)


EVERY_FIELD = {
    **{f"One_{kind.value}": Field(kind) for kind in ONE},
    **{f"Some_{kind.value}": Field(kind, array=True) for kind in ONE if kind is not T.OCTETS},
}


@EXAMPLES
@given(st.fixed_dictionaries({}, optional={name: a_value(field) for name, field in EVERY_FIELD.items()}))
def test_what_is_written_is_read_back(values: dict[str, CimValue]) -> None:
    assert read(written(values, EVERY_FIELD), EVERY_FIELD) == values


@pytest.mark.parametrize(
    "make",
    [
        lambda: CimClass("root\\cimv2", "TEST_X", {}),
        lambda: CimClass("", "TEST_X", {}),
        lambda: CimClass("root/cimv2/", "TEST_X", {}),
        lambda: CimClass("root/cimv2", "TEST X", {}),
        lambda: CimClass("root/cimv2", "TEST_X", {"a:b": Field(T.STRING)}),
        lambda: CimClass("root/cimv2", "TEST_X", {}, {"Do>": Method()}),
        lambda: CimClass("root/cimv2", "TEST_X", {}, {"Do": Method(inputs={"a b": Field(T.STRING)})}),
        lambda: CimClass("root/cimv2", "TEST_X", {}, {"Do": Method(outputs={"": Field(T.STRING)})}),
        lambda: Field(T.OCTETS, array=True),
    ],
)
def test_schemas_that_are_none(make: object) -> None:
    assert callable(make)
    with pytest.raises(LocalProtocolError):
        make()


def test_resource_uris() -> None:
    cls = CimClass("root/Microsoft/Windows/SMB", "TEST_X", {})
    assert cls.resource_uri == "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/Microsoft/Windows/SMB/TEST_X"
    assert cls.query_uri == "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/Microsoft/Windows/SMB/*"
