# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a host as facts."""

from __future__ import annotations

from datetime import timedelta

from ..core.gathered_facts import GatheredFacts
from ..windows.computer import read_clock
from ..windows.registry import Registry
from ..winrm.session import Session
from .journal import Journal
from .stack import entry_as_fact

_GRACE = timedelta(minutes=15)
"""A missed start is made up ten minutes after the host is on again."""


def gather_changes(session: Session) -> GatheredFacts:
    """Read every change of the journal, ended ones included, and which of them are overdue. Raises HostError.

    The host's clock is asked only where a change that stands has an expiry.
    """
    snapshot = Journal(Registry(session)).show()
    waiting = any(entry.expires_at for entry in snapshot.stack.standing)
    due = read_clock(session) - _GRACE if waiting else None
    changes = [
        entry_as_fact(entry) | {"overdue": due is not None and entry.is_past_its_end(due)}
        for entry in snapshot.stack.entries
    ]
    return GatheredFacts({"changes": changes}, snapshot.damaged)
