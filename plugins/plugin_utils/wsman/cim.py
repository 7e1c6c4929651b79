# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CIM values look like to Python: types, fields, methods, classes and instances.

A schema is data. A class whose method hands out an instance of the class itself (as GetConfiguration does) is built
in two steps: the properties first, then the class with its methods, which names the first one as the out-parameter's
type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeAlias

from .errors import LocalProtocolError

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
"""Resource URIs of WMI classes start so (Microsoft Learn, WinRM "Resource URIs")."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMESPACE = re.compile(r"[A-Za-z0-9_]+(?:/[A-Za-z0-9_]+)*")


class CimType(Enum):
    """The scalar CIM types in use. OCTETS is `uint8[]` that is read and written as one `bytes` value."""

    BOOLEAN = "boolean"
    UINT8 = "uint8"
    SINT8 = "sint8"
    UINT16 = "uint16"
    SINT16 = "sint16"
    UINT32 = "uint32"
    SINT32 = "sint32"
    UINT64 = "uint64"
    SINT64 = "sint64"
    STRING = "string"
    DATETIME = "datetime"
    OCTETS = "octets"


INTEGER_RANGES: Mapping[CimType, tuple[int, int]] = {
    kind: (0, 2**bits - 1) if kind.value.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for bits in (8, 16, 32, 64)
    for kind in (CimType(f"uint{bits}"), CimType(f"sint{bits}"))
}
"""Smallest and largest value of every integer type."""


@dataclass(frozen=True)
class CimInstance:
    """An instance as the peer sent it.

    A property that the peer did not send is absent from `values` (this build of Windows does not have it); one that
    it sent as NULL is there with the value None.
    """

    values: Mapping[str, CimValue]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> CimValue:
        return self.values[name]

    def get(self, name: str, default: CimValue = None) -> CimValue:
        """The value of a property, `default` if it is absent (not if it is NULL)."""
        return self.values.get(name, default)


CimValue: TypeAlias = bool | int | str | bytes | datetime | timedelta | CimInstance | Sequence["CimValue"] | None
"""A value of any CIM type. Decoding makes a `list` of every array. A `timedelta` is a CIM interval; a `datetime` is
aware when the peer gave an offset (Windows does) and naive when it did not."""


@dataclass(frozen=True)
class Field:
    """The type of a property or a parameter: a scalar type, or a class for an embedded instance; maybe an array."""

    type: CimType | CimClass
    array: bool = False

    def __post_init__(self) -> None:
        if self.array and self.type is CimType.OCTETS:
            raise LocalProtocolError("OCTETS is an array already")


@dataclass(frozen=True)
class Method:
    """In- and out-parameters in the order of the MOF. ReturnValue is understood and not listed."""

    inputs: Mapping[str, Field] = field(default_factory=dict)
    outputs: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CimClass:
    """A class in a namespace such as `root/cimv2`: the properties and methods that we know of it."""

    namespace: str
    name: str
    properties: Mapping[str, Field]
    methods: Mapping[str, Method] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAMESPACE.fullmatch(self.namespace):
            raise LocalProtocolError(f"{self.namespace!r} is not a CIM namespace such as root/cimv2")
        names = [self.name, *self.properties, *self.methods]
        names += [name for method in self.methods.values() for name in (*method.inputs, *method.outputs)]
        wrong = next((name for name in names if not _NAME.fullmatch(name)), None)
        if wrong is not None:
            raise LocalProtocolError(f"{wrong!r} is not a CIM name")

    @property
    def resource_uri(self) -> str:
        """The resource URI of the class in Microsoft's `wmi/` form."""
        return f"{WMI}{self.namespace}/{self.name}"

    @property
    def query_uri(self) -> str:
        """The resource URI for WQL queries in the class's namespace."""
        return f"{WMI}{self.namespace}/*"
