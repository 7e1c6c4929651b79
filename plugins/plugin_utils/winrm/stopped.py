# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What our own limits stop: the exceptions of deadlines and response limits, told apart by type."""

from __future__ import annotations

from typing import Literal

What = Literal["message", "command", "task"]


class DeadlinePassed(Exception):
    """A message, a command or a task took longer than it may. seconds: how long it may take."""

    def __init__(self, what: What, seconds: float) -> None:
        super().__init__(f"the {what} took more than {seconds:g} seconds")
        self.what = what
        self.seconds = seconds


class Redirected(Exception):
    """The peer wants the message elsewhere. Neither message nor credentials go there."""

    def __init__(self, status: int, target: str) -> None:
        super().__init__(f"HTTP {status} to {target or 'nowhere'}")
        self.status = status
        self.target = target


class ClearText(Exception):
    """The peer answered an encrypted message in clear text: anybody on the way can have written that."""
