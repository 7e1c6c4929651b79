# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that is interrupted while it has work to finish: Ctrl-C, Ansible's `timeout`, the end of its worker.

None of these is an error of ours, and none of them waits. Ansible ends workers with SIGTERM, and hands Ctrl-C on to
them as SIGINT; from ansible-core 2.19 on neither lets a line of Python run any more. While a host is being changed the
first of them becomes an exception. A rollback is not interrupted a second time: the timeouts of the connection bound
it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..core.errors import HostError, HostState, HostUnreachable, SmbGuestError

_ENDS = (signal.SIGTERM, signal.SIGINT)


class Terminated(BaseException):
    """The worker of this task is to end."""


def _terminate(number: int, _frame: FrameType | None) -> None:
    for each in _ENDS:  # a second one would replace the exception that says what the host holds
        signal.signal(each, signal.SIG_IGN)
    raise Terminated(f"this task was ended from outside ({signal.Signals(number).name})")


@contextmanager
def terminable() -> Iterator[None]:
    """Let the first signal to end be an exception in the block, and ignore the others until the block has ended.

    Signals reach the main thread only: elsewhere nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.signal(number, _terminate) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the block come to its end; what arrives meanwhile is delivered after it.

    Not by a mask, which is a thread's own: another thread would take the signal, and this one answer it at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: set[int] = set()
    held = (*_ENDS, signal.SIGALRM)
    former = {number: signal.signal(number, lambda number, _frame: came.add(number)) for number in held}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        for number in held:
            if number in came:
                signal.raise_signal(number)


@contextmanager
def noting(note: str) -> Iterator[None]:
    """Let an interruption of the block note what the host holds. Errors carry that themselves."""
    try:
        yield
    except Exception:
        raise
    except BaseException as interruption:
        interruption.add_note(note)
        raise


def explained(error: BaseException, state: HostState, *remarks: str) -> BaseException:
    """What to raise of a failure: errors carry what the host holds, an interruption stays what it is and notes it.

    Args:
        error: what ended the work; what is no error of ours is a bug, or an interruption.
        state: what the host holds by now.
        remarks: further sentences for the user.
    """
    if not isinstance(error, Exception):
        error.add_note(" ".join(filter(None, (state.value, *remarks))))
        return error
    ours = error if isinstance(error, SmbGuestError) else None
    if ours is None:
        ours = HostError(f"A bug in winops.smb_guest: {type(error).__name__}: {error}.")
    elif isinstance(ours, HostUnreachable):
        # The task was at work: Ansible must not treat the host as one that was never reached.
        ours = HostError(str(error), kind=ours.kind, remarks=ours.remarks)
    ours.host_state = state
    ours.remark(*remarks)
    return ours
