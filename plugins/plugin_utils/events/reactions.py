# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts a rulebook has to close, and whether it did. Pure: the caller brings the clock and reads the hosts.

A rulebook that starts a playbook learns nothing about its success: ansible-rulebook goes on after a failed run, after
one that matched no host, and after one that never found its collection. So the source asks for a reaction, and reads
the host back some time later. A host that still allows insecure guest logons is asked for again, a limited number of
times, and then given up with a line for people.

    guest logon -> waiting -> requested -> closed
                      ^           |
                      +-----------+-----> given up

The first host is asked for at once. Hosts that come within `collect` seconds after a request go into the next one, so
that an attack on many hosts costs one run of a playbook a minute and not one run for each host.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import NamedTuple

GUEST_LOGON = 31022
"""The client made an insecure guest logon."""


class CloseRequest(NamedTuple):
    """One run of the reaction. hosts: inventory names. reason: one line. attempt: the highest of its hosts, from 1."""

    hosts: tuple[str, ...]
    reason: str
    attempt: int


@dataclass(frozen=True)
class ReactionLimits:
    """How reactions are paced.

    Args:
        collect: Seconds between two requests; also the pause before a repeated one.
        check_after: Seconds from a request to reading its hosts back.
        attempts: Requests for one host, from 1.
    """

    collect: float = 60.0
    check_after: float = 120.0
    attempts: int = 3


@dataclass(frozen=True)
class _Reaction:
    """A host under way. due: when to ask for it, or, once requested, when to read it back."""

    server: str
    attempt: int
    due: float
    requested: bool = False


@dataclass
class Reactions:
    """The reactions under way, by host.

    Args:
        approved: Servers, in lower case, whose guest logons are no reason to react.
        limits: How reactions are paced.
    """

    approved: Collection[str]
    limits: ReactionLimits = field(default_factory=ReactionLimits)
    _under_way: dict[str, _Reaction] = field(default_factory=dict)
    _next_request: float = 0.0

    def saw(self, host: str, event_id: int, server: str | None, now: float) -> None:
        """Take note of an event. One of a host that is under way already changes nothing: it is read back anyway."""
        if event_id != GUEST_LOGON or (server or "") in self.approved or host in self._under_way:
            return
        self._under_way[host] = _Reaction(server or "a server without a name", 1, now)

    def is_under_way(self, host: str) -> bool:
        return host in self._under_way

    def request(self, now: float) -> CloseRequest | None:
        """The next request that is due, with every host that waits by now; None where there is nothing to ask."""
        due = {name: each for name, each in self._under_way.items() if not each.requested and each.due <= now}
        if not due or now < self._next_request:
            return None
        self._next_request = now + self.limits.collect
        for name, each in due.items():
            self._under_way[name] = replace(each, requested=True, due=now + self.limits.check_after)
        servers = ", ".join(sorted({each.server for each in due.values()}))
        reason = f"guest logon to a server that is not approved: {servers}"
        return CloseRequest(tuple(sorted(due)), reason, max(each.attempt for each in due.values()))

    def to_check(self, now: float) -> tuple[str, ...]:
        """The hosts to read back now."""
        return tuple(sorted(name for name, each in self._under_way.items() if each.requested and each.due <= now))

    def checked(self, host: str, still_open: str | None, now: float) -> str | None:
        """Take note of what was read back.

        Args:
            host: The host.
            still_open: Why it counts as open, as a sentence; None where it is closed.
            now: Seconds of the caller's clock.

        Returns:
            What people must hear: the host was given up. None otherwise.
        """
        reaction = self._under_way[host]
        if still_open is None:
            del self._under_way[host]
            return None
        if reaction.attempt < self.limits.attempts:
            again = _Reaction(reaction.server, reaction.attempt + 1, now + self.limits.collect)
            self._under_way[host] = again
            return None
        del self._under_way[host]
        return (
            f"After a guest logon to {reaction.server}, {reaction.attempt} reactions did not close this host: "
            f"{still_open} Run the playbook harden on it by hand, and look at the output of ansible-rulebook."
        )
