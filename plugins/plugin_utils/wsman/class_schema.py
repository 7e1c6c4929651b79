# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a host for the schema of a class: its own names and types. Read only.

Sources: MS-WSMV 3.1.4.2 and 3.1.4.8 (the resource, its selectors and options; since Windows 8 and Server 2012); the
elements without a namespace as one capture shows them (samanamonitor/pysammwr). How an embedded instance is written
was not seen: whatever is no plain CIM type passes for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cim import CimType
from .errors import RemoteProtocolError
from .operations import TRANSFER
from .soap import Option, RequestContext, build_envelope, parse_envelope
from .xml import attribute, children, content, local_name

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

RESOURCE = "http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/"
_WITH_QUALIFIERS = (Option("IncludeQualifiers", "xs:boolean", "true"),)
# A string may hold an embedded instance (qualifier EmbeddedInstance); numbers that we never read are plain as well.
_PLAIN = (frozenset(kind.value for kind in CimType) | {"real32", "real64"}) - {"octets", "string"}


@dataclass(frozen=True)
class Member:
    """A property or a parameter.

    Attributes:
        type: A word of CIM in lower case.
        qualifiers: Those that are true, in lower case; empty where the host sends none.
    """

    name: str
    type: str
    array: bool
    qualifiers: frozenset[str]

    @property
    def may_be_embedded(self) -> bool:
        return self.type not in _PLAIN

    def __str__(self) -> str:
        return f"{self.type}[]" if self.array else self.type


@dataclass(frozen=True)
class MethodSchema:
    """A method; parameters in and out in the order of the class."""

    parameters: Mapping[str, Member]
    qualifiers: frozenset[str]


@dataclass(frozen=True)
class ClassSchema:
    """A class as the host describes it, in its order."""

    name: str
    properties: Mapping[str, Member]
    methods: Mapping[str, MethodSchema]

    @property
    def has_qualifiers(self) -> bool:
        return any(
            method.qualifiers or any(each.qualifiers for each in method.parameters.values())
            for method in self.methods.values()
        )


@dataclass(frozen=True)
class GetClassSchema:
    """Ask for one class."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"the schema of {self.name}"

    def encode(self, context: RequestContext) -> bytes:
        """The request; the class is named by selectors."""
        selectors = {"__cimnamespace": self.namespace, "ClassName": self.name}
        return build_envelope(context, f"{TRANSFER}/Get", f"{RESOURCE}*", selectors=selectors, options=_WITH_QUALIFIERS)

    def decode(self, answer: bytes, context: RequestContext) -> ClassSchema:
        """The schema."""
        body = parse_envelope(answer, context.message_id)
        found = next((each for each in body.iter() if local_name(each) == "CLASS"), None)
        # The answer could be about a parent class, whose members would pass for those of the class.
        if found is None or (attribute(found, "NAME") or "").lower() != self.name.lower():
            raise RemoteProtocolError("unexpected_shape", f"the answer holds no schema of {self.name}")
        methods = {
            attribute(each, "NAME") or "": MethodSchema(_members(each, "PARAMETER"), _qualifiers(each))
            for each in children(found, "METHOD")
        }
        return ClassSchema(self.name, _members(found, "PROPERTY"), methods)


def _members(holder: Element, kind: str) -> dict[str, Member]:
    """PROPERTY, PROPERTY.ARRAY, PROPERTY.REFERENCE, PARAMETER.REFARRAY and so on (DSP0201)."""
    members = {}
    for each in holder:
        tag = local_name(each)
        # An array or a reference has an element of its own name, such as PROPERTY.ARRAY.
        if tag.partition(".")[0] == kind:
            name, type_ = attribute(each, "NAME") or "", (attribute(each, "TYPE") or "reference").lower()
            members[name] = Member(name, type_, tag.endswith("ARRAY"), _qualifiers(each))
    return members


def _qualifiers(holder: Element) -> frozenset[str]:
    qualifiers = ((attribute(each, "NAME") or "", each) for each in children(holder, "QUALIFIER"))
    return frozenset(
        name.lower() for name, each in qualifiers if not any(content(value).lower() == "false" for value in each)
    )
