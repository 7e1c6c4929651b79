# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SOAP envelope around every message: the request's headers, and what an answer must look like to be ours.

Header set and order are those of Microsoft's MI client, resource URIs in the `wmi/` form.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .errors import LocalProtocolError, RemoteProtocolError, shorten
from .fault import WsmanFault, parse_fault
from .xml import EMPTY, XSI, Markup, child, children, content, element, local_name, namespace, parse, text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
ANONYMOUS = f"{ADDRESSING}/role/anonymous"

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
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

    `to`: the endpoint's URL. `operation_timeout`: seconds (a Windows service allows 60 by default).
    `max_envelope_size`: bytes the answer may have; 153600 is the smallest default of any Windows service.
    """

    to: str
    message_id: str = field(default_factory=new_message_id)
    operation_timeout: float = 60.0
    max_envelope_size: int = 153600
    locale: str = "en-US"

    def __post_init__(self) -> None:
        if not _GUID.search(self.message_id):
            raise LocalProtocolError(f"{self.message_id!r} holds no UUID and cannot be a MessageID")
        if not math.isfinite(self.operation_timeout) or self.operation_timeout <= 0:
            raise LocalProtocolError(f"{self.operation_timeout!r} seconds cannot be an OperationTimeout")
        if self.max_envelope_size <= 0:
            raise LocalProtocolError(f"{self.max_envelope_size!r} bytes cannot be a MaxEnvelopeSize")


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
    """The request as UTF-8 bytes; `headers` are header blocks of an operation's own. Raises LocalProtocolError for
    text that XML cannot carry.

    Only the headers that a service needs, as Microsoft's own client marks them: every byte goes out with every value.
    """
    seconds = f"{context.operation_timeout:.3f}".rstrip("0").rstrip(".")
    header = element(
        "s:Header",
        element("a:To", text(context.to)),
        element("w:ResourceURI", text(resource_uri), attributes=_MUST_UNDERSTAND),
        element("a:ReplyTo", element("a:Address", text(ANONYMOUS), attributes=_MUST_UNDERSTAND)),
        element("a:Action", text(action)),
        element("w:MaxEnvelopeSize", text(str(context.max_envelope_size)), attributes=_MUST_UNDERSTAND),
        element("a:MessageID", text(context.message_id)),
        element("w:OperationTimeout", text(f"PT{seconds}S")),
        element("w:Locale", attributes={"xml:lang": context.locale}),
        _set("w:SelectorSet", [("w:Selector", value, {"Name": name}) for name, value in (selectors or {}).items()]),
        _set("w:OptionSet", [("w:Option", each.value, {"Name": each.name, "Type": each.type}) for each in options]),
        *headers,
    )
    spaces = {"s": SOAP, "a": ADDRESSING, "w": WSMAN} | ({"xsi": XSI} if "xsi:" in body else {})
    envelope = element(
        "s:Envelope",
        header,
        element("s:Body", body),
        attributes={f"xmlns:{prefix}": uri for prefix, uri in spaces.items()},
    )
    return envelope.encode()


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
            "unexpected_shape", f"the answer is not a SOAP 1.2 envelope but {shorten(local_name(envelope))}"
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
    for each in children(header, "RelatesTo") if header is not None else ():
        named = content(each)
        if _same_message(named, message_id) or not named or (is_fault and not _GUID.search(named)):
            continue
        raise RemoteProtocolError(
            "wrong_relates_to", f"the answer relates to another request ({shorten(named)}) than the one sent"
        )


def _same_message(named: str, message_id: str) -> bool:
    theirs, ours = _GUID.search(named), _GUID.search(message_id)
    return theirs is not None and ours is not None and theirs.group().lower() == ours.group().lower()
