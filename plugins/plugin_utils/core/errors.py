# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of everything above the wire: each message is for the person who ran the task, each type for the code.

As on the wire there are two families: what was asked is wrong (`RequestError`), and what the host did is (`HostError`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

NOTHING_WRITTEN = "Nothing was written."
NOTHING_ASKED = "Nothing was asked of any host."


class SmbGuestError(Exception):
    """Base of all errors that end a task with a message: what was wanted, what was found, what to do next.

    changed: whether something had been written to the host before the error.
    """

    changed = False


@contextmanager
def stating(what: str, *, changed: bool = False) -> Iterator[None]:
    """Let every error that leaves the block say what state the host is in."""
    try:
        yield
    except SmbGuestError as error:
        if what not in str(error):
            error.args = (f"{error} {what}",)
        error.changed = error.changed or changed
        raise


class RequestError(SmbGuestError):
    """The task asks for something that this host, or any host, cannot do. Nothing was written: the message says so."""

    def __str__(self) -> str:
        text = super().__str__()
        return text if text.endswith((NOTHING_WRITTEN, NOTHING_ASKED)) else f"{text} {NOTHING_WRITTEN}"


class HostError(SmbGuestError):
    """The host refused, failed, or answered something that cannot be right."""


class HostUnreachable(HostError):
    """No conversation with the host: Ansible's `unreachable`."""

    kind = "unreachable"


class AccessDenied(HostError):
    """The host knows the account and denies it the operation.

    what: such as `reading HKLM\\...`. writing: whether it was a write, which no run tries before it has read.
    """

    def __init__(self, what: str, *, writing: bool = False) -> None:
        super().__init__(f"The host denied access when {what}.")
        self.writing = writing

    def advice(self, account: str | None, hosts: Iterable[str] = ()) -> str:
        """Which right is probably missing. account: as the task names it, with or without a domain. hosts: names of
        the host, any of which makes a domain of that name the host itself."""
        named = account or "The account"
        if self.writing:
            return (
                f"{named} could read on this host, so UAC is not in the way. Check whether it is in the host's "
                "Administrators group, and who may write there: the permissions of the registry key, a policy or a "
                "protection program may guard it."
            )
        domain = _domain(account or "")
        if domain and domain not in {".", "localhost", "127.0.0.1"} | {
            host.partition(".")[0].lower() for host in hosts
        }:
            return (
                f"{account} is a domain account: it must be in the host's Administrators group (any other account "
                "would need the WMI right 'Remote Enable' and rights to the registry keys as well)."
            )
        return (
            f"{named} is a local account: it must be in the host's Administrators group, and if it "
            "is, UAC takes its rights away over the network unless it is the built-in Administrator or "
            r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\LocalAccountTokenFilterPolicy is 1."
        )


def _domain(account: str) -> str:
    """The domain in `DOMAIN\\user` or `user@domain`, in lower case; "" where there is none."""
    before, backslash, _user = account.rpartition("\\")
    return before.lower() if backslash else account.partition("@")[2].lower()


class HostFault(HostError):
    """The host answered with a SOAP fault other than access denied.

    kind: a word of wsman/fault_codes.py, None for a fault that it does not know. code: the Windows number, if there is
    one, 0 to 2**32-1.
    """

    def __init__(self, message: str, *, kind: str | None, code: int | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


class UnexpectedState(HostError):
    """The host took a write and does not hold what was written."""
