"""What a host counts, and the list of messages that it saw."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Counters:
    """HTTP requests, authenticated messages, bytes on the wire (inside TLS), shells, processes and connections."""

    requests: int = 0
    requests_after_auth: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    shells: int = 0
    processes: int = 0
    connections: int = 0


@dataclass
class Ledger:
    """The counters of one host and a row per authenticated message since the last reset."""

    counters: Counters = field(default_factory=Counters)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def count(self, name: str) -> None:
        setattr(self.counters, name, getattr(self.counters, name) + 1)

    def next_index(self) -> int:
        return self.counters.requests_after_auth + 1

    def reset(self) -> None:
        """Set the counters to zero in place: open connections keep counting into the same object."""
        for name in asdict(self.counters):
            setattr(self.counters, name, 0)
        self.messages.clear()

    def as_json(self) -> dict[str, int]:
        return asdict(self.counters)
