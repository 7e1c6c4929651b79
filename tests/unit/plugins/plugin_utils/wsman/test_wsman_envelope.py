# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The envelope: which headers a request carries, and which answers count as answers to it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import xml
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    RequestTooLarge,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.limits import MAX_REQUEST_BYTES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.soap import (
    ADDRESSING,
    SOAP,
    WSMAN,
    Option,
    RequestContext,
    WsmanFault,
    build_envelope,
    parse_envelope,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import (
    CONTEXT,
    EXAMPLES,
    SENT,
    answer,
)

OTHER = "11111111-2222-3333-4444-555555555555"


def test_headers_of_a_request() -> None:
    context = dataclasses.replace(CONTEXT, operation_timeout=7.5)
    root = xml.parse(
        build_envelope(
            context,
            "urn:action",
            "urn:resource",
            selectors={"Name": "a<b", 'odd "name"': ""},
            options=[Option("wmi:Fast", "xs:boolean", "true")],
            body=xml.element("a"),
        )
    )
    header, body = root
    got = [(each.tag, xml.content(each)) for each in header]
    assert got == [
        (f"{{{ADDRESSING}}}To", "http://host.example:5985/wsman"),
        (f"{{{WSMAN}}}ResourceURI", "urn:resource"),
        (f"{{{ADDRESSING}}}ReplyTo", ""),
        (f"{{{ADDRESSING}}}Action", "urn:action"),
        (f"{{{WSMAN}}}MaxEnvelopeSize", "512000"),
        (f"{{{ADDRESSING}}}MessageID", f"uuid:{SENT}"),
        (f"{{{WSMAN}}}OperationTimeout", "PT7.5S"),
        (f"{{{WSMAN}}}Locale", ""),
        (f"{{{WSMAN}}}SelectorSet", ""),
        (f"{{{WSMAN}}}OptionSet", ""),
    ]
    must = {xml.local_name(each): each.get(f"{{{SOAP}}}mustUnderstand") for each in header.iter()}
    assert {name for name, value in must.items() if value == "true"} == {
        "ResourceURI",
        "Address",
        "MaxEnvelopeSize",
    }
    assert "false" not in must.values()
    assert xml.content(header[2][0]) == f"{ADDRESSING}/role/anonymous"
    assert header[7].get("{http://www.w3.org/XML/1998/namespace}lang") == "en-US"
    assert [(each.get("Name"), each.text) for each in header[8]] == [("Name", "a<b"), ('odd "name"', None)]
    assert [(each.attrib, each.text) for each in header[9]] == [({"Name": "wmi:Fast", "Type": "xs:boolean"}, "true")]
    assert [each.tag for each in body] == ["a"]


def test_no_empty_sets() -> None:
    request = build_envelope(CONTEXT, "urn:action", "urn:resource")
    assert b"SelectorSet" not in request
    assert b"OptionSet" not in request
    assert request == build_envelope(CONTEXT, "urn:action", "urn:resource")


def test_a_request_that_no_service_takes_is_not_built() -> None:
    smallest = len(build_envelope(CONTEXT, "urn:action", "urn:resource", body=xml.text("x")))
    room = MAX_REQUEST_BYTES - smallest + 1
    assert len(build_envelope(CONTEXT, "urn:action", "urn:resource", body=xml.text("x" * room))) == MAX_REQUEST_BYTES
    with pytest.raises(RequestTooLarge) as caught:
        build_envelope(CONTEXT, "urn:action", "urn:resource", body=xml.text("x" * (room + 1)))
    assert caught.value.size == MAX_REQUEST_BYTES + 1


def test_fresh_message_ids() -> None:
    first, second = RequestContext("http://a"), RequestContext("http://a")
    assert first.message_id.startswith("uuid:")
    assert first.message_id != second.message_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"message_id": "1"},
        {"message_id": ""},
        {"operation_timeout": 0},
        {"operation_timeout": -1.0},
        {"operation_timeout": float("nan")},
        {"operation_timeout": float("inf")},
    ],
)
def test_contexts_that_are_none(wrong: dict[str, object]) -> None:
    with pytest.raises(LocalProtocolError):
        dataclasses.replace(CONTEXT, **wrong)  # type: ignore[arg-type]  # a table of single fields


@pytest.mark.parametrize(
    "relates_to",
    [
        f"uuid:{SENT}",
        f"uuid:{SENT.lower()}",
        f"urn:uuid:{SENT}",
        f"uuid.{SENT}",
        f" {SENT}\n",
        f"{{{SENT}}}",
        "",
        None,
    ],
)
def test_answers_that_relate_to_the_request(relates_to: str | None) -> None:
    body = parse_envelope(answer("<x/>", relates_to=relates_to), CONTEXT.message_id)
    assert [each.tag for each in body] == ["x"]


@pytest.mark.parametrize("relates_to", [f"uuid:{OTHER}", OTHER, "urn:nothing", "uuid:"])
def test_answers_to_other_requests(relates_to: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_envelope(answer("<x/>", relates_to=relates_to), CONTEXT.message_id)
    assert caught.value.problem == "wrong_relates_to"


def test_faults_that_name_no_request_are_heard() -> None:
    unnamed = answer("<s:Fault/>", relates_to="http://schemas.xmlsoap.org/ws/2004/08/addressing/id/unspecified")
    with pytest.raises(WsmanFault):
        parse_envelope(unnamed, CONTEXT.message_id)
    with pytest.raises(RemoteProtocolError) as caught:
        parse_envelope(answer("<s:Fault/>", relates_to=f"uuid:{OTHER}"), CONTEXT.message_id)
    assert caught.value.problem == "wrong_relates_to"


def test_two_relations_must_both_fit() -> None:
    double = answer("<x/>").replace(b"</s:Header>", f"<a:RelatesTo>uuid:{OTHER}</a:RelatesTo></s:Header>".encode())
    with pytest.raises(RemoteProtocolError) as caught:
        parse_envelope(double, CONTEXT.message_id)
    assert caught.value.problem == "wrong_relates_to"


ENVELOPE = f'<q:Envelope xmlns:q="{SOAP}">'


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "not_xml"),
        ("Bad gateway", "not_xml"),
        ("<html><body/></html>", "unexpected_shape"),
        ("<!DOCTYPE html><html/>", "doctype"),
        ('<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body/></Envelope>', "unexpected_shape"),
        ("<Envelope><Body/></Envelope>", "unexpected_shape"),
        (f"{ENVELOPE}</q:Envelope>", "unexpected_shape"),
        (f"{ENVELOPE}<Body/></q:Envelope>", "unexpected_shape"),
        (f"{ENVELOPE}<q:Body/><q:Body/></q:Envelope>", "unexpected_shape"),
    ],
)
def test_what_is_no_answer(data: str, problem: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_envelope(data.encode(), CONTEXT.message_id)
    assert caught.value.problem == problem


def test_any_prefix_and_no_header() -> None:
    assert len(parse_envelope(f"{ENVELOPE}<q:Body/></q:Envelope>".encode(), CONTEXT.message_id)) == 0


def test_a_fault_of_another_namespace_is_no_fault() -> None:
    (found,) = parse_envelope(answer("<p:Fault xmlns:p='urn:p'/>"), CONTEXT.message_id)
    assert found.tag == "{urn:p}Fault"


LEGAL = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1)


@EXAMPLES
@given(LEGAL, LEGAL, LEGAL, LEGAL)
def test_texts_arrive_as_they_were(to: str, action: str, name: str, value: str) -> None:
    root = xml.parse(build_envelope(dataclasses.replace(CONTEXT, to=to), action, "urn:x", selectors={name: value}))
    header = root[0]
    assert (header[0].text, header[3].text) == (to, action)
    assert [(each.get("Name"), each.text) for each in header[-1]] == [(name, value)]
