# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the report does not know although a host was read, so that "nothing found" never stands for "not seen". Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .exceptions import moment
from .host_posture import HostPosture, HostStatus


def blind_spot_rows(hosts: Iterable[HostPosture]) -> list[dict[str, Any]]:
    """`{part, kind, text, hosts}`: each blind spot with the hosts that have it, the most frequent first."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for host in hosts:
        if host.status is HostStatus.READ:
            for spot in dict.fromkeys((*_of_parts(host), *_of_channels(host), *_of_reading(host))):
                found.setdefault(spot, []).append(host.name)
    rows = [
        {"part": part, "kind": kind, "text": text, "hosts": sorted(names)}
        for (part, kind, text), names in found.items()
    ]
    return sorted(rows, key=lambda row: (-len(row["hosts"]), row["part"], row["kind"], row["text"]))


Spot = tuple[str, str, str]


def _of_parts(host: HostPosture) -> Iterator[Spot]:
    for row in host.problems:
        yield row["part"] or "", "not_read", row["message"] or "no reason given"
    if not host.settings and not any(row["part"] == "settings" for row in host.problems):
        yield "settings", "not_read", "The settings were not asked for."


def _of_channels(host: HostPosture) -> Iterator[Spot]:
    for row in host.events["channels"]:
        name = row["name"] or ""
        if row["available"] is False and row["reason"] in (None, "", "this Windows does not have it"):
            yield "events", "no_channel", f"{name}: this Windows does not have the channel."
        elif row["available"] is False or row["reason"]:
            yield "events", "channel_not_read", f"{name} could not be read: {row['reason'] or 'no reason given'}"
        if row["enabled"] is False:
            yield "events", "channel_disabled", f"{name} is disabled: the host writes no events to it."
        if row["log_is_empty"]:
            yield "events", "log_empty", f"{name} holds no record: it was cleared, or nothing was written to it yet."
        elif _is_later(row["log_begins"], host.events["asked_since"]):
            yield "events", "log_younger", f"{name} begins later than the events that were asked for."


def _is_later(text: str | None, than: str | None) -> bool:
    time, limit = moment(text), moment(than)
    return time is not None and limit is not None and time > limit


def _of_reading(host: HostPosture) -> Iterator[Spot]:
    read, since, asked = host.events["read"], host.events["since"], host.events["asked_since"]
    if read["capped"]:
        yield "events", "capped", f"The cap was reached ({', '.join(read['capped'])}): the newest events are missing."
    if since and _is_later(since, asked):
        yield "events", "since_later", f"More events than the cap allows: those before {since[:10]} were not read."
    if read["unreadable"]:
        yield "events", "unreadable", "Some events were no XML and were left out."
    if read["omitted"]:
        yield "events", "peers_omitted", "More servers or clients than there are rows for: the lightest were left out."
    if read["undecodable"]:
        yield "events", "undecodable", "Names lost characters on the host (they hold ? or U+FFFD)."
    if any(row["users_omitted"] for row in host.servers):
        yield "events", "users_omitted", "More users than are kept for one server: the rest was left out."
