"""The domain's story as data: its steps, and what each must do to the domain and to its computer."""

from __future__ import annotations

from acts import Run
from domain_acts import Judge, Refresh
from domain_state import Step

ACCOUNT = "domain.yml"
COMPUTER = "WS1"
WORKSTATIONS, SCANNERS = "OU=Workstations", "OU=Scanners"
DEFAULT, OURS, FOREIGN = "Default Domain Policy", "SMB guest access closed", "Scanner share"

_CHANGED, _OK = {"localhost": "changed"}, {"localhost": "ok"}
_DN = f"{WORKSTATIONS},DC=ad,DC=example"
_LINK = '{"domain_harden_links": [{"target": "%s"%s}]}'
_HARDEN = ("winops.smb_guest.domain_harden", "-e", f"@{ACCOUNT}", "-e")
_WEAK, _ENFORCED = _LINK % (_DN, ""), _LINK % (_DN, ', "enforced": true')
_WHO = ("playbooks/who_wins.yml", "-e", f"@{ACCOUNT}", "-e", f"computer={COMPUTER}")
_CONTRADICTION = f"insecure_guest_logons is blocked in {OURS} and allowed in {FOREIGN}"

SEE, CLOSE = "See", "Close"

STEPS = (
    Step(
        SEE,
        f"Somebody once made a GPO for the scanners, with other tools. Who says what about guests on {COMPUTER}?",
        [
            Run(_WHO, _OK, says=[f"allowed by {FOREIGN}", "findings: []"]),
            Refresh([DEFAULT, FOREIGN]),
        ],
        "guest logons are allowed by a GPO that the collection did not make; Samba's client takes the same one.",
    ),
    Step(
        "Try",
        "The workstations are to be closed by one GPO of their own. A dry run:",
        [Run([*_HARDEN, _WEAK, "--check", "--diff"], _CHANGED, says=["+settings.insecure_guest_logons: blocked"])],
        "it says what would be. Not an attribute and not a byte of the domain was written.",
    ),
    Step(
        CLOSE,
        "For real: objects in the directory, files in SYSVOL, security, link. Samba's tools look at it afterwards.",
        [
            Run([*_HARDEN, _WEAK], _CHANGED, says=[_CONTRADICTION]),
            Judge(
                OURS,
                [
                    ("AllowInsecureGuestAuth", 0),
                    ("AuditInsecureGuestLogon", 1),
                    ("AuditServerDoesNotSupportSigning", 1),
                    ("AuditServerDoesNotSupportEncryption", 1),
                ],
                r"MACHINE\System\CurrentControlSet\Services\LanmanWorkstation\Parameters\RequireSecuritySignature=4,1",
            ),
            Refresh([DEFAULT, OURS, FOREIGN]),
        ],
        f"a GPO like any other. But {FOREIGN} contradicts it and is linked closer to {COMPUTER}: the last one wins.",
        rewritten=True,
    ),
    Step(
        "Why",
        "The same as a question: who wins, and why not the others?",
        [Run(_WHO, _OK, says=[f"allowed by {FOREIGN}", f"{FOREIGN} is linked closer to the computer", _CONTRADICTION])],
        "the collection and Samba's client agree.",
    ),
    Step(
        "Enforce",
        "No unit below may override it: the link is enforced.",
        [
            Run([*_HARDEN, _ENFORCED], _CHANGED),
            Run(_WHO, _OK, says=[f"blocked by {OURS}", f"{OURS} is enforced at {_DN}"]),
            Refresh([DEFAULT, FOREIGN, OURS]),
        ],
        f"now it comes last on {COMPUTER}.",
        rewritten=True,
    ),
    Step(
        "Again",
        "Nothing is left to do.",
        [Run([*_HARDEN, _ENFORCED], _OK)],
        "nothing was written; the version is the same, so no client reads it anew.",
    ),
    Step(
        "Undo",
        "The scanners stand still. Back to where it was, in one go.",
        [
            Run(("playbooks/undo.yml", "-e", f"@{ACCOUNT}", "--diff"), _CHANGED),
            Run(_WHO, _OK, says=[f"allowed by {FOREIGN}", "create reverted", "edit reverted"]),
            Refresh([DEFAULT, FOREIGN]),
        ],
        "every object, link, file and access right is what it was at first. The journal remembers what had been done.",
        rewritten=True,
        as_in=SEE,
    ),
)
