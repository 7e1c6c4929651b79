"""Two control nodes on one host: their tasks take turns at the host's requests, die, and are seen dead or not."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from turns import Turns

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import lock, process
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows import computer
from simulated_windows.in_process import InProcessHost

ONE, OTHER = "one", "other"
_TEST = 1
"""The process of what the test itself does, on the node ONE."""


class Killed(BaseException):
    """The controller is gone: from some request on no line of its code reaches the host any more."""


@dataclass
class Runner:
    """A task's process. wrote: whether a request of it changed what `watched` shows. dead: killed."""

    node: str
    pid: int
    wrote: bool = False
    dead: bool = False


class ControlNodes:
    """Who asks, as the engine sees it. watched: what of the host a run is watched for."""

    def __init__(self, host: InProcessHost, watched: Callable[[], object]) -> None:
        self._host, self._watched = host, watched
        self._pids = _TEST
        self._living: dict[int, Runner] = {_TEST: Runner(ONE, _TEST)}
        self._turns: Turns | None = None
        self.runners: list[Runner] = []
        """Of the tasks that run, or ran last."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let the engine take the processes here for those of its system."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(process, "os", SimpleNamespace(getpid=lambda: self._me().pid, kill=self._signal))
            patch.setattr(process, "_started", lambda pid: 1 if pid in self._living else None)
            patch.setattr(process.ControlNode, "here", lambda: process.ControlNode(self._me().node, "0f"))
            patch.setattr(computer, "_ticks", lambda: self._host.host.now().timestamp())
            patch.setattr(lock.time, "sleep", lambda seconds: self._turns and self._turns.sleep(seconds))
            yield

    def _me(self) -> Runner:
        number = None if self._turns is None else self._turns.number
        return self._living[_TEST] if number is None else self.runners[number]

    def _signal(self, pid: int, _number: int) -> None:
        if pid not in self._living:
            raise OSError(errno.ESRCH, "no such process")

    @contextmanager
    def running(self, *tasks: tuple[str, Callable[[], object]]) -> Iterator[Turns]:
        """Start tasks, each as its node and what it does. All are at their ends when the block is left."""
        plain = self._host.answer

        def answer(message: bytes) -> bytes:
            me = self._me()
            if me.dead:
                raise Killed
            before = self._watched()
            try:
                return plain(message)
            finally:
                me.wrote = me.wrote or self._watched() != before

        self._host.answer = answer  # type: ignore[method-assign]
        self.runners = []
        for node, _act in tasks:
            self._pids += 1
            self.runners.append(Runner(node, self._pids))
            self._living[self._pids] = self.runners[-1]
        self._turns = Turns(self._host, *(act for _node, act in tasks))
        try:
            yield self._turns
            self._turns.finish()
        finally:
            self._host.answer = plain  # type: ignore[method-assign]
            self._turns = None
            for runner in self.runners:
                self._living.pop(runner.pid, None)

    def kill(self, number: int) -> None:
        """From now on nothing of a task reaches the host."""
        runner = self.runners[number]
        runner.dead = True
        self._living.pop(runner.pid, None)
