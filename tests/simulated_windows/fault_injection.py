"""Faults on demand: which message goes wrong, and how. Pure bookkeeping; listener.py makes them happen."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from .hostile_xml import HOSTILE_XML
from .wsman_faults import FAULTS, SHAPES, FaultKind, WsmanFault

KINDS = (
    "refuse",
    "reset_before",
    "reset_after",
    "delay",
    "timeout",
    "hang",
    "http_401",
    "http_500",
    "http_503",
    "soap_fault",
    "access_denied",
    "garbage",
    "html",
    "cut",
    "huge",
    "doctype",
    "hostile_xml",
    "wrong_relates_to",
    "missing_relates_to",
    "return_value",
    "silent_drop",
)


@dataclass
class InjectedFault:
    """One posted fault.

    Applies to messages whose index (since the counters' reset) is in ``at``, whose action contains ``match``, or to
    the next ones if neither is given; ``times`` messages in all (default: every one of ``at``, otherwise 1; 0 means
    without end). ``text`` of a ``hostile_xml`` names one of HOSTILE_XML, ``size`` is what it may have. With
    ``processed`` the message is carried out before the wrong answer is sent.
    """

    kind: str
    at: tuple[int, ...] | None = None
    match: str | None = None
    times: int | None = None
    processed: bool = False
    seconds: float = 0.0
    size: int = 50 * 1024 * 1024
    shape: str = "wsman"
    code: int = 2150859010
    subcode: str = "w:InternalError"
    text: str = "The WMI provider failed. "
    value: int = 1
    used: int = field(default=0, init=False)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> InjectedFault:
        """Read a posted fault; ValueError says what is wrong with it."""
        known = {item.name for item in fields(cls)} - {"used"}
        unknown = sorted(set(document) - known)
        if unknown:
            raise ValueError(f"unknown members: {', '.join(unknown)}")
        if document.get("kind") not in KINDS:
            raise ValueError(f"kind {document.get('kind')!r} is none of {', '.join(KINDS)}")
        values = dict(document)
        if "at" in values and values["at"] is not None:
            at = values["at"]
            values["at"] = (at,) if isinstance(at, int) else tuple(at)
        fault = cls(**values)
        if fault.kind == "hostile_xml" and fault.text not in HOSTILE_XML:
            raise ValueError(f"text {fault.text!r} is none of {', '.join(HOSTILE_XML)}")
        if fault.shape not in SHAPES:
            raise ValueError(f"shape {fault.shape!r} is none of {', '.join(SHAPES)}")
        return fault

    def applies(self, index: int, action: str | None) -> bool:
        """``action`` None: a connection, whose message is not known yet."""
        limit = self.times if self.times is not None else (0 if self.at is not None else 1)
        if limit and self.used >= limit:
            return False
        if self.at is not None and index not in self.at:
            return False
        return self.match is None or (action is not None and self.match.lower() in action.lower())

    def soap_fault(self) -> WsmanFault:
        if self.kind == "timeout":
            return WsmanFault("timed_out")
        sender = not self.subcode.endswith(("InternalError", "TimedOut"))
        base = next((item for item in FAULTS.values() if item.code == self.code), None)
        return WsmanFault(
            FaultKind(
                self.code,
                self.subcode,
                self.text,
                self.shape,
                sender,
                base.fault_detail if base else "",
                base.cim_status if base else 1,
            )
        )


class FaultPlan:
    """The faults posted for one host, first posted first."""

    def __init__(self) -> None:
        self._faults: list[InjectedFault] = []

    def add(self, fault: InjectedFault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, index: int, action: str) -> InjectedFault | None:
        """The fault for message ``index``, if any; counts its use."""
        for fault in self._faults:
            if fault.kind != "refuse" and fault.applies(index, action):
                fault.used += 1
                return fault
        return None

    def refuses_connection(self, next_index: int) -> bool:
        """Whether a connection that would carry message ``next_index`` is closed at once."""
        for fault in self._faults:
            if fault.kind == "refuse" and fault.applies(next_index, None):
                fault.used += 1
                return True
        return False
