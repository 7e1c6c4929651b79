"""The SOAP faults that the simulated service answers with: a table of known ones and the detail shapes of Windows.

Codes and subcodes come from captured answers where one exists; those marked [U] below are expected, not captured.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from . import namespaces as ns
from .localisation import localise

SHAPES = ("no_detail", "wsman", "provider_text", "provider_wsman", "extended", "wmi_error")
_DETAIL_URI = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"


@dataclass(frozen=True)
class FaultKind:
    """One row: the WSManFault code, the SOAP subcode, the text, and how the detail is shaped."""

    code: int | None
    subcode: str
    text: str
    shape: str = "wsman"
    sender: bool = True
    fault_detail: str = ""
    cim_status: int = 1
    inner_text: str = ""


_NO_RESOURCE = (
    "The WS-Management service cannot process the request. The service cannot find the resource identified by the "
    "resource URI and selectors. "
)
_BAD_FILTER = (
    "The data source could not process the filter. The filter might be missing or it might be invalid. Change the "
    "filter and try the request again.  "
)

FAULTS = {
    "access_denied": FaultKind(5, "w:AccessDenied", "Access is denied. "),  # [U]
    "class_not_found": FaultKind(
        2150858752, "a:DestinationUnreachable", _NO_RESOURCE, "provider_wsman", fault_detail="InvalidResourceURI"
    ),
    "instance_not_found": FaultKind(
        2150858752, "a:DestinationUnreachable", _NO_RESOURCE, "extended", fault_detail="InvalidResourceURI"
    ),
    "resource_not_found": FaultKind(
        2150858752, "a:DestinationUnreachable", _NO_RESOURCE, fault_detail="InvalidResourceURI"
    ),
    "namespace_not_found": FaultKind(
        0x8004100E, "w:InternalError", "The specified namespace does not exist. ", "provider_wsman", False
    ),  # [U]
    "query_class_not_found": FaultKind(
        2150858778,
        "n:CannotProcessFilter",
        _BAD_FILTER,
        "extended",
        inner_text="The specified class does not exist in the given namespace. ",
    ),
    "bad_query": FaultKind(
        2150858778, "n:CannotProcessFilter", _BAD_FILTER, "extended", inner_text="The WQL query is invalid. "
    ),
    "method_not_found": FaultKind(
        0x8004102E, "w:InternalError", "The requested method could not be found. ", "wmi_error", cim_status=17
    ),  # [U]
    "invalid_parameter": FaultKind(
        0x80041008, "w:InvalidParameter", "A parameter is not valid. ", "provider_wsman", fault_detail="InvalidValue"
    ),  # [U]
    "type_mismatch": FaultKind(
        0x80041005, "w:InvalidParameter", "A value has the wrong type. ", "provider_wsman", fault_detail="InvalidValue"
    ),  # [U]
    "not_supported": FaultKind(
        0x8004100C, "w:InternalError", "The operation is not supported. ", "wmi_error", False, cim_status=7
    ),  # [U]
    "provider_failed": FaultKind(0x80041001, "w:InternalError", "Generic failure ", "wmi_error", False),  # [U]
    "unexpected_selectors": FaultKind(
        2150858843,
        "w:InvalidSelectors",
        "The WS-Management service cannot process the request because the request contained invalid selectors for "
        "the resource. ",
        fault_detail="UnexpectedSelectors",
    ),
    "schema_error": FaultKind(
        2150858817,
        "w:SchemaValidationError",
        "The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and "
        "retry. ",
    ),
    "bad_header": FaultKind(
        2150858767, "a:InvalidMessageInformationHeader", "The WS-Management service cannot process a request header. "
    ),
    "invalid_context": FaultKind(
        None, "n:InvalidEnumerationContext", "The enumeration context is not valid. ", "no_detail"
    ),
    "timed_out": FaultKind(
        2150858793,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ",
        sender=False,
    ),
    "envelope_exceeded": FaultKind(
        0x80338048,
        "w:EncodingLimit",
        "The response that the WS-Management service computed exceeds the maximum envelope size in the request. ",
        fault_detail="MaxEnvelopeSize",
    ),
    "envelope_limit": FaultKind(
        0x80338049,
        "w:EncodingLimit",
        "The response that the WS-Management service computed exceed the internal limit for envelope size. ",
        fault_detail="ServiceEnvelopeLimit",
    ),
    "internal_error": FaultKind(2150859010, "w:InternalError", "The WMI provider failed. ", "provider_text", False),
}


class WsmanFault(Exception):
    """An operation fails with the fault ``kind`` of ``FAULTS``, or with a ``FaultKind`` of its own."""

    def __init__(self, kind: str | FaultKind, detail: str = "") -> None:
        super().__init__(f"{kind} {detail}".strip())
        self.kind = FAULTS[kind] if isinstance(kind, str) else kind
        self.detail = detail

    @property
    def action(self) -> str:
        prefix = self.kind.subcode.partition(":")[0]
        return {"a": ns.ADDRESSING, "n": ns.ENUMERATION}.get(prefix, ns.WSMAN_FAULT_ACTION_BASE) + "/fault"


def _machine_fault(kind: FaultKind, machine: str, message: str) -> str:
    return (
        f'<f:WSManFault xmlns:f="{ns.WSMAN_FAULT}" Code="{kind.code}" Machine={quoteattr(machine)}>'
        f"<f:Message>{message}</f:Message></f:WSManFault>"
    )


def _extended_status(detail: str) -> str:
    class_uri = f"{ns.WMI_BASE}root/cimv2/__ExtendedStatus"
    parameter = (
        f"<p:ParameterInfo>{escape(detail)}</p:ParameterInfo>" if detail else '<p:ParameterInfo xsi:nil="true"/>'
    )
    return (
        f'<f:ExtendedError><p:__ExtendedStatus xmlns:cim="{ns.CIM_COMMON}" xmlns:p="{class_uri}" '
        f'xmlns:xsi="{ns.XSI}" xsi:type="p:__ExtendedStatus_Type"><p:Description xsi:nil="true"/>'
        f"<p:Operation>ExecQuery</p:Operation>{parameter}<p:ProviderName>WinMgmt</p:ProviderName>"
        f'<p:StatusCode xsi:nil="true"/></p:__ExtendedStatus></f:ExtendedError>'
    )


def _wmi_error(kind: FaultKind, text: str) -> str:
    fields = (
        ("CIMStatusCode", "cimUnsignedInt", kind.cim_status),
        ("CIMStatusCodeDescription", "cimString", None),
        ("ErrorSource", "cimString", None),
        ("ErrorSourceFormat", "cimUnsignedShort", 0),
        ("ErrorType", "cimUnsignedShort", 0),
        ("Message", "cimString", text),
        ("MessageID", "cimString", f"HRESULT 0x{kind.code or 0:08x}"),
        ("PerceivedSeverity", "cimUnsignedShort", 0),
        ("ProbableCause", "cimUnsignedShort", 0),
        ("error_Category", "cimUnsignedInt", 30),
        ("error_Code", "cimUnsignedInt", kind.code or 0),
        ("error_Type", "cimString", "HRESULT"),
        ("error_WindowsErrorMessage", "cimString", text),
    )
    members = "".join(
        f'<p:{name} xsi:nil="true" xsi:type="cim:{type_}"/>'
        if value is None
        else f'<p:{name} xsi:type="cim:{type_}">{escape(str(value))}</p:{name}>'
        for name, type_, value in fields
    )
    return (
        f'<p:MSFT_WmiError b:IsCIM_Error="true" xmlns:b="{ns.CIM_BINDING}" xmlns:cim="{ns.CIM_COMMON}" '
        f'xmlns:p="{ns.CIM_SCHEMA}MSFT_WmiError" xmlns:xsi="{ns.XSI}" xsi:type="p:MSFT_WmiError_Type">'
        f"{members}</p:MSFT_WmiError>"
    )


def render_fault_body(fault: WsmanFault, machine: str, language: str) -> str:
    """The ``s:Fault`` element of ``fault`` in the shape of its kind."""
    kind = fault.kind
    text = localise(kind.text, language)
    inner = escape(localise(kind.inner_text or kind.text, language))
    provider = 'provider="WMI Provider" path="%systemroot%\\system32\\WsmWmiPl.dll"'
    uri = f"<w:FaultDetail>{_DETAIL_URI}{kind.fault_detail}</w:FaultDetail>" if kind.fault_detail else ""
    if kind.shape == "no_detail":
        detail = ""
    elif kind.shape == "wmi_error":
        detail = _wmi_error(kind, text)
    elif kind.shape == "wsman":
        detail = uri + _machine_fault(kind, machine, inner)
    elif kind.shape == "provider_text":
        detail = uri + _machine_fault(kind, machine, f"<f:ProviderFault {provider}>{inner}</f:ProviderFault>")
    else:
        nested = _machine_fault(kind, machine, inner) + (
            _extended_status(fault.detail) if kind.shape == "extended" else ""
        )
        detail = uri + _machine_fault(kind, machine, f"<f:ProviderFault {provider}>{nested}</f:ProviderFault>")
    subcode = f"<s:Subcode><s:Value>{kind.subcode}</s:Value></s:Subcode>" if kind.subcode else ""
    return (
        f"<s:Fault><s:Code><s:Value>{'s:Sender' if kind.sender else 's:Receiver'}</s:Value>{subcode}</s:Code>"
        f'<s:Reason><s:Text xml:lang="{language}">{escape(text)}</s:Text></s:Reason>'
        f"{f'<s:Detail>{detail}</s:Detail>' if detail else ''}</s:Fault>"
    )
