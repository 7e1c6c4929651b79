"""A simulated host inside the test's own process: bytes of a request in, bytes of the answer out.

For unit and property tests that put a peer onto a real simulated host instead of a fake: no socket, no authentication,
a clock that stands still unless the test moves it, tasks that run when the test says so, and everything that the host
holds at hand. Faults of ``fault_injection.py`` work as on the wire, and an exception of the test's own can strike at
any request, before or after the host acted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .counters import Ledger
from .event_log import EventLog
from .exchange import HUGE_HEAD, Messages, Outcome
from .fault_injection import FaultPlan, InjectedFault
from .host import SimulatedHost
from .host_spec import User, parse_host
from .peer import Peer
from .registry import Registry
from .scheduled_tasks import PowerCut
from .smb_configuration import SmbConfiguration

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_STATE_PARTS = ("registry", "smb_client", "smb_server", "tasks", "channels", "services")


class ConnectionCut(ConnectionError):
    """The connection broke. ``acted``: the host had carried the request out."""

    def __init__(self, acted: bool) -> None:
        super().__init__("the simulated host cut the connection")
        self.acted = acted


class NoAnswer(TimeoutError):
    """The host keeps silent for good; on a wire the peer's own deadline would end the wait."""


class BareAnswer(Exception):
    """The answer is an HTTP ``status`` without a SOAP body."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


@dataclass
class _Interruption:
    at: int
    error: BaseException
    acted: bool


class InProcessHost:
    """One host. ``spec`` holds members of the fleet file: ``policy``, ``parameters``, ``quirks`` and so on.

    ``registry``, ``client.running`` and ``server.running`` (what the drivers run with), ``tasks`` and ``clock`` are the
    host's own and may be read and written; a write to the registry reaches the drivers as the quirks say.
    """

    def __init__(self, preset: str = "windows_11_24h2_pro", *, now: datetime = START, **spec: Any) -> None:
        (parsed,) = parse_host({"name": "in-process", **spec, "preset": preset})
        self.host = SimulatedHost(parsed, clock=lambda: now)
        self.host.tasks_run_by_themselves = False
        self.user: User = next((user for user in parsed.users if user.role == "administrator"), parsed.users[0])
        self._ledger = Ledger()
        self.faults = FaultPlan()
        self._messages = Messages(self.host, self._ledger, self.faults)
        self._interruptions: list[_Interruption] = []

    # The conversation

    def answer(self, message: bytes) -> bytes:
        """The host's answer to one request, a SOAP fault included (``messages[-1]["status"]`` is its HTTP status).

        Raises ConnectionCut, ConnectionRefusedError, NoAnswer or BareAnswer where an injected fault leaves no whole
        answer, and whatever ``interrupt`` was given. Injected delays take no time.
        """
        index = self._ledger.next_index()
        if self.faults.refuses_connection(index) or not self.host.is_on:
            raise ConnectionRefusedError("the simulated host refuses the connection")
        exchange = self._messages.begin(message, self.user)
        interruption = next((item for item in self._interruptions if item.at == index), None)
        if interruption is not None and not interruption.acted:
            raise interruption.error
        outcome = exchange.finish()
        if interruption is not None:
            raise interruption.error
        return self._received(outcome)

    def _received(self, outcome: Outcome) -> bytes:
        if outcome.kind in ("reset", "cut"):
            raise ConnectionCut(acted=outcome.kind == "cut" or self.messages[-1]["fault"] == "reset_after")
        if outcome.kind == "hang":
            raise NoAnswer("the simulated host does not answer")
        if outcome.kind in ("unauthorized", "bare"):
            raise BareAnswer(outcome.status)
        if outcome.kind == "huge":
            return HUGE_HEAD + b"a" * (outcome.size - len(HUGE_HEAD))
        return outcome.body

    def peer(self) -> Peer:
        """A WS-Management peer that knows nothing of the collection, onto this host."""

        def send(message: bytes) -> tuple[int, bytes]:
            body = self.answer(message)
            return self.messages[-1]["status"], body

        return Peer(None, send=send)

    def inject(self, kind: str, **options: Any) -> None:
        """Let a message go wrong: a fault of ``fault_injection.py``, e.g. ``inject("reset_after", at=[7])``."""
        self.faults.add(InjectedFault.from_json({"kind": kind, **options}))

    def interrupt(self, at: int, error: BaseException, *, acted: bool) -> None:
        """Raise ``error`` out of request ``at`` (from 1), before or after the host acted on it."""
        self._interruptions.append(_Interruption(at, error, acted))

    def clear_faults(self) -> None:
        self.faults.clear()
        self._interruptions.clear()

    @property
    def requests(self) -> int:
        """How many messages came since ``reset_counters``."""
        return self._ledger.counters.requests_after_auth

    @property
    def messages(self) -> list[dict[str, Any]]:
        """A row per message: index, action, resource, method, status, bytes, fault."""
        return self._ledger.messages

    def reset_counters(self) -> None:
        self._ledger.reset()

    # What the host holds

    @property
    def registry(self) -> Registry:
        return self.host.registry

    @property
    def client(self) -> SmbConfiguration:
        return self.host.client

    @property
    def server(self) -> SmbConfiguration:
        return self.host.server

    @property
    def log(self) -> EventLog:
        return self.host.log

    @property
    def tasks(self) -> list[str]:
        """Full paths of the registered tasks."""
        return [task.full_path for task in self.host.scheduler.tasks.values()]

    @property
    def clock(self) -> datetime:
        return self.host.now()

    @clock.setter
    def clock(self, moment: datetime) -> None:
        self.host.set_clock(moment)

    def advance(self, seconds: float) -> None:
        """Move the clock, back if negative. Tasks that become due wait for ``run_due_tasks``."""
        self.clock += timedelta(seconds=seconds)

    def run_due_tasks(self, order: Callable[[list[str]], Sequence[str]] | None = None) -> list[str]:
        """Run the tasks whose time has come, oldest first or in the ``order`` given; returns their paths."""
        if not self.host.services.is_running("Schedule"):
            return []
        due = self.host.scheduler.due()
        chosen = list(due if order is None else order(due))
        ran: list[str] = []
        with contextlib.suppress(PowerCut):
            for path in chosen:
                ran.append(path)
                self.host.scheduler.run_due(only=path)
        return ran

    def cut_power_after(self, processes: int) -> None:
        """The host goes dark when a task would start one process more, and refuses connections until ``boot``."""
        self.host.cut_power_after(processes)

    def boot(self, off: float = 0.0) -> None:
        """Turn the host off for ``off`` seconds and on again: drivers read their keys, boot triggers fire.

        Starts that were missed wait for ``run_due_tasks``, as others do.
        """
        self.advance(off)
        with contextlib.suppress(PowerCut):
            self.host.boot()

    def set_service(self, name: str, state: str) -> None:
        """Put a service (LanmanWorkstation, LanmanServer, Schedule) into state running, stopped or disabled."""
        self.host.set_service(name, state)

    def set_quirks(self, **quirks: Any) -> None:
        """Switch quirks of quirks.py from now on."""
        self.host.set_quirks(**quirks)

    def refresh_policy(self, **settings: Any) -> None:
        """Group Policy writes ``policy``, ``server_policy``, ... (None deletes), or those that the host began with."""
        self.host.refresh_policy(settings)

    def edit(self, key: str, name: str, value: Any, type_: str = "REG_DWORD", *, apply: bool = True) -> None:
        """Somebody else writes one value (None deletes); ``apply`` False leaves the running drivers behind."""
        if value is None:
            self.host.edit_registry({"delete": [[key, name]], "apply": apply})
        else:
            self.host.edit_registry({"set": {key: {name: {"type": type_, "value": value}}}, "apply": apply})

    def snapshot(self) -> dict[str, Any]:
        """Everything that a change could touch, typed, for ``differences``; equal means that nothing changed."""
        return self.host.state()

    def save(self) -> Mapping[str, Any]:
        """The whole host, for ``load``: a thousand sequences need not install a thousand hosts."""
        return self.host.save()

    def load(self, saved: Mapping[str, Any]) -> None:
        """Restore the host; faults, counters, shells and enumerations go as well."""
        self.host.load(saved)
        self.clear_faults()
        self.reset_counters()
        self._messages.restart_service()


def _flat(value: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    if isinstance(value, Mapping) and value and set(value) != {"type", "value"}:
        return {inner: leaf for name, item in value.items() for inner, leaf in _flat(item, (*path, str(name))).items()}
    return {path: value}


def differences(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    ignoring: Iterable[str] = (),
    parts: Iterable[str] = _STATE_PARTS,
) -> list[str]:
    """What differs between two snapshots, a line each; empty keys and types count.

    ``ignoring`` names registry keys that do not count, with everything below them. ``parts`` are members of a snapshot;
    events are left out unless they are named, for they tell what happened and not what is.
    """
    skipped = tuple(key.lower() for key in ignoring)
    lines: list[str] = []
    for part in parts:
        old, new = (_flat(state[part], (part,)) for state in (before, after))
        for path in sorted(old.keys() | new.keys()):
            key = path[1].lower() if part == "registry" and len(path) > 1 else ""
            if key and any(key == item or key.startswith(f"{item}\\") for item in skipped):
                continue
            if path not in old or path not in new or old[path] != new[path]:
                shown = [repr(state[path]) if path in state else "absent" for state in (old, new)]
                lines.append(f"{' / '.join(path)}: {shown[0]} -> {shown[1]}")
    return lines
