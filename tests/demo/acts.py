"""What happens in a step of the demo: a playbook runs, a host meets the NAS, a clock moves.

Each act shows itself and returns what went otherwise than told, a sentence each.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from playbook_run import run_playbook
from transcript import Transcript

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

EXIT_STATUS = {"failed": 2, "unreachable": 4}
"""How ansible-playbook ends; the higher one wins."""


@dataclass(frozen=True)
class Stage:
    """Where the acts take place. work: the folder with the playbooks, the inventory and the installed collection."""

    fleet: Fleet
    work: Path
    environ: Mapping[str, str]


class Act(Protocol):
    """One thing that happens."""

    def perform(self, stage: Stage) -> list[str]:
        """Do and show it; return what went otherwise than told."""


@dataclass(frozen=True)
class Run:
    """ansible-playbook. outcomes: the word for each host (see PlaybookRun.outcome). says: what its output holds."""

    arguments: Sequence[str]
    outcomes: Mapping[str, str]
    says: Sequence[str] = ()

    def perform(self, stage: Stage) -> list[str]:
        command = ["ansible-playbook", "-i", "inventory.yml", *self.arguments]
        print(f"\n$ {shlex.join(command)}", flush=True)
        run = run_playbook(command, cwd=stage.work, environ=stage.environ, show=Transcript().take)
        told = {host: self.outcomes.get(host, "absent") for host in sorted({*self.outcomes, *run.recap})}
        wrong = [
            f"{host}: expected {word}, was {run.outcome(host)}"
            for host, word in told.items()
            if run.outcome(host) != word
        ]
        status = max(EXIT_STATUS.get(word, 0) for word in told.values())
        if run.status != status:
            wrong.append(f"ansible-playbook ended with {run.status}, expected {status}")
        return wrong + [f"the output does not say {text!r}" for text in self.says if text not in run.output]


@dataclass(frozen=True)
class Show:
    """A file of the working folder, as it is."""

    file: str

    def perform(self, stage: Stage) -> list[str]:
        print(f"\n$ cat {self.file}\n{(stage.work / self.file).read_text(encoding='utf-8').rstrip()}", flush=True)
        return []


@dataclass(frozen=True)
class Keep:
    """Files of a folder below the working folder are kept in `to`, which outlives the demo."""

    folder: str
    to: Path

    def perform(self, stage: Stage) -> list[str]:
        shutil.rmtree(self.to, ignore_errors=True)
        shutil.copytree(stage.work / self.folder, self.to)
        print(f"\n> kept: {self.to}", flush=True)
        return []


@dataclass(frozen=True)
class Connect:
    """A host's SMB client meets the NAS. events: the ids that it logs, all of them."""

    host: str
    connected: bool
    events: Sequence[int] = ()

    def perform(self, stage: Stage) -> list[str]:
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

    def perform(self, stage: Stage) -> list[str]:
        clock = stage.fleet.control.advance_clock(self.host, self.hours * 3600)
        print(f"\n> {self.hours} hours pass on {self.host}: it is {clock} there now", flush=True)
        return []
