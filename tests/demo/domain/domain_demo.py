"""Runs the demo of the domain: starts a real one, joins a computer to it, takes step after step."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from domain_acts import DomainStage
from domain_state import DomainState, state_of
from domain_story import ACCOUNT, COMPUTER, FOREIGN, SCANNERS, STEPS, WORKSTATIONS
from foreign_gpo import make_foreign_gpo
from member import Member
from samba_dc import DidNotStart, SambaDc
from telling import DemoFailed, environment, heading, install, play, say, started

HERE = Path(__file__).resolve().parent


def main() -> int:
    """The whole demo; returns the exit status."""
    return started("demo-domain", _tell)


def _tell(work: Path) -> None:
    print("winops.smb_guest in a Samba domain: building, installing, starting the domain ...", flush=True)
    environ = environment()
    artefact = install(work, environ)
    shutil.copy(HERE.parent / "ansible.cfg", work)
    shutil.copytree(HERE / "playbooks", work / "playbooks")
    with tempfile.TemporaryDirectory(prefix="winops-dc-") as folder:
        try:
            with SambaDc.started(Path(folder)) as dc:
                stage = _settled(dc, work, environ)
                say(
                    f"{artefact} is installed. {dc.domain} is a real Active Directory domain of Samba's, with "
                    f"{COMPUTER} joined to it. No Windows runs here: Samba's own Group Policy client and samba-tool "
                    "are the judges. Of what ansible-playbook prints, tasks that only say ok are left out."
                )
                _close(play(STEPS, stage, lambda: state_of(dc)))
        except DidNotStart as failure:
            raise DemoFailed(str(failure)) from failure


def _settled(dc: SambaDc, work: Path, environ: dict[str, str]) -> DomainStage:
    """Two units, a computer in the lower one, and a GPO that somebody made there long ago."""
    for unit in (WORKSTATIONS, f"{SCANNERS},{WORKSTATIONS}"):
        dc.tool("ou", "create", f"{unit},{dc.dn}")
    names = [unit.removeprefix("OU=") for unit in (WORKSTATIONS, SCANNERS)]
    member = Member.joined(dc, COMPUTER, "/".join(names))
    make_foreign_gpo(dc, FOREIGN, f"{SCANNERS},{WORKSTATIONS},{dc.dn}")
    for name, variables in {
        ACCOUNT: {
            "domain_harden_domain": dc.domain,
            "domain_harden_username": dc.administrator,
            "domain_harden_password": dc.password,
        },
        "inventory.yml": {
            "all": {
                "hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
            }
        },
    }.items():
        (work / name).touch(mode=0o600)
        (work / name).write_text(json.dumps(variables))  # JSON is YAML
    return DomainStage(
        work=work, environ=environ | dc.kerberos, within=lambda command: dc.inside(*command), dc=dc, member=member
    )


def _close(history: dict[str, DomainState]) -> None:
    heading("What the domain holds now")
    first, *_between, last = history.values()
    say(f"{len(last)} objects and files of Group Policy, {len(first)} at first, each of them the same bit for bit.")
    heading("Where to go next")
    print(
        "  docs/domain.md         from a pilot unit to the whole domain, and back\n"
        "  roles/domain_harden    what ran above; domain_exception is for those who cannot do without guests\n"
        "  make demo              the fleet host by host, on simulated Windows\n"
        "  make domain            what is tested in such a domain"
    )
