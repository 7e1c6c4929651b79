"""The SMB client's and server's configuration: what the driver runs with, and the CIM classes that show and set it.

Order of the driver (published decompilation of mrxsmb.sys): policy value, else Parameters value, else the licence
default of the edition; a failed licence query allows guest and does not require signing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import smb_properties as table
from .cim import CimClass, Instance, Method, Property, Provider
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .quirks import Quirks
    from .registry import Registry

NAMESPACE = "root/Microsoft/Windows/SMB"


@dataclass(frozen=True)
class Side:
    """What differs between the client and the server."""

    cim_class: str
    properties: tuple[table.SmbProperty, ...]
    parameters_key: str
    policy_key: str


CLIENT = Side("MSFT_SmbClientConfiguration", table.CLIENT_PROPERTIES, table.CLIENT_PARAMETERS, table.CLIENT_POLICY)
SERVER = Side("MSFT_SmbServerConfiguration", table.SERVER_PROPERTIES, table.SERVER_PARAMETERS, table.SERVER_POLICY)


def present_properties(side: Side, build: int, quirks: Quirks) -> tuple[table.SmbProperty, ...]:
    """The properties of ``side`` on ``build``, with what the quirks add or take away."""
    names = {item.name for item in table.properties_of(side.properties, build)} | set(quirks.with_properties)
    names -= set(quirks.without_properties)
    return tuple(item for item in side.properties if item.name in names)


class SmbConfiguration:
    """One side's configuration on one host; ``running`` is what the driver works with at the moment."""

    def __init__(
        self,
        side: Side,
        properties: Sequence[table.SmbProperty],
        registry: Registry,
        licence_defaults: Mapping[str, bool | None],
    ) -> None:
        """``licence_defaults``: property name -> licence value; None means that the query fails."""
        self.side = side
        self.properties = tuple(properties)
        self._registry = registry
        self._licence = {
            # Driver: a failed query allows guest and does not require signing.
            name: (name == "EnableInsecureGuestLogons") if value is None else value
            for name, value in licence_defaults.items()
        }
        self.unbacked: dict[str, Any] = {}
        self.running: dict[str, Any] = {}
        self.refresh()

    def _read(self, key: str, name: str, type_: str) -> Any:
        value = self._registry.get(key, name)
        if value is None:
            return None
        if type_ == "string":
            return ",".join(value.data) if value.type == "REG_MULTI_SZ" else str(value.data)
        # The driver takes no notice of a value of another type.
        if value.type != "REG_DWORD":
            return None
        return bool(value.data) if type_ == "boolean" else int(value.data)

    def policy_value(self, item: table.SmbProperty) -> Any:
        return None if item.policy_value is None else self._read(self.side.policy_key, item.policy_value, item.type)

    def without_policy(self, item: table.SmbProperty) -> Any:
        """What the driver would use if no policy existed."""
        if item.parameters_value is not None:
            value = self._read(self.side.parameters_key, item.parameters_value, item.type)
            if value is not None:
                return value
        elif item.name in self.unbacked:
            return self.unbacked[item.name]
        return self._licence.get(item.name, item.default)

    def effective(self, item: table.SmbProperty) -> Any:
        policy = self.policy_value(item)
        return self.without_policy(item) if policy is None else policy

    def refresh(self) -> None:
        """The driver reads its configuration again."""
        self.running = {item.name: self.effective(item) for item in self.properties}

    def write(self, item: table.SmbProperty, value: Any) -> None:
        """Store one value where SetConfiguration stores it; None removes it."""
        name = item.parameters_value
        if name is None:
            self.unbacked[item.name] = value
            if value is None:
                del self.unbacked[item.name]
        elif value is None:
            self._registry.delete_value(self.side.parameters_key, name)
        elif item.type == "string":
            self._registry.set(
                self.side.parameters_key, name, "REG_MULTI_SZ", [part for part in value.split(",") if part]
            )
        else:
            self._registry.set(self.side.parameters_key, name, "REG_DWORD", int(value))


class SmbConfigurationProvider(Provider):
    """The CIM class over one SmbConfiguration."""

    def __init__(self, configuration: SmbConfiguration, quirks: Quirks, build: int) -> None:
        self._configuration = configuration
        self._quirks = quirks
        properties = tuple(Property(item.name, item.type) for item in configuration.properties)
        output = (Property("Output", "instance"),)
        methods = [Method("GetConfiguration", (), output), Method("SetConfiguration", properties)]
        self._resettable = [item for item in configuration.properties if item.name not in table.NOT_RESETTABLE]
        if build >= table.FIRST_RESET_BUILD:
            flags = ("All", "CompressibilitySampling", *(item.name for item in self._resettable))
            methods.append(Method("ResetConfiguration", tuple(Property(name, "boolean") for name in flags), output))
        self.cim_class = CimClass(NAMESPACE, configuration.side.cim_class, properties, tuple(methods))

    def _instance(self) -> Instance:
        configuration = self._configuration
        if self._quirks.running_ignores_policy:
            values = {item.name: configuration.without_policy(item) for item in configuration.properties}
        else:
            values = dict(configuration.running)
        return Instance(self.cim_class, values)

    def instances(self) -> list[Instance]:
        return [self._instance()] if self._quirks.configuration_enumeration else []

    def invoke(self, method: Method, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if method.name == "GetConfiguration":
            return {"Output": self._instance(), "ReturnValue": 0}
        if method.name == "SetConfiguration":
            return self._set(arguments)
        wanted = [item for item in self._resettable if arguments.get("All") or arguments.get(item.name)]
        for item in wanted:
            self._configuration.write(item, None)
        self._configuration.refresh()
        return {"Output": self._instance(), "ReturnValue": 0}

    def _set(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        configuration = self._configuration
        wanted = {
            item: arguments[item.name] for item in configuration.properties if arguments.get(item.name) is not None
        }
        if self._quirks.set_refused_by_policy:
            for item in wanted:
                if configuration.policy_value(item) is not None:
                    raise WsmanFault("access_denied", detail=item.name)
        for item, value in wanted.items():
            configuration.write(item, value)
        configuration.refresh()
        return {"ReturnValue": 0}
