"""The event log of a simulated host: rendering, the filter's grammar, subscriptions and wevtutil qe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from simulated_windows import namespaces as ns
from simulated_windows.event_filter import FilterError, compile_filter, read_query_list
from simulated_windows.event_log import EVENTS, EventLog
from simulated_windows.event_rendering import query_events, render
from simulated_windows.in_process import InProcessHost
from simulated_windows.peer import Peer, Reply

NOW = datetime(2025, 1, 15, 9, 30, 0, 123456, tzinfo=UTC)
SECURITY = "Microsoft-Windows-SmbClient/Security"
LOGON = {"UserNameLength": 5, "UserName": "alice", "ServerNameLength": 6, "ServerName": "\\nas01"}
# The sample of the manifest's template, as published facts give it.
SAMPLE = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-SMBClient' Guid='{988c59c5-0a1c-45b6-a555-0c62276e327d}'/>"
    "<EventID>31017</EventID><Version>0</Version><Level>2</Level><Task>142</Task><Opcode>0</Opcode><Keywords>0x200000000000080</Keywords>"
    "<TimeCreated SystemTime='2025-01-15T09:30:00.1234560Z'/><EventRecordID>1</EventRecordID><Correlation/>"
    "<Execution ProcessID='4' ThreadID='312'/><Channel>Microsoft-Windows-SmbClient/Security</Channel>"
    "<Computer>HOST</Computer><Security UserID='S-1-5-20'/></System><EventData><Data Name='UserNameLength'>5</Data>"
    "<Data Name='UserName'>alice</Data><Data Name='ServerNameLength'>6</Data><Data Name='ServerName'>\\nas01</Data>"
    "</EventData></Event>"
)


def log_with(*ids: int) -> EventLog:
    log = EventLog(26100, lambda: NOW)
    for number in ids:
        log.put(number, LOGON)
    return log


def test_an_event_is_rendered_as_the_sample() -> None:
    assert render(log_with(31017).events[0], "HOST") == SAMPLE


def test_every_kind_of_event_is_well_formed() -> None:
    log = EventLog(26100, lambda: NOW)
    for number in EVENTS:
        event = log.put(number, {"Name": "<&'\">\r\n", "Flag": True})
        assert event is not None
        data = [each.text for each in ET.fromstring(render(event, "H&M")).iter(f"{{{ns.EVENT}}}Data")]
        assert data == ["<&'\">\r\n", "true"]


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("*", True),
        ("Event/System[EventID=31017]", True),
        ("*[System[(EventID=31022 or EventID=31017) and Level<=2]]", True),
        ("*[System[Provider[@Name='Microsoft-Windows-SMBClient']]]", True),
        ("*[System[Provider[@Name='Other']]]", False),
        ("*[System/EventID!=31017]", False),
        ("*[EventData[Data[@Name='UserName']='alice']]", True),
        ("*[EventData[Data='bob']]", False),
        ("*[System[TimeCreated[timediff(@SystemTime) <= 1000]]]", True),
        ("*[System[TimeCreated[timediff(@SystemTime) > 1000]]]", False),
        ("*[System[TimeCreated[@SystemTime >= '2025-01-15T09:30:00.123Z']]]", True),
        ("*[System[TimeCreated[@SystemTime > '2025-01-15T09:30:01Z']]]", False),
        ("*[System[Missing=1]]", False),
    ],
)
def test_filters(expression: str, matches: bool) -> None:
    assert compile_filter(expression)(log_with(31017).events[0], NOW) is matches


@pytest.mark.parametrize("expression", ["", "*[", "*[System[EventID=]]", "*]", "*[System[EventID==1]]", "*[$x]"])
def test_what_is_no_filter(expression: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(expression)


@pytest.mark.parametrize(
    "document", ["<Query/>", "<QueryList/>", "<QueryList><Query><Select>*</Select></Query></QueryList>"]
)
def test_what_is_no_query_list(document: str) -> None:
    with pytest.raises(FilterError):
        list(read_query_list(ET.fromstring(document)))


def test_wevtutil_prints_a_line_for_each_event() -> None:
    log = log_with(31017, 31022, 31017)
    code, out, _err = query_events(log, [SECURITY, "/q:*[System[EventID=31017]]", "/f:xml", "/c:5"], True)
    assert (code, [line.count("</Event>") for line in out.splitlines()]) == (0, [1, 1])
    newest = query_events(log, [SECURITY, "/c:1", "/rd:true"], True)[1]
    assert "<EventRecordID>3</EventRecordID>" in newest


@pytest.mark.parametrize(
    ("arguments", "elevated", "code"),
    [
        (["No/Channel"], True, 15007),
        ([SECURITY], False, 5),
        ([SECURITY, "/q:*["], True, 15001),
        ([SECURITY, "/f:text"], True, 87),
        ([SECURITY, "/c:many"], True, 87),
        ([SECURITY, "what"], True, 87),
        ([], True, 87),
    ],
)
def test_wevtutil_refuses(arguments: list[str], elevated: bool, code: int) -> None:
    assert query_events(log_with(31017), arguments, elevated)[0] == code


def _send(peer: Peer, action: str, body: str, header: str = "") -> Reply:
    return peer.send(
        (
            f'<s:Envelope xmlns:s="{ns.SOAP}" xmlns:a="{ns.ADDRESSING}" xmlns:w="{ns.WSMAN}" xmlns:e="{ns.EVENTING}" '
            f'xmlns:n="{ns.ENUMERATION}"><s:Header><a:To>http://h/wsman</a:To><a:Action>{action}</a:Action>'
            f"<w:ResourceURI>{ns.EVENT_LOG}</w:ResourceURI><a:MessageID>uuid:{0:032}</a:MessageID>"
            f"<a:ReplyTo><a:Address>{ns.ANONYMOUS}</a:Address></a:ReplyTo>{header}</s:Header><s:Body>{body}</s:Body>"
            "</s:Envelope>"
        ).encode()
    )


def _subscribe(peer: Peer, path: str = SECURITY, existing: bool = True, expires: str = "PT60S", **texts: Any) -> Reply:
    query = f"<QueryList><Query><Select Path='{path}'>*</Select></Query></QueryList>"
    option = '<w:OptionSet><w:Option Name="ReadExistingEvents">true</w:Option></w:OptionSet>' if existing else ""
    held = query if texts.get("as_element") else query.replace("<", "&lt;")
    body = (
        f'<e:Subscribe><e:Delivery Mode="{texts.get("mode", ns.PULL_MODE)}"/><e:Expires>{expires}</e:Expires>'
        f'<w:Filter Dialect="{ns.EVENT_QUERY_DIALECT}">{held}</w:Filter></e:Subscribe>'
    )
    return _send(peer, f"{ns.EVENTING}/Subscribe", body, option)


def _found(reply: Reply, name: str) -> str:
    assert reply.body is not None
    return next(each.text or "" for each in reply.body.iter() if each.tag.rpartition("}")[2] == name)


def _pull(peer: Peer, context: str) -> Reply:
    body = f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>9</n:MaxElements></n:Pull>"
    return _send(peer, f"{ns.ENUMERATION}/Pull", body)


def _ids(reply: Reply) -> list[str]:
    assert reply.body is not None
    return [each.text or "" for each in reply.body.iter(f"{{{ns.EVENT}}}EventID")]


@pytest.mark.parametrize("as_element", [False, True])
def test_a_subscription_replays_and_follows(as_element: bool) -> None:
    host = InProcessHost()
    host.log.put(31017, LOGON)
    peer = host.peer()
    made = _subscribe(peer, as_element=as_element)
    first = _pull(peer, _found(made, "EnumerationContext"))
    host.log.put(31022, LOGON)
    host.log.put(3023, {"ClientName": "pc"})
    second = _pull(peer, _found(first, "EnumerationContext"))
    assert (_ids(first), _ids(second), len(host.host.subscriptions)) == (["31017"], ["31022"], 1)
    # A context is good for one Pull.
    assert _pull(peer, _found(first, "EnumerationContext")).subcode == "n:InvalidEnumerationContext"
    name = f"<e:Identifier>{_found(made, 'Identifier')}</e:Identifier>"
    assert _send(peer, f"{ns.EVENTING}/Unsubscribe", "<e:Unsubscribe/>", name).status == 200
    assert _send(peer, f"{ns.EVENTING}/Unsubscribe", "<e:Unsubscribe/>", name).status == 500
    assert len(host.host.subscriptions) == 0


def test_a_subscription_without_existing_events_begins_now_and_expires() -> None:
    host = InProcessHost()
    host.log.put(31017, LOGON)
    peer = host.peer()
    made = _subscribe(peer, existing=False, expires="PT10.5S")
    assert _ids(_pull(peer, _found(made, "EnumerationContext"))) == []
    host.advance(11)
    assert len(host.host.subscriptions) == 0


def test_what_is_refused() -> None:
    host = InProcessHost()
    peer = host.peer()
    assert 15007 in _subscribe(peer, path="No/Channel").fault_codes
    assert _subscribe(peer, mode="push").status == 500
    for _number in range(15):
        assert _subscribe(peer).status == 200
    assert _subscribe(peer).fault_codes == [0x803381A6]
    host.user = next(user for user in host.host.spec.users if user.role == "user")
    assert _subscribe(peer).status == 500


@pytest.mark.parametrize(
    ("quirks", "as_element", "status"),
    [
        ({"subscription": "refused"}, False, 500),
        ({"subscription": "denied"}, False, 500),
        ({"subscription_filter": "text"}, False, 200),
        ({"subscription_filter": "text"}, True, 500),
        ({"subscription_filter": "element"}, False, 500),
        ({"subscription_filter": "element"}, True, 200),
    ],
)
def test_quirks(quirks: dict[str, str], as_element: bool, status: int) -> None:
    assert _subscribe(InProcessHost(quirks=quirks).peer(), as_element=as_element).status == status


def test_a_pull_in_vain_may_time_out() -> None:
    peer = InProcessHost(quirks={"pull_in_vain": "timed_out"}).peer()
    assert _pull(peer, _found(_subscribe(peer), "EnumerationContext")).subcode == "w:TimedOut"


@pytest.mark.parametrize("name", ["subscription", "subscription_filter", "pull_in_vain"])
def test_unknown_words_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        InProcessHost(quirks={name: "perhaps"})
