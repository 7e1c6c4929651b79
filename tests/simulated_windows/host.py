"""One simulated Windows host: preset and fleet file in, registry, SMB client and server, events and tasks inside.

Knows nothing of HTTP or XML. ``state()`` shows everything that a change could touch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from . import smb_properties as table
from . import win32_classes as win32
from .commands import Interpreter
from .event_log import EventLog
from .guest_logon import CONNECTION_CLASS, connect
from .powershell import PowerShell
from .presets import PRESETS
from .registry import Registry
from .registry_provider import StdRegProv
from .scheduled_tasks import TaskScheduler
from .smb_configuration import (
    CLIENT,
    NAMESPACE,
    SERVER,
    SmbConfiguration,
    SmbConfigurationProvider,
    present_properties,
)
from .task_provider import PsScheduledTaskProvider, ScheduledTaskProvider
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from .cim import Provider
    from .host_spec import HostSpec, User

CURRENT_VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
SYSTEM_POLICIES = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
_INSTALLED = datetime(2024, 1, 15, 9, 30, tzinfo=UTC)
_BOOTED = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)


class SimulatedHost:
    """The host behind the wire. ``reset`` puts it back to what its spec says.

    ``clock`` gives the time (aware, UTC) from which the host's own clock starts; tests that must not depend on
    the time of day give one that stands still. ``tasks_run_by_themselves`` False leaves due tasks to whoever calls the
    scheduler.
    """

    def __init__(self, spec: HostSpec, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock or (lambda: datetime.now(UTC))
        self.tasks_run_by_themselves = True
        self.spec = spec
        self.preset = PRESETS[spec.preset]
        self.quirks = spec.quirks
        self.reset()

    def reset(self) -> None:
        self._offset = timedelta(0)
        self._apply_registry = True
        self.connections: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.registry = Registry()
        self._install()
        self.log = EventLog(self.preset.build, self.now)
        self.scheduler = TaskScheduler(self.now, timezone(timedelta(minutes=self.spec.timezone)), self._run_action)
        licences = self.spec.licence_defaults
        self.client = SmbConfiguration(
            CLIENT,
            present_properties(CLIENT, self.preset.build, self.quirks),
            self.registry,
            {
                "EnableInsecureGuestLogons": licences.get(
                    "SMBClient-AllowInsecureGuestAuthByDefault", self.preset.insecure_guest_allowed_by_default
                ),
                "RequireSecuritySignature": licences.get(
                    "SMBClient-RequireSigningByDefault", self.preset.client_signing_required_by_default
                ),
            },
        )
        self.server = SmbConfiguration(
            SERVER,
            present_properties(SERVER, self.preset.build, self.quirks),
            self.registry,
            {
                "RequireSecuritySignature": licences.get(
                    "SMBServer-RequireSigningByDefault", self.preset.server_signing_required_by_default
                ),
            },
        )
        self._known = dict(self.client.running)
        self.registry.on_change.append(self._registry_changed)
        self.providers = self._build_providers()

    # Setup

    @property
    def os_facts(self) -> dict[str, Any]:
        """What the host says about itself; ``domain`` is the workgroup's name if it is in no domain."""
        preset = self.preset
        return {
            "name": self.spec.name,
            "preset": preset.name,
            "caption": preset.caption,
            "version": preset.version,
            "build": preset.build,
            "ubr": preset.ubr,
            "edition_id": preset.edition_id,
            "sku": preset.sku,
            "product_type": preset.product_type,
            "part_of_domain": self.spec.part_of_domain,
            "domain": self.spec.domain if self.spec.part_of_domain else "WORKGROUP",
        }

    def _install(self) -> None:
        """Write what setup, the fleet file's settings, policies and MDM leave in the registry."""
        preset, registry = self.preset, self.registry
        strings = {
            "CurrentBuild": str(preset.build),
            "CurrentBuildNumber": str(preset.build),
            "CurrentVersion": "6.3",
            "EditionID": preset.edition_id,
            "InstallationType": "Client" if preset.product_type == 1 else "Server",
            "ProductName": preset.product_name,
            "ReleaseId": "2009" if preset.build >= 19042 else preset.version,
        }
        if preset.build >= 19042:
            strings["DisplayVersion"] = preset.version
        for name, text in strings.items():
            registry.set(CURRENT_VERSION, name, "REG_SZ", text)
        for name, number in (("UBR", preset.ubr), ("CurrentMajorVersionNumber", 10), ("CurrentMinorVersionNumber", 0)):
            registry.set(CURRENT_VERSION, name, "REG_DWORD", number)
        registry.set(SYSTEM_POLICIES, "EnableLUA", "REG_DWORD", 1)
        registry.create_key(r"HKLM\SOFTWARE\Policies\Microsoft\Windows")
        registry.set(table.CLIENT_PARAMETERS, "ServiceDll", "REG_EXPAND_SZ", r"%SystemRoot%\System32\wkssvc.dll")
        registry.set(table.CLIENT_PARAMETERS, "EnableSecuritySignature", "REG_DWORD", 1)
        registry.set(table.CLIENT_PARAMETERS, "EnablePlainTextPassword", "REG_DWORD", 0)
        registry.set(table.SERVER_PARAMETERS, "ServiceDll", "REG_EXPAND_SZ", r"%SystemRoot%\system32\srvsvc.dll")
        if preset.denies_guest_in_parameters:
            registry.set(table.CLIENT_PARAMETERS, "AllowInsecureGuestAuth", "REG_DWORD", 0)
        if preset.server_signing_in_parameters:
            registry.set(table.SERVER_PARAMETERS, "RequireSecuritySignature", "REG_DWORD", 1)
            registry.set(table.SERVER_PARAMETERS, "EnableSecuritySignature", "REG_DWORD", 1)
        self.write_settings(asdict(self.spec))

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Write ``parameters``, ``policy``, ``mdm`` and their ``server_`` twins; a None value deletes."""
        places = (
            ("parameters", table.CLIENT_PARAMETERS),
            ("server_parameters", table.SERVER_PARAMETERS),
            ("policy", table.CLIENT_POLICY),
            ("server_policy", table.SERVER_POLICY),
        )
        for member, key in places:
            for name, value in (settings.get(member) or {}).items():
                self._write(key, name, value)
        for member, key, policy_key, nodes in (
            ("mdm", table.MDM_CLIENT, table.CLIENT_POLICY, table.MDM_CLIENT_NODES),
            ("server_mdm", table.MDM_SERVER, table.SERVER_POLICY, table.MDM_SERVER_NODES),
        ):
            for node, value in (settings.get(member) or {}).items():
                self._write(key, node, value)
                self._write(key, f"{node}_ProviderSet", None if value is None else 1)
                if not self.quirks.mdm_only:
                    self._write(policy_key, nodes.get(node, node), value)

    def _write(self, key: str, name: str, value: Any) -> None:
        if value is None:
            self.registry.delete_value(key, name)
        elif isinstance(value, dict):
            self.registry.set(key, name, value["type"], value["value"])
        elif isinstance(value, list):
            self.registry.set(key, name, "REG_MULTI_SZ", value)
        else:
            self.registry.set(key, name, *(("REG_SZ", value) if isinstance(value, str) else ("REG_DWORD", int(value))))

    def _build_providers(self) -> dict[tuple[str, str], Provider]:
        name, build = self.spec.computer_name, self.preset.build
        providers: list[Provider] = [
            StdRegProv("root/cimv2", self.registry, self.quirks),
            StdRegProv("root/default", self.registry, self.quirks),
            SmbConfigurationProvider(self.client, self.quirks, build),
            SmbConfigurationProvider(self.server, self.quirks, build),
            win32.Listing(CONNECTION_CLASS, lambda: list(self.connections.values())),
            win32.Listing(win32.OPERATING_SYSTEM, lambda: [self._operating_system()]),
            win32.Listing(win32.COMPUTER_SYSTEM, lambda: [win32.computer_system_row(self.os_facts, name)]),
            win32.Listing(win32.SERVICE, lambda: win32.service_rows(name)),
            win32.Listing(win32.QUICK_FIX, lambda: win32.quick_fix_rows(self.preset.has_kb5003173, name)),
            ScheduledTaskProvider(self.scheduler),
            PsScheduledTaskProvider(self.scheduler, self.quirks),
        ]
        return {(item.cim_class.namespace.lower(), item.cim_class.name.lower()): item for item in providers}

    def _operating_system(self) -> dict[str, Any]:
        local = self.now().astimezone(timezone(timedelta(minutes=self.spec.timezone)))
        facts = {**self.os_facts, "installed": _INSTALLED, "booted": _BOOTED}
        return win32.operating_system_row(facts, self.spec.computer_name, local, self.quirks.german)

    # The clock and what runs by itself

    def now(self) -> datetime:
        """The host's clock, in UTC."""
        return self._clock() + self._offset

    def set_clock(self, moment: datetime) -> None:
        """Somebody sets the clock, forward or back; what becomes due runs with the next ``tick``."""
        self._offset += moment - self.now()

    def tick(self) -> None:
        """Run the tasks that are due; called before the host answers anything."""
        if self.tasks_run_by_themselves:
            self.scheduler.run_due()

    def advance_clock(self, seconds: float, powered_off: bool = False) -> None:
        """Move the clock. While the host is off nothing runs; missed tasks may start when it is back."""
        self._offset += timedelta(seconds=seconds)
        self.scheduler.run_due(missed_before=self.now() if powered_off else None)

    def _run_action(self, command: str, arguments: str, elevated: bool) -> int:
        powershell = PowerShell(self.registry, self._set_smb, elevated)
        interpreter = Interpreter(self.registry, self.log, self.scheduler, elevated, powershell)
        return interpreter.run(f'"{command}" {arguments}').exit_code

    def _set_smb(self, class_name: str, values: Mapping[str, bool]) -> bool:
        """What the cmdlets Set-Smb*Configuration do: they wrap the CIM method."""
        provider = self.providers[(NAMESPACE.lower(), class_name.lower())]
        method = next(item for item in provider.cim_class.methods if item.name == "SetConfiguration")
        if not values.keys() <= {item.name for item in provider.cim_class.properties}:
            return False
        try:
            provider.invoke(method, values)
        except WsmanFault:
            return False
        self.note_driver_changes()
        return True

    # Settings taking effect

    def _registry_changed(self, path: str) -> None:
        lowered = path.lower()
        if not self._apply_registry or not self.quirks.running_follows_registry:
            return
        for configuration in (self.client, self.server):
            keys = (configuration.side.parameters_key, configuration.side.policy_key)
            if any(key.lower() == lowered or key.lower().startswith(lowered + "\\") for key in keys):
                configuration.refresh()
        self.note_driver_changes()

    def note_driver_changes(self) -> None:
        """Write the events of a driver that finds its configuration changed (once per change: they are throttled)."""
        running = self.client.running
        if running.get("EnableInsecureGuestLogons") and not self._known.get("EnableInsecureGuestLogons"):
            self.log.write(31018, RegName="AllowInsecureGuestAuth", RegValue=1)
        if self._known.get("EnableSecuritySignature") and not running.get("EnableSecuritySignature"):
            self.log.write(31016, RegName="EnableSecuritySignature", RegValue=0)
        self._known = dict(running)

    def edit_registry(self, changes: dict[str, Any]) -> None:
        """What an administrator does with regedit: ``{set, delete, apply}`` of the control port."""
        self._apply_registry = bool(changes.get("apply", True))
        try:
            for key, values in (changes.get("set") or {}).items():
                if not values:
                    self.registry.create_key(key)
                for name, value in values.items():
                    self.registry.set(key, name, value["type"], value["value"])
            for entry in changes.get("delete") or []:
                if len(entry) == 1:
                    self.registry.delete_key(entry[0], recurse=True)
                else:
                    self.registry.delete_value(entry[0], entry[1])
        finally:
            self._apply_registry = True

    def refresh_policy(self, settings: dict[str, Any]) -> None:
        """Group Policy writes its values again: those given, or the fleet file's if none are."""
        self.write_settings(settings or asdict(self.spec))
        self.client.refresh()
        self.server.refresh()
        self.note_driver_changes()

    def connect(self, server: dict[str, Any]) -> dict[str, Any]:
        """The SMB client connects to ``server``; see guest_logon.connect."""
        result = connect(server, self.client.running, self.log)
        row = result.pop("connection")
        if row is not None:
            self.connections[row["ServerName"].lower(), row["ShareName"].lower(), row["UserName"].lower()] = row
        return result

    # Rights

    def is_elevated(self, user: User) -> bool:
        """Whether a remote logon of ``user`` has administrator rights on this host."""
        if user.role == "filtered_administrator":
            return self.registry.get_dword(SYSTEM_POLICIES, "LocalAccountTokenFilterPolicy") == 1
        return user.role == "administrator"

    # Everything at a glance

    def save(self) -> dict[str, Any]:
        """All that ``load`` puts back: registry, drivers, events, channels, tasks, connections and the clock."""
        parts = {
            "registry": self.registry.hives,
            "client": (self.client.running, self.client.unbacked),
            "server": (self.server.running, self.server.unbacked),
            "log": (self.log.channels, self.log.events),
            "tasks": self.scheduler.tasks,
            "connections": self.connections,
            "known": self._known,
            "offset": self._offset,
        }
        return copy.deepcopy(parts)

    def load(self, saved: Mapping[str, Any]) -> None:
        """Put back what ``save`` returned; it can be loaded again."""
        parts = copy.deepcopy(dict(saved))
        self.registry.hives = parts["registry"]
        self.client.running, self.client.unbacked = parts["client"]
        self.server.running, self.server.unbacked = parts["server"]
        self.log.channels, self.log.events = parts["log"]
        self.scheduler.tasks = parts["tasks"]
        self.connections = parts["connections"]
        self._known, self._offset = parts["known"], parts["offset"]

    def state(self) -> dict[str, Any]:
        """All that a change could touch, and nothing that changes by itself."""
        state = {
            "os": self.os_facts,
            "registry": self.registry.dump(),
            "smb_client": dict(self.client.running),
            "smb_server": dict(self.server.running),
            "smb_connections": list(self.connections.values()),
            "channels": self.log.dump_channels(),
            "events": list(self.log.events),
            "tasks": self.scheduler.dump(),
        }
        if self._offset:
            state["clock"] = self.now().isoformat(timespec="seconds")
        return state
