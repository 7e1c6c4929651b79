"""Processes that run one act each and can be killed at any moment: forked from a server that has everything loaded."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from typing import Any

from subjects import Act, Endpoint

SECONDS = 60
"""An act that takes longer hangs."""

_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["ansible.plugins.action", "winrm.protocol", "subjects"])


class Worker:
    """One act in a process of its own. It waits for `go`, so that several can begin at the same moment."""

    def __init__(self, act: Act, endpoint: Endpoint) -> None:
        self._line, its_end = _FORKSERVER.Pipe()
        self._process = _FORKSERVER.Process(target=_work, args=(act, endpoint, its_end), daemon=True)
        self._process.start()
        its_end.close()
        assert self._line.poll(SECONDS), "the process did not start"
        self._line.recv()

    def go(self) -> Worker:
        self._line.send("go")
        return self

    def kill(self) -> None:
        """SIGKILL; the process is gone when this returns."""
        self._process.kill()
        self._process.join()

    def result(self) -> Mapping[str, Any]:
        """Wait for its end."""
        assert self._line.poll(SECONDS), "the act did not end"
        result: Mapping[str, Any] = self._line.recv()
        self._process.join()
        return result


def _work(act: Act, endpoint: Endpoint, line: Any) -> None:
    line.send("ready")
    line.recv()
    line.send(act.on(endpoint))
