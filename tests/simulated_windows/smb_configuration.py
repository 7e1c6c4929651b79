"""The SMB client's and server's configuration: what the driver runs with, and the CIM classes that show and set it.

Order of the driver (published decompilation of mrxsmb.sys): policy value, else Parameters value, else the licence
default of the edition; a failed licence query allows guest and does not require signing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import smb_properties as table
from .cim import CimClass, Instance, Method, Property, Provider
from .prompts import PromptAnswer
from .wsman_faults import FaultKind, WsmanFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
    service: str
    not_started: int


CLIENT = Side(
    "MSFT_SmbClientConfiguration",
    table.CLIENT_PROPERTIES,
    table.CLIENT_PARAMETERS,
    table.CLIENT_POLICY,
    "LanmanWorkstation",
    2138,
)
SERVER = Side(
    "MSFT_SmbServerConfiguration",
    table.SERVER_PROPERTIES,
    table.SERVER_PARAMETERS,
    table.SERVER_POLICY,
    "LanmanServer",
    2114,
)


def present_properties(side: Side, build: int, quirks: Quirks) -> tuple[table.SmbProperty, ...]:
    """The properties of ``side`` on ``build``, with what the quirks add or take away."""
    names = {item.name for item in table.properties_of(side.properties, build)} | set(quirks.with_properties)
    names -= set(quirks.without_properties)
    return tuple(item for item in side.properties if item.name in names)


class SmbConfiguration:
    """One side's configuration on one host; ``running`` is what the driver works with at the moment.

    The driver works with what it has read: ``seen`` holds that, by property, of the policy key and of Parameters.
    """

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
        self.seen: dict[str, dict[str, Any]] = {"policy": {}, "parameters": {}}
        self.running: dict[str, Any] = {}
        self.refresh()

    def _read(self, key: str, name: str, type_: str) -> Any:
        value = self._registry.get(key, name)
        if value is None or value.data is None:
            return None
        if type_ == "string":
            return ",".join(value.data) if value.type == "REG_MULTI_SZ" else str(value.data)
        # The driver takes no notice of a value of another type.
        if value.type != "REG_DWORD":
            return None
        return bool(value.data) if type_ == "boolean" else int(value.data)

    def policy_value(self, item: table.SmbProperty) -> Any:
        """What the policy key holds now, whether the driver has read it or not."""
        return None if item.policy_value is None else self._read(self.side.policy_key, item.policy_value, item.type)

    def default(self, item: table.SmbProperty) -> Any:
        """The licence value of the edition, or what the driver takes."""
        return self._licence.get(item.name, item.default)

    def without_policy(self, item: table.SmbProperty) -> Any:
        """What the driver would use if no policy existed and it read its key now."""
        if item.parameters_value is not None:
            value = self._read(self.side.parameters_key, item.parameters_value, item.type)
            if value is not None:
                return value
        elif item.name in self.unbacked:
            return self.unbacked[item.name]
        return self.default(item)

    def refresh(self, *, policy: bool = True) -> None:
        """The driver reads its configuration again; without ``policy`` it leaves the policy key out."""
        if policy:
            self.seen["policy"] = {item.name: self.policy_value(item) for item in self.properties}
        self.take(self.properties)

    def take(self, properties: Iterable[table.SmbProperty]) -> None:
        """The driver takes the values of some properties below policy, and nothing else."""
        for item in properties:
            self.seen["parameters"][item.name] = self.without_policy(item)
            policy = self.seen["policy"].get(item.name)
            self.running[item.name] = self.seen["parameters"][item.name] if policy is None else policy

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


# What a class says whose service does not run: the text that reports of a disabled LanmanServer show, or the codes
# NERR_WkstaNotStarted and NERR_ServerNotStarted.
_STOPPED = FaultKind(0x800700CE, "w:InternalError", "The filename or extension is too long. ", "wmi_error", False)


class SmbConfigurationProvider(Provider):
    """The CIM class over one SmbConfiguration. ``is_running`` says whether the side's service runs."""

    def __init__(
        self, configuration: SmbConfiguration, quirks: Quirks, build: int, is_running: Callable[[str], bool]
    ) -> None:
        self._configuration = configuration
        self._quirks = quirks
        self._is_running = is_running
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
        if self._quirks.dialects_by_name:
            names = {0: "None", 514: "SMB202", 528: "SMB210", 768: "SMB300", 770: "SMB302", 785: "SMB311"}
            values |= {name: names[values[name]] for name in ("Smb2DialectMin", "Smb2DialectMax") if name in values}
        return Instance(self.cim_class, values)

    def _stopped(self) -> int | None:
        """The code that methods answer because the service does not run; None if they work."""
        side = self._configuration.side
        if self._quirks.stopped_service == "works" or self._is_running(side.service):
            return None
        if self._quirks.stopped_service == "fault":
            raise WsmanFault(_STOPPED)
        return side.not_started

    def instances(self) -> list[Instance]:
        if self._stopped() is not None or not self._quirks.configuration_enumeration:
            return []
        return [self._instance()]

    def invoke(self, method: Method, arguments: Mapping[str, Any], prompt: PromptAnswer) -> dict[str, Any]:
        stopped = self._stopped()
        if stopped is not None:
            return {"Output": None, "ReturnValue": stopped} if method.outputs else {"ReturnValue": stopped}
        if method.name == "GetConfiguration":
            return {"Output": self._instance(), "ReturnValue": 0}
        if method.name == "SetConfiguration":
            return self._set(arguments, prompt)
        for item in self._resettable:
            if arguments.get("All") or arguments.get(item.name):
                self._configuration.write(item, None)
        self._taken(self._resettable)
        return {"Output": self._instance(), "ReturnValue": 0}

    def _taken(self, changed: Iterable[table.SmbProperty]) -> None:
        """What the driver learns from a write of the provider."""
        if self._quirks.set_rereads_registry:
            self._configuration.refresh(policy=not self._quirks.policy_read_at_start_only)
        else:
            self._configuration.take(changed)

    def _set(self, arguments: Mapping[str, Any], prompt: PromptAnswer) -> dict[str, Any]:
        configuration, quirks = self._configuration, self._quirks
        wanted = {
            item: arguments[item.name] for item in configuration.properties if arguments.get(item.name) is not None
        }
        if quirks.set_needs_prompt_options and prompt is not PromptAnswer.YES:
            if prompt is PromptAnswer.WAITS:
                raise WsmanFault("timed_out")
            return {"ReturnValue": 0}
        refused = [item for item in wanted if configuration.policy_value(item) is not None]
        if not quirks.set_refused_by_policy:
            refused = []
        stored = []
        for item, value in wanted.items():
            if refused and (item in refused or not quirks.set_refusal_is_partial):
                break
            is_default = quirks.set_stores_no_default and value == configuration.default(item)
            configuration.write(item, None if is_default else value)
            stored.append(item)
        if stored or not refused:
            self._taken(stored)
        if refused:
            raise WsmanFault("access_denied", detail=refused[0].name)
        return {"ReturnValue": 0}
