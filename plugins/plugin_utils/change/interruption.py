# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that is told to stop while it has work to finish: Ctrl-C, Ansible's `timeout`, the end of its worker.

None of these is an error of ours, and none of them waits. Ansible ends workers with SIGTERM, which by default lets no
line of Python run any more; while a host is being written to it becomes an exception, once. Putting back is not
interrupted a second time: it is bounded by the time-outs of the connection.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)


class Terminated(BaseException):
    """SIGTERM: the worker of this task is to end."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated("this task was ended from outside (SIGTERM)")


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM be an exception in the block. Signals reach the main thread only: elsewhere nothing is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the block come to its end; what arrives meanwhile is delivered after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
