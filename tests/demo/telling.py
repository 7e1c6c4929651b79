"""How any demo runs: started, installed as a user would, each step checked against its text, ended."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from acts import Act, Stage
from checkout import ROOT, clean_environ
from interrupts import interrupt_on_signals


class DemoFailed(Exception):
    """A step did not do what its text announces; the message says which."""


StateT = TypeVar("StateT")


class Step(Protocol[StateT]):
    """One step of a story."""

    @property
    def heading(self) -> str:
        """What the step is called."""

    @property
    def text(self) -> str:
        """What is printed before it."""

    @property
    def acts(self) -> Sequence[Act[Stage]]:
        """What is done."""

    @property
    def lesson(self) -> str:
        """What is to be seen."""

    def deviations(self, before: StateT, after: StateT, history: Mapping[str, StateT]) -> list[str]:
        """What differs from its text, a sentence each. history: the states after each earlier step, by heading."""


def started(target: str, story: Callable[[Path], None]) -> int:
    """Run a story in a folder of its own; the exit status. target: what make calls it."""
    if not (Path(sys.executable).parent / "ansible-playbook").is_file():
        print(f"This needs its own environment. Start it with: make {target}", file=sys.stderr)
        return 2
    interrupt_on_signals()
    try:
        with tempfile.TemporaryDirectory(prefix=f"winops-{target}-") as folder:
            story(Path(folder))
    except DemoFailed as failure:
        print(f"\nThe demo failed. {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Everything that the demo had started is stopped.", file=sys.stderr)
        return 130
    return 0


def play(steps: Sequence[Step[StateT]], stage: Stage, look: Callable[[], StateT]) -> dict[str, StateT]:
    """All steps, one after the other; the states after each, by heading. look: the state as it is now.

    Raises DemoFailed where something differs from its text.
    """
    now = look()
    history: dict[str, StateT] = {}
    for number, step in enumerate(steps, 1):
        heading(f"{number}/{len(steps)}  {step.heading}")
        say(step.text)
        wrong = [deviation for act in step.acts for deviation in act.perform(stage)]
        before, now = now, look()
        if wrong := wrong + step.deviations(before, now, history):
            raise DemoFailed(f"Step {step.heading}: {'; '.join(wrong)}.")
        history[step.heading] = now
        print()
        say(f"As expected: {step.lesson}")
    return history


def environment() -> dict[str, str]:
    """Of everything that is started."""
    environ = clean_environ(Path(sys.executable).parent)
    del environ["ANSIBLE_COLLECTIONS_PATH"]  # the installed collection, not the checkout
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        del environ["ANSIBLE_NOCOLOR"]
        environ["ANSIBLE_FORCE_COLOR"] = "1"
    return environ


def install(work: Path, environ: Mapping[str, str]) -> str:
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


def heading(text: str) -> None:
    print(f"\n\n== {text} {'=' * max(75 - len(text), 3)}\n", flush=True)


def say(text: str) -> None:
    print(textwrap.fill(text, 79), flush=True)
