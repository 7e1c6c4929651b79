# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who wrote the policy values that contradict a task: a change of this collection, or a GPO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..posture.policy_results import read_policy_sources
from ..posture.state import States
from ..tables.settings import Layer, Scope
from .cell import Cell, seen
from .journal import Host, JournalSnapshot
from .plan import DesiredSetting, Rules, in_conflict
from .stack import Entry


def attribute(
    host: Host,
    desired_settings: Sequence[DesiredSetting],
    states: States,
    rules: Rules,
    snapshot: JournalSnapshot | None,
) -> tuple[States, Mapping[str, Entry]]:
    """Find out who wrote each policy value that contradicts a desired setting. Asks the host only where there is one.

    Args:
        host: is asked for its journal and for RSoP.
        desired_settings: what the task asks.
        states: every setting that was observed, by name.
        rules: how the desired settings are to be reached.
        snapshot: the journal, None where the task has not read it.

    Returns:
        The states, with the GPO of each such value; and the standing changes that wrote the others, by setting.

    Raises:
        HostError: the journal could not be read.
    """
    settings = in_conflict(desired_settings, states, rules)
    if not settings:
        return states, {}
    stack = (snapshot or host.journal.peek()).stack
    authors: dict[str, Entry] = {}
    for setting in settings:
        cell = Cell(setting, Scope.POLICY)
        author = stack.get(stack.over(cell, seen(cell, states[setting.name])))
        if author is not None:
            authors[setting.name] = author
    settings = [setting for setting in settings if setting.name not in authors]
    if not settings:
        return states, authors
    results = read_policy_sources(host.session, settings)
    named = {
        setting.name: replace(states[setting.name], policy_source=source)
        for setting in settings
        if (source := results.source(setting, Layer.POLICY, states[setting.name].observed.layer(Layer.POLICY)))
    }
    return {**states, **named}, authors
