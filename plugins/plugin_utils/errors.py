# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of everything above the wire: each message is for the person who ran the task, each type for the code.

As on the wire there are two families: what was asked is wrong (`RequestError`), and what the host did is (`HostError`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

NOTHING_WRITTEN = "Nothing was written."


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
    """The task asks for something that this host, or any host, cannot do. Nothing was written."""


class HostError(SmbGuestError):
    """The host refused, failed, or answered something that cannot be right."""


class HostUnreachable(HostError):
    """No conversation with the host: Ansible's `unreachable`."""


class AccessDenied(HostError):
    """The host knows the account and denies it the operation. `what`: such as `reading HKLM\\...`."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The host denied access when {what}.")

    @staticmethod
    def advice(account: str | None) -> str:
        """Which right is probably missing. account: as the task names it, with or without a domain."""
        if account and ("@" in account or "\\" in account.removeprefix(".\\")):
            return (
                f"{account} is a domain account: it must be in the host's Administrators group (any other account "
                "would need the WMI right 'Remote Enable' and rights to the registry keys as well)."
            )
        return (
            f"{account or 'The account'} is a local account: it must be in the host's Administrators group, and if it "
            "is, UAC takes its rights away over the network unless it is the built-in Administrator or "
            r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\LocalAccountTokenFilterPolicy is 1."
        )


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
