# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fault at the n-th request of a run, over both doors together.

killed: the process ends there. What the server knows before request n+1 is what it knows after request n was carried
out, so that striking every request covers both. refused: the server does not carry it out. lost: the connection breaks
before it is sent; unanswered: it breaks when it was carried out, and the run that goes on cannot know that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import Directory
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import ConnectionLost, DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Result
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import Sysvol

Kind = Literal["killed", "refused", "lost", "unanswered"]
EVERY: dict[Kind, int] = {"killed": 4, "refused": 8, "lost": 32, "unanswered": 32}
"""Which requests each kind strikes: every fourth, every eighth, ... DOMAIN_FAULTS_EVERY=1 strikes every one."""
if "DOMAIN_FAULTS_EVERY" in os.environ:
    EVERY = dict.fromkeys(EVERY, int(os.environ["DOMAIN_FAULTS_EVERY"]))
_BUSY, _UNAVAILABLE, _INSUFFICIENT_RIGHTS = 51, 52, 50
_DISK_FULL, _SHARING_VIOLATION, _ACCESS_DENIED = 0xC000007F, 0xC0000043, 0xC0000022
_LDAP_REFUSES = (_BUSY, _INSUFFICIENT_RIGHTS, _UNAVAILABLE)
_SMB_REFUSES = (_DISK_FULL, _SHARING_VIOLATION, _ACCESS_DENIED)


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


@dataclass
class Fault:
    """at: which request, from 1; 0 for none. seen: requests so far. struck: whether it happened. log: what was sent."""

    kind: Kind
    at: int
    seen: int = 0
    struck: bool = False

    def next(self) -> bool:
        self.seen += 1
        return self.seen == self.at


@contextmanager
def fault(kind: Kind = "killed", at: int = 0, between: Callable[[], None] | None = None) -> Iterator[Fault]:
    """Every request of both doors counts while this is active. between: called before request `at` is sent, instead of
    a fault."""
    made = Fault(kind, at)
    send, call = Directory._send, Sysvol.call
    inside = False

    def strike(door: Any, over: str, carry_out: Callable[[], object]) -> None:
        nonlocal inside
        if inside or not made.next():
            return
        if between is not None:
            inside = True
            try:
                between()
            finally:
                inside = False
            return
        made.struck = True
        if kind == "killed":
            raise Killed
        if kind in ("lost", "unanswered"):
            if kind == "unanswered":
                carry_out()
            door.close()
            raise ConnectionLost("The connection broke.")
        if over == "ldap":
            door._check(Result(_LDAP_REFUSES[made.at % 3], "the test"), "being asked")
        raise door._refused(_SMB_REFUSES[made.at % 3], "being asked")

    def sending(self: Directory, doing: str, message: bytes) -> None:
        def carry_out() -> None:
            send(self, doing, message)
            self._connection.receive()

        try:
            strike(self, "ldap", carry_out)
        except DomainError:
            # A search that was not sent has no answer: sansldap's client need not wait for it.
            self._connection.protocol = type(self._connection.protocol)()
            raise
        send(self, doing, message)

    def calling(self: Sysvol, messages: Any, doing: str, *, related: bool = True) -> Any:
        strike(self, "smb", lambda: call(self, messages, doing, related=related))
        return call(self, messages, doing, related=related)

    Directory._send = sending  # type: ignore[method-assign]
    Sysvol.call = calling  # type: ignore[method-assign]
    try:
        yield made
    finally:
        Directory._send = send  # type: ignore[method-assign]
        Sysvol.call = call  # type: ignore[method-assign]
