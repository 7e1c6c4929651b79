"""Event channels and the SMB events in them: which ids exist on which build, with which fields.

From the published provider manifests (10240 to 26100). Field order is the manifest's; ServerName starts with a
backslash as in the constructed samples, which nobody captured.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

DEFAULT_MAX_SIZE = 8388608
SMB_CLIENT = "Microsoft-Windows-SMBClient"
SMB_SERVER = "Microsoft-Windows-SMBServer"

# (path, provider, enabled by default)
CHANNELS = (
    ("Microsoft-Windows-SMBClient/HelperClassDiagnostic", SMB_CLIENT, False),
    ("Microsoft-Windows-SMBClient/ObjectStateDiagnostic", SMB_CLIENT, False),
    ("Microsoft-Windows-SMBClient/Operational", SMB_CLIENT, True),
    ("Microsoft-Windows-SMBClient/Analytic", SMB_CLIENT, False),
    ("Microsoft-Windows-SmbClient/Diagnostic", SMB_CLIENT, False),
    ("Microsoft-Windows-SmbClient/Connectivity", SMB_CLIENT, True),
    ("Microsoft-Windows-SmbClient/Security", SMB_CLIENT, True),
    ("Microsoft-Windows-SmbClient/Audit", SMB_CLIENT, True),
    ("Microsoft-Windows-SMBServer/Performance", SMB_SERVER, False),
    ("Microsoft-Windows-SMBServer/Analytic", SMB_SERVER, False),
    ("Microsoft-Windows-SMBServer/Operational", SMB_SERVER, True),
    ("Microsoft-Windows-SMBServer/Diagnostic", SMB_SERVER, False),
    ("Microsoft-Windows-SMBServer/Security", SMB_SERVER, True),
    ("Microsoft-Windows-SMBServer/Connectivity", SMB_SERVER, True),
    ("Microsoft-Windows-SMBServer/Audit", SMB_SERVER, True),
)


@dataclass(frozen=True)
class EventKind:
    """One row of the manifest; ``task`` is 0 before 24H2. ``fields`` with a length field before each string."""

    level: int
    task: int
    channel: str
    fields: tuple[str, ...]
    first_build: int = 0


EVENTS = {
    31016: EventKind(3, 141, "Microsoft-Windows-SmbClient/Security", ("RegName", "RegValue")),
    31017: EventKind(
        2,
        142,
        "Microsoft-Windows-SmbClient/Security",
        ("UserNameLength", "UserName", "ServerNameLength", "ServerName"),
    ),
    31018: EventKind(3, 143, "Microsoft-Windows-SmbClient/Security", ("RegName", "RegValue")),
    31022: EventKind(
        3,
        156,
        "Microsoft-Windows-SmbClient/Security",
        ("UserNameLength", "UserName", "ServerNameLength", "ServerName"),
        26100,
    ),
    31023: EventKind(3, 162, "Microsoft-Windows-SmbClient/Security", ("ServerNameLength", "ServerName"), 26100),
    31997: EventKind(4, 159, "Microsoft-Windows-SmbClient/Audit", ("ServerNameLength", "ServerName"), 26100),
    31998: EventKind(
        4, 157, "Microsoft-Windows-SmbClient/Audit", ("ServerNameLength", "ServerName", "ClientRequireSigning"), 26100
    ),
    31999: EventKind(
        4,
        158,
        "Microsoft-Windows-SmbClient/Audit",
        ("ServerNameLength", "ServerName", "ClientRequireEncryption"),
        26100,
    ),
    31013: EventKind(
        2,
        138,
        "Microsoft-Windows-SmbClient/Security",
        (
            *("Smb2Command", "MessageId", "SessionId", "TreeId", "ServerNameLength", "ServerName", "Status"),
            *("MessageSize", "FragmentOffset", "FragmentSize", "FragmentData"),
        ),
    ),
    31014: EventKind(
        2,
        139,
        "Microsoft-Windows-SmbClient/Security",
        (
            *("Smb2Command", "MessageId", "SessionId", "TreeId", "ServerNameLength", "ServerName", "Status"),
            *("InstanceNameLength", "InstanceName", "RetryCount", "ElapsedTimeInMs"),
        ),
    ),
    3021: EventKind(
        4,
        3073,
        "Microsoft-Windows-SMBServer/Audit",
        ("ClientNameLength", "ClientName", "ServerRequiresSigning"),
        26100,
    ),
    3022: EventKind(
        4,
        3074,
        "Microsoft-Windows-SMBServer/Audit",
        ("ClientNameLength", "ClientName", "ServerRequiresEncryption", "SmbClientDoesNotSupportEncryptionType"),
        26100,
    ),
    3023: EventKind(4, 3075, "Microsoft-Windows-SMBServer/Operational", ("ClientNameLength", "ClientName"), 26100),
}
FIRST_BUILD_WITH_TASKS = 26100
CHANNELS_KEY = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels"


@dataclass
class Channel:
    path: str
    provider: str
    enabled: bool
    max_size: int = DEFAULT_MAX_SIZE
    retention: bool = False
    last_record_id: int = 0


class EventLog:
    """The channels of one host (all but those in ``without``) and the events written to them."""

    def __init__(
        self, build: int, clock: Callable[[], datetime], computer: str = "HOST", without: Collection[str] = ()
    ) -> None:
        self._build = build
        self.clock = clock
        self.computer = computer
        absent = {path.lower() for path in without}
        self.channels = {
            path.lower(): Channel(path, provider, enabled)
            for path, provider, enabled in CHANNELS
            if path.lower() not in absent
        }
        self.events: list[dict[str, Any]] = []

    def channel(self, path: str) -> Channel | None:
        return self.channels.get(path.lower())

    def write(self, event_id: int, **values: Any) -> dict[str, Any] | None:
        """Write one event; None if this build has no such event, or its channel is off or not there.

        String lengths are filled in. The event is ``{channel, record_id, id, version, provider, level, task, time,
        fields}``.
        """
        kind = EVENTS[event_id]
        fields = {
            name: len(values[name.removesuffix("Length")]) if name.endswith("Length") else values[name]
            for name in kind.fields
        }
        return self.put(event_id, fields) if self._build >= kind.first_build else None

    def put(
        self,
        event_id: int,
        fields: Mapping[str, Any],
        *,
        channel: str | None = None,
        version: int = 0,
        time: datetime | None = None,
    ) -> dict[str, Any] | None:
        """Write one event with these very fields, whatever this build would have; for tests of who reads them."""
        kind = EVENTS[event_id]
        found = self.channels.get((channel or kind.channel).lower())
        if found is None or not found.enabled:
            return None
        found.last_record_id += 1
        event = {
            "channel": found.path,
            "record_id": found.last_record_id,
            "id": event_id,
            "version": version,
            "provider": found.provider,
            "level": kind.level,
            "task": kind.task if self._build >= FIRST_BUILD_WITH_TASKS else 0,
            "time": (time or self.clock()).isoformat(timespec="microseconds"),
            "fields": dict(fields),
        }
        self.events.append(event)
        return event

    def clear(self, path: str) -> None:
        """Empty a channel; its records are counted from 1 again."""
        self.events = [event for event in self.events if event["channel"].lower() != path.lower()]
        self.channels[path.lower()].last_record_id = 0

    def dump_channels(self) -> dict[str, dict[str, Any]]:
        hidden = ("path", "provider", "last_record_id")
        return {
            channel.path: {key: value for key, value in asdict(channel).items() if key not in hidden}
            for channel in self.channels.values()
        }
