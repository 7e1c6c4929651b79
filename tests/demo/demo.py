"""Tells the demo's story: installs the collection as a user would, starts a simulated fleet, takes step after step."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

from acts import Stage
from checkout import ROOT, clean_environ
from closing import table
from host_state import States, states_of
from processes import interrupt_on_signals
from steps import Step
from story import HARDEN, REPORT, SEE, STEPS

from simulated_windows.client import Fleet

DEMO = Path(__file__).resolve().parent
FILES = ("ansible.cfg", "nas.yml")


class DemoFailed(Exception):
    """The story did not go as told; the message says where."""


def main() -> int:
    """The whole demo; returns the exit status."""
    if not (Path(sys.executable).parent / "ansible-playbook").is_file():
        print("This needs its own environment. Start it with: make demo", file=sys.stderr)
        return 2
    interrupt_on_signals()
    try:
        with tempfile.TemporaryDirectory(prefix="winops-demo-") as folder:
            _tell(Path(folder))
    except DemoFailed as failure:
        print(f"\nThe demo failed. {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Everything that the demo had started is stopped.", file=sys.stderr)
        return 130
    return 0


def _tell(work: Path) -> None:
    print("winops.smb_guest on simulated Windows: building, installing, starting the hosts ...", flush=True)
    environ = _environ()
    artefact = _install(work, environ)
    for name in FILES:
        shutil.copy(DEMO / name, work)
    shutil.copytree(DEMO / "playbooks", work / "playbooks")
    with Fleet(DEMO / "fleet.yml") as fleet:
        shutil.copy(fleet.inventory_path, work / "inventory.yml")
        _say(
            f"{artefact} is installed, and {len(fleet.hosts)} simulated hosts listen on loopback. "
            "No Windows runs here; the wire is real WinRM, through ansible's own winrm connection "
            "(NTLM, encrypted messages). Of what ansible-playbook prints, tasks that only say ok are left out."
        )
        stage = Stage(fleet, work, environ)
        now = states_of(fleet)
        history: dict[str, States] = {}
        for number, step in enumerate(STEPS, 1):
            now = history[step.heading] = _take(number, step, stage, now, history)
        _close(history[SEE], history[HARDEN], now)


def _environ() -> dict[str, str]:
    environ = clean_environ(Path(sys.executable).parent)
    del environ["ANSIBLE_COLLECTIONS_PATH"]  # the installed collection, not the checkout
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        del environ["ANSIBLE_NOCOLOR"]
        environ["ANSIBLE_FORCE_COLOR"] = "1"
    return environ


def _install(work: Path, environ: Mapping[str, str]) -> str:
    """Build the collection and install the artefact into `work`/collections; return the artefact's name."""
    galaxy = ["ansible-galaxy", "collection"]
    _quietly([*galaxy, "build", "--output-path", str(work)], ROOT, environ)
    (artefact,) = work.glob("*.tar.gz")
    _quietly([*galaxy, "install", artefact.name, "-p", "collections", "--offline", "--no-deps"], work, environ)
    return artefact.name


def _quietly(command: list[str], cwd: Path, environ: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DemoFailed(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _take(number: int, step: Step, stage: Stage, before: States, history: Mapping[str, States]) -> States:
    """Let a step happen in front of the user and hold it to its word; return the hosts' states after it."""
    _heading(f"{number}/{len(STEPS)}  {step.heading}")
    _say(step.told)
    wrong = [deviation for act in step.acts for deviation in act.perform(stage)]
    after = states_of(stage.fleet)
    if wrong := wrong + step.deviations(before, after, history):
        raise DemoFailed(f"Step {step.heading}: {'; '.join(wrong)}.")
    print()
    _say(f"As expected: {step.lesson}")
    return after


def _close(first: States, hard: States, now: States) -> None:
    _heading("What the simulated hosts hold now")
    _say("Guest logons at first, hardened and now; what decides; how the latest change stands in the journal.")
    print()
    for line in table(first, hard, now):
        print(f"  {line}")
    _heading("Where to go next")
    print(
        f"  {REPORT.relative_to(ROOT)}/report.html\n"
        "                         the report of this fleet: open it in a browser\n"
        "  README.md              what the modules do, and how to use them on real hosts\n"
        "  playbooks, roles       what ran above: they run as they are on a real inventory\n"
        "  make build             the artefact for `ansible-galaxy collection install`\n"
        "  make bench             what this costs on the wire, beside ansible.windows\n"
        "  make test              the whole quality gate"
    )


def _heading(text: str) -> None:
    print(f"\n\n== {text} {'=' * max(75 - len(text), 3)}\n", flush=True)


def _say(text: str) -> None:
    print(textwrap.fill(text, 79), flush=True)
