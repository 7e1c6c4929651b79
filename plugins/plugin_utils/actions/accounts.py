# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps a program that talks to many hosts from locking its own account out.

A domain counts the failed logons of an account over all hosts. A wrong password that 500 threads try at the same
moment locks the account before the first of them can report it. So a domain account that has not worked yet is tried
on few hosts at a time, and one that was refused is not tried again, on any host, until the inventory gives another.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock, Semaphore
from typing import NamedTuple

from ..core.errors import HostUnreachable, SmbGuestError

FIRST_TRIES = 3
"""Hosts on which an account is tried at the same time before it has worked once: below common lockout thresholds."""


class AccountRefused(SmbGuestError):
    """The account was refused before and is not tried again."""


class Account(NamedTuple):
    """An account with its password, as a fingerprint. shared: a domain's, the same on every host."""

    fingerprint: str
    shared: bool


def account_of(host: str, user: str, password: str) -> Account:
    """The account of a host. A local one of the same name and password is another account on the next host."""
    shared = bool(user.rpartition("\\")[0].strip(".") or user.partition("@")[2])
    of_host = "" if shared else host
    return Account(hashlib.sha256(repr((of_host, user, password)).encode()).hexdigest(), shared)


class Accounts:
    """Which accounts were refused, and which have worked. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._refused: set[str] = set()
        self._worked: set[str] = set()
        self._first_tries: dict[str, Semaphore] = defaultdict(lambda: Semaphore(FIRST_TRIES))

    def is_refused(self, account: Account) -> bool:
        with self._lock:
            return account.fingerprint in self._refused

    @contextmanager
    def trying(self, account: Account) -> Iterator[Callable[[], None]]:
        """A conversation by this account. Yields what to call once the host has answered to it.

        Raises AccountRefused if it was refused before, also while it waited for others to try it.
        """
        with ExitStack() as waiting:
            if account.shared and account.fingerprint not in self._worked:
                with self._lock:
                    gate = self._first_tries[account.fingerprint]
                waiting.enter_context(gate)
            if self.is_refused(account):
                raise AccountRefused(
                    "The host, or another one with the same account, rejected the credentials. They are not tried "
                    "again, so that the account is not locked out. Correct ansible_user or ansible_password in the "
                    "inventory: it is read again."
                )

            def worked() -> None:
                with self._lock:
                    self._worked.add(account.fingerprint)
                waiting.close()

            try:
                yield worked
            except HostUnreachable as error:
                if error.kind == "credentials_are_rejected":
                    with self._lock:
                        self._refused.add(account.fingerprint)
                raise
