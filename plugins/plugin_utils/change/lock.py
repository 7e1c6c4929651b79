# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer at a time on a host, without any atomic operation but "this key exists".

Every run makes a key for itself, then lists all of them. A run that is alone has the lock. Where several are there at
once none is alone: the one whose name sorts first waits for the others to go, the others step back. A claim names its
process: on the same control node a dead process is seen at once; the claim of another one, or of a control node that
nothing tells from another, counts as dead after `LEASE`.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..core.errors import HostError, HostState, SmbGuestError, leaving
from ..windows.computer import RunningClock, read_clock
from ..windows.registry import Registry
from .interruption import terminable
from .journal import Host
from .marks import CHANGES, marks_among
from .process import ControlNode, Process

LOCK = CHANGES
"""Beside the marks of expiries, so that one listing shows both."""
_PREFIX = "~lock~"
"""No mark begins so: a mark begins with the name of a change."""
LEASE = timedelta(minutes=15)

_NAME = re.compile(_PREFIX + r"(\d{1,12})~([A-Za-z0-9.-]{1,60})~([0-9a-f]{0,20})~(\d{1,12})~(\d{1,20})~[0-9a-f]{8}")
_POLLS = 40
_PAUSE = 0.25


class HostBusy(HostError):
    """Somebody else is changing this host right now."""


@dataclass(frozen=True)
class _Claim:
    name: str
    since: datetime
    owner: Process

    @classmethod
    def parse(cls, name: str) -> _Claim | None:
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        owner = Process(ControlNode(match[2], match[3]), int(match[4]), int(match[5]))
        try:
            return cls(name, datetime.fromtimestamp(int(match[1]), UTC), owner)
        except (ValueError, OverflowError, OSError):
            return None

    def is_dead(self, now: datetime) -> bool:
        dead = self.owner.is_dead()
        # Of the future: the host's clock was set back since.
        return abs(now - self.since) > LEASE if dead is None else dead


@contextmanager
def locked(host: Host) -> Iterator[datetime]:
    """Lock the host against other writers; gives the host's clock. A signal to end is an exception in the block."""
    with leaving(HostState.NOTHING_WRITTEN):
        now = read_clock(host.session)
    host.clock = RunningClock.of(now)
    with terminable(), sole_writer(host.registry, now) as names:
        host.marks = marks_among(names)
        yield now


@contextmanager
def sole_writer(registry: Registry, now: datetime) -> Iterator[tuple[str, ...]]:
    """Hold the host for the time of the block; gives the keys below LOCK as they were seen when it was alone there.

    now: by the host's clock. Raises HostBusy.
    """
    me = Process.current()
    where = f"{me.controller.host}~{me.controller.namespace}"
    name = f"{_PREFIX}{int(now.timestamp())}~{where}~{me.pid}~{me.started}~{secrets.token_hex(4)}"
    try:
        with leaving(HostState.NOTHING_WRITTEN):
            registry.create_key(f"{LOCK}\\{name}")
            names = _wait_until_alone(registry, name, now)
        yield names
    finally:
        # A claim left behind is that of a dead process soon: no reason to hide what happened in the block.
        with suppress(SmbGuestError):
            registry.delete_key(f"{LOCK}\\{name}")


def _wait_until_alone(registry: Registry, name: str, now: datetime) -> tuple[str, ...]:
    for _unused in range(_POLLS):
        living: list[_Claim] = []
        names = registry.subkeys(LOCK)
        for other in names:
            if other.lower() == name.lower() or not other.lower().startswith(_PREFIX):
                continue
            claim = _Claim.parse(other)
            if claim is None or claim.is_dead(now):
                registry.delete_key(f"{LOCK}\\{other}")
            else:
                living.append(claim)
        if not living:
            return names
        if min(claim.name for claim in living) < name:
            break
        time.sleep(_PAUSE)
    owner = living[0].owner
    raise HostBusy(
        f"Another run is changing this host right now (process {owner.pid} on {owner.controller.host}, "
        f"since {living[0].since:%Y-%m-%dT%H:%M:%SZ}). Run again when it has finished. A crashed run of another "
        f"control node loses the lock after {LEASE.seconds // 60} minutes."
    )
