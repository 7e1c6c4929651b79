"""WS-Eventing on the event log, pull delivery only: Subscribe, Pull, Unsubscribe (MS-WSMV 3.1.4.1.30, 3.1.4.6 and 7).

The answers have the shape of those that a client recorded from Windows hosts (zenoss/txwinrm). A Pull does not wait
here: where nothing has come it is answered at once.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from . import namespaces as ns
from .event_filter import FilterError, Matcher, read_query_list
from .event_rendering import render
from .wsman_faults import FaultKind, WsmanFault

if TYPE_CHECKING:
    from .event_log import EventLog
    from .quirks import Quirks
    from .soap import Request

MAX_PER_USER = 15  # the quota of the Event Forwarding plug-in as installed
# Expected codes: none of these faults was recorded.
_NOT_OFFERED = FaultKind(
    0x80338013, "a:ActionNotSupported", "The requested action is not supported by the resource. ", "wsman"
)
_DENIED = FaultKind(5, "w:AccessDenied", "Access is denied. ", "provider_text")
_NO_CHANNEL = FaultKind(15007, "w:InternalError", "The specified channel could not be found. ", "provider_text", False)
_BAD_FILTER = FaultKind(15001, "n:CannotProcessFilter", "The specified query is invalid. ", "provider_text")
_UNKNOWN = FaultKind(None, "e:InvalidMessage", "The subscription is not known. ", "no_detail")
_QUOTA = FaultKind(
    0x803381A6, "w:InternalError", "The maximum number of concurrent operations was exceeded. ", "wsman", False
)
_SECONDS = re.compile(r"PT(\d+(?:\.\d+)?)S")


@dataclass
class _Cursor:
    filters: list[tuple[str, Matcher]]
    position: int
    """How many events of the host have been looked at."""


@dataclass
class _Subscription:
    identifier: str
    cursors: list[_Cursor]
    """One after the other: one of all channels, whose records then come by their age, or one of each channel."""
    expires: datetime
    context: str


class EventSubscriptions:
    """The subscriptions of one host."""

    def __init__(self, log: EventLog, quirks: Quirks) -> None:
        self._log = log
        self._quirks = quirks
        self._known: dict[str, _Subscription] = {}

    def __len__(self) -> int:
        """How many there are now; those that have expired are gone."""
        now = self._log.clock()
        self._known = {key: each for key, each in self._known.items() if each.expires > now}
        return len(self._known)

    def handle(self, request: Request) -> tuple[str, str]:
        """The response action and the SOAP body; WsmanFault for what is refused."""
        if self._quirks.subscription == "refused":
            raise WsmanFault(_NOT_OFFERED)
        held = len(self)
        if request.action == f"{ns.EVENTING}/Subscribe":
            if held >= MAX_PER_USER:
                raise WsmanFault(_QUOTA)
            return f"{request.action}Response", self._subscribe(request)
        if request.action == f"{ns.ENUMERATION}/Pull":
            return f"{request.action}Response", self._pull(request)
        if request.action == f"{ns.EVENTING}/Unsubscribe":
            if self._known.pop(request.identifier.upper(), None) is None:
                raise WsmanFault(_UNKNOWN)
            return f"{request.action}Response", ""
        raise WsmanFault("not_supported", detail=request.action)

    def _subscribe(self, request: Request) -> str:
        body = request.body
        if body is None or body.tag != f"{{{ns.EVENTING}}}Subscribe":
            raise WsmanFault("schema_error", detail=request.action)
        delivery = body.find(f"{{{ns.EVENTING}}}Delivery")
        if delivery is None or delivery.get("Mode") != ns.PULL_MODE:
            raise WsmanFault("not_supported", detail="Mode")
        if self._quirks.subscription == "denied":
            raise WsmanFault(_DENIED)
        filters = self._filters(body)
        if "IgnoreChannelError" not in request.options:
            for channel, _matcher in filters:
                if self._log.channel(channel) is None:
                    raise WsmanFault(_NO_CHANNEL, detail=channel)
        bookmark = (body.findtext(f"{{{ns.WSMAN}}}Bookmark") or "").strip()
        existing = request.options.get("ReadExistingEvents", "").lower() == "true" or bookmark == ns.BOOKMARK_EARLIEST
        expires = _SECONDS.fullmatch((body.findtext(f"{{{ns.EVENTING}}}Expires") or "").strip())
        begin = 0 if existing else len(self._log.events)
        groups = [[each] for each in filters] if self._quirks.subscription_order == "channel" else [filters]
        subscription = _Subscription(
            str(uuid.uuid4()).upper(),
            [_Cursor(group, begin) for group in groups],
            self._log.clock() + timedelta(seconds=float(expires[1]) if expires else 3600),
            _context(),
        )
        self._known[subscription.identifier] = subscription
        return (
            f'<e:SubscribeResponse xmlns:e="{ns.EVENTING}"><e:SubscriptionManager><a:Address>http://host:5985/wsman'
            f"</a:Address><a:ReferenceProperties><w:ResourceURI>{ns.EVENT_LOG}</w:ResourceURI>"
            f"<e:Identifier>{subscription.identifier}</e:Identifier></a:ReferenceProperties></e:SubscriptionManager>"
            f"<e:Expires>PT0.000S</e:Expires><n:EnumerationContext>{subscription.context}</n:EnumerationContext>"
            "</e:SubscribeResponse>"
        )

    def _filters(self, body: ET.Element) -> list[tuple[str, Matcher]]:
        holder = body.find(f"{{{ns.WSMAN}}}Filter")
        if holder is None or holder.get("Dialect") != ns.EVENT_QUERY_DIALECT:
            raise WsmanFault(_BAD_FILTER)
        as_text = not len(holder)
        if self._quirks.subscription_filter == ("element" if as_text else "text"):
            raise WsmanFault(_BAD_FILTER)
        try:
            return list(read_query_list(ET.fromstring(holder.text or "") if as_text else holder[0]))
        except (ET.ParseError, FilterError) as error:
            raise WsmanFault(_BAD_FILTER, detail=str(error)) from error

    def _pull(self, request: Request) -> str:
        body = request.body
        wanted = "" if body is None else (body.findtext(f"{{{ns.ENUMERATION}}}EnumerationContext") or "").strip()
        subscription = next((each for each in self._known.values() if each.context == wanted), None)
        if subscription is None or body is None:
            raise WsmanFault("invalid_context")
        limit = int(body.findtext(f"{{{ns.ENUMERATION}}}MaxElements") or "1")
        items = self._items(subscription, limit, request.max_envelope_size)
        if not items and self._quirks.pull_in_vain == "timed_out":
            raise WsmanFault("timed_out")
        subscription.context = _context()
        return (
            f"<n:PullResponse><n:EnumerationContext>{escape(subscription.context)}</n:EnumerationContext>"
            f"<n:Items>{''.join(items)}</n:Items></n:PullResponse>"
        )

    def _items(self, subscription: _Subscription, limit: int, max_envelope_size: int) -> list[str]:
        """What has come since the last Pull; about half of MaxEnvelopeSize, as enumerations."""
        items: list[str] = []
        size = 0
        now = self._log.clock()
        for cursor in subscription.cursors:
            cursor.position = min(cursor.position, len(self._log.events))
            while cursor.position < len(self._log.events) and len(items) < limit:
                event = self._log.events[cursor.position]
                if any(
                    path.lower() == event["channel"].lower() and matches(event, now) for path, matches in cursor.filters
                ):
                    item = render(event, self._log.computer)
                    size += 2 * len(item.encode())
                    if items and size > max_envelope_size:
                        return items
                    items.append(item)
                cursor.position += 1
        return items


def _context() -> str:
    return f"uuid:{str(uuid.uuid4()).upper()}"
