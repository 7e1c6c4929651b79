"""Class schemas over WS-Management: what a kit compares with what the code assumes."""

from __future__ import annotations

import pytest

from simulated_windows.class_schema import RESOURCE
from simulated_windows.in_process import InProcessHost
from simulated_windows.peer import TRANSFER, Reply, envelope

SMB = "root/Microsoft/Windows/SMB"
TASKS = "root/Microsoft/Windows/TaskScheduler"
OPTIONS = '<w:OptionSet><w:Option Name="IncludeQualifiers" Type="xs:boolean">true</w:Option></w:OptionSet></s:Header>'


def ask(host: InProcessHost, namespace: str, name: str, qualifiers: bool = False) -> Reply:
    message = envelope(f"{RESOURCE}*", f"{TRANSFER}/Get", selectors={"__cimnamespace": namespace, "ClassName": name})
    if qualifiers:
        message = message.replace(b"</s:Header>", OPTIONS.encode())
    body = host.answer(message)
    return Reply(host.messages[-1]["status"], body)


@pytest.mark.parametrize(("preset", "present"), [("windows_11_24h2_pro", True), ("windows_10_1809_enterprise", False)])
def test_properties_and_methods_of_this_build(preset: str, present: bool) -> None:
    found = ask(InProcessHost(preset), SMB, "MSFT_SmbClientConfiguration").body
    assert found is not None
    assert (found.tag, found.get("NAME")) == ("CLASS", "MSFT_SmbClientConfiguration")
    types = {item.get("NAME"): item.get("TYPE") for item in found.findall("PROPERTY")}
    assert types["EnableInsecureGuestLogons"] == "boolean"
    assert types["KeepConn"] == "uint32"
    assert ("RequireEncryption" in types) is present
    setter = found.find("METHOD[@NAME='SetConfiguration']")
    assert setter is not None
    assert {item.get("NAME"): item.get("TYPE") for item in setter.findall("PARAMETER")} == types
    (output,) = found.findall("METHOD[@NAME='GetConfiguration']/PARAMETER")
    assert (output.get("NAME"), output.get("EmbeddedObject")) == ("Output", "instance")


def test_order_arrays_and_qualifiers() -> None:
    host = InProcessHost()
    scheduler = ask(host, TASKS, "PS_ScheduledTask", qualifiers=True).body
    assert scheduler is not None
    register = scheduler.findall("METHOD[@NAME='RegisterByXml']/PARAMETER")
    names = ["Force", "Xml", "Password", "User", "TaskPath", "TaskName", "cmdletOutput"]
    assert [item.get("NAME") for item in register] == names
    assert [item.findall("QUALIFIER")[0].get("NAME") for item in register] == ["In"] * 6 + ["Out"]
    registry = ask(host, "root/cimv2", "StdRegProv").body
    assert registry is not None
    assert registry.find("METHOD[@NAME='EnumValues']/PARAMETER.ARRAY[@NAME='Types']") is not None
    assert registry.find(".//QUALIFIER") is None


def test_what_is_not_there() -> None:
    assert ask(InProcessHost(), SMB, "NoSuchClass").fault_codes == [2150858752, 2150858752]
    assert ask(InProcessHost(), "root/none", "X").status == 500
    assert ask(InProcessHost(quirks={"class_schemas": False}), SMB, "MSFT_SmbConnection").fault_codes == [2150858752]
    changed = InProcessHost(quirks={"without_properties": ["EnableInsecureGuestLogons"]})
    assert b"EnableInsecureGuestLogons" not in ask(changed, SMB, "MSFT_SmbClientConfiguration").content
