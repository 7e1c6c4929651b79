"""One simulated Windows host: preset and fleet file in, registry, SMB client and server, events and tasks inside.

Knows nothing of HTTP or XML. ``state()`` shows everything that a change could touch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from . import guest_doors
from . import smb_properties as table
from . import win32_classes as win32
from .editions import ALL_PRESETS
from .event_log import CHANNELS_KEY, EventLog
from .event_subscriptions import EventSubscriptions
from .files import Files
from .group_policy import Applied, Rsop, parse_gpos, rsop_providers
from .guest_logon import CONNECTION_CLASS, connect
from .local_group_policy import LocalGroupPolicy
from .quirks import Quirks
from .registry import Registry
from .registry_provider import StdRegProv
from .scheduled_tasks import PowerCut, TaskScheduler
from .services import Services
from .smb_configuration import (
    CLIENT,
    SERVER,
    SmbConfiguration,
    SmbConfigurationProvider,
    present_properties,
)
from .smb_sessions import SESSION_CLASS
from .task_actions import run_action
from .task_provider import PsScheduledTaskProvider, ScheduledTaskProvider

if TYPE_CHECKING:
    from .cim import Provider
    from .host_spec import HostSpec, User

CURRENT_VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
SYSTEM_POLICIES = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
SHOWN_SERVICES = ("LanmanServer", "LanmanWorkstation", "Schedule")
_INSTALLED = datetime(2024, 1, 15, 9, 30, tzinfo=UTC)
_BOOTED = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)


class SimulatedHost:
    """The host behind the wire. ``reset`` restores it to what its spec says.

    ``clock`` gives the time (aware, UTC) from which the host's own clock starts; tests that must not depend on
    the time of day give one that stands still. ``tasks_run_by_themselves`` False leaves due tasks to whoever calls the
    scheduler.
    """

    def __init__(self, spec: HostSpec, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock or (lambda: datetime.now(UTC))
        self.tasks_run_by_themselves = True
        self.spec = spec
        self.preset = ALL_PRESETS[spec.preset]
        self.reset()

    def reset(self) -> None:
        self.quirks = replace(self.spec.quirks)
        self.services = Services()
        for service, state in self.spec.services.items():
            self.services.set(service, state)
        self.booted = _BOOTED
        self.is_on = True
        self._processes_left: int | None = None
        self._offset = timedelta(0)
        self._apply_registry = True
        self.connections: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.registry = Registry()
        self.files = Files()
        self.local_policy = LocalGroupPolicy(self.files, self.registry)
        self._install()
        self.log = EventLog(self.preset.build, self.now, self.spec.computer_name, self.quirks.without_channels)
        for channel in self.log.channels.values():
            self.registry.set(f"{CHANNELS_KEY}\\{channel.path}", "Enabled", "REG_DWORD", int(channel.enabled))
        self.subscriptions = EventSubscriptions(self.log, self.quirks)
        self.sessions: list[dict[str, Any]] = []
        self.scheduler = TaskScheduler(
            self.now, timezone(timedelta(minutes=self.spec.timezone)), self._run_action, self.quirks
        )
        licences = self.spec.licence_defaults
        self.applied = Applied()
        self.applied.refresh(
            self.spec.gpos, self.registry, _INSTALLED if self.quirks.rsop == "old" else self.now(), True
        )
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
            "InstallationType": "Server Core"
            if preset.server_core
            else "Server"
            if preset.server_install
            else "Client",
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
        guest_doors.install(registry, self.spec.doors, preset.build)
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
            SmbConfigurationProvider(self.client, self.quirks, build, self.services.is_running),
            SmbConfigurationProvider(self.server, self.quirks, build, self.services.is_running),
            win32.Listing(CONNECTION_CLASS, lambda: list(self.connections.values())),
            win32.Listing(SESSION_CLASS, lambda: self.sessions),
            win32.Listing(win32.OPERATING_SYSTEM, lambda: [self._operating_system()]),
            win32.Listing(
                win32.COMPUTER_SYSTEM, lambda: [win32.computer_system_row(self.os_facts, name, self.preset.system_type)]
            ),
            win32.ServiceProvider(self.services, self.set_service, name),
            win32.Listing(win32.QUICK_FIX, lambda: win32.quick_fix_rows(self.preset.has_kb5003173, name)),
            ScheduledTaskProvider(self.scheduler, self.quirks, self._scheduler_runs),
            PsScheduledTaskProvider(self.scheduler, self.quirks, self._scheduler_runs),
            *guest_doors.providers(name, self.spec.doors, build, self.preset.product_type == 2),
            *rsop_providers(Rsop(self.applied, self.spec.domain, name), self.quirks),
        ]
        return {(item.cim_class.namespace.lower(), item.cim_class.name.lower()): item for item in providers}

    def _operating_system(self) -> dict[str, Any]:
        local = self.now().astimezone(timezone(timedelta(minutes=self.spec.timezone)))
        facts = {
            **self.os_facts,
            "architecture": self.preset.architecture,
            "installed": _INSTALLED,
            "booted": self.booted,
        }
        return win32.operating_system_row(facts, self.spec.computer_name, local, self.quirks.german)

    # The clock and what runs by itself

    def now(self) -> datetime:
        """The host's clock, in UTC."""
        return self._clock() + self._offset

    def set_clock(self, moment: datetime) -> None:
        """Somebody sets the clock, forward or back; what becomes due runs with the next ``tick``."""
        self._offset += moment - self.now()

    def _scheduler_runs(self) -> bool:
        return self.services.is_running("Schedule")

    def tick(self) -> None:
        """Run the tasks that are due; called before the host answers anything."""
        if self.tasks_run_by_themselves and self._scheduler_runs():
            self.scheduler.run_due()

    def advance_clock(self, seconds: float, powered_off: bool = False, asleep: bool = False) -> None:
        """Move the clock. While the host is off nothing runs; then it boots, and missed tasks may start.

        ``asleep``: nothing runs either, but to wake is no boot: no boot trigger fires, no driver reads its keys.
        """
        self._offset += timedelta(seconds=seconds)
        if asleep:
            self.run_missed()
        elif powered_off:
            self.boot()
            self.run_missed()
        else:
            self.tick()

    def boot(self) -> None:
        """Start the host: services and drivers, then the tasks with a boot trigger."""
        self.is_on = True
        self._processes_left = None
        self.booted = self.now()
        for service in self.services.boot():
            self._service_started(service)
        if self._scheduler_runs():
            self.scheduler.boot()

    def run_missed(self) -> None:
        """Run tasks whose time passed while the host was off."""
        if self.tasks_run_by_themselves and self._scheduler_runs():
            self.scheduler.run_due(missed_before=self.now())

    def cut_power_after(self, processes: int) -> None:
        """The host goes dark when a task would start one process more; ``boot`` ends that."""
        self._processes_left = processes

    def _process_starts(self) -> None:
        if self._processes_left is None:
            return
        if self._processes_left == 0:
            self.is_on = False
            raise PowerCut
        self._processes_left -= 1

    # Services

    def set_service(self, name: str, state: str) -> None:
        """Put a service into state running, stopped or disabled; a driver reads its keys when its service starts."""
        was_running = self.services.is_running(name) if name.lower() in self.services.by_name else False
        service = self.services.set(name, state)
        if service.running and not was_running:
            self._service_started(service.name)

    def restart_service(self, name: str) -> None:
        self.set_service(name, "stopped")
        self.set_service(name, "running")

    def _service_started(self, name: str) -> None:
        for configuration in (self.client, self.server):
            if configuration.side.service == name:
                configuration.refresh()
        self.note_driver_changes()

    def set_quirks(self, **quirks: Any) -> None:
        """Switch quirks from now on; ValueError for unknown ones."""
        self.quirks.__dict__.update(Quirks.from_spec({**asdict(self.quirks), **quirks}).__dict__)

    def _run_action(self, command: str, arguments: str, elevated: bool) -> int:
        return run_action(self, command, arguments, elevated, self._process_starts)

    # Settings taking effect

    def _registry_changed(self, path: str) -> None:
        lowered = path.lower()
        if not self._apply_registry or not self.quirks.running_follows_registry:
            return
        for configuration in (self.client, self.server):
            keys = (configuration.side.parameters_key, configuration.side.policy_key)
            if any(key.lower() == lowered or key.lower().startswith(lowered + "\\") for key in keys):
                self._reread(configuration)
        self.note_driver_changes()

    def _reread(self, configuration: SmbConfiguration) -> None:
        configuration.refresh(policy=not self.quirks.policy_read_at_start_only)

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
        """Group Policy writes its values again: what the local GPO's files say, then those given, or the fleet file's.

        ``gpos`` replaces the GPOs that govern the host; without it those that do are applied once more.
        """
        gpos = self.applied.gpos if "gpos" not in settings else parse_gpos(settings["gpos"])
        if not self.quirks.local_gpo_ignored:
            self.local_policy.refresh()
        self.write_settings(settings or asdict(self.spec))
        self.applied.refresh(gpos, self.registry, self.now(), log=self.quirks.rsop != "old")
        if self.quirks.refresh_rereads_registry:
            self._reread(self.client)
            self._reread(self.server)
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
        """All that ``load`` restores: registry, drivers, events, channels, tasks, connections and the clock."""
        parts = {
            "registry": self.registry.hives,
            "client": (self.client.running, self.client.unbacked, self.client.seen),
            "server": (self.server.running, self.server.unbacked, self.server.seen),
            "services": self.services.by_name,
            "quirks": self.quirks.__dict__,
            "power": (self.booted, self.is_on, self._processes_left),
            "log": (self.log.channels, self.log.events),
            "tasks": self.scheduler.tasks,
            "applied": self.applied.__dict__,
            "connections": self.connections,
            "sessions": self.sessions,
            "known": self._known,
            "offset": self._offset,
            "files": self.files.save(),
            "local_policy": (self.local_policy.version, self.local_policy.history),
        }
        return copy.deepcopy(parts)

    def load(self, saved: Mapping[str, Any]) -> None:
        """Restore what ``save`` returned; it can be loaded again."""
        parts = copy.deepcopy(dict(saved))
        self.registry.hives = parts["registry"]
        self.client.running, self.client.unbacked, self.client.seen = parts["client"]
        self.server.running, self.server.unbacked, self.server.seen = parts["server"]
        self.services.by_name = parts["services"]
        self.quirks.__dict__.update(parts["quirks"])
        self.booted, self.is_on, self._processes_left = parts["power"]
        self.log.channels, self.log.events = parts["log"]
        self.scheduler.tasks = parts["tasks"]
        self.applied.__dict__.update(parts["applied"])
        self.connections = parts["connections"]
        self.sessions = parts["sessions"]
        self.subscriptions = EventSubscriptions(self.log, self.quirks)
        self._known, self._offset = parts["known"], parts["offset"]
        self.files.load(parts["files"])
        self.local_policy.version, self.local_policy.history = parts["local_policy"]

    def state(self) -> dict[str, Any]:
        """All that a change could touch, and nothing that changes by itself."""
        state = {
            "os": self.os_facts,
            "registry": self.registry.dump(),
            "smb_client": dict(self.client.running),
            "smb_server": dict(self.server.running),
            "smb_connections": list(self.connections.values()),
            "event_subscriptions": len(self.subscriptions),
            "channels": self.log.dump_channels(),
            "events": list(self.log.events),
            "tasks": self.scheduler.dump(),
            "services": {name: self.services.by_name[name.lower()].state for name in SHOWN_SERVICES},
            "files": self.files.dump(),
        }
        if self._offset:
            state["clock"] = self.now().isoformat(timespec="seconds")
        return state
