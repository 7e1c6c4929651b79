"""Runs checks as processes: output in a log, none left behind, none for ever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import NoReturn

from counts import Counts, from_exit, from_junit
from stages import Check

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
CHECK_LIMIT_S = 60 * 60
"""A check that takes longer hangs: it is stopped and counted as failed. On a busy machine one may take half of that."""


class Processes:
    """The commands that are running, each in a process group of its own, so that none outlives the gate."""

    def __init__(self, *, live: bool = False) -> None:
        """Nothing runs. `live` prints what a check says while it says it."""
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._live = live
        self.stopping = False

    def run(self, check: Check, environ: dict[str, str], log: Path) -> Counts:
        """Run a check to its end, its output in the file `log`; return what it ran."""
        if not check.junit:
            return from_exit(self._run(check, environ, log))
        shutil.rmtree(check.junit, ignore_errors=True)
        status = self._run(check, environ, log)
        return from_junit(sorted(check.junit.glob("*.xml")), status)

    def _run(self, check: Check, environ: dict[str, str], log: Path) -> int:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as said:
            said.write(f"--- {check.name}: {' '.join(check.command)}\n")
            with self._lock:
                if self.stopping:
                    return 1
                process = subprocess.Popen(
                    check.command,
                    cwd=check.cwd,
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
                self._running.add(process)
            alarm = threading.Timer(CHECK_LIMIT_S, self._overdue, [check, process])
            alarm.daemon = True
            alarm.start()
            assert process.stdout
            for line in process.stdout:
                said.write(line)
                if self._live:
                    print(line, end="", flush=True)
            status = process.wait()
        alarm.cancel()
        with self._lock:
            self._running.discard(process)
        return status

    def _overdue(self, check: Check, process: subprocess.Popen[str]) -> None:
        print(f"{check.name}: no end after {CHECK_LIMIT_S} s, stopped", flush=True)
        _end(process)

    def stop(self) -> None:
        """Let everything that runs clean up and end; start nothing more. For the main thread."""
        for number in INTERRUPTS:  # a second Ctrl-C must not leave the half behind
            signal.signal(number, signal.SIG_IGN)
        with self._lock:
            self.stopping = True
            running = list(self._running)
        for process in running:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt first: pytest and molecule then stop what they started. Workers that outlive them end as well."""
    for number, patience_s in ((signal.SIGINT, 15), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
            given_up = time.monotonic() + patience_s
            while time.monotonic() < given_up:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.1)
        except ProcessLookupError:
            return


def interrupt_on_signals() -> None:
    """Make being terminated the same as Ctrl-C, and Ctrl-C work even for a background job of a shell."""
    for number in INTERRUPTS:
        signal.signal(number, _raise_interrupt)


def _raise_interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
