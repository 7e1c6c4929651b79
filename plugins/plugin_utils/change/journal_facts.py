# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a host as facts."""

from __future__ import annotations

from ..core.gathered_facts import GatheredFacts
from ..windows.registry import Registry
from ..winrm.session import Session
from .journal import Journal
from .stack import entry_as_fact


def gather_changes(session: Session) -> GatheredFacts:
    """Read every change of the journal, ended ones included. Raises HostError."""
    snapshot = Journal(Registry(session)).read()
    return GatheredFacts({"changes": [entry_as_fact(entry) for entry in snapshot.stack.entries]}, snapshot.damaged)
