"""Damaged event XML as wevtutil prints it: each event is a record or none, and hides no other."""

from __future__ import annotations

import random

from damage import CHUNK, damaged

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_xml import (
    MAX_FIELD_LENGTH,
    EventRecord,
    read_events,
)
from simulated_windows.event_rendering import render
from simulated_windows.in_process import InProcessHost


def rendered() -> list[str]:
    host = InProcessHost()
    for number in range(4):
        host.log.write(31017, UserName="guest", ServerName=f"nas{number}")
    return [render(event, "WS01") for event in host.log.events[-4:]]


def wrong_with(record: EventRecord) -> str | None:
    texts = [
        record.provider,
        record.channel,
        record.computer,
        record.user or "",
        *record.fields,
        *record.fields.values(),
    ]
    wrong = next((text for text in texts if one_line(text) != text or len(text) > MAX_FIELD_LENGTH), None)
    return None if wrong is None else f"{wrong[:80]!r} is not fit to be shown"


def test_damaged_events(chunk: int, seed: int) -> None:
    events = rendered()
    records = [record for record in read_events("".join(events)) if record is not None]
    assert len(records) == len(events)
    damages = nothing = 0
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        chance = random.Random(seed * 1_000_003 + number)
        broken = damaged(chance, events[0].encode()).decode("utf-8", "replace")
        found = list(read_events(events[1] + broken + events[2]))
        where = f"seed {seed}, number {number}"
        assert found[0] == records[1], where
        for record in found:
            assert record is None or wrong_with(record) is None, where
        damages += records[0] not in found
        nothing += None in found
    assert damages > CHUNK / 10
    assert nothing > CHUNK / 100
