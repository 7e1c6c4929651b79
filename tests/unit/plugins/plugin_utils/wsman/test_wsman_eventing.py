# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WS-Eventing on the wire: what is asked, and answers in the shapes that Windows was recorded to give."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    WsmanError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.eventing import (
    EVENT_LOG,
    EVENT_QUERY,
    EVENTING,
    PULL_MODE,
    PullEvents,
    Subscribe,
    Subscription,
    Unsubscribe,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.soap import WsmanFault

from .answers import CONTEXT, EXAMPLES, answer

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "e": EVENTING,
}
SUBSCRIBED = (
    f'<e:SubscribeResponse xmlns:e="{EVENTING}"><e:SubscriptionManager><a:Address>http://host:5985/wsman</a:Address>'
    "<a:ReferenceProperties><w:ResourceURI>{uri}</w:ResourceURI><e:Identifier>885E9924-235C</e:Identifier>"
    "</a:ReferenceProperties></e:SubscriptionManager><e:Expires>PT0.000S</e:Expires>"
    "<n:EnumerationContext>uuid:00A69F40</n:EnumerationContext></e:SubscribeResponse>"
).replace("{uri}", EVENT_LOG)
EVENT = '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System/></Event>'


def sent(message: bytes) -> ET.Element:
    return ET.fromstring(message)


def text(root: ET.Element, path: str) -> str | None:
    return root.findtext(path, namespaces=NAMESPACES)


def test_subscribe_asks_for_a_pull_subscription_with_existing_events() -> None:
    query = '<QueryList><Query Path="A/B"><Select>*[System[(EventRecordID > 5)]]</Select></Query></QueryList>'
    root = sent(Subscribe(query, expires=90, heartbeat=2.5).encode(CONTEXT))
    assert text(root, "s:Header/a:Action") == f"{EVENTING}/Subscribe"
    assert text(root, "s:Header/w:ResourceURI") == EVENT_LOG
    options = root.find("s:Header/w:OptionSet", NAMESPACES)
    assert options is not None
    # Windows understands these options, and the set carries no mustUnderstand.
    assert options.attrib == {}
    assert {each.get("Name"): each.text for each in options} == {
        "SubscriptionName": "winops.smb_guest",
        "ReadExistingEvents": "true",
    }
    delivery = root.find("s:Body/e:Subscribe/e:Delivery", NAMESPACES)
    assert delivery is not None
    assert delivery.get("Mode") == PULL_MODE
    assert text(delivery, "w:Heartbeats") == "PT2.500S"
    assert text(root, "s:Body/e:Subscribe/e:Expires") == "PT90.000S"
    found = root.find("s:Body/e:Subscribe/w:Filter", NAMESPACES)
    assert found is not None
    assert (found.get("Dialect"), found.text) == (EVENT_QUERY, query)


def test_pull_waits_no_longer_than_the_connection() -> None:
    root = sent(PullEvents("uuid:1", wait=10).encode(CONTEXT))
    assert text(root, "s:Header/w:OperationTimeout") == "PT10S"
    assert text(root, "s:Header/w:MaxEnvelopeSize") == "512000"
    assert text(root, "s:Body/n:Pull/n:EnumerationContext") == "uuid:1"
    assert text(sent(PullEvents("uuid:1", wait=1000).encode(CONTEXT)), "s:Header/w:OperationTimeout") == "PT60S"


def test_unsubscribe_names_the_subscription_in_the_header() -> None:
    root = sent(Unsubscribe("885E9924-235C").encode(CONTEXT))
    assert text(root, "s:Header/e:Identifier") == "885E9924-235C"
    assert text(root, "s:Header/w:ResourceURI") == EVENT_LOG
    assert root.find("s:Body/e:Unsubscribe", NAMESPACES) is not None
    Unsubscribe("x").decode(answer(""), CONTEXT)


@pytest.mark.parametrize("holder", ["ReferenceProperties", "ReferenceParameters"])
def test_subscribed(holder: str) -> None:
    body = SUBSCRIBED.replace("ReferenceProperties", holder)
    assert Subscribe("q").decode(answer(body), CONTEXT) == Subscription("885E9924-235C", "uuid:00A69F40")


@pytest.mark.parametrize(
    ("items", "events", "end"),
    [
        (f"<n:EnumerationContext>uuid:2</n:EnumerationContext><n:Items>{EVENT}{EVENT}</n:Items>", 2, False),
        ("<n:EnumerationContext>uuid:2</n:EnumerationContext><n:Items/>", 0, False),
        ("<n:EnumerationContext>uuid:2</n:EnumerationContext>", 0, False),
        ("<n:EnumerationContext>uuid:2</n:EnumerationContext><n:Items><w:Heartbeat/></n:Items>", 0, False),
        (f"<n:Items>{EVENT}</n:Items><n:EndOfSequence/>", 1, True),
    ],
)
def test_pages(items: str, events: int, end: bool) -> None:
    page = PullEvents("uuid:1").decode(answer(f"<n:PullResponse>{items}</n:PullResponse>"), CONTEXT)
    assert (len(page.events), page.end) == (events, end)
    assert page.context == (None if end else "uuid:2")


@pytest.mark.parametrize(
    "body",
    ["", "<n:PullResponse/>", SUBSCRIBED.replace("e:Identifier", "e:Other"), SUBSCRIBED + SUBSCRIBED],
)
def test_an_answer_that_names_no_subscription_is_none(body: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Subscribe("q").decode(answer(body), CONTEXT)


def test_faults_come_out() -> None:
    fault = (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code>"
        "<s:Reason><s:Text>late</s:Text></s:Reason></s:Fault>"
    )
    with pytest.raises(WsmanFault) as caught:
        PullEvents("uuid:1").decode(answer(fault), CONTEXT)
    assert caught.value.fault.kind == "timed_out"


@EXAMPLES
@given(st.text())
def test_any_context_and_identifier_survive_or_are_refused(name: str) -> None:
    for operation, path in (
        (PullEvents(name), "s:Body/n:Pull/n:EnumerationContext"),
        (Unsubscribe(name), "s:Header/e:Identifier"),
    ):
        try:
            message = operation.encode(CONTEXT)
        except LocalProtocolError:
            continue
        assert text(sent(message), path) == name


@EXAMPLES
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda body: answer(body, relates_to=None)))
def test_whatever_comes_is_an_answer_or_a_wsman_error(data: bytes) -> None:
    for operation in (Subscribe("q"), PullEvents("uuid:1"), Unsubscribe("x")):
        try:
            operation.decode(data, CONTEXT)
        except WsmanError:
            continue
