# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elements to property values and back, guided by the schema: arrays, NULL, octets, dates, embedded instances.

Peers wrap the same value differently, so reading goes by local names (in any letter case, spelt as the schema spells
them), never by prefixes, counts or `xsi:type`; a property that the schema does not know is passed over, as it comes
from a newer Windows. Writing follows what Microsoft's MI client sends.
"""

from __future__ import annotations

import binascii
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from . import scalars
from .cim import CimClass, CimInstance, CimType, CimValue, Field
from .errors import LocalProtocolError, RemoteProtocolError, shorten
from .xml import Markup, attribute, content, element, is_nil, local_name, text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

COMMON = "http://schemas.dmtf.org/wbem/wscim/1/common"


def encode_fields(
    fields: Mapping[str, Field], values: Mapping[str, CimValue], *, what: str, prefix: str = "p"
) -> list[Markup]:
    """Write `values` as elements in the order of `fields`; names without a value are left out.

    `what` names the method or class in errors. Raises LocalProtocolError for a name that `fields` does not have and
    for a value that does not fit.
    """
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise LocalProtocolError(f"{what} has no {', '.join(unknown)}")
    written: list[Markup] = []
    for name, field in fields.items():
        if name in values:
            try:
                written += _encode_field(name, field, values[name], prefix)
            except LocalProtocolError as error:
                raise LocalProtocolError(f"{what}: {name}: {error}") from error
    return written


def _encode_field(name: str, field: Field, value: CimValue, prefix: str) -> list[Markup]:
    tag = f"{prefix}:{name}"
    nil = element(tag, attributes={"xsi:nil": "true"})
    if value is None:
        return [nil]
    if field.type is CimType.OCTETS:
        if not isinstance(value, bytes):
            raise LocalProtocolError(f"a Python {type(value).__name__} is not bytes")
        return [element(tag, text(str(octet))) for octet in value] or [nil]
    if not field.array:
        return [_encode_one(tag, field.type, value, prefix)]
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise LocalProtocolError(f"a Python {type(value).__name__} is not a list")
    # An empty array has no element that could carry it; NULL is the nearest that the wire can say.
    return [_encode_one(tag, field.type, item, prefix) for item in value] or [nil]


def _encode_one(tag: str, kind: CimType | CimClass, value: CimValue, prefix: str) -> Markup:
    if isinstance(kind, CimClass):
        return _encode_instance(tag, kind, value, prefix)
    written = text(scalars.encode(kind, value))
    if kind is CimType.DATETIME:
        form = "cim:Datetime" if not written.startswith("P") else "cim:Interval"
        written = element(form, written, attributes={"xmlns:cim": COMMON})
    return element(tag, written)


def _encode_instance(tag: str, cls: CimClass, value: CimValue, prefix: str) -> Markup:
    if not isinstance(value, CimInstance):
        raise LocalProtocolError(f"a Python {type(value).__name__} is not an instance of {cls.name}")
    inner = prefix + "i"
    return element(
        tag,
        *encode_fields(cls.properties, value.values, what=cls.name, prefix=inner),
        attributes={f"xmlns:{inner}": cls.resource_uri, "xsi:type": f"{inner}:{cls.name}_Type"},
    )


def decode_fields(fields: Mapping[str, Field], parent: Element, *, what: str) -> dict[str, CimValue]:
    """Read the children of `parent` that `fields` knows. What the peer did not send is absent, what it nulled is None.

    `what` names the method or class in errors. Raises RemoteProtocolError for a value that does not fit its type.
    """
    spelling = {name.lower(): name for name in fields}
    found: dict[str, list[Element]] = {}
    for each in parent:
        name = spelling.get(local_name(each).lower())
        if name is not None:
            found.setdefault(name, []).append(each)
    values: dict[str, CimValue] = {}
    for name, elements in found.items():
        try:
            values[name] = _decode_field(fields[name], elements)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(error.problem, f"{what}.{name}: {error}") from error
    return values


def _decode_field(field: Field, elements: Sequence[Element]) -> CimValue:
    if len(elements) == 1 and is_nil(elements[0]):
        return None
    if field.type is CimType.OCTETS:
        return _decode_octets(elements)
    if field.array:
        return [None if is_nil(each) else _decode_one(field.type, each) for each in elements]
    if len(elements) > 1:
        raise RemoteProtocolError("unexpected_shape", f"the answer holds {len(elements)} values where one belongs")
    return _decode_one(field.type, elements[0])


def _decode_octets(elements: Sequence[Element]) -> bytes:
    """Octets come as one number per element, or as one base64 element (four characters or more, so never a number)."""
    single = "".join((elements[0].text or "").split())
    if len(elements) == 1 and (len(single) > 3 or not single):
        try:
            return binascii.a2b_base64(single.encode(), strict_mode=True)
        except ValueError as error:
            raise RemoteProtocolError("bad_value", f"the answer holds {shorten(single)} as base64") from error
    numbers = (scalars.decode(CimType.UINT8, _scalar_text(each)) for each in elements)
    return bytes(number for number in numbers if isinstance(number, int))


def _decode_one(kind: CimType | CimClass, found: Element) -> CimValue:
    if isinstance(kind, CimClass):
        return decode_instance(kind, found)
    if kind is CimType.DATETIME and len(found) == 1:
        # cim:Datetime, cim:Interval, or the same in no namespace
        found = found[0]
    return scalars.decode(kind, _scalar_text(found))


def _scalar_text(found: Element) -> str:
    if len(found):
        raise RemoteProtocolError("unexpected_shape", "the answer holds elements where a plain value belongs")
    return found.text or ""


def decode_instance(cls: CimClass, found: Element, *, named_after_class: bool = False) -> CimInstance:
    """Read an instance of `cls` out of an element: a parameter or an enumeration item.

    The properties are those of the first element, level by level from `found` down, that has a child named like a
    property of `cls`: some peers put a further element, named after the class, in between. `class_name` comes from
    `xsi:type`, else from that further element, else from `found` itself if that is `named_after_class`.
    """
    if not len(found) and content(found):
        raise RemoteProtocolError("unexpected_shape", f"the answer holds text where an instance of {cls.name} belongs")
    known = {name.lower() for name in cls.properties}
    queue = deque([found])
    holder = found
    while queue:
        candidate = queue.popleft()
        if any(local_name(each).lower() in known for each in candidate):
            holder = candidate
            break
        queue.extend(candidate)
    class_name = _declared_class(holder) or _declared_class(found)
    if class_name is None and (named_after_class or holder is not found) and local_name(holder) != "XmlFragment":
        class_name = local_name(holder)
    return CimInstance(class_name, decode_fields(cls.properties, holder, what=cls.name))


def _declared_class(found: Element) -> str | None:
    """The class in `xsi:type="p:Class_Type"`."""
    declared = (attribute(found, "type") or "").strip().rpartition(":")[2]
    return declared.removesuffix("_Type") or None
