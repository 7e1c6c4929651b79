"""Class schemas as CIM-XML: what a host says about its classes (MS-WSMV 3.1.4.2, DSP0227 section 15).

The elements CLASS, METHOD, PARAMETER and PARAMETER.ARRAY without a namespace are as one capture shows them; how an
embedded instance and the qualifiers look was not seen and follows the CIM-XML specification.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from xml.sax.saxutils import quoteattr

from .cim import CimClass, Method, Property

RESOURCE = "http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/"


def _qualifier(name: str, type_: str, value: str) -> str:
    return f"<QUALIFIER NAME={quoteattr(name)} TYPE={quoteattr(type_)}><VALUE>{value}</VALUE></QUALIFIER>"


def _element(kind: str, item: Property, qualifiers: Iterable[str]) -> str:
    tag = f"{kind}.ARRAY" if item.array else kind
    type_ = {"instance": "string", "reference": "string"}.get(item.type, item.type)
    embedded = ' EmbeddedObject="instance"' if item.type == "instance" else ""
    return f"<{tag} NAME={quoteattr(item.name)} TYPE={quoteattr(type_)}{embedded}>{''.join(qualifiers)}</{tag}>"


def _method(method: Method, with_qualifiers: bool) -> str:
    parameters = [("In", item) for item in method.inputs] + [("Out", item) for item in method.outputs]
    static = _qualifier("static", "boolean", "TRUE") if with_qualifiers and method.static else ""
    members = "".join(
        _element("PARAMETER", item, [_qualifier(way, "boolean", "TRUE")] if with_qualifiers else [])
        for way, item in parameters
    )
    return f'<METHOD NAME={quoteattr(method.name)} TYPE="uint32">{static}{members}</METHOD>'


def render_class(cim_class: CimClass, with_qualifiers: bool, other_types: Collection[str] = ()) -> str:
    """The CLASS element of one class; properties and parameters that ``other_types`` names are described as strings."""

    def described(items: Iterable[Property]) -> tuple[Property, ...]:
        return tuple(replace(item, type="string") if item.name in other_types else item for item in items)

    properties = "".join(
        _element("PROPERTY", item, [_qualifier("key", "boolean", "TRUE")] if with_qualifiers and item.key else [])
        for item in described(cim_class.properties)
    )
    methods = "".join(
        _method(replace(method, inputs=described(method.inputs), outputs=described(method.outputs)), with_qualifiers)
        for method in cim_class.methods
    )
    return f"<CLASS NAME={quoteattr(cim_class.name)}>{properties}{methods}</CLASS>"
