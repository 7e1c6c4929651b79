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
from typing import Any

from checkout import ROOT, clean_environ
from playbook_run import run_playbook
from processes import interrupt_on_signals
from story import STEPS, Step, summary, summary_deviations

from simulated_windows.client import Fleet

DEMO = Path(__file__).resolve().parent


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
    shutil.copy(DEMO / "ansible.cfg", work)
    shutil.copytree(DEMO / "playbooks", work / "playbooks")
    with Fleet(DEMO / "fleet.yml") as fleet:
        shutil.copy(fleet.inventory_path, work / "inventory.yml")
        _say(
            f"{artefact} is installed, and {len(fleet.hosts)} simulated hosts listen on loopback. "
            "No Windows runs here; the wire is real WinRM, through ansible's own winrm connection "
            "(NTLM, encrypted messages)."
        )
        first = before = _states(fleet)
        for number, step in enumerate(STEPS, 1):
            before = _take(number, step, fleet, work, environ, before)
        _close(first, before)


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


def _states(fleet: Fleet) -> dict[str, Any]:
    return {host: fleet.control.state(host) for host in fleet.hosts}


def _take(
    number: int, step: Step, fleet: Fleet, work: Path, environ: Mapping[str, str], before: dict[str, Any]
) -> dict[str, Any]:
    """Run a step in front of the user and hold it to its word; return the hosts' states after it."""
    command = ["ansible-playbook", "-i", "inventory.yml", *step.arguments]
    _heading(f"{number}/{len(STEPS)}  {step.heading}")
    _say(step.told)
    print(f"\n$ {shlex.join(command)}", flush=True)
    run = run_playbook(command, cwd=work, environ=environ, show=_passed_on)
    after = _states(fleet)
    if wrong := step.deviations(run, before, after):
        raise DemoFailed(f"Step {step.heading}: {'; '.join(wrong)}.")
    _say(f"As expected: {step.lesson}")
    return after


def _close(before: dict[str, Any], after: dict[str, Any]) -> None:
    _heading("What the simulated hosts hold now")
    rows = summary(before, after)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip())
    if wrong := summary_deviations(before, after):
        raise DemoFailed("; ".join(wrong) + ".")
    _heading("Where to go next")
    print(
        "  README.md              what the modules do, and how to use them on real hosts\n"
        "  tests/demo/playbooks   the playbooks above: plain YAML, they run as they are on a real inventory\n"
        "  make build             the artefact for `ansible-galaxy collection install`\n"
        "  make bench             what this costs on the wire, beside ansible.windows\n"
        "  make test              the whole quality gate"
    )


def _passed_on(line: str) -> None:
    print(line, flush=True)


def _heading(text: str) -> None:
    print(f"\n\n== {text} {'=' * max(75 - len(text), 3)}\n", flush=True)


def _say(text: str) -> None:
    print(textwrap.fill(text, 79), flush=True)
