"""Event channels and the SMB events in them: which ids exist on which build, with which fields.

From the published provider manifests (10240 to 26100). Field order is the manifest's; ServerName starts with a
backslash as in the constructed samples, which nobody captured.
"""

from __future__ import annotations

from collections.abc import Callable
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
}
FIRST_BUILD_WITH_TASKS = 26100


@dataclass
class Channel:
    path: str
    provider: str
    enabled: bool
    max_size: int = DEFAULT_MAX_SIZE
    retention: bool = False


class EventLog:
    """The channels of one host and the events written to them."""

    def __init__(self, build: int, clock: Callable[[], datetime]) -> None:
        self._build = build
        self._clock = clock
        self.channels = {path.lower(): Channel(path, provider, enabled) for path, provider, enabled in CHANNELS}
        self.events: list[dict[str, Any]] = []

    def channel(self, path: str) -> Channel | None:
        return self.channels.get(path.lower())

    def write(self, event_id: int, **values: Any) -> dict[str, Any] | None:
        """Write one event; None if this build has no such event or its channel is off.

        String lengths are filled in. The event is ``{channel, id, provider, level, task, time, fields}``.
        """
        kind = EVENTS[event_id]
        channel = self.channels[kind.channel.lower()]
        if self._build < kind.first_build or not channel.enabled:
            return None
        fields = {
            name: len(values[name.removesuffix("Length")]) if name.endswith("Length") else values[name]
            for name in kind.fields
        }
        event = {
            "channel": channel.path,
            "id": event_id,
            "provider": channel.provider,
            "level": kind.level,
            "task": kind.task if self._build >= FIRST_BUILD_WITH_TASKS else 0,
            "time": self._clock().isoformat(),
            "fields": fields,
        }
        self.events.append(event)
        return event

    def dump_channels(self) -> dict[str, dict[str, Any]]:
        return {
            channel.path: {key: value for key, value in asdict(channel).items() if key not in ("path", "provider")}
            for channel in self.channels.values()
        }
