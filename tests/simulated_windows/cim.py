"""CIM as data: classes with their properties and methods, instances, and the base of every provider."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .prompts import PromptAnswer


@dataclass(frozen=True)
class Property:
    """A property or a method parameter. ``type`` is a CIM type name, or ``instance`` for an embedded instance, or
    ``reference``."""

    name: str
    type: str = "string"
    array: bool = False
    key: bool = False


@dataclass(frozen=True)
class Method:
    """A method; ``outputs`` leaves out ReturnValue, which every method has."""

    name: str
    inputs: tuple[Property, ...] = ()
    outputs: tuple[Property, ...] = ()
    static: bool = True


@dataclass(frozen=True)
class CimClass:
    namespace: str
    name: str
    properties: tuple[Property, ...] = ()
    methods: tuple[Method, ...] = ()

    @property
    def keys(self) -> tuple[Property, ...]:
        return tuple(item for item in self.properties if item.key)

    def method(self, name: str) -> Method:
        """The method of exactly this spelling; WsmanFault if there is none."""
        for item in self.methods:
            if item.name == name:
                return item
        raise WsmanFault("method_not_found", detail=f"{self.name}.{name}")


@dataclass
class Instance:
    """An instance; a property that ``values`` does not name is NULL."""

    cim_class: CimClass
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """A reference to the instance of ``cim_class`` with these keys."""

    cim_class: CimClass
    keys: Mapping[str, Any]


class Provider:
    """Base of the classes behind the wire. Values in and out are Python values in the types of ``cim_class``."""

    cim_class: CimClass

    def instances(self) -> list[Instance]:
        raise WsmanFault("not_supported", detail=self.cim_class.name)

    def get(self, keys: Mapping[str, str]) -> Instance:
        """The one instance that the selectors name; all selectors must be key properties."""
        by_name = {item.name.lower(): item.name for item in self.cim_class.keys}
        if any(name.lower() not in by_name for name in keys):
            raise WsmanFault("unexpected_selectors")
        for instance in self.instances():
            if all(
                str(instance.values.get(by_name[name.lower()], "")).lower() == value.lower()
                for name, value in keys.items()
            ):
                return instance
        raise WsmanFault("instance_not_found")

    def invoke(self, method: Method, arguments: Mapping[str, Any], prompt: PromptAnswer) -> dict[str, Any]:
        """Run a method; the answer holds ReturnValue and the out parameters. ``prompt`` answers its questions."""
        raise WsmanFault("not_supported", detail=f"{self.cim_class.name}.{method.name} {sorted(arguments)} {prompt}")

    def invoke_on(self, keys: Mapping[str, str], method: Method) -> dict[str, Any]:
        """Run a method of the one instance that the selectors name."""
        raise WsmanFault("not_supported", detail=f"{self.cim_class.name}.{method.name} {sorted(keys)}")

    def delete(self, keys: Mapping[str, str]) -> None:
        raise WsmanFault("not_supported", detail=f"{self.cim_class.name} {sorted(keys)}")
