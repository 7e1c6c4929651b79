"""Open enumerations of one host: splitting instances into the pages that Windows would send."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from . import namespaces as ns
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from .soap import Request

MAX_OPEN = 200


@dataclass
class Page:
    items: list[str]
    context: str
    last: bool


class Enumerations:
    """Contexts and the items still to send; a context is good for one Pull, which hands out the next one."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {}

    def page(self, items: list[str], max_elements: int, max_envelope_size: int) -> Page:
        """The first page of ``items``; the rest is kept under a new context.

        Captured pages fill about half of MaxEnvelopeSize, probably because the service counts UTF-16.
        """
        size, count = 0, 0
        for item in items[: max(1, max_elements)]:
            size += 2 * len(item.encode())
            if count and size > max_envelope_size:
                break
            count += 1
        return self._keep(items[:count], items[count:])

    def first_page(self, items: list[str], style: str, max_elements: int, max_envelope_size: int) -> Page:
        """The page of an EnumerateResponse: ``full``, ``one_item`` as older hosts send it, or ``none``."""
        if style == "none":
            return self._keep([], items)
        if style == "one_item":
            return self._keep(items[:1], items[1:])
        return self.page(items, max_elements, max_envelope_size)

    def _keep(self, now: list[str], later: list[str]) -> Page:
        if not later and now:
            return Page(now, "", True)
        if not later:
            return Page([], "", True)
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        context = f"uuid:{str(uuid.uuid4()).upper()}"
        self._open[context] = later
        return Page(now, context, False)

    def take(self, context: str) -> list[str]:
        """The items behind ``context``, which is used up."""
        items = self._open.pop(context, None)
        if items is None:
            raise WsmanFault("invalid_context")
        return items


def context_of(request: Request) -> str:
    """The EnumerationContext in a Pull or Release."""
    body = request.body
    return "" if body is None else (body.findtext(f"{{{ns.ENUMERATION}}}EnumerationContext") or "").strip()


def max_elements(request: Request, namespace: str) -> int:
    """MaxElements (in ``namespace``: w in Enumerate, n in Pull); absent means 1."""
    text = "" if request.body is None else request.body.findtext(f"{{{namespace}}}MaxElements") or ""
    if not text.strip():
        return 1
    if not text.strip().isdigit():
        raise WsmanFault("schema_error", detail="MaxElements")
    return int(text)


def render_page(page: Page, response: str, prefix: str) -> str:
    """The body of an EnumerateResponse (``prefix`` w) or PullResponse (``prefix`` n).

    The last PullResponse has no EnumerationContext at all; a one-page EnumerateResponse has an empty one.
    """
    context = f"<n:EnumerationContext>{escape(page.context)}</n:EnumerationContext>"
    if page.last and prefix == "n":
        context = ""
    items = f"<{prefix}:Items>{''.join(page.items)}</{prefix}:Items>" if page.items or page.last else ""
    end = f"<{prefix}:EndOfSequence/>" if page.last else ""
    return f"<n:{response}>{context}{items}{end}</n:{response}>"
