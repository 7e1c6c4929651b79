# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several tasks on one host of this process, request by request: the test says whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from simulated_windows.in_process import InProcessHost

SECONDS = 60
"""A task that takes longer for one turn hangs."""
MORE_THAN_ANY = 500


class Turns:
    """Tasks in threads of their own. Each stops before a request until it is its turn: only one of them runs."""

    def __init__(self, host: InProcessHost, *tasks: Callable[[], object]) -> None:
        self._go = [threading.Semaphore(0) for _unused in tasks]
        self._stopped = threading.Semaphore(0)
        self._who = threading.local()
        self.ended = [False] * len(tasks)
        self.waits = [False] * len(tasks)
        """Whether it has slept since its last turn."""
        self.next: list[bytes] = [b""] * len(tasks)
        """The request that each stopped before."""
        self.results: list[Any] = [None] * len(tasks)
        self._host, self._plain = host, host.answer
        host.answer = self._answer  # type: ignore[method-assign]
        for number, task in enumerate(tasks):
            threading.Thread(target=self._run, args=(number, task), daemon=True).start()
            assert self._stopped.acquire(timeout=SECONDS)

    @property
    def number(self) -> int | None:
        """Of the task that asks; None for the test itself."""
        return getattr(self._who, "number", None)

    def _answer(self, message: bytes) -> bytes:
        if self.number is not None:
            self.next[self.number] = message
            self._stopped.release()
            assert self._go[self.number].acquire(timeout=SECONDS)
        return self._plain(message)

    def _run(self, number: int, task: Callable[[], object]) -> None:
        self._who.number = number
        try:
            self.results[number] = task()
        except BaseException as error:  # noqa: BLE001  # the test says which it may be
            self.results[number] = error
        finally:
            self.ended[number] = True
            self._stopped.release()

    def sleep(self, _seconds: float) -> None:
        """In place of time.sleep: it ends the turn, and takes no time."""
        if self.number is not None:
            self.waits[self.number] = True

    def turn(self, number: int, requests: int = MORE_THAN_ANY) -> None:
        """Let a task send requests, until it ends, or waits for somebody."""
        self.waits[number] = False
        for _unused in range(requests):
            if self.ended[number] or self.waits[number]:
                return
            self._go[number].release()
            assert self._stopped.acquire(timeout=SECONDS)

    def finish(self) -> None:
        """Let all of them come to their ends; the host answers as before then."""
        while not all(self.ended):
            for number in range(len(self.ended)):
                self.turn(number)
        self._host.answer = self._plain  # type: ignore[method-assign]
