# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host under change: its session, registry and journal, and holding it against other writers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from ..core.errors import HostState, leaving
from ..windows.operating_system import read_clock
from ..windows.registry import Registry
from ..winrm.session import Session
from .interruption import terminable
from .journal import Journal
from .lock import sole_writer


class Host:
    """One host under change: the session, and what of it a transaction needs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.registry = Registry(session)
        self.journal = Journal(self.registry)

    @contextmanager
    def held(self) -> Iterator[datetime]:
        """Hold the host against other writers; gives the host's clock. A signal to end is an exception in the block."""
        with leaving(HostState.NOTHING_WRITTEN):
            now = read_clock(self.session)
        with terminable(), sole_writer(self.registry, now):
            yield now
