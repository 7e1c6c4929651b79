"""Runs the demo: installs the collection as a user would, starts a simulated fleet, takes step after step."""

from __future__ import annotations

import shutil
from pathlib import Path

from checkout import ROOT
from closing import table
from fleet_acts import FleetStage
from host_state import States, states_of
from story import HARDEN, REPORT, SEE, STEPS
from telling import environment, heading, install, play, say, started

from simulated_windows.client import Fleet

DEMO = Path(__file__).resolve().parent
FILES = ("ansible.cfg", "nas.yml")


def main() -> int:
    """The whole demo; returns the exit status."""
    return started("demo", _tell)


def _tell(work: Path) -> None:
    print("winops.smb_guest on simulated Windows: building, installing, starting the hosts ...", flush=True)
    environ = environment()
    artefact = install(work, environ)
    for name in FILES:
        shutil.copy(DEMO / name, work)
    shutil.copytree(DEMO / "playbooks", work / "playbooks")
    with Fleet(DEMO / "fleet.yml") as fleet:
        shutil.copy(fleet.inventory_path, work / "inventory.yml")
        say(
            f"{artefact} is installed, and {len(fleet.hosts)} simulated hosts listen on loopback. "
            "No Windows runs here; the wire is real WinRM, through ansible's own winrm connection "
            "(NTLM, encrypted messages). Of what ansible-playbook prints, tasks that only say ok are left out."
        )
        stage = FleetStage(fleet=fleet, work=work, environ=environ)
        history = play(STEPS, stage, lambda: states_of(fleet))
        _close(history[SEE], history[HARDEN], list(history.values())[-1])


def _close(first: States, hard: States, now: States) -> None:
    heading("What the simulated hosts hold now")
    say("Guest logons at first, hardened and now; what decides; how the latest change stands in the journal.")
    print()
    for line in table(first, hard, now):
        print(f"  {line}")
    heading("Where to go next")
    print(
        f"  {REPORT.relative_to(ROOT)}/report.html\n"
        "                         the report of this fleet: open it in a browser\n"
        "  README.md              what the modules do, and how to use them on real hosts\n"
        "  playbooks, roles       what ran above: they run as they are on a real inventory\n"
        "  make demo-domain       a whole domain by Group Policy, in a real Samba domain (installs Samba)\n"
        "  make build             the artefact for `ansible-galaxy collection install`\n"
        "  make bench             what this costs on the wire, beside ansible.windows\n"
        "  make test              the whole quality gate"
    )
