"""Runs `ansible-playbook` as a user would, in a process group of its own, and reads what it says at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 600
"""No run here takes a tenth of it; one that does hangs and is stopped."""
PATIENCE_S = 10

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
RECAP_LINE = re.compile(r"^(\S+)\s+: (ok=\d+ .*)$", re.MULTILINE)
COUNT = re.compile(r"(\w+)=(\d+)")


@dataclass(frozen=True)
class PlaybookRun:
    """What a run left: its exit status, its text without colours, its recap by host ({"ok": 1, "changed": 0, ...})."""

    status: int
    output: str
    recap: Mapping[str, Mapping[str, int]]
    wall_s: float

    def outcome(self, host: str) -> str:
        """One word for how it went for a host: unreachable, failed, changed, ok, or absent."""
        counts = self.recap.get(host, {})
        return next((word for word in ("unreachable", "failed", "changed", "ok") if counts.get(word)), "absent")


def run_playbook(
    command: Sequence[str], *, cwd: Path, environ: Mapping[str, str], show: Callable[[str], object] | None = None
) -> PlaybookRun:
    """Run a command line that starts with `ansible-playbook`; `show` gets each line of its output.

    Nothing of it is left when this returns or raises. A run of more than LIMIT_S is killed: its status is negative.
    """
    started = time.monotonic()
    lines = []
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    overdue = threading.Timer(LIMIT_S, os.killpg, [process.pid, signal.SIGKILL])
    overdue.daemon = True
    overdue.start()
    try:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if show:
                show(line.rstrip())
        status = process.wait()
    finally:
        overdue.cancel()
        _end(process)
    output = COLOUR.sub("", "".join(lines))
    recap = {
        host: {name: int(number) for name, number in COUNT.findall(counts)}
        for host, counts in RECAP_LINE.findall(output.rpartition("PLAY RECAP")[2])
    }
    return PlaybookRun(status, output, recap, time.monotonic() - started)


def _end(process: subprocess.Popen[str]) -> None:
    """End what still runs. Politely first: Ansible's workers lead sessions of their own, which it ends itself."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
            break
    assert process.stdout
    process.stdout.close()
