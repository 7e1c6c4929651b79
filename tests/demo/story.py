"""The demo's story as data: its steps, and what each must do to each host."""

from __future__ import annotations

from acts import Keep, Run, Show
from checkout import CACHE
from fleet_acts import Connect, Wait
from steps import Step, Then

SEE, HARDEN = "See", "Harden"
REPORT = CACHE / "demo-report"

OFF, GOVERNED = "ws-off", "ws-gpo"
NEEDY = "ws-24h2"
"""It has to reach the NAS."""
OLD = "ws-22h2"
"""It reaches the NAS without being asked."""
OPEN = ("ws-20h2", OLD)
CLOSED = ("ws-1809", NEEDY, "srv-2019", "srv-2025")

REFUSED = (31017,)
LET_IN = (31022, 31997, 31998, 31999)
"""With the audits that enable_guest switches on."""
REFUSED_AND_AUDITED = (31017, 31998, 31999)


def _all(word: str, *hosts: str) -> dict[str, str]:
    return dict.fromkeys(hosts, word)


def _then(then: Then, *hosts: str) -> dict[str, Then]:
    return dict.fromkeys(hosts, then)


_OPENING = ("winops.smb_guest.enable_guest", "--limit", NEEDY, "-e", "@nas.yml")
_HARDENING = ("winops.smb_guest.harden", "-e", "harden_scopes=local")
_WHY = ("playbooks/why.yml", "--limit", NEEDY)

STEPS = (
    Step(
        SEE,
        f"Which hosts allow guest logons, and what decides it. {OFF} is switched off: it shows as unreachable.",
        [Run(["playbooks/facts.yml"], _all("ok", *CLOSED, *OPEN, GOVERNED) | _all("unreachable", OFF))],
        f"{len(OPEN) + 1} hosts allow insecure guest logons; {OFF} could not be asked.",
        then=_then(Then("blocked"), *CLOSED) | _then(Then("allowed"), *OPEN, GOVERNED, OFF),
    ),
    Step(
        "Why",
        f"The scanner's share is on an old NAS that knows no accounts, and {NEEDY} cannot reach it. What stops it?",
        [
            Connect(NEEDY, connected=False, events=REFUSED),
            Run(_WHY, _all("ok", NEEDY), says=["because_of: insecure_guest_logons, client_signing"]),
        ],
        "two settings stand in the way. Allowing guests alone would have achieved nothing.",
        rewritten=[NEEDY],
    ),
    Step(
        "Try",
        "Guest logons are allowed only with a reason, for a time, and with all that is relaxed named. A dry run:",
        [
            Show("nas.yml"),
            Run(
                [*_OPENING, "--check", "--diff"],
                _all("changed", NEEDY),
                says=["Check mode: would allow insecure guest logons"],
            ),
        ],
        "the host is what it was before. Nothing was written.",
        then=_then(Then("blocked", as_in=SEE), NEEDY),
    ),
    Step(
        "Open",
        "The same, for real. The journal and the scheduled task that ends it come before the first write.",
        [
            Run(
                _OPENING,
                _all("changed", NEEDY),
                says=[f"Allowed insecure guest logons on {NEEDY}", "Revert it now: ansible-playbook"],
            ),
            Connect(NEEDY, connected=True, events=LET_IN),
        ],
        "the NAS can be reached, and Windows logs that it was a guest (31022).",
        rewritten=[NEEDY],
        then=_then(Then("allowed", journal=["applied"], tasks=1), NEEDY),
    ),
    Step(
        "Expire",
        "Everybody goes home, and no controller comes back to close it.",
        [
            Wait(NEEDY, hours=8),
            Connect(NEEDY, connected=False, events=REFUSED),
            Run(_WHY, _all("ok", NEEDY), says=["reverted, expired: restored by the host itself"]),
        ],
        "the host closed itself. Its registry is what it was, bit for bit; the scheduled task is gone.",
        rewritten=[NEEDY],
        then=_then(Then("blocked", journal=["reverted"], as_in=SEE), NEEDY),
    ),
    Step(
        HARDEN,
        f"Now the whole fleet. {OLD} allows guest logons by default and does not log them. Group Policy allows them on "
        f"{GOVERNED} and would win: that has to fail, and to name the value.",
        [
            Connect(OLD, connected=True),
            Run(
                _HARDENING,
                _all("changed", *CLOSED, *OPEN) | _all("failed", GOVERNED) | _all("unreachable", OFF),
                says=["insecure_guest_logons is allowed, not blocked: ", "Written: "],
            ),
            Connect(OLD, connected=False, events=REFUSED),
            Connect(NEEDY, connected=False, events=REFUSED_AND_AUDITED),
        ],
        f"no host that was reached accepts guests; on {GOVERNED} signing alone blocks them, and the report says so.",
        rewritten=[*CLOSED, *OPEN, GOVERNED],
        then=_then(Then("blocked", journal=["applied"]), *CLOSED, *OPEN, GOVERNED)
        | _then(Then("blocked", journal=["reverted", "applied"]), NEEDY)
        | _then(Then("allowed"), OFF),
    ),
    Step(
        "Again",
        "Nothing is left to do.",
        [
            Run(
                [*_HARDENING, "--limit", f"all:!{GOVERNED}:!{OFF}"],
                _all("ok", *CLOSED, *OPEN),
                says=["Nothing to change on "],
            )
        ],
        "nothing changed.",
    ),
    Step(
        "Undo",
        f"{OLD} turns out to drive the scanner as well. Its latest change is undone until that is sorted out.",
        [
            Run(
                ["winops.smb_guest.revert", "-e", "revert_latest=true", "--limit", OLD, "--diff"],
                _all("changed", OLD),
                says=["Reverted: change "],
            ),
            Connect(OLD, connected=True),
        ],
        "exactly what was there before, absent values included. The other hosts stay hard.",
        rewritten=[OLD],
        then=_then(Then("allowed", journal=["reverted"], as_in=SEE), OLD),
    ),
    Step(
        "Report",
        f"The auditor asks where the fleet stands. One connection to each host, one page; {OFF} is named.",
        [
            Run(
                ["winops.smb_guest.audit"],
                _all("ok", *CLOSED, *OPEN, GOVERNED, OFF),
                says=[
                    f"Could not be read: {OFF}",
                    (
                        "insecure guest logons (SMB2/SMB3) are allowed on 1, "
                        "allowed but fail for signing or encryption on 1"
                    ),
                ],
            ),
            Keep("smb_guest_report", REPORT),
        ],
        "no host was changed by it.",
    ),
)
