# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Peers without a socket: what Samba 4.17 answered, played again; silent ones; a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.peer import Conversation, Failure, NoAnswer

RECORDED: dict[str, list[list[str]]] = json.loads(Path(__file__).with_name("samba_4_17.json").read_text())
"""Server to its conversations in the order in which `Server.ask` has them: answers as hex, or the name of a Failure."""


class Replayed:
    """A conversation whose answers are known."""

    def __init__(self, answers: Sequence[str], delay: float = 0.0) -> None:
        self._answers = list(answers)
        self._delay = delay
        self.asked: list[bytes] = []
        self.closed = False

    async def ask(self, message: bytes) -> bytes:
        self.asked.append(message)
        return await self.hear()

    async def hear(self) -> bytes:
        await asyncio.sleep(self._delay)
        answer = self._answers.pop(0) if self._answers else Failure.CLOSED.name
        if answer in Failure.__members__:
            raise NoAnswer(Failure[answer])
        return bytes.fromhex(answer)

    def close(self) -> None:
        self.closed = True


class Silent(Replayed):
    """Gives these answers, then none."""

    def __init__(self, *answers: str) -> None:
        super().__init__(answers)

    async def hear(self) -> bytes:
        if not self._answers:
            await asyncio.Event().wait()
        return await super().hear()


class Peers:
    """A network: host to its conversations in order. A host that is not there is refused; None never connects."""

    def __init__(self, hosts: dict[str, list[Replayed] | None]) -> None:
        self._hosts = hosts
        self.dialled: list[str] = []

    async def dial(self, host: str, _port: int) -> Conversation:
        self.dialled.append(host)
        waiting = self._hosts.get(host, [])
        if waiting is None:
            await asyncio.Event().wait()
        begun = self.dialled.count(host) - 1
        if not waiting or begun >= len(waiting):
            raise NoAnswer(Failure.REFUSED)
        return waiting[begun]


def samba(name: str, delay: float = 0.0, account: Sequence[str] = ()) -> list[Replayed]:
    """The conversations of a recorded server, and one more for an account."""
    conversations = [Replayed(answers, delay) for answers in RECORDED[name]]
    return [*conversations, Replayed(account, delay)] if account else conversations


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time stands still while something runs, and jumps to the next timer when nothing does."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everything waits, and no timer would wake it")
        if not ready and timeout:
            self._clock.now += timeout
        return ready
