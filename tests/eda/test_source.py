"""The event source by its documented interface: `main(queue, args)`, cancelled in the end."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from checkout import COLLECTION, COLLECTIONS

from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm import deadlines
from simulated_windows.client import Fleet

SOURCE = COLLECTIONS / COLLECTION / "extensions/eda/plugins/event_source/guest_events.py"
SECONDS = 60


@pytest.fixture(scope="module")
def source() -> Any:
    """The file as ansible-rulebook loads it: by its path."""
    spec = importlib.util.spec_from_file_location("guest_events", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    spec = {"preset": "windows_11_24h2_pro", "parameters": {"AllowInsecureGuestAuth": 1, "RequireSecuritySignature": 0}}
    names = ("ws1", "ws2", "stays-open", "gets-closed", "many-1", "many-2", "many-3", "moved")
    hosts = [{"name": name, **spec} for name in names] + [{"name": "silent", "listening": False, **spec}]
    with Fleet({"hosts": hosts}) as fleet:
        yield fleet


def follow(
    source: Any, args: dict[str, Any], enough: Callable[[list[Any]], bool], begin: Callable[[], None]
) -> list[Any]:
    """Run the source until `enough` of its events; `begin` is called in between, until something comes."""

    async def run() -> list[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        running = asyncio.create_task(source.main(queue, args))
        events: list[Any] = []
        try:
            async with asyncio.timeout(SECONDS):
                while not enough(events):
                    try:
                        events.append(await asyncio.wait_for(queue.get(), 0.5))
                    except TimeoutError:
                        assert not running.done(), running
                        begin()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return events

    return asyncio.run(run())


def test_events_of_many_hosts_arrive_while_one_is_not_there(source: Any, fleet: Fleet, tmp_path: Path) -> None:
    bookmarks = tmp_path / "bookmarks.json"
    args = {
        "inventory": str(fleet.inventory_path),
        "hosts": "ws1:ws2:silent",
        "bookmarks": str(bookmarks),
        "interval": 0.2,
        "ids": [31022],
    }

    def begin() -> None:
        followed = set(json.loads(bookmarks.read_text())) if bookmarks.exists() else set()
        for host in followed & {"ws1", "ws2"}:
            fleet.control.connect(host, name=f"NAS-of-{host}", guest=True)

    def enough(events: list[Any]) -> bool:
        return {event["smb_guest"].get("server") for event in events} >= {"nas-of-ws1", "nas-of-ws2", None}

    events = follow(source, args, enough, begin)
    for event in events:
        assert event["meta"]["hosts"] == event["smb_guest"]["host"]
    problems = [event["smb_guest"] for event in events if "problem" in event["smb_guest"]]
    # Said once, however often it is tried.
    assert [problem["host"] for problem in problems] == ["silent"]
    assert "ansible_port" in problems[0]["problem"]
    assert set(json.loads(bookmarks.read_text())) == {"ws1", "ws2"}
    assert [fleet.control.state(host)["event_subscriptions"] for host in ("ws1", "ws2")] == [0, 0]


def closes(events: list[Any]) -> list[tuple[list[str], int]]:
    rows = (event["smb_guest"] for event in events)
    return [(row["close"], row["attempt"]) for row in rows if "close" in row]


def reacting(fleet: Fleet, hosts: str, bookmarks: Path) -> dict[str, Any]:
    return {
        "inventory": str(fleet.inventory_path),
        "hosts": hosts,
        "bookmarks": str(bookmarks),
        "interval": 0.2,
        "ids": [31022],
        "approved_servers": ["NAS01"],
        "collect": 0.5,
        "check_after": 0.5,
        "attempts": 2,
    }


def connecting(fleet: Fleet, bookmarks: Path, *hosts: str) -> Callable[[], None]:
    """Connect each host once to a server that is approved and to one that is not, when it is followed."""
    waiting = set(hosts)

    def begin() -> None:
        followed = set(json.loads(bookmarks.read_text())) if bookmarks.exists() else set()
        if waiting and waiting <= followed:
            for host in sorted(waiting):
                fleet.control.connect(host, name="nas01", guest=True)
                fleet.control.connect(host, name="old-nas", guest=True)
            waiting.clear()

    return begin


def test_a_reaction_that_does_nothing_is_asked_for_again_and_then_reported(
    source: Any, fleet: Fleet, tmp_path: Path
) -> None:
    bookmarks = tmp_path / "bookmarks.json"
    positions: list[Any] = []

    def enough(events: list[Any]) -> bool:
        if bookmarks.exists() and closes(events):
            positions.append(json.loads(bookmarks.read_text())["stays-open"])
        return "problem" in events[-1]["smb_guest"] if events else False

    begin = connecting(fleet, bookmarks, "stays-open")
    events = follow(source, reacting(fleet, "stays-open", bookmarks), enough, begin)
    assert closes(events) == [(["stays-open"], 1), (["stays-open"], 2)]
    assert "2 reactions did not close this host" in events[-1]["smb_guest"]["problem"]
    # As long as the host was open the file did not move on: an interrupted rulebook would have reacted again.
    assert positions[0] == positions[1]
    assert json.loads(bookmarks.read_text())["stays-open"] != positions[0]


def test_a_host_that_is_closed_is_not_asked_for_again(source: Any, fleet: Fleet, tmp_path: Path) -> None:
    bookmarks = tmp_path / "bookmarks.json"
    before: list[Any] = []

    def enough(events: list[Any]) -> bool:
        if closes(events) and not before:
            before.append(json.loads(bookmarks.read_text())["gets-closed"])
            key = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
            fleet.control.set_registry("gets-closed", key, "AllowInsecureGuestAuth", 0)
        return bool(before) and json.loads(bookmarks.read_text())["gets-closed"] != before[0]

    begin = connecting(fleet, bookmarks, "gets-closed")
    events = follow(source, reacting(fleet, "gets-closed", bookmarks), enough, begin)
    assert closes(events) == [(["gets-closed"], 1)]
    assert not [event for event in events if "problem" in event["smb_guest"]]


def test_the_rulebook_has_no_throttle_and_runs_for_every_request() -> None:
    """A failed reaction must come again: the source paces it, and a throttle of the rulebook would lose it."""
    (ruleset,) = yaml.safe_load((SOURCE.parents[2] / "rulebooks/guest_events.yml").read_text())
    assert all("throttle" not in rule for rule in ruleset["rules"])
    assert ruleset["rules"][0]["condition"] == "event.smb_guest.close is defined"


def test_hosts_that_come_together_are_closed_together(source: Any, fleet: Fleet, tmp_path: Path) -> None:
    bookmarks = tmp_path / "bookmarks.json"
    hosts = [f"many-{number}" for number in (1, 2, 3)]

    def enough(events: list[Any]) -> bool:
        return {host for names, _attempt in closes(events) for host in names} == set(hosts)

    args = reacting(fleet, "many-*", bookmarks) | {"check_after": 60, "collect": 3}
    requests = closes(follow(source, args, enough, connecting(fleet, bookmarks, *hosts)))
    assert len(requests) <= 2
    assert sorted(host for names, _attempt in requests for host in names) == hosts


def test_a_host_is_followed_for_30_minutes_without_a_gap(
    source: Any, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every message takes 20 seconds of both clocks: longer than a task may take, and than a subscription lasts."""
    passed = [0.0]
    begin_message = deadlines.Deadlines.begin

    def begin_later(self: Any, *args: Any, **options: Any) -> None:
        passed[0] += 20
        fleet.control.advance_clock("ws1", 20)
        if passed[0] % 100 == 0:
            fleet.control.connect("ws1", name=f"nas-{passed[0]:.0f}", guest=True)
        begin_message(self, *args, **options)

    monkeypatch.setattr(deadlines, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0]))
    monkeypatch.setattr(deadlines.Deadlines, "begin", begin_later)
    monkeypatch.setattr(source.Source, "breath", 0.001)
    args = {"inventory": str(fleet.inventory_path), "hosts": "ws1", "interval": 30, "ids": [31022]}

    def enough(events: list[Any]) -> bool:
        return any(event["smb_guest"].get("server") == "nas-1800" for event in events)

    events = [event["smb_guest"] for event in follow(source, args, enough, lambda: None)]
    assert [event for event in events if "problem" in event] == []
    seen = [event["server"] for event in events]
    assert seen[seen.index("nas-600") :] == [f"nas-{at}" for at in range(600, 1900, 100)]


def test_rejected_credentials_are_not_tried_again_until_the_inventory_changes(
    source: Any, fleet: Fleet, tmp_path: Path
) -> None:
    inventory = tmp_path / "inventory.json"
    right = yaml.safe_load(fleet.inventory_path.read_text())
    wrong = yaml.safe_load(fleet.inventory_path.read_text())
    wrong["all"]["children"]["windows"]["hosts"]["moved"]["ansible_password"] = "not-the-password"
    inventory.write_text(json.dumps(wrong))
    bookmarks = tmp_path / "bookmarks.json"
    args = {"inventory": str(inventory), "hosts": "moved", "bookmarks": str(bookmarks), "interval": 0.2, "ids": [31022]}
    quiet: list[int] = []

    def begin() -> None:
        quiet.append(fleet.control.counters("moved")["requests"])
        if len(quiet) == 6:
            inventory.write_text(json.dumps(right))

    def enough(_events: list[Any]) -> bool:
        return bookmarks.exists()

    events = follow(source, args, enough, begin)
    problems = [event["smb_guest"]["problem"] for event in events]
    assert any("rejected the credentials" in problem for problem in problems)
    assert any("not tried again" in problem for problem in problems)
    assert quiet[1:6] == [quiet[1]] * 5


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "needs inventory"),
        ({"ids": [4624]}, "can be followed"),
        ({"ids": []}, "can be followed"),
        ({"since": "yesterday"}, "not a time such as"),
        ({"interval": 0}, "above 0"),
        ({"way": "mail"}, "auto"),
        ({"hosts": "nowhere"}, "matches"),
        ({"approved_servers": "nas01"}, "not a list"),
        ({"approved_servers": [], "collect": 0}, "above 0"),
        ({"approved_servers": [], "check_after": "soon"}, "are seconds"),
        ({"approved_servers": [], "attempts": 0}, "at least 1"),
    ],
)
def test_bad_arguments_say_what_is_wrong(source: Any, fleet: Fleet, args: dict[str, Any], words: str) -> None:
    inventory = {} if words == "needs inventory" else {"inventory": [str(fleet.inventory_path)]}
    with pytest.raises(Exception, match=words):
        asyncio.run(source.main(asyncio.Queue(), {**inventory, **args}))


@pytest.mark.parametrize("text", ["{", "[]", '{"ws1": 5}'])
def test_a_damaged_file_of_bookmarks_is_an_error(source: Any, fleet: Fleet, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bookmarks.json"
    path.write_text(text)
    with pytest.raises(Exception, match="bookmarks file"):
        asyncio.run(source.main(asyncio.Queue(), {"inventory": str(fleet.inventory_path), "bookmarks": str(path)}))
