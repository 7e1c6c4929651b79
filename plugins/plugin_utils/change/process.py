# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who this run is, and whether another run of this control node is still alive."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MAX_HOST = 60
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MACHINE_ID = Path("/etc/machine-id")
PID_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True)
class ControlNode:
    """Where a process number means something. host: its name, for people. namespace: of a running system and its
    PID namespace, like no other; empty where nothing tells this system from another."""

    host: str = ""
    namespace: str = ""

    @classmethod
    def here(cls) -> ControlNode:
        host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:MAX_HOST] or "controller"
        return cls(host, _namespace())


def _namespace() -> str:
    """16 hexadecimal digits, or an empty string.

    The number of the PID namespace alone is the same on every Linux that is in its initial one. So the boot id comes
    with it, or the machine id where a system has no boot id.
    """
    system = _line(BOOT_ID) or _line(MACHINE_ID)
    if not system:
        return ""
    space = 0
    with suppress(OSError):
        space = PID_NAMESPACE.stat().st_ino
    return hashlib.sha256(f"{system} {space}".encode()).hexdigest()[:16]


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


@dataclass(frozen=True)
class Process:
    """A process of a control node: its number, and when it started (clock ticks)."""

    controller: ControlNode
    pid: int
    started: int

    @classmethod
    def current(cls) -> Process:
        return cls(ControlNode.here(), os.getpid(), _started(os.getpid()) or 0)

    def is_dead(self) -> bool | None:
        """None where that is not known: it runs elsewhere, or nothing tells this system from another."""
        here = ControlNode.here()
        if self.controller != here or not here.namespace:
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
