# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An event source of Event-Driven Ansible: the SMB guest events of Windows hosts, as they happen."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

# ansible-rulebook runs this file by its path, so that the collection around it is not importable by itself.
sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.accounts import (
    Account,
    AccountRefused,
    Accounts,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.inventory_sessions import InventorySessions
from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.options import duration
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    HostError,
    RequestError,
    SmbGuestError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_feed import feed, harmless
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_records import Way
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.guest_events import read_bookmark
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.reactions import ReactionLimits, Reactions
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import EVENTS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import GUEST, Side
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.smb_configuration import get_configuration

DOCUMENTATION = r"""
---
short_description: The SMB guest events of Windows hosts, as they happen
description:
  - Follows the events of Windows hosts about guest logons by a pull subscription on each of them, which is kept open.
    No process is started on a host. Where a host refuses the subscription, C(wevtutil.exe) is run every O(interval)
    seconds.
  - >-
    An event looks like C({smb_guest: {host, id, name, time, server, client, user, ...}, meta: {hosts}}), with what
    M(winops.smb_guest.guest_events_info) lists in C(events). C(server) and C(client) are in lower case. Braces are
    replaced by parentheses, so that no text of a host can become a template of a playbook. C(meta.hosts) limits a
    playbook that is run for it to the host.
  - >-
    A host that cannot be read gives one event C({smb_guest: {host, problem}}), and is tried again after a pause that
    grows from O(interval) to ten times as long.
options:
  inventory:
    description: Inventory files or folders, as for C(ansible-playbook -i). It needs the connection variables.
    type: list
    elements: str
    required: true
  hosts:
    description: A pattern that selects hosts of the inventory.
    type: str
    default: all
  ids:
    description: Which events to follow.
    type: list
    elements: int
    default: [3023, 31017, 31022, 31997]
  bookmarks:
    description:
      - A file on the control node that keeps how far each host was read, so that a later run goes on from there and
        nothing is lost in between. It holds no secrets.
      - Without it every run begins anew.
    type: str
  since:
    description: How far back to begin on a host without a bookmark, such as V(1h). The default is to begin now.
    type: str
  interval:
    description: Seconds between two readings where the host does not wait for events by itself, and after an error.
    type: int
    default: 60
  way:
    description: V(auto), V(subscription) or V(wevtutil), see M(winops.smb_guest.guest_events_info).
    type: str
    default: auto
  approved_servers:
    description:
      - Servers, in lower case, to which guest logons (event 31022) are expected. With this option the source also asks
        for reactions, as events C({smb_guest: {close: [host, ...], reason, attempt}, meta: {hosts}}).
      - >-
        O(check_after) seconds after such an event the source reads the hosts back. A host that still allows insecure
        guest logons comes in a further event. After O(attempts) of them the source gives the host up, with an event
        C({smb_guest: {host, problem}}).
      - The bookmark of a host stays where it was until the host is closed or given up, so that an interrupted rulebook
        reacts again when it is started.
    type: list
    elements: str
  collect:
    description: Seconds between two events that ask for a reaction. Hosts that come meanwhile are in the next one.
    type: int
    default: 60
  check_after:
    description: Seconds after which the hosts of a reaction are read back.
    type: int
    default: 120
  attempts:
    description: How often the source asks for a reaction to one host.
    type: int
    default: 3
"""

EXAMPLES = r"""
- winops.smb_guest.guest_events:
    inventory: [inventory.yml]
    hosts: windows
    ids: [31022]
    bookmarks: /var/lib/smb_guest/bookmarks.json
    approved_servers: [nas01, nas02.example.com]
"""

LOGGER = logging.getLogger(__name__)
DEFAULT_IDS = (3023, 31017, 31022, 31997)
_LONGEST_PAUSE = 10


class Bookmarks:
    """How far each host was read, in a file that is replaced as a whole. Without a path nothing is kept.

    What is held back is known to this process and not in the file: a source that is started anew reads it again.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        self._held_back: dict[str, Any] = {}
        if self._path is not None and self._path.exists():
            try:
                known = json.loads(self._path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise RequestError(f"The bookmarks file {path} is no JSON: {error}. Repair or remove it.") from error
            if not isinstance(known, dict) or not all(isinstance(each, dict) for each in known.values()):
                raise RequestError(f"The bookmarks file {path} holds no bookmarks. Name another file, or remove it.")
            self._known = known

    def of(self, host: str) -> dict[str, Any]:
        with self._lock:
            return self._held_back.get(host) or self._known.get(host, {})

    def keep(self, host: str, bookmark: dict[str, Any], *, hold_back: bool = False) -> None:
        """Remember; write the file if anything is new and nothing forbids it."""
        with self._lock:
            if hold_back:
                self._held_back[host] = bookmark
            elif self._known.get(host) != bookmark:
                self._write(host, bookmark)

    def release(self, host: str) -> None:
        """Write what was held back of a host."""
        with self._lock:
            bookmark = self._held_back.pop(host, None)
            if bookmark is not None:
                self._write(host, bookmark)

    def _write(self, host: str, bookmark: dict[str, Any]) -> None:
        self._known[host] = bookmark
        if self._path is not None:
            waiting = self._path.with_name(f"{self._path.name}.new")
            waiting.write_text(json.dumps(self._known, indent=1), encoding="utf-8")
            waiting.replace(self._path)


class Follower:
    """Follows one host in a thread of its own until it is stopped."""

    def __init__(self, source: Source, host: str) -> None:
        self._source = source
        self._host = host
        self._pause = source.interval
        self._problem: str | None = None

    def run(self) -> None:
        source = self._source
        while not source.stop.is_set():
            try:
                with source.accounts.trying(source.account_of(self._host)) as worked:
                    self._follow(worked)
            except SmbGuestError as error:
                self._report(str(error))
                if not isinstance(error, HostError | AccountRefused):
                    return
            else:
                if not source.stop.is_set():
                    self._report("The host has none of the event channels.")
            source.stop.wait(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE * source.interval)

    def _follow(self, worked: Callable[[], None]) -> None:
        source = self._source
        session = source.sessions.open(self._host)
        positions = read_bookmark(source.bookmarks.of(self._host))
        batches = feed(session, source.ids, positions=positions, since=source.since, way=source.way)
        with closing(batches):
            for batch in batches:
                worked()
                for event in batch.events:
                    if not source.put(self._host, event):
                        return
                    source.saw(self._host, event)
                source.keep(self._host, batch.bookmark)
                if batch.way is not None:
                    self._pause, self._problem = source.interval, None
                if source.stop.is_set():
                    return
                # A subscription has waited for some seconds before it answers that nothing came.
                if not batch.events and batch.way is not None:
                    source.stop.wait(source.interval if batch.way is Way.WEVTUTIL else source.breath)

    def _report(self, problem: str) -> None:
        """Once for each problem, not once for each attempt."""
        LOGGER.warning("%s: %s", self._host, problem)
        if problem != self._problem:
            self._problem = problem
            self._source.put(self._host, {"problem": harmless(one_line(problem))})


class Source:
    """The arguments, checked, and what the threads share."""

    # Between two answers of a host that does not wait as it should.
    breath = 1.0

    def __init__(self, queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self.stop = threading.Event()
        inventory = args.get("inventory")
        if not inventory:
            raise RequestError("guest_events needs inventory: the files that name the hosts and their connections.")
        self.ids = [int(number) for number in args.get("ids", DEFAULT_IDS)]
        unknown = sorted(set(self.ids) - set(EVENTS))
        if unknown or not self.ids:
            raise RequestError(f"ids: {unknown or 'none'}; the events that can be followed are {sorted(EVENTS)}.")
        self.since = duration("since", str(args["since"])) if args.get("since") else timedelta(0)
        self.interval = float(args.get("interval", 60))
        if self.interval <= 0:
            raise RequestError(f"interval is {self.interval}: say a number of seconds above 0.")
        way = str(args.get("way", "auto"))
        if way != "auto" and way not in [each.value for each in Way]:
            raise RequestError(f"way is {way!r}, not auto, {' or '.join(Way)}.")
        self.way = None if way == "auto" else Way(way)
        self.accounts = Accounts()
        self._inventory_lock = threading.Lock()
        self._inventory_read = time.monotonic()
        self._reactions_lock = threading.Lock()
        self._reactions = _reactions_of(args)
        self.bookmarks = Bookmarks(args.get("bookmarks"))
        self.sessions = InventorySessions(
            [inventory] if isinstance(inventory, str) else [str(each) for each in inventory],
            str(args.get("hosts", "all")),
        )

    def put(self, host: str, event: dict[str, Any]) -> bool:
        """Hand an event on, from a thread; waits while the queue is full. False: it was stopped meanwhile."""
        return self._put({"smb_guest": {"host": host, **event}, "meta": {"hosts": host}})

    def account_of(self, host: str) -> Account:
        """The host's account. The inventory is read again for one that was refused, by one thread in an interval."""
        account = self.sessions.account(host)
        if self.accounts.is_refused(account):
            with self._inventory_lock:
                if time.monotonic() - self._inventory_read >= self.interval:
                    self.sessions.read_again()
                    self._inventory_read = time.monotonic()
            account = self.sessions.account(host)
        return account

    def saw(self, host: str, event: dict[str, Any]) -> None:
        if self._reactions is not None:
            with self._reactions_lock:
                self._reactions.saw(host, event["id"], event["server"], time.monotonic())

    def keep(self, host: str, bookmark: dict[str, Any]) -> None:
        """Keep how far a host was read, in the file only once nothing has to be done about it any more."""
        with self._reactions_lock:
            under_way = self._reactions is not None and self._reactions.is_under_way(host)
        self.bookmarks.keep(host, bookmark, hold_back=under_way)

    def react(self) -> None:
        """Ask for reactions and read hosts back until it is stopped. Runs in a thread of its own."""
        reactions = self._reactions
        while reactions is not None and not self.stop.wait(min(self.breath, reactions.limits.collect)):
            with self._reactions_lock:
                request = reactions.request(time.monotonic())
                to_check = reactions.to_check(time.monotonic())
            if request is not None:
                row = {"close": list(request.hosts), "reason": harmless(request.reason), "attempt": request.attempt}
                self._put({"smb_guest": row, "meta": {"hosts": ",".join(request.hosts)}})
            for host in to_check:
                self._check(reactions, host)

    def _check(self, reactions: Reactions, host: str) -> None:
        still_open = None
        try:
            if get_configuration(self.sessions.open(host), Side.CLIENT).values.get(GUEST.cim_property) is not False:
                still_open = "It still allows insecure guest logons."
        except SmbGuestError as error:
            still_open = f"It could not be read back: {one_line(str(error))}"
        with self._reactions_lock:
            given_up = reactions.checked(host, still_open, time.monotonic())
            under_way = reactions.is_under_way(host)
        if not under_way:
            self.bookmarks.release(host)
        if given_up is not None:
            LOGGER.error("%s: %s", host, given_up)
            self.put(host, {"problem": harmless(given_up)})

    def _put(self, document: dict[str, Any]) -> bool:
        waiting = asyncio.run_coroutine_threadsafe(self._queue.put(document), self._loop)
        while not self.stop.is_set():
            try:
                waiting.result(timeout=1)
            except TimeoutError:
                continue
            return True
        waiting.cancel()
        return False


def _reactions_of(args: dict[str, Any]) -> Reactions | None:
    """Raises RequestError for numbers that cannot be used."""
    approved = args.get("approved_servers")
    if approved is None:
        return None
    if not isinstance(approved, list):
        raise RequestError("approved_servers is not a list: say [nas01, nas02], or [] where no server is approved.")
    given = {name: args.get(name, getattr(ReactionLimits, name)) for name in ("collect", "check_after", "attempts")}
    try:
        limits = ReactionLimits(float(given["collect"]), float(given["check_after"]), int(given["attempts"]))
    except (TypeError, ValueError) as error:
        raise RequestError("collect and check_after are seconds, attempts is a number.") from error
    if min(limits.collect, limits.check_after) <= 0 or limits.attempts < 1:
        raise RequestError("collect and check_after must be above 0, and attempts at least 1.")
    return Reactions(frozenset(str(server).lower() for server in approved), limits)


def take_signals_back() -> None:
    """The Java machine of ansible-rulebook takes SIGINT and SIGTERM from Python and ends the process on the spot.

    With Python's own handlers in place again ansible-rulebook ends in order, and this source with it.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, handler)


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Follow every host until the source is cancelled."""
    source = Source(queue, args)
    take_signals_back()
    followers = [Follower(source, host) for host in source.sessions.names]
    jobs = [source.react, *(follower.run for follower in followers)]
    executor = ThreadPoolExecutor(max_workers=len(jobs), thread_name_prefix="guest_events")
    loop = asyncio.get_running_loop()
    running = [loop.run_in_executor(executor, job) for job in jobs]
    try:
        # Not gather, whose end would be that of the futures, while the threads go on.
        done, _waiting = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
        for each in done:
            each.result()
    finally:
        # Every thread gives its subscription up before it ends.
        source.stop.set()
        await asyncio.wait(running)
        executor.shutdown(wait=False)
