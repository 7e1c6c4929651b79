"""Get, Enumerate, Pull and Release, and the WQL in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from simulated_windows.peer import (
    ADDRESSING,
    ENUMERATION,
    SMB_CLIENT,
    WIN32,
    WMI,
    WSMAN,
    XSI_NIL,
    Peer,
    Reply,
    items_of,
    local,
    members,
)  # fmt: skip
from simulated_windows.services import SERVICES

ALL = f"{WIN32}/*"
SERVICES_QUERY = "SELECT * FROM Win32_Service"


def context(reply: Reply) -> str | None:
    assert reply.body is not None
    return reply.body.findtext(f"{{{ENUMERATION}}}EnumerationContext")


def tags(reply: Reply) -> list[str]:
    assert reply.body is not None
    return [item.tag for item in reply.body]


def collect(peer: Peer, reply: Reply, count: int = 32000) -> tuple[list[dict[str, Any]], list[int], list[str]]:
    """Pull to the end: every row, the sizes of the pages, the contexts."""
    rows: list[dict[str, Any]] = []
    sizes: list[int] = []
    contexts: list[str] = []
    while True:
        assert reply.status == 200, reply.content
        page = items_of(reply)
        rows += [members(item) for item in page]
        sizes.append(len(page))
        assert reply.body is not None
        if any(local(item) == "EndOfSequence" for item in reply.body):
            return rows, sizes, contexts
        following = context(reply)
        assert following
        contexts.append(following)
        reply = peer.pull(ALL, following, count)


def test_everything_on_one_page(peer: Peer) -> None:
    reply = peer.enumerate(ALL, "SELECT * FROM Win32_ComputerSystem")
    assert tags(reply) == [f"{{{ENUMERATION}}}EnumerationContext", f"{{{WSMAN}}}Items", f"{{{WSMAN}}}EndOfSequence"]
    assert context(reply) == ""
    assert reply.header("Action") == f"{ENUMERATION}/EnumerateResponse"


def test_an_empty_result(peer: Peer) -> None:
    reply = peer.enumerate(ALL, "SELECT * FROM Win32_Service WHERE Name='none'")
    assert (items_of(reply), context(reply)) == ([], "")
    assert tags(reply)[-1] == f"{{{WSMAN}}}EndOfSequence"


def test_services_need_several_pages_of_half_an_envelope(peer: Peer) -> None:
    rows, sizes, contexts = collect(peer, peer.enumerate(ALL, SERVICES_QUERY))
    assert [row["Name"] for row in rows] == [row[0] for row in SERVICES]
    assert len(sizes) == 2
    assert len(set(contexts)) == len(contexts)


@pytest.mark.parametrize(("first", "then", "pages"), [(10, 10, 8), (1, 32000, 3)])
def test_the_caller_limits_pages(peer: Peer, first: int, then: int, pages: int) -> None:
    rows, sizes, contexts = collect(peer, peer.enumerate(ALL, SERVICES_QUERY, count=first), then)
    assert (len(rows), len(sizes)) == (len(SERVICES), pages)
    assert sizes[0] <= first
    assert len(set(contexts)) == pages - 1


def test_without_max_elements_one_item_comes(peer: Peer) -> None:
    assert len(items_of(peer.enumerate(ALL, SERVICES_QUERY, count=None))) == 1


def test_the_last_page_has_no_context_element(peer: Peer) -> None:
    reply = peer.enumerate(ALL, SERVICES_QUERY, count=1)
    last = peer.pull(ALL, str(context(reply)), 32000)
    last = peer.pull(ALL, str(context(last)), 32000)
    assert tags(last) == [f"{{{ENUMERATION}}}Items", f"{{{ENUMERATION}}}EndOfSequence"]


@pytest.mark.parametrize(("style", "first"), [("one_item", 1), ("none", 0)])
def test_hosts_whose_first_page_is_short(make_host: Any, style: str, first: int) -> None:
    peer = make_host(quirks={"first_page": style}).peer()
    rows, sizes, _contexts = collect(peer, peer.enumerate(ALL, SERVICES_QUERY))
    assert (len(rows), sizes[0]) == (len(SERVICES), first)


def test_a_context_is_good_for_one_pull(peer: Peer) -> None:
    first = str(context(peer.enumerate(ALL, SERVICES_QUERY, count=1)))
    assert peer.pull(ALL, first, 1).status == 200
    assert peer.pull(ALL, first, 1).subcode == "n:InvalidEnumerationContext"


def test_release(peer: Peer) -> None:
    first = str(context(peer.enumerate(ALL, SERVICES_QUERY, count=1)))
    assert peer.pull(ALL, first, verb="Release").status == 200
    assert peer.pull(ALL, first).status == 500


def test_a_projection_loses_class_and_namespaces(peer: Peer) -> None:
    reply = peer.enumerate(ALL, "select LocalDateTime, Caption, CSDVersion from win32_operatingsystem")
    (item,) = items_of(reply)
    assert item.tag == f"{{{WSMAN}}}XmlFragment"
    by_name = {child.tag: child for child in item}
    assert set(by_name) == {"Caption", "CSDVersion", "LocalDateTime"}
    assert by_name["CSDVersion"].get(XSI_NIL) == "true"
    assert [child.tag for child in by_name["LocalDateTime"]] == ["Datetime"]


def test_typed_items(peer: Peer) -> None:
    (item,) = items_of(peer.enumerate(ALL, "SELECT * FROM Win32_OperatingSystem"))
    uri = f"{WMI}{WIN32}/Win32_OperatingSystem"
    assert item.tag == f"{{{uri}}}Win32_OperatingSystem"
    moment = item.find(f"{{{uri}}}LocalDateTime")
    assert moment is not None
    assert [child.tag for child in moment] == ["{http://schemas.dmtf.org/wbem/wscim/1/common}Datetime"]
    text = moment[0].text or ""
    assert text.endswith("Z")
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(minutes=1)


def test_local_time_has_an_offset_elsewhere(make_host: Any) -> None:
    peer = make_host(timezone=120).peer()
    (row,) = peer.query("SELECT LocalDateTime, CurrentTimeZone FROM Win32_OperatingSystem")
    assert row["CurrentTimeZone"] == "120"
    assert row["LocalDateTime"][0].text.endswith("+02:00")


def test_arrays_repeat_their_element(peer: Peer) -> None:
    (row,) = peer.query("SELECT * FROM Win32_ComputerSystem")
    assert row["Roles"][:2] == ["LM_Workstation", "LM_Server"]
    (row,) = peer.query("SELECT MUILanguages FROM Win32_OperatingSystem")
    assert row["MUILanguages"] == "en-US"


def names(peer: Peer, where: str) -> list[str]:
    reply = peer.enumerate(ALL, f"SELECT Name FROM Win32_Service WHERE {where}", size=512000)
    return [members(item)["Name"] for item in items_of(reply)]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Name='LanmanWorkstation'", ["LanmanWorkstation"]),
        ('name = "lanmanserver"', ["LanmanServer"]),
        ("Name LIKE 'Lanman%'", ["LanmanServer", "LanmanWorkstation"]),
        ("Name LIKE 'W32_ime' AND State='Running'", ["W32Time"]),
        ("Name='BFE' OR Name='BITS' AND State='Running'", ["BFE"]),
        ("StartMode='Disabled'", ["RemoteRegistry"]),
        ("Started=TRUE AND ProcessId<1010", ["Appinfo"]),
        ("Name='none'", []),
        ("InstallDate IS NOT NULL", []),
    ],
)
def test_where(peer: Peer, where: str, expected: list[str]) -> None:
    assert names(peer, where) == expected


@pytest.mark.parametrize(
    ("where", "negated"), [("State<>'Running'", "State='Running'"), ("ProcessId >= 1200", "ProcessId < 1200")]
)
def test_comparisons_split_the_whole(peer: Peer, where: str, negated: str) -> None:
    some, others = names(peer, where), names(peer, negated)
    assert some
    assert others
    assert sorted(some + others) == sorted(row[0] for row in SERVICES)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT", "SELECT * FROM", "SELECT * FROM Win32_NoSuch", "SELECT Nope FROM Win32_Service",
        "SELECT * FROM Win32_Service WHERE", "SELECT * FROM Win32_Service WHERE Name",
        "SELECT * FROM Win32_Service WHERE Nope='x'",
        "SELECT * FROM Win32_ComputerSystem WHERE Roles='NT'", "SELECT * FROM Win32_Service trailing",
        "SELECT * FROM Win32_Service WHERE Name='x", "DELETE FROM Win32_Service",
    ],
)  # fmt: skip
def test_bad_queries(peer: Peer, query: str) -> None:
    reply = peer.enumerate(ALL, query)
    assert (reply.status, reply.subcode) == (500, "n:CannotProcessFilter")
    assert reply.fault_codes == [2150858778, 2150858778]
    assert reply.header("Action") == f"{ENUMERATION}/fault"


def test_a_query_needs_the_star_and_no_selectors(peer: Peer) -> None:
    assert peer.enumerate(f"{WIN32}/Win32_Service", SERVICES_QUERY).subcode == "n:CannotProcessFilter"


def test_a_class_without_a_query(peer: Peer) -> None:
    (item,) = items_of(peer.enumerate(SMB_CLIENT))
    assert members(item)["RequireSecuritySignature"] == "true"


@pytest.mark.parametrize("mode", ["EnumerateEPR", "EnumerateObjectAndEPR"])
def test_references_to_instances(peer: Peer, mode: str) -> None:
    extra = f"<w:EnumerationMode>{mode}</w:EnumerationMode>"
    query = "SELECT * FROM Win32_Service WHERE Name='BFE'"
    (item,) = items_of(peer.enumerate(ALL, query, extra=extra))
    assert local(item) == ("EndpointReference" if mode == "EnumerateEPR" else "Item")
    selector = item.find(f".//{{{WSMAN}}}Selector")
    assert isinstance(selector, ET.Element)
    assert (selector.get("Name"), selector.text) == ("Name", "BFE")
    assert item.find(f".//{{{ADDRESSING}}}Address") is not None


def test_get(peer: Peer) -> None:
    path = f"{WIN32}/Win32_Service"
    reply = peer.transfer(path, "Get", Name="lanmanworkstation")
    assert reply.body is not None
    assert members(reply.body)["DisplayName"] == "Workstation"
    missing = peer.transfer(path, "Get", Name="none")
    assert (missing.subcode, set(missing.fault_codes)) == ("a:DestinationUnreachable", {2150858752})
    assert peer.transfer(path, "Get", Nope="x").subcode == "w:InvalidSelectors"
    singleton = peer.transfer(f"{WIN32}/Win32_OperatingSystem", "Get")
    assert singleton.body is not None
    assert members(singleton.body)["BuildNumber"] == "26100"
    assert peer.transfer(path, "Put", Name="BFE").status == 500
    assert peer.transfer(path, "Delete", Name="BFE").status == 500
