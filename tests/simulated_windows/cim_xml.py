"""CIM values as XML the way Windows writes them (or the way a quirk says), and method input read from XML."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from . import namespaces as ns
from .cim import CimClass, Instance, Method, Property, Reference
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree import ElementTree as ET

    from .quirks import Quirks

_XSI_TYPES = {
    "string": "cimString",
    "boolean": "cimBoolean",
    "uint8": "cimUnsignedByte",
    "uint16": "cimUnsignedShort",
    "uint32": "cimUnsignedInt",
    "uint64": "cimUnsignedLong",
    "sint16": "cimShort",
    "sint32": "cimInt",
    "datetime": "cimDateTime",
}
_LIMITS = {
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "sint16": (-(2**15), 2**15 - 1),
    "sint32": (-(2**31), 2**31 - 1),
}
# Characters that XML 1.0 cannot carry at all.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def class_uri(cim_class: CimClass) -> str:
    """The class's resource URI in the form with the namespace in it."""
    return f"{ns.WMI_BASE}{cim_class.namespace}/{cim_class.name}"


def _reference(reference: Reference) -> str:
    """An endpoint reference: prefixes a and w are those of the envelope."""
    keys = "".join(
        f'<w:Selector Name="{name}">{escape(str(value))}</w:Selector>' for name, value in reference.keys.items()
    )
    return (
        f"<a:Address>{ns.ANONYMOUS}</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{class_uri(reference.cim_class)}</w:ResourceURI>"
        f"<w:SelectorSet>{keys}</w:SelectorSet></a:ReferenceParameters>"
    )


def _datetime_text(value: datetime) -> str:
    text = value.isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z" if value.utcoffset() == timedelta(0) else text


class CimWriter:
    """Writes typed elements, fragments and method output in the style of one host."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks

    def _scalar(self, value: Any, datetime_tag: str) -> str:
        if isinstance(value, bool):
            text = "true" if value else "false"
            return text.upper() if self._quirks.upper_case_booleans else text
        if isinstance(value, datetime):
            return f"<{datetime_tag}>{_datetime_text(value)}</{datetime_tag}>"
        return escape(_NOT_XML.sub("?", str(value)), {"\r": "&#13;"})

    def _members(self, properties: Sequence[Property], values: Mapping[str, Any], prefix: str, uri: str) -> str:
        """The elements of ``properties``; ``prefix`` is empty in a fragment, where nothing has a namespace."""
        out: list[str] = []
        for item in properties:
            tag = f"{prefix}:{item.name}" if prefix else item.name
            value = values.get(item.name)
            if value is None or value == []:
                out.append("" if self._quirks.nulls_absent else f'<{tag} xsi:nil="true"/>')
                continue
            for entry in value if isinstance(value, list) else [value]:
                if isinstance(entry, Instance):
                    out.append(self._embedded(tag, entry, prefix, uri))
                    continue
                if isinstance(entry, Reference):
                    out.append(f"<{tag}>{_reference(entry)}</{tag}>")
                    continue
                typed = (
                    f' xsi:type="cim:{_XSI_TYPES[item.type]}"' if self._quirks.xsi_type_on_scalars and prefix else ""
                )
                out.append(f"<{tag}{typed}>{self._scalar(entry, 'cim:Datetime' if prefix else 'Datetime')}</{tag}>")
        return "".join(out)

    def _embedded(self, tag: str, instance: Instance, outer_prefix: str, outer_uri: str) -> str:
        name = instance.cim_class.name
        uri = outer_uri.rpartition("/")[0] + f"/{name}"
        same = self._quirks.embedded_same_prefix and uri.lower() == outer_uri.lower()
        prefix = outer_prefix if same else f"{outer_prefix or 'p'}1"
        declaration = "" if same else f' xmlns:{prefix}="{uri}"'
        typed = "" if self._quirks.embedded_no_xsi_type else f' xsi:type="{prefix}:{name}_Type"'
        members = self._members(instance.cim_class.properties, instance.values, prefix, uri)
        if self._quirks.embedded_extra_level:
            members = f"<{prefix}:{name}>{members}</{prefix}:{name}>"
        return f"<{tag}{declaration}{typed}>{members}</{tag}>"

    def _uri(self, uri: str) -> str:
        return uri.lower() if self._quirks.lower_case_class_uri else uri

    def typed(self, instance: Instance, uri: str) -> str:
        """An instance as Get and ``SELECT *`` return it."""
        name = instance.cim_class.name
        uri = self._uri(uri)
        return (
            f'<p:{name} xmlns:xsi="{ns.XSI}" xmlns:p="{uri}" xmlns:cim="{ns.CIM_COMMON}" xsi:type="p:{name}_Type">'
            f"{self._members(instance.cim_class.properties, instance.values, 'p', uri)}</p:{name}>"
        )

    def fragment(self, instance: Instance, columns: Sequence[str]) -> str:
        """An instance as a projection returns it: no class name, no namespaces."""
        wanted = {column.lower() for column in columns}
        properties = [item for item in instance.cim_class.properties if item.name.lower() in wanted]
        return (
            f'<w:XmlFragment xmlns:xsi="{ns.XSI}" xmlns:w="{ns.WSMAN}" xmlns:m="{ns.WSMAN_MS}">'
            f"{self._members(properties, instance.values, '', '')}</w:XmlFragment>"
        )

    def method_output(self, method: Method, values: Mapping[str, Any], uri: str) -> str:
        """A method's answer; ReturnValue None leaves it out, as some Windows methods do."""
        uri = self._uri(uri)
        outputs = [item for item in method.outputs if item.name in values]
        members = self._members(outputs, values, "p", uri)
        result = ""
        if values.get("ReturnValue") is not None:
            result = self._members([Property("ReturnValue", "uint32")], values, "p", uri)
        name = method.name if self._quirks.omi_style else f"{method.name}_OUTPUT"
        content = result + members if self._quirks.omi_style else members + result
        return f'<p:{name} xmlns:xsi="{ns.XSI}" xmlns:p="{uri}" xmlns:cim="{ns.CIM_COMMON}">{content}</p:{name}>'


def _parse_scalar(item: Property, element: ET.Element) -> Any:
    text = element.text or ""
    if len(element):
        raise WsmanFault("type_mismatch", detail=item.name)
    if item.type == "string":
        return text
    lowered = text.strip().lower()
    if item.type == "boolean":
        if lowered not in ("true", "false"):
            raise WsmanFault("type_mismatch", detail=item.name)
        return lowered == "true"
    low, high = _LIMITS[item.type]
    if not re.fullmatch(r"[+-]?\d+", lowered) or not low <= int(lowered) <= high:
        raise WsmanFault("type_mismatch", detail=item.name)
    return int(lowered)


def parse_method_input(
    cim_class: CimClass, method: Method, body: ET.Element | None, in_order: bool = False
) -> dict[str, Any]:
    """The arguments in ``body``. Names are case-sensitive; unknown ones, and wrong types, are faults.

    With ``in_order`` so is any other order than that of the class.
    """
    if body is None:
        return {}
    uris = {class_uri(cim_class).lower(), f"{ns.CIM_SCHEMA}{cim_class.name}".lower()}
    uri, _brace, name = body.tag[1:].rpartition("}")
    if uri.lower() not in uris or name != f"{method.name}_INPUT":
        raise WsmanFault("schema_error", detail=body.tag)
    by_name = {item.name: item for item in method.inputs}
    arguments: dict[str, Any] = {}
    for element in body:
        uri, _brace, name = element.tag[1:].rpartition("}")
        item = by_name.get(name)
        if item is None or uri.lower() not in uris:
            raise WsmanFault("invalid_parameter", detail=f"{cim_class.name}.{method.name} {name}")
        if element.get(f"{{{ns.XSI}}}nil") == "true":
            arguments.setdefault(name, None)
        elif item.array:
            arguments[name] = [*(arguments.get(name) or []), _parse_scalar(item, element)]
        elif name in arguments:
            raise WsmanFault("schema_error", detail=f"{name} is given twice")
        else:
            arguments[name] = _parse_scalar(item, element)
    order = list(by_name)
    if in_order and list(arguments) != sorted(arguments, key=order.index):
        raise WsmanFault("schema_error", detail=f"{method.name}: {', '.join(arguments)}")
    return arguments
