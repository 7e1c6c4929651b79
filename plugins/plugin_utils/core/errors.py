# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of everything above the wire, as data. A message is for the person who ran the task.

There are two families, as on the wire: the task asks for something wrong (`RequestError`), or the host refused or
failed (`HostError`). What a reader of the result needs beside the message travels as attributes, and never inside it:
`host_state` says what the host holds by now, `remarks` what else to know, `kind` and `subject` what code decides by.
Whoever handles an error adds to these attributes; `worded` turns all of it into text once, in the action's base class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum


class HostState(Enum):
    """What a failed task left on the host. The value is the sentence that the user reads."""

    NOT_CONTACTED = "Nothing was asked of any host."
    NOTHING_WRITTEN = "Nothing was written."
    RESTORED = "Every value was restored and verified."
    PARTLY_WRITTEN = "Some values on the host have changed."
    CHANGED = "The change was made and verified."

    @property
    def is_changed(self) -> bool:
        """Whether the host differs from what it was before the task."""
        return self in (HostState.PARTLY_WRITTEN, HostState.CHANGED)


_UNWRITTEN = (HostState.NOT_CONTACTED, HostState.NOTHING_WRITTEN)
_RANK = {state: rank for rank, state in enumerate(HostState)}


class SmbGuestError(Exception):
    """Base of all errors that end a task with a message: what was wanted, what was found, what to do next.

    Attributes:
        kind: a word for code that decides by the error; None where there is nothing to tell apart.
        subject: what the error is about, such as a registry value or the name of an option.
        host_state: what the host holds by now; None where the task does not write, or it is not known yet.
        remarks: further sentences for the user, in their order.
    """

    kind: str | None = None
    subject: str = ""
    host_state: HostState | None = None

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        subject: str = "",
        host_state: HostState | None = None,
        remarks: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind or self.kind
        self.subject = subject or self.subject
        self.host_state = host_state or self.host_state
        self.remarks = tuple(remarks)

    @property
    def changed(self) -> bool:
        """Whether the host differs from what it was before the task."""
        return self.host_state is not None and self.host_state.is_changed

    def remark(self, *sentences: str) -> None:
        """Add sentences for the user, those that are new."""
        self.remarks += tuple(each for each in dict.fromkeys(sentences) if each and each not in self.remarks)

    def left(self, state: HostState | None) -> None:
        """Take over what a handler knows of the host. A state that says more was written counts more."""
        if state is None:
            return
        unwritten = state in _UNWRITTEN
        if self.host_state is None or (not unwritten and _RANK[state] > _RANK[self.host_state]):
            self.host_state = state


@contextmanager
def leaving(state: HostState | None, remark: str = "") -> Iterator[None]:
    """Let every error that leaves the block say what the host holds.

    Args:
        state: set where the error has none, or one that says less was written. None adds the remark only.
        remark: a sentence for the user.
    """
    try:
        yield
    except SmbGuestError as error:
        error.left(state)
        error.remark(remark)
        raise


def worded(error: BaseException, *advice: str) -> str:
    """The text of an error for the user: message, advice, remarks, and what the host holds."""
    sentences = [str(error).rstrip(), *advice]
    if isinstance(error, SmbGuestError):
        sentences += error.remarks
        sentences.append(error.host_state.value if error.host_state else "")
    return " ".join(filter(None, sentences))


class RequestError(SmbGuestError):
    """The task asks for something that this host, or any host, cannot do. Nothing was written for it."""

    host_state = HostState.NOTHING_WRITTEN


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
        """Which right is probably missing.

        Args:
            account: As the task names it, with or without a domain.
            hosts: Names of the host, any of which makes a domain of that name the host itself.
        """
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

    Args:
        kind: A word of wsman/fault_codes.py, None for a fault that it does not know.
        code: The Windows number, if there is one, 0 to 2**32-1.
    """

    def __init__(self, message: str, *, kind: str | None, code: int | None) -> None:
        super().__init__(message, kind=kind)
        self.code = code


class UnexpectedState(HostError):
    """The host took a write and does not hold what was written."""
