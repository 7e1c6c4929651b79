"""SOAP envelopes: reading a WS-Management request, writing an answer the way Windows writes it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from . import namespaces as ns
from .wsman_faults import WsmanFault, render_fault_body

# A header block with mustUnderstand that is not in this list is refused, as the standard demands.
_UNDERSTOOD = {
    f"{{{namespace}}}{name}"
    for namespace, names in (
        (ns.ADDRESSING, ("To", "ReplyTo", "Action", "MessageID", "FaultTo", "From", "RelatesTo")),
        (ns.WSMAN, ("ResourceURI", "SelectorSet", "OptionSet", "MaxEnvelopeSize", "OperationTimeout", "Locale")),
        (ns.WSMAN_MS, ("DataLocale", "SessionId", "OperationID", "SequenceId", "CompressionType")),
    )
    for name in names
}


@dataclass
class Request:
    """One parsed request. ``body`` is the first element of the SOAP body, or None if it is empty."""

    action: str = ""
    resource_uri: str = ""
    message_id: str = ""
    max_envelope_size: int = 153600
    selectors: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    typed_options: dict[str, str] = field(default_factory=dict)
    body: ET.Element | None = None
    identifier: str = ""

    @property
    def method(self) -> str:
        return self.action.rpartition("/")[2]


def _selectors(header: ET.Element) -> dict[str, str]:
    path = f"{{{ns.WSMAN}}}SelectorSet/{{{ns.WSMAN}}}Selector"
    return {item.get("Name", ""): item.text or "" for item in header.findall(path)}


def _options(header: ET.Element, typed: bool) -> dict[str, str]:
    """The options by name; ``typed``: only those with a type."""
    path = f"{{{ns.WSMAN}}}OptionSet/{{{ns.WSMAN}}}Option"
    return {item.get("Name", ""): item.text or "" for item in header.findall(path) if item.get("Type") or not typed}


def parse_request(message: bytes) -> Request:
    """Read an envelope into ``Request``; anything that the service could not understand is a WsmanFault."""
    if b"<!DOCTYPE" in message:
        raise WsmanFault("schema_error")
    try:
        envelope = ET.fromstring(message)
    except ET.ParseError as error:
        raise WsmanFault("schema_error", detail=str(error)) from error
    header = envelope.find(f"{{{ns.SOAP}}}Header")
    body = envelope.find(f"{{{ns.SOAP}}}Body")
    if envelope.tag != f"{{{ns.SOAP}}}Envelope" or header is None or body is None:
        raise WsmanFault("schema_error")
    for block in header:
        if block.get(f"{{{ns.SOAP}}}mustUnderstand") in ("true", "1") and block.tag not in _UNDERSTOOD:
            raise WsmanFault("bad_header", detail=block.tag)

    def text(namespace: str, name: str) -> str:
        return (header.findtext(f"{{{namespace}}}{name}") or "").strip()

    request = Request(
        action=text(ns.ADDRESSING, "Action"),
        resource_uri=text(ns.WSMAN, "ResourceURI"),
        message_id=text(ns.ADDRESSING, "MessageID"),
        selectors=_selectors(header),
        options=_options(header, typed=False),
        typed_options=_options(header, typed=True),
        body=next(iter(body), None),
        identifier=text(ns.EVENTING, "Identifier"),
    )
    size = text(ns.WSMAN, "MaxEnvelopeSize")
    if size and not size.isdigit():
        raise WsmanFault("bad_header", detail="MaxEnvelopeSize")
    if size:
        request.max_envelope_size = int(size)
    reply_to = header.findtext(f"{{{ns.ADDRESSING}}}ReplyTo/{{{ns.ADDRESSING}}}Address") or ""
    required = (request.action, request.resource_uri, request.message_id, text(ns.ADDRESSING, "To"))
    if not all(required) or reply_to.strip() != ns.ANONYMOUS:
        raise WsmanFault("bad_header")
    return request


@dataclass
class Answer:
    """An answer before it is rendered; ``relates_to`` None leaves the header out."""

    action: str
    body: str
    status: int = 200
    relates_to: str | None = None
    language: str = "en-US"

    def render(self) -> bytes:
        relates_to = "" if self.relates_to is None else f"<a:RelatesTo>{escape(self.relates_to)}</a:RelatesTo>"
        return (
            f'<s:Envelope xml:lang="{self.language}" xmlns:s="{ns.SOAP}" xmlns:a="{ns.ADDRESSING}" '
            f'xmlns:n="{ns.ENUMERATION}" xmlns:x="{ns.TRANSFER}" xmlns:w="{ns.WSMAN}" xmlns:rsp="{ns.SHELL}" '
            f'xmlns:p="{ns.WSMAN_MS}"><s:Header><a:Action>{escape(self.action)}</a:Action>'
            f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
            f'<p:ActivityId s:mustUnderstand="false">{str(uuid.uuid4()).upper()}</p:ActivityId>'
            f"<a:To>{ns.ANONYMOUS}</a:To>{relates_to}</s:Header><s:Body>{self.body}</s:Body></s:Envelope>"
        ).encode()


def fault_answer(fault: WsmanFault, machine: str, language: str, relates_to: str | None) -> Answer:
    """The HTTP 500 answer that carries ``fault``."""
    return Answer(fault.action, render_fault_body(fault, machine, language), 500, relates_to, language)
