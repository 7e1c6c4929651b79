"""One authenticated message of one host: counted, carried out, or gone wrong as a test asked. No socket, no waiting.

``Messages.begin`` counts a message and finds out what happens to it; ``Exchange.finish`` carries it out and says what
the peer gets. What an Outcome means on a connection is the business of listener.py, and in a test of in_process.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .hostile_xml import HOSTILE_XML
from .service import WsmanService
from .soap import Answer, Request, parse_request
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from .counters import Ledger
    from .fault_injection import FaultPlan, InjectedFault
    from .host import SimulatedHost
    from .host_spec import User

_HTML = (
    b"<!DOCTYPE html><html><head><title>It works!</title></head><body><h1>It works!</h1><p>This is the default web "
    b"page of some other server.</p></body></html>"
)
_DOCTYPE = (
    b'<?xml version="1.0"?><!DOCTYPE s:Envelope [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>&b;</s:Body></s:Envelope>'
)
_GARBAGE = b"\x00\xff this is not XML at all <<<"
HUGE_HEAD = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body><x>'


@dataclass
class Outcome:
    """What the peer gets. ``kind`` says how:

    ``answer`` is ``body`` (encrypted like the request), ``cut`` half of it, ``html`` is ``body`` in clear, ``huge`` is
    ``size`` bytes that begin with HUGE_HEAD, ``unauthorized`` and ``bare`` an HTTP status without a body, ``reset``
    and ``hang`` are no answer at all. ``delay`` seconds pass before it.
    """

    kind: str
    status: int = 200
    body: bytes = b""
    delay: float = 0.0
    size: int = 0


class Messages:
    """The messages of one host, as they come: ``ledger`` counts them, ``faults`` say which go wrong."""

    def __init__(self, host: SimulatedHost, ledger: Ledger, faults: FaultPlan) -> None:
        self._host = host
        self.ledger = ledger
        self.faults = faults
        self.restart_service()

    def restart_service(self) -> None:
        """Drop shells and enumerations, as after a reset of the host."""
        self.service = WsmanService(self._host, self.ledger.count)

    def begin(self, message: bytes, user: User, encrypted: bool = False) -> Exchange:
        """Count ``message``; nothing is carried out yet."""
        index = self.ledger.next_index()
        self.ledger.counters.requests_after_auth += 1
        row: dict[str, Any] = {
            "index": index,
            "action": "",
            "resource": "",
            "method": "",
            "status": None,
            "bytes": len(message),
            "user": user.name,
            "encrypted": encrypted,
        }
        self.ledger.messages.append(row)
        if len(message) > self._host.quirks.max_envelope_kb * 1024:
            # MS-WSMV 3.1.4.1.20: the service does not read it.
            return Exchange(self.service, user, row, None, None)
        try:
            request = parse_request(message)
        except WsmanFault as fault:
            return Exchange(self.service, user, row, fault, None)
        row.update(action=request.action, resource=request.resource_uri, method=request.method)
        injected = self.faults.take(index, request.action)
        if injected is not None:
            row["fault"] = injected.kind
        return Exchange(self.service, user, row, request, injected)


class Exchange:
    """One message between its arrival and its answer. ``delay``: seconds that pass before it is carried out."""

    def __init__(
        self,
        service: WsmanService,
        user: User,
        row: dict[str, Any],
        request: Request | WsmanFault | None,
        injected: InjectedFault | None,
    ) -> None:
        """``request`` is the fault that answers an envelope which nobody can read; None: it is too large."""
        self._service = service
        self._user = user
        self._row = row
        self._request = request
        self._injected = injected
        self.delay = injected.seconds if injected is not None and injected.kind == "delay" else 0.0

    def finish(self) -> Outcome:
        """Carry the message out, unless its fault keeps the host from it."""
        request, injected = self._request, self._injected
        if request is None:
            outcome = Outcome("bare", 413)
        elif isinstance(request, WsmanFault):
            outcome = self._answer(self._service.fault(request, ""))
        elif injected is None or injected.kind == "delay":
            outcome = self._answer(self._service.answer(request, self._user))
        else:
            outcome = self._go_wrong(request, injected)
        if outcome.kind not in ("reset", "hang"):
            self._row["status"] = outcome.status
        return outcome

    @staticmethod
    def _answer(answer: Answer, kind: str = "answer", delay: float = 0.0) -> Outcome:
        return Outcome(kind, answer.status, answer.render(), delay)

    def _go_wrong(self, request: Request, fault: InjectedFault) -> Outcome:
        kind = fault.kind
        if kind in ("return_value", "silent_drop"):
            value = fault.value if kind == "return_value" else 0
            return self._answer(self._service.answer(request, self._user, value))
        answer: Answer | None = None
        if fault.processed or kind in ("reset_after", "cut", "wrong_relates_to", "missing_relates_to"):
            answer = self._service.answer(request, self._user)
        if kind in ("reset_before", "reset_after"):
            return Outcome("reset")
        if kind == "hang":
            return Outcome("hang")
        if kind in ("timeout", "soap_fault", "access_denied"):
            wrong = self._service.access_denied() if kind == "access_denied" else fault.soap_fault()
            return self._answer(self._service.fault(wrong, request.message_id), delay=fault.seconds)
        if answer is not None and kind == "cut":
            return self._answer(answer, "cut")
        if answer is not None and kind in ("wrong_relates_to", "missing_relates_to"):
            answer.relates_to = None if kind == "missing_relates_to" else "uuid:00000000-0000-0000-0000-000000000000"
            return self._answer(answer)
        return _no_soap_answer(fault)


def _no_soap_answer(fault: InjectedFault) -> Outcome:
    """The kinds whose answer is no SOAP answer to the request at all."""
    if fault.kind == "http_401":
        return Outcome("unauthorized", 401)
    if fault.kind.startswith("http_"):
        return Outcome("bare", int(fault.kind[5:]))
    if fault.kind == "huge":
        return Outcome("huge", size=fault.size)
    if fault.kind == "hostile_xml":
        return Outcome("answer", body=HOSTILE_XML[fault.text](fault.size))
    if fault.kind == "html":
        return Outcome("html", body=_HTML)
    return Outcome("answer", body=_DOCTYPE if fault.kind == "doctype" else _GARBAGE)
