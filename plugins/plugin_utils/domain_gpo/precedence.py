# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which GPO wins a setting on a computer, and why the others do not. Pure.

A computer applies GPOs one after the other, and the last one that sets a value wins (MS-GPOL 3.2.5.1.5, 3.2.5.2): those
linked to its site, to the domain, to its organizational units from the top down; within one container from the weakest
link to the strongest, which stands last in gPLink. After all of those come the enforced links, the lowest container
first, so that the highest one wins. A container that blocks inheritance drops what is linked above it, but for enforced
links. Then a GPO drops out by itself (3.2.5.1.6): its machine half is off, it was never changed, the computer may not
apply it. WMI filters are evaluated by the computer alone: such a GPO counts, with a word that it may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ..policy_files.gp_links import Links


class Dropped(Enum):
    """Why a link counts for nothing."""

    LINK_DISABLED = "the link is disabled"
    BLOCKED = "inheritance is blocked at {at}"
    MACHINE_OFF = "the computer half of the GPO is disabled"
    NEVER_CHANGED = "the GPO was never changed (version 0)"
    NOT_A_VERSION = "the GPO has a functionality version that clients skip"
    FILTERED = "the security filter does not let the computer apply it"


@dataclass(frozen=True)
class LinkedContainer:
    """A site, a domain or an organizational unit. blocks: whether it blocks inheritance."""

    dn: str
    links: Links
    blocks: bool = False


@dataclass(frozen=True)
class Gpo:
    """What of a GPO decides whether and what it sets. drop: why it drops out by itself, if it does."""

    guid: str
    name: str
    settings: Mapping[str, bool] = field(default_factory=dict)
    drop: Dropped | None = None
    wmi_filter: str | None = None


@dataclass(frozen=True)
class Applied:
    """One link in the order in which a computer applies them. level: 0 is the topmost container."""

    gpo: Gpo
    target: str
    level: int
    order: int
    enforced: bool


@dataclass(frozen=True)
class NotApplied:
    """A link that drops out, and why, in words."""

    gpo: Gpo
    target: str
    why: str


@dataclass(frozen=True)
class Loser:
    """A GPO that sets a setting and does not decide on it."""

    name: str
    guid: str
    target: str
    value: bool
    why: str


@dataclass(frozen=True)
class Decision:
    """Who wins one setting. conditional: the WMI filter of the winner, which was not evaluated; None if it has none."""

    value: bool
    winner: Applied
    losers: tuple[Loser, ...]

    @property
    def conditional(self) -> str | None:
        return self.winner.gpo.wmi_filter


@dataclass(frozen=True)
class Resolved:
    """applied: weakest first, the last one that sets a value wins."""

    applied: tuple[Applied, ...]
    not_applied: tuple[NotApplied, ...]
    decisions: Mapping[str, Decision]


def resolve(containers: Sequence[LinkedContainer], gpos: Mapping[str, Gpo]) -> Resolved:
    """containers: from the site (if known) over the domain down to the unit that holds the computer. gpos: by GUID;
    links to others are left out, as those that the computer cannot read are.
    """
    applied: list[Applied] = []
    enforced: list[list[Applied]] = []
    dropped: list[NotApplied] = []
    for level, container in enumerate(containers):
        blocked_at = next((lower.dn for lower in containers[level + 1 :] if lower.blocks), None)
        of_container: list[Applied] = []
        for link, why in _links(container, gpos, level, blocked_at):
            if why:
                dropped.append(NotApplied(link.gpo, link.target, why))
            elif link.enforced:
                of_container.append(link)
            else:
                applied.append(link)
        enforced.append(of_container)
    for of_container in reversed(enforced):
        applied += of_container
    decisions = {}
    for name in dict.fromkeys(name for gpo in gpos.values() for name in gpo.settings):
        decision = _decide(name, applied, dropped)
        if decision:
            decisions[name] = decision
    return Resolved(tuple(applied), tuple(dropped), decisions)


def _links(
    container: LinkedContainer, gpos: Mapping[str, Gpo], level: int, blocked_at: str | None
) -> Iterator[tuple[Applied, str | None]]:
    """The links of a container to GPOs that are known, weakest first, each with why it drops out."""
    count = len(container.links.links)
    for place, link in enumerate(container.links.links):
        gpo = gpos.get(link.guid)
        if gpo is None:
            continue
        why = None
        if not link.enabled:
            why = Dropped.LINK_DISABLED.value
        elif blocked_at and not link.enforced:
            why = Dropped.BLOCKED.value.format(at=blocked_at)
        elif gpo.drop:
            why = gpo.drop.value
        yield Applied(gpo, container.dn, level, count - place, link.enforced), why


def _decide(name: str, applied: Sequence[Applied], dropped: Sequence[NotApplied]) -> Decision | None:
    setting_it = [link for link in applied if name in link.gpo.settings]
    if not setting_it:
        return None
    winner = setting_it[-1]
    losers = {
        link.gpo.guid: Loser(link.gpo.name, link.gpo.guid, link.target, link.gpo.settings[name], _why(winner, link))
        for link in setting_it
        if link.gpo.guid != winner.gpo.guid
    }
    for each in dropped:
        if name in each.gpo.settings and each.gpo.guid not in losers and each.gpo.guid != winner.gpo.guid:
            value = each.gpo.settings[name]
            losers[each.gpo.guid] = Loser(each.gpo.name, each.gpo.guid, each.target, value, each.why)
    return Decision(winner.gpo.settings[name], winner, tuple(losers.values()))


def _why(winner: Applied, loser: Applied) -> str:
    """Why one link is stronger than another."""
    if winner.enforced and not loser.enforced:
        return f"{winner.gpo.name} is enforced at {winner.target}"
    if winner.level == loser.level:
        return f"{winner.gpo.name} has link order {winner.order} there, this one {loser.order}"
    if winner.enforced:
        return f"{winner.gpo.name} is enforced higher up, at {winner.target}"
    return f"{winner.gpo.name} is linked closer to the computer, at {winner.target}"
