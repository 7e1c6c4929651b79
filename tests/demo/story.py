"""The demo's story as data: its steps, what each must do to each host, and how the hosts' own state tells.

The state is read from the simulated fleet's control port, behind the back of the collection: shapes are those of
`ControlClient.state`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playbook_run import PlaybookRun

State = Mapping[str, Any]

OFF, GOVERNED = "ws-off", "ws-gpo"
OPEN = ("ws-20h2", "ws-22h2")
CLOSED = ("ws-1809", "ws-24h2", "srv-2019", "srv-2025")

POLICIES = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
GUEST_VALUE = "AllowInsecureGuestAuth"
BLOCKERS = ("RequireSecuritySignature", "RequireEncryption")

EXIT_STATUS = {"failed": 2, "unreachable": 4}
"""The bits of ansible-playbook's exit status."""


@dataclass(frozen=True)
class Step:
    """One run of ansible-playbook. outcomes: the word for each host; rewritten: the hosts whose own state changes."""

    heading: str
    told: str
    arguments: Sequence[str]
    outcomes: Mapping[str, str]
    rewritten: Sequence[str] = ()
    says: Sequence[str] = ()
    lesson: str = ""

    def deviations(self, run: PlaybookRun, before: Mapping[str, State], after: Mapping[str, State]) -> list[str]:
        """What did not go as the step says, a sentence each."""
        wrong = [
            f"{host}: expected {self.outcomes.get(host, 'absent')}, was {run.outcome(host)}"
            for host in sorted({*self.outcomes, *run.recap})
            if run.outcome(host) != self.outcomes.get(host, "absent")
        ]
        status = sum(EXIT_STATUS.get(word, 0) for word in set(self.outcomes.values()))
        if run.status != status:
            wrong.append(f"ansible-playbook ended with {run.status}, expected {status}")
        wrong += [
            f"{host}: its state {'stayed' if host in self.rewritten else 'changed'}"
            for host in before
            if (before[host] != after[host]) != (host in self.rewritten)
        ]
        wrong += [f"the output does not say {text!r}" for text in self.says if text not in run.output]
        return wrong


def _all(word: str, *hosts: str) -> dict[str, str]:
    return dict.fromkeys(hosts, word)


_MANAGEABLE = ("--limit", f"all:!{GOVERNED}:!{OFF}")
_CLOSING = _all("ok", *CLOSED) | _all("changed", *OPEN)
_DIFF = ("-  effective: allowed", "+  effective: blocked")

STEPS = (
    Step(
        "See",
        f"Who lets guests in, and what decides it. {OFF} is switched off: it has to show as unreachable.",
        ["playbooks/facts.yml"],
        _all("ok", *CLOSED, *OPEN, GOVERNED) | _all("unreachable", OFF),
        lesson=f"{len(OPEN) + 1} hosts let guests in; {OFF} could not be asked.",
    ),
    Step(
        "Try",
        "A dry run with diff. It writes nothing.",
        ["playbooks/block_guests.yml", "--check", "--diff", *_MANAGEABLE],
        _CLOSING,
        says=_DIFF,
        lesson=f"{' and '.join(OPEN)} would change. The state of every host is what it was before.",
    ),
    Step(
        "Change",
        "The same, for real. Each write is read back.",
        ["playbooks/block_guests.yml", "--diff", *_MANAGEABLE],
        _CLOSING,
        rewritten=OPEN,
        says=_DIFF,
        lesson=f"{' and '.join(OPEN)} changed, and no other host.",
    ),
    Step(
        "Again",
        "Nothing is left to do.",
        ["playbooks/block_guests.yml", *_MANAGEABLE],
        _all("ok", *CLOSED, *OPEN),
        lesson="nothing changed.",
    ),
    Step(
        "Refuse",
        f"Group Policy governs {GOVERNED} and would win. This has to fail, and to name the value that decides.",
        ["playbooks/block_guests.yml", "--limit", GOVERNED],
        _all("failed", GOVERNED),
        says=[rf"{POLICIES}\{GUEST_VALUE}", "Nothing was written."],
        lesson="refused, and nothing was written.",
    ),
)


def verdict(state: State) -> str:
    """Whether this host's SMB client, as it runs, lets an insecure guest logon succeed."""
    client = state["smb_client"]
    allowed = client["EnableInsecureGuestLogons"] and not any(client.get(name) for name in BLOCKERS)
    return "allowed" if allowed else "blocked"


def decided_by(state: State) -> str:
    """Where the guest setting of a host comes from, in the order in which Windows looks."""
    for key, source in ((POLICIES, "Group Policy"), (PARAMETERS, "a value on the host")):
        if GUEST_VALUE in state["registry"].get(key, {}):
            return source
    return "this Windows' default"


def summary(before: Mapping[str, State], after: Mapping[str, State]) -> list[tuple[str, str, str, str]]:
    """The closing table: host, Windows, guest logons before and after, who decides."""
    rows = [("Host", "Windows", "Guest logons", "Decided by")]
    for host, state in after.items():
        windows = state["os"]["caption"].removeprefix("Microsoft ")
        windows += "" if "Server" in windows else f" {state['os']['version']}"
        was, is_now = verdict(before[host]), verdict(state)
        note = " (never reached)" if host == OFF else ""
        rows.append((host, windows, f"{was} -> {is_now}", decided_by(state) + note))
    return rows


def summary_deviations(before: Mapping[str, State], after: Mapping[str, State]) -> list[str]:
    """What the closing table must not show."""
    expected = _all("allowed", OFF, GOVERNED) | _all("blocked", *CLOSED, *OPEN)
    start = expected | _all("allowed", *OPEN)
    return [
        f"{host}: guest logons {when} are {verdict(states[host])}, expected {wanted[host]}"
        for when, states, wanted in (("before", before, start), ("after", after, expected))
        for host in wanted
        if verdict(states[host]) != wanted[host]
    ]
