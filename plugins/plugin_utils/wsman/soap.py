# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SOAP around every message: the envelope of a request, and the body or the fault of its answer.

Header set and order are those of Microsoft's MI client, resource URIs in the `wmi/` form.

Faults come in seven shapes. Windows has six shapes of detail (none; WSManFault with text; with a ProviderFault; with a
WSManFault inside that; with an __ExtendedStatus beside it; an MSFT_WmiError alone), and OMI a seventh (OMI_Error). What
went wrong is read from numbers and names only: the texts are in the language of the host.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..core.text import one_line, quoted
from .errors import LocalProtocolError, RemoteProtocolError, RequestTooLarge, WsmanError
from .fault_codes import CIM_STATUSES, CODES, SUBCODES, Kind, number_in_words
from .limits import MAX_ENVELOPE_SIZE, MAX_REQUEST_BYTES
from .xml import EMPTY, XSI, Markup, attribute, child, children, content, element, local_name, namespace, parse, text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
ANONYMOUS = f"{ADDRESSING}/role/anonymous"

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
MAX_WORDS = 300
"""Characters of a fault's text that anybody is shown."""

_MASK = 0xFFFFFFFF
_DECIMAL = re.compile(r"[+-]?[0-9]{1,10}")
_HRESULT = re.compile(r"0x[0-9a-f]{8}(?![0-9a-f])", re.IGNORECASE)
_KIND_OF_CODE = {row.key: row.kind for row in CODES}
_KIND_OF_STATUS = {row.key: row.kind for row in CIM_STATUSES}
_KIND_OF_SUBCODE = {row.key: row.kind for row in SUBCODES}
# error_Type of an error instance: only these say that error_Code is a Windows number. "MI" numbers are CIM statuses.
_WINDOWS_ERROR_TYPES = frozenset({"", "HRESULT", "WIN32"})

_MUST_UNDERSTAND = {"s:mustUnderstand": "true"}

Selectors = Mapping[str, str]
"""Key property names and their values as text."""


class Option(NamedTuple):
    """An option of an operation: its name, its type such as `xs:int`, without which Windows ignores it, its value."""

    name: str
    type: str
    value: str


def new_message_id() -> str:
    """A fresh `uuid:` MessageID."""
    return f"uuid:{uuid.uuid4()}"


@dataclass(frozen=True)
class RequestContext:
    """What one request needs to know about its journey.

    Attributes:
        to: The endpoint's URL.
        message_id: `uuid:` and a UUID that no other request has.
        operation_timeout: Seconds after which the host gives up (a Windows service allows 60 by default).
    """

    to: str
    message_id: str = field(default_factory=new_message_id)
    operation_timeout: float = 60.0

    def __post_init__(self) -> None:
        if not _GUID.search(self.message_id):
            raise LocalProtocolError(f"{self.message_id!r} holds no UUID and cannot be a MessageID")
        if not math.isfinite(self.operation_timeout) or self.operation_timeout <= 0:
            raise LocalProtocolError(f"{self.operation_timeout!r} seconds cannot be an OperationTimeout")


def build_envelope(
    context: RequestContext,
    action: str,
    resource_uri: str,
    *,
    selectors: Selectors | None = None,
    options: Sequence[Option] = (),
    headers: Sequence[Markup] = (),
    body: Markup = EMPTY,
) -> bytes:
    """The request as UTF-8 bytes.

    Args:
        context: The endpoint, the message id and the operation timeout.
        action: URI of the action.
        resource_uri: URI of the class or service.
        selectors: Key properties that name an instance.
        options: Options of the operation.
        headers: Header blocks of the operation's own.
        body: What is inside `s:Body`.

    Raises:
        LocalProtocolError: Text that XML cannot carry.
        RequestTooLarge: More than the service of Windows as installed accepts.
    """
    # Only the headers that a service needs, as Microsoft's own client marks them: every byte goes out with every value.
    seconds = f"{context.operation_timeout:.3f}".rstrip("0").rstrip(".")
    header = element(
        "s:Header",
        element("a:To", text(context.to)),
        element("w:ResourceURI", text(resource_uri), attributes=_MUST_UNDERSTAND),
        element("a:ReplyTo", element("a:Address", text(ANONYMOUS), attributes=_MUST_UNDERSTAND)),
        element("a:Action", text(action)),
        element("w:MaxEnvelopeSize", text(str(MAX_ENVELOPE_SIZE)), attributes=_MUST_UNDERSTAND),
        element("a:MessageID", text(context.message_id)),
        element("w:OperationTimeout", text(f"PT{seconds}S")),
        # For people. A host may answer in its own language all the same, so that nothing is decided by a text.
        element("w:Locale", attributes={"xml:lang": "en-US"}),
        _set("w:SelectorSet", [("w:Selector", value, {"Name": name}) for name, value in (selectors or {}).items()]),
        _set("w:OptionSet", [("w:Option", each.value, {"Name": each.name, "Type": each.type}) for each in options]),
        *headers,
    )
    # `xsi` is needed for NULL alone, which most requests do not have.
    spaces = {"s": SOAP, "a": ADDRESSING, "w": WSMAN} | ({"xsi": XSI} if "xsi:" in body else {})
    envelope = element(
        "s:Envelope",
        header,
        element("s:Body", body),
        attributes={f"xmlns:{prefix}": uri for prefix, uri in spaces.items()},
    )
    return _within_limits(envelope.encode())


def _within_limits(message: bytes) -> bytes:
    if len(message) > MAX_REQUEST_BYTES:
        raise RequestTooLarge(len(message))
    return message


def _set(name: str, items: Iterable[tuple[str, str, Mapping[str, str]]]) -> Markup:
    """An element around others, nothing if there are none. An option that a host does not know is no error."""
    inner = [element(tag, text(value), attributes=attributes) for tag, value, attributes in items]
    return element(name, *inner) if inner else EMPTY


def parse_envelope(answer: bytes, message_id: str) -> Element:
    """The `s:Body` of the answer to the request `message_id`.

    Raises WsmanFault for a SOAP fault, RemoteProtocolError for anything that is not an answer to this request.
    """
    envelope = parse(answer)
    if local_name(envelope) != "Envelope" or namespace(envelope) != SOAP:
        raise RemoteProtocolError(
            "unexpected_shape", f"the answer is not a SOAP 1.2 envelope but {quoted(local_name(envelope))}"
        )
    bodies = [each for each in children(envelope, "Body") if namespace(each) == SOAP]
    if len(bodies) != 1:
        raise RemoteProtocolError(
            "unexpected_shape", f"the answer's envelope holds {len(bodies)} bodies instead of one"
        )
    (body,) = bodies
    is_fault = any(namespace(each) == SOAP for each in children(body, "Fault"))
    _check_relates_to(child(envelope, "Header"), message_id, is_fault=is_fault)
    if is_fault:
        raise WsmanFault(parse_fault(body))
    return body


def _check_relates_to(header: Element | None, message_id: str, *, is_fault: bool) -> None:
    """Compare UUIDs only: peers differ in the letter case and in what stands before it (`uuid:`, `uuid.`).

    Quota faults have no RelatesTo; a fault to a request whose header the peer could not read may name no UUID.
    """
    for each in children(header, "RelatesTo"):
        named = content(each)
        if _same_message(named, message_id) or not named or (is_fault and not _GUID.search(named)):
            continue
        raise RemoteProtocolError(
            "wrong_relates_to", f"the answer relates to another request ({quoted(named)}) than the one sent"
        )


def _same_message(named: str, message_id: str) -> bool:
    theirs, ours = _GUID.search(named), _GUID.search(message_id)
    return theirs is not None and ours is not None and theirs.group().lower() == ours.group().lower()


@dataclass(frozen=True)
class Fault:
    """A SOAP fault.

    `codes`: all Windows error numbers as unsigned 32-bit, from those that a text merely mentions, over the outermost
    element's to the innermost's; `code` is the last, None if there is none. `role`: local name of the SOAP code, such
    as Sender. `subcode`: its local name. `reason`: the SOAP reason, maybe "". `message`: the innermost text, else the
    reason. `provider`: name of the provider or plugin that failed. `cim_status`: CIMStatusCode of an error instance.
    """

    code: int | None
    codes: tuple[int, ...]
    role: str
    subcode: str | None
    reason: str
    message: str
    provider: str | None
    cim_status: int | None

    def __str__(self) -> str:
        name = self.subcode or self.role or "unnamed"
        number = f" {number_in_words(self.code)}" if self.code is not None else ""
        status = f" CIM status {self.cim_status}" if self.cim_status is not None else ""
        message = one_line(self.message, MAX_WORDS) or "the peer gave no reason"
        return f"{message} (SOAP fault {one_line(name, 40)}{number}{status})"

    @property
    def kind(self) -> Kind | None:
        """What went wrong: by the innermost known code, else the CIM status, else the subcode; None if unknown."""
        for code in reversed(self.codes):
            if code in _KIND_OF_CODE:
                return _KIND_OF_CODE[code]
        if self.cim_status in _KIND_OF_STATUS:
            return _KIND_OF_STATUS[self.cim_status]
        return _KIND_OF_SUBCODE.get(self.subcode or "")


class WsmanFault(WsmanError):
    """The peer answered with a SOAP fault; `fault` holds all of it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def parse_fault(body: Element) -> Fault:
    """Read the s:Fault in a SOAP body. Never fails: what is missing or odd is None, "" or ()."""
    fault = child(body, "Fault")
    code = child(fault, "Code")
    reason = _first(_tidy(each.text) for each in children(child(fault, "Reason"), "Text"))
    detail = child(fault, "Detail")

    texts: list[str] = []
    codes: list[int] = []
    statuses: list[int] = []
    provider: str | None = None
    # Document order is from the outside to the inside: the last number and the last text are nearest to the cause.
    for each in detail.iter() if detail is not None else ():
        name = local_name(each)
        if name == "WSManFault":
            codes += _number(attribute(each, "Code"))
        elif name in ("Message", "ProviderFault"):
            texts.append(_tidy(each.text))
        elif name == "__ExtendedStatus":
            codes += _number(content(child(each, "StatusCode")))
            texts.append(_tidy(content(child(each, "Description"))))
        elif child(each, "CIMStatusCode") is not None:
            codes += _error_code(each)
            statuses += _number(content(child(each, "CIMStatusCode")))
        if name == "ProviderFault":
            provider = _tidy(attribute(each, "provider")) or provider
        elif name == "__ExtendedStatus":
            provider = provider or _tidy(content(child(each, "ProviderName"))) or None

    texts = [each for each in texts if each]
    # Some providers put the number into their text alone. It comes first in the list, so that a stated number wins.
    mentioned = [int(found, 16) for each in texts for found in _HRESULT.findall(each)]
    stated = set(codes)
    # A text may mention any number: only those with a known meaning count.
    codes = [each for each in mentioned if each in _KIND_OF_CODE and each not in stated] + codes
    return Fault(
        code=codes[-1] if codes else None,
        codes=tuple(codes),
        role=_local(content(child(code, "Value"))),
        subcode=_local(content(child(child(code, "Subcode"), "Value"))) or None,
        reason=reason,
        message=texts[-1] if texts else reason,
        provider=provider,
        cim_status=statuses[-1] if statuses else None,
    )


def _error_code(instance: Element) -> list[int]:
    """The Windows number in an instance of CIM_Error's kin: MSFT_WmiError has error_Code, OMI_Error has OMI_Code."""
    for prefix in ("error", "OMI"):
        # The same member holds numbers of other systems, which can look like a Windows number.
        if content(child(instance, f"{prefix}_Type")).upper() in _WINDOWS_ERROR_TYPES:
            found = _number(content(child(instance, f"{prefix}_Code")))
            if found:
                return found
    return [int(found, 16) for found in _HRESULT.findall(content(child(instance, "MessageID")))]


def _number(written: str | None) -> list[int]:
    """An error number as unsigned 32-bit; nothing for 0 (no error) and for what is no number."""
    if written is None or not _DECIMAL.fullmatch(written.strip()):
        return []
    number = int(written) & _MASK
    return [number] if number else []


def _local(qualified: str) -> str:
    return qualified.rpartition(":")[2]


def _tidy(written: str | None) -> str:
    return " ".join((written or "").split())


def _first(candidates: Iterable[str]) -> str:
    return next((each for each in candidates if each), "")
