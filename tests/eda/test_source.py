"""The event source by its documented interface: `main(queue, args)`, cancelled in the end."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from checkout import COLLECTION, COLLECTIONS

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
    hosts = [{"name": "ws1", **spec}, {"name": "ws2", **spec}, {"name": "silent", "listening": False, **spec}]
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
    args = {"inventory": str(fleet.inventory_path), "bookmarks": str(bookmarks), "interval": 0.2, "ids": [31022]}

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
