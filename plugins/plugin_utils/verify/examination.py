# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host under examination: what was seen of each fact, and what is still to be restored.

A step registers first how it is undone (`undo`), then writes. However it ends, everything is undone in reverse
order and read back. What could not be restored is `trouble`; after that nothing more is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..change.interruption import terminable, uninterrupted
from ..core.errors import HostError, HostUnreachable, SmbGuestError, UnexpectedState
from ..core.registry_value import Stored, as_text
from ..core.text import one_line
from ..tables.facts import FACTS, Fact
from ..windows.registry import Registry
from ..winrm.session import Session
from .recording import Recorder

_LIMIT = 600


@dataclass(frozen=True)
class Row:
    """What was seen of a fact.

    Attributes:
        subject: Of what, where there are several.
        as_expected: None if nothing was seen.
    """

    fact: Fact
    subject: str
    seen: str
    as_expected: bool | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "fact": self.fact.id,
            "subject": self.subject,
            "expected": self.fact.expected,
            "seen": self.seen,
            "as_expected": self.as_expected,
            "meaning": self.fact.meaning if self.as_expected is False else "",
            "source": self.fact.source,
            "consent": self.fact.consent.value if self.fact.consent else "",
        }

    def __str__(self) -> str:
        word = {True: "as expected", False: "OTHERWISE", None: "not seen"}[self.as_expected]
        line = f"{word}: {self.fact.id}{f' ({self.subject})' if self.subject else ''}: {self.seen}"
        return f"{line} Expected: {self.fact.expected}. {self.fact.meaning}" if self.as_expected is False else line


class Examination:
    """wait: waits so many seconds of the host's clock. interrupted: a step ended because the host did not answer."""

    def __init__(self, session: Session, recorder: Recorder, wait: Callable[[float], None]) -> None:
        self.session = session
        self.recorder = recorder
        self.registry = Registry(session)
        self.wait = wait
        self.rows: list[Row] = []
        self.trouble: list[str] = []
        self.interrupted = False
        self._undoings: list[tuple[str, Callable[[], None]]] = []
        self._made_keys: set[str] = set()

    def saw(self, fact: str, seen: str, as_expected: bool | None, subject: str = "") -> None:
        self.rows.append(Row(FACTS[fact], subject, one_line(seen, _LIMIT), as_expected))

    def not_seen(self, fact: str, why: str, subject: str = "") -> None:
        self.saw(fact, why, None, subject)

    @contextmanager
    def asking(self, fact: str, subject: str = "") -> Iterator[None]:
        """An error that the host makes is what was seen of the fact."""
        try:
            yield
        except HostUnreachable:
            raise
        except HostError as error:
            self.saw(fact, str(error), False, subject)

    # Restoring

    def undo(self, what: str, undoing: Callable[[], None]) -> None:
        self._undoings.append((what, undoing))

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Everything that the block announced is undone at its end, however it ends."""
        try:
            with terminable():
                yield
        except BaseException as error:
            with uninterrupted():
                self.session.reset()  # it may have been in the middle of an exchange
                self._restore()
            if self.trouble:
                remark = f"Not restored: {' '.join(self.trouble)}"
                if isinstance(error, SmbGuestError):
                    error.remark(remark)
                else:
                    error.add_note(remark)
            raise
        else:
            with uninterrupted():
                self._restore()

    def _restore(self) -> None:
        while self._undoings:
            self._undone(*self._undoings.pop())
        # Deepest first, since only a key without subkeys can be deleted.
        for key in sorted(self._made_keys, key=lambda each: -each.count("\\")):
            self._undone(f"HKLM\\{key}", partial(self.registry.delete_key, key))
        self._made_keys.clear()

    def _undone(self, what: str, undoing: Callable[[], None]) -> None:
        """A second attempt where the connection broke: it is made anew."""
        for last in (False, True):
            try:
                undoing()
            except HostError as error:
                if last or not isinstance(error, HostUnreachable):
                    self.trouble.append(f"{what}: {one_line(str(error), _LIMIT)}")
                    return
            else:
                return

    def keep_value(self, key: str, name: str) -> Stored:
        """Have a registry value restored and read back at the end. Returns what it is now."""
        found = self.registry.value(key, name)

        def write_back() -> None:
            if found is None:
                self.registry.delete_value(key, name)
            else:
                self.registry.set_value(key, name, found)
            if self.registry.value(key, name) != found:
                raise UnexpectedState(f"HKLM\\{key}\\{name} should hold {as_text(found)} again and does not.")

        self.undo(f"HKLM\\{key}\\{name}", write_back)
        return found

    def keep_keys(self, key: str, top: str) -> None:
        """Of `key` and its parents below `top`, those that are missing now are deleted."""
        while key != top:
            parent, _unused, name = key.rpartition("\\")
            # A key that is there has parents that are there.
            if name.lower() in {known.lower() for known in self.registry.subkeys(parent)}:
                return
            self._made_keys.add(key)
            key = parent
