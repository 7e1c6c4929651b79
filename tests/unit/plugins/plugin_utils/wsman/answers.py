# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the wire share: small schemas, and answers in the shapes that Windows and OMI give them."""

from __future__ import annotations

from hypothesis import settings

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, CimType, Field, Method
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.soap import RequestContext

EXAMPLES = settings(deadline=None, max_examples=150, database=None)

SENT = "5A0C1B7E-2D3F-4A51-8B6C-0D9E1F203142"
CONTEXT = RequestContext("http://host.example:5985/wsman", message_id=f"uuid:{SENT}")

ENGINE_PROPERTIES = {
    "Enabled": Field(CimType.BOOLEAN),
    "Label": Field(CimType.STRING),
    "Speed": Field(CimType.UINT32),
    "Started": Field(CimType.DATETIME),
    "Tags": Field(CimType.STRING, array=True),
}
ENGINE_INSTANCE = CimClass("root/Test", "TEST_Engine", ENGINE_PROPERTIES)
PART = CimClass("root/Test", "TEST_Part", {"Engine": Field(ENGINE_INSTANCE), "Serial": Field(CimType.UINT64)})
ENGINE = CimClass(
    "root/Test",
    "TEST_Engine",
    ENGINE_PROPERTIES,
    {
        "GetConfiguration": Method(outputs={"Output": Field(ENGINE_INSTANCE)}),
        "SetConfiguration": Method(inputs=ENGINE_PROPERTIES),
        "Dismantle": Method(
            inputs={"Depth": Field(CimType.UINT8), "Bytes": Field(CimType.OCTETS)},
            outputs={
                "Parts": Field(PART, array=True),
                "Names": Field(CimType.STRING, array=True),
                "Types": Field(CimType.SINT32, array=True),
                "Image": Field(CimType.OCTETS),
                "Depth": Field(CimType.UINT8),
            },
        ),
    },
)
URI = ENGINE.resource_uri


def answer(body: str, *, relates_to: str | None = f"uuid:{SENT}", action: str = "urn:any") -> bytes:
    """An answer as a Windows host frames it."""
    relation = "" if relates_to is None else f"<a:RelatesTo>{relates_to}</a:RelatesTo>"
    return (
        '<s:Envelope xml:lang="de-DE" xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
        ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">'
        f"<s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:00000000-0000-0000-0000-00000000000A</a:MessageID>"
        f"{relation}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def output(method: str, inner: str) -> bytes:
    """The answer of a method as a Windows host gives it."""
    return answer(f'<p:{method}_OUTPUT xmlns:p="{URI}">{inner}</p:{method}_OUTPUT>')


def fault(code: str, detail: str = "", reason: str = "Etwas ging schief.", subcode: str = "w:InternalError") -> bytes:
    """A SOAP fault; `detail` is what stands inside s:Detail."""
    return answer(
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="">{reason}</s:Text></s:Reason>'
        + (f"<s:Detail>{detail}</s:Detail>" if detail else "")
        + "</s:Fault>"
    )


def wsman_fault(code: int, inner: str) -> str:
    """An f:WSManFault element; `inner` is what stands inside its f:Message."""
    return (
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
        f' Code="{code}" Machine="host.example"><f:Message>{inner}</f:Message></f:WSManFault>'
    )


def error_instance(name: str, **values: str) -> str:
    """An MSFT_WmiError or OMI_Error with its values typed one by one, as both servers do."""
    inner = "".join(f'<p:{key} xsi:type="cim:cimString">{value}</p:{key}>' for key, value in values.items())
    uri = f"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/{name}"
    return f'<p:{name} xmlns:p="{uri}" xsi:type="p:{name}_Type">{inner}<p:ErrorSource xsi:nil="true"/></p:{name}>'


def item(**values: str) -> str:
    """An engine as an enumeration of whole instances holds it."""
    inner = "".join(f"<p:{name}>{value}</p:{name}>" for name, value in values.items())
    return f'<p:TEST_Engine xmlns:p="{URI}" xsi:type="p:TEST_Engine_Type">{inner}</p:TEST_Engine>'


def first_page(*items: str, context: str = "", end: bool = False) -> bytes:
    """An EnumerateResponse: Items and EndOfSequence in the namespace of WS-Management."""
    ending = "<w:EndOfSequence/>" if end else ""
    return answer(
        f"<n:EnumerateResponse><n:EnumerationContext>{context}</n:EnumerationContext>"
        f"<w:Items>{''.join(items)}</w:Items>{ending}</n:EnumerateResponse>"
    )


def next_page(*items: str, context: str | None = None, end: bool = False) -> bytes:
    """A PullResponse: Items and EndOfSequence in the namespace of WS-Enumeration."""
    going_on = "" if context is None else f"<n:EnumerationContext>{context}</n:EnumerationContext>"
    ending = "<n:EndOfSequence/>" if end else ""
    return answer(f"<n:PullResponse>{going_on}<n:Items>{''.join(items)}</n:Items>{ending}</n:PullResponse>")
