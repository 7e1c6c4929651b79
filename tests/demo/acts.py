"""What happens in a step of any demo: a playbook runs, a file is shown or kept.

Each act runs, prints and returns what differs from its text, a sentence each.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from playbook_run import run_playbook
from transcript import Transcript

EXIT_STATUS = {"failed": 2, "unreachable": 4}
"""How ansible-playbook ends; the higher one wins."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the acts take place. work: the folder with the playbooks, the inventory and the installed collection.

    within: a command as it has to be started there.
    """

    work: Path
    environ: Mapping[str, str]
    within: Callable[[Sequence[str]], Sequence[str]] = list


Stage_contra = TypeVar("Stage_contra", bound=Stage, contravariant=True)


class Act(Protocol[Stage_contra]):
    """One thing that happens."""

    def perform(self, stage: Stage_contra) -> list[str]:
        """Run and print it; return what differs from its text."""


@dataclass(frozen=True)
class Run:
    """ansible-playbook. outcomes: the word for each host (see PlaybookRun.outcome). says: what its output holds."""

    arguments: Sequence[str]
    outcomes: Mapping[str, str]
    says: Sequence[str] = ()

    def perform(self, stage: Stage) -> list[str]:
        command = ["ansible-playbook", "-i", "inventory.yml", *self.arguments]
        print(f"\n$ {shlex.join(command)}", flush=True)
        run = run_playbook(stage.within(command), cwd=stage.work, environ=stage.environ, show=Transcript().take)
        outcomes = {host: self.outcomes.get(host, "absent") for host in sorted({*self.outcomes, *run.recap})}
        wrong = [
            f"{host}: expected {word}, was {run.outcome(host)}"
            for host, word in outcomes.items()
            if run.outcome(host) != word
        ]
        status = max(EXIT_STATUS.get(word, 0) for word in outcomes.values())
        if run.status != status:
            wrong.append(f"ansible-playbook ended with {run.status}, expected {status}")
        output = " ".join(run.output.split())  # Ansible breaks long lines
        return wrong + [f"the output does not say {text!r}" for text in self.says if text.strip() not in output]


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
