# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two error families of policy files: our mistake, and a file that is damaged.

A damaged file is refused as a whole. Windows skips such a file too (MS-GPREG 3.2.5.1.2, MS-GPOL 2.2.4); whoever wrote
over it would make somebody's forgotten half of a file the policy of a host.
"""

from __future__ import annotations

from typing import Literal

from ..core.errors import SmbGuestError
from ..core.text import one_line

FileProblem = Literal[
    "too_large", "signature", "version", "truncated", "delimiter", "encoding", "missing", "duplicate", "value"
]


class PolicyFileError(SmbGuestError):
    """Whatever can go wrong between typed values and the bytes of a policy file."""


class CannotBeWritten(PolicyFileError):
    """We asked for something that the format cannot say: an empty key, a name with a NUL, a number out of range."""


class DamagedFile(PolicyFileError):
    """The file breaks its format. The message is one sentence for people, `problem` a word for programs."""

    def __init__(self, problem: FileProblem, message: str) -> None:
        super().__init__(message)
        self.problem: FileProblem = problem


def shorten(file_text: str, limit: int = 60) -> str:
    """Quote text of a file for an error message: printable, and never longer than about `limit` characters."""
    return f"'{one_line(file_text, limit)}'"
