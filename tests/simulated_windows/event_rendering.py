"""Events as XML, and ``wevtutil qe``, which prints them: one event a line, single quotes, no root element.

The shape is that of samples constructed from the manifests; nobody captured one. The bit of the channel in Keywords is
derived from the order of the channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from . import namespaces as ns
from .event_filter import FilterError, compile_filter

if TYPE_CHECKING:
    from .event_log import EventLog

CHANNEL_NOT_FOUND = 15007
INVALID_QUERY = 15001
ACCESS_DENIED = 5
_GUIDS = {
    "Microsoft-Windows-SMBClient": "988c59c5-0a1c-45b6-a555-0c62276e327d",
    "Microsoft-Windows-SMBServer": "d48ce617-33a2-4bc3-a5c7-11aa4f29619e",
}
_CHANNEL_BITS = {
    "microsoft-windows-smbclient/security": 0x200000000000000,
    "microsoft-windows-smbclient/audit": 0x100000000000000,
    "microsoft-windows-smbserver/audit": 0x200000000000000,
    "microsoft-windows-smbserver/operational": 0x2000000000000000,
}
_KEYWORDS = {31013: 0x200, 31014: 0x200, 31016: 0x200, 31017: 0x80, 31018: 0x80, 31022: 0x80, 31023: 0x80}
_AUDIT_KEYWORD = 0x4
_NETWORK_SERVICE, _SYSTEM = "S-1-5-20", "S-1-5-18"


def _text(value: Any) -> str:
    written = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(written, {"\r": "&#13;"})


def _attribute(value: str) -> str:
    return escape(value, {"'": "&apos;"})


def system_time(event: dict[str, Any]) -> str:
    """UTC with seven digits of a second."""
    moment = datetime.fromisoformat(event["time"])
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond:06}0Z"


def render(event: dict[str, Any], computer: str) -> str:
    """One event as the event log renders it, whatever the language of the host."""
    number = event["id"]
    client = event["provider"].lower().endswith("client")
    mask = _KEYWORDS.get(number, _AUDIT_KEYWORD if client else 0)
    keywords = hex(_CHANNEL_BITS.get(event["channel"].lower(), 0) | mask)
    user = _NETWORK_SERVICE if number in (31017, 31018) else _SYSTEM
    data = "".join(f"<Data Name='{name}'>{_text(value)}</Data>" for name, value in event["fields"].items())
    return (
        f"<Event xmlns='{ns.EVENT}'><System><Provider Name='{event['provider']}' "
        f"Guid='{{{_GUIDS[event['provider']]}}}'/><EventID>{number}</EventID><Version>{event['version']}</Version>"
        f"<Level>{event['level']}</Level><Task>{event['task']}</Task><Opcode>0</Opcode><Keywords>{keywords}</Keywords>"
        f"<TimeCreated SystemTime='{system_time(event)}'/><EventRecordID>{event['record_id']}</EventRecordID>"
        f"<Correlation/><Execution ProcessID='4' ThreadID='312'/><Channel>{_attribute(event['channel'])}</Channel>"
        f"<Computer>{_text(computer)}</Computer><Security UserID='{user}'/></System>"
        f"<EventData>{data}</EventData></Event>"
    )


def query_events(log: EventLog, arguments: Sequence[str], elevated: bool) -> tuple[int, str, str]:
    """``wevtutil qe PATH [/q:XPATH] [/f:xml] [/c:N] [/rd:true|false]``: (exit code, stdout, stderr)."""
    wrong = (87, "", "The parameter is incorrect.\r\n")
    options: dict[str, str] = {}
    for argument in arguments[1:]:
        match = re.fullmatch(r"/(\w+):(.*)", argument, re.DOTALL)
        if match is None:
            return wrong
        options[match[1].lower()] = match[2]
    count, form, backwards = options.get("c", ""), options.get("f", "xml").lower(), options.get("rd", "false").lower()
    if not arguments or not set(options) <= {"q", "f", "c", "rd"} or form != "xml" or (count and not count.isdigit()):
        return wrong
    channel = log.channel(arguments[0])
    if channel is None:
        return CHANNEL_NOT_FOUND, "", "Failed to read events.\r\nThe specified channel could not be found.\r\n"
    if not elevated:
        return ACCESS_DENIED, "", "Failed to read events.\r\nAccess is denied.\r\n"
    try:
        matches = compile_filter(options.get("q", "*"))
    except FilterError:
        return INVALID_QUERY, "", "Failed to read events.\r\nThe specified query is invalid.\r\n"
    now = log.clock()
    of_channel = [event for event in log.events if event["channel"] == channel.path]
    lines = _rendered(reversed(of_channel) if backwards == "true" else iter(of_channel), log.computer, matches, now)
    limit = int(count) if count else len(of_channel)
    return 0, "".join(f"{line}\r\n" for line, _index in zip(lines, range(limit), strict=False)), ""


def _rendered(events: Iterator[dict[str, Any]], computer: str, matches: Any, now: datetime) -> Iterator[str]:
    for event in events:
        if matches(event, now):
            yield render(event, computer)
