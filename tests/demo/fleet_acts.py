"""What happens to simulated hosts in a step of the demo: one meets the NAS, a clock moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acts import Stage

from simulated_windows.client import Fleet

EVENTS = {
    31017: "RejectedInsecureGuestAuth",
    31022: "AllowedInsecureGuestAuth",
    31997: "InsecureGuestLogon",
    31998: "ServerDoesNotSupportSigning",
    31999: "ServerDoesNotSupportEncryption",
}
"""The names that the SMB client's event manifest gives them."""

NAS = {"name": "nas", "guest": True, "signing": False, "encryption": False}


@dataclass(frozen=True, kw_only=True)
class FleetStage(Stage):
    """With simulated hosts."""

    fleet: Fleet


@dataclass(frozen=True)
class Connect:
    """A host's SMB client meets the NAS. events: the ids that it logs, all of them."""

    host: str
    connected: bool
    events: Sequence[int] = ()

    def perform(self, stage: FleetStage) -> list[str]:
        answer = stage.fleet.control.connect(self.host, **NAS)
        found = [event["id"] for event in answer["events"]]
        print(f"\n> {self.host} connects to \\\\{NAS['name']}, which knows nobody but guests", flush=True)
        if answer["connected"]:
            print("  connected: as a guest, neither signed nor encrypted")
        else:
            print(f"  refused: status {answer['status']}, Win32 error {answer['win32']}")
        for event in answer["events"]:
            print(f"  event {event['id']} {EVENTS[event['id']]} in {event['channel']}")
        if not found:
            print("  no event")
        wrong = [] if answer["connected"] is self.connected else [f"{self.host}: connected is {answer['connected']}"]
        if sorted(found) != sorted(self.events):
            wrong.append(f"{self.host}: logged the events {found}, expected {list(self.events)}")
        return wrong


@dataclass(frozen=True)
class Wait:
    """A host's clock moves on."""

    host: str
    hours: int

    def perform(self, stage: FleetStage) -> list[str]:
        clock = stage.fleet.control.advance_clock(self.host, self.hours * 3600)
        print(f"\n> {self.hours} hours pass on {self.host}: it is {clock} there now", flush=True)
        return []
