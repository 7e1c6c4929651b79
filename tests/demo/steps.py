"""What a step of the demo is, and how the hosts' own state is compared with its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acts import Act
from fleet_acts import FleetStage
from host_state import State, States, configured, journal, verdict


@dataclass(frozen=True)
class Then:
    """What a host must hold after a step. journal: statuses, oldest first. as_in: a step whose registry it holds again,
    bit for bit, apart from the journal.
    """

    guests: str
    journal: Sequence[str] = ()
    tasks: int = 0
    as_in: str = ""

    def deviations(self, state: State, earlier: State | None) -> list[str]:
        """What the state of the host has otherwise. earlier: its state after the step `as_in`."""
        seen = {
            "guest logons are": (verdict(state), self.guests),
            "the journal's statuses are": (journal(state), list(self.journal)),
            "the number of scheduled tasks is": (len(state["tasks"]), self.tasks),
        }
        wrong = [f"{what} {found}, expected {wanted}" for what, (found, wanted) in seen.items() if found != wanted]
        if earlier and configured(state) != configured(earlier):
            wrong.append(f"the registry is not what it was in the step {self.as_in}")
        return wrong


@dataclass(frozen=True)
class Step:
    """rewritten: the hosts whose own state changes, and no other. then: what hosts hold after it."""

    heading: str
    text: str
    acts: Sequence[Act[FleetStage]]
    lesson: str
    rewritten: Sequence[str] = ()
    then: Mapping[str, Then] = field(default_factory=dict)

    def deviations(self, before: States, after: States, history: Mapping[str, States]) -> list[str]:
        """How the hosts differ from its text, a sentence each. history: the states after each earlier step."""
        wrong = [
            f"{host}: its state {'stayed' if host in self.rewritten else 'changed'}"
            for host in before
            if (before[host] != after[host]) != (host in self.rewritten)
        ]
        for host, then in self.then.items():
            earlier = history[then.as_in][host] if then.as_in else None
            wrong += [f"{host}: {what}" for what in then.deviations(after[host], earlier)]
        return wrong
