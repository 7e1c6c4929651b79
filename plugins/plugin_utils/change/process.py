# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who this run is, and whether another run of this controller is still alive."""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MAX_HOST = 60


@dataclass(frozen=True)
class Controller:
    """Where a process number means something. host: its name. namespace: its PID namespace, empty where it has none."""

    host: str = ""
    namespace: str = ""

    @classmethod
    def here(cls) -> Controller:
        host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:MAX_HOST] or "controller"
        with suppress(OSError):
            return cls(host, str(Path("/proc/self/ns/pid").stat().st_ino))
        return cls(host)


@dataclass(frozen=True)
class Process:
    """A process of a controller: its number, and when it started (clock ticks)."""

    controller: Controller
    pid: int
    started: int

    @classmethod
    def current(cls) -> Process:
        return cls(Controller.here(), os.getpid(), _started(os.getpid()) or 0)

    def is_dead(self) -> bool | None:
        """None where it cannot be told, because it runs elsewhere."""
        if self.controller != Controller.here():
            return None
        if self.pid == os.getpid():
            return True
        started = _started(self.pid)
        if started is not None:
            return started != self.started  # another process of that number, or a zombie: -1
        try:
            os.kill(self.pid, 0)
        except (OSError, OverflowError) as error:
            return not isinstance(error, PermissionError)
        return False


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; -1 for a zombie, None where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        return -1 if fields[0] == "Z" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
