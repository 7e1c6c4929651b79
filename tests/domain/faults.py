# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fault at the n-th request of a run, over both doors together: the process ends there, or the server refuses.

What the server knows after the process ended before request n+1 is what it knows after it ended after request n was
carried out: so one kind of end, at every request and after the last one, covers both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import Directory
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import ConnectionLost, DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Result
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import Sysvol

Kind = Literal["killed", "lost", "refused"]
EVERY: dict[Kind, int] = {"killed": 1, "refused": 2, "lost": 8}
"""Which requests each kind strikes: every one, every second, every eighth. To the server `lost` is what `killed` is."""
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

    def strike(door: Any, over: str) -> None:
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
        if kind == "lost":
            door.close()
            raise ConnectionLost("The connection broke.")
        if over == "ldap":
            door._check(Result(_LDAP_REFUSES[made.at % 3], "the test"), "being asked")
        raise door._refused(_SMB_REFUSES[made.at % 3], "being asked")

    def sending(self: Directory, doing: str, message: bytes) -> None:
        try:
            strike(self, "ldap")
        except DomainError:
            # A search that was not sent has no answer: sansldap's client need not wait for it.
            self._connection.protocol = type(self._connection.protocol)()
            raise
        send(self, doing, message)

    def calling(self: Sysvol, messages: Any, doing: str, *, related: bool = True) -> Any:
        strike(self, "smb")
        return call(self, messages, doing, related=related)

    Directory._send = sending  # type: ignore[method-assign]
    Sysvol.call = calling  # type: ignore[method-assign]
    try:
        yield made
    finally:
        Directory._send = send  # type: ignore[method-assign]
        Sysvol.call = call  # type: ignore[method-assign]
