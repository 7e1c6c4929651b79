# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine on a simulated host of this process: what tests of changes ask for, in few words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from in_process import InProcessWire, session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import process
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Host, JournalSnapshot
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import locked
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import DesiredSetting, Rules
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.recovery import Recovery, read_and_recover
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.request import ChangeTerms, Request
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Reverted, Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import Entry
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Scope
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import WsmanOperation
from simulated_windows.in_process import InProcessHost, differences

GUEST, SIGNING, ENCRYPTION = "insecure_guest_logons", "client_signing", "client_encryption"
AUDIT = "audit_insecure_guest_logons"
LOCAL, POLICY = Scope.LOCAL, Scope.POLICY
BOTH = (LOCAL, POLICY)
OPEN = {GUEST: "allowed", SIGNING: "not_required"}
CLOSE = {GUEST: "blocked", SIGNING: "required"}
OURS = r"HKLM\SOFTWARE\winops"
HOUR = timedelta(hours=1)

GUEST_LOCAL, GUEST_POLICY = Cell.named(GUEST, "local"), Cell.named(GUEST, "policy")
SIGNING_LOCAL = Cell.named(SIGNING, "local")
ENCRYPTION_LOCAL, ENCRYPTION_POLICY = Cell.named(ENCRYPTION, "local"), Cell.named(ENCRYPTION, "policy")


class Died(BaseException):
    """The controller's process is gone."""


class Mistaken(Session):
    """A session with a mistake of ours in it: request `at` ends in a KeyError, before or after the host acted."""

    def __init__(self, host: InProcessHost, at: int, *, acted: bool) -> None:
        super().__init__(InProcessWire(host))
        self._at, self._acted, self._count = at, acted, 0

    def _exchange(self, operation: WsmanOperation[Any]) -> Any:
        self._count += 1
        if self._count == self._at and not self._acted:
            raise KeyError("a mistake")
        result = super()._exchange(operation)
        if self._count == self._at:
            raise KeyError("a mistake")
        return result


def engine(host: InProcessHost) -> Host:
    return Host(session(host))


def desired_settings(words: Mapping[str, str]) -> list[DesiredSetting]:
    return [DesiredSetting(SETTINGS[name], SETTINGS[name].words.value(word)) for name, word in words.items()]


def change(
    host: InProcessHost,
    words: Mapping[str, str],
    scopes: Iterable[Scope] = (LOCAL,),
    *,
    check: bool = False,
    name: str | None = None,
    hours: float | None = None,
    reason: str = "",
    keep: int = 50,
    rules: Mapping[str, Any] | None = None,
    via: Session | None = None,
    **request: Any,
) -> Outcome:
    """One task of client_config."""
    terms = ChangeTerms(name, reason, timedelta(hours=hours) if hours else None, keep)
    asked = Request(desired_settings(words), Rules(tuple(scopes), **(rules or {})), terms, **request)
    return configure(Host(via) if via else engine(host), asked, check_mode=check)


def undo(host: InProcessHost, name: str | None = None, *, check: bool = False, force: bool = False) -> Reverted:
    """One task of revert_change: a change, or all of them."""
    return revert(engine(host), Selection(name, every=name is None), force=force, check_mode=check)


def tidy(host: InProcessHost) -> Recovery:
    """What the next journaled run does first."""
    engine_of = engine(host)
    with locked(engine_of) as now:
        return read_and_recover(engine_of, now)[1]


def snapshot(host: InProcessHost) -> JournalSnapshot:
    return engine(host).journal.read()


def entry(host: InProcessHost, name: str) -> Entry:
    found = snapshot(host).stack.get(name)
    assert found is not None, f"{name} is not in the journal"
    return found


def status(host: InProcessHost, name: str) -> str | None:
    found = snapshot(host).stack.get(name)
    return found.status.value if found else None


def held(host: InProcessHost, cell: Cell) -> Any:
    """Type and data, None where absent."""
    value = host.registry.get(f"HKLM\\{cell.key}", cell.name)
    return None if value is None else (value.type, value.data)


def runs(host: InProcessHost, cell: Cell) -> Any:
    side = host.client if cell.setting.side.value == "client" else host.server
    return side.running[cell.setting.cim_property]


def moved(before: Mapping[str, Any], host: InProcessHost) -> list[str]:
    """What of the host is not as before, the journal apart."""
    return differences(before, host.snapshot(), ignoring=[OURS])


def put(host: InProcessHost, cell: Cell, value: Any, type_: str = "REG_DWORD", *, apply: bool = True) -> None:
    """Somebody else writes a cell; None deletes it."""
    host.edit(f"HKLM\\{cell.key}", cell.name, value, type_, apply=apply)


@contextmanager
def meanwhile(host: InProcessHost, at: int, act: Callable[[], object]) -> Iterator[None]:
    """Before request `at` of the block, from 1, something happens at the host; its own requests do not count."""
    plain, count = host.answer, 0

    def answer(message: bytes) -> bytes:
        nonlocal count
        count += 1
        if count == at:
            host.answer = plain  # type: ignore[method-assign]
            act()
        return plain(message)

    host.answer = answer  # type: ignore[method-assign]
    try:
        yield
    finally:
        host.answer = plain  # type: ignore[method-assign]
    assert count >= at, "the block came to its end before that"


@contextmanager
def process_gone(host: InProcessHost, at: int) -> Iterator[None]:
    """From request `at` on nothing reaches the host: the process that sends them has died."""
    host.reset_counters()
    for index in range(at, at + 400):
        host.interrupt(index, Died(), acted=False)
    with pytest.MonkeyPatch.context() as patch:
        # What it left is that of another process, which is no more.
        patch.setattr(process.os, "getpid", lambda: 4_000_000)
        try:
            yield
        finally:
            host.clear_faults()
