# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a domain controller refuses, in words for the person who ran the task, and in types for the code."""

from __future__ import annotations

from ..core.errors import HostError, RequestError
from ..core.text import one_line

MAX_TEXT = 300


class DomainError(HostError):
    """A domain controller refused, failed, or answered something that cannot be right."""


class ConnectionLost(DomainError):
    """No answer: whether the last request was carried out is not known."""


class TookTooLong(ConnectionLost):
    """A message or the whole conversation exceeded its time limit (see `deadline`)."""


class UnreadableAnswer(ConnectionLost):
    """The peer sent bytes that are no answer, or more of them than any real answer has. The connection is closed."""


class NotFound(DomainError):
    """The object or file that was to be changed is not there."""


class AlreadyThere(DomainError):
    """What was to be made is there already."""


class Raced(DomainError):
    """Somebody else changed it since it was read. Nothing of the request was carried out."""


class MissingRight(DomainError):
    """The account is known and may not do this.

    named: whether the message names the right that is missing (see `rights`).
    """

    def __init__(self, what: str, account: str, *, is_predicted: bool = False) -> None:
        """Make the error.

        Args:
            what: Such as `creating CN=...`.
            account: In words.
            is_predicted: Whether the rights were asked for, as check mode does, and nothing was tried.
        """
        super().__init__(f"The domain {'would deny' if is_predicted else 'denied'} access when {what}.")
        self.account = account
        self.named = False


class LibraryMissing(RequestError):
    """A Python package that only these modules need is not installed on the control node."""

    def __init__(self, package: str, needed_for: str, why: ImportError) -> None:
        super().__init__(
            f"The Python package {package} is needed for {needed_for} and cannot be imported ({clean(why)}). "
            f"Install it where this task runs: python -m pip install '{package}'."
        )


def clean(text: object) -> str:
    """Text of a peer or a library without control characters, of bounded length."""
    return one_line(str(text), MAX_TEXT)
