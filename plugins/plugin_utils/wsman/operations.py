# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that we make of a host, each a value that writes its request and reads its answer.

Invoke a method, Delete an instance, Enumerate (with Pull and Release). `encode` gives the request's bytes,
`decode` takes the answer's; nothing here sends. Both raise WsmanError only: LocalProtocolError from `encode`,
WsmanFault and RemoteProtocolError from `decode`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..core.text import quoted
from .cim import CimClass, CimInstance, CimType, CimValue, Field, Method
from .errors import LocalProtocolError, RemoteProtocolError, WsmanError
from .soap import Option, RequestContext, build_envelope, parse_envelope
from .values import decode_fields, decode_instance, encode_fields, encode_scalar
from .xml import Markup, child, content, element, local_name, text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from xml.etree.ElementTree import Element

TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"

MAX_PAGES = 50
MAX_ITEMS = 10_000
MAX_BATCH_ITEMS = 32_000
"""What a Windows service takes as MaxElements (MaxBatchItems of its configuration)."""

ANSWER_YES = (
    Option("__MI_CallbackRegistration", "xs:int", "16"),
    Option("wmi:__MI_OPERATIONOPTIONS_PROMPTUSERMODE", "xs:unsignedInt", "2"),
    Option("wmi:__MI_OPERATIONOPTIONS_PROMPTUSERMODEREGULAR_ACKVALUE", "xs:unsignedInt", "1"),
)
"""Let the host answer a provider's "are you sure?" with yes by itself, without asking us (MS-WSMV 2.2.10, 3.1.6.8).

Names, types and values as Windows' own client was captured sending them (docs/xmldata/delete_scheduled_task.xml of
samanamonitor/pysammwr), but of its registration (27) only the bit for confirmations: we take no streams."""

Answer_co = TypeVar("Answer_co", covariant=True)


class WsmanOperation(Protocol[Answer_co]):
    """Something to send: bytes out, bytes in, a typed answer. `str` names it for people, without its arguments."""

    def encode(self, context: RequestContext) -> bytes:
        """The request's bytes."""

    def decode(self, answer: bytes, context: RequestContext) -> Answer_co:
        """The typed answer; `context` is the one that the request was encoded with."""


@dataclass(frozen=True)
class InvokeResult:
    """What a method gave back: ReturnValue (0 to 2**32-1; None if the peer sent none) and the out-parameters.

    An out-parameter that the peer did not send is absent from `outputs`, one that it sent as NULL is None.
    """

    return_value: int | None
    outputs: Mapping[str, CimValue]


@dataclass(frozen=True)
class Invoke:
    """Call a method: static (no `selectors`) or of the instance that the selectors name."""

    cls: CimClass
    method: str
    arguments: Mapping[str, CimValue] = field(default_factory=dict)
    selectors: Mapping[str, CimValue] = field(default_factory=dict)
    options: tuple[Option, ...] = ()

    def __str__(self) -> str:
        return f"{self.cls.name}.{self.method}"

    def encode(self, context: RequestContext) -> bytes:
        """The request; parameters in MOF order, those without an argument left out."""
        arguments = encode_fields(self._method.inputs, self.arguments, what=f"{self.cls.name}.{self.method}")
        uri = self.cls.resource_uri
        body = element(f"p:{self.method}_INPUT", *arguments, attributes={"xmlns:p": uri})
        selectors = _selectors(self.cls, self.selectors)
        action = f"{uri}/{self.method}"
        return build_envelope(context, action, uri, selectors=selectors, options=self.options, body=body)

    def decode(self, answer: bytes, context: RequestContext) -> InvokeResult:
        """The result. Microsoft's OMI names its element after the method alone, Windows adds `_OUTPUT`."""
        output = _only_child(parse_envelope(answer, context.message_id))
        if output is None:
            return InvokeResult(None, {})
        if local_name(output).lower() not in (f"{self.method}_OUTPUT".lower(), self.method.lower()):
            raise RemoteProtocolError(
                "unexpected_shape", f"the answer to {self.method} is {quoted(local_name(output))} instead of its output"
            )
        what = f"{self.cls.name}.{self.method}"
        outputs = decode_fields(self._method.outputs, output, what=what)
        # Providers declare it signed or unsigned. It is read wide, and brought to unsigned 32 bits below.
        returned = decode_fields({"ReturnValue": Field(CimType.SINT64)}, output, what=what).get("ReturnValue")
        if not isinstance(returned, int):
            return InvokeResult(None, outputs)
        if not -(2**31) <= returned < 2**32:
            raise RemoteProtocolError("bad_value", f"{what} returned {returned}, which is no 32-bit number")
        return InvokeResult(returned & 0xFFFFFFFF, outputs)

    @property
    def _method(self) -> Method:
        try:
            return self.cls.methods[self.method]
        except KeyError as error:
            raise LocalProtocolError(f"{self.cls.name} has no method {self.method}") from error


@dataclass(frozen=True)
class Delete:
    """Delete the instance that the selectors name."""

    cls: CimClass
    selectors: Mapping[str, CimValue]

    def __str__(self) -> str:
        return f"Delete {self.cls.name}"

    def encode(self, context: RequestContext) -> bytes:
        """The request. Without selectors it would be left to the provider what to delete: refused."""
        if not self.selectors:
            raise LocalProtocolError(f"Delete {self.cls.name} needs selectors")
        selectors = _selectors(self.cls, self.selectors)
        return build_envelope(context, f"{TRANSFER}/Delete", self.cls.resource_uri, selectors=selectors)

    def decode(self, answer: bytes, context: RequestContext) -> None:
        """Nothing; raises if the instance was not deleted."""
        parse_envelope(answer, context.message_id)


@dataclass(frozen=True)
class Page:
    """Some instances. `context` fetches the next ones; `end` says that there are none, whatever `context` is."""

    items: tuple[CimInstance, ...]
    context: str | None
    end: bool


@dataclass(frozen=True)
class Enumerate:
    """List the instances of a class, or those that a WQL query (in the class's namespace) selects.

    `max_elements` is what one answer may hold at most. The first one holds items already (OptimizeEnumeration).
    """

    cls: CimClass
    query: str | None = None
    max_elements: int = 1000

    def __post_init__(self) -> None:
        if not 1 <= self.max_elements <= MAX_BATCH_ITEMS:
            raise LocalProtocolError(f"max_elements is {self.max_elements}, not 1 to {MAX_BATCH_ITEMS}")

    @property
    def resource_uri(self) -> str:
        """Where the enumeration lives: the class, or `*` for a query."""
        return self.cls.resource_uri if self.query is None else self.cls.query_uri

    def __str__(self) -> str:
        return f"Enumerate {self.cls.name}"

    def encode(self, context: RequestContext) -> bytes:
        """The request."""
        inner = [element("w:OptimizeEnumeration"), element("w:MaxElements", text(str(self.max_elements)))]
        if self.query is not None:
            inner.append(element("w:Filter", text(self.query), attributes={"Dialect": WQL}))
        return _enumeration(self, context, "Enumerate", *inner)

    def decode(self, answer: bytes, context: RequestContext) -> Page:
        """The first page (Windows often puts a single item there, whatever `max_elements` says)."""
        return self.page(parse_envelope(answer, context.message_id), "EnumerateResponse")

    def page(self, body: Element, name: str) -> Page:
        """The page in the body's element `name`. Items and EndOfSequence are in either of two namespaces."""
        response = _only_child(body)
        if response is None or local_name(response) != name:
            raise RemoteProtocolError("unexpected_shape", f"the answer to an enumeration holds no {name}")
        items = child(response, "Items")
        instances = () if items is None else tuple(decode_instance(self.cls, item) for item in items)
        # A context may stand beside EndOfSequence: then it fetches nothing.
        next_context = content(child(response, "EnumerationContext")) or None
        end = next_context is None or child(response, "EndOfSequence") is not None
        return Page(instances, next_context, end)


@dataclass(frozen=True)
class Pull:
    """Fetch the next page. `context_id` is the one of the latest page: it changes with every answer."""

    enumerate: Enumerate
    context_id: str

    def __str__(self) -> str:
        return f"Pull {self.enumerate.cls.name}"

    def encode(self, context: RequestContext) -> bytes:
        """The request. MaxElements is in another namespace here than in Enumerate."""
        return _enumeration(
            self.enumerate,
            context,
            "Pull",
            element("n:EnumerationContext", text(self.context_id)),
            element("n:MaxElements", text(str(self.enumerate.max_elements))),
        )

    def decode(self, answer: bytes, context: RequestContext) -> Page:
        """The page."""
        return self.enumerate.page(parse_envelope(answer, context.message_id), "PullResponse")


@dataclass(frozen=True)
class Release:
    """Give up an enumeration that has not reached its end."""

    enumerate: Enumerate
    context_id: str

    def __str__(self) -> str:
        return f"Release {self.enumerate.cls.name}"

    def encode(self, context: RequestContext) -> bytes:
        """The request."""
        return _enumeration(self.enumerate, context, "Release", element("n:EnumerationContext", text(self.context_id)))

    def decode(self, answer: bytes, context: RequestContext) -> None:
        """Nothing."""
        parse_envelope(answer, context.message_id)


Step = Enumerate | Pull | Release


def walk(
    enumeration: Enumerate, max_pages: int = MAX_PAGES, max_items: int = MAX_ITEMS
) -> Generator[Step, Page | None, list[CimInstance]]:
    """Enumerate to the end: yields what to send, is sent the answer (Page or None), returns all instances.

    Raises RemoteProtocolError (`too_many_pages`, `too_many_items`) when a cap is passed. Whenever a WsmanError, its
    own or one thrown in, ends it early, it asks for a Release first.
    """
    items: list[CimInstance] = []
    step: Enumerate | Pull = enumeration
    open_context: str | None = None
    try:
        for _unused in range(max_pages):
            page = yield step
            if page is None:
                raise LocalProtocolError(f"walk was not sent the page of its {type(step).__name__}")
            items += page.items
            # The host forgets an enumeration that has ended: a Release of it would be a fault.
            open_context = None if page.end else page.context
            # A host may send pages for ever, each within every bound of one answer.
            if len(items) > max_items:
                raise RemoteProtocolError(
                    "too_many_items", f"{enumeration.cls.name} has more than {max_items} instances"
                )
            if open_context is None:
                return items
            step = Pull(enumeration, open_context)
        raise RemoteProtocolError("too_many_pages", f"{enumeration.cls.name} did not end after {max_pages} pages")
    except WsmanError:
        if open_context is not None:
            yield Release(enumeration, open_context)
        raise


Result = TypeVar("Result")


def drive(walker: Generator[Step, Page | None, Result], send: Callable[[WsmanOperation[Any]], Any]) -> Result:
    """Run a generator such as `walk(...)` with a function that sends one operation and gives its typed answer.

    What `send` raises comes out again, after a Release where one is due; how the Release fares concerns nobody.
    """
    try:
        step = next(walker)
        while True:
            # Clean-up on a host that has just failed: its error would hide the first one.
            if isinstance(step, Release):
                with suppress(Exception):
                    send(step)
                step = walker.send(None)
                continue
            try:
                page = send(step)
            except WsmanError as error:
                step = walker.throw(error)
            else:
                step = walker.send(page)
    except StopIteration as stop:
        result: Result = stop.value
        return result


def wql_string(value: str) -> str:
    """A WQL string literal, quotes included: backslashes and quotes in it are escaped by a backslash."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _enumeration(enumeration: Enumerate, context: RequestContext, verb: str, *inner: Markup) -> bytes:
    body = element(f"n:{verb}", *inner, attributes={"xmlns:n": ENUMERATION})
    return build_envelope(context, f"{ENUMERATION}/{verb}", enumeration.resource_uri, body=body)


def _selectors(cls: CimClass, selectors: Mapping[str, CimValue]) -> dict[str, str]:
    written: dict[str, str] = {}
    for name, value in selectors.items():
        key = cls.properties.get(name)
        # A key has one text. A wrong selector could name another instance, so it is refused here.
        if key is None or key.array or isinstance(key.type, CimClass) or key.type is CimType.OCTETS:
            raise LocalProtocolError(f"{cls.name} has no key property {name}")
        written[name] = encode_scalar(key.type, value)
    return written


def _only_child(body: Element) -> Element | None:
    if len(body) > 1:
        raise RemoteProtocolError("unexpected_shape", f"the answer's body holds {len(body)} elements instead of one")
    return body[0] if len(body) else None
