# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event log of a host by WS-Eventing: Subscribe, Pull and Unsubscribe, each a value that writes and reads itself.

A pull subscription lives in the WinRM service: no process, no connection back to us. Sources: MS-WSMV 3.1.4.1.30,
3.1.4.6 and 3.1.4.7 (options, filter dialect, delivery modes), MS-EVEN6 2.2.16 (the query), and the messages of a
client that subscribed to Windows hosts for years (zenoss/txwinrm). As with `operations`, nothing here sends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..core.text import quoted
from .errors import RemoteProtocolError
from .operations import ENUMERATION, MAX_BATCH_ITEMS
from .soap import RequestContext, build_envelope, parse_envelope
from .xml import child, content, element, local_name, text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

EVENTING = "http://schemas.xmlsoap.org/ws/2004/08/eventing"
EVENT_LOG = "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog"
EVENT_QUERY = "http://schemas.microsoft.com/win/2004/08/events/eventquery"
PULL_MODE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull"

_NAME = "winops.smb_guest"


@dataclass(frozen=True)
class Subscription:
    """A subscription that the host keeps.

    Attributes:
        identifier: What Unsubscribe names.
        context: For the first Pull.
    """

    identifier: str
    context: str | None


@dataclass(frozen=True)
class EventPage:
    """Some events, each an `Event` element.

    Attributes:
        context: For the next Pull.
        end: The host has ended the subscription.
    """

    events: tuple[Element, ...]
    context: str | None
    end: bool


@dataclass(frozen=True)
class Subscribe:
    """Ask the host to keep events for us: those that match now, oldest first, then those to come.

    Attributes:
        query: A QueryList as text.
        expires, heartbeat: Seconds; a heartbeat is an empty answer to a Pull that waits.

    IgnoreChannelError is left out on purpose: a channel that the service cannot read must be an error, not silence.
    """

    query: str
    expires: float = 600.0
    heartbeat: float = 5.0

    def __str__(self) -> str:
        return "Subscribe to the event log"

    def encode(self, context: RequestContext) -> bytes:
        """The request."""
        options = element(
            "w:OptionSet",
            *(
                element("w:Option", text(value), attributes={"Name": name})
                for name, value in (("SubscriptionName", _NAME), ("ReadExistingEvents", "true"))
            ),
        )
        delivery = element(
            "e:Delivery",
            element("w:Heartbeats", text(_duration(self.heartbeat))),
            element("w:ContentEncoding", text("UTF-8")),
            attributes={"Mode": PULL_MODE},
        )
        body = element(
            "e:Subscribe",
            delivery,
            element("e:Expires", text(_duration(self.expires))),
            element("w:Filter", text(self.query), attributes={"Dialect": EVENT_QUERY}),
            attributes={"xmlns:e": EVENTING},
        )
        return build_envelope(context, f"{EVENTING}/Subscribe", EVENT_LOG, headers=[options], body=body)

    def decode(self, answer: bytes, context: RequestContext) -> Subscription:
        """The subscription. What it says of its expiry is not used: Windows answers PT0.000S."""
        response = _response(answer, context, "SubscribeResponse")
        manager = child(response, "SubscriptionManager")
        identifier = ""
        for holder in ("ReferenceProperties", "ReferenceParameters"):
            identifier = identifier or content(child(child(manager, holder), "Identifier"))
        if not identifier:
            raise RemoteProtocolError("unexpected_shape", "the answer to Subscribe does not name the subscription")
        return Subscription(identifier, content(child(response, "EnumerationContext")) or None)


@dataclass(frozen=True)
class PullEvents:
    """Fetch what has come since.

    Args:
        context_id: The latest page's.
        wait: Seconds that the host may hold the answer back until there is something; never longer than the
            connection's own operation time-out.
        at_most: Events in one answer.
    """

    context_id: str
    wait: float = 10.0
    at_most: int = MAX_BATCH_ITEMS

    def __str__(self) -> str:
        return "Pull from the event log"

    def encode(self, context: RequestContext) -> bytes:
        """The request."""
        context = replace(context, operation_timeout=min(self.wait, context.operation_timeout))
        body = element(
            "n:Pull",
            element("n:EnumerationContext", text(self.context_id)),
            element("n:MaxElements", text(str(self.at_most))),
            attributes={"xmlns:n": ENUMERATION},
        )
        return build_envelope(context, f"{ENUMERATION}/Pull", EVENT_LOG, body=body)

    def decode(self, answer: bytes, context: RequestContext) -> EventPage:
        """The page. Items that are no events, such as heartbeats, are passed over."""
        response = _response(answer, context, "PullResponse")
        items = child(response, "Items")
        events = tuple(each for each in items if local_name(each) == "Event") if items is not None else ()
        following = content(child(response, "EnumerationContext")) or None
        return EventPage(events, following, child(response, "EndOfSequence") is not None)


@dataclass(frozen=True)
class Unsubscribe:
    """Give the subscription up."""

    identifier: str

    def __str__(self) -> str:
        return "Unsubscribe from the event log"

    def encode(self, context: RequestContext) -> bytes:
        """The request: the subscription is named in the header."""
        named = element("e:Identifier", text(self.identifier), attributes={"xmlns:e": EVENTING})
        body = element("e:Unsubscribe", attributes={"xmlns:e": EVENTING})
        return build_envelope(context, f"{EVENTING}/Unsubscribe", EVENT_LOG, headers=[named], body=body)

    def decode(self, answer: bytes, context: RequestContext) -> None:
        """Nothing; raises if the host did not know the subscription."""
        parse_envelope(answer, context.message_id)


def _response(answer: bytes, context: RequestContext, name: str) -> Element:
    body = parse_envelope(answer, context.message_id)
    if len(body) != 1 or local_name(body[0]) != name:
        found = ", ".join(quoted(local_name(each)) for each in body) or "nothing"
        raise RemoteProtocolError("unexpected_shape", f"the answer holds {found} instead of {name}")
    return body[0]


def _duration(seconds: float) -> str:
    return f"PT{seconds:.3f}S"
