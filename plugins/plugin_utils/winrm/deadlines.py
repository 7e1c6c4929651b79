# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a conversation may take: one deadline for each message, one for the whole task.

The exceptions of all our own limits are here, so that what explains them needs to import nothing else.

The timeouts of the libraries below bound the wait for the next byte. Only a deadline bounds a peer that sends one byte
a second, `100 Continue` for ever, or page after page. Pure but for the clock, which tests replace.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal

MESSAGE_OVER_OPERATION = 3
TASK_OVER_MESSAGE = 10
"""Without a timeout of the user a message may take three operation timeouts, and a task as long as ten messages."""


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


class Deadlines:
    """The time of one task.

    When the task's time is up, that is raised once, and as much time is given once more: whoever was changing the host
    rolls back in that. After it every message ends at once.

    Args:
        message, task: Seconds that each may take.
    """

    def __init__(self, message: float, task: float, clock: Callable[[], float] | None = None) -> None:
        self.message = message
        self.task = task
        self._clock = clock or time.monotonic
        self._task_end = self._clock() + task
        self._message_end = math.inf
        self._prolonged = False
        self._what: What = "message"

    def begin(self, what: What = "message", at_most: float = math.inf) -> None:
        """A message or a command starts. Raises DeadlinePassed if the task has no time for it."""
        self._what = what
        self._message_end = self._clock() + min(self.message, at_most)
        self.left()

    def end(self) -> None:
        """The message is over. What goes over the same connection otherwise has the task's deadline alone."""
        self._message_end = math.inf

    def left(self) -> float:
        """Seconds, more than none, that are left for the message. Raises DeadlinePassed."""
        now = self._clock()
        if now >= self._task_end:
            # The rollback is what has to happen now, and it needs messages.
            if not self._prolonged:
                self._prolonged = True
                self._task_end = now + self.task
            raise DeadlinePassed("task", self.task)
        if now >= self._message_end:
            raise DeadlinePassed(self._what, self.message)
        return min(self._message_end, self._task_end) - now


def deadlines_from(operation: float, read: float, message: float | None = None, task: float | None = None) -> Deadlines:
    """operation, read: the connection's timeouts in seconds. message, task: what the user wants instead of them."""
    message = message or max(MESSAGE_OVER_OPERATION * operation, operation + read)
    return Deadlines(message, task or TASK_OVER_MESSAGE * message)
