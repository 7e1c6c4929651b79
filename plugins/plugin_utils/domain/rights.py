# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account needs for each thing that a domain may deny it: the group or the delegation, as GPMC names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from .errors import MissingRight


class Right(Enum):
    """What is needed, to follow `<account> needs`. All of them are rights of Domain Admins."""

    CREATE = "membership in Group Policy Creator Owners"
    EDIT = "'Edit settings, delete, modify security' on this GPO (GPMC, its tab Delegation)"
    LINK = "'Link GPOs' on that container (GPMC, its tab Delegation)"
    READ = "'Read' on this GPO (GPMC, its tab Delegation), which Authenticated Users have unless it was taken from them"
    OTHER = "access to it, which an administrator of the domain can give"
    JOURNAL = (
        "to write below Policies\\winops.smb_guest in SYSVOL, where changes are journaled: members of Group Policy "
        "Creator Owners may"
    )


@contextmanager
def needing(right: Right) -> Iterator[None]:
    """Let a denial that leaves the block name the right; the innermost block knows best."""
    try:
        yield
    except MissingRight as error:
        if not error.named:
            error.named = True
            error.remark(f"{error.account} needs {right.value}; Domain Admins have it.")
        raise
