# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""XML in and out: a parser that survives hostile bytes, and a writer whose types make unescaped text an error.

The parser is the standard library's expat, driven by hand: no document type, hence no entity beyond the five built-in
ones, nothing external, and the bounds of `limits`. SOAP 1.2 forbids document types anyway.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NewType
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ..core.text import quoted
from .errors import LocalProtocolError, RemoteProtocolError
from .limits import MAX_ANSWER_BYTES, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAME, MAX_NAMES, MAX_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

XSI = "http://www.w3.org/2001/XMLSchema-instance"

Markup = NewType("Markup", str)
"""Text that is well-formed XML content already. Only `text` and `element` make it."""

EMPTY = Markup("")

_ENCODINGS = frozenset({"utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii"})
_NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_.-]*:)?[A-Za-z_][A-Za-z0-9_.-]*")
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A raw carriage return would reach the peer as a line feed, and white space in attributes as blanks.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})
_ATTRIBUTE_ESCAPES = _ESCAPES | str.maketrans({"\t": "&#9;", "\n": "&#10;"})


_XMLNS = "http://www.w3.org/2000/xmlns/"
_XML = "http://www.w3.org/XML/1998/namespace"


class _Names:
    """Prefixed names of a document as ElementTree's `{namespace}name`, each spelt out once, however often it occurs.

    expat can do this itself, but it spells every name of a start tag out before it calls us: one long namespace and a
    hundred thousand short attributes of one tag become gigabytes, from one megabyte, before anybody can say stop.
    """

    def __init__(self) -> None:
        # One entry for each open element: what its prefixes stand for. Shared with the parent where it declares none.
        self._scopes: list[dict[str, str]] = [{"": "", "xml": _XML}]
        self._known: dict[tuple[str, str], str] = {}

    def enter(self, attributes: dict[str, str]) -> None:
        """An element starts: its declarations hold from now on."""
        declared = {name[6:]: uri for name, uri in attributes.items() if name == "xmlns" or name.startswith("xmlns:")}
        for prefix, uri in declared.items():
            if len(uri) > MAX_NAME:
                raise RemoteProtocolError("too_large", f"the answer has a namespace of more than {MAX_NAME} characters")
            if (prefix and not uri) or prefix in ("xmlns", "xml") or uri in (_XMLNS, _XML):
                raise RemoteProtocolError("not_xml", f"the answer is not XML: it declares the prefix {quoted(prefix)}")
        if len(declared) + len(self._scopes[-1]) > MAX_PREFIXES:
            raise RemoteProtocolError("too_many_items", f"the answer has more than {MAX_PREFIXES} prefixes at a time")
        self._scopes.append({**self._scopes[-1], **declared} if declared else self._scopes[-1])

    def leave(self) -> None:
        """An element ends."""
        self._scopes.pop()

    def of_element(self, name: str) -> str:
        """The name of the element that was entered last."""
        prefix, colon, local = name.rpartition(":")
        return self._spelt(prefix, local, colon)

    def of_attribute(self, name: str) -> str:
        """An attribute without a prefix is in no namespace, whatever the default is."""
        prefix, colon, local = name.rpartition(":")
        return self._spelt(prefix, local, colon) if colon else self._once("", local)

    def _spelt(self, prefix: str, local: str, colon: str) -> str:
        uri = self._scopes[-1].get(prefix)
        if uri is None or not local or ":" in prefix or (colon and not prefix):
            raise RemoteProtocolError(
                "not_xml", f"the answer is not XML: unbound prefix in {quoted(prefix + colon + local)}"
            )
        return self._once(uri, local)

    def _once(self, uri: str, local: str) -> str:
        known = self._known.get((uri, local))
        if known is None:
            if len(self._known) >= MAX_NAMES:
                raise RemoteProtocolError("too_many_items", f"the answer has more than {MAX_NAMES} different names")
            if len(uri) + len(local) > MAX_NAME:
                raise RemoteProtocolError("too_large", f"the answer has a name of more than {MAX_NAME} characters")
            known = self._known[uri, local] = f"{{{uri}}}{local}" if uri else local
        return known


class _Reader:
    """The expat handlers: build the tree, and stop at the first thing that an answer must not hold."""

    def __init__(self, max_depth: int, max_elements: int) -> None:
        self.builder = TreeBuilder()
        self.names = _Names()
        self.max_depth = max_depth
        self.max_elements = max_elements
        self.depth = 0
        self.elements = 0
        self.attributes = 0

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise RemoteProtocolError(
                "not_xml", f"the answer is in the encoding {quoted(encoding)}, not UTF-8 or UTF-16"
            )

    def doctype(self, name: str, system_id: str | None, public_id: str | None, has_internal_subset: bool) -> None:
        raise RemoteProtocolError(
            "doctype", f"the answer declares a document type ({quoted(name)}), which WS-Management forbids"
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        self.attributes += len(attributes)
        if self.depth > self.max_depth:
            raise RemoteProtocolError("too_deep", f"the answer nests more than {self.max_depth} levels of elements")
        if self.elements > self.max_elements:
            raise RemoteProtocolError("too_many_items", f"the answer holds more than {self.max_elements} elements")
        if self.attributes > MAX_ATTRIBUTES:
            raise RemoteProtocolError("too_many_items", f"the answer holds more than {MAX_ATTRIBUTES} attributes")
        self.names.enter(attributes)
        plain = [name for name in attributes if name != "xmlns" and not name.startswith("xmlns:")]
        kept = {self.names.of_attribute(name): attributes[name] for name in plain}
        # Two prefixes of one namespace: expat, which sees prefixes only, cannot notice it.
        if len(kept) < len(plain):
            raise RemoteProtocolError("not_xml", f"the answer is not XML: {quoted(tag)} has an attribute twice")
        self.builder.start(self.names.of_element(tag), kept)

    def end(self, tag: str) -> None:
        self.depth -= 1
        self.builder.end(self.names.of_element(tag))
        self.names.leave()


_SLICE = 64 * 1024


def parse(
    data: bytes, *, max_bytes: int = MAX_ANSWER_BYTES, max_depth: int = MAX_DEPTH, max_elements: int = MAX_ELEMENTS
) -> Element:
    """Parse one document of UTF-8 or UTF-16. Raises RemoteProtocolError, and nothing else, whatever the bytes are.

    Time and memory are bounded: see `limits`.
    """
    if len(data) > max_bytes:
        raise RemoteProtocolError("too_large", f"the answer has {len(data)} bytes, more than the {max_bytes} accepted")
    reader = _Reader(max_depth, max_elements)
    parser = expat.ParserCreate()
    # Else a text calls us once for each of its lines and entities.
    parser.buffer_text = True
    parser.XmlDeclHandler = reader.declaration
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.builder.data
    try:
        # After an error of ours expat goes on to the end of what it was given: so it is given little at a time.
        for at in range(0, len(data), _SLICE):
            parser.Parse(data[at : at + _SLICE], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "malformed")
        raise RemoteProtocolError("not_xml", f"the answer is not XML: {reason} (line {error.lineno})") from error
    return reader.builder.close()


def local_name(element: Element) -> str:
    """The name of `element` without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """The namespace URI of `element`, "" when it has none."""
    return element.tag[1:].rpartition("}")[0] if element.tag.startswith("{") else ""


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of `element`, none for None, whose local name is `name`, in whatever namespace."""
    return (each for each in (() if element is None else element) if local_name(each) == name)


def child(element: Element | None, name: str) -> Element | None:
    """The first child with that local name, or None (also for an `element` of None, so that steps can be chained)."""
    return next(children(element, name), None)


def content(element: Element | None) -> str:
    """The text directly inside `element`, stripped; "" when there is none."""
    return "" if element is None else (element.text or "").strip()


def attribute(element: Element, name: str) -> str | None:
    """The first attribute with that local name, in whatever namespace: a Microsoft client binds `xsi` wrongly."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def is_nil(element: Element) -> bool:
    """Whether `xsi:nil` says that `element` stands for NULL."""
    return (attribute(element, "nil") or "").strip().lower() in ("true", "1")


def text(value: str) -> Markup:
    """Escape character data. Raises LocalProtocolError for a character that XML cannot carry, such as NUL."""
    return Markup(_legal(value).translate(_ESCAPES))


def element(name: str, *inner: Markup, attributes: Mapping[str, str] | None = None) -> Markup:
    """One element. `name` may have a prefix; the caller declares it through an `xmlns:` attribute somewhere outside."""
    if not _NAME.fullmatch(name):
        raise LocalProtocolError(f"{name!r} cannot be the name of an XML element")
    pairs = "".join(
        f' {key}="{_legal(value).translate(_ATTRIBUTE_ESCAPES)}"' for key, value in (attributes or {}).items()
    )
    body = "".join(inner)
    return Markup(f"<{name}{pairs}>{body}</{name}>" if body else f"<{name}{pairs}/>")


def _legal(value: str) -> str:
    found = _ILLEGAL.search(value)
    if found:
        raise LocalProtocolError(f"the character U+{ord(found.group()):04X} cannot be sent in XML")
    return value
