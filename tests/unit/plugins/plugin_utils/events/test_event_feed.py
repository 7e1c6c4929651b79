# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The feed of a host's events: begins now or where it was, loses nothing, hands on no template."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from in_process import session as session_onto

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_feed import Batch, feed
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.guest_events import read_bookmark
from simulated_windows.in_process import InProcessHost

IDS = [3023, 31022, 31997]
QUIRKS = [{}, {"subscription": "refused"}]


def guest(host: InProcessHost, server: str, **fields: Any) -> None:
    host.advance(1)
    host.log.put(31022, {"ServerName": server, **fields})


def next_events(batches: Any) -> list[str]:
    """The servers of the next batch that has events; an empty one that was read ends the wait."""
    for batch in batches:
        if batch.events or batch.way is not None:
            return [event["server"] for event in batch.events]
    return []


@pytest.mark.parametrize("quirks", QUIRKS)
def test_it_begins_now_and_hands_out_what_comes(quirks: dict[str, str]) -> None:
    host = InProcessHost(quirks=quirks)
    guest(host, "\\OLD")
    with closing(feed(session_onto(host), IDS)) as batches:
        first: Batch = next(batches)
        assert (first.events, first.way) == ([], None)
        # Every channel has a position from the start.
        assert len(first.bookmark) == 5
        assert next_events(batches) == []
        guest(host, "\\NAS01")
        assert next_events(batches) == ["nas01"]
        assert len(host.host.subscriptions) == (0 if quirks else 1)
    assert len(host.host.subscriptions) == 0


def test_it_begins_as_far_back_as_it_is_asked() -> None:
    host = InProcessHost()
    for server in ("\\a", "\\b", "\\c"):
        guest(host, server)
    with closing(feed(session_onto(host), IDS, since=timedelta(seconds=1.5))) as batches:
        next(batches)
        assert next_events(batches) == ["b", "c"]


@pytest.mark.parametrize("quirks", QUIRKS)
@pytest.mark.parametrize("cleared", [False, True])
def test_nothing_is_lost_between_two_feeds(quirks: dict[str, str], cleared: bool) -> None:
    """Nor in a channel that had no event yet, nor if a log is made anew, however long it takes."""
    host = InProcessHost(quirks=quirks)
    with closing(feed(session_onto(host), IDS)) as batches:
        next(batches)
        guest(host, "\\first")
        bookmark = next(batch.bookmark for batch in batches if batch.events)
    if cleared:
        host.log.clear("Microsoft-Windows-SmbClient/Security")
    guest(host, "\\second")
    host.log.put(3023, {"ClientName": "PC"})
    host.advance(100_000)
    found = []
    with closing(feed(session_onto(host), IDS, positions=read_bookmark(bookmark))) as batches:
        for batch in batches:
            found += [(event["server"], event["client"]) for event in batch.events]
            if batch.way is not None and not batch.events:
                break
    assert sorted(found, key=str) == [("second", None), (None, "pc")]


def test_no_text_of_a_host_can_become_a_template() -> None:
    host = InProcessHost()
    with closing(feed(session_onto(host), IDS)) as batches:
        next(batches)
        guest(host, "{{ lookup('pipe', 'id') }}", **{"UserName": "{% x %}", "{{ name }}": "{# y #}"})
        (event,) = next(batch.events for batch in batches if batch.events)
    assert "{" not in str(list(event["fields"].items())) + event["server"] + event["user"]


def test_a_channel_that_cannot_be_read_is_an_error_after_what_could_be() -> None:
    host = InProcessHost(quirks={"subscription": "refused"})
    host.log.put(31022, {"ServerName": "nas01"}, time=host.clock + timedelta(seconds=5))
    read = []

    def drain() -> None:
        with closing(feed(session_onto(host), IDS)) as batches:
            for batch in batches:
                read.extend(batch.events)
                # Rights are taken away while it runs.
                host.user = next(user for user in host.host.spec.users if user.role == "user")

    with pytest.raises(HostError):
        drain()
    assert len(host.host.subscriptions) == 0


def test_a_host_without_the_channels_ends_the_feed() -> None:
    channels = [f"Microsoft-Windows-{name}" for name in ("SmbClient/Security", "SmbClient/Audit")]
    host = InProcessHost(quirks={"without_channels": channels})
    assert [batch.events for batch in feed(session_onto(host), [31022, 31997])] == [[]]
